"""One accepted connection: what happened goes in with its time, effects come out. Pure.

States and what changes them; everything not listed leaves the state as it is::

    CONNECTING --accept--> OPEN --close (by the gateway)--> CLOSING --closed--> CLOSED
        |                    +-------------closed---------------------------------^
        +--------refuse-----------------------------------------------------------^
"""

from __future__ import annotations

import enum
import math
from typing import Final

from .effects import Close, Effect, Invoke, NotInvoked, Raised, Replied, Result, Send, TimedOut, Warn
from .error_frames import (
    ENDPOINT_TIMED_OUT,
    FORBIDDEN,
    INTERNAL_SERVER_ERROR,
    bad_request_frame,
    error_frame,
)
from .events import Session
from .proxy_results import Malformed, ProxyResponse, failure_said, parse_proxy_response
from .stage import CompiledRoute
from .throttle import TokenBucket, bucket

GOING_AWAY: Final = Close(1001, "Going away")
"""Idle for 10 minutes or 2 hours old. [REC] public recordings"""
DELETED: Final = Close(1000, "Connection Closed Normally")
"""``DELETE @connections``. [REC] chalice #2060, boto3 #3789"""
NO_STATUS: Final = 1005
"""The client's close frame had no status. [DOC] apigw-docs:apigateway-websocket-api-close-codes"""
NO_STATUS_REASON: Final = "Client-side close frame status not set"
"""[REC] powertools and many public recordings"""
DROPPED: Final = 1006
"""The TCP connection ended without a close frame. [DOC] close codes"""


class State(enum.Enum):
    """The states of a connection."""

    CONNECTING = enum.auto()
    """``$connect`` has not answered yet; ``@connections`` says 410. [DOC] re:Post"""
    OPEN = enum.auto()
    CLOSING = enum.auto()
    """The gateway sent its close frame; nothing is sent or received any more."""
    CLOSED = enum.auto()


TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.CONNECTING: frozenset({State.OPEN, State.CLOSED}),
    State.OPEN: frozenset({State.CLOSING, State.CLOSED}),
    State.CLOSING: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}
"""Every state, and the ones that may follow it."""


class Connection:
    """The rules for one connection. Times named ``now`` are seconds of any monotonic clock, ``now_ms`` Unix ms."""

    __slots__ = ("_bucket", "_closing", "_last_active", "_opened_at", "_session", "_stage", "_state")

    def __init__(self, session: Session) -> None:
        """Start in CONNECTING; `Handshake` does this, and accepts or refuses."""
        self._session = session
        self._stage = session.stage
        self._state = State.CONNECTING
        self._closing: Close | None = None
        self._opened_at = math.inf
        self._last_active = math.inf
        self._bucket: TokenBucket | None = bucket(self._stage.limits.messages_per_connection)

    @property
    def state(self) -> State:
        """Its state now."""
        return self._state

    @property
    def is_open(self) -> bool:
        """Whether messages can be exchanged."""
        return self._state is State.OPEN

    @property
    def connection_id(self) -> str:
        """The id that events and ``@connections`` use."""
        return self._session.connection_id

    @property
    def connected_at_ms(self) -> int:
        """When the client asked to connect, Unix milliseconds."""
        return self._session.connected_at_ms

    @property
    def identity(self) -> dict[str, str]:
        """``userAgent``, if the client sent one, and ``sourceIp``."""
        return self._session.identity

    @property
    def last_active(self) -> float:
        """When the last message went either way."""
        return self._last_active

    def accept(self, now: float) -> None:
        """The upgrade is answered with 101: open, and start the clocks of the idle and duration limits."""
        self._become(State.OPEN)
        self._opened_at = self._last_active = now

    def refuse(self) -> None:
        """The upgrade is refused: there never was a connection, and no ``$disconnect`` will run. [INF]"""
        self._become(State.CLOSED)

    # what the client does

    def receive_text(self, text: str, now: float, now_ms: int) -> list[Effect]:
        """A whole text message arrived: run its route, or tell the client why not."""
        if self._state is not State.OPEN:
            return []
        self._last_active = now
        if len(text) * 4 > self._stage.limits.message_bytes and self._is_too_big(text):
            return self.too_big()
        if self._bucket is not None and not self._bucket.take(now):
            return self._violate_policy()
        route = self._stage.route_for(text)
        request_id = self._stage.ids.request_id(now_ms)
        if not self._stage.admits(route, now):
            return [self._error(self._stage.assumptions.throttled_message, request_id)]
        if route is None:
            warning = Warn("no route matches the message, and there is no $default route", self._fields())
            return [self._error(FORBIDDEN, request_id), warning]
        return self._run(route, text, request_id, now_ms)

    def _run(self, route: CompiledRoute, text: str, request_id: str, now_ms: int) -> list[Effect]:
        message_id = self._stage.ids.message_id(now_ms)
        if route.check is not None and not route.check(text):
            return [Send(bad_request_frame(self._session.connection_id, message_id))]
        target = route.route
        body = text or self._stage.assumptions.empty_message_body
        return [
            Invoke(
                target.function,
                self._session.message_event(target.route_key, message_id, request_id, now_ms, body),
                route.timeout_seconds,
                request_id,
                target.route_key,
                target.route_response,
            )
        ]

    def receive_binary(self) -> list[Effect]:
        """A binary message arrived, which WebSocket APIs do not take: 1003. [DOC] binary-media-types"""
        text = "binary messages are not supported: send text (base64)"
        return self.end(1003, self._stage.assumptions.unsupported_data_reason, text)

    def receive_ping(self, now: float) -> None:
        """A ping arrived; whether it counts as activity is assumed (`Assumptions.ping_resets_idle`). [?]"""
        if self._stage.assumptions.ping_resets_idle and self._state is State.OPEN:
            self._last_active = now

    def too_big(self, frame_bytes: int | None = None) -> list[Effect]:
        """A frame over 32 KB, or a message over 128 KB where None, arrived: 1009. [DOC] apigw-docs:limits"""
        limits, assumed = self._stage.limits, self._stage.assumptions.too_big_reason
        text = f"a message over {limits.message_bytes} bytes: split it"
        if frame_bytes is not None:
            text = f"a frame of {frame_bytes:,} bytes: {limits.frame_bytes:,} at most, so split the message into more"
        return self.end(1009, too_big_reason(assumed, None if frame_bytes is None else limits.frame_bytes), text)

    def _violate_policy(self) -> list[Effect]:
        text = "the client sends faster than messages_per_connection allows"
        return self.end(1008, self._stage.assumptions.policy_violation_reason, text)

    def _is_too_big(self, text: str) -> bool:
        return len(text.encode("utf-8", "surrogatepass")) > self._stage.limits.message_bytes

    def failed(self, now_ms: int) -> list[Effect]:
        """The gateway itself failed over a message: the client hears of it as of a function that did. [INF]"""
        request_id = self._stage.ids.request_id(now_ms)
        return [self._error(INTERNAL_SERVER_ERROR, request_id)] if self._state is State.OPEN else []

    # what functions and @connections do

    def replied(self, invoke: Invoke, result: Result, now: float) -> list[Effect]:
        """The function of a message's route returned, failed or was not run.

        Without a route response the client hears of errors only. [REC] kr-exp
        """
        if self._state is not State.OPEN:
            return []
        match result:
            case Replied(payload):
                effects = self._returned(invoke, payload)
            case Raised() | NotInvoked():
                effects = [self._error(INTERNAL_SERVER_ERROR, invoke.request_id)]
            case TimedOut():
                effects = [self._error(ENDPOINT_TIMED_OUT, invoke.request_id)]
        if effects and isinstance(effects[0], Send):
            self._last_active = now
        return effects

    def _returned(self, invoke: Invoke, payload: bytes) -> list[Effect]:
        response = parse_proxy_response(payload, needs_status=self._stage.assumptions.missing_status_is_error)
        if isinstance(response, Malformed):
            return self._malformed(invoke, response)
        return self._answered(invoke, response)

    def _malformed(self, invoke: Invoke, response: Malformed) -> list[Effect]:
        warning = Warn(f"malformed proxy response: {response.reason}", self._fields(invoke))
        if response.is_none and not self._stage.assumptions.none_result_is_error:
            return [warning]
        return [self._error(INTERNAL_SERVER_ERROR, invoke.request_id), warning]

    def _answered(self, invoke: Invoke, response: ProxyResponse) -> list[Effect]:
        if not invoke.wants_reply:
            if (said := failure_said(response)) is None:
                return []
            text = f"no client hears of the answer, for the route has no route response: {said}"
            return [Warn(text, self._fields(invoke))]
        if response.body is None:
            return []
        if self._is_too_big(response.body):
            text = f"the body of the route response is over {self._stage.limits.message_bytes} bytes"
            return [self._error(INTERNAL_SERVER_ERROR, invoke.request_id), Warn(text, self._fields(invoke))]
        return [Send(_sendable(response.body))]

    def post(self, text: str, now: float) -> list[Effect]:
        """``@connections`` posts a message. It counts as activity. [DOC] hotsock.io/docs/connections/keep-alive"""
        if self._state is not State.OPEN:
            return []
        self._last_active = now
        return [Send(text)]

    def delete(self) -> list[Effect]:
        """``@connections`` deletes the connection."""
        return self._close(DELETED)

    # the end

    def end(self, code: int, reason: str, warning: str | None = None) -> list[Effect]:
        """Close for a reason of the shell: a broken protocol (1002, 1007), its own end (1001, 1012), a fault (1011)."""
        effects = self._close(Close(code, reason))
        return [*effects, Warn(warning, self._fields())] if effects and warning is not None else effects

    def closed(self, code: int, reason: str, now_ms: int) -> Invoke | None:
        """The socket is closed: what to run, exactly once for every accepted connection, or None.

        Args:
            code: the status of the client's close frame, `NO_STATUS` or `DROPPED`. When the gateway closed first,
                its own code and reason stand in the event.
            reason: the reason of the client's close frame.
            now_ms: Unix milliseconds.
        """
        if self._state not in (State.OPEN, State.CLOSING):
            return None
        self._become(State.CLOSED)
        route = self._stage.disconnect
        if route is None:
            return None
        if self._closing is not None:
            code, reason = self._closing.code, self._closing.reason
        elif code == NO_STATUS:
            reason = NO_STATUS_REASON
        elif code == DROPPED:
            reason = self._stage.assumptions.abnormal_reason
        return self._disconnecting(route, code, reason, now_ms)

    def if_lost(self, now_ms: int) -> Invoke | None:
        """What there would be to run if the gateway itself were gone, and its client with it; None: nothing."""
        route = self._stage.disconnect
        if route is None:
            return None
        return self._disconnecting(route, DROPPED, self._stage.assumptions.abnormal_reason, now_ms)

    def _disconnecting(self, route: CompiledRoute, code: int, reason: str, now_ms: int) -> Invoke:
        request_id = self._stage.ids.request_id(now_ms)
        event = self._session.disconnect_event(code, reason, request_id, now_ms)
        return Invoke(route.route.function, event, route.timeout_seconds, request_id, route.route.route_key)

    def expire(self, now: float) -> list[Effect]:
        """Close if the connection was idle, or has lived, too long; call it when `deadline` passed."""
        return self._close(GOING_AWAY) if now >= self.deadline() else []

    def is_too_old(self, now: float) -> bool:
        """Whether it has lived as long as a connection may, whatever it does."""
        return now >= self._opened_at + self._stage.limits.max_duration_seconds

    def deadline(self) -> float:
        """When `expire` has to be called next, unless a message moves it; infinite when the connection is not open."""
        if self._state is not State.OPEN:
            return math.inf
        limits = self._stage.limits
        return min(self._last_active + limits.idle_seconds, self._opened_at + limits.max_duration_seconds)

    def _close(self, close: Close) -> list[Effect]:
        if self._state is not State.OPEN:
            return []
        self._become(State.CLOSING)
        self._closing = close
        return [close]

    def _become(self, state: State) -> None:
        assert state in TRANSITIONS[self._state], f"{self._state} cannot become {state}"
        self._state = state

    def _error(self, message: str, request_id: str) -> Send:
        return Send(error_frame(message, self._session.connection_id, request_id))

    def _fields(self, invoke: Invoke | None = None) -> dict[str, str]:
        fields = {"connection_id": self._session.connection_id}
        return fields if invoke is None else {**fields, "route": invoke.route_key, "function": invoke.function}


def failure_of_disconnect(result: Result | None) -> str | None:
    """What the function of ``$disconnect`` says failed; None: nothing.

    Its result is ignored otherwise, and what it raises is in its log. [DOC]
    """
    response = parse_proxy_response(result.payload) if isinstance(result, Replied) else None
    return failure_said(response) if isinstance(response, ProxyResponse) else None


def too_big_reason(assumed: str | None, frame_bytes: int | None) -> str:
    """The reason of 1009: ``assumed``, if there is one, for a frame of more than ``frame_bytes``; None: for a message.

    [USR] SST's debug stub, of a frame; of a message it is not known
    """
    if assumed is not None:
        return assumed
    return "" if frame_bytes is None else f"Max frame length of {frame_bytes} has been exceeded."


def _sendable(text: str) -> str:
    """A text that has a UTF-8 form: JSON can carry half a surrogate pair, a text message cannot."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
