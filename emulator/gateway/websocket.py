"""One client's WebSocket: hands what comes in to the rules, `Connection`, and performs the effects that come out.

All effects of a connection are performed here, in `WebSocket.perform`; the rules alone know what AWS does.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, assert_never

from msgspec import Struct

from ..foundation import log
from ..foundation.clock import passed
from ..foundation.recording import By, Recording
from .invocations import Invocations
from .reading import TURN_BYTES, Turns
from .rules.connection import DROPPED, NO_STATUS, Connection
from .rules.effects import Close, Effect, Invoke, Result, Send, Warn
from .websockets_frames import Frame, FrameLayer, Opcode

CLOSE_SECONDS: Final = 5.0
"""How long a client may take to answer our close frame before its TCP connection is cut."""
SEND_BUFFER_BYTES: Final = 256 * 1024
"""Bytes that wait for a client that reads slowly, besides the kernel's buffers. Over it, ``@connections`` answers 429
(LimitExceededException) as AWS does when the client-side buffer of the socket is full; AWS's size is not known. [?]"""
MESSAGES_IN_FLIGHT: Final = 256
"""Messages of one client whose functions have not answered; over it the next ones wait, unread if possible."""
CROWD: Final = 2048
"""From so many functions that have not answered on, a client may have only `MESSAGES_IN_A_CROWD` of them."""
MESSAGES_IN_A_CROWD: Final = 16
INVALID_TEXT: Final = 1007


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Seen(Struct, frozen=True, kw_only=True):
    """What can be seen of an open connection."""

    connection_id: str
    connected_at_ms: int
    source_ip: str
    user_agent: str
    """Empty: the client named none."""
    idle_seconds: float
    waiting_bytes: int
    """What the client has not read yet, besides the kernel's buffers."""
    received: int
    """Messages of the client."""
    sent: int
    """Messages to the client."""


class WebSockets:
    """All WebSockets of a gateway."""

    def __init__(self, recording: Recording, disconnected: Callable[[str, Result], None] = lambda *_: None) -> None:
        """``disconnected`` is told the id of each connection whose ``$disconnect`` is done, and what that answered."""
        self.recording = recording
        self.disconnected = disconnected
        self.messages = 0
        """How many texts clients have sent so far."""
        self.turns = Turns()
        self.open: dict[str, WebSocket] = {}
        """By connection id."""
        self._sockets: set[WebSocket] = set()
        """All whose TCP connection is not over, closed or not."""
        self._none_left = asyncio.Event()

    def add(self, websocket: WebSocket) -> None:
        """One that was accepted."""
        self.open[websocket.connection.connection_id] = websocket
        self._sockets.add(websocket)

    def ended(self, websocket: WebSocket) -> None:
        """Forget a connection that is over."""
        self.open.pop(websocket.connection.connection_id, None)

    def lost(self, websocket: WebSocket) -> None:
        """Forget a TCP connection that is over."""
        self._sockets.discard(websocket)
        if not self._sockets:
            self._none_left.set()

    async def all_lost(self) -> None:
        """Wait until every TCP connection is over."""
        if self._sockets:
            self._none_left.clear()
            await self._none_left.wait()


class WebSocket(asyncio.Protocol):
    """A connection that ``$connect`` accepted; `start` answers the upgrade."""

    __slots__ = (
        "_all",
        "_backlog",
        "_by",
        "_ended",
        "_fragments",
        "_frames",
        "_has_turn",
        "_in_flight",
        "_invocations",
        "_is_at_end",
        "_is_cut",
        "_paused",
        "_timer",
        "_transport",
        "_waiting",
        "connection",
        "received",
        "sent",
    )

    def __init__(
        self,
        connection: Connection,
        transport: asyncio.Transport,
        *,
        invocations: Invocations,
        websockets: WebSockets,
        frames: FrameLayer,
    ) -> None:
        self.connection = connection
        self._transport = transport
        self._invocations = invocations
        self._all = websockets
        self._frames = frames
        self._fragments: bytearray | None = None
        self._backlog: bytearray | None = None
        """Bytes that were read and wait for their turn; None: there are none, as nearly always."""
        self._has_turn = False
        """Whether it stands in line for one."""
        self._is_at_end = False
        """Whether nothing comes after the backlog."""
        self._waiting: deque[Frame] | None = None
        """Frames that were read in one piece with others and have to wait for functions or the client; None: none."""
        self._in_flight = 0
        self._paused = False
        self._is_cut = False
        """Whether the client's side of the TCP connection has ended."""
        self._ended = False
        self._by: By = "gateway"
        """Who is behind a close frame of ours."""
        self.received = self.sent = 0
        """Messages of the client, and to it."""
        self._timer: asyncio.TimerHandle | None = None

    def start(self, answer: bytes, rest: bytes) -> None:
        """Answer the upgrade and listen; ``rest`` came after the client's request."""
        self._transport.write(answer)
        self._transport.set_write_buffer_limits(high=SEND_BUFFER_BYTES)
        self._all.add(self)
        self._arm()
        self._transport.set_protocol(self)
        self._transport.resume_reading()
        if rest:
            self.data_received(rest)

    def abandon(self) -> None:
        """The client was gone before the upgrade could be answered: only its ``$disconnect`` is left to run."""
        self._end(DROPPED, "", "network")

    def seen(self, now: float) -> Seen:
        """What can be seen of it; ``now`` in seconds of the monotonic clock."""
        connection = self.connection
        return Seen(
            connection_id=connection.connection_id,
            connected_at_ms=connection.connected_at_ms,
            source_ip=connection.identity["sourceIp"],
            user_agent=connection.identity.get("userAgent", ""),
            idle_seconds=now - connection.last_active,
            waiting_bytes=self._transport.get_write_buffer_size(),
            received=self.received,
            sent=self.sent,
        )

    def cut(self) -> None:
        """End the TCP connection without a word, as a network that fails does."""
        self._transport.abort()

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
                    then = functools.partial(self._answered, effect)
                    self._invocations.start(effect, then, source=self.connection.connection_id)
                case Close(code, reason):
                    self._close(code, reason)
                case Warn(text, fields):
                    log.warning(text, **fields)
                case _:
                    assert_never(effect)
        self._flow()

    def _answered(self, invoke: Invoke, result: Result) -> None:
        """The function of a message is done."""
        effects: list[Effect] = []
        try:
            effects = self.connection.replied(invoke, result, passed())
            if (recorder := self._all.recording.now) is not None:
                recorder.answered(invoke, result, effects)
        finally:  # even after an error of ours, or the messages behind this one would never be run
            self._in_flight -= 1
            self.perform(effects)
            self._drain()

    def _send(self, data: bytes) -> None:
        if self._frames.is_open:  # else the client's close frame was read, but its turn has not come
            self.sent += 1
            self._frames.write_text(data)
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
        if self._backlog is None and len(data) <= TURN_BYTES:
            self._read(data)
            return
        if self._backlog is None:
            self._backlog = bytearray()
        self._backlog += data
        self._stand_in_line()
        self._flow()

    def _read(self, data: bytes) -> None:
        frames = deque(self._frames.frames_received(data))
        if self._waiting is None:
            self._waiting = frames
        else:
            self._waiting.extend(frames)
        self._flush()
        self._drain()

    def take_turn(self) -> bool:
        """Handle a piece of the backlog; whether it stands in line for another turn."""
        if self._backlog is not None and not self._waiting:
            piece = bytes(self._backlog[:TURN_BYTES])
            del self._backlog[:TURN_BYTES]
            if not self._backlog:
                self._backlog = None
            self._read(piece)
            self._flow()
        self._has_turn = self._backlog is not None and not self._waiting
        return self._has_turn

    def _stand_in_line(self) -> None:
        if not self._has_turn and not self._waiting:
            self._has_turn = True
            self._all.turns.wait(self)

    def eof_received(self) -> None:
        """The client sent its last byte; the transport closes itself."""
        self._is_at_end = True
        if self._backlog is None:
            self._frames.receive_eof()
        self._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection is gone."""
        self._cut()
        if self._ended:
            self._stop_timer()
        self._all.lost(self)

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
            if self._has_enough() or (self._paused and not self._is_cut):
                self._flow()
                return
            self._frame(self._waiting.popleft())
        self._waiting = None
        if self._backlog is not None:
            self._stand_in_line()
            return
        if self._is_at_end:
            self._frames.receive_eof()
        if self.connection.is_open and (code := self._frames.failure_code) is not None:
            self._broken(code)
        if self._is_cut:
            self._end(DROPPED, "", "network")

    def _has_enough(self) -> bool:
        """Whether so many of its messages are with functions that the next ones have to wait."""
        if self._in_flight < MESSAGES_IN_A_CROWD:
            return False
        return self._in_flight >= MESSAGES_IN_FLIGHT or self._invocations.running >= CROWD

    def _flow(self) -> None:
        if self._transport.is_closing():
            return
        # After the end only the client's close frame is waited for; whatever else comes is thrown away.
        is_behind = not self._ended and (self._paused or self._has_enough())
        if is_behind or self._backlog is not None:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # frames

    def _frame(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT if frame.fin:
                self._text(frame.data)
            case Opcode.TEXT:
                self._fragments = bytearray(frame.data)
            case Opcode.CONT if self._fragments is not None:
                self._fragments += frame.data  # joined at once: fragments without a byte are without number
                if frame.fin:
                    message, self._fragments = self._fragments, None
                    self._text(message)
            case Opcode.BINARY:
                self.perform(self.connection.receive_binary())
            case Opcode.PING:
                self.connection.receive_ping(passed())
            case Opcode.CLOSE:
                closed = self._frames.close_rcvd
                code, reason = (NO_STATUS, "") if closed is None else (closed.code, closed.reason)
                self._end(code, reason, "client")

    def _text(self, data: bytes | bytearray | memoryview) -> None:
        try:
            text = bytes(data).decode()
        except UnicodeDecodeError:
            self.perform(self.connection.end(INVALID_TEXT, ""))
            return
        self.receive(text)

    def receive(self, text: str) -> None:
        """Take a whole text, as the client's."""
        self._all.messages += 1
        self.received += 1
        try:
            effects = self.connection.receive_text(text, passed(), now_ms())
        except Exception as error:  # noqa: BLE001 - top of a message: logged and answered
            log.error("the gateway failed", error=error, connection_id=self.connection.connection_id)
            effects = self.connection.failed(now_ms())
        if (recorder := self._all.recording.now) is not None:
            recorder.message(self.connection.connection_id, text, effects)
        self.perform(effects)

    def _broken(self, code: int) -> None:
        """The frame layer has failed the connection with a close frame of its own; let the rules know why."""
        frames = self._frames
        rules = self.connection
        effects = rules.too_big(frames.too_big_frame_bytes) if frames.is_too_big else rules.end(code, "")
        self.perform([effect for effect in effects if not isinstance(effect, Close)])
        self._end(*next(((each.code, each.reason) for each in effects if isinstance(each, Close)), (code, "")))

    # the end

    def _close(self, code: int, reason: str) -> None:
        if self._frames.is_open:  # else the client's own close frame was read, or the end of its bytes
            self._frames.send_close(code, reason)
            self._flush()
        self._end(code, reason)

    def _end(self, code: int, reason: str, by: By | None = None) -> None:
        """Nothing more is sent or received: run ``$disconnect``, and wait `CLOSE_SECONDS` for the client at most."""
        if self._ended:
            return
        self._ended = True
        self._stop_timer()
        if not self._transport.is_closing():
            self._timer = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._transport.abort)
        self._flow()
        self._all.ended(self)
        if (recorder := self._all.recording.now) is not None:
            counts = {"received": self.received, "sent": self.sent}
            recorder.closed(self.connection.connection_id, code, reason, by or self._by, **counts)
        disconnect = self.connection.closed(code, reason, now_ms())
        context = {} if disconnect is None else disconnect.event["requestContext"]
        log.info(
            "disconnected",
            connection_id=self.connection.connection_id,
            code=context.get("disconnectStatusCode"),
            reason=context.get("disconnectReason"),
        )
        if disconnect is not None:
            then = functools.partial(self._all.disconnected, self.connection.connection_id)
            self._invocations.start(disconnect, then)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # time

    def _arm(self) -> None:
        delay = self.connection.deadline() - passed()
        self._timer = asyncio.get_running_loop().call_later(max(delay, 0.0), self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = passed()
        if now >= self.connection.deadline():
            self._by = "duration" if self.connection.is_too_old(now) else "idle"
        self.perform(self.connection.expire(now))
        if self.connection.is_open:
            self._arm()
