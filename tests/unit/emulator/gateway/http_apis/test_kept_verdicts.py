"""What authorizers said: how long it counts, and which of it is forgotten first."""

from __future__ import annotations

import pytest

from emulator.gateway.http_apis import kept_verdicts
from emulator.gateway.http_apis.kept_verdicts import KeptVerdicts
from emulator.gateway.rules.effects import Replied


def test_what_was_asked_anew_is_no_longer_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_verdicts, "KEPT_VERDICTS", 2)
    kept, said = KeptVerdicts(), Replied(b"{}")
    for key, until in (("a", 10.0), ("b", 20.0), ("a", 30.0), ("c", 40.0)):
        kept.keep((key,), said, until)

    assert [kept.get((key,), 15.0) for key in ("a", "b", "c")] == [said, None, said]
    assert kept.get(("a",), 30.0) is None
