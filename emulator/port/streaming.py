"""Bodies of answers that are sent while they are made: as fast as clients read them, and cut off where they fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from msgspec import Struct


class CutOffError(Exception):
    """The rest of a body does not come: its connection, or stream of HTTP/2, ends as broken, which the client sees."""


class Rest(Struct, frozen=True):
    """The rest of a body, as it comes."""

    parts: AsyncIterator[bytes]
    """None of them is empty; raises CutOffError where it ends before its end."""
    close: Callable[[], None]
    """To be called in the end, also where nothing was read: nobody reads it any more."""


class Flow:
    """Whether the client reads what it is sent."""

    __slots__ = ("_is_full", "_room")

    def __init__(self) -> None:
        self._is_full = False
        self._room: asyncio.Future[None] | None = None

    def pause(self) -> None:
        """It does not."""
        self._is_full = True

    def resume(self) -> None:
        """It does again."""
        self._is_full = False
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    async def room(self) -> None:
        """Wait until it does; for one waiter at a time."""
        if self._is_full:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
