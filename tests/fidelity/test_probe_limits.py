"""Probes of FIDELITY section E: sizes, times and rates. Times are shortened, sizes are AWS's."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import replace

import pytest
from fidelity_client import CONTINUATION, PING, PONG, TEXT, Frame, Upgrading, patience
from fidelity_world import CONNECT, DEFAULT, DISCONNECT, MakeWorld, World

from streamer.errors import TopologyError
from streamer.topology import Throttle

FRAME, MESSAGE = 32 * 1024, 128 * 1024


# E3-E5: sizes


def test_a_frame_of_32_kb_passes(world: World) -> None:
    world.open().text("x" * FRAME)

    assert len(world.event("message")["body"]) == FRAME


@pytest.mark.parametrize("size", [FRAME + 1, 100_000, MESSAGE, MESSAGE + 1])
def test_a_larger_frame_closes_with_1009(world: World, size: int) -> None:
    client = world.open()
    client.text("x" * size)

    frame = client.closed()

    told = (1009, "Max frame length of 32768 has been exceeded.")
    assert (frame.close_code, frame.close_reason) == told
    assert world.ended() == told
    assert not world.events("message")


def test_a_frame_is_measured_in_bytes(world: World) -> None:
    client = world.open()
    client.text("ä" * (FRAME // 2) + "x")

    assert client.closed().close_code == 1009


def test_a_frame_that_only_announces_its_size_is_closed_at_once(world: World) -> None:
    client = world.open()
    client.send(b"\x81\xff" + (2**40).to_bytes(8, "big") + b"mask")

    assert client.closed().close_code == 1009


def test_a_fragmented_message_of_128_kb_passes(world: World) -> None:
    world.open().fragments("x" * MESSAGE, FRAME)

    assert len(world.event("message")["body"]) == MESSAGE


def test_a_larger_message_closes_with_1009(world: World) -> None:
    client = world.open()
    client.fragments("x" * (MESSAGE + 1), FRAME)

    assert client.closed().close_code == 1009
    assert not world.events("message")


def test_a_message_in_many_small_frames_may_be_as_large(world: World) -> None:
    client = world.open()
    client.frame(TEXT, b"", fin=False)
    client.send(b"".join(b"\x00\x81mask\x15" for _ in range(5_000)))
    client.frame(CONTINUATION, b"")

    assert world.event("message")["body"] == "x" * 5_000


def test_a_route_response_over_128_kb_is_an_error(make_world: MakeWorld) -> None:
    long = json.dumps({"return": {"statusCode": 200, "body": "x" * (MESSAGE + 1)}})
    world = make_world(
        CONNECT, replace(DEFAULT, route_response=True), functions={"message": {"environment": {"DO": long}}}
    )
    client = world.open()
    client.text("hi")

    assert json.loads(client.message())["message"] == "Internal server error"


# E6-E9: times


def test_silence_closes_with_1001(make_world: MakeWorld) -> None:
    world = make_world(limits={"idle_seconds": 0.05})
    client = world.open()

    frame = client.closed()

    assert (frame.close_code, frame.close_reason) == (1001, "Going away")
    assert world.ended() == (1001, "Going away")


@pytest.mark.parametrize("direction", ["from the client", "to the client", "route response"])
def test_messages_in_either_direction_keep_a_connection_open(make_world: MakeWorld, direction: str) -> None:
    world = make_world(
        CONNECT, DISCONNECT, replace(DEFAULT, function="echo", route_response=True), limits={"idle_seconds": 2.0}
    )
    client = world.open()
    connection_id = world.id_of()
    if direction == "to the client":
        for number in range(30):
            began = time.monotonic()
            assert world.call("POST", connection_id, b"still there?").status == 200
            assert client.message() == "still there?", number
            client.pinged()
    else:
        for _ in range(30):
            began = time.monotonic()
            client.text("still here")
            assert client.message() == "still here"

    assert client.closed().close_code == 1001
    assert time.monotonic() - began >= 2.0, "idle counts from the latest message"


def test_a_ping_does_not_count(make_world: MakeWorld) -> None:
    world = make_world(limits={"idle_seconds": 0.15})
    client = world.open()
    while (frame := pinged(client)) is None:
        pass

    assert frame.close_code == 1001


def test_a_ping_counts_if_that_is_assumed(make_world: MakeWorld) -> None:
    world = make_world(limits={"idle_seconds": 2.0}, assumptions={"ping_resets_idle": True})
    client = world.open()
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert pinged(client) is None


def pinged(client: Upgrading) -> Frame | None:
    """Ping, wait for the pong and a moment more; what comes then, or None."""
    client.frame(PING, b"x")
    frame = client.next()
    if frame.opcode != PONG:
        return frame
    with patience(client, 0.02), contextlib.suppress(TimeoutError):
        return client.next()
    return None


def test_the_longest_life_ends_with_1001_however_busy(make_world: MakeWorld) -> None:
    world = make_world(
        CONNECT,
        DISCONNECT,
        replace(DEFAULT, function="echo", route_response=True),
        limits={"max_duration_seconds": 0.2},
    )
    client = world.open()
    frame = Frame(TEXT, b"busy")
    while frame.opcode == TEXT:
        client.text("busy")
        frame = client.next()

    assert (frame.close_code, frame.close_reason) == (1001, "Going away")
    assert world.ended() == (1001, "Going away")


# E10, pings from clients


def test_a_ping_is_answered_with_its_payload_and_runs_nothing(world: World) -> None:
    client = world.open()
    client.pinged(b"\x00\xff" * 62)

    assert not world.events("message")


def test_a_pong_nobody_asked_for_is_ignored(world: World) -> None:
    client = world.open()
    client.frame(PONG, b"hello")

    client.pinged()


# E1, E2, E11, E12


def test_the_accounts_throttle_is_shared_by_messages_and_calls(make_world: MakeWorld) -> None:
    world = make_world(limits={"account": Throttle(rate=0.001, burst=3)})
    client = world.open()
    client.text("second")
    connection_id = world.id_of()
    world.event("message")

    assert world.call("POST", connection_id, b"third").status == 200
    assert client.message() == "third"
    answer = world.call("POST", connection_id, b"fourth")
    assert (answer.status, answer.header("x-amzn-ErrorType")) == (429, "LimitExceededException")
    client.text("fifth")
    assert json.loads(client.message())["message"] == "Too Many Requests"


@pytest.mark.parametrize("seconds", [0.049, 29.1])
def test_an_integration_timeout_is_50_ms_to_29_s(make_world: MakeWorld, seconds: float) -> None:
    with pytest.raises(TopologyError, match=r"0\.05 to 29"):
        make_world(CONNECT, replace(DEFAULT, integration_timeout_seconds=seconds))


@pytest.mark.parametrize(("size", "status"), [(9_900, 101), (10_241, 431), (70_000, 431)])
def test_handshake_headers_have_up_to_10240_bytes_together(world: World, size: int, status: int) -> None:
    client = world.upgrading(None, ("X-Big", "x" * size))

    assert client.answer(has_body=False).status == status
