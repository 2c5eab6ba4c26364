"""What is particular to functions in threads."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path

import pytest
from functions_world import Project, call, fail, topology_of, until

from emulator.functions.held import Held
from emulator.functions.outcome import Failed, Returned
from emulator.functions.variables import Endpoints


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, "inline")


async def test_a_debugger_stops_in_the_functions_thread(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONBREAKPOINT", "debugger.stop")
    project.write("def f(event, context): breakpoint(); print('after'); return 1")
    project.write(
        """
        import sys, threading
        names, callers = [], []
        def stop():
            names.append(threading.current_thread().name)
            callers.append(sys._getframe(1).f_code.co_name)
        """,
        "debugger.py",
    )

    async with project.functions("f") as functions:
        assert await call(functions, "f") == 1
        stopped, callers = sys.modules["debugger"].names, sys.modules["debugger"].callers

    assert callers == ["f"], "a debugger shows the frame that called it, which is the function's"
    assert [name.startswith("lambda-") for name in stopped] == [True]
    assert project.lines.texts == [], "what is printed after it goes to the debugger's terminal"


async def test_what_stops_in_a_debugger_is_ended_by_no_timeout(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONBREAKPOINT", "debugger.stop")
    project.write("def f(event, context): breakpoint(); return 1")
    project.write("import time\ndef stop(): time.sleep(2.1)", "debugger.py")

    async with project.functions("f", timeout_seconds=2) as functions:
        assert isinstance(await functions.invoke("f", b"{}"), Returned)


async def test_the_gateway_does_not_give_up_what_stands_still_in_a_debugger() -> None:
    outcome = Held()
    outcome.hold()

    assert not outcome.cancel()
    assert not outcome.cancelled()
    outcome.set_result(Returned(b"1", "id"))


async def test_structured_lines_stay_in_the_log_after_a_debugger(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONBREAKPOINT", "debugger.stop")
    project.write(
        """
        import sys
        def f(event, context):
            breakpoint()
            sys.stdout.write('{"level":"INFO","message":"m"}\\n')
        """
    )
    project.write("def stop(): pass", "debugger.py")

    async with project.functions("f") as functions:
        await call(functions, "f")

    assert project.lines.texts == ['{"level":"INFO","message":"m"}']


async def test_code_in_this_process_can_be_watched(project: Project) -> None:
    project.write("import os\ndef f(event, context): return os.getpid()")

    async with project.functions("f") as functions:
        assert await call(functions, "f") == os.getpid()


async def test_a_functions_own_threads_find_the_local_services(project: Project) -> None:
    project.write(
        """
        import os, threading
        def f(event, context):
            seen = []
            thread = threading.Thread(target=lambda: seen.append(os.environ.get("AWS_ENDPOINT_URL_DYNAMODB")))
            thread.start()
            thread.join()
            return seen
        """
    )

    async with project.functions("f", endpoints=Endpoints(services={"DYNAMODB": "http://127.0.0.1:9"})) as functions:
        assert await call(functions, "f") == ["http://127.0.0.1:9"]

    assert "AWS_ENDPOINT_URL_DYNAMODB" not in os.environ


async def test_a_variable_that_a_function_sets_is_its_own_and_lasts(project: Project) -> None:
    project.write(
        """
        import os
        def f(event, context):
            before = os.environ.get("COUNT")
            os.environ["COUNT"] = event
            return [before, "COUNT" in os.environ, "COUNT" in (os.environ | {}), "COUNT" in os.environ.copy()]
        def g(event, context): return os.environ.get("COUNT")
        """
    )

    async with project.functions("f", "g") as functions:
        assert await call(functions, "f", "1") == [None, True, True, True]
        assert await call(functions, "f", "2") == ["1", True, True, True]
        assert await call(functions, "g") is None

    assert "COUNT" not in os.environ


async def test_output_of_other_threads_is_left_alone(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.write("def f(event, context): print('inside')")

    async with project.functions("f") as functions:
        sys.stdout.write("outside\n")
        await call(functions, "f")

    assert project.lines.texts == ["inside"]
    assert capsys.readouterr().out == "outside\n"


async def test_json_logs_when_the_function_asks_for_them(project: Project) -> None:
    project.write("import logging\ndef f(event, context): logging.warning('careful')")

    async with project.functions("f", environment={"AWS_LAMBDA_LOG_FORMAT": "JSON"}) as functions:
        await functions.invoke("f", b"{}", request_id="my-id")

    (line,) = project.lines.texts
    assert '"message":"careful"' in line.replace(" ", "")
    assert "my-id" in line


async def test_python_code_that_does_not_end_is_ended_after_its_timeout(project: Project) -> None:
    project.write("def f(event, context):\n    while True: pass")
    before = set(threading.enumerate())

    async with project.functions("f", timeout_seconds=0.05) as functions:
        await fail(functions, "f")
        left = set(threading.enumerate()) - before  # none, if it was quick
        for thread in left:
            await asyncio.to_thread(thread.join, 60)

    assert not any(thread.is_alive() for thread in left)


async def test_idle_threads_end_with_the_functions(project: Project) -> None:
    project.write("def f(event, context): pass")
    before = set(threading.enumerate())

    async with project.functions("f") as functions:
        await asyncio.gather(*(call(functions, "f") for _ in range(5)))
        threads = set(threading.enumerate()) - before

    assert threads
    for thread in threads:
        await asyncio.to_thread(thread.join, 60)
    assert not any(thread.is_alive() for thread in threads)


async def test_modules_from_elsewhere_survive_a_reload(project: Project) -> None:
    project.write("import json, boto3.dynamodb.types as types\ndef f(event, context): return id(types)")

    async with project.functions("f") as functions:
        before = await call(functions, "f")
        await functions.reload()
        assert await call(functions, "f") == before


async def test_events_that_wait_for_a_function_as_it_was_end_with_it(project: Project) -> None:
    project.write("""
        import pathlib, time
        def f(event, context):
            pathlib.Path(__file__).with_name(f"began-{event}").touch()
            while True: time.sleep(0.005)
    """)
    before = set(threading.enumerate())

    async with project.functions("f", concurrency=1) as functions:
        events = [functions.invoke("f", str(number).encode()) for number in range(8)]
        await until((project.folder / "began-0").exists)
        await functions.apply(topology_of("f", memory_mb=256))
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("lambda-"):
            await asyncio.to_thread(thread.join, 60)

    assert all(isinstance(event.result(), Failed) for event in events)
    assert [each.name for each in project.folder.glob("began-*")] == ["began-0"]
