"""HTTP/1.1 of the emulator over real sockets: order, keep-alive, and clients that do it wrong."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from emulator.port.http import HttpRequest, HttpResponse
from emulator.port.http1 import HEADER_BYTES, PIPELINED, HttpProtocol
from emulator.port.streaming import CutOffError, Rest

SMALL_BODY_BYTES = 1024 * 1024
"""Stands for the most that a body may have, of which there is no need to send so much."""
Answering = Callable[[HttpRequest], "HttpResponse | Awaitable[HttpResponse]"]


def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, f"{request.method} {request.target} ".encode() + request.body)


@dataclass
class Client:
    """One connection, in bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    statuses: list[int] = field(default_factory=list)

    async def send(self, text: str | bytes) -> None:
        self.writer.write(text.encode() if isinstance(text, str) else text)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def answer(self, *, has_body: bool = True) -> bytes:
        """The next answer's body."""
        async with asyncio.timeout(30):
            head = await self.reader.readuntil(b"\r\n\r\n")
            status, *headers = head.decode().strip().split("\r\n")
            self.statuses.append(int(status.split()[1]))
            length = next((line.split(": ")[1] for line in headers if line.startswith("content-length")), "0")
            return await self.reader.readexactly(int(length)) if has_body else b""

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(30):
            return await self.reader.read()


class Watched(HttpProtocol):
    """Tells when its connection is over, so that no test ends before."""

    def __init__(self, handler: Answering) -> None:
        super().__init__(handler)
        self.is_over = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.is_over.set()


@contextlib.asynccontextmanager
async def serving(handler: Answering) -> AsyncIterator[Client]:
    loop = asyncio.get_running_loop()
    made: list[Watched] = []

    def make() -> Watched:
        made.append(Watched(handler))
        return made[-1]

    server = await loop.create_server(make, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            yield Client(reader, writer)
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), *(each.is_over.wait() for each in made), return_exceptions=True)


async def test_a_connection_is_kept_for_further_requests() -> None:
    async with serving(echo) as client:
        for number in range(3):
            await client.send(f"GET /{number} HTTP/1.1\r\nhost: x\r\n\r\n")
            assert await client.answer() == f"GET /{number} ".encode()


@pytest.mark.parametrize(
    "head", ["GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"], ids=["asked", "1.0"]
)
async def test_a_connection_is_closed_when_the_client_wants_that(head: str) -> None:
    async with serving(echo) as client:
        await client.send(head)

        assert (await client.rest()).endswith(b"GET / ")


# answers that are sent while they are made


class Made:
    """An answer in parts, each when the test says so; whether somebody closed it."""

    def __init__(self, *, failure: Exception | None = None) -> None:
        self.parts: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed = asyncio.Event()
        self.failure = failure

    async def __call__(self, _: HttpRequest) -> HttpResponse:
        return HttpResponse(200, b"begun ", (("x-a", "b"),), Rest(self._parts(), self.closed.set))

    async def _parts(self) -> AsyncIterator[bytes]:
        while part := await self.parts.get():
            yield part
        if self.failure is not None:
            raise self.failure


async def test_an_answer_is_sent_while_it_is_made_and_the_connection_is_kept() -> None:
    made = Made()
    async with serving(lambda request: echo(request) if request.target == "/next" else made(request)) as client:
        await client.send("GET / HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        begun = await client.reader.readexactly(len(b"6\r\nbegun \r\n"))
        made.parts.put_nowait(b"whole")
        made.parts.put_nowait(b"")
        rest = await client.reader.readuntil(b"0\r\n\r\n")

        assert b"\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n" in head
        assert b"content-length" not in head
        assert (begun, rest) == (b"6\r\nbegun \r\n", b"5\r\nwhole\r\n0\r\n\r\n")
        assert await client.answer() == b"GET /next "
        assert made.closed.is_set()


@pytest.mark.parametrize("failure", [CutOffError(), RuntimeError("asked to")], ids=["cut off", "fails"])
async def test_an_answer_that_is_not_made_to_its_end_ends_the_connection(failure: Exception) -> None:
    made = Made(failure=failure)
    async with serving(made) as client:
        await client.send("GET / HTTP/1.1\r\n\r\n")
        made.parts.put_nowait(b"half")
        made.parts.put_nowait(b"")

        assert (await client.rest()).endswith(b"\r\n\r\n6\r\nbegun \r\n4\r\nhalf\r\n")
        assert made.closed.is_set()


async def test_a_client_that_knows_no_chunks_reads_until_the_connection_ends() -> None:
    made = Made()
    async with serving(made) as client:
        await client.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        made.parts.put_nowait(b"whole")
        made.parts.put_nowait(b"")

        assert (await client.rest()).endswith(b"\r\nconnection: close\r\n\r\nbegun whole")


async def test_whoever_asks_for_the_head_alone_gets_it() -> None:
    made = Made()
    async with serving(made) as client:
        await client.send("HEAD / HTTP/1.1\r\nconnection: close\r\n\r\n")

        assert (await client.rest()).endswith(b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n")
        assert made.closed.is_set()


async def test_an_answer_is_closed_when_its_client_is_gone() -> None:
    made = Made()
    async with serving(made) as client:
        await client.send("GET / HTTP/1.1\r\n\r\n")
        await client.reader.readuntil(b"begun ")
        client.writer.close()

        async with asyncio.timeout(30):
            await made.closed.wait()


async def test_an_answer_is_made_no_faster_than_its_client_reads_it() -> None:
    sent, part = 0, bytes(1024 * 1024)

    async def parts() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield part

    async def answer(_: HttpRequest) -> HttpResponse:
        return HttpResponse(200, rest=Rest(parts(), lambda: None))

    async with serving(answer) as client:
        await client.send("GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
        await client.reader.readuntil(b"\r\n\r\n")
        while True:
            before = sent
            await asyncio.sleep(0.05)
            if sent == before:
                break
        waited_at = sent
        whole = await client.rest()

    assert waited_at < 64
    assert len(whole) == 64 * (len(part) + len(b"100000\r\n\r\n")) + len(b"0\r\n\r\n")


async def test_pipelined_requests_are_answered_in_their_order() -> None:
    gate = asyncio.Event()

    async def later(request: HttpRequest) -> HttpResponse:
        if request.path == "/slow":
            await gate.wait()
        return echo(request)

    async with serving(lambda request: later(request) if request.path == "/slow" else echo(request)) as client:
        await client.send("GET /slow HTTP/1.1\r\n\r\nGET /quick HTTP/1.1\r\n\r\n")
        gate.set()

        assert [await client.answer(), await client.answer()] == [b"GET /slow ", b"GET /quick "]


async def test_what_is_no_request_is_refused_after_the_requests_before_it_are_answered() -> None:
    gate = asyncio.Event()

    async def later(request: HttpRequest) -> HttpResponse:
        await gate.wait()
        return echo(request)

    async with serving(later) as client:
        await client.send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nno request\r\n\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.answer()
        gate.set()
        found = [await client.answer() for _ in range(3)]

    assert found == [b"GET /1 ", b"GET /2 ", b'{"message": "Bad Request"}']
    assert client.statuses == [200, 200, 400]


async def test_more_requests_than_may_wait_are_all_answered() -> None:
    async def later(request: HttpRequest) -> HttpResponse:
        return echo(request)

    async with serving(later) as client:
        count = 5 * PIPELINED
        await client.send("".join(f"GET /{number} HTTP/1.1\r\n\r\n" for number in range(count)))

        assert [await client.answer() for _ in range(count)] == [f"GET /{number} ".encode() for number in range(count)]


async def test_a_body_may_come_in_chunks_and_pieces() -> None:
    async with serving(echo) as client:
        for piece in ("POST / HTTP/1.1\r\ntransfer-enc", "oding: chunked\r\n\r\n3\r\nab", "c\r\n2\r\nde\r\n0\r\n\r\n"):
            await client.send(piece)

        assert await client.answer() == b"POST / abcde"


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked() -> None:
    async with serving(echo) as client:
        await client.send("POST / HTTP/1.1\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
        await client.answer(has_body=False)
        await client.send("hi")

        assert await client.answer() == b"POST / hi"
    assert client.statuses == [100, 200]


async def test_head_is_answered_without_a_body() -> None:
    async with serving(echo) as client:
        await client.send("HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        await client.answer(has_body=False)

        assert await client.answer() == b"GET / "


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_a_body_ends_with_its_head_whatever_the_handler_says(status: int) -> None:
    async with serving(lambda request: HttpResponse(status if request.path == "/1" else 200, b"body")) as client:
        await client.send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        await client.answer()

        assert await client.answer() == b"body"
    assert client.statuses == [status, 200]


async def test_an_offer_of_http_2_is_declined_by_answering() -> None:
    async with serving(echo) as client:
        await client.send("GET /1 HTTP/1.1\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\r\n")
        first = await client.answer()
        await client.send("GET /2 HTTP/1.1\r\n\r\n")

        assert [first, await client.answer()] == [b"GET /1 ", b"GET /2 "]


OFFER = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n"


@pytest.mark.parametrize("pieces", [1, 7, 1000], ids=["by byte", "in pieces", "at once"])
@pytest.mark.parametrize(
    ("head", "body"),
    [
        pytest.param("content-length: 5\r\n", "hello", id="with a length"),
        pytest.param("transfer-encoding: chunked\r\n", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", id="in chunks"),
    ],
)
async def test_a_request_that_offers_http_2_keeps_its_body(head: str, body: str, pieces: int) -> None:
    async with serving(echo) as client:
        sent = f"POST /1 HTTP/1.1\r\n{OFFER}{head}\r\n{body}GET /2 HTTP/1.1\r\n\r\n"
        for start in range(0, len(sent), pieces):
            await client.send(sent[start : start + pieces])

        assert [await client.answer(), await client.answer()] == [b"POST /1 hello", b"GET /2 "]


async def test_a_request_that_offers_http_2_and_waits_to_be_asked_is_asked_once() -> None:
    async with serving(echo) as client:
        await client.send(f"POST /1 HTTP/1.1\r\n{OFFER}expect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        assert await client.answer(has_body=False) == b""
        await client.send("hello")

        assert await client.answer() == b"POST /1 hello"
        assert client.statuses == [100, 200]


async def test_many_offers_in_one_piece_are_answered_each() -> None:
    async with serving(echo) as client:
        post = f"POST /1 HTTP/1.1\r\n{OFFER}content-length: 2\r\n\r\nab"
        await client.send(post * 60)

        assert [await client.answer() for _ in range(60)] == [b"POST /1 ab"] * 60


async def test_blanks_around_the_value_of_a_header_are_none_of_it() -> None:
    async with serving(lambda request: HttpResponse(200, repr(request.headers).encode())) as client:
        await client.send("GET / HTTP/1.1\r\nA: \t b  c \t \r\nD:  \r\n\r\n")

        assert await client.answer() == b"(('A', 'b  c'), ('D', ''))"


async def test_a_trailer_is_no_header() -> None:
    def told(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, repr(sorted(request.fields.items())).encode())

    async with serving(told) as client:
        await client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
        await client.send("1\r\nx\r\n0\r\nhost: evil\r\nx-amz-target: evil\r\n\r\n")

        assert await client.answer() == b"[('host', 'a'), ('transfer-encoding', 'chunked')]"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"hello\r\n\r\n", 400, id="no HTTP"),
        pytest.param(b"GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n", 400, id="length not a number"),
        pytest.param(b"GET / HTTP/1.1\r\nbad header\r\n\r\n", 400, id="header without a colon"),
        pytest.param(b"GET / HTTP/1.1\r\nx: " + b"y" * (HEADER_BYTES + 1), 431, id="endless header"),
        pytest.param(b"GET /" + b"y" * (HEADER_BYTES + 1), 431, id="endless target"),
        pytest.param(
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx: " + b"y" * 9 * HEADER_BYTES,
            431,
            id="endless trailer",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (SMALL_BODY_BYTES + 1) + b"y" * (SMALL_BODY_BYTES + 1),
            413,
            id="body too large",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n" % (SMALL_BODY_BYTES + 1)
            + b"y" * (SMALL_BODY_BYTES + 1),
            413,
            id="body too large, whose length nobody announced",
        ),
    ],
)
async def test_what_is_wrong_is_refused_and_the_connection_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, status: int
) -> None:
    monkeypatch.setattr("emulator.port.http1.BODY_BYTES", SMALL_BODY_BYTES)
    async with serving(echo) as client:
        sending = asyncio.create_task(client.send(sent))
        await client.answer()
        rest = await client.rest()
        await sending

    assert client.statuses == [status]
    assert rest == b""


@pytest.mark.parametrize("is_late", [False, True], ids=["at once", "later"])
async def test_a_header_with_characters_that_headers_cannot_have_is_sent_without_them(is_late: bool) -> None:
    def answered(request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        async def later() -> HttpResponse:
            return answer

        answer = HttpResponse(400, b"body", (("x-amzn-ErrorMessage", "メール, é"),))
        return later() if is_late else answer

    async with serving(answered) as client:
        await client.send("GET / HTTP/1.1\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")

    assert "x-amzn-ErrorMessage: ???, é".encode("latin-1") in head


@pytest.mark.parametrize("is_late", [False, True], ids=["at once", "later"])
async def test_a_handler_that_fails_is_answered_with_500_and_logged(
    is_late: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("streamer.emulator"), "propagate", True)

    def fails(request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        async def later() -> HttpResponse:
            raise LookupError(request.path)

        if request.path == "/good":
            return echo(request)
        if is_late:
            return later()
        raise LookupError(request.path)

    async with serving(fails) as client:
        await client.send("GET /bad HTTP/1.1\r\n\r\nGET /good HTTP/1.1\r\n\r\n")

        assert [await client.answer(), await client.answer()] == [
            b'{"message": "Internal server error"}',
            b"GET /good ",
        ]
    assert client.statuses == [500, 200]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [LookupError]


async def test_a_client_that_leaves_ends_what_was_done_for_it() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def endless(_request: HttpRequest) -> HttpResponse:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError("unreachable")

    async with serving(endless) as client:
        await client.send("GET / HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(30):
            await started.wait()
            client.writer.close()
            await cancelled.wait()


class Later:
    """A server whose answers wait for the gate, and that notes what is taken over."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.taken: list[tuple[str, bytes]] = []

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        await self.gate.wait()
        return echo(request)

    def take(self, request: HttpRequest, transport: asyncio.Transport, rest: bytes) -> None:
        self.taken.append((request.target, rest))
        transport.write(b"taken")
        transport.close()

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        def make() -> HttpProtocol:
            return HttpProtocol(self, upgrade=self.take, connect=self.take)

        async with await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            yield Client(reader, writer)
            writer.close()


@pytest.mark.parametrize(
    ("last", "taken"),
    [
        pytest.param("GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "/ws", id="a WebSocket"),
        pytest.param("CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", "a:1", id="a tunnel"),
    ],
)
@pytest.mark.parametrize("before", [1, 3])
async def test_a_connection_is_taken_over_once_the_requests_before_are_answered(
    last: str, taken: str, before: int
) -> None:
    server = Later()
    async with server.client() as client:
        await client.send("".join(f"GET /{number} HTTP/1.1\r\n\r\n" for number in range(before)) + last + "rest")
        server.gate.set()

        for number in range(before):
            assert await client.answer() == f"GET /{number} ".encode()
        assert await client.rest() == b"taken"
    assert server.taken == [(taken, b"rest")]


async def test_a_connection_that_the_request_before_closes_is_not_taken_over() -> None:
    server = Later()
    async with server.client() as client:
        upgrade = "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        await client.send("GET / HTTP/1.0\r\nconnection: close\r\n\r\n" + upgrade)
        server.gate.set()

        assert (await client.rest()).endswith(b"GET / ")
    assert server.taken == []


class Taken(asyncio.Transport):
    """A connection on which nothing is sent."""

    def pause_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return False


async def test_a_connection_that_was_taken_over_only_to_be_closed_ends_in_peace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As while the emulator stops: the next protocol is never set, so that this one hears of the end."""
    loop = asyncio.get_running_loop()

    def refuse(_request: HttpRequest, transport: asyncio.Transport, _rest: bytes) -> None:
        transport.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
        transport.close()

    server = await loop.create_server(lambda: HttpProtocol(echo, upgrade=refuse), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        async with asyncio.timeout(30):
            assert (await reader.read()).startswith(b"HTTP/1.1 503")
        writer.close()
        await asyncio.sleep(0)

    assert caplog.records == []


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"])
async def test_a_connection_that_is_over_or_taken_over_is_gone_without_the_garbage_collector(sent: bytes) -> None:
    taken: list[HttpRequest] = []
    protocol = HttpProtocol(echo, upgrade=lambda request, _transport, _rest: taken.append(request))
    protocol.connection_made(Taken())
    gc.disable()
    try:
        if sent:
            protocol.data_received(sent)
        else:
            protocol.connection_lost(None)
        found = weakref.ref(protocol)
        del protocol

        assert found() is None
    finally:
        gc.enable()
    assert bool(taken) is bool(sent)


def test_a_request_knows_its_parts() -> None:
    request = HttpRequest("GET", "/a%20b/%40?q=1&q=&r=%C3%A4", (), b"", "127.0.0.1")

    assert (request.path, request.raw_path) == ("/a b/@", "/a%20b/%40")
    assert request.query == [("q", "1"), ("q", ""), ("r", "ä")]
