"""A stream that waits for nobody who reads it: a pipe that is full, or a terminal that Ctrl-S has stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import threading
import time
from collections import deque
from typing import Final

from ...foundation import log

MOST_BYTES: Final = 16 * 1024 * 1024
"""How much is kept for a reader that is late; what comes beyond that is lost."""
AGAIN_SECONDS: Final = 0.02
"""When to look again whether there is room."""
LAST_SECONDS: Final = 1.0
"""How long the reader has at the end."""


class UnreadStream:
    """Text for a descriptor, which it owns. What finds no room waits, on the running loop or for the next text.

    Written in pieces that a pipe with any room takes whole, so that none blocks: what blocked would be the emulator. A
    reader that has missed text is told of that. Safe to share between threads.
    """

    def __init__(self, descriptor: int, *, most_bytes: int = MOST_BYTES, last_seconds: float = LAST_SECONDS) -> None:
        self._descriptor = descriptor
        self._most_bytes = most_bytes
        self._last_seconds = last_seconds
        self._turn = threading.Lock()
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._lost = 0
        self._again: asyncio.TimerHandle | None = None
        self._looks: asyncio.AbstractEventLoop | None = None
        """The loop that will look again."""
        self._room = select.poll()
        self._room.register(descriptor, select.POLLOUT)

    def isatty(self) -> bool:
        """Whether it is a terminal's."""
        return os.isatty(self._descriptor)

    def write(self, text: str) -> None:
        """Take text, unless too much waits."""
        content = text.encode("utf-8", "backslashreplace")
        with self._turn:
            if self._held_bytes + len(content) > self._most_bytes:
                self._lost += content.count(b"\n")
                return
            self._held.append(content)
            self._held_bytes += len(content)

    def flush(self) -> None:
        """Write what there is room for.

        Raises:
            OSError: nobody can read it any more.
        """
        with self._turn:
            self._write(until=0.0)
            if self._held:
                self._look_again()

    def close(self) -> None:
        """Write what waits, as far as somebody reads it now, and close the descriptor.

        Raises:
            OSError: nobody can read it any more.
        """
        with self._turn:
            if self._again is not None:
                self._again.cancel()
            try:
                self._write(until=time.monotonic() + self._last_seconds)
            finally:
                os.close(self._descriptor)

    def _look_again(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._looks is not loop:  # one that has ended looks no more
            self._looks, self._again = loop, loop.call_later(AGAIN_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._looks = None
        with contextlib.suppress(OSError):
            self.flush()
        if self._lost and not self._held:
            lost, self._lost = self._lost, 0
            log.warning("nobody read this log for a while, and it has lost lines", lines=lost)

    def _write(self, until: float) -> None:
        while self._held and self._has_room(until):
            piece = self._held.popleft()
            while self._held and len(piece) + len(self._held[0]) <= select.PIPE_BUF:
                piece += self._held.popleft()
            try:
                written = os.write(self._descriptor, piece[: select.PIPE_BUF])
            except BlockingIOError:  # somebody who shares it has it not block
                written = 0
            except OSError:
                self._held.clear()
                self._held_bytes = 0
                raise
            self._held_bytes -= written
            if rest := piece[written:]:
                self._held.appendleft(rest)
            if not written:
                return

    def _has_room(self, until: float) -> bool:
        """Whether some can be written, or nothing ever can, by that time of the monotonic clock."""
        return bool(self._room.poll(max(0.0, until - time.monotonic()) * 1000 if until else 0))
