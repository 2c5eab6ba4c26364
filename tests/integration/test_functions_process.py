"""What only processes can do like Lambda."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from functions_world import (
    FIRST_INIT_HANGS,
    HANGS,
    PROGRAM,
    AfterFirstInit,
    Lines,
    Project,
    alive,
    call,
    descriptors,
    fail,
    parent_of,
    returned,
    state_of,
    until,
)

import emulator.functions.processes.functions as functions_module
from emulator.functions.outcome import Failed, Refused
from emulator.functions.processes.functions import MANY_ENVIRONMENTS, ProcessFunctions
from emulator.functions.processes.means import Means
from emulator.functions.processes.pool import CORES

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="uses /proc and process descriptors")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, "process")


@pytest.fixture(params=[True, False], ids=["frozen when idle", "running when idle"])
def freezes(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


CRASHES = """
import ctypes, os, signal, sys
globals_made = 1
def f(event, context):
    global globals_made
    made, globals_made = globals_made, globals_made + 1
    if event == "loop":
        while True: pass
    if event == "exit": os._exit(1)
    if event == "segfault": ctypes.string_at(0)
    if event == "abort": os.abort()
    if event == "memory":
        hoard = []
        while True: hoard.append(bytearray(b"x" * 1_000_000))
    if event == "blocks signals":
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True: pass
    return made
"""


@needs_linux
@pytest.mark.parametrize(
    ("event", "error_type", "message"),
    [
        pytest.param("exit", "Runtime.ExitError", "Runtime exited with error: exit status 1", id="os._exit(1)"),
        pytest.param("segfault", "Runtime.ExitError", "signal: segmentation fault", id="segmentation fault"),
        pytest.param("abort", "Runtime.ExitError", "signal: aborted", id="abort"),
        pytest.param("memory", "Runtime.ExitError", "signal: killed", id="out of memory"),
        pytest.param("loop", "Sandbox.Timedout", "Task timed out after 2.00 seconds", id="infinite loop"),
        pytest.param("blocks signals", "Sandbox.Timedout", "Task timed out", id="infinite loop, signals blocked"),
    ],
)
async def test_a_crash_is_answered_and_the_next_event_finds_a_new_environment(
    project: Project, event: str, error_type: str, message: str
) -> None:
    project.write(CRASHES)

    timeout_seconds = 2.0 if error_type == "Sandbox.Timedout" else 30.0
    async with project.processes("f", timeout_seconds=timeout_seconds, memory_mb=256) as functions:
        assert await call(functions, "f") == 1
        assert await call(functions, "f") == 2
        error = await fail(functions, "f", event)
        assert await call(functions, "f") == 1
        assert functions.environments() == 1

    assert error["errorType"] == error_type
    assert message in error["errorMessage"]


async def test_running_out_of_memory_is_named_in_the_report_line(project: Project) -> None:
    project.write(CRASHES)

    async with project.functions("f", memory_mb=128) as functions:
        await fail(functions, "f", "memory")

    report = next(line for line in project.lines.platform if line.startswith("REPORT"))
    assert report.endswith("Max Memory Used: 128 MB\tInit Duration: " + report.split("Init Duration: ")[1])
    assert "Status: error\tError Type: Runtime.OutOfMemory" in report


STARTS = """
import os, subprocess, sys, time
hoard = b"x" * 100_000_000
def program(event, context):
    code = "import time; hoard = b'x' * 200_000_000; time.sleep(60)"
    subprocess.run([sys.executable, "-c", code])
def fork(event, context):
    for _ in range(2):
        if os.fork() == 0:
            time.sleep(60)
    time.sleep(0.3)  # it is looked at 50 times a second
"""


@needs_linux
async def test_programs_that_a_function_started_use_its_memory_too(project: Project) -> None:
    project.write(STARTS)

    async with project.functions("program", memory_mb=256) as functions:
        assert "signal: killed" in (await fail(functions, "program"))["errorMessage"]

    assert any("Error Type: Runtime.OutOfMemory" in line for line in project.lines.platform)


@needs_linux
async def test_what_a_function_has_in_common_with_its_forks_counts_once(project: Project) -> None:
    project.write(STARTS)

    async with project.functions("fork", memory_mb=256) as functions:
        assert await call(functions, "fork") is None


async def test_two_events_at_once_never_share_an_environment(project: Project) -> None:
    project.write(
        """
        import os, threading, time
        inside = 0
        def f(event, context):
            global inside
            inside += 1
            alone = inside == 1
            time.sleep(0.002)
            inside -= 1
            return [alone, os.getpid(), threading.active_count()]
        """
    )

    async with project.functions("f", concurrency=3) as functions:
        results = await asyncio.gather(*(call(functions, "f") for _ in range(100)))

    assert all(alone and threads == 1 for alone, _, threads in results)
    assert 1 <= len({pid for _, pid, _ in results}) <= 3


async def test_globals_of_one_function_are_not_seen_in_another(project: Project) -> None:
    project.write(
        """
        count = 0
        def f(event, context):
            global count
            count += 1
            return count
        g = f
        """
    )

    async with project.functions("f", "g") as functions:
        assert [await call(functions, name) for name in "ffg"] == [1, 2, 1]


async def test_an_environment_is_used_again_and_the_latest_first(project: Project) -> None:
    project.write("import os\ndef f(event, context): return os.getpid()")

    async with project.functions("f") as functions:
        assert len({await call(functions, "f") for _ in range(20)}) == 1


async def test_temporary_files_outlive_a_reset_of_the_environment(project: Project) -> None:
    project.write(
        """
        import os, pathlib, tempfile
        def f(event, context):
            file = pathlib.Path(tempfile.gettempdir()) / "kept"
            existed = file.exists()
            file.touch()
            if event == "exit": os._exit(1)
            return [existed, str(file)]
        """
    )

    async with project.functions("f") as functions:
        await fail(functions, "f", "exit")
        existed, file = await call(functions, "f")
        assert existed
        assert exists(file)

    assert not exists(file)


async def test_a_function_sees_nothing_of_the_emulators_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_USERS_SHELL", "1")
    monkeypatch.setenv("AWS_PROFILE", "production")
    project.write("import os\ndef f(event, context): return [dict(os.environ), os.getcwd()]")

    async with project.functions("f") as functions:
        variables, folder = await call(functions, "f")

    assert not {"OF_THE_USERS_SHELL", "AWS_PROFILE"} & variables.keys()
    assert variables["AWS_LAMBDA_RUNTIME_API"].startswith("127.0.0.1:")
    assert folder == str(project.folder)


async def test_an_environment_has_only_what_lambda_has_imported(project: Project) -> None:
    project.write("import sys\ndef f(event, context): return [name for name in sys.modules]")

    async with project.functions("f") as functions:
        names = await call(functions, "f")

    assert not [name for name in names if name.startswith(("emulator", "moto", "websockets", "pytest", "click"))]


@needs_linux
async def test_what_a_function_left_running_is_frozen_between_events(project: Project) -> None:
    project.write(
        """
        import os, threading
        def spin():
            while True: pass
        def f(event, context):
            if event == "spin": threading.Thread(target=spin, daemon=True).start()
            return os.getpid()
        """
    )

    async with project.functions("f") as functions:
        pid = await call(functions, "f", "spin")
        await until(lambda: state_of(pid) == "T")
        assert await call(functions, "f", "") == pid


@needs_linux
async def test_so_is_a_process_that_it_left_running(project: Project) -> None:
    project.write(
        """
        import os, subprocess, sys
        def f(event, context):
            left = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            return [os.getpid(), left.pid]
        """
    )

    async with project.functions("f") as functions:
        pids = await call(functions, "f")
        await until(lambda: [state_of(pid) for pid in pids] == ["T", "T"])


@needs_linux
async def test_an_environment_rests_before_its_first_event(project: Project) -> None:
    project.write("import os, pathlib; pathlib.Path('pid').write_text(str(os.getpid()))\ndef f(event, context): pass")

    async with project.functions("f") as functions:
        functions.warm()
        await until(lambda: (project.folder / "pid").exists() and (project.folder / "pid").read_text() != "")
        await until(lambda: state_of(int((project.folder / "pid").read_text())) == "T")


async def test_what_a_handler_of_ours_makes_belongs_to_the_init_though_it_was_imported_ahead(tmp_path: Path) -> None:
    project = Project(tmp_path, "process", import_ahead=["streamer.handlers.disconnect"])
    variables = {"AWS_ENDPOINT_URL_DYNAMODB": "no URL"}

    async with project.functions(
        "f", handler="streamer.handlers.disconnect.handler", environment=variables
    ) as functions:
        error = await fail(functions, "f", {})

    assert "in_init" in "".join(error["stackTrace"])


async def test_processes_share_pipes_as_on_lambda_and_no_semaphores(project: Project) -> None:
    project.write(
        """
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        def pipe(event, context):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.get_context("fork").Process(target=theirs.send, args=(event,))
            process.start()
            process.join()
            return ours.recv()
        def queue(event, context):
            multiprocessing.Queue()
        def pool(event, context):
            with ProcessPoolExecutor() as workers:
                return list(workers.map(abs, [-1]))
        """
    )

    async with project.functions("pipe", "queue", "pool") as functions:
        assert await call(functions, "pipe", "sent") == "sent"
        for name in ("queue", "pool"):
            failed = await fail(functions, name)
            assert failed["errorType"] == "OSError"
            assert failed["errorMessage"] == f"[Errno {errno.ENOSYS}] {os.strerror(errno.ENOSYS)}"
        await until(lambda: sum("take Process and Pipe" in text for text in project.lines.texts) == 2)


@needs_linux
async def test_a_timed_out_function_burns_no_cpu_afterwards(project: Project, freezes: bool) -> None:
    project.write(
        """
        import os, pathlib
        def f(event, context):
            pathlib.Path(event).write_text(str(os.getpid()))
            while True: pass
        """
    )
    note = project.folder / "pid"

    async with project.processes("f", freezes=freezes, timeout_seconds=2.0) as functions:
        await fail(functions, "f", str(note))
        await until(lambda: not alive(int(note.read_text())))


@needs_linux
async def test_processes_that_a_function_started_end_with_its_environment(project: Project) -> None:
    project.write(
        """
        import os, subprocess
        def f(event, context):
            pid = subprocess.Popen(["sleep", "600"]).pid
            if event is None: return pid
            open(event, "w").write(str(pid))
            os._exit(1)
        """
    )
    note = project.folder / "pid"

    async with project.functions("f") as functions:
        await fail(functions, "f", str(note))
        await until(lambda: not alive(int(note.read_text())))
        pid = await call(functions, "f")
        assert alive(pid)

    assert not alive(pid)


@needs_linux
async def test_after_a_normal_stop_no_process_is_left(project: Project) -> None:
    project.keeps_template = False  # else that one is left
    project.write("import os\ndef f(event, context): return [os.getpid(), os.getppid()]")

    async with project.functions("f") as functions:
        pids = await call(functions, "f")
        assert all(alive(pid) for pid in pids)

    assert not any(alive(pid) for pid in pids)


@needs_linux
@pytest.mark.parametrize("busy", ["idle", "loop", "blocks signals"])
@pytest.mark.parametrize("killed", ["emulator", "template"])
@pytest.mark.parametrize("platform", ["of_this_machine", "of_any_unix"])
def test_after_a_kill_no_process_is_left(project: Project, busy: str, killed: str, platform: str) -> None:
    project.write(
        """
        import os, signal, sys
        def f(event, context):
            if event == "blocks signals": signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            print(os.getpid(), os.getppid())
            while event != "idle": pass
        """
    )
    program = project.folder / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    command = [sys.executable, str(program), str(project.folder), busy, platform]
    search = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | search) as emulator:
        try:
            assert emulator.stdout is not None
            environment_pid, template_pid = map(int, emulator.stdout.readline().split())
            ends = [os.pidfd_open(pid) for pid in (environment_pid, template_pid)]
            os.kill(emulator.pid if killed == "emulator" else template_pid, signal.SIGKILL)
            assert all(select.select([end], [], [], 60)[0] for end in ends)
        finally:
            emulator.kill()
    for end in ends:
        os.close(end)


@needs_linux
async def test_a_program_that_speaks_the_runtime_api_dies_with_a_killed_template_too(project: Project) -> None:
    project.means = Means.of_any_unix()
    project.write("#!/bin/sh\necho $$\nsleep 60\n", "bootstrap")
    (project.folder / "bootstrap").chmod(0o755)

    async with project.processes("f", runtime=str(project.folder / "bootstrap")) as functions:
        event = functions.invoke("f", b"null")
        await until(lambda: bool(project.lines.all))
        pid = int(project.lines.texts[0])
        os.kill(parent_of(pid), signal.SIGKILL)
        await until(lambda: not alive(pid))
        event.cancel()


@needs_linux
async def test_events_are_served_again_after_the_template_was_killed(project: Project) -> None:
    project.write("import os\ndef f(event, context): return os.getppid()")

    async with project.processes("f") as functions:
        template = await call(functions, "f")
        os.kill(template, signal.SIGKILL)
        await until(lambda: functions.environments() == 0)
        assert await call(functions, "f") != template


async def test_an_init_that_takes_too_long_is_repeated_within_the_invocation(
    project: Project,
) -> None:
    project.write(FIRST_INIT_HANGS)
    project.lines = lines = AfterFirstInit(project.folder)

    async with project.processes("f", init_seconds=0.2) as functions:
        assert await call(functions, "f") == "second init"
        assert functions.environments() == 1

    assert lines.platform[1] == "INIT_REPORT Init Duration: 200.00 ms\tPhase: init\tStatus: timeout"
    assert sum(line.startswith("INIT_START") for line in lines.platform) == 1


@pytest.mark.parametrize(
    ("end", "error_type"), [("raise OSError", "Runtime.Unknown"), ("import os; os._exit(1)", "Runtime.ExitError")]
)
async def test_an_init_that_fails_is_repeated_within_the_invocation(
    project: Project, end: str, error_type: str
) -> None:
    project.write(
        f"""
        import pathlib
        been_here = pathlib.Path(__file__).with_name("been-here")
        if not been_here.exists():
            been_here.touch()
            {end}
        print("loaded")
        def f(event, context): return "second init"
        """
    )

    async with project.processes("f") as functions:
        assert returned(await functions.invoke("f", b"null", request_id="one")) == "second init"
        assert functions.environments() == 1

    assert ("f", "one", "loaded") in project.lines.all
    begin, failed, start, _, report = project.lines.platform
    assert begin.startswith("INIT_START ")
    assert "\tPhase: init\tStatus: error\t" in failed
    assert failed.endswith(f"Error Type: {error_type}")
    assert start.startswith("START ")
    assert "Init Duration" not in report


async def test_what_waits_is_answered_once_an_init_has_failed_twice(project: Project) -> None:
    project.write("raise RuntimeError('no')")

    async with project.functions("f", concurrency=1) as functions:
        told = await asyncio.gather(*(fail(functions, "f") for _ in range(20)))

    assert [error["errorMessage"] for error in told] == ["no"] * 20
    assert sum("Phase: invoke" in line for line in project.lines.platform) == 1


async def test_an_init_that_takes_too_long_twice_is_a_timeout(
    project: Project,
) -> None:
    project.write("import time\ntime.sleep(60)")

    async with project.processes("f", init_seconds=0.2, timeout_seconds=0.3) as functions:
        await functions.invoke("f", b"null", request_id="one")

    said = [line for line in project.lines.platform if "INIT_" not in line]
    assert [line.split("\t")[0] for line in said] == [
        "START RequestId: one Version: $LATEST",
        said[1],
        "END RequestId: one",
        "REPORT RequestId: one",
    ]
    assert said[1].endswith("one Task timed out after 0.30 seconds")


MOVES = """
import os, time
def f(event, context):
    if event is None: return os.getpid()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        time.sleep(60)
    while os.getpgid(pid) != pid: time.sleep(0.005)
    os.setpgid(0, pid)
    print(os.getpid(), flush=True)
    while True: time.sleep(0.005)
"""


@needs_linux
async def test_a_process_that_goes_to_another_group_is_ended_all_the_same(project: Project) -> None:
    project.write(MOVES)

    async with project.functions("f", timeout_seconds=1.0) as functions:
        assert (await fail(functions, "f", "move"))["errorType"] == "Sandbox.Timedout"
        pid = int(project.lines.texts[0])
        await until(lambda: not alive(pid))
        assert await call(functions, "f") != pid
        event = functions.invoke("f", b'"move"')
        await until(lambda: len(project.lines.texts) == 2)

    assert isinstance(event.result(), Failed)
    await until(lambda: not alive(int(project.lines.texts[1])))


LEAVES = """
import os, pathlib, sys, time
go = pathlib.Path(__file__).with_name("go")
def f(event, context):
    if event == "both":  # so that there are two environments
        pathlib.Path(__file__).with_name(str(os.getpid())).touch()
        while len(list(go.parent.glob("[0-9]*"))) < 2: time.sleep(0.005)
    if event == "leave":
        def leave():
            while not go.exists(): time.sleep(0.005)
            os._exit(1)
        sys.modules["runtime_client"].next = leave
        return "x" * 100_000  # so long that it is answered before the next event is asked for
    return os.getpid()
"""


async def test_an_event_whose_environment_leaves_before_it_takes_it_is_run_by_one_that_is_idle(
    project: Project,
) -> None:
    project.write(LEAVES)

    async with project.processes("f") as functions:
        both = set(await asyncio.gather(call(functions, "f", "both"), call(functions, "f", "both")))
        assert len(await call(functions, "f", "leave")) == 100_000
        event = asyncio.create_task(call(functions, "f"))
        await asyncio.sleep(0)
        (project.folder / "go").touch()
        assert await event in both
        assert functions.environments() == 1


async def test_an_exit_while_importing_is_answered(project: Project) -> None:
    project.write("import os\nos._exit(7)")

    async with project.functions("f") as functions:
        error = await fail(functions, "f")

    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Error: Runtime exited with error: exit status 7")


async def test_a_runaway_writer_holds_back_itself_and_nobody_else(project: Project) -> None:
    project.write(
        """
        def hangs(event, context):
            while True: print("x" * 1000)
        def f(event, context): return 1
        """
    )

    async with project.functions(HANGS, "f", log_sink=Lines()) as functions:
        await call(functions, "f")
        writing = asyncio.create_task(fail(functions, HANGS))
        for _ in range(20):
            assert await call(functions, "f") == 1
        assert (await writing)["errorType"] == "Sandbox.Timedout"


async def test_a_line_without_end_is_cut(project: Project) -> None:
    project.write("import sys\ndef f(event, context): sys.stdout.write('x' * 600_000)")

    async with project.functions("f") as functions:
        await call(functions, "f")

    assert [len(line) for line in project.lines.texts] == [262_144, 262_144, 75_712]


async def test_a_runtime_in_another_language_speaks_the_runtime_api(project: Project) -> None:
    project.write(RUNTIME, "runtime.py")
    command = shlex.join([sys.executable, str(project.folder / "runtime.py")])

    async with project.functions("f", runtime=command, handler="any.thing") as functions:
        assert await call(functions, "f", {"a": 1}) == {"handler": "any.thing", "event": {"a": 1}}
        assert (await fail(functions, "f", "fail")) == {"errorType": "Mine", "errorMessage": "no"}
        assert await call(functions, "f", 2) == {"handler": "any.thing", "event": 2}


RUNTIME = """
import json, os, urllib.request
base = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(f"{base}/next") as asked:
        request_id, event = asked.headers["Lambda-Runtime-Aws-Request-Id"], json.load(asked)
    if event == "fail":
        kind, answer = "error", {"errorType": "Mine", "errorMessage": "no"}
    else:
        kind, answer = "response", {"handler": os.environ["_HANDLER"], "event": event}
    request = urllib.request.Request(f"{base}/{request_id}/{kind}", json.dumps(answer).encode(), method="POST")
    urllib.request.urlopen(request).close()
"""


async def test_a_runtime_that_cannot_be_run_is_an_error_of_its_function(project: Project) -> None:
    async with project.functions("f", runtime="/does/not/exist", handler="a.b") as functions:
        error = await fail(functions, "f")

    assert error["errorType"] == "Runtime.ExitError"
    assert any("cannot run '/does/not/exist'" in line for line in project.lines.texts)


async def test_idle_environments_beyond_the_first_are_given_back(project: Project) -> None:
    project.write(
        """
        import time
        def f(event, context): time.sleep(0.05)
        """
    )

    async with project.processes("f") as functions:
        await asyncio.gather(*(call(functions, "f") for _ in range(4)))
        assert functions.environments() > 1

        def one_is_left() -> bool:
            # One that was still starting becomes idle only now.
            functions.retire_idle(idle_seconds=0)
            return functions.environments() == 1

        await until(one_is_left)


async def test_environments_that_were_busy_just_now_are_kept(project: Project) -> None:
    project.write("import time\ndef f(event, context): time.sleep(0.05)")

    async with project.processes("f") as functions:
        await asyncio.gather(*(call(functions, "f") for _ in range(4)))
        await until(lambda: is_idle(functions, "f"))
        before = functions.environments()
        functions.retire_idle(idle_seconds=3600)

        assert functions.environments() == before > 1


async def test_events_whose_environment_cannot_be_started_are_refused_and_none_waits_for_ever(project: Project) -> None:
    project.write("def f(event, context): return 'there'")

    async with project.processes("f") as functions:
        in_the_way = functions._template.folder / "f"
        in_the_way.write_text("a file where the environment's folder should be")
        refused = await asyncio.gather(*(functions.invoke("f", b"null") for _ in range(3)))
        in_the_way.unlink()

        for each in refused:
            assert isinstance(each, Refused)
            assert (each.status, each.error_type) == (500, "ServiceException")
            assert each.message.startswith("the environment cannot be started: ")
        assert await call(functions, "f") == "there"
        assert sum(line.startswith("START ") for line in project.lines.platform) == 1  # no refused event runs after all


async def test_an_event_whose_init_cannot_be_repeated_in_the_same_place_is_refused(project: Project) -> None:
    project.write(FIRST_INIT_HANGS)

    class InTheWay(AfterFirstInit):
        def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
            super().write(function, request_id, line, platform=platform)
            if line.startswith("INIT_REPORT"):
                shutil.rmtree(place())
                place().write_text("a file where the environment's folder should be")

    def place() -> Path:
        return functions._template.folder / "f" / "0"

    project.lines = InTheWay(project.folder)
    async with project.processes("f", init_seconds=0.2) as functions:
        refused = await asyncio.wait_for(functions.invoke("f", b"null"), 60)
        place().unlink()

        assert isinstance(refused, Refused)
        assert (refused.status, refused.error_type) == (500, "ServiceException")
        assert await call(functions, "f") == "second init"


@needs_linux
async def test_memory_and_processes_return_to_their_level(project: Project) -> None:
    project.write(CRASHES)

    async with project.functions("f", timeout_seconds=2.0, memory_mb=256) as functions:
        await call(functions, "f")
        gc.collect()  # or what an earlier test left would go meanwhile, and the level with it
        before = descriptors(), children()
        for event in ("exit", "segfault", "loop", "exit"):
            await fail(functions, "f", event)
        await call(functions, "f")
        await until(lambda: (descriptors(), children()) == before)


async def test_a_warm_function_answers_its_first_event_in_the_environment_that_waited(project: Project) -> None:
    project.write('import os\nprint("imported", os.getpid(), flush=True)\ndef f(event, context): return os.getpid()')
    async with project.processes("f") as functions:
        functions.warm()
        functions.warm()
        await until(lambda: bool(project.lines.texts))

        assert project.lines.texts == [f"imported {await call(functions, 'f')}"]
        assert functions.environments() == 1


async def test_functions_are_warmed_one_after_the_other_on_the_cores_that_there_are(project: Project) -> None:
    names = [f"f{number}" for number in range(CORES + 2)]
    project.write("\n".join(f"def {name}(event, context): return {name!r}" for name in names))
    async with project.processes(*names) as functions:
        functions.warm()

        assert functions.environments() == CORES
        await until(lambda: functions.environments() == len(names))


async def test_no_further_function_is_warmed_while_an_event_runs(project: Project) -> None:
    names = [f"f{number}" for number in range(CORES + 1)]
    waits = "import os, time\ndef f0(path, _):\n    while not os.path.exists(path): time.sleep(0.01)\n"
    project.write("\n".join((waits, *(f"def {name}(*_): pass" for name in names[1:]))))
    file = project.folder / "over"
    async with project.processes(*names) as functions:
        functions.warm()
        running = asyncio.ensure_future(call(functions, "f0", str(file)))
        await until(lambda: all(is_idle(functions, name) for name in names[1:CORES]))
        loop = asyncio.get_running_loop()
        later = loop.time() + 4 * functions_module._CALM_SECONDS
        await until(lambda: loop.time() >= later)
        assert not functions.now(names[-1])

        file.touch()
        await running
        await until(lambda: is_idle(functions, names[-1]))


async def test_of_more_functions_than_there_is_room_for_the_last_are_only_seen_to_start(project: Project) -> None:
    names = [f"f{number}" for number in range(MANY_ENVIRONMENTS + 2)]
    project.write("\n".join(("print('imported', flush=True)", *(f"def {name}(*_): return '{name}'" for name in names))))
    async with project.processes(*names) as functions:
        functions.warm()
        await until(lambda: len(project.lines.texts) == len(names))
        await until(lambda: functions.environments() == MANY_ENVIRONMENTS)

        kept = [name for name in names if functions.now(name)]
        assert await asyncio.gather(*(call(functions, name) for name in names)) == names

    assert kept == names[:MANY_ENVIRONMENTS]


async def test_what_never_had_an_event_gives_way_to_a_function_that_needs_another(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions_module, "_SPARE_SECONDS", 0.0)
    names = [f"f{number}" for number in range(MANY_ENVIRONMENTS)]
    waits = "import os, time\ndef f0(path, _):\n    while not os.path.exists(path): time.sleep(0.01)\n    return 'f0'\n"
    project.write("\n".join((waits, *(f"def {name}(*_): return '{name}'" for name in names[1:]))))
    async with project.processes(*names) as functions:
        functions.warm()
        await until(lambda: functions.environments() == len(names) and all(is_idle(functions, each) for each in names))
        assert await call(functions, names[-1]) == names[-1]

        file = project.folder / "both came"
        both = [asyncio.ensure_future(call(functions, "f0", str(file))) for _ in range(2)]
        await until(lambda: len(functions.now("f0")) == 2)
        file.touch()

        assert await asyncio.gather(*both) == ["f0", "f0"]
        (gone,) = [name for name in names if not functions.now(name)]
        assert gone in names[1:-1]


def is_idle(functions: ProcessFunctions, name: str) -> bool:
    """Whether all its environments are ready, and there is one."""
    now = functions.now(name)
    return bool(now) and all(environment.state in ("idle", "frozen") for environment in now)


async def test_an_event_does_not_wait_until_it_is_its_functions_turn_to_be_warmed(project: Project) -> None:
    names = [f"f{number}" for number in range(CORES)]
    project.write("import time\ntime.sleep(3600)", "endless.py")
    project.write("def f(event, context): return 'there'")
    async with project.processes(*(f"endless.{name}" for name in names), "f") as functions:
        functions.warm()

        assert await call(functions, "f") == "there"


async def test_broken_code_is_told_when_it_is_warmed_and_not_only_by_the_first_event(project: Project) -> None:
    project.write("import no_such_module")
    async with project.processes("f") as functions:
        functions.warm()

        await until(lambda: any("no_such_module" in text for text in project.lines.texts))


def exists(path: str) -> bool:
    return Path(path).exists()


def children() -> int:
    """How many processes descend from this one."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found, last = {os.getpid()}, 0
    while len(found) != last:
        last = len(found)
        found |= {pid for pid, parent in parents.items() if parent in found}
    return len(found)
