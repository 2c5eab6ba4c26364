"""Connections that are cut at random steps while the emulator restarts: every queued request has one final message."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from chromium import needs_browser
from cut_harness import Where, in_chromium, in_node, run

CLIENTS = 12


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(
            in_node,
            marks=[pytest.mark.needs_node, pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")],
            id="Node.js",
        ),
        pytest.param(in_chromium, marks=[pytest.mark.needs_browser, needs_browser], id="Chromium"),
    ],
)
async def test_every_request_has_exactly_one_final_message(where: Where, tmp_path: Path) -> None:
    outcome = await run(CLIENTS, 0, tmp_path, where=where)

    assert [each["error"] for each in outcome.told if each["error"]] == []
    assert {each["id"]: [kind for kind, _ in each["finals"]] for each in outcome.told} == {
        f"cut-{number}": ["complete"] for number in range(CLIENTS)
    }
    assert all(each["back"] == 0 for each in outcome.told)
    assert outcome.runs == {f"cut-{number}": 1 for number in range(CLIENTS)}
    assert outcome.cuts > 0
    # No storm: the attempts are those that the cuts make necessary, and few more.
    assert sum(outcome.attempts.values()) <= CLIENTS + 4 * outcome.cuts
