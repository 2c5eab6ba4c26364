"""Probes of FIDELITY section C: which route a message takes."""

from __future__ import annotations

import pytest
from fidelity_client import BINARY, CONTINUATION, TEXT
from fidelity_world import CONNECT, DEFAULT, DISCONNECT, MakeWorld, World

from streamer.errors import TopologyError
from streamer.topology import Route

CHAT = Route(route_key="chat", function="message")


def route(world: World, text: str) -> str:
    """The route key that a function was told for this message."""
    world.open().text(text)
    return str(world.event("message")["requestContext"]["routeKey"])


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param('{"action":"chat"}', "chat", id="named"),
        pytest.param('{"action":"Chat"}', "$default", id="another case"),
        pytest.param('{"action":"chat "}', "$default", id="not trimmed"),
        pytest.param('{"action":"other"}', "$default", id="unknown"),
        pytest.param('{"other":"chat"}', "$default", id="missing"),
        pytest.param('{"action":null}', "$default", id="null"),
        pytest.param("not json", "$default", id="not JSON"),
        pytest.param("", "$default", id="empty"),
        pytest.param("1", "$default", id="number"),
        pytest.param('"chat"', "$default", id="string"),
        pytest.param('[{"action":"chat"}]', "$default", id="array"),
        pytest.param('{"action":"chat", body:"hello"}', "chat", id="lenient JSON"),
        pytest.param("{'action':'chat'}", "chat", id="single quotes"),
        pytest.param('{"action":"$connect"}', "$default", id="$connect cannot be named"),
        pytest.param('{"action":"$disconnect"}', "$default", id="nor $disconnect"),
        pytest.param('{"action":"$default"}', "$default", id="$default can"),
        pytest.param('{"action":"ch\\u0061t"}', "chat", id="escaped"),
    ],
)
def test_a_message_takes_the_route_that_its_action_names(make_world: MakeWorld, text: str, key: str) -> None:
    assert route(make_world(CONNECT, CHAT, DISCONNECT, DEFAULT), text) == key


@pytest.mark.parametrize(
    ("expression", "text", "key"),
    [
        pytest.param("$request.body.service.do", '{"service":{"do":"chat"}}', "chat", id="nested"),
        pytest.param("${request.body.action}", '{"action":"chat"}', "chat", id="braced"),
        pytest.param("${request.body.a}/${request.body.b}", '{"a":"x","b":"y"}', "x/y", id="composed"),
        pytest.param("join-${request.body.room}", "{}", "join-", id="missing part is empty"),
        pytest.param("$request.body.n", '{"n":1}', "1", id="number"),
        pytest.param("$request.body.n", '{"n":true}', "true", id="boolean"),
        pytest.param("$request.body.list", '{"list":["item1","item2"]}', "[item1, item2]", id="array"),
        pytest.param("\\$default", '{"action":"chat"}', "$default", id="constant"),
        pytest.param("$request.body.a", '{"a":"$request.body.b","b":"chat"}', "$default", id="not evaluated again"),
        pytest.param("$request.body.action", '{"action":{"x":1}}', "$default", id="an object"),
    ],
)
def test_expressions_of_every_form(make_world: MakeWorld, expression: str, text: str, key: str) -> None:
    keys = ("chat", "x/y", "join-", "1", "true", "[item1, item2]")
    routes = [Route(route_key=each, function="message") for each in keys]

    assert route(make_world(CONNECT, *routes, DEFAULT, route_selection_expression=expression), text) == key


@pytest.mark.parametrize("expression", ["$request.header.x", "$context.routeKey", ""])
def test_an_expression_over_something_else_is_refused(make_world: MakeWorld, expression: str) -> None:
    with pytest.raises(TopologyError):
        make_world(route_selection_expression=expression)


def test_a_route_key_of_ones_own_must_not_start_with_a_dollar(make_world: MakeWorld) -> None:
    with pytest.raises(TopologyError, match="reserved"):
        make_world(CONNECT, Route(route_key="$chat", function="message"))


def test_without_match_and_default_the_client_is_told_forbidden_and_stays(make_world: MakeWorld) -> None:
    world = make_world(CONNECT, CHAT)
    client = world.open()
    client.text('{"action":"unknown"}')

    frame = client.message()

    request_id = frame.removesuffix('"}').rpartition('"')[2]
    assert frame == f'{{"message": "Forbidden", "connectionId":"{world.id_of()}", "requestId":"{request_id}"}}'
    assert not world.events("message")
    client.text('{"action":"chat"}')
    world.event("message")


def test_the_expression_does_not_concern_connect_and_disconnect(make_world: MakeWorld) -> None:
    world = make_world(CONNECT, DISCONNECT, route_selection_expression="$request.body.deep.er")
    world.open().close(1000)

    assert world.ended() == (1000, "")


# C12, C13: frames


def test_a_binary_message_closes_with_1003_and_runs_nothing(world: World) -> None:
    client = world.open()
    client.frame(BINARY, b"bytes")

    frame = client.closed()
    told = (1003, "Binary is not supported")
    assert (frame.close_code, frame.close_reason) == told
    assert world.ended() == told
    assert not world.events("message")


def test_the_first_frame_of_a_fragmented_binary_message_closes_already(world: World) -> None:
    client = world.open()
    client.frame(BINARY, b"by", fin=False)

    assert client.closed().close_code == 1003


def test_fragments_are_one_message(world: World) -> None:
    client = world.open()
    client.fragments("fragmented message ä", 3)

    assert world.event("message")["body"] == "fragmented message ä"


def test_a_ping_may_come_between_fragments(world: World) -> None:
    client = world.open()
    client.frame(TEXT, b"one ", fin=False)
    client.pinged()
    client.frame(CONTINUATION, b"", fin=False)
    client.frame(CONTINUATION, b"message")

    assert world.event("message")["body"] == "one message"


# C14, models of messages

MODEL = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


def test_a_message_that_its_model_refuses_is_told_so_and_runs_nothing(make_world: MakeWorld) -> None:
    world = make_world(CONNECT, Route(route_key="$default", function="message", model=MODEL))
    client = world.open()
    client.json(text=1)

    frame = client.message()

    message_id = frame.removesuffix('"}').rpartition('"')[2]
    connection_id = world.id_of()
    assert frame == (
        f'{{"message" : "Bad request body", "connectionId": "{connection_id}", "messageId": "{message_id}"}}'
    )
    assert len(message_id) == 16
    assert not world.events("message")
    client.json(text="fine")
    world.event("message")


def test_the_model_selection_expression_picks_the_model(make_world: MakeWorld) -> None:
    strict = Route(
        route_key="$default",
        function="message",
        model={"type": "object"},
        models={"say": MODEL},
        model_selection="$request.body.action",
    )
    client = (world := make_world(CONNECT, strict)).open()
    client.json(action="other")
    client.json(action="say")

    assert "Bad request body" in client.message()
    world.event("message")
    assert len(world.events("message")) == 1


def test_a_message_that_no_model_is_meant_for_is_refused(make_world: MakeWorld) -> None:
    strict = Route(
        route_key="$default", function="message", models={"say": MODEL}, model_selection="$request.body.action"
    )
    client = (world := make_world(CONNECT, strict)).open()
    client.json(action="other")
    assert "Bad request body" in client.message()

    client.json(action="say", text="fine")
    world.event("message")
    assert len(world.events("message")) == 1
