"""Everyone who hears about one request, while it runs: the connection it came from, and its listeners."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streamer.errors import GoneError, PayloadTooLargeError, SendError
from streamer.observability import Logger
from streamer.protocol.parts import in_parts
from streamer.protocol.topics import audience_of
from streamer.records import Listener, RequestRecord
from streamer.running.execution import Running, Workers
from streamer.sending.sender import Sender, send_pieces


@dataclass(frozen=True, slots=True)
class _Waiting:
    pieces: Sequence[str]
    is_progress: bool


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


class Lane:
    """What is on its way to one listener, in order and in a thread of its own, so that nobody waits for a slow one.

    Of progress that waits only the latest is kept, which bounds what waits: all else is a handful of messages.
    """

    def __init__(self, recipient: _Recipient, workers: Workers) -> None:
        self._recipient = recipient
        self._workers = workers
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
            if message.is_progress and self._waiting and self._waiting[-1].is_progress:
                self._waiting.pop()
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
            self._recipient.send(message.pieces)


class Audience:
    """Everyone who hears about one request. Used by one thread at a time.

    The connection that the request came from is sent to at once; each listener has a lane. A message over 128 KB
    goes out in parts.
    """

    def __init__(
        self, record: RequestRecord, *, sender_at: Callable[[str], Sender], workers: Workers, log: Logger
    ) -> None:
        """Without I/O; ``record`` says who hears about it at first."""
        own, *others = audience_of(record)
        self._request_id = record.request_id
        self._sender_at = sender_at
        self._workers = workers
        self._log = log
        self._own = own
        self._requester = self._recipient(own)
        self._lanes = {listener: self._lane(listener) for listener in others}

    def send(self, message: str, *, now: float, is_progress: bool = False) -> None:
        """Send a message to everyone; a later progress may replace one that still waits.

        Raises:
            PayloadTooLargeError: it cannot be delivered, not even in parts.
        """
        pieces = in_parts(message, self._request_id, now=now)
        for lane in self._lanes.values():
            lane.post(_Waiting(pieces, is_progress))
        self._requester.send(pieces)

    def update(self, record: RequestRecord, *, latest: str | None = None) -> None:
        """Go by the listeners that a newly written record names; who is new among them gets ``latest`` at once."""
        listeners = audience_of(record)[1:]
        for listener in listeners:
            if listener not in self._lanes:
                self._lanes[listener] = self._lane(listener)
                if latest is not None:
                    self._lanes[listener].post(_Waiting([latest], is_progress=True))
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
        """Wait until the listeners have got everything, or ``until`` by ``monotonic``."""
        for lane in self._lanes.values():
            lane.wait(max(0.0, until - monotonic()))

    def _recipient(self, listener: Listener) -> _Recipient:
        return _Recipient(self._sender_at(listener.endpoint), listener.connection_id, self._log)

    def _lane(self, listener: Listener) -> Lane:
        return Lane(self._recipient(listener), self._workers)
