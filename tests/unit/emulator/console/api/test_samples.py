"""Sample events have the shape of what AWS sends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

from emulator.command.commands import COMMANDS
from emulator.console.api.samples import KINDS, Sample, sample

NOW = datetime(2026, 5, 3, 9, 22, 3, tzinfo=UTC)
EVENTS = Path(__file__).parents[4] / "events"
OPTIONAL = {"stageVariables", "authorizer", "queryStringParameters", "multiValueQueryStringParameters"}


def recorded(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{kind}.json").read_text())
    return found


@pytest.mark.parametrize("kind", ["connect", "message", "disconnect"])
def test_an_event_of_a_socket_has_the_keys_of_the_recorded_one_in_their_order(kind: str) -> None:
    made, known = sample(kind, Sample(now=NOW)), recorded(kind)

    assert list(made) == [key for key in known if key not in OPTIONAL]
    assert list(made["requestContext"]) == [key for key in known["requestContext"] if key not in OPTIONAL]
    assert made["requestContext"]["requestTime"] == "03/May/2026:09:22:03 +0000"


def test_all_events_of_a_socket_are_one_connections() -> None:
    ids = {sample(kind, Sample(now=NOW))["requestContext"]["connectionId"] for kind in ("connect", "message")}

    assert len(ids) == 1


def test_a_connect_may_hold_a_token_and_name_an_emulator() -> None:
    made = sample("connect", Sample(now=NOW, token="a.b.c", domain_name="127.0.0.1:8787", stage="test"))

    assert made["queryStringParameters"] == {"Authorization": "a.b.c"}
    assert (made["requestContext"]["domainName"], made["requestContext"]["stage"]) == ("127.0.0.1:8787", "test")
    assert made["headers"]["Host"] == "127.0.0.1:8787"


@pytest.mark.parametrize("body", ["", "hello", '{"action": "ping"}'])
def test_a_body_is_what_was_said(body: str) -> None:
    assert sample("message", Sample(now=NOW, body=body))["body"] == body
    assert sample("sqs", Sample(now=NOW, body=body))["Records"][0]["body"] == body


def test_a_stream_event_is_dynamodbs() -> None:
    (record,) = sample("stream", Sample(now=NOW))["Records"]

    assert list(record) == [
        *("eventID", "eventName", "eventVersion", "eventSource", "awsRegion", "dynamodb", "eventSourceARN"),
    ]
    assert record["dynamodb"]["NewImage"]["id"] == record["dynamodb"]["Keys"]["id"]
    assert record["dynamodb"]["ApproximateCreationDateTime"] == NOW.timestamp()


def test_a_scheduled_event_is_eventbridges() -> None:
    made = sample("schedule", Sample(now=NOW))

    assert (made["source"], made["detail-type"], made["time"]) == (
        *("aws.events", "Scheduled Event", "2026-05-03T09:22:03Z"),
    )


def test_every_kind_can_be_asked_for() -> None:
    (kind,) = [each.type for each in COMMANDS["event"].params if each.name == "kind"]

    assert isinstance(kind, click.Choice)
    assert list(kind.choices) == list(KINDS)
