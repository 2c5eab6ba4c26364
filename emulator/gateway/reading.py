"""Reading in turns, so that no client keeps the event loop to itself: a read can hold 40,000 frames."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

TURN_BYTES: Final = 4096
"""Bytes that are handled at once. A message is shorter as a rule; more of them wait for their turn."""
TURNS_SECONDS: Final = 0.004
"""How long connections have their turns before the event loop does something else."""


class Reader(Protocol):
    """A connection with bytes that wait."""

    def take_turn(self) -> bool:
        """Handle `TURN_BYTES` of them; whether it wants another turn."""
        ...


class Turns:
    """Gives each connection with much to read its turn, and the event loop its own in between."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._readers: deque[Reader] = deque()
        self._clock = clock
        self._loop = asyncio.get_running_loop()

    def wait(self, reader: Reader) -> None:
        """Stand in line, once until `Reader.take_turn` answers False."""
        if not self._readers:
            self._loop.call_soon(self._go_round)
        self._readers.append(reader)

    def _go_round(self) -> None:
        end = self._clock() + TURNS_SECONDS
        try:
            while self._readers:
                reader = self._readers.popleft()
                if reader.take_turn():
                    self._readers.append(reader)
                if self._clock() >= end:
                    break
        finally:  # an error of one must not keep the others waiting for ever
            if self._readers:
                self._loop.call_soon(self._go_round)
