"""What both isolations do like Lambda, with each client of the Runtime API and on platforms that offer less."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from functions_world import HANGS, Project, call, fail, returned

from emulator.functions.admission import STOPPING
from emulator.functions.outcome import Refused, Returned
from emulator.functions.processes.means import Means, has_native_client
from emulator.functions.variables import Endpoints

HERE = Means.of_this_machine()
WITHOUT = Means.of_any_unix()
PLATFORMS = {
    "process": HERE,
    "AWS's compiled client": dataclasses.replace(HERE, native_client=True),
    "no forks": dataclasses.replace(HERE, forks=False),
    "no death signal": dataclasses.replace(HERE, death_signal=False, freezes=False, subreaper=False),
    "no subreaper": dataclasses.replace(HERE, subreaper=False),
    "no process descriptors": dataclasses.replace(HERE, process_descriptors=False),
    "no waitid": dataclasses.replace(HERE, waits_by_id=False),
    "no process files": dataclasses.replace(HERE, process_files=False),
    "any Unix": WITHOUT,
}
"""What there is, and each of Linux's means taken away; all at once is macOS."""


@pytest.fixture(params=["inline", "process", "AWS's compiled client", "any Unix"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    if request.param == "inline":
        return Project(tmp_path, "inline")
    if request.param == "AWS's compiled client" and not has_native_client():
        pytest.skip("awslambdaric has no compiled client on this platform")
    return Project(tmp_path, "process", PLATFORMS[request.param])


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_events_results_and_ends_are_the_same_without_each_of_linuxs_means(tmp_path: Path, platform: str) -> None:
    if PLATFORMS[platform].native_client and not has_native_client():
        pytest.skip("awslambdaric has no compiled client on this platform")
    project = Project(tmp_path, "process", PLATFORMS[platform])
    project.write(
        """
        import os
        def f(event, context):
            if event == "exit": os._exit(3)
            return event
        def hangs(event, context):
            while True: pass
        """
    )
    async with project.functions("f", HANGS) as functions:
        assert await call(functions, "f", {"a": 1}) == {"a": 1}
        assert (await fail(functions, "f", "exit"))["errorMessage"].endswith("exit status 3")
        assert (await fail(functions, HANGS))["errorType"] == "Sandbox.Timedout"
        assert await asyncio.gather(*(call(functions, "f", number) for number in range(20))) == list(range(20))


async def test_an_event_comes_back_as_the_functions_result(project: Project) -> None:
    project.write("def echo(event, context): return event")

    async with project.functions("echo") as functions:
        assert await call(functions, "echo", {"ä": [1, None, "ö"]}) == {"ä": [1, None, "ö"]}


@pytest.mark.parametrize(
    ("expression", "payload"),
    [
        pytest.param("None", b"null", id="None is null"),
        pytest.param("Decimal('1.50')", b"1.50", id="a Decimal is a number"),
        pytest.param("Decimal('NaN')", b"NaN", id="a Decimal that is no number"),
        pytest.param("b'raw'", b"raw", id="bytes go out as they are"),
        pytest.param("(1, 2)", b"[1, 2]", id="a tuple is an array"),
    ],
)
async def test_results_are_marshalled_as_on_lambda(project: Project, expression: str, payload: bytes) -> None:
    project.write(f"from decimal import Decimal\ndef f(event, context): return {expression}")

    async with project.functions("f") as functions:
        outcome = await functions.invoke("f", b"{}")

    assert isinstance(outcome, Returned)
    assert outcome.payload == payload


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        pytest.param("raises", "ValueError", "böse", id="exception"),
        pytest.param("returns_object", "Runtime.MarshalError", "Unable to marshal response: Object", id="no JSON"),
        pytest.param("coroutine", "Runtime.MarshalError", "Unable to marshal response: Object", id="async handler"),
        pytest.param("nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module", id="no handler"),
        pytest.param(
            "absent.handler", "Runtime.ImportModuleError", "Unable to import module 'absent': No", id="no module"
        ),
        pytest.param("broken.f", "Runtime.UserCodeSyntaxError", "Syntax error in module 'broken'", id="syntax error"),
        pytest.param("raising.f", "ZeroDivisionError", "division by zero", id="exception while importing"),
        pytest.param("exits", "Runtime.ExitError", "Runtime exited with error: exit status 3", id="sys.exit(3)"),
        pytest.param("ends", "Runtime.ExitError", "Runtime exited without providing a reason", id="sys.exit(0)"),
        pytest.param("cancelled", "Runtime.ExitError", "Runtime exited with error: exit status 1", id="no Exception"),
        pytest.param("ending.f", "Runtime.ExitError", "Runtime exited with error: exit status 1", id="nor at import"),
        pytest.param("too_large", "Function.ResponseSizeTooLarge", "exceeded maximum allowed payload", id="over 6 MB"),
        pytest.param("too_long", "Function.ResponseSizeTooLarge", "exceeded maximum allowed", id="an error over 6 MB"),
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine 'coroutine' was never awaited")
async def test_failures_are_answered_as_on_lambda(
    project: Project, handler: str, error_type: str, message: str
) -> None:
    project.write(
        """
        import asyncio, sys
        def raises(event, context): raise ValueError("böse")
        def cancelled(event, context): raise asyncio.CancelledError
        def returns_object(event, context): return object()
        async def coroutine(event, context): return 1
        def exits(event, context): sys.exit(3)
        def ends(event, context): sys.exit(0)
        def too_large(event, context): return "x" * 7_000_000
        def too_long(event, context): raise ValueError("x" * 7_000_000)
        """
    )
    project.write("def f(:", "broken.py")
    project.write("1 / 0", "raising.py")
    project.write("raise GeneratorExit", "ending.py")

    async with project.functions(handler) as functions:
        error = await fail(functions, handler)

    assert error["errorType"] == error_type
    assert message in error["errorMessage"]


async def test_an_exception_has_its_stack_and_request_id(project: Project) -> None:
    project.write(
        """
        def f(event, context):
            raise ValueError("no")
        """
    )

    async with project.functions("f") as functions:
        outcome = await functions.invoke("f", b"{}")

    error = json.loads(outcome.payload)  # type: ignore[union-attr]
    assert error["requestId"] == outcome.request_id  # type: ignore[union-attr]
    assert error["stackTrace"] == [f'  File "{project.folder}/handlers.py", line 3, in f\n    raise ValueError("no")\n']


async def test_the_context_has_lambdas_attributes(project: Project) -> None:
    project.write(
        """
        def f(event, context):
            return {name: getattr(context, name) for name in (
                "aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb",
                "function_version", "invoked_function_arn", "client_context", "tenant_id")} | {
                "identity": context.identity.cognito_identity_id,
                "remaining": context.get_remaining_time_in_millis()}
        """
    )

    async with project.functions("f", memory_mb=512) as functions:
        seen = returned(await functions.invoke("f", b"{}", request_id="my-id"))
        by_alias = returned(await functions.invoke("f:live", b"{}"))

    assert by_alias["invoked_function_arn"] == "arn:aws:lambda:us-east-1:123456789012:function:f:live"
    stream = seen.pop("log_stream_name")
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
    assert 20_000 < seen.pop("remaining") <= 30_000
    assert seen == {
        "aws_request_id": "my-id",
        "log_group_name": "/aws/lambda/f",
        "function_name": "f",
        "memory_limit_in_mb": "512",
        "function_version": "$LATEST",
        "invoked_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "client_context": None,
        "tenant_id": None,
        "identity": None,
    }


async def test_a_version_knows_its_number_and_has_the_reserved_concurrency_of_all(project: Project) -> None:
    project.write(
        """
        import os, time
        def f(event, context):
            time.sleep(event)
            stream = context.log_stream_name.partition("[")[2].partition("]")[0]
            return [context.function_version, os.environ["AWS_LAMBDA_FUNCTION_VERSION"], stream]
        """
    )

    async with project.functions("f", qualifiers={"3": "3", "live": "3"}, reserved_concurrency=1) as functions:
        seen = {name: await call(functions, name, 0) for name in ("f", "f:$LATEST", "f:3", "f:live")}
        first = functions.invoke("f", b"0.5")
        refused = await functions.invoke("f:live", b"0")
        await first

    assert seen == {"f": 3 * ["$LATEST"], "f:$LATEST": 3 * ["$LATEST"], "f:3": 3 * ["3"], "f:live": 3 * ["3"]}
    assert isinstance(refused, Refused)


async def test_a_version_that_was_never_invoked_is_refused_as_others_when_the_emulator_ends(project: Project) -> None:
    project.write("def f(event, context): return 1")

    async with project.functions("f", qualifiers={"3": "3"}) as functions:
        pass
    found = [await asyncio.wait_for(functions.invoke(name, b"0"), 20) for name in ("f", "f:3")]

    assert found == 2 * [STOPPING]


async def test_a_client_context_is_passed_on(project: Project) -> None:
    project.write("def f(event, context): return context.client_context.custom")

    async with project.functions("f") as functions:
        outcome = await functions.invoke("f", b"{}", client_context='{"custom": {"a": 1}}')

    assert returned(outcome) == {"a": 1}


async def test_a_function_sees_lambdas_environment_and_its_own(project: Project) -> None:
    project.write(
        """
        import os
        def f(event, context): return {name: os.environ.get(name) for name in event}
        """
    )
    endpoints = Endpoints(services={"DYNAMODB": "http://127.0.0.1:9"})
    names = ["MINE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_ENDPOINT_URL_DYNAMODB", "LAMBDA_TASK_ROOT", "_X_AMZN_TRACE_ID"]

    async with project.functions("f", environment={"MINE": "1"}, endpoints=endpoints) as functions:
        seen = await call(functions, "f", names)

    assert seen.pop("_X_AMZN_TRACE_ID").startswith("Root=1-")
    assert seen == {
        "MINE": "1",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
        "LAMBDA_TASK_ROOT": str(project.folder),
    }
    assert "MINE" not in os.environ


async def test_two_functions_have_each_their_environment(project: Project) -> None:
    project.write(
        """
        import os
        def f(event, context): return os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        g = f
        """
    )

    async with project.functions("f", "g") as functions:
        assert await asyncio.gather(*(call(functions, name) for name in "fgfg")) == ["f", "g", "f", "g"]


async def test_output_is_told_apart_by_function_and_request(project: Project) -> None:
    project.write(
        """
        import logging, sys
        def f(event, context):
            print("printed")
            print("to stderr", file=sys.stderr)
            logging.getLogger("mine").warning("careful")
            logging.getLogger("mine").info("not shown")
            print("no line end", end="")
        """
    )

    async with project.functions("f") as functions:
        await functions.invoke("f", b"{}", request_id="my-id")

    assert {(function, request) for function, request, _ in project.lines.all} == {("f", "my-id")}
    printed, to_stderr, logged, unended = project.lines.texts
    assert (printed, to_stderr, unended) == ("printed", "to stderr", "no line end")
    assert re.fullmatch(r"\[WARNING\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tmy-id\tcareful", logged)


async def test_an_uncaught_error_is_one_event_of_the_log(project: Project) -> None:
    project.write(
        """
        def f(event, context):
            raise ValueError("boom")
        """
    )

    async with project.functions("f") as functions:
        await fail(functions, "f")

    (text,) = project.lines.texts
    assert text == (
        "[ERROR] ValueError: boom\nTraceback (most recent call last):\n"
        f'\u00a0\u00a0File "{project.folder}/handlers.py", line 3, in f\n'
        '\u00a0\u00a0\u00a0\u00a0raise ValueError("boom")'
    )


async def test_where_a_function_logs_json_so_are_its_errors_and_lambdas_own_lines(project: Project) -> None:
    project.write("def f(event, context): raise ValueError('no')")

    async with project.functions("f", environment={"AWS_LAMBDA_LOG_FORMAT": "JSON"}) as functions:
        await functions.invoke("f", b"{}", request_id="one")

    error = json.loads(project.lines.texts[-1])
    assert list(error) == ["timestamp", "level", "errorMessage", "errorType", "requestId", "stackTrace"]
    assert (error["level"], error["errorType"], error["requestId"]) == ("ERROR", "ValueError", "one")
    kinds = [json.loads(line)["type"] for line in project.lines.platform]
    assert kinds == ["platform.initStart", "platform.start", "platform.report"]


async def test_lambdas_own_lines_frame_each_event(project: Project) -> None:
    project.write("def f(event, context): pass")

    async with project.functions("f") as functions:
        await functions.invoke("f", b"{}", request_id="one")
        await functions.invoke("f", b"{}", request_id="two")

    init, *lines = project.lines.platform
    assert init.startswith("INIT_START Runtime Version: python:")
    assert lines[0] == "START RequestId: one Version: $LATEST"
    assert lines[1] == "END RequestId: one"
    assert re.fullmatch(
        r"REPORT RequestId: one\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"(Max Memory Used: \d+ MB\t)?Init Duration: [\d.]+ ms\t",
        lines[2],
    )
    assert lines[3] == "START RequestId: two Version: $LATEST"
    assert "Init Duration" not in lines[5]


async def test_a_failed_init_is_framed_as_an_event_is(project: Project) -> None:
    """[USR] logs of modules that cannot be imported: REPORT tells no time of the init, which is the invocation's.

    In a process it is repeated within the invocation.
    """
    project.write("raise RuntimeError('no')")

    async with project.functions("f") as functions:
        await functions.invoke("f", b"{}", request_id="one")

    begin, *reports = project.lines.platform[:-3]
    lines = project.lines.platform[-3:]
    phases = ["init"] if project.isolation == "inline" else ["init", "invoke"]
    failed = r"Status: error\tError Type: Runtime\.Unknown"
    assert begin.startswith("INIT_START ")
    for phase, told in zip(phases, reports, strict=True):
        assert re.fullmatch(rf"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: {phase}\t{failed}", told)
    assert lines[:2] == ["START RequestId: one Version: $LATEST", "END RequestId: one"]
    assert re.fullmatch(
        r"REPORT RequestId: one\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        rf"(Max Memory Used: \d+ MB\t)?{failed}",
        lines[2],
    )


async def test_a_timeout_is_answered_and_the_next_event_served(project: Project) -> None:
    project.write(
        """
        import time
        def f(event, context):
            while event == "loop": pass
            if event == "sleep": time.sleep(60)
            return "served"
        """
    )

    async with project.functions("f", timeout_seconds=2.0) as functions:
        for event in ("sleep", "loop"):
            error = await fail(functions, "f", event)
            assert error["errorType"] == "Sandbox.Timedout"
            assert re.fullmatch(r"RequestId: \S+ Error: Task timed out after 2\.00 seconds", error["errorMessage"])
        assert await call(functions, "f", "serve") == "served"

    assert any(line.endswith("Task timed out after 2.00 seconds") for line in project.lines.platform)
    reports = [line for line in project.lines.platform if line.endswith("\tStatus: timeout")]
    assert [line.split("\t")[1] for line in reports] == ["Duration: 2000.00 ms"] * 2


async def test_ten_events_run_at_once(project: Project) -> None:
    project.write(
        """
        import pathlib, time
        def f(event, context):
            folder = pathlib.Path(event["folder"])
            (folder / str(event["number"])).touch()
            while len(list(folder.iterdir())) < 10:
                time.sleep(0.005)
        """
    )
    meeting = project.folder / "meeting"
    meeting.mkdir()

    async with project.functions("f") as functions:
        await asyncio.gather(
            *(call(functions, "f", {"folder": str(meeting), "number": number}) for number in range(10))
        )


async def test_over_its_reserved_concurrency_a_function_is_throttled(project: Project) -> None:
    project.write(_BLOCKED)
    gate = project.folder / "gate"

    async with project.functions("blocked", reserved_concurrency=1) as functions:
        running = asyncio.create_task(call(functions, "blocked", str(gate)))
        await asyncio.sleep(0)
        refusal = await functions.invoke("blocked", b'""')
        gate.touch()
        await running

    assert isinstance(refusal, Refused)
    assert (refusal.status, refusal.error_type) == (429, "TooManyRequestsException")


async def test_over_the_emulators_own_limit_events_wait_for_their_turn(project: Project) -> None:
    project.write(
        """
        seen = []
        def f(event, context):
            seen.append(event)
            return seen
        """
    )

    async with project.functions("f", concurrency=1) as functions:
        results = await asyncio.gather(*(call(functions, "f", number) for number in range(5)))

    assert max(results, key=len) == [0, 1, 2, 3, 4]


async def test_what_waits_of_one_source_does_not_keep_another_waiting(project: Project) -> None:
    project.write(
        """
        seen = []
        def f(event, context):
            seen.append(event)
            return seen
        """
    )
    sources = {"first of a flood": "flood", "second": "flood", "third": "flood", "fourth": "flood", "other": "other"}

    async with project.functions("f", concurrency=1) as functions:
        outcomes = await asyncio.gather(
            *(functions.invoke("f", json.dumps(name).encode(), source=source) for name, source in sources.items())
        )

    served = max(map(returned, outcomes), key=len)
    # Threads begin with the first at once; where it waits for its environment, it is the flood's turn already.
    assert served.index("other") in (1, 2)
    assert [name for name in served if name != "other"] == ["first of a flood", "second", "third", "fourth"]


async def test_a_caller_that_gives_up_does_not_stop_the_function(project: Project) -> None:
    project.write(_BLOCKED)
    gate = project.folder / "gate"

    async with project.functions("blocked", concurrency=1) as functions:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(functions.invoke("blocked", json.dumps(str(gate)).encode()), 0.05)
        gate.touch()
        assert await call(functions, "blocked", str(gate)) == 2


_BLOCKED = """
import pathlib, time
count = 0
def blocked(event, context):
    global count
    count += 1
    while event and not pathlib.Path(event).exists():
        time.sleep(0.005)
    return count
"""


async def test_an_unknown_function_is_not_found(project: Project) -> None:
    project.write("def f(event, context): pass")

    async with project.functions("f") as functions:
        refusal = await functions.invoke("g", b"{}")

    assert isinstance(refusal, Refused)
    assert (refusal.status, refusal.error_type) == (404, "ResourceNotFoundException")
    assert refusal.message == "Function not found: arn:aws:lambda:us-east-1:123456789012:function:g"


async def test_a_reload_runs_the_code_that_is_on_disk(project: Project) -> None:
    project.write("from part import value\ndef f(event, context): return value")
    project.write("value = 1", "part.py")

    async with project.functions("f") as functions:
        assert await call(functions, "f") == 1
        project.write("value = 2", "part.py")
        assert await call(functions, "f") == 1
        await functions.reload()
        assert await call(functions, "f") == 2


async def test_broken_code_is_answered_as_on_lambda_and_heals_when_it_is_saved_again(project: Project) -> None:
    project.write("def f(event, context): return 1")

    async with project.functions("f") as functions:
        assert await call(functions, "f") == 1
        project.write("import nonsense_that_is_missing")
        await functions.reload()
        for _ in range(2):
            assert (await fail(functions, "f"))["errorType"] == "Runtime.ImportModuleError"
        project.write("def f(event, context): return 2")
        await functions.reload()
        assert await call(functions, "f") == 2


async def test_an_event_that_runs_during_a_reload_ends_with_the_code_it_began_with(project: Project) -> None:
    project.write(_BLOCKED + "version = 1\ndef f(event, context): blocked(event, context); return version")
    gate = project.folder / "gate"

    async with project.functions("f") as functions:
        await call(functions, "f", "")
        running = asyncio.create_task(call(functions, "f", str(gate)))
        await asyncio.sleep(0)
        project.write(_BLOCKED + "version = 2\ndef f(event, context): return version")
        await functions.reload()
        assert await call(functions, "f", "") == 2
        gate.touch()
        assert await running == 1


async def test_code_root_is_where_a_functions_modules_are(project: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    project.write("def f(event, context): return 'found'", "elsewhere/far.py")

    async with project.functions("far.f", code_root=str(tmp_path / "elsewhere")) as functions:
        assert await call(functions, "far.f") == "found"


async def test_nothing_of_a_project_stays_behind(project: Project) -> None:
    project.write("def f(event, context): return 1")
    before: tuple[Any, ...] = (sys.stdout, sys.stderr, os.environ, dict(os.environ), list(sys.path))

    async with project.functions("f") as functions:
        await call(functions, "f")

    assert (sys.stdout, sys.stderr, os.environ, dict(os.environ), list(sys.path)) == before
    assert "handlers" not in sys.modules
