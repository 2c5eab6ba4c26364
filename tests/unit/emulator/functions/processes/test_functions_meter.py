"""What is seen of processes, with ``/proc``, with psutil, and with neither."""

from __future__ import annotations

import os
import sys

import pytest

from emulator.functions.processes.meter import AskedSystem, Meter, ProcessFiles, Unknown, meter

NOBODY = 2**22 + 1
"""No process has an id above the kernel's limit."""


def seeing() -> list[Meter]:
    import psutil

    return [AskedSystem(psutil), *([ProcessFiles()] if sys.platform == "linux" else [])]


@pytest.mark.parametrize("each", seeing(), ids=lambda each: type(each).__name__)
def test_a_process_has_memory_and_used_cpu_time(each: Meter) -> None:
    sum(range(300_000))

    assert each.memory_mb(os.getpid()) > 10
    assert each.demand_seconds(os.getpid()) > 0
    assert each.own_demand_seconds() > 0


@pytest.mark.parametrize("each", seeing(), ids=lambda each: type(each).__name__)
def test_a_process_that_has_ended_uses_nothing(each: Meter) -> None:
    assert (each.memory_mb(NOBODY), each.demand_seconds(NOBODY), each.has_one_thread(NOBODY)) == (0, 0.0, False)


def test_where_nothing_can_be_seen_an_environment_is_taken_to_compute() -> None:
    unknown = Unknown()
    before = unknown.demand_seconds(NOBODY)

    assert unknown.demand_seconds(NOBODY) > before
    assert (unknown.memory_mb(NOBODY), unknown.has_one_thread(NOBODY)) == (0, False)


def test_without_process_files_the_system_is_asked() -> None:
    assert isinstance(meter(process_files=False), AskedSystem)
