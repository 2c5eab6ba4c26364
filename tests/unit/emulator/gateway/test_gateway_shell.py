"""The gateway's shell without sockets: functions are futures that a test completes, clients are bytes."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from loop_timers import timers
from websockets.frames import Frame, Opcode

from emulator.foundation.notes import CONNECTIONS, Notes
from emulator.functions.outcome import Failed, Outcome, Refused, Returned
from emulator.gateway.rules.ids import IdSource
from emulator.gateway.rules.stage import Facts, Stage
from emulator.gateway.shell import Gateway
from emulator.gateway.verifier import Verifier
from emulator.gateway.websocket import CROWD, MESSAGES_IN_A_CROWD, MESSAGES_IN_FLIGHT
from emulator.port.http import HttpRequest
from streamer.topology import Api, Route

FACTS = Facts(region="eu-west-1", account_id="210987654321", api_id="z9y8x7w6v5", domain_name="127.0.0.1:8787")
OK = Returned(b'{"statusCode": 200}', "id")
UPGRADE = (
    ("Host", "127.0.0.1:8787"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)


class Functions:
    """Keeps what is to be run; a test says what comes of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any], asyncio.Future[Outcome]]] = []
        self.sources: list[str | None] = []
        """Whose event each of them was."""
        self.at_once: dict[str, Outcome] = {}
        """What comes of a function before anybody could wait for it."""

    def invoke(
        self,
        function: str,
        payload: bytes,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        source: str | None = None,
    ) -> asyncio.Future[Outcome]:
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.calls.append((function, json.loads(payload), outcome))
        self.sources.append(source)
        if function in self.at_once:
            outcome.set_result(self.at_once[function])
        return outcome

    def names(self) -> list[str]:
        return [name for name, _, _ in self.calls]

    def answer(self, number: int = -1, outcome: Outcome = OK) -> None:
        """As an environment does it: who does not wait any more is not told."""
        future = self.calls[number][2]
        if not future.done():
            future.set_result(outcome)


class Client(asyncio.Transport):
    """The other end of a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: Any = asyncio.Protocol()
        self.written = b""
        self.is_over = False
        self.reads = True

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def write(self, data: Any) -> None:
        assert not self.is_over
        self.written += bytes(data)

    def write_eof(self) -> None:
        """Nobody reads on."""

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.is_over

    def close(self) -> None:
        if not self.is_over:
            self.is_over = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""

    def get_write_buffer_size(self) -> int:
        return 0

    # what a client does

    def send(self, *texts: str) -> None:
        """All in one piece."""
        frames = [Frame(Opcode.TEXT, text.encode()).serialize(mask=True) for text in texts]
        self.protocol.data_received(b"".join(frames))

    def hang_up(self) -> None:
        self.protocol.eof_received()
        self.close()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The JSON objects among what it was sent."""
        decoder, text, found = json.JSONDecoder(), self.written.decode("latin-1"), []
        while (start := text.find("{")) >= 0:
            content, end = decoder.raw_decode(text[start:])
            found.append(content)
            text = text[start + end :]
        return found


class World:
    def __init__(
        self, notes: Notes | None = None, *, seed: int = 1, ids: type[IdSource] = IdSource, **routes: Route
    ) -> None:
        chosen = {name: Route(route_key=f"${name}", function=name) for name in ("connect", "disconnect", "default")}
        api = Api(name="test", stage="dev", routes=tuple((chosen | routes).values()))
        self.functions = Functions()
        verifier = Verifier(secrets={"a": "s"}, region="eu-west-1", clock=lambda: 0.0)
        self.gateway = Gateway(Stage(api, FACTS, ids("eu-west-1", seed)), self.functions, verifier, notes=notes)

    def dial(self, target: str = "/dev") -> Client:
        client = Client()
        fields = {name.lower(): value for name, value in UPGRADE}
        request = HttpRequest("GET", target, UPGRADE, b"", "127.0.0.1", fields)
        client.pause_reading()
        self.gateway.upgrade(request, client, b"")
        return client

    async def open(self) -> Client:
        client = self.dial()
        self.functions.answer()
        await turns()
        assert client.written.startswith(b"HTTP/1.1 101")
        client.written = b""
        return client


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")


@pytest.fixture(params=[OK, Failed(b"{}", "id"), Refused(429, "TooManyRequestsException", "Rate Exceeded.")], ids=repr)
def outcome(request: pytest.FixtureRequest) -> Outcome:
    chosen: Outcome = request.param
    return chosen


# messages


class BrokenOnce(IdSource):
    """Stands for an error of ours: the first message gets no id."""

    __slots__ = ("_has_failed",)

    def message_id(self, now_ms: int) -> str:
        if not hasattr(self, "_has_failed"):
            self._has_failed = True
            raise RuntimeError("a mistake of ours")
        return super().message_id(now_ms)


async def test_a_client_hears_of_an_error_of_the_gateway_and_its_next_message_is_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(ids=BrokenOnce)
    client = await world.open()
    client.send('{"number":1}', '{"number":2}')

    assert [message["message"] for message in client.messages] == ["Internal server error"]
    assert [call[1]["body"] for call in world.functions.calls[1:]] == ['{"number":2}']
    assert "the gateway failed" in caplog.text


async def test_a_function_that_answers_leaves_no_timer(outcome: Outcome) -> None:
    world = World()
    client = await world.open()
    before = timers()
    client.send("{}")
    world.functions.answer(outcome=outcome)
    await turns()

    assert timers() == before
    assert not world.gateway._invocations.running


async def test_hundreds_of_messages_that_are_refused_at_once_are_answered_in_order() -> None:
    world = World()
    client = await world.open()
    world.functions.at_once["default"] = Refused(429, "TooManyRequestsException", "Rate Exceeded.")
    count = 5 * MESSAGES_IN_FLIGHT
    client.send(*(json.dumps({"number": number}) for number in range(count)))
    for _ in range(count):
        await asyncio.sleep(0)

    ran = [event for name, event, _ in world.functions.calls if name == "default"]
    assert [json.loads(event["body"])["number"] for event in ran] == list(range(count))
    asked = [event["requestContext"]["requestId"] for event in ran]
    assert [message["requestId"] for message in client.messages] == asked
    assert client.reads


@pytest.mark.parametrize(
    ("flood", "message"),
    [
        pytest.param(Frame(Opcode.PONG, b""), None, id="pongs"),
        pytest.param(Frame(Opcode.CONT, b"", fin=False), None, id="empty fragments"),
        pytest.param(Frame(Opcode.CONT, b"x", fin=False), None, id="fragments of a byte"),
        pytest.param(Frame(Opcode.TEXT, b"no JSON"), "forbidden", id="messages that are refused"),
    ],
)
async def test_a_flood_in_one_read_leaves_the_event_loop_to_others(flood: Frame, message: str | None) -> None:
    world = World()
    client, other = await world.open(), await world.open()
    begin = [Frame(Opcode.TEXT, b"x", fin=False)] if flood.opcode is Opcode.CONT else []
    frames = 20_000
    data = b"".join(frame.serialize(mask=True) for frame in [*begin, *[flood] * frames])
    client.protocol.data_received(data)
    assert not client.reads
    other.send("{}")

    assert world.functions.names()[-1] == "default"  # in the same turn of the loop as the flood
    websocket = client.protocol
    seen = 0
    while websocket._backlog is not None:
        await asyncio.sleep(0)
        seen += 1
        if message is not None:
            for number in range(len(world.functions.calls)):
                world.functions.answer(number)
    assert seen > 2
    assert client.reads
    kept = b"" if websocket._fragments is None else websocket._fragments
    assert isinstance(kept, bytes | bytearray)  # the bytes themselves: an object for each would be without bound
    assert len(kept) == len(begin) + len(flood.data) * frames * bool(begin)


async def test_a_functions_turn_goes_by_the_connection_whose_event_it_is() -> None:
    world = World()
    one, other = await world.open(), await world.open()
    one.send("{}", "{}")
    other.send("{}")

    ran = zip(world.functions.calls, world.functions.sources, strict=True)
    messages = [
        (event["requestContext"]["connectionId"], source) for (name, event, _), source in ran if name == "default"
    ]
    assert len(messages) == 3
    assert len(set(messages)) == 2
    assert all(connection == source for connection, source in messages)


async def test_what_a_client_sent_before_it_hung_up_is_handled_though_it_waits_for_its_turn() -> None:
    world = World()
    client = await world.open()
    world.functions.at_once["default"] = OK
    count = 1000
    client.send(*(json.dumps({"number": number}) for number in range(count)))
    client.hang_up()
    await until(lambda: "disconnect" in world.functions.names())

    ran = [event for name, event, _ in world.functions.calls if name == "default"]
    assert [json.loads(event["body"])["number"] for event in ran] == list(range(count))


async def test_a_client_that_never_reads_what_waits_for_it_is_disconnected_when_it_is_gone() -> None:
    """What it sent meanwhile waits for it to read; nobody tells that it caught up when its socket is lost."""
    world = World()
    client = await world.open()
    world.functions.at_once["default"] = OK
    client.protocol.pause_writing()
    client.send("{}", "{}")
    await turns()
    assert "default" not in world.functions.names()

    client.close()
    await until(lambda: "disconnect" in world.functions.names())

    assert world.functions.names().count("default") == 2
    assert world.gateway.connection_count == 0


async def test_a_close_frame_behind_much_else_is_told_with_its_code() -> None:
    world = World()
    client = await world.open()
    pongs = Frame(Opcode.PONG, b"").serialize(mask=True) * 5000
    client.protocol.data_received(pongs + Frame(Opcode.CLOSE, b"\x0b\xb8bye").serialize(mask=True))
    await until(lambda: "disconnect" in world.functions.names())

    context = world.functions.calls[-1][1]["requestContext"]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (3000, "bye")


async def test_in_a_crowd_a_client_has_fewer_messages_with_functions() -> None:
    world = World()
    clients = [await world.open() for _ in range(CROWD // MESSAGES_IN_FLIGHT + 1)]
    for client in clients:
        client.send(*["{}"] * (MESSAGES_IN_FLIGHT + 1))
    for _ in range(1000):
        await asyncio.sleep(0)

    assert world.gateway._invocations.running == CROWD + MESSAGES_IN_A_CROWD


async def test_an_answer_after_the_integrations_timeout_is_nobodys() -> None:
    quick = Route(route_key="$default", function="default", integration_timeout_seconds=0.05)
    world = World(default=quick)
    client = await world.open()
    client.send("{}")
    with pytest.raises(asyncio.CancelledError):
        await world.functions.calls[-1][2]
    await turns()
    world.functions.answer()
    await turns()

    assert [message["message"] for message in client.messages] == ["Endpoint request timed out"]
    client.send("{}")
    world.functions.answer(outcome=Failed(b"{}", "id"))
    await turns()
    assert [message["message"] for message in client.messages][1:] == ["Internal server error"]


@pytest.mark.parametrize("status", ["1e999", "-1e999", "NaN", "1e400", "200.5", '"1e3"', "[]"])
async def test_no_status_code_is_too_strange(status: str, caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    client = await world.open()
    client.send("{}")
    world.functions.answer(outcome=Returned(b'{"statusCode": %s}' % status.encode(), "id"))
    await turns()

    assert [message["message"] for message in client.messages] == ["Internal server error"]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_fault_of_the_gateway_is_logged_and_holds_up_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    client, other = await world.open(), await world.open()

    def fail(*_: object) -> list[Any]:
        raise LookupError("a fault")

    with monkeypatch.context() as context:
        context.setattr("emulator.gateway.rules.connection.Connection.replied", fail)
        client.send(*["{}"] * (MESSAGES_IN_FLIGHT + 5))
        for number in range(len(world.functions.calls)):
            world.functions.answer(number)
        await turns()
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == MESSAGES_IN_FLIGHT
    assert errors[0].exc_info is not None
    assert vars(errors[0])["fields"] == {"function": "default", "route": "$default"}

    assert world.functions.names().count("default") == MESSAGES_IN_FLIGHT + 5
    other.send("{}")
    world.functions.answer(outcome=Failed(b"{}", "id"))
    await turns()
    assert len(other.messages) == 1


# upgrades


@pytest.mark.parametrize("step", ["begin", "resume"])
async def test_a_fault_in_a_handshake_is_logged_and_answered(
    step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()

    def fail(*_: object) -> None:
        raise LookupError("a fault")

    monkeypatch.setattr(f"emulator.gateway.rules.handshake.Handshake.{step}", fail)
    client = world.dial()
    if step == "resume":
        world.functions.answer()
    await turns()

    assert client.written.startswith(b"HTTP/1.1 500")
    assert client.is_over
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_a_client_that_is_gone_before_its_connect_is_accepted_is_disconnected_once() -> None:
    world = World()
    client = world.dial()
    client.close()
    await turns()
    world.functions.answer()
    await turns()

    assert client.written == b""
    assert world.functions.names() == ["connect", "disconnect"]
    assert world.functions.calls[1][1]["requestContext"]["disconnectStatusCode"] == 1006
    assert world.gateway.connection_count == 0


async def test_a_client_that_is_gone_before_its_connect_is_refused_is_forgotten() -> None:
    world = World()
    client = world.dial()
    client.close()
    await turns()
    world.functions.answer(outcome=Returned(b'{"statusCode": 403}', "id"))
    await turns()

    assert world.functions.names() == ["connect"]


# the end


async def test_of_a_disconnect_that_answers_a_failure_only_the_developer_hears(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    client = await world.open()
    client.close()
    await turns()
    world.functions.answer(outcome=Returned(b'{"statusCode": 500, "body": "no table"}', "id"))
    await turns()

    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        "no client hears of the answer of $disconnect: 500: no table"
    ]


async def stopping(world: World, timeout_seconds: float = 10.0) -> asyncio.Task[None]:
    task = asyncio.create_task(world.gateway.stop(timeout_seconds=timeout_seconds))
    await turns()
    return task


async def test_stopping_waits_for_messages_and_disconnects() -> None:
    world = World()
    client = await world.open()
    client.send("{}")
    stop = await stopping(world)
    assert world.functions.names() == ["connect", "default", "disconnect"]
    client.close()
    world.functions.answer(1)
    await turns()
    assert not stop.done()
    world.functions.answer(2)
    await stop

    assert client.messages == []


async def test_stopping_waits_for_a_connect_and_then_for_its_disconnect() -> None:
    world = World()
    first = await world.open()
    late = world.dial()
    stop = await stopping(world)
    first.close()
    world.functions.answer(world.functions.names().index("disconnect"))
    await turns()
    assert not stop.done()
    world.functions.answer(1)
    await turns()
    assert late.written.startswith(b"HTTP/1.1 101")
    assert b"\x03\xe9Going away" in late.written
    assert world.functions.names() == ["connect", "connect", "disconnect", "disconnect"]
    world.functions.answer()
    await turns()
    assert not stop.done(), "the client has not answered the close frame"
    late.close()
    await stop


async def test_stopping_gives_up_in_the_end() -> None:
    world = World()
    client = await world.open()
    undecided = world.dial()
    client.send("{}")
    stop = await stopping(world, timeout_seconds=0.05)
    client.close()
    await stop
    await turns()

    assert all(outcome.done() for _, _, outcome in world.functions.calls)
    assert world.functions.names() == ["connect", "connect", "default", "disconnect"]
    assert undecided.written == b""
    assert not world.gateway._invocations.running
    for number in range(len(world.functions.calls)):
        world.functions.answer(number)
    await turns()
    assert world.functions.names() == ["connect", "connect", "default", "disconnect"]


async def test_who_comes_while_it_stops_is_turned_away() -> None:
    world = World()
    await world.gateway.stop(timeout_seconds=0.0)

    assert world.dial().written.startswith(b"HTTP/1.1 503")
    assert world.functions.calls == []


# notes of open connections


async def test_connections_of_a_killed_gateway_are_disconnected_by_the_next_one() -> None:
    killed = Notes(write=lambda _: None)
    before = World(killed)
    await before.open()
    gone = await before.open()
    gone.hang_up()
    await turns()
    before.functions.answer()  # its `$disconnect` is done
    refused = before.dial()
    before.functions.answer(outcome=Failed(b"{}", "id"))
    await turns()
    assert refused.is_over
    before.dial()  # its `$connect` may have written something already
    assert len(killed.of(CONNECTIONS)) == 2

    left = Notes(killed.content, lambda _: None)
    lost = left.of(CONNECTIONS).keys()
    after = World(left, seed=2)
    await after.open()  # a client that came back at once
    assert after.gateway.end_lost() == 2

    assert after.functions.names() == ["connect", "disconnect", "disconnect"]
    contexts = [event["requestContext"] for _, event, _ in after.functions.calls[1:]]
    assert {context["connectionId"] for context in contexts} == lost
    assert [context["disconnectStatusCode"] for context in contexts] == [1006, 1006]
    after.functions.answer(1)
    after.functions.answer(2)
    await turns()
    assert len(left.of(CONNECTIONS)) == 1
    assert after.gateway.end_lost() == 0


async def test_a_gateway_that_ends_in_good_order_leaves_no_notes() -> None:
    notes = Notes(write=lambda _: None)
    world = World(notes)
    world.functions.at_once["disconnect"] = OK
    await world.open()

    await world.gateway.stop(timeout_seconds=5)

    assert notes.of(CONNECTIONS) == {}
