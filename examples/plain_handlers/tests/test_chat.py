"""The chat room over real WebSockets, with any WebSocket client: nothing of the service is replaced by a double."""

import hashlib
import hmac
import json
import time

import boto3
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect


def enter(emulator, name):
    return connect(f"{emulator.websocket_url}?name={name}", compression=None, proxy=None)


def badge(address):
    return hmac.new(b"only while developing", address.encode(), hashlib.sha256).hexdigest()[:4]


def ask(client, **message):
    client.send(json.dumps(message))
    return json.loads(client.recv(timeout=30))


def test_everybody_hears_what_is_said(streamer):
    with enter(streamer, "ada") as ada, enter(streamer, "bob") as bob:
        ada.send('{"action": "say", "text": "hello"}')

        heard = {"from": "ada", "badge": badge("127.0.0.1"), "text": "hello"}
        assert [json.loads(client.recv(timeout=30)) for client in (ada, bob)] == [heard] * 2


def test_what_was_said_is_kept_by_way_of_the_queue(streamer):
    with enter(streamer, "ada") as ada:
        ada.send('{"action": "say", "text": "hello"}')
        said = json.loads(ada.recv(timeout=30))
        while not (kept := ask(ada, action="history")["said"]):
            time.sleep(0.02)

        assert kept == [said]


def test_who_answers_with_a_route_response(streamer):
    with enter(streamer, "ada") as ada, enter(streamer, "bob"):
        assert ask(ada, action="who") == {"here": ["ada", "bob"]}


def test_anything_else_gets_the_default_route(streamer):
    with enter(streamer, "ada") as ada:
        assert "try" in ask(ada, action="dance")


def test_the_others_hear_who_left(streamer):
    with enter(streamer, "ada") as ada:
        with enter(streamer, "bob"):
            pass

        assert json.loads(ada.recv(timeout=30)) == {"left": "bob"}


def test_a_nameless_client_is_refused_and_leaves_no_trace(streamer):
    with pytest.raises(InvalidStatus) as refused, connect(streamer.websocket_url, compression=None, proxy=None):
        pytest.fail("it came in")

    assert refused.value.response.status_code == 400
    rows = boto3.client("dynamodb", **streamer.aws("dynamodb")).scan(TableName="connections")["Items"]
    assert rows == []


def test_a_failing_function_is_told_as_api_gateway_tells_it(streamer):
    with enter(streamer, "ada") as ada:
        frame = ask(ada, action="say")  # no text

        assert frame["message"] == "Internal server error"
    assert streamer.logs.wait_for("KeyError").function == "say"
