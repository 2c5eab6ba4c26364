"""The Runtime API of an environment answers that environment, and nobody else takes, wedges or ends anything."""

from __future__ import annotations

import asyncio
import dataclasses
import http.client
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from functions_world import Project, alive, call, fail, until
from other_user import as_nobody, needs_root

from emulator.functions.outcome import Failed, Outcome
from emulator.functions.processes.means import Means, has_native_client

PREFIX = "/2018-06-01/runtime"
BOOTSTRAP = """
import http.client, json, os, sys
own = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
prefix = "/2018-06-01/runtime/invocation"
def ask(connection, method, path, body=None):
    connection.request(method, f"{prefix}/{path}", body)
    answer = connection.getresponse()
    return answer, answer.read()
print(os.environ["AWS_LAMBDA_RUNTIME_API"], flush=True)
while True:
    answer, event = ask(own, "GET", "next")
    request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    ask(own, "POST", f"{request_id}/response", json.dumps([os.getpid(), json.loads(event)]))
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, "process")


def foreign(project: Project, program: str = BOOTSTRAP) -> dict[str, Any]:
    """A runtime of the user's own, which needs a port."""
    project.write(program, "bootstrap.py")
    return {"runtime": shlex.join([sys.executable, str(project.folder / "bootstrap.py")]), "handler": "any.thing"}


async def port_of(project: Project) -> int:
    await until(lambda: bool(project.lines.texts))
    return int(project.lines.texts[0].rpartition(":")[2])


def ask(port: int, method: str, path: str, body: str | None = None, **headers: str) -> int | None:
    """The status that a stranger gets; None: the connection is cut."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client.request(method, f"{PREFIX}/{path}", body, headers)
        return client.getresponse().status
    except (ConnectionError, http.client.BadStatusLine):
        return None
    finally:
        client.close()


async def test_our_own_client_has_no_port(project: Project) -> None:
    project.write(
        """
        import os
        def f(event, context):
            tables = [open(f"/proc/{os.getppid()}/net/{name}").read() for name in ("tcp", "tcp6")]
            return os.environ["AWS_LAMBDA_RUNTIME_API"]
        """
    )
    async with project.functions("f") as functions:
        assert await call(functions, "f") == "127.0.0.1:0"


async def test_an_init_that_fails_is_told_without_a_port(project: Project) -> None:
    project.write("raise ValueError('böse')")

    async with project.functions("f") as functions:
        assert (await fail(functions, "f"))["errorMessage"] == "böse"


async def test_programs_that_a_function_runs_do_not_inherit_the_connection(project: Project) -> None:
    project.write(
        """
        import subprocess, sys
        code = "import os; print([os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd')[:-1]])"
        def f(event, context):
            return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, close_fds=False).stdout
        """
    )
    if sys.platform != "linux":
        pytest.skip("uses /proc")
    for means in (Means.of_this_machine(), Means.of_any_unix()):
        project.means = means
        async with project.functions("f") as functions:
            assert "socket" not in await call(functions, "f")


STRANGERS = {
    "a page's image": ("GET", "invocation/next", None, {"Sec-Fetch-Site": "cross-site"}),
    "a page of another origin": ("POST", "init/error", "{}", {"Origin": "https://evil.example"}),
    "a name that was rebound": ("GET", "invocation/next", None, {"Host": "evil.example"}),
    "another process": ("GET", "invocation/next", None, {}),
    "another process, blind": ("POST", "init/error", '{"errorType": "Evil"}', {}),
    "another process, forging": ("POST", "invocation/some-id/response", "{}", {}),
}


@pytest.mark.parametrize("platform", ["of_this_machine", "of_any_unix"])
async def test_strangers_are_cut_off_and_change_nothing(project: Project, platform: str) -> None:
    project.means = getattr(Means, platform)()
    async with project.functions("f", **foreign(project)) as functions:
        pid, _ = await call(functions, "f")
        port = await port_of(project)
        for method, path, body, headers in STRANGERS.values():
            assert await asyncio.to_thread(ask, port, method, path, body, **headers) is None
            assert await asyncio.wait_for(call(functions, "f", path), 60) == [pid, path]


async def test_awss_compiled_client_is_known_by_its_process_too(project: Project) -> None:
    if not has_native_client():
        pytest.skip("awslambdaric has no compiled client on this platform")
    project.means = dataclasses.replace(Means.of_this_machine(), native_client=True)
    project.write("import os\nprint(os.environ['AWS_LAMBDA_RUNTIME_API'])\ndef f(event, context): return event")

    async with project.functions("f") as functions:
        assert await call(functions, "f", 1) == 1
        assert await asyncio.to_thread(ask, await port_of(project), "GET", "invocation/next") is None
        assert await call(functions, "f", 2) == 2


async def test_a_browsers_request_is_refused_even_from_the_environment_itself(project: Project) -> None:
    program = BOOTSTRAP.replace(
        "while True:",
        """
for headers in ({"Origin": "null"}, {"Sec-Fetch-Mode": "no-cors"}, {"Host": "evil.example:1"}):
    page = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        page.request("GET", f"{prefix}/next", headers=headers)
        print(page.getresponse().status, flush=True)
    except (ConnectionError, http.client.BadStatusLine):
        print("cut", flush=True)
while True:""",
    )
    async with project.functions("f", **foreign(project, program)) as functions:
        await call(functions, "f")

    assert project.lines.texts[1:] == ["cut", "cut", "cut"]


async def test_a_second_connection_that_asks_waits_behind_the_first(project: Project) -> None:
    program = BOOTSTRAP.replace(
        "while True:",
        """
import socket, time
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
other = socket.create_connection((host, int(port)))
own.request("GET", f"{prefix}/next")
time.sleep(0.05)
other.sendall(f"GET {prefix}/next HTTP/1.1\\r\\nHost: {host}:{port}\\r\\n\\r\\n".encode())
answer = own.getresponse()
event = answer.read()
other.shutdown(socket.SHUT_WR)
assert other.recv(1) == b""  # it was heard that nobody asks here any more
request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
ask(own, "POST", f"{request_id}/response", json.dumps(["first", json.loads(event)]))
while True:""",
    )
    async with project.processes("f", freezes=False, **foreign(project, program)) as functions:
        assert await asyncio.wait_for(call(functions, "f", 1), 60) == ["first", 1]
        assert (await asyncio.wait_for(call(functions, "f", 2), 60))[1] == 2


async def test_an_event_that_is_never_asked_for_times_out(project: Project) -> None:
    """Its time runs from when the environment got it, and the next event gets another environment."""
    program = BOOTSTRAP + "    if json.loads(event) == 'last':\n        import time; time.sleep(60)\n"
    async with project.processes("f", timeout_seconds=2.0, **foreign(project, program)) as functions:
        pid, _ = await call(functions, "f", "last")
        outcome: Outcome = await asyncio.wait_for(functions.invoke("f", b"1"), 60)
        assert isinstance(outcome, Failed)
        assert json.loads(outcome.payload)["errorType"] == "Sandbox.Timedout"
        assert (await asyncio.wait_for(call(functions, "f", 2), 60))[0] != pid
        await until(lambda: not alive(pid))


async def test_an_event_that_the_runtime_dropped_times_out(project: Project) -> None:
    program = BOOTSTRAP.replace(
        "request_id =", "if json.loads(event) == 'drop':\n        own.close()\n        continue\n    request_id ="
    )
    async with project.processes("f", timeout_seconds=2.0, **foreign(project, program)) as functions:
        outcome = await asyncio.wait_for(functions.invoke("f", b'"drop"'), 60)
        assert isinstance(outcome, Failed)
        assert json.loads(outcome.payload)["errorType"] == "Sandbox.Timedout"
        assert (await asyncio.wait_for(call(functions, "f", 2), 60))[1] == 2


@needs_root
async def test_another_user_of_the_machine_takes_no_event(project: Project) -> None:
    async with project.functions("f", **foreign(project)) as functions:
        pid, _ = await call(functions, "f")
        port = await port_of(project)
        told = await as_nobody(
            f"""
for method, path in (("GET", "invocation/next"), ("POST", "init/error")):
    client = http.client.HTTPConnection("127.0.0.1", {port}, timeout=60)
    try:
        client.request(method, "{PREFIX}/" + path)
        print(client.getresponse().status)
    except (ConnectionError, http.client.BadStatusLine):
        print("cut")
"""
        )
        assert told == ["cut", "cut"]
        assert await call(functions, "f", 1) == [pid, 1]
