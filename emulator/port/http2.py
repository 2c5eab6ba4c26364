"""HTTP/2 for clients that speak nothing else, such as the SDK for JavaScript when it asks Kinesis: ``h2`` parses.

A connection comes here with its first bytes, from `port.http1`; whoever can speak HTTP/1.1 is answered in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final, cast

from h2 import events
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from ..foundation import log
from ..foundation.tasks import start
from .h2_connection import ServerConnection
from .http import (
    BODY_BYTES,
    KEEP_ALIVE_SECONDS,
    LINGER_SECONDS,
    TOO_LARGE,
    Handler,
    HttpRequest,
    HttpResponse,
    failure,
)
from .rendering import BODILESS, date_of, within
from .streaming import CutOffError, Flow, Rest

AT_ONCE: Final = 64
"""Most requests of one connection at once."""
HEADER_LIST_BYTES: Final = 64 * 1024
TURN_BYTES: Final = 4096
"""Bytes that are handled at once: a read may hold thousands of frames, for which everybody else would wait."""
_NOT_HERE: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade"})
"""Headers of an answer that HTTP/2 knows not (RFC 9113, 8.2.2)."""


@dataclass(slots=True)
class Exchange:
    """One request and its answer."""

    headers: list[tuple[str, str]]
    body: bytearray = field(default_factory=bytearray)
    left: bytes | None = None
    """What of the answer is not sent yet; None: there is no answer yet."""
    task: asyncio.Task[None] | None = None
    flow: Flow | None = None
    """Whether what is ``left`` was sent, of an answer of which more is to come; None: nothing is."""


class Http2Protocol(asyncio.Protocol):
    """One connection."""

    def __init__(
        self, handler: Handler, transport: asyncio.Transport, *, peer: str, is_tls: bool, request_seconds: float
    ) -> None:
        self._handler = handler
        self._transport: asyncio.Transport | None = transport
        self._peer = peer
        self._is_tls = is_tls
        self._request_seconds = request_seconds
        self._exchanges: dict[int, Exchange] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._unread = bytearray()
        """What waits for its turn."""
        self._has_turn = False
        self._is_full = False
        """Whether the client does not read what it is sent."""
        self._loop = asyncio.get_running_loop()
        self._quiet_since = self._loop.time()
        self._watch_timer = self._loop.call_later(request_seconds, self._watch)
        self._is_leaving = False
        """Whether the client opens no more streams, and waits for the answers of those that are open."""
        self._is_over = False
        """Whether it has all of them: what it still says is thrown away."""
        self._h2 = ServerConnection()
        self._h2.local_settings.update(
            {SettingCodes.MAX_CONCURRENT_STREAMS: AT_ONCE, SettingCodes.MAX_HEADER_LIST_SIZE: HEADER_LIST_BYTES}
        )
        self._h2.initiate_connection()
        self._flush()

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        """Take frames; whoever breaks the protocol is told so, and cut off."""
        if self._is_over:
            return
        self._quiet_since = self._loop.time()
        self._unread += data
        if not self._has_turn and not self._is_full:
            self._take_turn()

    def _take_turn(self) -> None:
        self._has_turn = False
        data = bytes(self._unread[:TURN_BYTES])
        del self._unread[:TURN_BYTES]
        try:
            for event in self._h2.receive_data(data):
                self._take(event)
            self._send_all()
        except ProtocolError:
            self._unread.clear()
            self._close()
            return
        self._flush()
        self._read_on()

    def _read_on(self) -> None:
        """Stand in line with what is left; read no more before it is handled and the client has read its answers."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._is_over:
            self._unread.clear()
        if self._is_full or self._unread:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
        if self._unread and not self._is_full and not self._has_turn:
            self._has_turn = True
            self._loop.call_soon(self._take_turn)

    def connection_lost(self, exc: Exception | None) -> None:
        """Requests that are being answered are cancelled."""
        self._transport = None
        self._watch_timer.cancel()
        self._unread.clear()
        self._exchanges.clear()
        for task in self._tasks:
            task.cancel()

    def pause_writing(self) -> None:
        """The client does not read its answers: send no more, and take no more from it."""
        self._is_full = True
        self._read_on()

    def resume_writing(self) -> None:
        """It read them."""
        self._is_full = False
        self._send_all()
        self._flush()
        self._read_on()

    def _watch(self) -> None:
        now = self._loop.time()
        waits = any(each.task is None and each.left is None for each in self._exchanges.values())
        busy = bool(self._tasks)
        limit = self._request_seconds if waits else KEEP_ALIVE_SECONDS
        if not busy and now >= self._quiet_since + limit:
            self._close()
        else:
            self._watch_timer = self._loop.call_later(self._request_seconds, self._watch)

    def _close(self) -> None:
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and not self._is_over and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    # requests

    def _take(self, event: events.Event) -> None:
        match event:
            case events.RequestReceived():
                headers = cast("list[tuple[str, str]]", [tuple(each) for each in event.headers or ()])
                self._exchanges[event.stream_id or 0] = Exchange(headers)
            case events.DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
                self._feed(event.stream_id or 0, event.data or b"")
            case events.StreamEnded():
                self._answer(event.stream_id)
            case events.StreamReset():
                gone = self._exchanges.pop(event.stream_id or 0, None)
                if gone is not None and gone.task is not None:
                    gone.task.cancel()
            case events.ConnectionTerminated():
                self._is_leaving = True
                if event.error_code is not ErrorCodes.NO_ERROR:
                    self._close()

    def _feed(self, stream: int, data: bytes) -> None:
        exchange = self._exchanges.get(stream)
        if exchange is None:
            return
        exchange.body += data
        if len(exchange.body) > BODY_BYTES:
            del self._exchanges[stream]
            log.warning(TOO_LARGE, path=self._request(exchange).raw_path, most_bytes=BODY_BYTES)
            self._h2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)

    def _answer(self, stream: int) -> None:
        exchange = self._exchanges.get(stream)
        if exchange is None:
            return
        request = self._request(exchange)
        try:
            answer = self._handler(request)
        except Exception as error:  # noqa: BLE001 - top of a request: logged and answered
            answer = failure(request, error)
        if isinstance(answer, HttpResponse):
            self._begin(stream, request, answer)
        else:
            exchange.task = start(self._tasks, self._later(stream, request, answer))

    async def _later(self, stream: int, request: HttpRequest, pending: Awaitable[HttpResponse]) -> None:
        try:
            answer = await pending
        except Exception as error:  # noqa: BLE001 - top of a request: logged and answered
            answer = failure(request, error)
        self._begin(stream, request, answer)
        self._send_all()
        self._flush()
        if answer.rest is not None:
            await self._pass_on(stream, answer.rest)

    async def _pass_on(self, stream: int, rest: Rest) -> None:
        """Send the rest of an answer while it is made, no faster than the client's window opens."""
        exchange = self._exchanges.get(stream)
        try:
            if exchange is None or exchange.flow is None:
                return
            async for part in rest.parts:
                await exchange.flow.room()
                exchange.left = part
                exchange.flow.pause()
                self._send_all()
                self._flush()
            await exchange.flow.room()
            exchange.flow = None
            self._send_all()
        except CutOffError:
            self._cut_off(stream)
        except Exception as error:  # noqa: BLE001 - top of a body: logged, and the client sees that it is not whole
            log.error("an answer could not be finished", error=error)
            self._cut_off(stream)
        finally:
            rest.close()
        self._flush()

    def _cut_off(self, stream: int) -> None:
        if self._exchanges.pop(stream, None) is not None:
            self._h2.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)

    def _request(self, exchange: Exchange) -> HttpRequest:
        said = dict(exchange.headers)
        headers = [(name, value) for name, value in exchange.headers if not name.startswith(":")]
        if ":authority" in said:
            headers = [("host", said[":authority"]), *(each for each in headers if each[0] != "host")]
        return HttpRequest(
            method=said.get(":method", ""),
            target=said.get(":path", "/"),
            headers=tuple(headers),
            body=bytes(exchange.body),
            peer=self._peer,
            fields=dict(headers),
            is_tls=self._is_tls,
        )

    # answers

    def _begin(self, stream: int, request: HttpRequest, response: HttpResponse) -> None:
        exchange = self._exchanges.get(stream)
        if exchange is None or self._transport is None:
            return
        headers = [(":status", str(response.status))]
        if (date := date_of(response, int(time.time()))) is not None:
            headers.append(("date", date))
        own = [(name.lower(), value) for name, value in response.headers if name.lower() not in _NOT_HERE]
        headers += [(within(name), within(value)) for name, value in own]
        has_body = request.method != "HEAD" and response.status not in BODILESS
        if response.rest is not None and has_body:
            exchange.flow = Flow()
            exchange.flow.pause()
        elif has_body and not any(name == "content-length" for name, _ in headers):
            headers.append(("content-length", str(len(response.body))))
        self._h2.send_headers(stream, headers)
        exchange.left = response.body if has_body else b""

    def _send_all(self) -> None:
        """Whatever the client takes; who is leaving and has all its answers is let go."""
        for stream, exchange in list(self._exchanges.items()):
            if exchange.left is not None and not self._is_full:
                self._send(stream, exchange, exchange.left)
        if self._is_leaving and not self._exchanges:
            self._let_go()

    def _let_go(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing() or self._is_over:
            return
        self._flush()
        self._is_over = True
        if transport.can_write_eof():
            # Closing with bytes unread would reset the connection, and the client would lose the last answer.
            transport.write_eof()
            self._watch_timer.cancel()
            self._watch_timer = self._loop.call_later(LINGER_SECONDS, transport.abort)
        else:
            transport.close()

    def _send(self, stream: int, exchange: Exchange, left: bytes) -> None:
        """As much as the client's window takes."""
        while left:
            size = min(len(left), self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if size <= 0:
                exchange.left = left
                return
            self._h2.send_data(stream, left[:size])
            left = left[size:]
        if exchange.flow is not None:
            exchange.left = b""
            exchange.flow.resume()
            return
        self._h2.end_stream(stream)
        del self._exchanges[stream]
