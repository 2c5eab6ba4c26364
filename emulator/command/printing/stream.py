"""Where the lines of a log go: a stream, to which those of a moment are written together."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Final, Protocol

HELD_SECONDS: Final = 0.02
"""How long a line waits for others: nobody sees that, and a busy emulator makes one call of the system for all of them.
By itself, each would cost a connect and an echo some percent, and in threads of one process the interpreter's lock."""
HELD_LINES: Final = 256
"""So many do not wait any longer."""


class Stream(Protocol):
    """What is used of a text stream."""

    def isatty(self) -> bool:
        """Whether it is a terminal's."""

    def write(self, text: str, /) -> object:
        """Take text."""

    def flush(self) -> None:
        """Write it."""

    def close(self) -> None:
        """Write it, and be done."""


class LogStream:
    """Writes text in the order in which it comes, and goes on when nobody reads it. Safe to share between threads.

    Text waits only on the loop of the thread that made the stream. What other threads write, and what comes before or
    after that loop, goes out at once, behind what waits.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._turn = threading.Lock()
        self._held: list[str] = []
        self._awaited_by: asyncio.AbstractEventLoop | None = None
        """The loop that will write what waits."""
        self._thread = threading.get_ident()

    def write(self, text: str, *, at_once: bool = False) -> None:
        """Write text, a line or several; ``at_once``: it is not to be lost with a process that is about to fail."""
        with self._turn:
            self._held.append(text)
            if at_once or len(self._held) >= HELD_LINES or not self._is_awaited():
                self._flush()

    def close(self) -> None:
        """Write what waits, and close the stream."""
        with self._turn:
            self._flush()
            with contextlib.suppress(OSError):  # nobody reads it any more
                self._stream.close()

    def _is_awaited(self) -> bool:
        """Whether a loop will see to what waits."""
        if threading.get_ident() != self._thread:
            return False
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._awaited_by is not loop:
            self._awaited_by = loop
            loop.call_later(HELD_SECONDS, self._have_waited)
        return True

    def _have_waited(self) -> None:
        with self._turn:
            self._awaited_by = None
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        text = "".join(self._held)
        self._held.clear()
        # Whoever read it may be gone, such as a ``| tee`` that Ctrl-C has ended before us.
        with contextlib.suppress(OSError):
            self._stream.write(text)
            self._stream.flush()
