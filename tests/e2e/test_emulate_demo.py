"""``streamer emulate`` in an empty folder, as a newcomer meets it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import javascript_tools
import jwt
import pytest
from running_command import PATIENCE_SECONDS, Emulate, ask, dial, streamer
from websockets.exceptions import InvalidStatus


def test_the_ready_file_names_every_address(demo: Emulate) -> None:
    assert re.fullmatch(r"ws://127\.0\.0\.1:\d+/dev", demo.ready["websocket_url"])
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/dev", demo.ready["management_url"])
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", demo.ready["dynamodb_url"])
    assert demo.ready["pid"] == demo.pid
    assert Path(demo.ready["ca_file"]).is_file()


def test_the_banner_shows_a_line_that_connects(demo: Emulate) -> None:
    line = demo.out.wait_for("wscat -c")
    url = re.findall(r'wscat -c "(.*)"', line)[0]

    with dial(url) as client:
        assert ask(client, "echo", {"a": 1})[0]["data"] == {"a": 1}


def test_without_a_terminal_there_are_no_colour_codes(demo: Emulate) -> None:
    with dial(demo.address()) as client:
        ask(client, "fail")

    assert "\x1b" not in demo.out.text + demo.log.text


def test_echo_answers_with_the_payload(demo: Emulate) -> None:
    with dial(demo.address()) as client:
        (answer,) = ask(client, "echo", {"a": 1})

    assert answer == {
        "type": "response",
        "request_id": "r-1",
        "timestamp": answer["timestamp"],
        "success": True,
        "data": {"a": 1},
    }


def test_a_slow_action_is_acknowledged_progresses_and_completes(demo: Emulate) -> None:
    with dial(demo.address()) as client:
        *heard, complete = ask(client, "report", {"steps": 5, "seconds": 0.2})
        if all(message["type"] != "acknowledgment" for message in heard):  # all else overtook it
            heard.append(json.loads(client.recv(PATIENCE_SECONDS)))

    (acknowledgment,) = [message for message in heard if message["type"] == "acknowledgment"]
    progress = [message for message in heard if message is not acknowledgment]
    assert acknowledgment["status"] == "queued"
    assert {message["type"] for message in progress} == {"progress"}
    percentages = [message["percentage"] for message in progress]
    assert percentages == sorted(set(percentages))
    assert complete["type"] == "complete"
    assert complete["result"]["steps"] == 5


def test_an_unknown_action_is_named_and_the_connection_goes_on(demo: Emulate) -> None:
    with dial(demo.address()) as client:
        (answer,) = ask(client, "nonsense")
        (pong,) = ask(client, "ping", request_id="r-2")

    assert answer["error"]["code"] == "INVALID_ACTION"
    assert answer["request_id"] == "r-1"
    assert pong["type"] == "pong"


def connection_ids(emulator: Emulate) -> set[str]:
    """Connections that have a row."""
    pages = emulator.aws("dynamodb").get_paginator("scan").paginate(TableName="streamer_connections")
    return {item["connection_id"]["S"] for page in pages for item in page["Items"]}


def unsigned(token: str) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, key="", algorithm="none")


def expired(demo: Emulate) -> str:
    secret = (demo.folder / ".streamer" / "jwt-secret").read_text().strip()
    return jwt.encode({"user_id": "ada", "tenant_id": "acme", "iat": 1, "exp": 2}, secret, algorithm="HS256")


REFUSED: dict[str, Callable[[Emulate], str]] = {
    "no token": lambda demo: demo.url,
    "an empty token": lambda demo: f"{demo.url}?Authorization=",
    "no JWT": lambda demo: f"{demo.url}?Authorization=wrong",
    "a token of another key": lambda demo: demo.address("--secret", "another-secret-of-sufficient-length-0123456789"),
    "an expired token": lambda demo: f"{demo.url}?Authorization={expired(demo)}",
    "an unsigned token": lambda demo: f"{demo.url}?Authorization={unsigned(demo.token())}",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_handshake_without_a_good_token_fails_with_401_and_leaves_no_row(demo: Emulate, kind: str) -> None:
    before = connection_ids(demo)

    with pytest.raises(InvalidStatus) as refused:
        dial(REFUSED[kind](demo))

    assert refused.value.response.status_code == 401
    assert connection_ids(demo) <= before


def test_streamer_call_finds_the_emulator_of_its_folder(demo: Emulate) -> None:
    done = streamer("call", "echo", '{"a": 1}', folder=demo.folder)

    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, {"a": 1}, "")


def test_streamer_call_prints_every_message_as_json(demo: Emulate) -> None:
    done = streamer("call", "report", '{"steps": 2, "seconds": 0}', "--json", folder=demo.folder)

    types = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert types[-1] == "complete"
    # All else may overtake the acknowledgment (docs/protocol.md).
    assert set(types) - {"acknowledgment"} == {"progress", "complete"}


def test_streamer_call_ends_with_1_when_the_action_fails(demo: Emulate) -> None:
    done = streamer("call", "fail", folder=demo.folder)

    assert done.returncode == 1
    assert "INTERNAL_ERROR" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="session")
def wscat(tmp_path_factory: pytest.TempPathFactory) -> str:
    """npm's wscat."""
    if found := shutil.which("wscat"):
        return found
    folder = javascript_tools.install(tmp_path_factory.mktemp("wscat"), "wscat")
    return str(folder / "node_modules" / ".bin" / "wscat")


@pytest.mark.needs_node
def test_the_printed_wscat_line_works(demo: Emulate, wscat: str) -> None:
    url = re.findall(r'wscat -c "(.*)"', demo.out.wait_for("wscat -c"))[0]
    process = subprocess.Popen(
        [wscat, "-c", url, "-x", '{"action": "echo", "payload": {"from": "wscat"}}', "-w", "60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        answer = next((line for line in process.stdout if '"from"' in line), "nothing")
        process.kill()

    assert json.loads(answer[answer.index("{") :])["data"] == {"from": "wscat"}
