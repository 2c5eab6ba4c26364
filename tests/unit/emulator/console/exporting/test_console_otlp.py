"""Records as spans of OpenTelemetry."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from console_records import World

from emulator.console.exporting.collector import endpoint
from emulator.console.exporting.otlp import spans
from emulator.gateway.rules.effects import Replied
from streamer.errors import ConfigurationError


def told(world: World, *, after: int = 0) -> dict[str, dict[str, Any]]:
    """The spans of what is new, by name; each with its service."""
    kept = list(world.ring)
    numbers = frozenset(record.number for record in kept if record.number > after)
    content, count = spans(kept, numbers, boot="b", version="1")
    found = {}
    for resource in content["resourceSpans"]:
        service = resource["resource"]["attributes"][0]["value"]["stringValue"]
        for span in resource["scopeSpans"][0]["spans"]:
            found[span["name"]] = {**span, "service": service}
    assert len(found) == count
    return found


def conversation(world: World) -> None:
    """A message whose function writes a row, by which the stream runs another."""
    world.opens()
    invoke = world.receives({"action": "slow", "id": "s1", "payload": {"secret": "hunter2"}})
    event = {"requestContext": {"connectionId": "c1", "requestId": invoke.request_id, "routeKey": "$default"}}
    key = {"owner": {"S": "o"}, "request_id": {"S": "s1"}}
    world.passes(5)
    root = world.runs(event, init_ms=3.0)
    world.calls(root, "DynamoDB_20120810.PutItem", {"TableName": "requests", "Item": key})
    world.passes(5)
    world.recorder.answered(invoke, Replied(b"{}"), [])
    record = {
        "eventSource": "aws:dynamodb",
        "eventSourceARN": "arn:aws:dynamodb:r:a:table/requests/stream/1",
        "dynamodb": {"Keys": key},
    }
    world.passes(50)
    world.runs({"Records": [record]}, ms=1, function="processor", error={"errorType": "KeyError", "errorMessage": "x"})


def test_all_that_followed_from_a_message_is_one_trace_of_spans_below_one_another() -> None:
    world = World()
    conversation(world)

    found = told(world)
    message, router, call = found["slow"], found["router"], found["dynamodb PutItem"]

    assert {found[name]["traceId"] for name in ("slow", "router", "dynamodb PutItem", "processor")} == {
        message["traceId"]
    }
    assert message["parentSpanId"] == ""
    assert (router["parentSpanId"], call["parentSpanId"]) == (message["spanId"], router["spanId"])
    assert found["processor"]["parentSpanId"] == call["spanId"]
    assert (message["service"], router["service"], found["processor"]["service"]) == (
        "api-gateway",
        "router",
        "processor",
    )
    assert found["processor"]["status"]["code"] == 2


def test_ids_times_and_values_have_the_form_of_the_protocol() -> None:
    world = World()
    conversation(world)

    for span in told(world).values():
        assert re.fullmatch(r"[0-9a-f]{32}", span["traceId"])
        assert re.fullmatch(r"[0-9a-f]{16}", span["spanId"])
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        for attribute in span["attributes"]:
            assert set(attribute["value"]) <= {"stringValue", "intValue", "doubleValue", "boolValue"}


def test_payloads_and_credentials_are_not_told() -> None:
    world = World()
    conversation(world)

    text = json.dumps(told(world))

    assert "hunter2" not in text
    assert "eyJ" not in text


def test_only_what_is_new_is_told_and_a_message_once_it_is_answered() -> None:
    world = World()
    invoke = world.receives({"action": "greet"})
    assert told(world) == {}
    before = world.ring.last

    world.recorder.answered(invoke, Replied(b"{}"), [])
    world.runs({}, function="other")

    assert set(told(world)) == {"greet", "other"}
    assert set(told(world, after=before)) == {"other"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("https://x.example/", "https://x.example/v1/traces"),
        ("http://x/otlp/v1/traces", "http://x/otlp/v1/traces"),
    ],
)
def test_a_collector_is_named_by_its_address(url: str, expected: str) -> None:
    assert endpoint(url) == expected


@pytest.mark.parametrize("url", ["", "127.0.0.1:4318", "ftp://x", "http://", "http://x:99999", "http://x:0"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="no URL of a collector"):
        endpoint(url)
