"""Doubles of a service's parts: a clock, Lambda's context, a sender, a dispatcher, and nowhere to log to."""

from __future__ import annotations

import json
import threading
from typing import Any, Final

from streamer.aws_limits import MESSAGE_BYTES
from streamer.errors import DispatchError, GoneError, PayloadTooLargeError
from streamer.requests.runs import Run

NOW: Final = 1_767_268_800.5
"""When tests happen unless they say otherwise: noon of the first day of 2026, UTC."""


class FakeClock:
    """A clock that goes when told."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class FakeContext:
    """Lambda's context object."""

    def __init__(self, *, remaining_seconds: float = 900.0, aws_request_id: str = "invocation-1") -> None:
        self.aws_request_id = aws_request_id
        self.remaining_seconds = remaining_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Always what it was made with."""
        return int(self.remaining_seconds * 1000)


class RecordingSender:
    """A `Sender` that keeps what it is given; also the function that gives the sender of an endpoint."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        """Connection id and message, in order."""
        self.gone: set[str] = set()
        """Connections that are closed."""
        self.failing: Exception | None = None
        """Raised instead of sending."""
        self.attempts = 0
        """How often somebody tried to send."""
        self._lock = threading.Lock()

    def send(self, connection_id: str, message: str | bytes) -> None:
        """See `streamer.sending.sender.Sender.send`."""
        body = message.encode() if isinstance(message, str) else message
        with self._lock:
            self.attempts += 1
            if len(body) > MESSAGE_BYTES:
                raise PayloadTooLargeError(len(body), MESSAGE_BYTES)
            if connection_id in self.gone:
                raise GoneError(connection_id)
            if self.failing is not None:
                raise self.failing
            self.sent.append((connection_id, json.loads(body)))

    def is_active(self, connection_id: str) -> bool:
        """See `streamer.sending.sender.Sender.is_active`."""
        if self.failing is not None:
            raise self.failing
        return connection_id not in self.gone

    def at(self, endpoint: str) -> RecordingSender:
        """The sender for an endpoint: this one, for every endpoint."""
        return self

    def to(self, connection_id: str) -> list[dict[str, Any]]:
        """What one connection was sent."""
        return [message for recipient, message in self.sent if recipient == connection_id]


class RecordingDispatcher:
    """A `Dispatcher` that keeps what it is given."""

    def __init__(self) -> None:
        self.dispatched: list[Run] = []
        self.refused: set[str] = set()
        """Request ids that cannot be dispatched."""
        self._lock = threading.Lock()

    def dispatch(self, run: Run) -> None:
        """See `streamer.requests.dispatcher.Dispatcher.dispatch`."""
        with self._lock:
            if run.key.request_id in self.refused:
                raise DispatchError(f"{run.key.request_id} is refused, as the test wants it")
            self.dispatched.append(run)


class Nowhere:
    """A text stream that keeps nothing."""

    def write(self, text: str) -> int:
        """Drop it."""
        return len(text)

    def flush(self) -> None:
        """Nothing to do."""
