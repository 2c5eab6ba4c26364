"""Everyone who hears about one request, while it runs: the connection it came from, and its listeners."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from streamer.errors import GoneError, PayloadTooLargeError, SendError
from streamer.observability import Logger
from streamer.protocol.parts import in_parts
from streamer.protocol.topics import audience_of
from streamer.records import Listener, RequestRecord
from streamer.running.execution import Running, Workers
from streamer.sending.sender import Sender, send_pieces

REQUESTERS_PROGRESSES: Final = 100
"""Most progress messages that wait for the connection that a request came from, as long as it reads."""
SLOW_SECONDS: Final = 1.0
"""A connection that takes so long for a message does not read, and is told only the latest progress."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    pieces: Sequence[str]
    good_until: float | None
    """Unix seconds; None: it is no progress, and told however late."""


class _Recipient:
    """One connection; once it is gone, it is left alone."""

    def __init__(self, sender: Sender, connection_id: str, log: Logger) -> None:
        self._sender = sender
        self._connection_id = connection_id
        self._log = log
        self.is_gone = False

    def send(self, pieces: Sequence[str]) -> None:
        """Send a message in its pieces; that it cannot be delivered is logged, and changes nothing for the request."""
        if self.is_gone:
            return
        try:
            send_pieces(self._sender, self._connection_id, pieces)
        except GoneError:
            self.is_gone = True
            self._log.info("a connection is gone; the request goes on without it", recipient=self._connection_id)
        except (SendError, PayloadTooLargeError) as exc:
            self._log.error("a message could not be delivered", error=exc, recipient=self._connection_id)

    def is_closed(self) -> bool:
        """Whether the connection is closed; asks API Gateway. One that it does not tell about counts as open."""
        if not self.is_gone:
            try:
                self.is_gone = not self._sender.is_active(self._connection_id)
            except SendError as exc:
                self._log.warning("could not ask for a connection", reason=str(exc), recipient=self._connection_id)
        return self.is_gone


class ListenerLane:
    """What is on its way to one connection, in order and in a thread of its own, so that nobody waits for a slow one.

    Of progress that waits only the latest ``progresses`` are kept, which bounds what waits: all else is a handful of
    messages. Progress that waited for longer than it is good is dropped: another attempt may be telling its own.
    """

    def __init__(
        self,
        recipient: _Recipient,
        workers: Workers,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        progresses: int = 1,
    ) -> None:
        self._recipient = recipient
        self._workers = workers
        self._clock = clock
        self._monotonic = monotonic
        self._progresses = progresses
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._running: Running | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the connection turned out to be closed."""
        return self._recipient.is_gone

    def is_closed(self) -> bool:
        """Whether the connection is closed; asks API Gateway."""
        return self._recipient.is_closed()

    def post(self, message: _Waiting) -> None:
        """Have a message sent."""
        with self._lock:
            if message.good_until is not None:
                waiting = [other for other in self._waiting if other.good_until is not None]
                if len(waiting) >= self._progresses:
                    self._waiting.remove(waiting[-1])
            self._waiting.append(message)
            if self._running is None:
                self._running = self._workers.start(self.send_all)

    def wait(self, timeout_seconds: float) -> None:
        """Wait until everything is sent; raises what sending raised that it should not have."""
        with self._lock:
            running = self._running
        if running is not None and running.wait(timeout_seconds):
            running.outcome()

    def send_all(self) -> None:
        """Send until nothing waits; what the thread does."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._running = None
                    return
                message = self._waiting.popleft()
            if message.good_until is None or self._clock() < message.good_until:
                began = self._monotonic()
                self._recipient.send(message.pieces)
                if self._monotonic() - began >= SLOW_SECONDS:
                    self._keep_latest()

    def _keep_latest(self) -> None:
        """The connection does not read: what waits must not keep the end of the request from it."""
        with self._lock:
            self._progresses = 1
            progresses = [other for other in self._waiting if other.good_until is not None]
            for older in progresses[:-1]:
                self._waiting.remove(older)


class Audience:
    """Everyone who hears about one request. Used by one thread at a time.

    Each connection has a lane, so that none that does not read slows the action or keeps another one waiting. The one
    that the request came from gets all progress as long as it keeps up. A message over 128 KB goes out in parts.
    """

    def __init__(
        self,
        record: RequestRecord,
        *,
        sender_at: Callable[[str], Sender],
        workers: Workers,
        log: Logger,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Without I/O; ``record`` says who hears about it at first, and ``clock`` tells Unix seconds."""
        own, *others = audience_of(record)
        self._request_id = record.request_id
        self._sender_at = sender_at
        self._workers = workers
        self._log = log
        self._own = own
        self._clock = clock
        self._requester = self._lane(own, REQUESTERS_PROGRESSES)
        self._lanes = {listener: self._lane(listener) for listener in others}

    def send(self, message: str, *, now: float, good_until: float | None = None) -> None:
        """Have a message sent to everyone.

        ``good_until`` (Unix seconds) makes it progress, which a later one may replace while it waits, and which nobody
        is told after that time.

        Raises:
            PayloadTooLargeError: it cannot be delivered, not even in parts.
        """
        pieces = in_parts(message, self._request_id, now=now)
        for lane in self._all():
            lane.post(_Waiting(pieces, good_until))

    def _all(self) -> list[ListenerLane]:
        return [self._requester, *self._lanes.values()]

    def update(self, record: RequestRecord, *, latest: str | None = None, good_until: float = math.inf) -> None:
        """Go by the listeners that a newly written record names; who is new among them gets ``latest`` at once."""
        listeners = audience_of(record)[1:]
        for listener in listeners:
            if listener not in self._lanes:
                self._lanes[listener] = self._lane(listener)
                if latest is not None:
                    self._lanes[listener].post(_Waiting([latest], good_until))
        for listener in self._lanes.keys() - set(listeners):
            del self._lanes[listener]

    @property
    def gone(self) -> frozenset[Listener]:
        """The listeners whose connections have closed; they may leave the request."""
        return frozenset(listener for listener, lane in self._lanes.items() if lane.is_gone)

    def is_abandoned(self) -> bool:
        """Whether all connections that hear about the request are closed; asks API Gateway about each."""
        return self._requester.is_closed() and all(lane.is_closed() for lane in list(self._lanes.values()))

    def finish(self, *, until: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Wait until everyone has got everything, or ``until`` by ``monotonic``."""
        for lane in self._all():
            lane.wait(max(0.0, until - monotonic()))

    def _recipient(self, listener: Listener) -> _Recipient:
        return _Recipient(self._sender_at(listener.endpoint), listener.connection_id, self._log)

    def _lane(self, listener: Listener, progresses: int = 1) -> ListenerLane:
        return ListenerLane(self._recipient(listener), self._workers, clock=self._clock, progresses=progresses)
