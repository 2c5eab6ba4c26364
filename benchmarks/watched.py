"""What the console costs: ``python -m benchmarks.watched [--before FOLDER] [--pairs N] [--only PART,...]``.

``--before`` is a folder with the code of another commit, such as that before the console: ``git archive COMMIT | tar -x
-C FOLDER``. Without it, what messages cost while nobody looks is measured as the looks whether anybody does. What is
compared runs in turns, many times, and is measured by CPU time; medians are told, with the requirement that each has to
reach: exit status 1 if one does not. What needs Chromium is left out where that, or playwright, is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.page import page_figures
from benchmarks.processes import own_cpu_seconds
from benchmarks.servers import ROOT, STREAMER, ours
from benchmarks.tasks import watched as watched_server
from emulator.console.assets import FOLDER
from emulator.console.recording.ring import BYTES, RECORDS
from emulator.foundation.recording import Recording

PARTS: Final = ("path", "start", "memory", "files", "served", "page")
MESSAGE: Final = "a client's message"
POST: Final = "its POST to @connections"
RECORDED: Final = "  the same while it is recorded"
RUN: Final = "  recording the invocation"
LOOKS: Final = 5
"""How often an echo looks whether anybody records: message, answer, invocation, line and POST."""
BY_CPU: Final = (
    "import runpy, sys, time; time.perf_counter = time.process_time; "
    "sys.path.insert(0, sys.argv[1]); runpy.run_path(sys.argv[1] + '/benchmarks/message_path.py', run_name='__main__')"
)
"""Runs a tree's own measurement of the message path; older ones measured the time on the wall."""
FILL: Final = """
import json, sys, time
from benchmarks.processes import own_pss_mb
from benchmarks.message_path import EVENT, OUTCOME, TRACE
from emulator.console.recording.recorder import RingRecorder
from emulator.console.recording.ring import Ring
from emulator.gateway.rules.effects import Invoke, Replied
from emulator.port.http import HttpRequest, HttpResponse
import os
size = int(sys.argv[1])
recorder = RingRecorder(Ring(), time.time_ns, lambda keep, record: keep(record))
def message(number):
    text = json.dumps({"action": "echo", "id": f"m-{number}", "payload": {"text": "x" * size}})
    event = {"requestContext": {"connectionId": "c" * 16, "requestId": f"r{number}"}, "body": text}
    invoke = Invoke("echo", event, 29.0, f"r{number}", "echo")
    recorder.message("c" * 16, text, [invoke])
    recorder.run("echo", json.dumps(event).encode(), OUTCOME, number=0, trace=TRACE, waited_ms=0.1, duration_ms=1.5,
        init_ms=None, memory_mb=40)
    recorder.line("echo", "id", "a line " + str(number))
    fields = {"authorization": "AWS4-HMAC-SHA256 " + str(number) * 50, "x-amz-date": str(number)}
    target = f"/dev/@connections/{number}"
    request = HttpRequest("POST", target, tuple(fields.items()), text.encode(), "127.0.0.1", fields)
    recorder.call(request, HttpResponse(200, b"", (("x-amzn-requestid", f"r{number}"),)), "echo", number)
    recorder.answered(invoke, Replied(b"{}"), [])
before = own_pss_mb(os.getpid())
for number in range(60_000 if size < 4000 else 12_000):
    message(number)
print(own_pss_mb(os.getpid()) - before, len(recorder.ring), recorder.ring.bytes)
"""


_missed: Final[list[str]] = []


def tell(what: str, value: float | None, unit: str, most: float, spread: str = "") -> None:
    """One line: the figure, what it may be, and whether it is."""
    if value is None:
        print(f"{what:76} {'not measured':>14}")
        return
    verdict = "reached" if value <= most else "MISSED"
    if value > most:
        _missed.append(what)
    print(f"{what:76} {value:9.2f} {unit:4} at most {most:g}  {verdict}  {spread}", flush=True)


def spread(values: list[float]) -> str:
    """The middle half of some figures."""
    if len(values) < 4:
        return ""
    low, _middle, high = statistics.quantiles(values, n=4)
    return f"(half of {len(values)} between {low:.2f} and {high:.2f})"


# the path of a message


def message_path(tree: Path) -> dict[str, float]:
    """Microseconds of a tree's lines, by name; a line that repeats is named after the one above it."""
    done = subprocess.run(
        [sys.executable, "-c", BY_CPU, str(tree)], cwd=tree, capture_output=True, text=True, check=True, timeout=300
    )
    found: dict[str, float] = {}
    above = ""
    for line in done.stdout.splitlines():
        name, value = line[:-3].rsplit(maxsplit=1)
        above = name.strip() if not name.startswith("  ") else above
        found[name.strip() if name.strip() == above else f"{above}/{name.strip()}"] = float(value)
    return found


def picked(lines: dict[str, float], begin: str, then: str = "") -> float:
    """The figure of a line; ``then`` begins the name of one below it."""
    return next(
        value
        for name, value in lines.items()
        if name.startswith(begin) and (("/" in name) == bool(then)) and name.partition("/")[2].startswith(then.strip())
    )


class _Shell:
    """Looks for the recorder as those that tell it something do."""

    __slots__ = ("recording",)

    def __init__(self) -> None:
        self.recording = Recording()


def path(before: Path | None, pairs: int) -> None:
    """An echo's message and POST: in both trees, and while it is recorded."""
    shut: list[float] = []
    recorded: list[float] = []
    for number in range(pairs):
        trees = [ROOT, *([before] if before else [])]
        told = {tree: message_path(tree) for tree in (trees if number % 2 else trees[::-1])}
        now = told[ROOT]
        plain = picked(now, MESSAGE) + picked(now, POST)
        kept = picked(now, MESSAGE, RECORDED) + picked(now, POST, RECORDED) + picked(now, POST, RUN)
        recorded.append(kept - plain)
        if before:
            shut.append(plain - picked(told[before], MESSAGE) - picked(told[before], POST))
    if not shut:
        looks = timeit.repeat("at.recording.now is None", "", number=100_000, globals={"at": _Shell()})
        tell("an echo, nobody looks and the gate shut: its looks", min(looks) * 10 * LOOKS, "us", 0.5)
    else:
        tell(
            "an echo, nobody looks and the gate shut, above the commit before",
            statistics.median(shut),
            "us",
            0.5,
            spread(shut),
        )
    tell("an echo that is recorded, above one that is not", statistics.median(recorded), "us", 5, spread(recorded))


# start, memory, files


def _start_cpu(folder: Path, option: str) -> tuple[float, float]:
    """CPU and time on the wall until a command is ready, in milliseconds."""
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    command = [str(STREAMER), "emulate", "app:app", "--port", "0", "--ready-file", str(ready), "--no-reload"]
    # With compiled files, as everybody but the first start has them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--isolation", "inline", option], cwd=folder, env={**environment, "JWT_SECRET": "s" * 32},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not ready.exists():
            if process.poll() is not None:
                sys.exit("the emulator did not start")
            time.sleep(0.002)
        return own_cpu_seconds(process.pid) * 1000, (time.perf_counter() - began) * 1000
    finally:
        process.terminate()
        process.wait(timeout=30)


def start(pairs: int) -> None:
    """With the console and without it, in a folder where certificates and tokens have been made already."""
    cpu: list[float] = []
    wall: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text("from streamer import App\n\napp = App()\n")
        _start_cpu(folder, "--console")
        for number in range(pairs):
            options = ("--console", "--no-console")
            told = {option: _start_cpu(folder, option) for option in (options if number % 2 else options[::-1])}
            cpu.append(told["--console"][0] - told["--no-console"][0])
            wall.append(told["--console"][1] - told["--no-console"][1])
    tell("start to ready, above --no-console: CPU", statistics.median(cpu), "ms", 5, spread(cpu))
    tell("the same: time on the wall", statistics.median(wall), "ms", 5, spread(wall))


def memory() -> None:
    """A recorder that is full, by number and by bytes."""
    for what, size in ((f"{RECORDS:,} changes of small messages", 20), (f"{BYTES >> 20} MB of large ones", 8000)):
        done = subprocess.run(
            [sys.executable, "-c", FILL, str(size)], cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}"},
            capture_output=True, text=True, check=True, timeout=300,
        )  # fmt: skip
        grown, count, held = done.stdout.split()
        tell(
            f"memory of a recorder with {what}", float(grown), "MB", 48, f"({count} changes, {int(held) >> 20} MB told)"
        )


def files() -> None:
    """What the page consists of."""
    import gzip  # noqa: PLC0415 - this part alone

    found = [each.read_bytes() for each in FOLDER.rglob("*") if each.is_file()]
    vendored = (FOLDER / "vendor" / "preact-htm.js").read_bytes()
    tell("files of the page, raw", sum(map(len, found)) / 1024, "KB", 250)
    tell("files of the page, gzipped", sum(len(gzip.compress(each)) for each in found) / 1024, "KB", 75)
    tell("of which not ours", len(vendored) / 1024, "KB", 16)


async def served(pairs: int) -> None:
    """A server under load, with a reader and without one."""
    lost: list[float] = []
    for _ in range(pairs):
        async with ours("plain:topology", "inline") as running:
            lost.append((await watched_server(running))["watched"].value)
    tell("throughput that a reader of everything costs, by CPU", statistics.median(lost), "%", 10, spread(lost))


def _page(seconds: float) -> Iterator[tuple[str, float | None, str, float]]:
    if shutil.which("chromium") is None:
        yield "the page in Chromium", None, "", 0
        return
    try:
        figures: dict[str, Any] = asyncio.run(page_figures(seconds))
    except ModuleNotFoundError:
        yield "the page in Chromium: playwright is not installed", None, "", 0
        return
    yield "first paint with content", figures["first_row_ms"], "ms", 500
    yield "2,000 events a second and 20,000 rows: main thread, by its CPU", figures["busy_percent"], "%", 50
    yield "the same: heap", figures["heap_mb"], "MB", 64
    yield "the same: a key is answered, p50", figures["key_ms"], "ms", 100
    yield "polls a second", figures["polls"], "", 10
    yield "polls of a page that is hidden", figures["hidden_polls"], "", 0


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watched", description=__doc__.partition("\n")[0])
    parser.add_argument("--before", type=Path, help="a folder with the code of another commit")
    parser.add_argument("--pairs", type=int, default=7, help="how often each comparison is made")
    parser.add_argument("--only", default="", help=f"parts, by commas: {', '.join(PARTS)}")
    arguments = parser.parse_args()
    wanted = [part for part in PARTS if not arguments.only or part in arguments.only.split(",")]
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {json.dumps(wanted)}")
    for part in wanted:
        match part:
            case "path":
                path(arguments.before and arguments.before.resolve(), arguments.pairs)
            case "start":
                start(arguments.pairs * 3)
            case "memory":
                memory()
            case "files":
                files()
            case "served":
                asyncio.run(served(arguments.pairs))
            case _:
                for what, value, unit, most in _page(10.0):
                    tell(what, value, unit, most)
    if _missed:
        sys.exit(f"{len(_missed)} missed: {'; '.join(each.strip() for each in _missed)}")


if __name__ == "__main__":
    main()
