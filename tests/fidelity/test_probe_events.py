"""Probes of FIDELITY section B: the events that functions get, to the key order."""

from __future__ import annotations

import base64
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from fidelity_world import AUTHORIZER, MakeWorld, World

CONTEXT = [
    "routeKey",
    "disconnectStatusCode",
    "authorizer",
    "messageId",
    "eventType",
    "extendedRequestId",
    "requestTime",
    "messageDirection",
    "disconnectReason",
    "stage",
    "connectedAt",
    "requestTimeEpoch",
    "identity",
    "requestId",
    "domainName",
    "connectionId",
    "apiId",
]
FUNCTIONS = ("connect", "message", "disconnect")


def conversation(world: World, target: str | None = None, *headers: tuple[str, str]) -> dict[str, dict[str, Any]]:
    """The three events of one connection."""
    client = world.open(*headers, target=target)
    client.text("hi")
    world.event("message")
    client.close()
    return {name: world.event(name) for name in FUNCTIONS}


@pytest.fixture
def events(world: World) -> dict[str, dict[str, Any]]:
    return conversation(world)


# B1-B6: the top level


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("connect", ["headers", "multiValueHeaders", "requestContext", "isBase64Encoded"]),
        ("message", ["requestContext", "body", "isBase64Encoded"]),
        ("disconnect", ["headers", "multiValueHeaders", "requestContext", "isBase64Encoded"]),
    ],
)
def test_top_level_keys_in_order(events: dict[str, Any], name: str, keys: list[str]) -> None:
    assert list(events[name]) == keys


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        (
            "connect",
            [
                "headers",
                "multiValueHeaders",
                "queryStringParameters",
                "multiValueQueryStringParameters",
                "stageVariables",
                "requestContext",
                "isBase64Encoded",
            ],
        ),
        ("message", ["stageVariables", "requestContext", "body", "isBase64Encoded"]),
        ("disconnect", ["headers", "multiValueHeaders", "stageVariables", "requestContext", "isBase64Encoded"]),
    ],
)
def test_top_level_keys_with_query_and_stage_variables(make_world: MakeWorld, name: str, keys: list[str]) -> None:
    world = make_world(stage_variables={"colour": "blue"})
    event = conversation(world, "/dev?a=b")[name]

    assert list(event) == keys
    assert event["stageVariables"] == {"colour": "blue"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_event_is_base64_or_looks_like_rest(events: dict[str, Any], name: str) -> None:
    event = events[name]

    assert event["isBase64Encoded"] is False
    foreign = {"version", "resource", "path", "httpMethod", "pathParameters", "resourcePath", "protocol"}
    assert not foreign & (event.keys() | event["requestContext"].keys())


def test_without_query_the_keys_are_absent_even_after_a_question_mark(world: World) -> None:
    world.open(target="/dev?")

    assert "queryStringParameters" not in world.event("connect")


# B7-B11: requestContext


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("connect", {"disconnectStatusCode", "messageId", "disconnectReason"}),
        ("message", {"disconnectStatusCode", "disconnectReason"}),
        ("disconnect", {"messageId"}),
    ],
)
@pytest.mark.parametrize("authorized", [True, False], ids=["authorizer", "no authorizer"])
def test_keys_of_the_context_in_order(make_world: MakeWorld, name: str, absent: set[str], *, authorized: bool) -> None:
    world = make_world(authorizer=AUTHORIZER if authorized else None)
    context = conversation(world)[name]["requestContext"]

    missing = absent if authorized else absent | {"authorizer"}
    assert list(context) == [key for key in CONTEXT if key not in missing]


@pytest.mark.parametrize(
    ("name", "route", "kind"),
    [
        ("connect", "$connect", "CONNECT"),
        ("message", "$default", "MESSAGE"),
        ("disconnect", "$disconnect", "DISCONNECT"),
    ],
)
def test_what_the_event_is_about(events: dict[str, Any], name: str, route: str, kind: str) -> None:
    context = events[name]["requestContext"]

    assert (context["routeKey"], context["eventType"], context["messageDirection"]) == (route, kind, "IN")
    assert context["stage"] == "dev"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_identity_has_the_user_agent_first_if_one_was_sent(make_world: MakeWorld, name: str) -> None:
    world = make_world()

    with_agent = conversation(world, None, ("User-Agent", "probe/1.0"))[name]["requestContext"]["identity"]

    assert list(with_agent.items()) == [("userAgent", "probe/1.0"), ("sourceIp", "127.0.0.1")]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_identity_of_a_client_without_user_agent_is_its_address(events: dict[str, Any], name: str) -> None:
    assert events[name]["requestContext"]["identity"] == {"sourceIp": "127.0.0.1"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_request_id_stands_twice(events: dict[str, Any], name: str) -> None:
    context = events[name]["requestContext"]

    assert context["requestId"] == context["extendedRequestId"]


# B12-B13: ids


def bits(text: str, first: int, last: int) -> int:
    """Bits of an id's 11 bytes, bit 0 the most significant."""
    return int.from_bytes(base64.urlsafe_b64decode(text), "big") >> (87 - last) & ((1 << (last - first + 1)) - 1)


@pytest.mark.parametrize(
    ("name", "key", "kind", "byte_8"),
    [
        ("connect", "connectionId", 0b0111, 0x02),
        ("message", "messageId", 0b0111, 0x02),
        ("connect", "requestId", 0b0001, 0x05),
        ("message", "requestId", 0b0001, 0x05),
        ("disconnect", "requestId", 0b0001, 0x05),
    ],
)
def test_an_id_is_built_as_awss(events: dict[str, Any], name: str, key: str, kind: int, byte_8: int) -> None:
    context = events[name]["requestContext"]
    found = context[key]
    epoch_ms = context["connectedAt"] if key == "connectionId" else context["requestTimeEpoch"]

    assert re.fullmatch(r"[A-Za-z0-9_-]{14}[AQgw]=", found)
    assert bits(found, 0, 0) == 0
    assert bits(found, 1, 29) == (epoch_ms // 100 - 115262492) % (2**29 - 1)
    assert bits(found, 30, 33) == kind
    assert found[8:11] in {"IAM", "oAM", "YAM", "4AM"} or bits(found, 49, 63) == 0x2003  # us-east-1
    assert bits(found, 64, 71) == byte_8


def test_a_message_id_shares_the_host_of_its_connection(events: dict[str, Any]) -> None:
    context = events["message"]["requestContext"]

    assert bits(context["messageId"], 72, 85) == bits(context["connectionId"], 72, 85)


def test_no_id_comes_twice(world: World) -> None:
    clients = [world.open() for _ in range(20)]
    for client in clients:
        client.text("hi")
    world.event("message", 19)

    contexts = [event["requestContext"] for name in ("connect", "message") for event in world.events(name)]
    ids = [context[key] for context in contexts for key in ("requestId", "messageId") if key in context]
    assert len(set(ids)) == len(ids) == 60
    assert len({context["connectionId"] for context in contexts}) == 20


# B14-B17: headers and query of CONNECT


def test_headers_are_sorted_without_case_and_keep_their_own(world: World) -> None:
    sent = [("zeta", "1"), ("Alpha", "2"), ("test", "3"), ("COOKIE", "c=d"), ("Origin", "http://localhost:5173")]
    world.open(*sent)
    headers = world.event("connect")["headers"]

    assert list(headers) == sorted(headers, key=str.lower)
    assert {(name, headers[name]) for name, _ in sent} == set(sent)
    names = list(headers)
    assert names.index("Sec-WebSocket-Version") < names.index("test") < names.index("X-Amzn-Trace-Id")


def test_hop_by_hop_headers_are_gone_and_the_gateways_are_there(world: World) -> None:
    world.open(("Content-Length", "0"))
    event = world.event("connect")
    headers = event["headers"]

    assert not {"connection", "upgrade", "content-length"} & {name.lower() for name in headers}
    assert (headers["X-Forwarded-For"], headers["X-Forwarded-Port"], headers["X-Forwarded-Proto"]) == (
        "127.0.0.1",
        "443",
        "https",
    )
    assert headers["Host"] == world.host
    assert {"Sec-WebSocket-Key", "Sec-WebSocket-Version"} <= headers.keys()
    assert event["multiValueHeaders"] == {name: [value] for name, value in headers.items()}
    assert list(event["multiValueHeaders"]) == list(headers)


def test_the_trace_id_begins_with_the_second_of_the_connection(events: dict[str, Any]) -> None:
    found = re.fullmatch(r"Root=1-([0-9a-f]{8})-[0-9a-f]{24}", events["connect"]["headers"]["X-Amzn-Trace-Id"])

    assert found
    assert int(found[1], 16) == events["connect"]["requestContext"]["connectedAt"] // 1000


def test_repeated_headers_and_query_keys(world: World) -> None:
    world.open(("X-Many", "1"), ("X-Many", "2"), target="/dev?k=1&other=x&k=2")
    event = world.event("connect")

    assert event["headers"]["X-Many"] == "2"
    assert event["multiValueHeaders"]["X-Many"] == ["1", "2"]
    assert event["queryStringParameters"] == {"k": "2", "other": "x"}
    assert event["multiValueQueryStringParameters"] == {"k": ["1", "2"], "other": ["x"]}


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("%C3%A4%20b", "ä b"),
        ("a+b", "a b"),
        ("a%2Bb", "a+b"),
        ("Bearer%20x%3Dy", "Bearer x=y"),
        ("", ""),
    ],
)
def test_query_values_are_decoded(world: World, query: str, value: str) -> None:
    world.open(target=f"/dev?v={query}")

    assert world.event("connect")["queryStringParameters"] == {"v": value}


# B18-B24


def test_the_headers_of_disconnect(world: World, events: dict[str, Any]) -> None:
    headers = {"Host": world.host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}

    assert list(events["disconnect"]["headers"].items()) == list(headers.items())
    assert events["disconnect"]["multiValueHeaders"] == {name: [value] for name, value in headers.items()}


def test_the_times_of_a_connection_agree(events: dict[str, Any]) -> None:
    contexts = [events[name]["requestContext"] for name in FUNCTIONS]

    assert len({context["connectedAt"] for context in contexts}) == 1
    assert abs(contexts[0]["connectedAt"] / 1000 - time.time()) < 60
    assert 0 <= contexts[0]["requestTimeEpoch"] - contexts[0]["connectedAt"] < 1000
    for context in contexts:
        at = datetime.fromtimestamp(context["requestTimeEpoch"] // 1000, UTC)
        assert context["requestTime"] == at.strftime("%d/%b/%Y:%H:%M:%S +0000")


def test_the_domain_name_leads_back_here(world: World, events: dict[str, Any]) -> None:
    context = events["message"]["requestContext"]

    assert context["domainName"] == world.host
    assert re.fullmatch(r"[a-z0-9]{10}", context["apiId"])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"action":"x"}', id="JSON"),
        pytest.param('  {"a": 1}\n', id="blanks around"),
        pytest.param("{not json", id="not JSON"),
        pytest.param("käse 🧀 \u0000 end", id="any characters"),
        pytest.param("x" * 20_000, id="long"),
    ],
)
def test_the_body_is_the_exact_text(world: World, body: str) -> None:
    world.open().text(body)

    assert world.event("message")["body"] == body


@pytest.mark.parametrize(("assumed", "body"), [({}, ""), ({"empty_message_body": None}, None)], ids=["default", "null"])
def test_an_empty_message_reaches_the_default_route(
    make_world: MakeWorld, assumed: dict[str, None], body: str | None
) -> None:
    world = make_world(assumptions=assumed)
    world.open().text("")

    assert world.event("message")["body"] == body
