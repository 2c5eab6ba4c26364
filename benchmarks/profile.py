"""``python -m benchmarks.profile``: puts the emulator under load, and writes where its time goes as a flame graph.

py-spy sees function processes as well; without it the emulator's own process is sampled from inside.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from benchmarks import load, tasks
from benchmarks.flame import draw
from benchmarks.servers import ROOT, Running, ours

OUTPUT: Final = ROOT / "build" / "profile.svg"
Load = Callable[[Running, float], Awaitable[object]]


async def _echoes(running: Running, seconds: float, action: str) -> object:
    return await load.throughput(running.url, warm_up_seconds=0, seconds=seconds, action=action)


async def _connects(running: Running, seconds: float) -> None:
    urls = tasks.with_tokens(running, 500)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        await (await load.open_many(urls)).close()


LOADS: Final[dict[str, tuple[str, Load]]] = {
    "echo": ("plain:topology", lambda running, seconds: _echoes(running, seconds, "echo")),
    "echo-sender": ("plain:topology", lambda running, seconds: _echoes(running, seconds, "fast")),
    "connects": ("plain:topology", _connects),
    "connects-jwt": ("app:app", _connects),
}
"""What can be profiled: the service, and what is done to it."""


def _py_spy() -> str | None:
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.exists() else shutil.which("py-spy")


def _record(py_spy: str, pid: int, seconds: float, output: Path) -> subprocess.Popen[bytes]:
    options = ["--subprocesses", "--nonblocking", "--rate", "200", "--format", "flamegraph"]
    command = [py_spy, "record", *options, "--duration", f"{seconds:.0f}", "--output", str(output), "--pid", str(pid)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


async def _run(arguments: argparse.Namespace) -> None:
    target, apply = LOADS[arguments.load]
    py_spy = _py_spy()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    stacks = arguments.output.with_suffix(".folded")
    launcher = [] if py_spy else [sys.executable, "-m", "benchmarks.sampler", str(stacks)]
    async with ours(target, arguments.isolation, launcher=launcher) as running:
        await apply(running, 1.0)  # environments and clients are there
        async with _watched(py_spy, running.pid, arguments):
            await apply(running, arguments.seconds)
    if py_spy is None:
        title = f"{arguments.load}, {arguments.isolation}, the emulator's process"
        arguments.output.write_text(draw(stacks.read_text().splitlines(), title))
    print(f"wrote {arguments.output}")


@asynccontextmanager
async def _watched(py_spy: str | None, pid: int, arguments: argparse.Namespace) -> AsyncIterator[None]:
    if py_spy is None:
        os.kill(pid, signal.SIGUSR1)
        yield
        return
    recorder = _record(py_spy, pid, arguments.seconds, arguments.output)
    yield
    if await asyncio.to_thread(recorder.wait):
        raise RuntimeError("py-spy could not look at the emulator; it may need more privileges")


def _arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__.partition("\n")[0])
    parser.add_argument("--load", choices=list(LOADS), default="echo-sender")
    parser.add_argument("--isolation", choices=["process", "inline"], default="process")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    return parser.parse_args(given)


if __name__ == "__main__":
    asyncio.run(_run(_arguments()))
