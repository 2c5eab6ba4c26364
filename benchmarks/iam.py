"""What it costs that calls of functions are held against what they may do: the same service with it and without."""

from __future__ import annotations

import statistics
from contextlib import AsyncExitStack
from typing import Final

from benchmarks import load
from benchmarks.servers import ours, warm
from benchmarks.tasks import Measured, Results, cpu_of_echoes

TURNS: Final = 5
MODES: Final = ("enforce", "off")


async def measure() -> Results:
    """CPU time of the emulator's first process for an echo, in microseconds, with and without in turns."""
    cpu: dict[str, list[float]] = {mode: [] for mode in MODES}
    async with AsyncExitStack() as stack:
        servers = {
            mode: await stack.enter_async_context(ours("plain:topology", "process", "--iam", mode)) for mode in MODES
        }
        for running in servers.values():
            await warm(running)
            await load.throughput(running.url, warm_up_seconds=2, seconds=0, action="fast")
        for turn in range(TURNS):
            for mode in MODES if turn % 2 else reversed(MODES):
                cpu[mode].append(await cpu_of_echoes(servers[mode]))
    share = statistics.median(off / on for on, off in zip(*cpu.values(), strict=True))
    return {"iam": Measured((1 - share) * 100, {f"{mode}_us": each for mode, each in cpu.items()})}
