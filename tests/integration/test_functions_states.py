"""Environments at every moment of their life: freezing, reloading, stopping, dying."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import shlex
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from functions_world import (
    FIRST_INIT_HANGS,
    AfterFirstInit,
    Project,
    call,
    descriptors,
    is_frozen,
    returned,
    state_of,
    until,
)
from loop_timers import timers

from emulator.functions.outcome import Failed, Outcome, Refused, Returned
from emulator.functions.processes.descendants import Unknown
from emulator.functions.processes.means import Means
from emulator.functions.processes.meter import ProcessFiles
from emulator.functions.processes.process import Process
from emulator.functions.processes.template import Template

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="uses /proc")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path, "process")
    made.keeps_template = False  # a socket to it is left open: descriptors are counted here
    return made


@pytest.fixture(params=[True, False], ids=["frozen when idle", "running when idle"])
def freezes(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


GATED = """
import os
def f(event, context):
    if event: open(event).close()
    return os.getpid()
"""


def gate(project: Project, name: str = "gate") -> str:
    """A named pipe: who opens it for reading waits until it is opened for writing."""
    os.mkfifo(project.folder / name)
    return str(project.folder / name)


async def opened(path: str) -> None:
    """Let the function through that waits there."""
    os.close(await asyncio.to_thread(os.open, path, os.O_WRONLY))


async def test_an_event_that_finds_the_only_environment_busy_starts_the_second_at_once(project: Project) -> None:
    project.write(GATED)
    path = gate(project)
    async with project.processes("f") as functions:
        await call(functions, "f")
        first = functions.invoke("f", f'"{path}"'.encode())
        assert functions.environments() == 1
        second = functions.invoke("f", b"null")
        assert functions.environments() == 2
        pid = returned(await second)
        await opened(path)
        assert returned(await first) != pid


async def test_where_no_other_environment_can_be_started_events_wait_for_those_that_run(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.write(GATED)
    path = gate(project)
    async with project.processes("f") as functions:
        first = await call(functions, "f")
        template = functions._template._process
        assert template is not None
        before = resource.prlimit(template.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(template.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        running = functions.invoke("f", f'"{path}"'.encode())
        waiting = [functions.invoke("f", b"null") for _ in range(3)]
        await until(lambda: bool(caplog.messages))
        assert not any(each.done() for each in waiting)
        await opened(path)

        assert {returned(each) for each in await asyncio.gather(running, *waiting)} == {first}
        assert caplog.messages == [
            "no more of a function's environments can be started; its events wait for those that run: "
            "[Errno 24] Too many open files"
        ]
        await functions.retire("f")
        assert isinstance(await functions.invoke("f", b"null"), Refused)
        resource.prlimit(template.pid, resource.RLIMIT_NOFILE, before)
        assert await call(functions, "f") != first


# freezing

LATE = """
import json, os, time, urllib.request
base = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(f"{base}/next") as asked:
        request_id = asked.headers["Lambda-Runtime-Aws-Request-Id"]
    answer = json.dumps(os.getpid()).encode()
    urllib.request.urlopen(urllib.request.Request(f"{base}/{request_id}/response", answer, method="POST")).close()
    time.sleep(0.1)  # some periods of looking after environments
"""


async def test_an_environment_that_asks_late_for_the_next_event_rests_all_the_same(project: Project) -> None:
    project.write(LATE, "late.py")
    command = shlex.join([sys.executable, str(project.folder / "late.py")])
    async with project.processes("f", runtime=command, handler="any.thing") as functions:
        for _ in range(2):
            pid = await call(functions, "f")
            await until(partial(is_frozen, pid))
        assert await call(functions, "f") == pid


async def test_nobody_looks_after_environments_that_rest(project: Project, freezes: bool) -> None:
    project.write(GATED)
    async with project.processes("f", freezes=freezes) as functions:
        for _ in range(3):
            outcome = functions.invoke("f", b"null")
            assert functions._watch is not None
            assert isinstance(await outcome, Returned)
            await until(lambda: functions._watch is None)


@pytest.mark.parametrize("threads", [False, True], ids=["one thread", "several threads"])
async def test_what_threads_do_after_the_return_does_not_happen_until_the_next_event(
    project: Project, threads: bool
) -> None:
    project.write(
        """
        import os, threading
        def spin():
            while True: pass
        def f(event, context):
            if event: threading.Thread(target=spin, daemon=True).start()
            return os.getpid()
        """
    )
    async with project.processes("f") as functions:
        pid = await call(functions, "f", threads)
        await until(lambda: state_of(pid) == "T")
        used = Process(ProcessFiles(), Unknown())
        used._pid = pid
        before = used.demand_seconds()
        for _ in range(20):
            await asyncio.sleep(0.002)
        assert used.demand_seconds() == before
        assert await call(functions, "f", threads) == pid


async def test_a_process_that_was_to_be_frozen_before_its_id_was_known_is_frozen_then(project: Project) -> None:
    project.write(GATED)
    async with project.processes("f") as functions:
        pid = await call(functions, "f")
        await until(lambda: state_of(pid) == "T")
        os.kill(pid, signal.SIGCONT)
        process = Process(ProcessFiles(), Unknown())
        process.freeze()

        class Started(Template):
            async def start(self, *_: Any, **__: Any) -> int:
                return int(pid)

        template = Started(Means.of_this_machine(), Unknown())
        await process.start(
            template, environment={}, folder="", command=None, output=0, channel=None, ended=lambda _: None
        )
        await until(lambda: state_of(pid) == "T")


# dying


async def test_an_environment_that_dies_between_events_is_replaced(project: Project, freezes: bool) -> None:
    project.write(GATED)
    async with project.processes("f", freezes=freezes) as functions:
        for _ in range(3):
            pid = await call(functions, "f")
            if freezes:
                await until(partial(is_frozen, pid))
            os.kill(pid, signal.SIGKILL)
            await until(lambda: functions.environments() == 0)
            assert await call(functions, "f") != pid


async def test_an_environment_may_die_at_any_moment_after_its_answer(project: Project) -> None:
    project.write(
        """
        import os, signal
        def f(event, context):
            signal.setitimer(signal.ITIMER_REAL, event / 1_000_000)
            return os.getpid()
        """
    )
    async with project.processes("f") as functions:
        for microseconds in range(100, 5000, 200):
            outcome = await asyncio.wait_for(functions.invoke("f", str(microseconds).encode()), 60)
            assert isinstance(outcome, (Returned, Failed))


# reloading and stopping


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 4, 6, 10, 20, 50])
async def test_a_reload_while_an_environment_starts_loses_neither_the_event_nor_a_descriptor(
    project: Project, turns: int
) -> None:
    project.write(GATED)
    path, before = gate(project), descriptors()
    async with project.processes("f") as functions:
        outcome = functions.invoke("f", f'"{path}"'.encode())
        for _ in range(turns):
            await asyncio.sleep(0)
        await functions.reload()
        await opened(path)
        assert isinstance(await asyncio.wait_for(outcome, 60), Returned)
        assert functions.environments() <= 1  # none where it had begun before the reload: that one ended with its event
    gc.collect()

    await until(lambda: descriptors() <= before)


@pytest.mark.parametrize("moment", ["busy", "answered", "frozen", "running"])
async def test_a_reload_lets_events_finish_and_gives_the_next_the_new_code(project: Project, moment: str) -> None:
    project.write(GATED)
    path = gate(project)
    async with project.processes("f", freezes=moment != "running") as functions:
        pid = await call(functions, "f")
        first = functions.invoke("f", f'"{path}"'.encode() if moment == "busy" else b"null")
        if moment == "busy":
            await functions.reload()
            await opened(path)
            assert returned(await first) == pid
        else:
            assert returned(await first) == pid
            if moment == "frozen":
                await until(lambda: state_of(pid) == "T")
            await functions.reload()
        project.write("def f(event, context): return 'new'")
        assert await call(functions, "f") == "new"
        await until(lambda: state_of(pid) in {"", "Z"})


@pytest.mark.parametrize("end", ["reload", "stop"])
async def test_an_event_whose_init_is_about_to_be_repeated_is_not_lost(project: Project, end: str) -> None:
    project.write(FIRST_INIT_HANGS)
    meanwhile = asyncio.Event()

    class Sink(AfterFirstInit):
        def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
            super().write(function, request_id, line, platform=platform)
            if line.startswith("INIT_REPORT"):
                asyncio.get_running_loop().call_soon(act)

    def act() -> None:
        for pool in functions._pools.values():
            pool.retire("the code changed") if end == "reload" else pool.end()
        meanwhile.set()

    project.lines = Sink(project.folder)
    async with project.processes("f", init_seconds=0.2) as functions:
        outcome = functions.invoke("f", b"null")
        await meanwhile.wait()
        told = await asyncio.wait_for(outcome, 60)

    assert (returned(told) == "second init") if end == "reload" else isinstance(told, Failed)


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 4, 6, 10, 20, 50])
async def test_a_stop_while_an_environment_starts_answers_the_event_and_leaves_nothing(
    project: Project, turns: int
) -> None:
    project.write(GATED)
    path, before = gate(project), (descriptors(), timers())
    async with project.processes("f") as functions:
        outcome = functions.invoke("f", f'"{path}"'.encode())
        for _ in range(turns):
            await asyncio.sleep(0)

    assert isinstance(await asyncio.wait_for(outcome, 60), (Refused, Failed))
    assert (descriptors(), timers()) == before


@pytest.mark.parametrize("moment", ["busy", "waiting", "answered", "frozen", "running"])
async def test_a_stop_at_any_later_moment_leaves_nothing(project: Project, moment: str) -> None:
    project.write(GATED)
    path = gate(project)
    before = descriptors(), timers()
    outcomes: list[asyncio.Future[Outcome]] = []
    async with project.processes("f", freezes=moment != "running") as functions:
        pid = await call(functions, "f")
        if moment == "frozen":
            await until(lambda: state_of(pid) == "T")
        if moment in {"busy", "waiting"}:
            outcomes = [functions.invoke("f", f'"{path}"'.encode()) for _ in range(30 if moment == "waiting" else 1)]
            await asyncio.sleep(0)

    for outcome in outcomes:
        assert isinstance(await asyncio.wait_for(outcome, 60), (Refused, Failed))
    assert state_of(pid) in {"", "Z"}
    assert (descriptors(), timers()) == before


@pytest.mark.parametrize("isolation", ["inline", "process"])
async def test_after_the_stop_events_are_turned_away(tmp_path: Path, isolation: str) -> None:
    project = Project(tmp_path, isolation)  # type: ignore[arg-type]
    project.write(GATED)
    before = timers()
    async with project.functions("f") as functions:
        await call(functions, "f")
    outcome = await asyncio.wait_for(functions.invoke("f", b"null"), 60)

    assert isinstance(outcome, Refused)
    assert outcome.status == 500
    assert timers() == before
