"""Probes of FIDELITY section D: what comes back to the client, and the error frames byte for byte."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from fidelity_client import TEXT, Frame, Upgrading
from fidelity_world import CONNECT, DEFAULT, DISCONNECT, MakeWorld, World

from streamer.topology import Route, Throttle

TWO_WAY = replace(DEFAULT, route_response=True)


@pytest.fixture
def answering(make_world: MakeWorld) -> World:
    """A service whose ``$default`` has a route response."""
    return make_world(CONNECT, DISCONNECT, TWO_WAY)


def order(client: Upgrading, **what: Any) -> None:
    client.text(json.dumps({"do": what}))


def error_frame(message: str, world: World, number: int = 0) -> str:
    context = world.event("message", number)["requestContext"]
    ids = (context["connectionId"], context["requestId"])
    return '{{"message": "{}", "connectionId":"{}", "requestId":"{}"}}'.format(message, *ids)


# D1-D5: results


@pytest.mark.parametrize("status", [200, 201, 301, 400, 401, 500, 501])
def test_without_route_response_results_are_invisible(world: World, status: int) -> None:
    client = world.open()
    order(client, **{"return": {"statusCode": status, "body": "hidden"}})
    world.event("message")
    order(client, **{"raise": "marks the end"})

    assert client.message() == error_frame("Internal server error", world, 1)


@pytest.mark.parametrize("status", [200, 204, 400, 500])
def test_with_a_route_response_the_body_comes_whatever_the_status(answering: World, status: int) -> None:
    client = answering.open()
    order(client, **{"return": {"statusCode": status, "headers": {"X-A": "b"}, "body": "käse"}})

    assert client.next() == Frame(TEXT, "käse".encode())


def test_a_body_is_sent_as_it_is_and_not_as_json(answering: World) -> None:
    client = answering.open()
    order(client, **{"return": {"statusCode": 200, "body": '  {"a":  1}\n'}})

    assert client.message() == '  {"a":  1}\n'


def test_a_route_response_without_body_sends_nothing(answering: World) -> None:
    client = answering.open()
    order(client, **{"return": {"statusCode": 200}})
    answering.event("message")
    order(client, **{"return": {"statusCode": 200, "body": "next"}})

    assert client.message() == "next"


def test_a_body_over_32_kb_comes_in_frames_of_32_kb(answering: World) -> None:
    client = (world := answering).open()
    body = "x" * 70_000
    client.fragments(json.dumps({"do": {"return": {"statusCode": 200, "body": body}}}), 32_768)

    assert [len(frame.payload) for frame in client.message_frames()] == [32_768, 32_768, 4_464]
    assert len(world.events("message")) == 1


def test_a_route_response_of_connect_and_disconnect_reaches_nobody(make_world: MakeWorld) -> None:
    world = make_world(replace(CONNECT, route_response=True), replace(DISCONNECT, route_response=True), TWO_WAY)
    client = world.open(target=world.told(**{"return": {"statusCode": 200, "body": "welcome"}}))
    order(client, **{"return": {"statusCode": 200, "body": "first"}})

    assert client.message() == "first"
    client.close(1000)
    assert client.is_ended()


# D6, messages at once


def test_messages_of_one_connection_run_at_once_and_answer_as_they_finish(answering: World) -> None:
    gate = answering.gate()
    client = answering.open()
    order(client, gate=gate.path, **{"return": {"statusCode": 200, "body": "slow"}})
    answering.event("message")
    order(client, **{"return": {"statusCode": 200, "body": "quick"}})

    assert client.message() == "quick"
    gate.open()
    assert client.message() == "slow"


# D7-D13: failures


@pytest.mark.parametrize("route", [DEFAULT, TWO_WAY], ids=["one-way", "two-way"])
@pytest.mark.parametrize(
    "what",
    [
        pytest.param({"raise": "boom"}, id="raises"),
        pytest.param({"return": None}, id="returns None"),
        pytest.param({"return": "text"}, id="returns a string"),
        pytest.param({"return": {"body": "x"}}, id="no statusCode"),
        pytest.param({"return": {"statusCode": 200, "body": {"a": 1}}}, id="body is an object"),
        pytest.param({"return": {"statusCode": 200, "body": 1}}, id="body is a number"),
        pytest.param({"return": {"ConnectionId": "x", "Data": "y", "statusCode": 200}}, id="keys that are not allowed"),
        pytest.param({"return": {"statusCode": 200, "headers": []}}, id="headers are a list"),
    ],
)
def test_a_failure_is_an_error_frame_and_the_connection_stays(
    make_world: MakeWorld, route: Route, what: dict[str, Any]
) -> None:
    world = make_world(CONNECT, DISCONNECT, route)
    client = world.open()
    order(client, **what)

    assert client.message() == error_frame("Internal server error", world)
    client.pinged()


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": 200},
        {"statusCode": 200, "body": None},
        {"statusCode": 200, "headers": None, "multiValueHeaders": None, "isBase64Encoded": False},
        {
            "statusCode": 200,
            "headers": {"a": 1},
            "multiValueHeaders": {"b": ["c"]},
            "body": "",
            "isBase64Encoded": True,
        },
    ],
)
def test_all_keys_of_a_proxy_response_are_allowed(world: World, result: dict[str, Any]) -> None:
    client = world.open()
    order(client, **{"return": result})
    world.event("message")
    order(client, **{"raise": "marks the end"})

    assert client.message() == error_frame("Internal server error", world, 1)


def test_none_may_be_tolerated(make_world: MakeWorld) -> None:
    world = make_world(assumptions={"none_result_is_error": False})
    client = world.open()
    order(client, **{"return": None})
    world.event("message")
    order(client, **{"raise": "marks the end"})

    assert client.message() == error_frame("Internal server error", world, 1)


def test_a_function_that_lambda_does_not_run_is_the_same_frame(make_world: MakeWorld) -> None:
    world = make_world(functions={"message": {"reserved_concurrency": 0}})
    client = world.open()
    client.text("hi")

    frame = json.loads(client.message())

    assert list(frame) == ["message", "connectionId", "requestId"]
    assert (frame["message"], frame["connectionId"]) == ("Internal server error", world.id_of())


def test_an_integration_that_times_out_is_told_and_runs_on(make_world: MakeWorld) -> None:
    world = make_world(CONNECT, replace(DEFAULT, integration_timeout_seconds=0.05))
    gate = world.gate()
    client = world.open()
    order(client, gate=gate.path)

    assert client.message() == error_frame("Endpoint request timed out", world)
    gate.open()
    world.printed("message", "through the gate")


def test_a_functions_own_timeout_is_a_failure(make_world: MakeWorld) -> None:
    world = make_world(functions={"message": {"timeout_seconds": 2.0}})
    client = world.open()
    order(client, gate=world.gate().path)

    assert client.message() == error_frame("Internal server error", world)


def test_what_times_out_late_is_not_told_twice(make_world: MakeWorld) -> None:
    world = make_world(CONNECT, replace(TWO_WAY, integration_timeout_seconds=0.05))
    gate = world.gate()
    client = world.open()
    order(client, gate=gate.path, **{"return": {"statusCode": 200, "body": "too late"}})
    client.message()
    gate.open()
    world.printed("message", "through the gate")

    client.pinged()


# D14, D15


@pytest.mark.parametrize("what", ['{"raise": "boom"}', '{"return": null}'], ids=["raises", "returns None"])
def test_the_end_of_disconnect_is_never_visible(make_world: MakeWorld, what: str) -> None:
    world = make_world(functions={"disconnect": {"environment": {"DO": what}}})
    client = world.open()

    assert client.close(4000, "bye").close_code == 4000
    assert client.is_ended()
    assert world.ended() == (4000, "bye")


@pytest.mark.parametrize("text", ["Too Many Requests", "Limit Exceeded"])
def test_a_throttled_message_is_told_and_the_connection_stays(make_world: MakeWorld, text: str) -> None:
    throttled = replace(TWO_WAY, throttle=Throttle(rate=0.001, burst=1))
    world = make_world(CONNECT, throttled, assumptions={"throttled_message": text})
    client = world.open()
    order(client, **{"return": {"statusCode": 200, "body": "first"}})
    assert client.message() == "first"
    client.text("second")

    frame = json.loads(client.message())

    assert list(frame) == ["message", "connectionId", "requestId"]
    assert frame["message"] == text
    assert len(world.events("message")) == 1
    client.pinged()


def test_a_client_that_sends_too_fast_may_be_closed_with_1008(make_world: MakeWorld) -> None:
    world = make_world(limits={"messages_per_connection": Throttle(rate=0.001, burst=2)})
    client = world.open()
    for _ in range(3):
        client.text("hi")

    assert client.closed().close_code == 1008
    assert world.ended()[0] == 1008


# H18: what a message's function does is final


def test_a_message_whose_function_fails_is_not_run_again(world: World) -> None:
    client = world.open()
    order(client, **{"raise": "once"})
    client.message()
    order(client, **{"return": {"statusCode": 200}})

    assert json.loads(world.event("message", 1)["body"])["do"] == {"return": {"statusCode": 200}}
