"""What a function starts in a session of its own rests with it, and ends with it, however it was started."""

from __future__ import annotations

import dataclasses
import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest
from functions_world import PROGRAM, Project, alive, call, fail, is_frozen, parent_of, state_of, until

from emulator.functions.processes.descendants import AskedSystem, Descendants, ProcessFiles, Unknown, descendants
from emulator.functions.processes.means import Means

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")

HERE = Means.of_this_machine()
PLATFORMS = {
    "subreaper": HERE,
    "subreaper, new interpreters": dataclasses.replace(HERE, forks=False),
    "no subreaper": dataclasses.replace(HERE, subreaper=False),
    "any Unix with psutil": Means.of_any_unix(),
}
CODE = """
import os, signal, subprocess, sys, time
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]

def session():
    return subprocess.Popen(SLEEP, start_new_session=True).pid

def daemon(run=lambda: os.execv(SLEEP[0], SLEEP)):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writing, str(os.getpid()).encode())
            run()
        os._exit(0)
    os.wait()
    return int(os.read(reading, 20))

def fork():
    return daemon(lambda: time.sleep(600))

def grandchild():
    code = "import os, subprocess, sys; print(subprocess.Popen(sys.argv[1:], start_new_session=True, stdout=2).pid)"
    command = [sys.executable, "-c", code, *SLEEP]
    return int(subprocess.run(command, stdout=subprocess.PIPE, start_new_session=True).stdout)

STARTED = []

def start(how):
    STARTED.append(how)
    print(globals()[how](), flush=True)

if "AT_INIT" in os.environ:
    start(os.environ["AT_INIT"])

def f(event, context):
    if event["how"] not in STARTED:
        start(event["how"])
    if event["then"] == "hang": time.sleep(600)
    if event["then"] == "exit": os._exit(1)
    if event["then"] == "kill": os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()
"""
WAYS = ["session", "daemon", "fork", "grandchild"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path, "process")
    made.write(CODE)
    return made


@pytest.mark.parametrize("then", ["hang", "exit", "kill", "return"])
@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_daemon_ends_with_its_environment(project: Project, platform: str, how: str, then: str) -> None:
    project.means = PLATFORMS[platform]
    # Before the event that hangs, in the init: what has to happen is not within its timeout.
    begins: dict[str, Any] = {"environment": {"AT_INIT": how}, "timeout_seconds": 0.4} if then == "hang" else {}
    async with project.processes("f", **begins) as functions:
        event = {"how": how, "then": then}
        if then == "return":
            await call(functions, "f", event)
        else:
            await fail(functions, "f", event)
            await until(lambda: not alive(int(project.lines.texts[0])))
        assert functions.environments() == (1 if then == "return" else 0)

    await until(lambda: not alive(int(project.lines.texts[0])))  # killed, it may take a moment to be gone


@pytest.mark.parametrize("how", WAYS)
async def test_a_daemon_rests_between_events(project: Project, how: str) -> None:
    async with project.functions("f") as functions:
        for _ in range(2):
            environment = await call(functions, "f", {"how": how, "then": "return"})
            daemon = int(project.lines.texts[0])
            for pid in (environment, daemon):
                await until(partial(is_frozen, pid))
        event = functions.invoke("f", b'{"how": "session", "then": "hang"}')
        await until(lambda: state_of(daemon) == "S")
        event.cancel()


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("killed", ["emulator", "template"])
def test_after_a_kill_no_daemon_is_left(project: Project, how: str, killed: str) -> None:
    program = project.folder / "program.py"
    program.write_text(textwrap.dedent(PROGRAM).replace("json.dumps(event)", "event"))
    command = [
        sys.executable,
        str(program),
        str(project.folder),
        f'{{"how": "{how}", "then": "hang"}}',
        "of_this_machine",
    ]
    search = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | search) as emulator:
        try:
            assert emulator.stdout is not None
            daemon = int(emulator.stdout.readline())
            (template,) = psutil.Process(emulator.pid).children()
            end = os.pidfd_open(daemon)
            os.kill(emulator.pid if killed == "emulator" else template.pid, signal.SIGKILL)
            assert select.select([end], [], [], 60)[0]
            os.close(end)
        finally:
            emulator.kill()


async def test_a_daemon_of_one_environment_outlives_the_end_of_another(project: Project) -> None:
    project.write("import os\nfrom handlers import *\ndef g(event, context): os._exit(1)", "others.py")
    async with project.functions("f", "others.g") as functions:
        await call(functions, "f", {"how": "daemon", "then": "return"})
        daemon = int(project.lines.texts[0])
        await fail(functions, "others.g")
        assert alive(daemon)

    assert not alive(daemon)


LOOKS: dict[str, Descendants] = {"process files": ProcessFiles(), "psutil": AskedSystem(psutil)}


@pytest.mark.parametrize("way", LOOKS)
def test_descendants_are_found_by_their_parents_and_by_their_folder(tmp_path: Path, way: str) -> None:
    code = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    environment = {**os.environ, "TMPDIR": str(tmp_path / "f" / "0")}
    other = {**os.environ, "TMPDIR": f"{tmp_path}-other"}
    command = [sys.executable, "-c", code]
    with (
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
        subprocess.Popen(command, env=other, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stranger,
    ):
        for each in (process, stranger):
            assert each.stdout is not None
            assert each.stdout.readline() == b"1\n"
        (child,) = LOOKS[way].of(process.pid)

        assert parent_of(child) == process.pid
        assert LOOKS[way].left_in(tmp_path) == {process.pid, child}
        for each in (process, stranger):
            each.communicate(b"\n")


def test_a_process_that_is_becoming_another_program_is_looked_at_again(tmp_path: Path) -> None:
    code_at = {"1": 0, "2": 0, "3": 0, "4": 94531293974528}  # a thread of the kernel, and a program with no variables
    for name, address in code_at.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "environ").touch()
        (tmp_path / name / "stat").write_text(f"{name} (a) name) S {'0 ' * 22}{address} 0")
        if name != "1":
            (tmp_path / name / "exe").symlink_to(sys.executable)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        (tmp_path / "2" / "environ").write_bytes(b"A=1\0TMPDIR=/tmp/of/f\0")

    assert ProcessFiles(str(tmp_path), pause).left_in(Path("/tmp/of")) == {2}
    assert len(pauses) == 200  # for the third
    pauses.clear()
    (tmp_path / "3" / "stat").unlink()
    assert ProcessFiles(str(tmp_path), pause).left_in(Path("/tmp/other")) == set()
    assert not pauses


def test_a_process_is_found_at_whichever_moment_of_becoming_another_program_it_is_looked_at(tmp_path: Path) -> None:
    again = 'exec "$0" -c "$1" "$0" "$1"'
    environment = {"TMPDIR": "/tmp/of/f", **{f"N{number}": "" for number in range(50)}}
    with subprocess.Popen(["/bin/sh", "-c", again, "/bin/sh", again], env=environment) as process:
        (tmp_path / str(process.pid)).symlink_to(f"/proc/{process.pid}")
        looks = ProcessFiles(str(tmp_path), lambda _: time.sleep(0.0001))
        try:
            assert all(looks.left_in(Path("/tmp/of")) == {process.pid} for _ in range(2000))
        finally:
            process.kill()


class ToldProcess:
    """A process as psutil tells of it: what its variables are, each time it is asked."""

    def __init__(self, pid: int, *environs: dict[str, str] | psutil.Error, began_at: float = 99.0) -> None:
        self.pid = pid
        self._environs = list(environs)
        self._began_at = began_at

    def environ(self) -> dict[str, str]:
        told = self._environs.pop(0) if len(self._environs) > 1 else self._environs[0]
        if isinstance(told, psutil.Error):
            raise told
        return told

    def create_time(self) -> float:
        return self._began_at


class ToldProcesses(ModuleType):
    """As much of psutil as is asked, with these processes."""

    Error = psutil.Error

    def __init__(self, *processes: ToldProcess) -> None:
        super().__init__("psutil")
        self._processes = processes

    def process_iter(self) -> Iterator[ToldProcess]:
        return iter(self._processes)


def test_a_new_process_that_tells_no_variables_is_asked_again_where_there_are_no_process_files() -> None:
    ours, pauses = {"TMPDIR": "/tmp/of/f"}, list[float]()
    system = ToldProcesses(
        ToldProcess(1, ours),
        ToldProcess(2, {}, {}, ours),
        ToldProcess(3, {}, began_at=1.0),  # the system's own, which shows its variables to nobody
        ToldProcess(4, {}, psutil.NoSuchProcess(4)),
        ToldProcess(5, psutil.AccessDenied(5)),
        ToldProcess(6, {"TMPDIR": "/tmp/other"}),
    )

    found = AskedSystem(system, now=lambda: 100.0, pause=pauses.append).left_in(Path("/tmp/of"))

    assert (found, len(pauses)) == ({1, 2}, 2)


def test_a_process_that_never_tells_its_variables_is_not_asked_for_ever() -> None:
    pauses: list[float] = []
    system = ToldProcesses(ToldProcess(1, {}))

    assert AskedSystem(system, now=lambda: 100.0, pause=pauses.append).left_in(Path("/tmp/of")) == set()
    assert len(pauses) == 200


def test_where_nothing_can_be_seen_nothing_is_found(tmp_path: Path) -> None:
    assert Unknown().of(os.getpid()) == Unknown().left_in(tmp_path) == set()
    assert isinstance(descendants(process_files=False), AskedSystem)
