"""A thousand clients of ``streamer emulate``: connections and echoes a second, round trips, memory. One table.

Run: .venv/bin/python benchmarks/connections.py [CLIENTS]
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect

from streamer.auth import mint

CLIENTS = 1000
ROUND_TRIPS = 500
WARM_UP = 50
QUEUED = 30
PATIENCE_SECONDS = 60.0
OPTIONS: dict[str, Any] = {"compression": None, "proxy": None, "ping_interval": None, "open_timeout": PATIENCE_SECONDS}


def main() -> None:
    """Run it all and print the table."""
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else CLIENTS
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="streamer-bench-") as name:
        folder = Path(name)
        began = time.perf_counter()
        command = [str(Path(sysconfig.get_path("scripts")) / "streamer"), "emulate", "--port", "0", "--no-reload"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            next(line for line in process.stdout if "Ctrl-C" in line)
            row("ready after", f"{time.perf_counter() - began:.2f} s (first start: makes a certificate)")
            asyncio.run(measure(folder, process.pid, clients))
            process.send_signal(signal.SIGINT)
            row("stopped with status", str(process.wait(PATIENCE_SECONDS)))
        finally:
            process.kill()
            process.wait()


def row(name: str, value: str) -> None:
    print(f"{name:<38}{value}", flush=True)


async def measure(folder: Path, pid: int, clients: int) -> None:
    ready = json.loads((folder / ".streamer" / "emulator.json").read_text())
    secret = (folder / ".streamer" / "jwt-secret").read_text().strip()

    def url(user: str) -> str:
        token = mint(secret, user_id=user, tenant_id="bench", now=time.time(), expires_in_seconds=3600)
        return f"{ready['websocket_url']}?Authorization={quote(token)}"

    async with connect(url("solo"), **OPTIONS) as solo:
        await round_trips(solo, WARM_UP)
        show("one client, one echo at a time", await round_trips(solo, ROUND_TRIPS))
        started = [await queued(solo, number) for number in range(QUEUED)]
        show("acknowledgment to first progress", started[5:])
    async with AsyncExitStack() as stack:
        began = time.perf_counter()
        joining = (stack.enter_async_context(connect(url(f"user-{n}"), **OPTIONS)) for n in range(clients))
        joined = await asyncio.gather(*joining)
        rate("connections at once", clients, began)
        row("memory with them, all processes", memory(pid))
        for turn in ("first", "second"):
            began = time.perf_counter()
            seconds = await asyncio.gather(*(echo(client, f"{turn}-{n}") for n, client in enumerate(joined)))
            rate(f"echoes at once, {turn} time", clients, began)
            show("  round trips", seconds)
        began = time.perf_counter()
    rate("connections closed", clients, began)
    row("memory afterwards", memory(pid))


async def echo(client: ClientConnection, request_id: str) -> float:
    """Seconds of a round trip through the router and ``@connections``."""
    began = time.perf_counter()
    await client.send(json.dumps({"action": "echo", "id": request_id, "payload": request_id}))
    answer = json.loads(await asyncio.wait_for(client.recv(), PATIENCE_SECONDS))
    seconds = time.perf_counter() - began
    assert answer["data"] == request_id, answer
    return seconds


async def round_trips(client: ClientConnection, count: int) -> list[float]:
    return [await echo(client, f"r-{number}") for number in range(count)]


async def queued(client: ClientConnection, number: int) -> float:
    """Seconds from the acknowledgment of a queued request to the first progress of its run."""
    payload = {"steps": 1, "seconds": 0}
    await client.send(json.dumps({"action": "report", "id": f"q-{number}-{time.time_ns()}", "payload": payload}))
    at: dict[str, float] = {}
    while "complete" not in at:
        message = json.loads(await asyncio.wait_for(client.recv(), PATIENCE_SECONDS))
        at.setdefault(message["type"], time.perf_counter())
    return at.get("progress", at["complete"]) - at["acknowledgment"]


def rate(name: str, count: int, began: float) -> None:
    seconds = time.perf_counter() - began
    row(name, f"{count} in {seconds:.2f} s, {count / seconds:,.0f}/s")


def show(name: str, seconds: list[float]) -> None:
    cuts = statistics.quantiles((value * 1000 for value in seconds), n=100, method="inclusive")
    row(name, f"p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms")


def memory(pid: int) -> str:
    """What the process and its descendants take; memory they share counts once. Linux only."""
    total_kb = count = 0
    for member in family(pid):
        try:
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total_kb += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        count += 1
    return f"{total_kb / 1024:.0f} MB in {count} processes" if count else "not known on this system"


def family(pid: int) -> set[int]:
    """A process and all its descendants."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, level = {pid}, {pid}
    while level:
        level = {child for child, parent in parents.items() if parent in level} - found
        found |= level
    return found


if __name__ == "__main__":
    main()
