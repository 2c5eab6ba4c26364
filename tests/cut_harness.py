"""JavaScript clients whose connections are cut at random steps while the emulator restarts, and what came of it.

``python tests/cut_harness.py 200 3`` runs 200 clients in Node.js over three restarts and prints the figures; with
``chromium`` after it, they are in a page of that browser.
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
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent / "e2e"))

from chromium import Page, browser, serving
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
PAGE = """<!doctype html><title>cuts</title><script type="module">
import { cuts } from "./test/cuts.js";
window.cuts = cuts;
</script>"""
NEXT = "Promise.race([running, new Promise((later) => setTimeout(later, 20_000, null))])"
"""What came of it, or null after 20 seconds: no answer of the browser's may take longer than a minute."""
Clients = Callable[[str, str, int], Coroutine[Any, Any, Any]]
"""Runs clients: address, token, how many; answers what ``cuts`` answers."""
Where = Callable[[Path], AbstractAsyncContextManager[Clients]]
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


@asynccontextmanager
async def in_node(folder: Path) -> AsyncIterator[Clients]:
    """Clients in a process of Node.js."""
    node = shutil.which("node")
    assert node is not None
    process: asyncio.subprocess.Process | None = None

    async def clients(url: str, token: str, count: int) -> Any:
        nonlocal process
        process = await asyncio.create_subprocess_exec(
            *(node, "--experimental-websocket", "--no-warnings", str(CUTS), url, token, str(count)),
            stdout=asyncio.subprocess.PIPE,
        )
        return json.loads((await process.communicate())[0])

    try:
        yield clients
    finally:
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@asynccontextmanager
async def in_chromium(folder: Path) -> AsyncIterator[Clients]:
    """Clients in a page."""
    site = folder / "site"
    for name in ("src", "test"):
        shutil.copytree(CUTS.parents[1] / name, site / name)
    (site / "page.html").write_text(PAGE)
    with ExitStack() as stack:
        tab = stack.enter_context(browser(folder / "profile"))
        address = stack.enter_context(serving(site))
        page: Page = await asyncio.to_thread(tab)
        await asyncio.to_thread(page.open, f"{address}/page.html")
        await asyncio.to_thread(page.wait_for, "window.cuts")

        async def clients(url: str, token: str, count: int) -> Any:
            said = ", ".join(map(json.dumps, (url, token, count)))
            await asyncio.to_thread(page.evaluate, f"window.running = cuts({said}), null")
            while (outcome := await asyncio.to_thread(page.evaluate, NEXT)) is None:
                pass
            return outcome

        yield clients


async def run(clients: int, restarts: int, folder: Path, *, where: Where = in_node, seed: int = 1) -> Outcome:
    """Start everything, cut what can be cut, and wait until each client has told."""
    (folder / "app.py").write_text(APP)
    proxy = Proxy(random.Random(seed), clients * CUT_AT_MOST // 2)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    began, running = time.monotonic(), None
    try:
        async with where(folder) as start:
            for number in range(restarts + 1):
                async with _emulator(folder, proxy) as emulator:
                    if running is None:
                        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/dev"
                        token = await asyncio.to_thread(emulator.token)
                        began, running = time.monotonic(), asyncio.create_task(start(url, token, clients))
                    await asyncio.wait([running], timeout=4 if number < restarts else 600)
                    if running.done():
                        break
            assert running is not None
            outcome = running.result()
    finally:
        if running is not None:
            running.cancel()
        server.close()
    attempts = Counter(int(at / 1000) for at in outcome["attempts"])
    runs = Counter((folder / "runs.log").read_text().split())
    return Outcome(outcome["told"], attempts, time.monotonic() - began, proxy.cuts, proxy.connections, runs)


if __name__ == "__main__":
    place = in_chromium if "chromium" in sys.argv else in_node
    with tempfile.TemporaryDirectory() as temporary:
        print(asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), Path(temporary), where=place)).text)  # noqa: T201
