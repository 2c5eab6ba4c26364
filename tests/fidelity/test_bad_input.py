"""Clients that break the rules: each ends as documented, in bounded memory, and no other connection notices."""

from __future__ import annotations

import contextlib
import socket
import struct
import tracemalloc
from collections.abc import Iterator

import pytest
from fidelity_client import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    Frame,
    Upgrading,
    Wire,
    close_payload,
    encode,
    patience,
)
from fidelity_world import CONNECT, DISCONNECT, MakeWorld, World

from streamer.topology import Route

ECHO = Route(route_key="$default", function="echo", route_response=True)


@pytest.fixture(params=[True, False], ids=["uvloop", "asyncio"])
def echoing(make_world: MakeWorld, request: pytest.FixtureRequest) -> World:
    """Both event loops, whose transports differ where clients misbehave."""
    return make_world(CONNECT, DISCONNECT, ECHO, uses_uvloop=request.param)


@pytest.fixture
def others(echoing: World) -> Iterator[None]:
    """Another client, before and after: it must not notice anything."""
    neighbour = echoing.open()
    yield
    neighbour.text("still here")
    assert neighbour.message() == "still here"
    echoing.open().pinged()


# HTTP


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"\x00\x01\x02\x03 nonsense\r\n\r\n", 400, id="no HTTP"),
        pytest.param(b"GET\r\n\r\n", 400, id="no target"),
        pytest.param(b"GET /dev HTTP/9.9\r\n\r\n", 400, id="no such version"),
        pytest.param(b"GET /dev HTTP/1.1\r\nno colon here\r\n\r\n", 400, id="header without colon"),
        pytest.param(b"GET /dev HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400, id="folded header"),
        pytest.param(b"GET /dev HTTP/1.1\r\nBad Name: b\r\n\r\n", 400, id="blank in a name"),
        pytest.param(b"GET /dev HTTP/1.1\r\nA: \x00\r\n\r\n", 400, id="zero byte"),
        pytest.param(b"POST /dev HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, id="negative length"),
        pytest.param(b"POST /dev HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n", 400, id="two lengths"),
        pytest.param(
            b"POST /dev HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            id="length and chunks (request smuggling)",
        ),
        pytest.param(b"POST /dev HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, id="nonsense chunk"),
        pytest.param(b"GET /dev HTTP/1.1\r\n" + b"A: " + b"x" * 100_000, 431, id="a header without end"),
        pytest.param(b"GET /" + b"x" * 100_000, 431, id="a target without end"),
        pytest.param(b"GET /dev HTTP/1.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", 431, id="twenty thousand headers"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413, id="a body of a terabyte"),
        pytest.param(b"GET /" + b"x" * 5_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 414, id="long url"),
    ],
)
def test_malformed_http_is_answered_and_ends(echoing: World, sent: bytes, status: int) -> None:
    wire = echoing.wire()
    wire.send(sent)

    assert wire.answer().status == status


@pytest.mark.usefixtures("others")
def test_megabytes_of_headers_are_answered_before_the_end(echoing: World) -> None:
    """Closing with bytes unread would reset the connection, and the client would never see why."""
    wire = echoing.wire()
    wire.send(b"GET /dev HTTP/1.1\r\nA: ")
    for _ in range(40):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            wire.send(b"x" * 100_000)

    assert wire.answer().status == 431


@pytest.mark.parametrize(
    "host", ["[::1", "[", "127.0.0.1:port", "\xff", "a" * 300], ids=["half IPv6", "bracket", "port", "byte", "long"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_nonsense_host_is_refused_not_failed_on(echoing: World, host: str, method: str) -> None:
    assert echoing.http(method, "/dev/@connections/H111mc0HywMCEEf=", host=host).status in {400, 403}


@pytest.mark.parametrize("target", ["http://127.0.0.1/dev", "*", "//", "/%", "/%00", "/dev%2F", "/dev?%ff=%fe&&=&"])
def test_a_strange_target_never_fails(echoing: World, target: str) -> None:
    assert echoing.upgrading(target).answer(has_body=False).status in {101, 400, 403}


# slow handshakes


@pytest.fixture
def impatient(make_world: MakeWorld) -> World:
    """As in earnest, but the 30 seconds that a request may take are one."""
    return make_world(CONNECT, DISCONNECT, ECHO, config={"request_seconds": 1.0})


def test_a_client_that_says_nothing_is_dropped(impatient: World) -> None:
    neighbour = impatient.open()

    assert impatient.wire().is_ended()
    neighbour.pinged()


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"G", id="one byte"),
        pytest.param(b"\x16", id="the first byte of TLS"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", id="half a TLS greeting"),
    ],
)
def test_a_client_that_stops_after_a_few_bytes_is_dropped(impatient: World, head: bytes) -> None:
    wire = impatient.wire()
    wire.send(head)

    assert wire.is_ended() or head == b"G"


def test_a_client_that_says_nothing_inside_tls_is_dropped(impatient: World) -> None:
    assert impatient.wire(tls=impatient.trusting()).is_ended()


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b"X-Drip: drop\r\n", id="headers"),
        pytest.param(b"x", id="one header"),
    ],
)
def test_a_handshake_that_drips_in_is_408(impatient: World, piece: bytes) -> None:
    """Slowloris: a byte now and then must not hold a connection for ever."""
    wire = impatient.wire()
    wire.socket.settimeout(0.05)
    wire.send(b"GET /dev HTTP/1.1\r\nHost: x\r\nX-Long: ")
    answer = None
    for _ in range(1_000):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            wire.send(piece)
        with contextlib.suppress(TimeoutError):
            answer = wire.answer()
            break

    assert answer is not None
    assert answer.status == 408


def test_a_body_that_never_comes_is_408(impatient: World) -> None:
    wire = impatient.wire()
    wire.send(b"POST /dev HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")

    assert wire.answer().status == 408


def test_a_connection_that_waits_for_its_function_is_not_slow(impatient: World) -> None:
    gate = impatient.gate()
    client = impatient.upgrading(impatient.told(gate=gate.path))
    impatient.event("connect")
    with pytest.raises(AssertionError):
        impatient.emulator.logs.wait_for(lambda _line: False, timeout_seconds=1.5)
    gate.open()

    client.opened()
    client.pinged()


# after the upgrade


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 1002, id="garbage"),
        pytest.param(encode(Frame(TEXT, b"hi"), masked=False), 1002, id="unmasked text"),
        pytest.param(encode(Frame(PING, b""), masked=False), 1002, id="unmasked ping"),
        pytest.param(encode(Frame(TEXT, b"hi", rsv=4)), 1002, id="first reserved bit"),
        pytest.param(encode(Frame(TEXT, b"hi", rsv=2)), 1002, id="second reserved bit"),
        pytest.param(encode(Frame(TEXT, b"hi", rsv=1)), 1002, id="third reserved bit"),
        *[
            pytest.param(encode(Frame(code, b"")), 1002, id=f"opcode {code}")
            for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
        ],
        pytest.param(encode(Frame(PING, b"x" * 126)), 1002, id="ping of 126 bytes"),
        pytest.param(encode(Frame(CLOSE, close_payload(1000, "x" * 124))), 1002, id="close of 126 bytes"),
        pytest.param(encode(Frame(PING, b"", fin=False)), 1002, id="fragmented ping"),
        pytest.param(encode(Frame(CLOSE, b"", fin=False)), 1002, id="fragmented close"),
        pytest.param(encode(Frame(CONTINUATION, b"x")), 1002, id="nothing to continue"),
        pytest.param(encode(Frame(TEXT, b"a", fin=False)) + encode(Frame(TEXT, b"b")), 1002, id="text within text"),
        pytest.param(encode(Frame(CLOSE, b"\x03")), 1002, id="half a close code"),
        *[
            pytest.param(encode(Frame(CLOSE, struct.pack("!H", code))), 1002, id=f"close code {code}")
            for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535)
        ],
        pytest.param(encode(Frame(CLOSE, struct.pack("!H", 1000) + b"\xff")), 1007, id="close reason is no UTF-8"),
        pytest.param(encode(Frame(TEXT, b"\xc3\x28")), 1007, id="invalid UTF-8"),
        pytest.param(encode(Frame(TEXT, b"\xed\xa0\x80")), 1007, id="a surrogate in UTF-8"),
        pytest.param(encode(Frame(TEXT, b"\xc3", fin=False)) + encode(Frame(CONTINUATION, b"(")), 1007, id="in pieces"),
        pytest.param(encode(Frame(BINARY, b"x")), 1003, id="binary"),
    ],
)
def test_a_broken_frame_closes_with_its_code(echoing: World, sent: bytes, code: int) -> None:
    client = echoing.open()
    client.send(sent)

    assert client.closed().close_code == code
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        client.frame(CLOSE, close_payload(code))
    assert client.is_ended()
    assert echoing.ended()[0] == code


def test_a_broken_frame_behind_a_good_one_does_not_swallow_it(echoing: World) -> None:
    client = echoing.open(target=echoing.path)
    client.send(encode(Frame(TEXT, b"good")) + encode(Frame(7, b"bad")))

    assert echoing.ended()[0] == 1002


def test_a_client_may_close_in_the_middle_of_a_message(echoing: World) -> None:
    client = echoing.open()
    client.frame(TEXT, b"unfinished", fin=False)

    assert client.close(1000, "changed my mind").close_code == 1000
    assert echoing.ended() == (1000, "changed my mind")


def test_half_a_frame_and_silence_ends_when_idle(make_world: MakeWorld) -> None:
    world = make_world(limits={"idle_seconds": 0.1})
    client = world.open()
    client.send(b"\x81\xfe\x10")

    assert client.closed().close_code == 1001


def test_a_client_that_closes_half_of_the_connection_is_gone(world: World) -> None:
    client = world.open()
    client.socket.shutdown(socket.SHUT_WR)

    assert world.ended() == (1006, "")
    assert client.is_ended()


def test_a_client_that_never_answers_a_close_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.gateway.websocket.CLOSE_SECONDS", 0.05)
    client = world.open()
    world.call("DELETE", world.id_of())
    client.closed()

    assert client.is_ended()


def test_the_answer_to_a_close_is_read_though_more_came_before_it(
    echoing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames behind the one that ended the connection must not stop the reading."""
    monkeypatch.setattr("emulator.gateway.websocket.CLOSE_SECONDS", 600)  # after which the connection is cut
    client = echoing.open()
    client.send(encode(Frame(BINARY, b"x")) + encode(Frame(TEXT, b"too late")))
    assert client.closed().close_code == 1003
    client.frame(CLOSE, close_payload(1003))

    assert client.is_ended()


def test_frames_after_a_close_are_ignored(echoing: World) -> None:
    client = echoing.open()
    client.send(encode(Frame(CLOSE, close_payload(1000))) + encode(Frame(TEXT, b"too late")))

    assert client.closed().close_code == 1000
    assert client.is_ended()


@pytest.mark.usefixtures("others")
def test_a_client_that_is_killed_is_1006(echoing: World) -> None:
    client = echoing.open()
    client.text("unread answer")
    client.reset()

    assert echoing.ended() == (1006, "")


# slow readers


def fill(world: World, connection_id: str) -> int:
    """Post until the client's buffer is full; how many bytes were taken."""
    taken, data = 0, b"x" * 65_536
    while (answer := world.call("POST", connection_id, data)).status == 200:
        taken += len(data)
        assert taken < 64 * 1024 * 1024, "the buffer has no bound"
    assert (answer.status, answer.header("x-amzn-ErrorType")) == (429, "LimitExceededException")
    return taken


def is_held_up(wire: Wire, data: bytes) -> bool:
    """Whether the server stops reading from a client that sends this again and again, and never reads."""
    with patience(wire, 0.3):
        try:
            for _ in range(150_000_000 // len(data)):
                wire.send(data)
        except TimeoutError:
            return True
    return False


def read_up(client: Upgrading, total: int) -> None:
    seen = 0
    while seen < total:
        seen += len(client.message())


@pytest.mark.usefixtures("others")
def test_posts_to_a_client_that_never_reads_get_429_until_it_does(echoing: World) -> None:
    client = echoing.open(wire={"receive_bytes": 4_096})
    number = len(echoing.events("connect")) - 1
    connection_id = echoing.id_of(number)

    taken = fill(echoing, connection_id)
    assert echoing.call("GET", connection_id).status == 200
    assert echoing.call("POST", connection_id, b"x").status == 429
    read_up(client, taken)

    assert echoing.call("POST", connection_id, b"again").status == 200
    assert client.message() == "again"


def test_a_client_that_never_reads_costs_bounded_memory(echoing: World) -> None:
    client = echoing.open(wire={"receive_bytes": 4_096})
    tracemalloc.start()
    fill(echoing, echoing.id_of())
    held, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < 4 * 1024 * 1024
    client.reset()
    assert echoing.ended() == (1006, "")


@pytest.mark.usefixtures("others")
def test_a_client_that_asks_and_never_reads_is_not_read_from_any_more(echoing: World) -> None:
    client = echoing.open(wire={"receive_bytes": 4_096})

    assert is_held_up(client, encode(Frame(TEXT, b"x" * 30_000)))


@pytest.mark.usefixtures("others")
def test_a_client_that_pings_and_never_reads_is_not_read_from_any_more(echoing: World) -> None:
    client = echoing.open(wire={"receive_bytes": 4_096})

    assert is_held_up(client, encode(Frame(PING, b"x" * 125)) * 200)


@pytest.mark.usefixtures("others")
def test_a_http_client_that_asks_and_never_reads_is_not_read_from_any_more(echoing: World) -> None:
    with Wire(echoing.port, receive_bytes=4_096) as wire:
        assert is_held_up(wire, b"GET /dev HTTP/1.1\r\nHost: x\r\n\r\n" * 1_000)


@pytest.mark.usefixtures("others")
def test_thousands_of_messages_in_one_packet_are_all_answered(echoing: World) -> None:
    client = echoing.open()
    client.send(b"".join(encode(Frame(TEXT, str(number).encode())) for number in range(3_000)))

    assert {client.message() for _ in range(3_000)} == {str(number) for number in range(3_000)}


def test_deeply_nested_json_takes_the_default_route(echoing: World) -> None:
    client = echoing.open()
    client.text("[" * 30_000)
    client.text('{"action":' * 3_000)

    assert [len(client.message()) for _ in range(2)] == [30_000, 30_000]
