"""CONNECT on the emulator's port: what leads where, and who may use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from emulator.port.http import HttpRequest, HttpResponse
from emulator.port.http1 import HttpProtocol
from emulator.port.tunnel import Tunnels

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers in capitals what came until the other side was done."""
    writer.write((await reader.read()).upper())
    writer.write_eof()
    await writer.drain()
    writer.close()


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def proxy(home: int) -> AsyncIterator[int]:
    tunnels = Tunnels(lambda: ("127.0.0.1", home))

    def answer(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, b"plain")

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HttpProtocol(answer, connect=tunnels.open), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await tunnels.close()


async def through(port: int, target: str, content: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode() + content)
    writer.write_eof()
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("size", [5, 3_000_000])
async def test_a_name_of_awss_leads_home(size: int) -> None:
    async with listening(shout) as home, proxy(home) as port:
        head, _, body = (await through(port, "sts.amazonaws.com:443", b"a" * size)).partition(b"\r\n\r\n")

    assert head == b"HTTP/1.1 200 Connection Established"
    assert body == b"A" * size


async def test_another_address_is_passed_on_as_it_is() -> None:
    async with listening(shout) as other, proxy(1) as port:
        assert (await through(port, f"127.0.0.1:{other}", b"hello")).endswith(b"\r\n\r\nHELLO")


async def test_an_address_that_nobody_listens_on_is_told() -> None:
    async with listening(shout) as gone:
        pass
    async with proxy(1) as port:
        assert (await through(port, f"127.0.0.1:{gone}", b"")).startswith(b"HTTP/1.1 502 ")


@pytest.mark.parametrize("target", ["localhost", "localhost:http", "localhost:99999", ":443"])
async def test_what_is_no_address_is_refused(target: str) -> None:
    async with proxy(1) as port:
        assert (await through(port, target, b"")).startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 400 "))


async def test_another_machine_is_refused() -> None:
    written: list[bytes] = []

    class Transport(asyncio.Transport):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            written.append(bytes(data))

        def close(self) -> None:
            written.append(b"closed")

    request = HttpRequest("CONNECT", "sts.amazonaws.com:443", (), b"", "192.0.2.1")
    Tunnels(lambda: ("127.0.0.1", 1)).open(request, Transport(), b"")

    assert written[0].startswith(b"HTTP/1.1 403 ")
    assert written[-1] == b"closed"
