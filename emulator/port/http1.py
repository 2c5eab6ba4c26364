"""HTTP/1.1 over asyncio: httptools parses, this module keeps connections alive and answers in order.

Everything on the emulator's port besides WebSocket frames goes through here: the management API, DynamoDB, SQS and the
Lambda API. The Runtime API has a server of its own, `functions.processes.runtime_api`. This one exists because
``websockets`` drops requests that have a body, and because a server that closes after each answer, or leaves Nagle on,
costs milliseconds on every call.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections import deque
from collections.abc import Awaitable, Callable
from sys import intern
from typing import Any, Final, cast

import httptools

from ..foundation import log
from .header_names import KEPT, named
from .http import (
    BODY_BYTES,
    KEEP_ALIVE_SECONDS,
    LINGER_SECONDS,
    REQUEST_SECONDS,
    TOO_LARGE,
    Handler,
    HttpRequest,
    HttpResponse,
    failure,
)
from .rendering import REASONS, head_of_stream, head_without_offer, render
from .streaming import CutOffError, Flow, Rest
from .targets import ABSOLUTE, in_origin_form

HEADER_BYTES: Final = 64 * 1024
"""Largest request head any route of ours needs; narrower limits (a handshake's 10,240) are decided above."""
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first that goes on in HTTP/2 whatever it is answered (RFC 9113, 3.4)."""
PIPELINED: Final = 64
"""Requests of one connection that may wait for their turn before reading stops."""


Upgrade = Callable[[HttpRequest, asyncio.Transport, bytes], None]
"""Takes over a connection whose request asked for a WebSocket: gets the request, the transport (reading paused) and
the bytes that came after the request; sets the transport's next protocol."""

Connect = Callable[[HttpRequest, asyncio.Transport, bytes], None]
"""Takes over a connection whose request was CONNECT; it gets what an `Upgrade` gets."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_LAST_CHUNK: Final = b"0\r\n\r\n"


class HttpProtocol(asyncio.Protocol):
    """One HTTP connection: parses requests, runs the handler, writes answers in the order of the requests."""

    def __init__(
        self,
        handler: Handler,
        *,
        upgrade: Upgrade | None = None,
        connect: Connect | None = None,
        is_tls: bool = False,
        peer: str = "",
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        """``peer`` is the client's IP address; empty: the transport is asked for it."""
        self._handler = handler
        self._upgrade = upgrade
        self._connect = connect
        self._is_tls = is_tls
        self._transport: asyncio.Transport | None = None
        self._flow = Flow()
        self._peer = peer
        self._waiting: deque[tuple[HttpRequest, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._successor: Callable[[], None] | None = None
        """Takes the connection over, once the requests before its own are answered; None: nobody does."""
        self._parser: Any = httptools.HttpRequestParser(self)
        """None: the connection is over, or somebody else's."""
        self._refusal: int | None = None
        self._is_refused = False
        self._opening: bytes | None = b""
        """The first bytes, as long as they may be those of HTTP/2; None: they are not."""
        self._has_completed = False
        """Whether the bytes just read held the end of a request."""
        self._loop = asyncio.get_running_loop()
        self._request_seconds = request_seconds
        self._began_at: float | None = self._loop.time()
        """When the request that is not here whole began; a new connection owes one. None: no request is under way."""
        self._quiet_since = self._began_at
        self._watch_timer = self._loop.call_later(request_seconds, self._watch)
        self._begin_request()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport and who is at the other end."""
        self._transport = cast("asyncio.Transport", transport)
        if not self._peer:
            name = transport.get_extra_info("peername")
            self._peer = name[0] if isinstance(name, tuple) else "127.0.0.1"

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop what waits; a handler that is running is cancelled."""
        self._transport = None
        self._watch_timer.cancel()
        self._waiting.clear()
        self._successor = None
        if self._task is not None:
            self._task.cancel()
        self._end_parser()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; refuse what is not HTTP or too large."""
        if self._is_refused:
            return
        if self._opening is not None:
            data = self._opening + data
            if data.startswith(PREFACE) and self._transport is not None:
                self._speak_http2(self._transport, data)
                return
            self._opening = data if PREFACE.startswith(data) else None
            if self._opening is not None:
                return
        self._quiet_since = self._loop.time()
        self._has_completed = False
        body_left = self._body_left
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgraded(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse_status(self._refusal or 400)
        if not self._has_completed and (self._in_head or body_left == self._body_left):
            # A header is handed over only when it is whole, so an endless one is counted here; a trailer, too.
            self._head_left -= len(data)
            if self._head_left < 0:
                self._refuse_status(431)
        if len(self._waiting) >= PIPELINED and self._transport is not None:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """The client does not read its answers: take no more requests from it until it does."""
        self._flow.pause()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It read them."""
        self._flow.resume()
        self._read_on()

    # time

    def _watch(self) -> None:
        now = self._loop.time()
        if self._task is not None:
            due = now + self._request_seconds
        elif self._began_at is not None:
            due = self._began_at + self._request_seconds
        else:
            due = self._quiet_since + KEEP_ALIVE_SECONDS
        if now >= due:
            self._give_up()
        else:
            self._watch_timer = self._loop.call_at(min(due, now + self._request_seconds), self._watch)

    def _give_up(self) -> None:
        if self._target:
            self._refuse_status(408)
        elif self._transport is not None:
            self._transport.abort()

    # httptools callbacks; one that raises ends the parsing with an HttpParserCallbackError

    def on_message_begin(self) -> None:
        """Start a new request."""
        if self._began_at is None:
            self._began_at = self._loop.time()
        self._begin_request()

    def _begin_request(self) -> None:
        self._target: list[bytes] = []
        self._headers: list[tuple[str, str]] = []
        self._fields: dict[str, str] = {}
        self._body: list[bytes] = []
        self._in_head = True
        self._head_left = HEADER_BYTES
        self._body_left = BODY_BYTES

    def on_url(self, url: bytes) -> None:
        """Collect the request target, which may come in pieces."""
        self._target.append(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one header; a trailer is none."""
        if not self._in_head:
            return
        spelled, lower, is_often_the_same = KEPT.get(name) or named(name)
        text = value.decode("latin-1").rstrip(" \t")  # the parser leaves blanks behind a value, which are none of it
        if is_often_the_same:
            text = intern(text)
        self._headers.append((spelled, text))
        self._fields[lower] = text

    def on_headers_complete(self) -> None:
        """The head is whole: invite the body of a client that waits to be asked."""
        self._in_head = False
        self._head_left = HEADER_BYTES
        if int(self._fields.get("content-length", 0)) > BODY_BYTES:  # the parser has made sure that it is a number
            self._refuse_body()
        if self._fields.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Collect a piece of the body."""
        self._body.append(body)
        self._body_left -= len(body)
        if self._body_left < 0:
            self._refuse_body()

    def _refuse_body(self) -> None:
        self._refusal = 413
        path = b"".join(self._target).decode("latin-1").partition("?")[0]
        log.warning(TOO_LARGE, path=path, most_bytes=BODY_BYTES)
        raise ValueError("request body too large")

    def on_message_complete(self) -> None:
        """Answer the request, or queue it behind the one that is being answered."""
        self._has_completed = True
        if self._takes_over() is not None or self._offers_other():
            return  # the parser stops here, before any body, and `_upgraded` goes on
        self._began_at = None
        request, keep_alive = self._request(), self._parser.should_keep_alive()
        if self._task is not None:
            self._waiting.append((request, keep_alive))
        else:
            self._answer(request, keep_alive)

    # answering

    def _request(self) -> HttpRequest:
        target = b"".join(self._target).decode("latin-1")
        if target.startswith(ABSOLUTE):
            target, self._headers, self._fields = in_origin_form(target, self._headers, self._fields)
        return HttpRequest(
            method=self._parser.get_method().decode("ascii"),
            target=target,
            headers=tuple(self._headers),
            body=b"".join(self._body),
            peer=self._peer,
            fields=self._fields,
            is_tls=self._is_tls,
            is_old=self._parser.get_http_version() == "1.0",
        )

    def _answer(self, request: HttpRequest, keep_alive: bool) -> None:
        try:
            answer = self._handler(request)
        except Exception as error:  # noqa: BLE001 - top of a request: logged and answered
            answer = failure(request, error)
        if isinstance(answer, HttpResponse):
            self._write(request, answer, keep_alive)
        else:
            self._task = asyncio.ensure_future(self._answer_later(request, answer, keep_alive))

    async def _answer_later(self, request: HttpRequest, pending: Awaitable[HttpResponse], keep_alive: bool) -> None:
        try:
            answer = await pending
        except Exception as error:  # noqa: BLE001 - top of a request: logged and answered
            answer = failure(request, error)
        if answer.rest is not None:
            await self._stream(request, answer, answer.rest, keep_alive and not request.is_old)
        else:
            self._write(request, answer, keep_alive)
        self._task = None
        while self._waiting and self._task is None:
            self._answer(*self._waiting.popleft())
        if self._is_refused and self._refusal is not None and self._task is None:
            self._write_refusal(self._refusal)
        if self._task is None:
            self._hand_over()
        self._read_on()

    def _read_on(self) -> None:
        if self._transport is not None and self._successor is None and len(self._waiting) < PIPELINED:
            self._transport.resume_reading()

    def _write(self, request: HttpRequest, response: HttpResponse, keep_alive: bool) -> None:
        self._send(render(response, int(time.time()), keep_alive=keep_alive, head_only=request.method == "HEAD"))
        if not keep_alive and self._transport is not None:
            self._transport.close()

    async def _stream(self, request: HttpRequest, response: HttpResponse, rest: Rest, keep_alive: bool) -> None:
        is_whole = await _send(request, response, rest, self._send, self._flow, keep_alive=keep_alive)
        if not (is_whole and keep_alive) and self._transport is not None:
            self._transport.close()

    def _send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _refuse_status(self, status: int) -> None:
        if self._is_refused:
            return
        self._is_refused, self._refusal = True, status
        if self._task is None:  # else the requests before it are answered first
            self._write_refusal(status)

    def _write_refusal(self, status: int) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        refusal = HttpResponse.of_json(status, {"message": REASONS[status]})
        self._transport.write(render(refusal, int(time.time()), keep_alive=False))
        self._watch_timer.cancel()
        if self._transport.can_write_eof():
            # Closing with bytes unread would reset the connection, and the client would lose the answer.
            self._transport.write_eof()
            self._watch_timer = self._loop.call_later(LINGER_SECONDS, self._transport.abort)
        else:
            self._transport.close()

    # upgrading

    def _speak_http2(self, transport: asyncio.Transport, data: bytes) -> None:
        from .http2 import Http2Protocol  # noqa: PLC0415 - h2 is for those who speak it, which few do

        self._transport = None
        self._watch_timer.cancel()
        self._end_parser()
        is_tls, seconds = self._is_tls, self._request_seconds
        protocol = Http2Protocol(self._handler, transport, peer=self._peer, is_tls=is_tls, request_seconds=seconds)
        transport.set_protocol(protocol)
        protocol.data_received(data)

    def _wants_websocket(self) -> bool:
        return (
            self._upgrade is not None
            and self._parser.should_upgrade()
            and self._parser.get_http_version() != "1.0"  # whose clients cannot upgrade (RFC 9110, 7.8)
            and any(name.lower() == "upgrade" and value.lower() == "websocket" for name, value in self._headers)
        )

    def _takes_over(self) -> Upgrade | Connect | None:
        """Who goes on with the connection after this request; None: we do."""
        if self._parser.get_method() == b"CONNECT":
            return self._connect
        return self._upgrade if self._wants_websocket() else None

    def _offers_other(self) -> bool:
        """Whether a request offers to go on in another protocol: HTTP/2 in Java's and curl's first request."""
        return bool(self._parser.should_upgrade()) and self._parser.get_method() != b"CONNECT"

    def _declined(self) -> bytes:
        method, version = self._parser.get_method().decode(), self._parser.get_http_version()
        return head_without_offer(method, b"".join(self._target).decode("latin-1"), version, self._headers)

    def _upgraded(self, rest: bytes) -> None:
        take_over = self._takes_over()
        if take_over is None:
            again = self._declined() if self._offers_other() else b""
            self._parser = httptools.HttpRequestParser(self)
            if again or rest:
                self.data_received(again + rest)
            return
        if self._transport is None:
            return
        self._transport.pause_reading()
        self._successor = functools.partial(take_over, self._request(), self._transport, rest)
        self._end_parser()
        if self._task is None:  # else the requests before it are answered first
            self._hand_over()

    def _hand_over(self) -> None:
        if self._successor is None or self._transport is None or self._transport.is_closing():
            return
        self._transport = None
        self._watch_timer.cancel()
        successor, self._successor = self._successor, None
        successor()

    def _end_parser(self) -> None:
        """Let go of it: it holds methods of ours, and both would stay until the garbage collector finds them."""
        self._parser = None


async def _send(
    request: HttpRequest,
    response: HttpResponse,
    rest: Rest,
    write: Callable[[bytes], None],
    flow: Flow,
    *,
    keep_alive: bool,
) -> bool:
    """Write an answer of HTTP/1 while it is made; False: not all of it came, and the connection has to end.

    In chunks (RFC 9112, 7.1); a client of HTTP/1.0, which knows none, reads until the connection ends.
    """
    in_chunks = not request.is_old
    framed = _chunk if in_chunks else bytes
    try:
        write(head_of_stream(response, int(time.time()), in_chunks=in_chunks, keep_alive=keep_alive))
        if request.method == "HEAD":
            return True
        if response.body:
            write(framed(response.body))
        async for part in rest.parts:
            await flow.room()
            write(framed(part))
        write(_LAST_CHUNK if in_chunks else b"")
    except CutOffError:
        return False
    except Exception as error:  # noqa: BLE001 - top of a body: logged, and the client sees that it is not whole
        log.error("an answer could not be finished", error=error, method=request.method, path=request.raw_path)
        return False
    finally:
        rest.close()
    return True


def _chunk(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)
