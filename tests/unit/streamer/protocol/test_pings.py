"""API Gateway answers a ping as the router would, word for word, by templates alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.gateway.rules.mapping import Answer, body_for, mock_status, no_override, response_of
from streamer.protocol import messages
from streamer.protocol.messages import Malformed
from streamer.protocol.pings import KEEP_ALIVE_ID, PING

CHECK = '{"action":"ping","id":"keep-alive"}'

NOW = 1_764_241_234.567


def answered(body: str, *, carries: bool = True) -> dict[str, Any]:
    """What a client hears; ``carries``: whether one template can tell the other anything."""
    event = {"body": body, "requestContext": {"requestTimeEpoch": round(NOW * 1000)}}
    override = no_override()
    status = mock_status(body_for(PING, event, override))
    found = response_of(PING, Answer(status, ""), event, override if carries else no_override())
    answer: dict[str, Any] = json.loads(found.body)
    return answer


def of_the_router(body: str) -> dict[str, Any]:
    message = messages.parse(body, new_id="made")
    if isinstance(message, Malformed):
        found: dict[str, Any] = json.loads(messages.error(message.request_id, message.failure, now=NOW))
    else:
        found = json.loads(messages.pong(message.request_id, now=NOW))
    return found


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(CHECK, id="of the clients"),
        pytest.param('{"action": "ping", "id": "r-1"}', id="an id of one's own"),
        pytest.param('{"action": "ping", "id": "0190b7f4-a.b:c_D"}', id="all characters"),
        pytest.param(json.dumps({"action": "ping", "id": "x" * 128}), id="the longest id"),
        pytest.param(json.dumps({"action": "ping", "id": "x" * 129}), id="a longer one"),
        pytest.param('{"action": "ping", "id": 5}', id="a number"),
        pytest.param('{"action": "ping", "id": "a\\"b"}', id="a quote"),
        pytest.param('{"action": "ping", "id": "$context.stage"}', id="a template"),
        pytest.param('{"action": "ping", "id": {"a": 1}}', id="an object"),
        pytest.param('{"action": "ping", "id": "r-1", "payload": {"id": "other"}}', id="with more"),
    ],
)
def test_the_answer_is_the_routers(body: str) -> None:
    assert answered(body) == of_the_router(body)


@pytest.mark.parametrize("body", ['{"action": "ping"}', '{"action": "ping", "id": null}'])
def test_without_an_id_the_answer_has_none(body: str) -> None:
    assert answered(body) == {"type": "pong", "request_id": None, "timestamp": NOW}


def test_whether_a_connection_lives_is_told_with_nothing_that_is_undocumented() -> None:
    assert answered(CHECK, carries=False)["request_id"] == KEEP_ALIVE_ID
    assert answered('{"action": "ping", "id": "r-1"}', carries=False)["request_id"] is None
