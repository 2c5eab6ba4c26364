"""CONNECT: a proxy for functions' programs that know AWS by name and heed ``HTTPS_PROXY``, such as curl and Go's.

AWS's names end at our own port, where TLS is spoken for them; others are passed on as they are. It serves this machine
alone, whatever is listened on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from typing import Final, cast

from streamer.aws_limits import LOOPBACK

from ..foundation.tasks import end, start
from .aws_names import is_aws
from .http import HttpRequest, HttpResponse
from .rendering import render

SECONDS: Final = 10.0
"""How long the other end may take to answer."""
_ESTABLISHED: Final = b"HTTP/1.1 200 Connection Established\r\n\r\n"


class Tunnels:
    """Owns every tunnel, until `close`."""

    def __init__(self, home: Callable[[], tuple[str, int]], names: Collection[str] = ()) -> None:
        """``home`` says where AWS's names lead, and ``names``, in lower case."""
        self._home = home
        self._names = names
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.Transport] = set()

    def open(self, request: HttpRequest, transport: asyncio.Transport, rest: bytes) -> None:
        """Take a connection over whose request was CONNECT; an `http.Connect`."""
        host, _, port = request.target.rpartition(":")
        if request.peer not in LOOPBACK or not host or not port.isdecimal() or int(port) > 65_535:
            _refuse(transport, 403)
            return
        where = self._home() if is_aws(host) or host.lower() in self._names else (host.strip("[]"), int(port))
        start(self._tasks, self._join(transport, rest, *where))

    async def close(self) -> None:
        """End every tunnel."""
        await end(self._tasks)
        for transport in list(self._open):
            transport.abort()

    async def _join(self, near: asyncio.Transport, rest: bytes, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        behind = _Half(near, self._open)
        try:
            async with asyncio.timeout(SECONDS):
                far, _ = await loop.create_connection(lambda: behind, host, port)
        except (OSError, TimeoutError):
            _refuse(near, 502)
            return
        before = _Half(far, self._open)
        near.set_protocol(before)
        before.connection_made(near)
        near.write(_ESTABLISHED)
        far.write(rest)
        near.resume_reading()


class _Half(asyncio.Protocol):
    """What is read here is written there."""

    def __init__(self, there: asyncio.Transport, transports: set[asyncio.Transport]) -> None:
        self._there = there
        self._transports = transports
        self._here: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Own it."""
        self._here = cast("asyncio.Transport", transport)
        self._transports.add(self._here)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self._there.write(data)

    def eof_received(self) -> bool:
        """Pass it on; the other direction stays open."""
        if self._there.can_write_eof() and not self._there.is_closing():
            self._there.write_eof()
            return True
        return False

    def pause_writing(self) -> None:
        """Read no more there while what came from there waits here."""
        with contextlib.suppress(RuntimeError):  # it is closing
            self._there.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        with contextlib.suppress(RuntimeError):
            self._there.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other half, too."""
        if self._here is not None:
            self._transports.discard(self._here)
        self._there.close()


def _refuse(transport: asyncio.Transport, status: int) -> None:
    transport.write(render(HttpResponse(status), int(time.time()), keep_alive=False))
    transport.close()
