"""A timer that gives back the time in which this process stood still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

STOOD_STILL_SECONDS: Final = 1.0
"""A timer that comes so late tells of a process that was stopped meanwhile: by Ctrl-Z, or with its container."""


class Clock(Protocol):
    """What an event loop has for timers."""

    def time(self) -> float:
        """Seconds of a clock that nobody sets."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None], /) -> asyncio.TimerHandle:
        """Call it once so many seconds have passed."""
        ...


def _nobody() -> None:
    """Whom a cancelled timer calls."""


class Timer:
    """Calls back once its time has passed, unless it is cancelled; made and used on the event loop.

    Whoever it watches may have been stopped, too, or have answered what could not be read meanwhile, so the time in
    which this process stood still is given once more: at most as long as there was in all.
    """

    __slots__ = ("_call", "_handle", "_loop", "_seconds")  # two are made for each message

    def __init__(self, seconds: float, call: Callable[[], object], loop: Clock | None = None) -> None:
        """``loop`` is what it goes by; None: the running event loop."""
        self._loop: Clock = loop or asyncio.get_running_loop()
        self._seconds = seconds
        self._call = call
        self._handle = self._loop.call_later(seconds, self._due)

    def cancel(self) -> None:
        """Never call back, and forget whom: who has a timer would be kept, with an event, until the collector comes."""
        self._handle.cancel()
        self._call = _nobody

    def _due(self) -> None:
        late_seconds = self._loop.time() - self._handle.when()
        if late_seconds >= STOOD_STILL_SECONDS:
            self._handle = self._loop.call_later(min(late_seconds, self._seconds), self._due)
        else:
            self._call()
