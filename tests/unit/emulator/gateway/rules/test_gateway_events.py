from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gateway_id_parts import decode
from gateway_world import FACTS, NOW_MS

from emulator.gateway.rules.events import (
    Session,
    authorizer_headers,
    clf_time,
    gateway_headers,
    grouped_query,
    single_and_multi,
)
from emulator.gateway.rules.ids import IdSource
from emulator.gateway.rules.stage import Stage
from streamer.topology import Api

SAMPLES = Path(__file__).parents[4] / "events"
CONNECTION_ID = "cyAFWeWQjoECqNQ="
CONNECTED_AT_MS = 1_777_800_123_456
TRACE = "Root=1-69f713bb-00112233445566778899aabb"
HEADERS = (
    ("Host", "127.0.0.1:8787"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA=="),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
    ("Sec-WebSocket-Protocol", "news.v2, news.v1"),
    ("Origin", "http://localhost:5173"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)"),
    ("test", "a"),
    ("test", "b"),
)
CONTEXT = {"level": "3", "admin": "true", "tenant": "acme", "principalId": "user-7"}


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return found


def session(
    *, variables: dict[str, str] | None = None, agent: str | None = "Mozilla/5.0 (X11; Linux x86_64)"
) -> Session:
    api = Api(name="news", routes=(), stage="prod", stage_variables=variables or {})
    return Session(Stage(api, FACTS, IdSource("eu-west-1", 1)), CONNECTION_ID, CONNECTED_AT_MS, "198.51.100.4", agent)


def connect_headers() -> list[tuple[str, list[str]]]:
    return gateway_headers(HEADERS, "198.51.100.4", TRACE)


def as_written(event: dict[str, Any]) -> str:
    """The event as JSON: equal only if the order of the keys is equal too."""
    return json.dumps(event, indent=2)


def test_the_connect_event_is_the_sample_to_the_key_order() -> None:
    query = grouped_query("topic=world&tag=a&tag=%C3%A9+b")

    event = session().connect_event(connect_headers(), query, "cyAFWEWYjoEFR0g=", CONNECTED_AT_MS + 3, None)

    assert as_written(event) == as_written(sample("connect"))


def test_the_connect_event_with_authorizer_and_stage_variables_is_the_sample() -> None:
    made = session(variables={"color": "blue"}, agent=None)
    made.authorizer = CONTEXT
    headers = gateway_headers([h for h in HEADERS if h[0] in {"Host", "Cookie"}], "198.51.100.4", TRACE)

    event = made.connect_event(headers, {}, "cyAFWFW7joEFw2Q=", CONNECTED_AT_MS + 9, 41)

    assert as_written(event) == as_written(sample("connect_authorized"))


def test_the_authorizer_event_is_the_sample_to_the_key_order() -> None:
    query = grouped_query("topic=world")

    event = session().authorize_event(connect_headers(), query, "cyAFWHdwjoEFHdw=", CONNECTED_AT_MS + 1)

    assert as_written(event) == as_written(sample("authorizer"))


def test_the_message_event_is_the_sample_to_the_key_order() -> None:
    made = session(variables={"color": "blue"})
    made.authorizer = CONTEXT

    event = made.message_event(
        "publish", "cyAGdc4_DoECqNQ=", "cyAGdFiIjoEFavA=", CONNECTED_AT_MS + 7_100, ' {"action":"publish"} '
    )

    assert as_written(event) == as_written(sample("message"))


def test_the_disconnect_event_is_the_sample_to_the_key_order() -> None:
    made = session()
    made.authorizer = CONTEXT
    reason = "Client-side close frame status not set"

    event = made.disconnect_event(1005, reason, "cyAIAH0CjoEFiIg=", CONNECTED_AT_MS + 17_000)

    assert as_written(event) == as_written(sample("disconnect"))


def test_optional_keys_are_absent_not_null() -> None:
    made = session(agent=None)
    connect = made.connect_event(connect_headers(), {}, "R", NOW_MS, None)
    message = made.message_event("$default", "M", "R", NOW_MS, "")

    assert list(connect) == ["headers", "multiValueHeaders", "requestContext", "isBase64Encoded"]
    assert list(message) == ["requestContext", "body", "isBase64Encoded"]
    for event in (connect, message):
        assert "authorizer" not in event["requestContext"]
        assert event["requestContext"]["identity"] == {"sourceIp": "198.51.100.4"}


def test_an_authorizer_event_without_query_has_empty_objects() -> None:
    event = session().authorize_event(connect_headers(), {}, "R", NOW_MS)

    assert event["queryStringParameters"] == {}
    assert event["multiValueQueryStringParameters"] == {}
    assert event["stageVariables"] == {}
    assert "body" not in event
    assert "isBase64Encoded" not in event


def test_only_connect_tells_the_integration_latency() -> None:
    made = session()
    made.authorizer = {"principalId": "p"}
    connect = made.connect_event(connect_headers(), {}, "R", NOW_MS, 12)["requestContext"]["authorizer"]

    assert connect == {"principalId": "p", "integrationLatency": 12}
    assert isinstance(connect["integrationLatency"], int)
    assert made.message_event("x", "M", "R", NOW_MS, "")["requestContext"]["authorizer"] == {"principalId": "p"}
    assert made.disconnect_event(1000, "", "R", NOW_MS)["requestContext"]["authorizer"] == {"principalId": "p"}


def test_headers_are_sorted_whatever_their_case() -> None:
    names = [name for name, _ in connect_headers()]

    assert names == sorted(names, key=str.lower)
    assert names[names.index("test") - 1] == "Sec-WebSocket-Version"
    assert names[names.index("test") + 1] == "User-Agent"
    assert not {"Connection", "Upgrade", "Content-Length"} & set(names)


def test_the_gateway_adds_its_own_headers() -> None:
    headers = dict(gateway_headers((("X-Forwarded-Proto", "http"), ("content-length", "5")), "192.0.2.1", TRACE))

    assert headers == {
        "X-Amzn-Trace-Id": [TRACE],
        "X-Forwarded-For": ["192.0.2.1"],
        "X-Forwarded-Port": ["443"],
        "X-Forwarded-Proto": ["https"],
    }


def test_a_forwarded_client_is_kept_before_the_peer() -> None:
    headers = dict(gateway_headers((("x-forwarded-for", "10.0.0.1"),), "192.0.2.1", TRACE))

    assert headers["X-Forwarded-For"] == ["10.0.0.1, 192.0.2.1"]


def test_the_authorizer_sees_the_upgrade_headers() -> None:
    single, multi = single_and_multi(authorizer_headers(connect_headers()))

    assert (single["Connection"], single["content-length"], single["Upgrade"]) == ("upgrade", "0", "websocket")
    assert list(single) == sorted(single, key=str.lower)
    assert multi["content-length"] == ["0"]


def test_single_maps_hold_the_last_value_and_multi_maps_all() -> None:
    single, multi = single_and_multi(connect_headers())

    assert single["test"] == "b"
    assert multi["test"] == ["a", "b"]


def test_offered_subprotocols_stay_one_string() -> None:
    _, multi = single_and_multi(connect_headers())

    assert multi["Sec-WebSocket-Protocol"] == ["news.v2, news.v1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("", {}, id="none"),
        pytest.param("a=1&b=2&a=3", {"a": ["1", "3"], "b": ["2"]}, id="repeated"),
        pytest.param("a=%C3%A9+%2B", {"a": ["é +"]}, id="decoded"),
        pytest.param("a=&b", {"a": [""], "b": [""]}, id="blank"),
        pytest.param("a=%ff", {"a": ["\ufffd"]}, id="not UTF-8"),
    ],
)
def test_the_query_is_decoded_in_order(query: str, expected: dict[str, list[str]]) -> None:
    assert grouped_query(query) == expected


def test_request_time_is_clf_in_utc() -> None:
    assert clf_time(1_767_268_800) == "01/Jan/2026:12:00:00 +0000"


def test_request_time_and_epoch_tell_the_same_moment() -> None:
    context = session().message_event("x", "M", "R", 1_767_268_804_999, "")["requestContext"]

    assert context["requestTime"] == "01/Jan/2026:12:00:04 +0000"
    assert context["requestTimeEpoch"] == 1_767_268_804_999
    assert context["connectedAt"] == CONNECTED_AT_MS


def test_request_id_and_extended_request_id_are_equal() -> None:
    made = session()
    events = [
        made.connect_event([], {}, "R", NOW_MS, None),
        made.authorize_event([], {}, "R", NOW_MS),
        made.message_event("x", "M", "R", NOW_MS, ""),
        made.disconnect_event(1000, "", "R", NOW_MS),
    ]

    for event in events:
        assert event["requestContext"]["requestId"] == event["requestContext"]["extendedRequestId"] == "R"
        assert event["requestContext"]["messageDirection"] == "IN"
        assert not {"version", "resource", "path", "httpMethod", "pathParameters"} & (
            event.keys() | event["requestContext"].keys()
        )


@pytest.mark.parametrize("name", ["connect", "connect_authorized", "message", "disconnect", "authorizer"])
def test_sample_events_have_ids_of_their_time(name: str) -> None:
    context = sample(name)["requestContext"]

    assert decode(context["connectionId"]).matches(context["connectedAt"])
    assert decode(context["requestId"]).matches(context["requestTimeEpoch"])
