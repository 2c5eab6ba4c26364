"""An app of the user's own: actions that misbehave, code that changes, TLS, and AWS's own client."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_command import PATIENCE_SECONDS, Emulate, ask, aws_client, dial
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

AWKWARD = """
import os
from streamer import App

app = App()


@app.action("good")
def good(request):
    return "good"


@app.action("raises")
def raises(request):
    raise LookupError("no such thing")


@app.action("exits")
def exits(request):
    os._exit(3)


@app.action("no-json")
def no_json(request):
    return {"a": object()}


@app.action("not-a-number")
def not_a_number(request):
    return float("nan")


@app.action("huge")
def huge(request):
    return "x" * 600_000


@app.action("large")
def large(request):
    return "x" * 100_000


@app.action("very-large")
def very_large(request):
    return "x" * 300_000


for quick in (raises, no_json, huge, large, very_large):
    app.action("slow-" + quick.__name__.replace("_", "-"), queued=True)(quick)
"""


def with_app(folder: Path, source: str) -> Path:
    (folder / "app.py").write_text(source)
    return folder


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulate]:
    with Emulate(folder=with_app(tmp_path_factory.mktemp("awkward"), AWKWARD)) as emulator:
        yield emulator


@pytest.mark.parametrize(
    ("action", "code", "words"),
    [
        pytest.param("raises", "INTERNAL_ERROR", "no such thing", id="raises"),
        pytest.param("no-json", "INTERNAL_ERROR", "not JSON", id="returns what is not JSON"),
        pytest.param("not-a-number", "INTERNAL_ERROR", "not JSON", id="returns NaN"),
        pytest.param("huge", "PAYLOAD_TOO_LARGE", "6000", id="returns more than can be delivered"),
        pytest.param("slow-raises", "PROCESSING_FAILED", "no such thing", id="raises in the processor"),
        pytest.param("slow-no-json", "INTERNAL_ERROR", "not JSON", id="returns no JSON in the processor"),
        pytest.param("slow-huge", "PAYLOAD_TOO_LARGE", "6000", id="returns more than can be stored"),
    ],
)
def test_a_failing_action_is_told_with_the_requests_id_and_the_connection_stays_usable(
    awkward: Emulate, action: str, code: str, words: str
) -> None:
    with dial(awkward.address()) as client:
        *_, error = ask(client, action, request_id=f"my-{action}")
        (after,) = ask(client, "good")

    assert error["type"] == "error"
    assert error["request_id"] == f"my-{action}"
    assert error["error"]["code"] == code
    assert words in error["error"]["message"]
    assert after["data"] == "good"


def test_a_function_that_exits_is_told_by_the_gateway_and_the_connection_stays_usable(awkward: Emulate) -> None:
    with dial(awkward.address()) as client:
        client.send('{"action": "exits", "id": "r-1"}')
        frame = json.loads(client.recv(PATIENCE_SECONDS))
        (after,) = ask(client, "good")

    assert frame["message"] == "Internal server error"
    assert frame.keys() == {"message", "connectionId", "requestId"}
    assert after["data"] == "good"


@pytest.mark.parametrize("action", ["large", "slow-large"])
def test_an_answer_over_32_kb_arrives_whole(awkward: Emulate, action: str) -> None:
    with dial(awkward.address()) as client:
        *_, answer = ask(client, action)

    assert answer["data" if action == "large" else "result"] == "x" * 100_000


@pytest.mark.parametrize("action", ["very-large", "slow-very-large"])
def test_an_answer_over_128_kb_arrives_in_parts(awkward: Emulate, action: str) -> None:
    texts: list[str] = []
    with dial(awkward.address()) as client:
        client.send(json.dumps({"action": action, "id": f"my-{action}"}))
        part = {"index": 0, "count": 2}
        while part["index"] < part["count"] - 1:
            message = json.loads(client.recv(PATIENCE_SECONDS))
            assert message["type"] in {"acknowledgment", "part"}, message
            if message["type"] == "part":
                part = message
                texts.append(part["text"])

    answer = json.loads("".join(texts))
    assert answer["request_id"] == f"my-{action}"
    assert answer["data" if action == "very-large" else "result"] == "x" * 300_000


def test_a_client_that_sends_garbage_gets_an_error_and_stays_connected(awkward: Emulate) -> None:
    with dial(awkward.address()) as client:
        for garbage in (
            "",
            "hello",
            "[1]",
            "null",
            '{"action": 1}',
            '{"action": "good", "id": ""}',
            "\u0000",
            "{" * 900,
        ):
            client.send(garbage)
            assert json.loads(client.recv(PATIENCE_SECONDS))["type"] == "error"
        (after,) = ask(client, "good")

    assert after["data"] == "good"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param(b"binary", 1003, id="binary"),
        pytest.param("x" * 32_769, 1009, id="a frame over 32 KB"),
        pytest.param(["x" * 30_000] * 5, 1009, id="a message over 128 KB"),
    ],
)
def test_what_the_gateway_does_not_take_closes_the_connection(awkward: Emulate, message: Any, code: int) -> None:
    with dial(awkward.address()) as client:
        client.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(PATIENCE_SECONDS)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


# AWS's own client


def connection_id_of(emulator: Emulate, user: str) -> str:
    items = emulator.aws("dynamodb").scan(TableName="streamer_connections")["Items"]
    (connection_id,) = [item["connection_id"]["S"] for item in items if item["user_id"]["S"] == user]
    return str(connection_id)


def test_boto3_posts_to_gets_and_deletes_a_connection(awkward: Emulate) -> None:
    api = awkward.aws("apigatewaymanagementapi")
    with dial(awkward.address(user="posted-to")) as client:
        connection_id = connection_id_of(awkward, "posted-to")

        api.post_to_connection(ConnectionId=connection_id, Data=b"hello")
        described = api.get_connection(ConnectionId=connection_id)
        heard = client.recv(PATIENCE_SECONDS)
        api.delete_connection(ConnectionId=connection_id)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(PATIENCE_SECONDS)

    assert heard == "hello"
    assert described["Identity"]["SourceIp"] == "127.0.0.1"
    assert described["ConnectedAt"] <= described["LastActiveAt"]
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000
    with pytest.raises(api.exceptions.GoneException):
        api.post_to_connection(ConnectionId=connection_id, Data=b"anyone there?")


@pytest.mark.parametrize(
    ("connection_id", "data", "code"),
    [
        pytest.param("BFaT_fALIAMCKug=", b"x", "GoneException", id="nobody's"),
        pytest.param("not-an-id", b"x", "BadRequestException", id="malformed"),
        pytest.param("BFaT_fALIAMCKug=", b"x" * 131_073, "PayloadTooLargeException", id="over 128 KB"),
    ],
)
def test_boto3_gets_awss_errors(awkward: Emulate, connection_id: str, data: bytes, code: str) -> None:
    with pytest.raises(ClientError) as error:
        awkward.aws("apigatewaymanagementapi").post_to_connection(ConnectionId=connection_id, Data=data)

    assert error.value.response["Error"]["Code"] == code


# TLS


async def test_wss_and_https_work_on_the_same_port(awkward: Emulate) -> None:
    ca_file = awkward.ready["ca_file"]
    url = f"wss{awkward.address(user='over-tls').removeprefix('ws')}"
    api = aws_client(
        "apigatewaymanagementapi", f"https{awkward.ready['management_url'].removeprefix('http')}", verify=ca_file
    )

    # websockets.sync reads and writes on two threads, by which OpenSSL loses what is sent (CPython gh-134698).
    trusting = ssl.create_default_context(cafile=ca_file)
    async with connect(url, compression=None, proxy=None, open_timeout=PATIENCE_SECONDS, ssl=trusting) as client:
        await client.send('{"action": "good", "id": "r-1"}')
        answer = json.loads(await client.recv())
        connection = connection_id_of(awkward, "over-tls")
        await asyncio.to_thread(api.post_to_connection, ConnectionId=connection, Data=b"over TLS")

        assert answer["data"] == "good"
        assert await client.recv() == "over TLS"


def test_a_client_that_does_not_trust_the_certificate_is_not_connected(awkward: Emulate) -> None:
    url, context = f"wss{awkward.url.removeprefix('ws')}", ssl.create_default_context()

    with pytest.raises(ssl.SSLCertVerificationError), dial(url, ssl=context):
        pytest.fail("it was connected")


# reload


def version(answer: str) -> str:
    return (
        f"from streamer import App\napp = App()\n\n\n@app.action('which')\ndef which(request):\n    return {answer!r}\n"
    )


@pytest.mark.parametrize("isolation", ["process", "inline"])
def test_changed_code_answers_the_next_message_on_the_same_socket(tmp_path: Path, isolation: str) -> None:
    with (
        Emulate("--isolation", isolation, folder=with_app(tmp_path, version("one"))) as emulator,
        dial(emulator.address()) as client,
    ):
        (before,) = ask(client, "which")
        with_app(tmp_path, version("two"))
        emulator.log.wait_for("reloaded.*app.py")
        (after,) = ask(client, "which")

    assert (before["data"], after["data"]) == ("one", "two")


def test_what_takes_a_restart_is_said_and_new_actions_are_known_at_once(tmp_path: Path) -> None:
    ready = with_app(tmp_path, version("one")) / ".streamer" / "emulator.json"
    more = '@app.action("more", permissions=["reports"])\ndef more(request):\n    return 1\n'
    with Emulate(folder=tmp_path) as emulator:
        with_app(tmp_path, version("one") + more)
        (tmp_path / "streamer.toml").write_text('[environment]\nLEVEL = "1"\n')
        emulator.log.wait_for("restart the emulator.*function connect")
        known = json.loads(ready.read_text("utf-8"))

    assert known["actions"] == ["which", "more"]
    assert "reports" in known["identity"]["permissions"]


@pytest.mark.parametrize("isolation", ["process", "inline"])
def test_code_that_cannot_be_imported_is_shown_and_heals(tmp_path: Path, isolation: str) -> None:
    with (
        Emulate("--isolation", isolation, folder=with_app(tmp_path, version("one"))) as emulator,
        dial(emulator.address()) as client,
    ):
        ask(client, "which")
        with_app(tmp_path, "def broken(:\n")
        emulator.log.wait_for("the code does not load: SyntaxError")
        client.send('{"action": "which", "id": "r-2"}')
        broken = json.loads(client.recv(PATIENCE_SECONDS))
        emulator.log.wait_for("SyntaxError", count=3)
        with_app(tmp_path, version("healed"))
        emulator.log.wait_for("loads again.*app.py")
        (healed,) = ask(client, "which")

    assert broken["message"] == "Internal server error"
    assert healed["data"] == "healed"
