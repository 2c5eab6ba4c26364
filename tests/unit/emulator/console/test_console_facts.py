"""What the console tells of the emulator itself: every limit and every assumption has a row that tells why."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from emulator.console.facts import ROWS
from emulator.gateway.rules.assumptions import Assumptions
from emulator.gateway.rules.limits import Limits

FIDELITY = Path(__file__).parents[4] / "docs" / "fidelity.md"


def test_every_limit_and_assumption_leads_to_a_row() -> None:
    named = {each.name for kind in (Limits, Assumptions) for each in dataclasses.fields(kind)}
    rows = set(re.findall(r"^\| ([A-Z]\d*) \|", FIDELITY.read_text(encoding="utf-8"), re.MULTILINE))

    assert set(ROWS) == named
    assert set(ROWS.values()) <= rows
