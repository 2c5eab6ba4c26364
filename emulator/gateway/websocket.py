"""One client's WebSocket: frames by websockets' sans-I/O protocol, decisions by the gateway's `Connection`.

This is the shell around the rules: it has no opinion of its own about what AWS does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol, assert_never

from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Side
from websockets.protocol import Protocol as FrameProtocol

from .. import log
from .rules.connection import DROPPED, NO_STATUS, Connection
from .rules.effects import Close, Effect, Invoke, Send, Warn
from .rules.limits import Limits

CLOSE_SECONDS: Final = 5.0
"""How long a client may take to answer our close frame before its TCP connection is cut."""
SEND_BUFFER_BYTES: Final = 256 * 1024
"""Bytes that wait for a client that reads slowly, besides the kernel's buffers. Over it, ``@connections`` answers 429
(LimitExceededException) as AWS does when the client-side buffer of the socket is full; AWS's size is not known. [?]"""
MESSAGES_IN_FLIGHT: Final = 256
"""Messages of one client whose functions have not answered; over it the next ones wait, unread if possible."""
INVALID_TEXT: Final = 1007
PROTOCOL_ERROR: Final = 1002


class Owner(Protocol):
    """What a WebSocket needs from the gateway that it belongs to."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def now_ms(self) -> int:
        """Unix milliseconds."""
        ...

    def run(self, websocket: WebSocket, invoke: Invoke) -> None:
        """Run the function of a message; tell `WebSocket.finished` when it is done."""
        ...

    def ended(self, websocket: WebSocket, disconnect: Invoke | None) -> None:
        """The connection is over; ``disconnect`` is what to run, None without a ``$disconnect`` route."""
        ...

    def lost(self, websocket: WebSocket) -> None:
        """The TCP connection is over too."""
        ...


class _Frames(FrameProtocol):
    """The frame layer, closing with our reasons: the library's would tell the client what AWS does not."""

    def fail(self, code: int, reason: str = "") -> None:
        super().fail(code, "")

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            # A client may give up in the middle of a message (RFC 6455, 5.4); its code is told all the same.
            self.current_size = None
        elif self.state is not OPEN:
            return  # nothing follows our close frame, not even a pong
        super().recv_frame(frame)


class WebSocket(asyncio.Protocol):
    """An open connection; made when the upgrade was accepted."""

    __slots__ = (
        "_ended",
        "_fragments",
        "_frames",
        "_in_flight",
        "_is_cut",
        "_owner",
        "_paused",
        "_timer",
        "_transport",
        "_waiting",
        "connection",
    )

    def __init__(self, connection: Connection, transport: asyncio.Transport, owner: Owner, limits: Limits) -> None:
        self.connection = connection
        self._transport = transport
        self._owner = owner
        self._frames = _Frames(
            Side.SERVER, state=OPEN, max_size=(limits.message_bytes, limits.frame_bytes), logger=log.FRAMES
        )
        self._fragments: list[bytes | bytearray | memoryview] | None = None
        self._waiting: deque[Frame] = deque()
        """Frames that were read in one piece with others and have to wait: 256 KB hold tens of thousands."""
        self._in_flight = 0
        self._paused = False
        self._is_cut = False
        """Whether the client's side of the TCP connection has ended."""
        self._ended = False
        transport.set_write_buffer_limits(high=SEND_BUFFER_BYTES)
        self._timer: asyncio.TimerHandle | None = None
        self._arm()

    @property
    def is_buffer_full(self) -> bool:
        """Whether the client reads too slowly to be sent more."""
        return self._transport.get_write_buffer_size() >= SEND_BUFFER_BYTES

    def perform(self, effects: Sequence[Effect]) -> None:
        """Do what the rules decided, in order."""
        for effect in effects:
            match effect:
                case Send(text):
                    self._send(text.encode())
                case Invoke():
                    self._in_flight += 1
                    self._owner.run(self, effect)
                case Close(code, reason):
                    self._close(code, reason)
                case Warn(text, fields):
                    log.warning(text, **fields)
                case _:
                    assert_never(effect)
        self._flow()

    def finished(self, effects: Sequence[Effect]) -> None:
        """The function of a message is done, and this is to be done about it."""
        self._in_flight -= 1
        self.perform(effects)
        self._drain()

    def _send(self, data: bytes) -> None:
        if self._frames.state is not OPEN:
            return  # the client's close frame was read, but its turn has not come
        frame_bytes = self._frames.max_fragment_size or len(data)
        if len(data) <= frame_bytes:
            self._frames.send_text(data)
        else:
            # [INF] G3: a message over 32 KB is delivered in frames of 32 KB.
            self._frames.send_text(data[:frame_bytes], fin=False)
            for start in range(frame_bytes, len(data), frame_bytes):
                end = start + frame_bytes
                self._frames.send_continuation(data[start:end], fin=end >= len(data))
        self._flush()

    def _flush(self) -> None:
        for data in self._frames.data_to_send():
            if self._transport.is_closing():
                return
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                # Closing with bytes unread would reset the connection, and the client would lose our close frame.
                self._transport.write_eof()
            else:
                self._transport.close()

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        self._frames.receive_data(data)
        self._waiting.extend(event for event in self._frames.events_received() if isinstance(event, Frame))
        self._flush()
        self._drain()

    def eof_received(self) -> None:
        """The client sent its last byte; the transport closes itself."""
        self._frames.receive_eof()
        self._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection is gone."""
        self._cut()
        if self._ended:
            self._stop_timer()
        self._owner.lost(self)

    def pause_writing(self) -> None:
        """The client reads too slowly: hear no more from it until it caught up."""
        self._paused = True
        self._flow()

    def resume_writing(self) -> None:
        """The client caught up."""
        self._paused = False
        self._drain()
        self._flow()

    def _cut(self) -> None:
        self._is_cut = True
        self._drain()

    def _drain(self) -> None:
        """Handle what was read, in order; what came before an end is handled before it."""
        while self._waiting and not self._ended:
            if self._in_flight >= MESSAGES_IN_FLIGHT or (self._paused and not self._is_cut):
                self._flow()
                return
            self._frame(self._waiting.popleft())
        self._waiting.clear()
        if self._frames.parser_exc is not None and self.connection.is_open:
            self._broken(self._frames.parser_exc)
        if self._is_cut:
            self._end(DROPPED, "")

    def _flow(self) -> None:
        if self._transport.is_closing():
            return
        # After the end only the client's close frame is waited for; whatever else comes is thrown away.
        if not self._ended and (self._paused or self._in_flight >= MESSAGES_IN_FLIGHT):
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # frames

    def _frame(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT if frame.fin:
                self._text(frame.data)
            case Opcode.TEXT:
                self._fragments = [frame.data]
            case Opcode.CONT if self._fragments is not None:
                self._fragments.append(frame.data)
                if frame.fin:
                    message, self._fragments = b"".join(self._fragments), None
                    self._text(message)
            case Opcode.BINARY:
                self.perform(self.connection.receive_binary())
            case Opcode.PING:
                self.connection.receive_ping(self._owner.now())
            case Opcode.CLOSE:
                closed = self._frames.close_rcvd
                self._end(NO_STATUS if closed is None else closed.code, "" if closed is None else closed.reason)

    def _text(self, data: bytes | bytearray | memoryview) -> None:
        try:
            text = bytes(data).decode()
        except UnicodeDecodeError:
            self.perform(self.connection.end(INVALID_TEXT, ""))
            return
        self.perform(self.connection.receive_text(text, self._owner.now(), self._owner.now_ms()))

    def _broken(self, error: Exception) -> None:
        """The frame layer has failed the connection with a close frame of its own; let the rules know why."""
        if isinstance(error, EOFError):
            return
        sent = self._frames.close_sent
        effects = (
            self.connection.too_big()
            if isinstance(error, PayloadTooBig)
            else self.connection.end(PROTOCOL_ERROR if sent is None else sent.code, "")
        )
        self.perform([effect for effect in effects if not isinstance(effect, Close)])
        self._end(DROPPED, "")

    # the end

    def _close(self, code: int, reason: str) -> None:
        if self._frames.state is OPEN:  # else the client's own close frame was read, or the end of its bytes
            self._frames.send_close(code, reason)
            self._flush()
        self._end(code, reason)

    def _end(self, code: int, reason: str) -> None:
        """Nothing is sent or received any more: run ``$disconnect``, and do not wait for the client for ever."""
        if self._ended:
            return
        self._ended = True
        self._stop_timer()
        if not self._transport.is_closing():
            self._timer = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._transport.abort)
        self._flow()
        self._owner.ended(self, self.connection.closed(code, reason, self._owner.now_ms()))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # time

    def _arm(self) -> None:
        delay = self.connection.deadline() - self._owner.now()
        self._timer = asyncio.get_running_loop().call_later(max(delay, 0.0), self._expire)

    def _expire(self) -> None:
        self._timer = None
        self.perform(self.connection.expire(self._owner.now()))
        if self.connection.is_open:
            self._arm()
