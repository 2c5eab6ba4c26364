"""Records of asynchronous invocations reach functions, topics and buses by their ARN, and queues by their name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from emulator.functions.destinations import DestinationError
from emulator.services.calls import Call
from emulator.services.onward import Onward
from streamer.errors import ConfigurationError

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:told:live"
TOPIC = "arn:aws:sns:us-east-1:123456789012:told"
BUS = "arn:aws:events:us-east-1:123456789012:event-bus/told"
RECORD = {"requestContext": {"functionArn": "arn:f", "condition": "Success"}}


class World:
    """Queues, functions and services that remember what they got."""

    def __init__(self, *, has_space: bool = True, refusal: str | None = None) -> None:
        self.queued: list[tuple[str, Mapping[str, Any] | str, Mapping[str, Any] | None]] = []
        self.invoked: list[tuple[str, Any]] = []
        self.calls: list[Call] = []
        self.has_space = has_space
        self.refusal = refusal
        self.onward = Onward(self, lambda: self.accept, lambda: self)

    async def send(
        self, queue_name: str, document: Mapping[str, Any] | str, attributes: Mapping[str, Any] | None = None
    ) -> None:
        self.queued.append((queue_name, document, attributes))

    def accept(self, function: str, payload: bytes, request_id: str) -> bool:
        self.invoked.append((function, json.loads(payload)))
        return self.has_space

    async def perform(self, call: Call) -> None:
        if self.refusal is not None:
            raise ConfigurationError(self.refusal)
        self.calls.append(call)


async def test_a_queue_gets_it_by_its_name() -> None:
    world = World()

    await world.onward.send("dead", RECORD, {"a": {}})

    assert world.queued == [("dead", RECORD, {"a": {}})]


async def test_a_function_is_invoked_with_the_record() -> None:
    world = World()

    await world.onward.send(FUNCTION, RECORD)

    assert world.invoked == [("told:live", RECORD)]


async def test_a_topic_gets_the_text_and_its_attributes() -> None:
    world = World()

    await world.onward.send(TOPIC, '{"a": 1.0}', {"RequestID": {"DataType": "String", "StringValue": "id"}})

    (call,) = world.calls
    assert (call.service, call.operation) == ("sns", "publish")
    assert call.parameters == {
        "TopicArn": TOPIC,
        "Message": '{"a": 1.0}',
        "MessageAttributes": {"RequestID": {"DataType": "String", "StringValue": "id"}},
    }


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        pytest.param("Success", "Success", id="it succeeded"),
        pytest.param("RetriesExhausted", "Failure", id="it was given up"),
        pytest.param("EventAgeExceeded", "Failure", id="it was too old"),
    ],
)
async def test_a_bus_gets_the_documented_event(condition: str, result: str) -> None:
    world = World()
    record = {"requestContext": {"functionArn": "arn:f", "condition": condition}}

    await world.onward.send(BUS, record)

    (call,) = world.calls
    (entry,) = call.parameters["Entries"]
    assert (call.service, call.operation, entry["Source"]) == ("events", "put_events", "lambda")
    assert entry["DetailType"] == f"Lambda Function Invocation Result - {result}"
    assert json.loads(entry["Detail"]) == record
    assert (entry["EventBusName"], entry["Resources"]) == (BUS, [BUS, "arn:f"])


async def test_what_is_not_delivered_is_told() -> None:
    with pytest.raises(DestinationError, match="too many events"):
        await World(has_space=False).onward.send(FUNCTION, RECORD)
    with pytest.raises(DestinationError, match="no such topic"):
        await World(refusal="no such topic").onward.send(TOPIC, RECORD)
