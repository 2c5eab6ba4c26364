"""``streamer call`` as a user runs it, against a server that plays a service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from emulator.command.here.ready_file import FILE, Ready, write_ready

pytestmark = pytest.mark.e2e

Play = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]


async def say(socket: ServerConnection, type_: str, request: dict[str, Any], **fields: Any) -> None:
    await socket.send(json.dumps({"type": type_, "request_id": request["id"], "timestamp": 1.0, **fields}))


async def report(socket: ServerConnection, request: dict[str, Any]) -> None:
    await say(socket, "acknowledgment", request, status="queued", message="queued")
    await say(socket, "progress", request, percentage=50, message="half")
    await say(socket, "complete", request, result=request.get("payload"))


async def fail(socket: ServerConnection, request: dict[str, Any]) -> None:
    await say(socket, "error", request, error={"code": "NOT_FOUND", "message": "no report"})


async def accept(socket: ServerConnection, request: dict[str, Any]) -> None:
    await say(socket, "acknowledgment", request, status="queued", message="queued")


async def break_down(socket: ServerConnection, request: dict[str, Any]) -> None:
    await socket.send('{"message": "Internal server error", "connectionId":"c=", "requestId":"g="}')


async def silence(socket: ServerConnection, request: dict[str, Any]) -> None:
    """Never answer."""


@contextlib.asynccontextmanager
async def service(play: Play, folder: Path) -> AsyncIterator[asyncio.Event]:
    """A service that this folder's commands find; the event is set by its first message."""
    asked = asyncio.Event()

    async def handle(socket: ServerConnection) -> None:
        async for text in socket:
            asked.set()
            await play(socket, json.loads(text))

    async with serve(handle, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/dev"
        ready = Ready(websocket_url=url, management_url="", dynamodb_url="", pid=os.getpid())
        write_ready(folder / FILE, ready)
        yield asked


async def start(folder: Path, *arguments: str | bytes, variables: Mapping[str, str] | None = None) -> Process:
    environment = {**os.environ, **(variables or {})}
    command = (sys.executable, "-m", "streamer", "call", *arguments)
    return await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )


async def call(
    folder: Path, *arguments: str | bytes, stdin: str = "", variables: Mapping[str, str] | None = None
) -> tuple[int | None, str, str]:
    process = await start(folder, *arguments, variables=variables)
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
    return process.returncode, out.decode(), err.decode()


def request_of(err: str) -> str:
    """The id that an acknowledgment shows."""
    return err.partition("(request ")[2].partition(")")[0]


async def test_the_result_is_on_standard_output_and_progress_on_standard_error(tmp_path: Path) -> None:
    async with service(report, tmp_path):
        status, out, err = await call(tmp_path, "report", '{"a": 1}', "--token", "t")

    assert (status, json.loads(out)) == (0, {"a": 1})
    assert err == f"queued: queued (request {request_of(err)})\n 50% half\n"


async def test_the_payload_may_come_from_standard_input(tmp_path: Path) -> None:
    async with service(report, tmp_path):
        latin = {"PYTHONIOENCODING": "latin-1"}
        status, out, _ = await call(tmp_path, "report", "-", "--token", "t", stdin='\ufeff["€"]', variables=latin)

    assert (status, json.loads(out)) == (0, ["€"])


async def test_a_result_is_printed_whatever_the_terminals_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    async with service(report, tmp_path):
        status, out, _ = await call(tmp_path, "report", '["\\u00e4 \\ud83d\\ude00"]', "--token", "t")

    assert (status, json.loads(out)) == (0, ["ä 😀"])
    assert out.isascii()


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"PYTHONIOENCODING": "latin-1"}, id="Latin 1"),
        pytest.param({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, id="ASCII"),
    ],
)
async def test_no_result_is_lost_to_an_encoding_that_has_no_letters_for_it(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    async with service(report, tmp_path):
        status, out, err = await call(tmp_path, "report", '["😀€"]', "--token", "t", variables=variables)

    assert (status, json.loads(out)) == (0, ["😀€"]), err


async def test_a_payload_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    status, _, err = await call(tmp_path, "report", b'["\xff"]', "--token", "t")

    assert status == 2
    assert "it is not UTF-8 text" in err


async def test_json_prints_every_message(tmp_path: Path) -> None:
    async with service(report, tmp_path):
        status, out, err = await call(tmp_path, "report", "--json", "--id", "r-1", "--token", "t")

    messages = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert [message["type"] for message in messages] == ["acknowledgment", "progress", "complete"]
    assert {message["request_id"] for message in messages} == {"r-1"}


async def test_a_failed_request_is_exit_status_1(tmp_path: Path) -> None:
    async with service(fail, tmp_path):
        outcome = await call(tmp_path, "report", "--token", "t")

    assert outcome == (1, "", "streamer: NOT_FOUND: no report\n")


async def test_what_the_gateway_answers_for_it_says_where_the_reason_is(tmp_path: Path) -> None:
    async with service(break_down, tmp_path):
        status, out, err = await call(tmp_path, "report", "--token", "t")

    assert (status, out) == (1, "")
    assert err == "streamer: API Gateway answered: Internal server error; the reason is in the emulator's output\n"


async def test_ctrl_c_says_that_an_accepted_request_goes_on_and_how_to_end_it(tmp_path: Path) -> None:
    async with service(accept, tmp_path):
        process = await start(tmp_path, "report", "--id", "r-1", "--token", "t")
        assert process.stderr is not None
        await asyncio.wait_for(process.stderr.readline(), 60)
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 130
    assert err.decode().strip() == (
        "streamer: the service goes on with request r-1; what becomes of it: "
        """streamer call status '{"request_id": "r-1"}', to end it: streamer call cancel '{"request_id": "r-1"}'"""
    )


async def test_no_answer_in_time_is_exit_status_1(tmp_path: Path) -> None:
    async with service(silence, tmp_path):
        status, out, err = await call(tmp_path, "report", "--timeout", "0.1s", "--token", "t")

    assert (status, out) == (1, "")
    assert err.startswith("streamer: no final answer to request ")
    assert err.endswith(" within 0.1 s\n")


async def test_no_final_answer_in_time_says_that_an_accepted_request_goes_on(tmp_path: Path) -> None:
    async with service(accept, tmp_path):
        status, _, err = await call(tmp_path, "report", "--id", "r-1", "--timeout", "1s", "--token", "t")

    assert status == 1
    assert "no final answer to request r-1 within 1 s; the service goes on with request r-1; what becomes of it:" in err


async def test_nobody_there_is_exit_status_2(tmp_path: Path) -> None:
    status, out, err = await call(tmp_path, "report", "--url", "ws://127.0.0.1:1/dev", "--token", "t")

    assert (status, out, err.count("\n")) == (2, "", 1)


async def test_ctrl_c_ends_it_without_a_traceback(tmp_path: Path) -> None:
    async with service(silence, tmp_path) as asked:
        process = await start(tmp_path, "report", "--token", "t")
        await asyncio.wait_for(asked.wait(), 60)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 60)

    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
