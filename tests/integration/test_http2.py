"""HTTP/2 of clients that speak nothing else, at the port that speaks HTTP/1.1."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes

from emulator.port.front import Front
from emulator.port.http import BODY_BYTES, HttpRequest, HttpResponse
from emulator.port.http1 import PREFACE, HttpProtocol
from emulator.port.http2 import Http2Protocol
from emulator.port.streaming import CutOffError, Rest
from emulator.port.tls import authority

LARGE = bytes(range(256)) * 2000


class Asked:
    """Answers with what it got; remembers who was cancelled."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.cancelled = asyncio.Event()
        self.free = asyncio.Event()
        self.closed = asyncio.Event()

    def __call__(self, request: HttpRequest) -> Any:
        self.requests.append(request)
        match request.raw_path:
            case "/later":
                return self._later()
            case "/made":
                return self._made(None)
            case "/cut-off":
                return self._made(CutOffError())
            case "/large":
                return HttpResponse(200, LARGE)
            case "/nothing":
                return HttpResponse(204, b"nothing")
            case "/split":
                return HttpResponse(200, headers=(("X-Said", "a\r\nset-cookie: b"),))
            case "/broken":
                raise RuntimeError("asked to")
        return HttpResponse(201, request.body, (("X-Path", request.target), ("Connection", "close")))

    async def _made(self, failure: Exception | None) -> HttpResponse:
        async def parts() -> AsyncIterator[bytes]:
            await self.free.wait()
            for start in range(0, len(LARGE), 100_000):
                yield LARGE[start : start + 100_000]
            if failure is not None:
                raise failure

        return HttpResponse(200, b"begun", rest=Rest(parts(), self.closed.set))

    async def _later(self) -> HttpResponse:
        try:
            await self.free.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return HttpResponse(200, b"later")


class Client:
    """A client of HTTP/2, over one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._h2.initiate_connection()
        self.answers: dict[int, tuple[dict[str, str], bytes]] = {}
        self.ended: set[int] = set()
        self.resets: dict[int, Any] = {}

    async def ask(
        self, path: str, body: bytes = b"", method: str = "POST", further: Sequence[tuple[str, str]] = ()
    ) -> int:
        """Send a request; its stream."""
        stream = self._h2.get_next_available_stream_id()
        head = {":method": method, ":path": path, ":scheme": "http", ":authority": "kinesis.example", "x-Amz": "1"}
        pairs = [*((name.lower(), value) for name, value in head.items()), *further]
        self._h2.send_headers(stream, pairs, end_stream=not body)
        while body:
            size = min(len(body), self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if size:
                self._h2.send_data(stream, body[:size], end_stream=size == len(body))
                body = body[size:]
            await self._turn(reads=not size)
        await self._turn(reads=False)
        return stream

    async def answer(self, stream: int) -> tuple[dict[str, str], bytes]:
        """The answer, once it is whole."""
        while stream not in self.ended:
            await self._turn(reads=True)
        return self.answers[stream]

    async def turn(self) -> None:
        """Take what comes next."""
        await self._turn(reads=True)

    async def give_up(self, stream: int) -> None:
        self._h2.reset_stream(stream)
        await self._turn(reads=False)

    async def leave(self, error: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """Say that no more requests will come, without waiting for the answers, as Node.js does."""
        self._writer.write(b"\0\0\x08\x07" + bytes(9) + int(error).to_bytes(4, "big"))
        await self._turn(reads=False)

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        return await asyncio.wait_for(self._reader.read(), 60)

    async def _turn(self, *, reads: bool) -> None:
        self._writer.write(self._h2.data_to_send())
        await self._writer.drain()
        if not reads:
            return
        data = await self._reader.read(65536)
        assert data, "the connection was closed"
        for event in self._h2.receive_data(data):
            match event:
                case events.ResponseReceived():
                    head = {str(name): str(value) for name, value in event.headers or ()}
                    self.answers[event.stream_id or 0] = (head, b"")
                case events.DataReceived():
                    stream = event.stream_id or 0
                    head, before = self.answers[stream]
                    self.answers[stream] = (head, before + (event.data or b""))
                    self._h2.acknowledge_received_data(event.flow_controlled_length or 0, stream)
                case events.StreamEnded() | events.StreamReset():
                    self.ended.add(event.stream_id or 0)
                    if isinstance(event, events.StreamReset):
                        self.resets[event.stream_id or 0] = event.error_code
        self._writer.write(self._h2.data_to_send())


@asynccontextmanager
async def serving(asked: Asked, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    front = Front(lambda is_tls, peer: HttpProtocol(asked, is_tls=is_tls, peer=peer), host="127.0.0.1", port=0, tls=tls)
    async with front:
        yield int(front.port)


@asynccontextmanager
async def connected(asked: Asked) -> AsyncIterator[Client]:
    async with serving(asked) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()


async def test_a_request_is_what_http_1_would_have_made_of_it() -> None:
    asked = Asked()
    async with connected(asked) as client:
        head, body = await client.answer(await client.ask("/a/b?c=d", b"content"))

    (request,) = asked.requests
    assert (request.method, request.target, request.body, request.peer) == ("POST", "/a/b?c=d", b"content", "127.0.0.1")
    assert (request.fields["host"], request.fields["x-amz"]) == ("kinesis.example", "1")
    assert (head[":status"], head["x-path"], body) == ("201", "/a/b?c=d", b"content")
    assert "connection" not in head
    assert head["date"].endswith(" GMT")


async def test_cookies_that_come_one_by_one_are_one_header() -> None:
    asked = Asked()
    async with connected(asked) as client:
        several = [("cookie", "a=1"), ("accept", "*/*"), ("cookie", "b=2")]
        await client.answer(await client.ask("/", method="GET", further=several))

    (request,) = asked.requests
    assert sorted(each for each in request.headers if each[0] in ("cookie", "accept")) == [
        ("accept", "*/*"),
        ("cookie", "a=1; b=2"),
    ]
    assert request.fields["cookie"] == "a=1; b=2"


async def test_requests_of_a_connection_are_answered_as_they_are_done() -> None:
    asked = Asked()
    async with connected(asked) as client:
        late, early = await client.ask("/later"), await client.ask("/early", b"x")
        assert (await client.answer(early))[1] == b"x"
        assert late not in client.ended
        asked.free.set()
        assert (await client.answer(late))[1] == b"later"


async def test_an_answer_is_sent_while_it_is_made() -> None:
    asked = Asked()
    async with connected(asked) as client:
        stream = await client.ask("/made")
        while client.answers.get(stream, ({}, b""))[1] != b"begun":
            await client.turn()
        asked.free.set()
        head, body = await client.answer(stream)

    assert body == b"begun" + LARGE
    assert "content-length" not in head
    assert (asked.closed.is_set(), client.resets) == (True, {})


async def test_an_answer_that_is_not_made_to_its_end_resets_its_stream_alone() -> None:
    asked = Asked()
    asked.free.set()
    async with connected(asked) as client:
        stream = await client.ask("/cut-off")
        await client.answer(stream)
        assert client.resets == {stream: ErrorCodes.INTERNAL_ERROR}
        assert (await client.answer(await client.ask("/echo", b"x")))[1] == b"x"


async def test_a_client_that_wants_no_more_of_an_answer_closes_it() -> None:
    asked = Asked()
    async with connected(asked) as client:
        stream = await client.ask("/made")
        await client.turn()
        await client.give_up(stream)
        await asyncio.wait_for(asked.closed.wait(), 30)


async def test_bodies_larger_than_the_windows_go_both_ways() -> None:
    async with connected(Asked()) as client:
        assert (await client.answer(await client.ask("/echo", LARGE)))[1] == LARGE
        head, body = await client.answer(await client.ask("/large"))
    assert (head["content-length"], body == LARGE) == (str(len(LARGE)), True)


async def test_head_has_no_body() -> None:
    async with connected(Asked()) as client:
        head, body = await client.answer(await client.ask("/x", method="HEAD"))
    assert (head[":status"], body) == ("201", b"")


async def test_a_status_without_a_body_has_none_whatever_the_handler_says() -> None:
    async with connected(Asked()) as client:
        head, body = await client.answer(await client.ask("/nothing"))
    assert (head[":status"], head.get("content-length"), body) == ("204", None, b"")


async def test_what_a_header_cannot_have_is_a_question_mark() -> None:
    async with connected(Asked()) as client:
        head, _ = await client.answer(await client.ask("/split"))
    assert head["x-said"] == "a??set-cookie: b"


async def test_a_handler_that_fails_is_answered_with_500() -> None:
    async with connected(Asked()) as client:
        assert (await client.answer(await client.ask("/broken")))[0][":status"] == "500"


async def test_whoever_gives_up_is_not_worked_for_any_more() -> None:
    asked = Asked()
    async with connected(asked) as client:
        stream = await client.ask("/later")
        await client.answer(await client.ask("/other"))
        await client.give_up(stream)
        await asyncio.wait_for(asked.cancelled.wait(), 60)


async def test_whoever_leaves_gets_the_answers_it_waits_for_and_is_let_go() -> None:
    asked = Asked()
    async with connected(asked) as client:
        late, large = await client.ask("/later"), await client.ask("/large")
        await client.leave()
        assert (await client.answer(large))[1] == LARGE
        asked.free.set()
        assert (await client.answer(late))[1] == b"later"
        await client.rest()


async def test_whoever_leaves_because_of_an_error_is_let_go_at_once() -> None:
    asked = Asked()
    async with connected(asked) as client:
        await client.ask("/later")
        await client.leave(ErrorCodes.PROTOCOL_ERROR)
        await client.rest()
        await asyncio.wait_for(asked.cancelled.wait(), 60)


async def test_a_body_that_is_too_large_is_refused_and_the_connection_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("emulator.port.http2.BODY_BYTES", 100)
    assert BODY_BYTES > 100
    async with connected(Asked()) as client:
        stream = await client.ask("/x", bytes(101))
        await client.answer(await client.ask("/y", b"fine"))
    assert stream in client.ended
    assert stream not in client.answers


async def test_whoever_breaks_the_protocol_is_cut_off() -> None:
    headers_of_no_stream = b"\0\0\0\x01\x04\0\0\0\0"
    async with serving(Asked()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(PREFACE + headers_of_no_stream)
        await asyncio.wait_for(reader.read(), 60)
        writer.close()


class Written(asyncio.Transport):
    """Keeps what is written, and whether it is read from."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self.is_paused = False

    def write(self, data: Any) -> None:
        self.data += bytes(data)

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    @property
    def pings(self) -> int:
        """How many were answered."""
        return self.data.count(b"\0\0\x08\x06\x01")


async def test_who_floods_waits_for_others_and_is_not_heard_before_it_reads() -> None:
    transport = Written()
    protocol = Http2Protocol(Asked(), transport, peer="127.0.0.1", is_tls=False, request_seconds=60)
    settings, ping = b"\0\0\0\x04" + bytes(5), b"\0\0\x08\x06" + bytes(13)

    protocol.data_received(PREFACE + settings + 1000 * ping)
    assert 0 < transport.pings < 300
    assert transport.is_paused
    for _ in range(10):
        await asyncio.sleep(0)
    assert transport.pings == 1000
    assert not transport.is_paused

    protocol.pause_writing()
    protocol.data_received(ping)
    await asyncio.sleep(0)
    assert transport.pings == 1000
    assert transport.is_paused
    protocol.resume_writing()
    await asyncio.sleep(0)
    assert transport.pings == 1001
    assert not transport.is_paused
    protocol.connection_lost(None)


async def test_a_first_line_that_comes_in_pieces_is_told_apart() -> None:
    async with serving(Asked()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in (b"P", b"OST /x HTTP/1.1\r\ncontent-length: 0\r\n\r\n"):
            writer.write(piece)
            await writer.drain()
        assert (await reader.readline()).startswith(b"HTTP/1.1 201")
        writer.close()


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        pytest.param(["h2"], "h2", id="HTTP/2 alone"),
        pytest.param(["h2", "http/1.1"], "http/1.1", id="either"),
        pytest.param(["http/1.1"], "http/1.1", id="HTTP/1.1 alone"),
    ],
)
async def test_http2_is_chosen_over_tls_by_those_who_have_nothing_else(
    tmp_path: Path, offered: list[str], chosen: str
) -> None:
    files = authority(tmp_path)
    context = ssl.create_default_context(cafile=files.ca_file)
    context.set_alpn_protocols(offered)
    asked = Asked()
    async with serving(asked, files.server_context()) as port:
        reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == chosen
        if chosen == "h2":
            client = Client(reader, writer)
            assert (await client.answer(await client.ask("/x", b"y")))[1] == b"y"
            assert asked.requests[0].is_tls
        writer.close()
