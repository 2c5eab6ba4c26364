"""Which executions are remembered."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from emulator.services.machines import service
from emulator.services.machines.service import Execution, Machine, gone

MACHINE: Final = Machine(arn="m", name="m", text="{}", definition={}, role="r", kind="STANDARD", made=0.0)


def execution(arn: str, stopped: float | None, characters: int) -> Execution:
    ended = asyncio.get_running_loop().create_future()
    made = Execution(arn=arn, name=arn, machine=MACHINE, given="{}", started=0.0, ended=ended, stopped=stopped)
    made.record("PassStateEntered", {"stateEnteredEventDetails": {"name": "", "input": "x" * characters}})
    return made


@pytest.mark.parametrize(
    ("told", "forgotten"),
    [
        pytest.param({"a": (1, 10), "b": (2, 10)}, [], id="all are remembered"),
        pytest.param({"a": (1, 0), "b": (2, 0), "c": (3, 0), "d": (4, 0)}, ["a"], id="too many: which ended first"),
        pytest.param({"a": (4, 0), "b": (2, 0), "c": (3, 0), "d": (1, 0)}, ["d"], id="not which began first"),
        pytest.param({"a": (None, 0), "b": (None, 0), "c": (None, 0), "d": (3, 0)}, [], id="none that runs"),
        pytest.param({"a": (1, 60), "b": (2, 60)}, ["a"], id="too much is told of them"),
        pytest.param({"a": (1, 500), "b": (2, 500)}, ["a"], id="not the last one, however much it tells"),
    ],
)
async def test_those_that_ended_first_are_forgotten_for_room(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, tuple[float | None, int]], forgotten: list[str]
) -> None:
    monkeypatch.setattr(service, "KEPT", 4)
    monkeypatch.setattr(service, "KEPT_CHARACTERS", 100)

    assert gone({arn: execution(arn, *of) for arn, of in told.items()}) == forgotten
