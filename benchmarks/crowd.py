"""Very many idle connections, each with a token and a row: opened, held and closed, and what is lost of them.

Run: python -m benchmarks.crowd [CONNECTIONS]

They come from several processes, each with a source address of its own, and are all closed at the same moment. The
emulator needs an open file for each: where a process may not have so many, there are as many as it may.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import struct
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from benchmarks.processes import own_pss_mb
from benchmarks.servers import SECRET, Running, ours
from benchmarks.tasks import dynamodb_client
from streamer.auth import mint

WANTED: Final = 50_000
OWN_FILES: Final = 500
"""Open files of the emulator besides its connections, and of a process of clients."""
PORTS: Final = 10_000
"""Most connections from one source address: of its 28,000 ports, Linux looks long for one when half are taken."""
AT_ONCE: Final = 50
"""Handshakes under way in each process of clients."""
IDLE_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 120.0
CLOSE: Final = struct.pack("!BB4sH", 0x88, 0x82, bytes(4), 1000)
"""A client's close frame, with a mask of zeros."""


class Client(asyncio.Protocol):
    """A connection that is opened, says nothing and is closed: some hundred bytes, so that many fit in a process."""

    def __init__(self, request: bytes) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.is_lost = False
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)
        del self._request

    def data_received(self, data: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if not self.answer.done():
            self.answer.set_result(b"")


@dataclass(frozen=True, slots=True)
class Share:
    """The connections of one process of clients."""

    source: str
    first: int
    """Number of its first user."""
    count: int


def shares(wanted: int, files: int) -> list[Share]:
    """How many processes hold so many connections, if each may have so many open files."""
    most = min(PORTS, files - OWN_FILES)
    firsts = range(0, min(wanted, files - OWN_FILES), most)
    return [
        Share(f"127.0.0.{2 + number}", first, min(most, min(wanted, files - OWN_FILES) - first))
        for number, first in enumerate(firsts)
    ]


async def hold(url: str, share: Share) -> None:
    """Be a process of clients: open, tell how many are open, wait for a line, tell how many were lost, and close."""
    where = urlsplit(url)
    host, port = where.hostname or "", where.port or 80
    gate = asyncio.Semaphore(AT_ONCE)
    clients: list[Client] = []
    loop = asyncio.get_running_loop()

    async def opened(user: int) -> None:
        token = mint(SECRET, user_id=f"user-{user}", tenant_id="acme", now=time.time(), expires_in_seconds=3600)
        request = (
            f"GET {where.path}?Authorization={quote(token)} HTTP/1.1\r\nHost: {where.netloc}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        async with gate:
            _transport, client = await loop.create_connection(
                lambda: Client(request.encode()), host, port, local_addr=(share.source, 0)
            )
            answer = await asyncio.wait_for(client.answer, PATIENCE_SECONDS)
            if answer.startswith(b"HTTP/1.1 101"):
                clients.append(client)

    outcomes = await asyncio.gather(*map(opened, range(share.first, share.first + share.count)), return_exceptions=True)
    print(len(clients), *{repr(each) for each in outcomes if each is not None}, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(sum(client.is_lost for client in clients), flush=True)
    for client in clients:
        client.transport.write(CLOSE)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not all(client.is_lost for client in clients):  # noqa: ASYNC110 - twenty thousand events would cost more
            await asyncio.sleep(0.1)


@asynccontextmanager
async def holders(running: Running, wanted: Sequence[Share]) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """The processes of clients."""
    processes: list[asyncio.subprocess.Process] = []
    try:
        for share in wanted:
            arguments = ["-m", "benchmarks.crowd", running.url, share.source, str(share.first), str(share.count)]
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
            processes.append(process)
        yield processes
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def said(process: asyncio.subprocess.Process) -> str:
    """The next line of a process of clients."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS + WANTED / 200):
        return (await process.stdout.readline()).decode().strip()


def rows(running: Running) -> int:
    """How many connections the table has."""
    pages = dynamodb_client(running).get_paginator("scan").paginate(TableName="streamer_connections", Select="COUNT")
    return sum(page["Count"] for page in pages)


async def closed(process: asyncio.subprocess.Process) -> int:
    """Have a process of clients close its connections; answers how many it had lost before."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    lost = int(await said(process))
    await process.wait()
    return lost


async def rows_left(running: Running) -> int:
    """Wait until the table has no connections; answers how many it has after so long."""
    end = time.perf_counter() + PATIENCE_SECONDS
    while (left := await asyncio.to_thread(rows, running)) and time.perf_counter() < end:  # noqa: ASYNC110
        await asyncio.sleep(0.5)  # each look takes time of the emulator's
    return left


async def measure(wanted: int, files: int) -> None:
    """Print what became of them."""
    plan = shares(wanted, files)
    count = sum(share.count for share in plan)
    if count < wanted:
        print(f"a process may have {files:,} open files here: {count:,} connections instead of {wanted:,}", flush=True)
    async with ours("app:app", "process") as running:
        before = own_pss_mb(running.pid)
        began = time.perf_counter()
        async with holders(running, plan) as processes:
            lines = await asyncio.gather(*map(said, processes))
            took = time.perf_counter() - began
            opened = sum(int(line.split()[0]) for line in lines)
            print(f"{'opened':<34}{opened:,} of {count:,} in {took:.1f} s, {opened / took:,.0f}/s", flush=True)
            for problems in filter(None, (line.partition(" ")[2] for line in lines)):
                print(problems, flush=True)
            print(f"{'rows':<34}{await asyncio.to_thread(rows, running):,}", flush=True)
            await asyncio.sleep(IDLE_SECONDS)
            each_kb = (own_pss_mb(running.pid) - before) * 1024 / max(1, opened)
            print(f"{'memory of the emulator for each':<34}{each_kb:.1f} KB", flush=True)
            print(f"{f'rows after {IDLE_SECONDS:.0f} idle seconds':<34}{await asyncio.to_thread(rows, running):,}")
            began = time.perf_counter()
            lost = sum(await asyncio.gather(*map(closed, processes)))
            left = await rows_left(running)
            print(f"{'connections lost':<34}{lost}", flush=True)
            took = time.perf_counter() - began
            print(f"{'closed':<34}{took:.1f} s, {opened / took:,.0f}/s, {left} rows left", flush=True)


def main() -> None:
    """Measure, or be a process of clients."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if len(sys.argv) > 2:
        url, source, first, count = sys.argv[1:]
        asyncio.run(hold(url, Share(source, int(first), int(count))))
    else:
        asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else WANTED, files))


if __name__ == "__main__":
    main()
