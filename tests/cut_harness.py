"""Clients in Node.js whose connections are cut at random steps while the emulator restarts, and what came of it.

``python tests/cut_harness.py 200 3`` runs 200 clients over three restarts and prints the figures.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent / "e2e"))

from running_command import Emulate

CUTS = Path(__file__).resolve().parents[1] / "clients" / "javascript" / "test" / "cuts.js"
APP = """
import time
from streamer import App

app = App()


@app.action("work", queued=True, max_attempts=5)
def work(request, progress):
    for step in range(1, 6):
        time.sleep(0.1)
        progress(20 * step)
    with open("runs.log", "a") as file:
        file.write(f"{request.id}\\n")
    return request.payload["number"]
"""
CUT_AT_MOST = 3
"""How often one client's connection is cut, so that the test ends."""


@dataclass
class Proxy:
    """Passes bytes on, and cuts connections at random steps."""

    chance: random.Random
    cuts_left: int
    target: int = 0
    """The emulator's port; nobody listens there while it restarts."""
    connections: int = 0
    cuts: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        steps = self.chance.randint(1, 10) if self.cuts_left > 0 else 0
        self.cuts_left -= bool(steps)
        try:
            onward, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        left = [steps or 10**9]
        both = [self._pass(reader, back, left), self._pass(onward, writer, left)]
        await asyncio.wait([asyncio.create_task(each) for each in both], return_when=asyncio.FIRST_COMPLETED)
        self.cuts += left[0] <= 0
        for each in (writer, back):
            each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: list[int]) -> None:
        with suppress(ConnectionError):
            while left[0] > 0 and (data := await reader.read(65_536)):
                left[0] -= 1
                if left[0] <= 0:  # half of what came is lost, so a frame may be cut in two
                    data = data[: len(data) // 2]
                writer.write(data)
                await writer.drain()


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    told: list[dict[str, Any]]
    """A line of each client."""
    attempts: Counter[int]
    """Attempts to connect in each second."""
    seconds: float
    cuts: int
    connections: int
    runs: Counter[str]
    """How often each request was carried out to its end."""

    @property
    def text(self) -> str:
        """The figures."""
        most, rate = max(self.attempts.values()), sum(self.attempts.values()) / self.seconds
        kinds = Counter(kind for each in self.told for kind, _ in each["finals"])
        return (
            f"{len(self.told)} clients, {self.connections} connections, {self.cuts} of them cut, {self.seconds:.1f} s; "
            f"finals {dict(kinds)}, errors {dict(Counter(each['error'] for each in self.told if each['error']))}; "
            f"carried out twice: {sum(count > 1 for count in self.runs.values())}; "
            f"attempts per second: {rate:.1f} on average, {most} at most"
        )


@asynccontextmanager
async def _emulator(folder: Path, proxy: Proxy) -> AsyncIterator[Emulate]:
    emulator = Emulate("--state", "state.json", folder=folder)
    await asyncio.to_thread(emulator.__enter__)
    proxy.target = emulator.port
    try:
        yield emulator
    finally:
        await asyncio.to_thread(emulator.__exit__)


async def run(clients: int, restarts: int, folder: Path, *, seed: int = 1) -> Outcome:
    """Start everything, cut what can be cut, and wait until each client has told."""
    (folder / "app.py").write_text(APP)
    proxy = Proxy(random.Random(seed), clients * CUT_AT_MOST // 2)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    node = shutil.which("node")
    assert node is not None
    began, process, lines = time.monotonic(), None, None
    try:
        for number in range(restarts + 1):
            async with _emulator(folder, proxy) as emulator:
                if process is None:
                    port = server.sockets[0].getsockname()[1]
                    token = await asyncio.to_thread(emulator.token)
                    process = await asyncio.create_subprocess_exec(
                        *(node, "--experimental-websocket", "--no-warnings", str(CUTS)),
                        *(f"ws://127.0.0.1:{port}/dev", token, str(clients)),
                        stdout=asyncio.subprocess.PIPE,
                        limit=2**24,
                    )
                    assert process.stdout is not None
                    lines = asyncio.create_task(process.stdout.read())
                    began = time.monotonic()
                assert lines is not None
                await asyncio.wait([lines], timeout=4 if number < restarts else 600)
                if lines.done():
                    break
        assert lines is not None
        told = [json.loads(line) for line in lines.result().splitlines()]
    finally:
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        server.close()
    attempts = Counter(int(at / 1000) for at in told.pop()["attempts"])
    runs = Counter((folder / "runs.log").read_text().split())
    return Outcome(told, attempts, time.monotonic() - began, proxy.cuts, proxy.connections, runs)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        print(asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), Path(temporary))).text)  # noqa: T201
