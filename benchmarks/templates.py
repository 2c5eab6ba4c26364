"""What it costs to emulate a project from its templates: reading it, starting it, and saving its files."""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from websockets.asyncio.client import ClientConnection

from benchmarks import load, node
from benchmarks.cdk_project import write_project
from benchmarks.processes import cpu_seconds
from benchmarks.servers import STREAMER, Running, ours
from benchmarks.tasks import Measured, Results
from emulator.templates.assembly import find
from emulator.templates.project import Settings, resolved_project

ROUNDS: Final = 5
SAM: Final = "saved_sam.yaml"
NODE_SAM: Final = "node_sam.yaml"
PLAIN: Final = "without_services.yaml"
SAVES: Final = 5
"""How often a file is saved; the first save is not counted."""
SAVED: Final = {"save-python": ("python", "saved/app.py"), "save-javascript": ("javascript", "saved/index.mjs")}
SAVED_TEMPLATE: Final = "save-template"


async def measure() -> Results:
    """What is read, and what is started."""
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder))
        results = {**_checked(Path(folder)), **_resolved(Path(folder))}
    results |= await _ready()
    if (reason := node.missing()) is None:
        return results | await _first_client()
    print(f"templates: nothing with Node.js: {reason}", file=sys.stderr)
    return results


# reading


def _checked(folder: Path) -> Results:
    """``--check``, from its command to its end."""
    command = [str(STREAMER), "emulate", "cdk.out", "--check"]
    times, cpu = [], []
    for _ in range(ROUNDS + 1):
        began, before = time.perf_counter(), _children()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
        cpu.append(_children() - before)
    # The first one may unpack and compile.
    return {"check-cdk": _median(times[1:], {"cpu_ms": round(statistics.median(cpu[1:]) * 1000)})}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _resolved(folder: Path) -> Results:
    """The same template, from its text to resources with all their properties."""
    project = find("cdk.out", folder, stack=None)
    times, cpu = [], []
    for _ in range(2 * ROUNDS):
        began, before = time.perf_counter(), time.process_time()
        (stack,) = resolved_project(project, Settings(), folder / "state").stacks
        times.append(time.perf_counter() - began)
        cpu.append(time.process_time() - before)
    details = {"cpu_ms": round(statistics.median(cpu) * 1000, 1), "resources": len(stack.resources)}
    return {"resolve-cdk": _median(times, details)}


def _median(seconds: list[float], details: dict[str, Any] | None = None) -> Measured:
    each = {"rounds_ms": [round(one * 1000, 1) for one in seconds], **(details or {})}
    return Measured(statistics.median(seconds) * 1000, each)


# starting


async def _ready() -> Results:
    """Starts of projects that were never started before: what is expanded once is expanded."""
    found: Results = {}
    for row, target in (("ready-template", PLAIN), ("ready-sam", SAM)):
        times, cpu = [], []
        for _ in range(ROUNDS):
            async with ours(target, "process", prepare=_without_node if node.program_missing() else None) as running:
                times.append(running.ready_seconds)
                cpu.append(cpu_seconds(running.pid))
        found[row] = _median(times, {"cpu_s": round(statistics.median(cpu), 2)})
    return found


def _without_node(folder: Path) -> None:
    """Take what needs Node.js out of the project."""
    path = folder / SAM
    path.write_text(path.read_text().replace("Runtime: nodejs20.x", "Runtime: python3.12").replace("index.", "app."))


async def _first_client() -> Results:
    """From the command of a project with three functions in Node.js to its first client, connected; and its echoes."""
    times: list[float] = []
    for _ in range(ROUNDS):
        async with ours(NODE_SAM, "process", prepare=node.provide) as running:
            began = time.perf_counter()
            client = await load.dial(running.url)
            times.append(running.ready_seconds + time.perf_counter() - began)
            await client.close()
    found: Results = {"node-first": _median(times)}
    async with ours(NODE_SAM, "process", prepare=node.provide) as running:
        for row, action in (("node-echo-kept", "kept"), ("node-echo-each", "each")):
            echoes = await load.echoes(running.url, seconds=4, action=action)
            found[row] = Measured(echoes.p(50), echoes.details())
    return found


# saving


async def measure_saves() -> Results:
    """From a file's writing until the first message that it answers, on a connection that stays open."""
    reason = node.program_missing()
    if reason is not None:
        print(f"saves: nothing with Node.js: {reason}", file=sys.stderr)
    with_node = reason is None
    prepare = None if with_node else _without_node
    async with ours(SAM, "process", "--reload", prepare=prepare) as running:
        client = await load.dial(running.url)
        found: Results = {}
        for row, (action, name) in SAVED.items():
            if with_node or action == "python":
                found[row] = await _saved(running, client, action, name, "v{}-")
        found[SAVED_TEMPLATE] = await _saved(running, client, "python", SAM, "w{}-")
        await client.close()
    return found


async def _saved(running: Running, client: ClientConnection, action: str, name: str, marked: str) -> Measured:
    assert running.folder is not None
    path, times = running.folder / name, []
    await _until(client, action, marked.format(0))
    for number in range(SAVES + 1):
        text = path.read_text()
        before, after = marked.format(number), marked.format(number + 1)
        if before not in text:
            raise RuntimeError(f"{name} does not say {before}")
        began = time.perf_counter()
        path.write_text(text.replace(before, after))
        await _until(client, action, after)
        times.append(time.perf_counter() - began)
    return _median(times[1:])


async def _until(client: ClientConnection, action: str, wanted: str) -> None:
    """Ask until the answer has what is wanted."""
    async with asyncio.timeout(load.PATIENCE_SECONDS):
        while True:
            await client.send(json.dumps({"action": action}))
            if wanted in str(await client.recv(decode=True)):
                return
            await asyncio.sleep(0.005)  # the questions are to leave the machine to what is measured
