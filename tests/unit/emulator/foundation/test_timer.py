"""Timers of a process that may stand still."""

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest

from emulator.foundation.timer import STOOD_STILL_SECONDS, Timer


class Loop:
    """A loop whose time passes when told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.armed: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        self.armed.append((seconds, call))
        return asyncio.TimerHandle(self.now + seconds, call, (), asyncio.get_running_loop())

    def goes_on(self, *, late: float) -> None:
        seconds, call = self.armed.pop()
        self.now += seconds + late
        call()


@pytest.mark.parametrize(
    ("late", "again"),
    [(0.0, []), (STOOD_STILL_SECONDS / 2, []), (2.0, [2.0]), (3600.0, [3.0])],
    ids=["in time", "a little late", "after it stood still", "after it stood still for long"],
)
async def test_the_time_in_which_the_process_stood_still_is_given_again(late: float, again: list[float]) -> None:
    loop, calls = Loop(), []
    timer = Timer(3.0, lambda: calls.append(loop.now), loop=loop)

    loop.goes_on(late=late)
    assert [seconds for seconds, _ in loop.armed] == again
    assert bool(calls) is not bool(again)
    for _ in again:
        loop.goes_on(late=0.0)
    assert len(calls) == 1
    timer.cancel()


async def test_a_timer_that_is_cancelled_keeps_nobody() -> None:
    class Waiting:
        timer: Timer

        def late(self) -> None:
            """What would be called."""

    waiting = Waiting()
    waiting.timer = Timer(3.0, waiting.late)
    kept = weakref.ref(waiting)
    gc.disable()  # which would find it, at some time
    try:
        waiting.timer.cancel()
        del waiting
        assert kept() is None
    finally:
        gc.enable()


async def test_a_timer_that_is_cancelled_never_calls() -> None:
    called = asyncio.Event()
    Timer(0.0, called.set).cancel()
    last = asyncio.Event()
    Timer(0.001, last.set)

    await last.wait()
    assert not called.is_set()
