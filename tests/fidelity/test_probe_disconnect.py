"""Probes of FIDELITY section F: how connections end, and what ``$disconnect`` is told."""

from __future__ import annotations

import json

import pytest
from fidelity_client import CLOSE, Frame, close_payload
from fidelity_world import CONNECT, DEFAULT, DISCONNECT, MakeWorld, World


def test_disconnect_runs_once_the_client_was_answered(make_world: MakeWorld) -> None:
    world = make_world(functions={"disconnect": {"environment": {"DO": json.dumps({"gate": "/nowhere"})}}})
    client = world.open()

    assert client.close(1000).close_code == 1000
    assert client.is_ended()
    world.event("disconnect")


@pytest.mark.parametrize(
    ("code", "reason", "seen"),
    [
        pytest.param(None, "", (1005, "Client-side close frame status not set"), id="no status"),
        pytest.param(1000, "", (1000, ""), id="Python's websockets"),
        pytest.param(1001, "", (1001, ""), id="browser tab closed"),
        pytest.param(1000, "done", (1000, "done"), id="reason"),
        pytest.param(3000, "registered", (3000, "registered"), id="3000"),
        pytest.param(4999, "käse", (4999, "käse"), id="4999"),
        pytest.param(1011, "x" * 123, (1011, "x" * 123), id="longest reason"),
    ],
)
def test_the_clients_code_and_reason_are_told(
    world: World, code: int | None, reason: str, seen: tuple[int, str]
) -> None:
    client = world.open()

    answer = client.close(code, reason)

    assert answer.close_code == code
    assert world.ended() == seen


def test_a_delete_closes_with_1000(world: World) -> None:
    client = world.open()

    assert world.call("DELETE", world.id_of()).status == 204
    frame = client.closed()
    assert (frame.close_code, frame.close_reason) == (1000, "Connection Closed Normally")
    assert world.ended() == (1000, "Connection Closed Normally")


@pytest.mark.parametrize("end", ["drop", "reset"])
def test_a_client_that_vanishes_is_1006(world: World, end: str) -> None:
    client = world.open()
    client.pinged()
    getattr(client, end)()

    assert world.ended() == (1006, "")


def test_the_reason_of_1006_can_be_chosen(make_world: MakeWorld) -> None:
    world = make_world(assumptions={"abnormal_reason": "Connection dropped"})
    world.open().drop()

    assert world.ended() == (1006, "Connection dropped")


def test_what_was_sent_before_a_client_vanished_is_still_run(world: World) -> None:
    client = world.open()
    for number in range(600):
        client.text(str(number))
    client.drop()

    world.event("message", 599)
    assert world.ended() == (1006, "")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param(Frame(2, b"x"), 1003, id="binary"),
        pytest.param(Frame(1, b"x" * 32_769), 1009, id="too big"),
        pytest.param(Frame(1, b"\xff"), 1007, id="not UTF-8"),
        pytest.param(Frame(3, b""), 1002, id="reserved opcode"),
    ],
)
def test_the_gateways_own_closes_are_told_with_their_code(world: World, frame: Frame, code: int) -> None:
    client = world.open()
    client.frame(frame.opcode, frame.payload)

    assert client.closed().close_code == code
    assert world.ended()[0] == code


def test_disconnect_runs_at_most_once(world: World) -> None:
    client = world.open()
    connection_id = world.id_of()
    world.call("DELETE", connection_id)
    client.frame(CLOSE, close_payload(4000))
    client.drop()
    world.call("DELETE", connection_id)
    world.open().close(1000)

    world.event("disconnect", 1)
    assert len(world.events("disconnect")) == 2


def test_without_disconnect_route_a_connection_just_ends(make_world: MakeWorld) -> None:
    world = make_world(CONNECT, DEFAULT)
    client = world.open()
    client.close(1000)

    assert client.is_ended()
    assert world.call("GET", world.id_of()).status == 410


def test_during_disconnect_the_connection_is_gone(make_world: MakeWorld) -> None:
    world = make_world(CONNECT, DISCONNECT, DEFAULT, functions={"disconnect": {"environment": {"DO": '{"post": "x"}'}}})
    world.open().close(1000)

    world.printed("disconnect", "GoneException 410")


def test_a_client_that_does_not_answer_the_close_is_told_apart_at_once(world: World) -> None:
    client = world.open()
    connection_id = world.id_of()
    world.call("DELETE", connection_id)

    assert world.ended() == (1000, "Connection Closed Normally")
    assert world.call("POST", connection_id, b"x").status == 410
    client.closed()


def test_the_end_of_the_emulator_closes_with_1001(make_world: MakeWorld) -> None:
    world = make_world()
    client = world.open()
    world.stop()

    assert client.closed().close_code == 1001
    assert world.ended() == (1001, "Going away")
