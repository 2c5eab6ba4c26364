from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.client import Event, GatewayError, Progress, RequestCancelledError, RequestFailedError
from streamer.client.events import parse, progress_of, result_of


def event(type_: str, **fields: Any) -> Event:
    parsed = parse(json.dumps({"type": type_, "request_id": "r", "timestamp": 1.0, **fields}))
    assert isinstance(parsed, Event)
    return parsed


@pytest.mark.parametrize(
    ("type_", "is_final"),
    [
        ("response", True),
        ("complete", True),
        ("cancelled", True),
        ("error", True),
        ("pong", True),
        ("acknowledgment", False),
        ("progress", False),
        ("retrying", False),
        ("message", False),
        ("of-the-future", False),
    ],
)
def test_which_messages_end_a_request(type_: str, is_final: bool) -> None:
    assert event(type_).is_final is is_final


@pytest.mark.parametrize(
    ("final", "result"),
    [
        pytest.param(event("response", success=True, data={"a": 1}), {"a": 1}, id="response"),
        pytest.param(event("complete", result=[1]), [1], id="complete"),
        pytest.param(event("complete", result=None), None, id="complete with nothing"),
        pytest.param(event("pong"), None, id="pong"),
    ],
)
def test_the_result_of_a_success(final: Event, result: Any) -> None:
    assert result_of(final) == result


def test_an_error_keeps_its_code_details_and_whether_to_retry() -> None:
    content = {"code": "RATE_LIMITED", "message": "slow down", "details": {"retry_in": 2}, "retryable": True}
    with pytest.raises(RequestFailedError, match=r"^RATE_LIMITED: slow down$") as caught:
        result_of(event("error", error=content))

    assert (caught.value.code, caught.value.details, caught.value.retryable) == ("RATE_LIMITED", {"retry_in": 2}, True)
    assert caught.value.request_id == "r"


@pytest.mark.parametrize("content", [None, "broken", {}, {"code": None, "message": None}])
def test_an_error_without_content_is_still_an_error(content: Any) -> None:
    with pytest.raises(RequestFailedError, match="INTERNAL_ERROR"):
        result_of(event("error", error=content))


def test_a_cancelled_request_says_why() -> None:
    with pytest.raises(RequestCancelledError, match="asked to"):
        result_of(event("cancelled", reason="asked to"))


@pytest.mark.parametrize(
    ("frame", "message", "request_id"),
    [
        pytest.param(
            '{"message": "Internal server error", "connectionId":"c=", "requestId":"g="}',
            "Internal server error",
            "g=",
            id="a function failed",
        ),
        pytest.param('{"message": "Forbidden", "connectionId":"c=", "requestId":"g="}', "Forbidden", "g=", id="route"),
        pytest.param(
            '{"message" : "Bad request body", "connectionId": "c=", "messageId": "m="}',
            "Bad request body",
            "m=",
            id="model",
        ),
    ],
)
def test_api_gateways_own_frames_are_recognised(frame: str, message: str, request_id: str) -> None:
    parsed = parse(frame)

    assert isinstance(parsed, GatewayError)
    assert (parsed.message, parsed.gateway_request_id) == (message, request_id)


@pytest.mark.parametrize("text", ["", "x", "[]", "1", "{}", '{"message": "hi"}', b"\xff", "[" * 100_000])
def test_what_is_of_no_protocol_is_nothing(text: str | bytes) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("fields", "progress"),
    [
        ({"percentage": 10, "message": "a", "metadata": {"b": 1}}, Progress(10.0, "a", {"b": 1})),
        ({}, Progress(0.0)),
        ({"percentage": "much", "message": None}, Progress(0.0)),
    ],
)
def test_progress_is_read_leniently(fields: dict[str, Any], progress: Progress) -> None:
    assert progress_of(event("progress", **fields)) == progress


@given(st.text() | st.binary())
def test_any_message_is_parsed_or_nothing(text: str | bytes) -> None:
    assert parse(text) is None or isinstance(parse(text), Event | GatewayError)
