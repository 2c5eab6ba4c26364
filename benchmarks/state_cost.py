"""What ``--state`` costs a write: CPU time of ``streamer emulate --state FILE`` beside one without, write for write.

    python -m benchmarks.state_cost [--turns 100] [--writes 200] [--clients 8] [--json]

Three emulators run all the time and get the same writes in turns: two without the file, of which the second shows what
the machine's own noise comes to, and one with it. What each needs for a write is the CPU time of its process. Whatever
else runs can only make that more, so the tenth of the turns that took least counts, and the medians stand beside it.
Items of 350 bytes are put, updated, deleted and changed in transactions, with a stream and an index; the file is
written anew as often as it is in a long run, which the mean of all turns tells.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.dynamodb import TABLE, Call, delete, item, put, raw_clients, transact, update
from benchmarks.processes import own_cpu_seconds

ITEMS: Final = 400
READY_SECONDS: Final = 60.0
AT_MOST_PERCENT: Final = 5.0
WARM_UP: Final = 2000
LATER_SECONDS: Final = 0.05
"""After so long nothing of a turn is left to be written to the file."""
WITHOUT: Final = "without --state"
AGAIN: Final = "without, again"
WITH: Final = "with --state"


def put_briefly(number: int) -> tuple[str, dict[str, Any]]:
    """An item that the next write deletes."""
    return "PutItem", {"TableName": "bench", "Item": item(number + 1, "gone")}


WRITES: Final = (put, update, put, update, put, update, transact, put_briefly, delete)


@dataclass(slots=True)
class Emulator:
    """One of the two."""

    pid: int
    port: int
    numbers: Iterator[int]


@contextlib.contextmanager
def emulator(folder: Path, *options: str) -> Iterator[Emulator]:
    """``streamer emulate --demo`` in a folder of its own."""
    folder.mkdir()
    ready = folder / "ready.json"
    command = [str(Path(sysconfig.get_path("scripts")) / "streamer"), "emulate", "--demo", "--port", "0", "--quiet"]
    process = subprocess.Popen([*command, "--ready-file", str(ready), *options], cwd=folder, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + READY_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit("the emulator did not start")
            time.sleep(0.01)
        port = urlsplit(json.loads(ready.read_text())["dynamodb_url"]).port
        assert port is not None
        yield Emulator(process.pid, port, itertools.count())
    finally:
        process.terminate()
        process.wait(READY_SECONDS)


async def write(calls: Sequence[Call], emulator: Emulator, count: int) -> float:
    """Write so much over connections that are open; microseconds of CPU time for each write."""
    left = iter(range(count))

    async def work(call: Call) -> None:
        for _ in left:
            number = next(emulator.numbers)
            await call(*WRITES[number % len(WRITES)](number))

    before = own_cpu_seconds(emulator.pid)
    await asyncio.gather(*(work(call) for call in calls))
    await asyncio.sleep(LATER_SECONDS)
    return (own_cpu_seconds(emulator.pid) - before) * 1e6 / count


async def measure(turns: int, writes: int, clients: int) -> dict[str, list[float]]:
    """CPU time of a write of each emulator, turn by turn."""
    options: dict[str, tuple[str, ...]] = {WITHOUT: (), AGAIN: (), WITH: ("--state", "state")}
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = {}
        for number, (name, given) in enumerate(options.items()):
            each = stack.enter_context(emulator(folder / str(number), *given))
            calls = await stack.enter_async_context(raw_clients(each.port, clients))
            await calls[0]("CreateTable", TABLE)
            for item_number in range(ITEMS):
                await calls[0](*put(item_number))
            await write(calls, each, WARM_UP)
            running[name] = calls, each
        taken: dict[str, list[float]] = {name: [] for name in running}
        for turn in range(turns):
            for name in running if turn % 2 else reversed(running):
                taken[name].append(await write(*running[name], writes))
        return taken


def summary(taken: Sequence[float]) -> dict[str, float]:
    """Microseconds."""
    return {
        "least_tenth": statistics.quantiles(taken, n=10)[0],
        "median": statistics.median(taken),
        "mean": statistics.mean(taken),
    }


def main() -> None:
    """The command; status 1 if it costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=100, help="how often each gets writes")
    parser.add_argument("--writes", type=int, default=200, help="how many each gets in a turn")
    parser.add_argument("--clients", type=int, default=8, help="how many write at once")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    taken = asyncio.run(measure(options.turns, options.writes, options.clients))
    found = {name: summary(each) for name, each in taken.items()}
    if options.json:
        print(json.dumps(found))
    else:
        print(f"{'microseconds of CPU for a write':<32}{'least tenth':>18}{'median':>18}{'mean':>18}")
        for name, told in found.items():
            cells = [f"{value:.1f} {(value / found[WITHOUT][kind] - 1) * 100:+.1f} %" for kind, value in told.items()]
            print(f"{name:<32}" + "".join(f"{cell:>18}" for cell in cells))
    cost = found[WITH]["least_tenth"] / found[WITHOUT]["least_tenth"] - 1
    sys.exit(cost * 100 > AT_MOST_PERCENT)


if __name__ == "__main__":
    main()
