"""A project on disk and its functions, for tests of execution environments."""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
import functools
import gc
import json
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from emulator.functions.factory import Isolation, RunningFunctions, create_functions
from emulator.functions.limits import INIT_SECONDS
from emulator.functions.logs import LogSink
from emulator.functions.outcome import Failed, Outcome, Returned
from emulator.functions.processes.functions import ProcessFunctions
from emulator.functions.processes.kept import KeptTemplate
from emulator.functions.processes.launching import IMPORT_AHEAD
from emulator.functions.processes.means import Means
from emulator.functions.variables import Endpoints
from streamer.topology import Api, Function, Topology

HANGS = "hangs"
"""A function of this name never returns. Its timeout is short, as nothing has to happen before it."""
AHEAD = tuple(name for name in IMPORT_AHEAD if not name.startswith(("boto", "jwt", "s3transfer", "streamer")))
"""What the template imports here: AWS's client, without what takes it half a second and few of these functions use."""


class Lines:
    """Keeps what functions write. A LogSink."""

    def __init__(self, *, platform_lines: bool = True) -> None:
        self.platform_lines = platform_lines
        self.all: list[tuple[str, str | None, str]] = []
        self.platform: list[str] = []

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        if platform:
            self.platform.append(line)
        else:
            self.all.append((function, request_id, line))

    @property
    def texts(self) -> list[str]:
        return [line for _, _, line in self.all]


FIRST_INIT_HANGS = """
import pathlib, time
while not pathlib.Path(__file__).with_name("told").exists():
    time.sleep(0.005)
def f(event, context): return "second init"
"""
"""A module that can be imported once an init that took too long was told of, see `AfterFirstInit`."""


class AfterFirstInit(Lines):
    """Lets `FIRST_INIT_HANGS` be imported as soon as its first init is given up. A LogSink."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._told = folder / "told"

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        super().write(function, request_id, line, platform=platform)
        if line.startswith("INIT_REPORT"):
            self._told.touch()


class Project:
    """Functions named after the handlers of ``handlers.py``."""

    def __init__(
        self, folder: Path, isolation: Isolation, means: Means | None = None, *, import_ahead: Sequence[str] = AHEAD
    ) -> None:
        self.folder = folder
        self.isolation = isolation
        self.means = means
        """What environments may use of this platform; None: whatever it offers."""
        self.import_ahead = import_ahead
        self.keeps_template = True
        """Whether the process that forks its environments may be that of an earlier test, and stay for a later one."""
        self.lines = Lines()

    def write(self, code: str, name: str = "handlers.py") -> None:
        (self.folder / name).write_text(textwrap.dedent(code))

    def functions(
        self,
        *names: str,
        concurrency: int | None = None,
        endpoints: Endpoints | None = None,
        log_sink: LogSink | None = None,
        **settings: Any,
    ) -> RunningFunctions:
        topology = topology_of(*names, **settings)
        around: dict[str, Any] = {
            "endpoints": endpoints or Endpoints(),
            "project_folder": self.folder,
            "log_sink": log_sink or self.lines,
            "concurrency": concurrency,
        }
        if self.isolation == "process":
            return ProcessFunctions(
                topology, means=self.means, import_ahead=self.import_ahead, launched=self._template, **around
            )
        return create_functions(topology, self.isolation, **around)

    def processes(
        self, *names: str, freezes: bool = True, init_seconds: float = INIT_SECONDS, **settings: Any
    ) -> ProcessFunctions:
        means = self.means or Means.of_this_machine()
        return ProcessFunctions(
            topology_of(*names, **settings),
            endpoints=Endpoints(),
            project_folder=self.folder,
            log_sink=self.lines,
            means=dataclasses.replace(means, freezes=means.freezes and freezes),
            init_seconds=init_seconds,
            import_ahead=self.import_ahead,
            launched=self._template,
        )

    @property
    def _template(self) -> KeptTemplate | None:
        means = self.means or Means.of_this_machine()
        return kept_template(means, tuple(self.import_ahead)) if self.keeps_template else None


@functools.cache
def kept_template(means: Means, import_ahead: tuple[str, ...]) -> KeptTemplate:
    """Where what forks such environments stays from one test to the next: most of such a test would be its start."""
    keeper = KeptTemplate()
    atexit.register(keeper.end)
    return keeper


PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from emulator.functions.variables import Endpoints
from emulator.functions.processes.functions import ProcessFunctions
from emulator.functions.processes.means import Means
from streamer.topology import Api, Function, Topology

class Echo:
    platform_lines = False

    def write(self, function, request_id, line, *, platform=False):
        print(line, flush=True)

async def main(folder, event, platform):
    means = getattr(Means, platform)()
    around = {"endpoints": Endpoints(), "project_folder": Path(folder), "log_sink": Echo(), "import_ahead": ()}
    topology = Topology(
        api=Api(name="a", routes=()), functions=(Function(name="f", handler="handlers.f", timeout_seconds=60),)
    )
    async with ProcessFunctions(topology, means=means, **around) as f:
        await f.invoke("f", json.dumps(event).encode())
        await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""
"""Runs the function ``f`` of a folder once, prints its lines, and stays until it is killed."""


def topology_of(*names: str, **settings: Any) -> Topology:
    """Functions named after their handlers, in ``handlers.py`` unless another module is named."""
    handlers = {name: name if "." in name else f"handlers.{name}" for name in names}
    chosen: dict[str, Any] = {"timeout_seconds": 30.0} | settings
    functions = [
        Function(**({"name": name, "handler": handler} | chosen | ({"timeout_seconds": 0.3} if name == HANGS else {})))
        for name, handler in handlers.items()
    ]
    return Topology(api=Api(name="api", routes=()), functions=tuple(functions))


async def call(functions: RunningFunctions, function: str, event: Any = None) -> Any:
    """What the function returned."""
    return returned(await functions.invoke(function, json.dumps(event).encode()))


async def fail(functions: RunningFunctions, function: str, event: Any = None) -> dict[str, Any]:
    """The error the function failed with."""
    outcome = await functions.invoke(function, json.dumps(event).encode())
    assert isinstance(outcome, Failed), outcome
    error: dict[str, Any] = json.loads(outcome.payload)
    assert outcome.error_type == error["errorType"]
    return error


def returned(outcome: Outcome) -> Any:
    assert isinstance(outcome, Returned), outcome
    return json.loads(outcome.payload)


def state_of(pid: int) -> str:
    """The kernel's letter for a process, such as T for a stopped one; empty: there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def is_frozen(pid: int) -> bool:
    return state_of(pid) == "T"


def parent_of(pid: int) -> int:
    """The process that started it."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def alive(pid: int) -> bool:
    """Whether the process runs, or could. One that nobody has waited for yet is over as well."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def descriptors() -> int:
    """How many files this process has open, but for those that are only garbage."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until it is so, and fail when that takes too long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.005)
