"""What somebody waits for at a terminal: help, a call to a running emulator, and the first message after its start."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Final

from benchmarks.load import ask, dial
from benchmarks.processes import seconds_of_children
from benchmarks.servers import SECRET, STREAMER, ours
from benchmarks.tasks import Measured, Results, with_tokens

TIMES: Final = 9


async def measure() -> Results:
    """Each command some times, the median; and the first client of an emulator that has just said that it is ready."""
    helped = await asyncio.to_thread(_times, ["--help"], Path.cwd())
    async with ours("app:app", "process") as running:
        assert running.folder is not None
        began = time.perf_counter()
        client = await dial(with_tokens(running, 1)[0])
        await ask(client, "echo")
        first = time.perf_counter() - began
        await client.close()
        called = await asyncio.to_thread(_times, ["call", "echo", "1", "--url", running.url], running.folder)
    return {"help": helped, "call": called, "first-message": Measured(first * 1000)}


def _times(arguments: list[str], folder: Path) -> Measured:
    seconds, cpu = [], []
    for _ in range(TIMES):
        before, began = seconds_of_children(), time.perf_counter()
        ran = subprocess.run(
            [STREAMER, *arguments],
            cwd=folder,
            env={**os.environ, "JWT_SECRET": SECRET},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        seconds.append(time.perf_counter() - began)
        cpu.append(seconds_of_children() - before)
        if ran.returncode:
            raise RuntimeError(f"streamer {' '.join(arguments)}: status {ran.returncode}\n{ran.stderr}")
    return Measured(statistics.median(seconds) * 1000, {"cpu_ms": round(statistics.median(cpu) * 1000, 1)})
