"""``python -m benchmarks``: measures the emulator and its installed peers, one after the other, and prints one table.

python -m benchmarks [--only TASK,...] [--servers NAME,...] [--rounds N] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import compileall
import contextlib
import json
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from benchmarks import cold_start, commands, iam, node, services, templates
from benchmarks.report import OURS, as_json, document, machine, table
from benchmarks.servers import ROOT, Running, Server, all_servers, tail, warm
from benchmarks.tasks import TASKS, Measured, Results, Task

OWN_STARTS = 3
"""How often our own command is started at least when its start is measured."""
PARTS = {
    "commands": commands.measure,
    "templates": templates.measure,
    "saves": templates.measure_saves,
    "node": node.measure,
    "services": services.measure,
    "iam": iam.measure,
}
"""What is measured of us alone, each part starting what it needs."""


class Bench:
    """Runs the chosen tasks on the chosen servers and keeps the figures."""

    def __init__(self, servers: Sequence[Server], chosen: frozenset[str] | None) -> None:
        self._servers = servers
        self._chosen = chosen
        self.figures: dict[str, dict[str, list[Measured]]] = defaultdict(lambda: defaultdict(list))

    def wants(self, task: str) -> bool:
        """Whether a task was chosen."""
        return self._chosen is None or task.removesuffix("-peer").removesuffix("-slow") in self._chosen

    async def run_round(self) -> None:
        """Everything once."""
        if self.wants("import"):
            self._keep("process", cold_start.measure())
        for name, measure in PARTS.items():
            if self.wants(name):
                try:
                    self._keep("process", await measure())
                except (OSError, RuntimeError, TimeoutError) as error:
                    print(f"{name} failed: {type(error).__name__}: {error}", file=sys.stderr)
        for server in self._servers:
            if server.missing is None:
                await self._run_server(server)

    async def _run_server(self, server: Server) -> None:
        tasks = [task for task in TASKS.values() if task.name in server.tasks and self.wants(task.name)]
        groups = [[task for task in tasks if not task.is_fresh], *([task] for task in tasks if task.is_fresh)]
        groups = [group for group in groups if group]
        if self.wants("ready") and "ready" in server.tasks:
            wanted = 1 if server.is_peer else OWN_STARTS
            groups += [[] for _ in range(wanted - len(groups))]
        for group in groups:
            await self._run_group(server, group)

    async def _run_group(self, server: Server, group: Sequence[Task]) -> None:
        names = ", ".join(task.name for task in group) or "start"
        began = time.perf_counter()
        print(f"{server.name}: {names} ...", end=" ", file=sys.stderr, flush=True)
        try:
            async with server.start() as running:
                if "ready" in server.tasks:
                    self._keep(server.column, {"ready": Measured(running.ready_seconds * 1000)})
                if server.is_warmed and any(not task.is_fresh for task in group):
                    await warm(running)
                for task in group:
                    self._keep(server.column, await _attempt(task, running))
        except (RuntimeError, TimeoutError) as error:
            print(f"it does not work: {str(error) or 'no answer'}", file=sys.stderr)
        print(f"{time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)

    def _keep(self, column: str, results: Results) -> None:
        for row, measured in results.items():
            self.figures[column][row].append(measured)

    def derive(self) -> None:
        """Figures that follow from others."""
        process, inline = (self.figures[name].get("echo-sender", []) for name in ("process", "inline"))
        for one, other in zip(process, inline, strict=False):
            self.figures["process"]["process-above-inline"].append(Measured(one.value - other.value))
        for name in OURS:
            if measured := self.figures[name].get("throughput"):
                self.figures[name]["throughput-apart"] = measured


async def _attempt(task: Task, running: Running) -> Results:
    """A task that fails says so and leaves its row empty; the others go on."""
    try:
        return await task.run(running)
    except Exception as error:  # noqa: BLE001 - top of a task: a server may fail in any way, and that is a result
        said = tail(running.log) if running.log is not None else ""
        print(f"\n  {task.name} failed: {type(error).__name__}: {error}\n{said}", file=sys.stderr)
        return {}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--only", default="", help=f"tasks, by commas: ready, import, {', '.join(PARTS)}, {', '.join(TASKS)}"
    )
    parser.add_argument("--servers", default="", help="servers, by commas; ours: bare, process, inline, app")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    parser.add_argument("--rounds", type=int, default=1, help="how often everything is measured; medians are shown")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--document", action="store_true", help="also put the table into docs/performance.md")
    return parser.parse_args()


def _chosen(names: str, known: Sequence[str], what: str) -> frozenset[str] | None:
    wanted = frozenset(name.strip() for name in names.split(",") if name.strip())
    if unknown := wanted - set(known):
        sys.exit(f"there is no {what} {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    return wanted or None


async def _main(arguments: argparse.Namespace) -> None:
    everyone = all_servers()
    names = _chosen(arguments.servers, [server.name for server in everyone], "server")
    tasks = _chosen(arguments.only, ["ready", "import", *PARTS, *TASKS], "task")
    servers = [
        server
        for server in everyone
        if (names is None or server.name in names) and not (server.is_peer and arguments.no_peers)
    ]
    bench = Bench(servers, tasks)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each start would compile what the one before did
    for package in ("streamer", "emulator", "deploy"):
        # As an installation does it; otherwise a first start would compile what was just changed.
        compileall.compile_dir(ROOT / package, quiet=2)
    running = asyncio.current_task()
    assert running is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)  # or servers would be left behind
    try:
        for _ in range(arguments.rounds):
            await bench.run_round()
    finally:  # what there is when somebody has seen enough
        _tell(bench, servers, arguments)


def _tell(bench: Bench, servers: Sequence[Server], arguments: argparse.Namespace) -> None:
    bench.derive()
    where = machine()
    print(
        f"\n{where['processor']}, {where['cores']} cores, Python {where['python']}, load {where['load_average'][0]}\n"
    )
    print(table(bench.figures, servers))
    for server in servers:
        if server.missing is not None:
            print(f"\n{server.title}: {server.missing}")
    if arguments.document:
        document(bench.figures, servers)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(as_json(bench.figures, servers), indent=1) + "\n")


def main() -> None:
    """The command."""
    arguments = _arguments()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    run: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - the client should be the lightest part, but need not be

        run = uvloop.run
    try:
        run(_main(arguments))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("stopped before everything was measured")


if __name__ == "__main__":
    main()
