"""What it costs to run a function: ``python benchmarks/functions.py [seconds per measurement]``."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from emulator.functions.factory import RunningFunctions, create_functions
from emulator.functions.processes.functions import ProcessFunctions
from emulator.functions.processes.means import Means
from emulator.functions.variables import Endpoints
from streamer.topology import Api, Function, Topology

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
CODE = """
import os, time
def echo(event, context): return event
def sleeper(event, context): time.sleep(0.3)
def crash(event, context): os._exit(1)
"""
EVENT = b'{"requestContext": {"routeKey": "echo", "connectionId": "abc="}, "body": "' + b"x" * 200 + b'"}'
TOPOLOGY = Topology(
    api=Api(name="api", routes=()),
    functions=tuple(
        Function(name=name, handler=f"handlers.{name}", timeout_seconds=30, memory_mb=512)
        for name in ("echo", "sleeper", "crash")
    ),
)


async def round_trips(functions: RunningFunctions, clients: int) -> tuple[float, float, float]:
    """p50 and p99 in ms, and events a second."""
    times: list[float] = []
    start = time.perf_counter()

    async def client() -> None:
        while (begin := time.perf_counter()) - start < SECONDS:
            await functions.invoke("echo", EVENT)
            times.append((time.perf_counter() - begin) * 1000)

    await asyncio.gather(*(client() for _ in range(clients)))
    cuts = statistics.quantiles(times, n=100)
    return cuts[49], cuts[98], len(times) / (time.perf_counter() - start)


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """How long it takes, in ms."""
    begin = time.perf_counter()
    await work()
    return (time.perf_counter() - begin) * 1000


async def ten_sleepers(functions: RunningFunctions) -> None:
    await asyncio.gather(*(functions.invoke("sleeper", b"{}") for _ in range(10)))


async def cold_starts(functions: RunningFunctions) -> float:
    """Median of a whole event on a new environment, in ms."""
    times = []
    for _ in range(20):
        await functions.reload()
        times.append(await timed(lambda: functions.invoke("echo", EVENT)))
    return statistics.median(times)


def memory_mb(of: str) -> list[tuple[int, float]]:
    """Process id and memory (``Rss:`` or ``Pss:``) of this process and all that descend from it."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    family, last = {os.getpid()}, 0
    while len(family) != last:
        last = len(family)
        family |= {pid for pid, parent in parents.items() if parent in family}
    return [(pid, _rollup(pid, of)) for pid in sorted(family)]


def _rollup(pid: int, of: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(of)) / 1024


async def measure(functions: RunningFunctions, name: str) -> None:
    async with functions:
        first = await timed(lambda: functions.invoke("echo", EVENT))
        print(f"{name:24} first event {first:7.1f} ms")
        for clients in (1, 4, 32):
            p50, p99, rate = await round_trips(functions, clients)
            print(f"{name:24} {clients:2} clients  p50 {p50:6.3f} ms  p99 {p99:6.3f} ms  {rate:8.0f} events/s")
        print(f"{name:24} cold start p50 {await cold_starts(functions):6.1f} ms")
        sleepers = await timed(lambda: ten_sleepers(functions)), await timed(lambda: ten_sleepers(functions))
        print(f"{name:24} ten handlers that sleep 300 ms: {sleepers[0]:.0f} ms cold, {sleepers[1]:.0f} ms warm")
        await functions.reload()
        burst = await timed(lambda: asyncio.gather(*(functions.invoke("echo", EVENT) for _ in range(1000))))
        print(f"{name:24} a burst of 1,000 events {burst:7.0f} ms")
        if isinstance(functions, ProcessFunctions):
            crash = await timed(lambda: functions.invoke("crash", b"{}"))
            print(f"{name:24} a crash, from event to answer, cold {crash:6.1f} ms")
            await report_memory(functions, name)


async def report_memory(functions: ProcessFunctions, name: str) -> None:
    await functions.reload()
    await ten_sleepers(functions)
    for of in ("Rss:", "Pss:"):
        emulator, template, *environments = (size for _, size in memory_mb(of))
        print(
            f"{name:24} {of} this process {emulator:.0f} MB, template {template:.0f} MB, "
            f"{len(environments)} environments {statistics.mean(environments):.1f} MB each"
        )


class NoLog:
    """Drops the output, so that writing it is not measured."""

    platform_lines = False

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        pass


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "handlers.py").write_text(CODE)
        common: dict[str, Any] = {"endpoints": Endpoints(), "project_folder": Path(folder), "log_sink": NoLog()}
        await measure(create_functions(TOPOLOGY, "inline", **common), "inline")
        await measure(create_functions(TOPOLOGY, "process", **common), "process")
        await measure(
            ProcessFunctions(TOPOLOGY, **common, means=dataclasses.replace(Means.of_this_machine(), freezes=False)),
            "process, never frozen",
        )


if __name__ == "__main__":
    uvloop.run(main())
