"""A response that is passed on while its function writes it; bounded, as who writes waits for who reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

HELD_BYTES: Final = 64 * 1024
"""With so much that nobody has read, the function waits."""


class ResponseStream:
    """Between an execution environment and whoever invoked its function. Used from the event loop's thread."""

    def __init__(self) -> None:
        self.content_type: str | None = None
        """What the function says it streams; None: it does not stream, or has not begun."""
        self._parts: list[bytes] = []
        self._held_bytes = 0
        self._is_over = False
        self._resume: Callable[[], None] = _nothing
        self._reader: asyncio.Future[None] | None = None

    # the environment's side

    def begin(self, content_type: str, resume: Callable[[], None]) -> None:
        """The function streams; ``resume`` is called whenever more is wanted."""
        self.content_type, self._resume = content_type, resume

    def write(self, part: bytes) -> bool:
        """Take a part; False: no more for now."""
        if self._is_over:
            return True
        self._parts.append(part)
        self._held_bytes += len(part)
        self._wake()
        return self._held_bytes < HELD_BYTES

    # the caller's side

    async def read(self) -> bytes:
        """What has come since the last time, as soon as anything has; empty: the invocation is over."""
        while not self._parts and not self._is_over:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        found = b"".join(self._parts)
        self._forget()
        return found

    def abandon(self) -> None:
        """Read no more. What the function still writes is thrown away, and it runs on.

        [DOC] lambda-docs:configuration-response-streaming, of connections of clients that break
        """
        self.end()
        self._forget()

    def end(self) -> None:
        """The invocation is over; what was not read yet still can be."""
        self._is_over = True
        self._wake()
        self._resume()
        self._resume = _nothing

    def _forget(self) -> None:
        self._parts.clear()
        self._held_bytes = 0
        self._resume()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


def _nothing() -> None:
    """Nobody waits to write."""
