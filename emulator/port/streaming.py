"""Bodies of answers that are sent while they are made: as fast as clients read them, and cut off where they fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from ..foundation import log
from .rendering import head_of_stream

if TYPE_CHECKING:
    from .http import HttpRequest, HttpResponse

_LAST_CHUNK: Final = b"0\r\n\r\n"


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


async def send(
    request: HttpRequest,
    response: HttpResponse,
    rest: Rest,
    write: Callable[[bytes], None],
    flow: Flow,
    *,
    keep_alive: bool,
) -> bool:
    """Write an answer of HTTP/1 while it is made; False: not all of it came, and the connection has to end.

    In chunks (RFC 9112, 7.1); a client of HTTP/1.0, which knows none, reads until the connection ends.
    """
    in_chunks = not request.is_old
    framed = _chunk if in_chunks else bytes
    try:
        write(head_of_stream(response, in_chunks=in_chunks, keep_alive=keep_alive))
        if request.method == "HEAD":
            return True
        if response.body:
            write(framed(response.body))
        async for part in rest.parts:
            await flow.room()
            write(framed(part))
        write(_LAST_CHUNK if in_chunks else b"")
    except CutOffError:
        return False
    except Exception as error:  # noqa: BLE001 - top of a body: logged, and the client sees that it is not whole
        log.error("an answer could not be finished", error=error, method=request.method, path=request.raw_path)
        return False
    finally:
        rest.close()
    return True


def _chunk(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)
