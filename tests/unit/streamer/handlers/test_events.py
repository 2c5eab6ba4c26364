import json
from pathlib import Path
from typing import Any

import pytest

from streamer.handlers.events import Closing, Origin, body_of, closing_of, origin_of
from streamer.testing import connect_event, disconnect_event, message_event

EVENTS = Path(__file__).parents[3] / "events"


def recorded(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


@pytest.mark.parametrize("name", ["connect", "message", "disconnect"])
def test_every_event_tells_its_connection(name: str) -> None:
    event = recorded(name)
    context = event["requestContext"]

    assert origin_of(event) == Origin(
        connection_id=context["connectionId"],
        endpoint=f"https://{context['domainName']}/{context['stage']}",
        gateway_request_id=context["requestId"],
        connected_at=context["connectedAt"] / 1000,
        occurred_at=context["requestTimeEpoch"] / 1000,
        source_ip=context["identity"]["sourceIp"],
        user_agent=context["identity"]["userAgent"],
    )


def test_a_client_may_send_no_user_agent() -> None:
    event = recorded("message")
    del event["requestContext"]["identity"]["userAgent"]

    assert origin_of(event).user_agent is None


@pytest.mark.parametrize(
    ("change", "body"),
    [
        pytest.param({"body": " x "}, " x ", id="as it is"),
        pytest.param({"body": None}, "", id="null"),
        pytest.param({}, "", id="absent"),
    ],
)
def test_the_body_of_a_message(change: dict[str, Any], body: str) -> None:
    event = {name: value for name, value in recorded("message").items() if name != "body"}

    assert body_of({**event, **change}) == body


def test_how_a_connection_ended() -> None:
    event = recorded("disconnect")

    assert closing_of(event) == Closing(
        event["requestContext"]["disconnectStatusCode"], event["requestContext"]["disconnectReason"]
    )


@pytest.mark.parametrize(
    ("made", "name"),
    [
        pytest.param(connect_event(query={"a": "b"}), "connect", id="connect"),
        pytest.param(message_event({}), "message", id="message"),
        pytest.param(disconnect_event(), "disconnect", id="disconnect"),
    ],
)
def test_the_shipped_events_have_the_recorded_members(made: dict[str, Any], name: str) -> None:
    event = recorded(name)

    # An API without stage variables or authorizer, which is what streamer deploys, sends neither.
    assert set(made) == set(event) - {"stageVariables"}
    assert set(made["requestContext"]) == set(event["requestContext"]) - {"authorizer"}
