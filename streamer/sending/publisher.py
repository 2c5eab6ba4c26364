"""Delivers one message to many connections: at once as many as there are threads, and none waits for another.

A connection that API Gateway cannot reach right now is put back and tried again later, while the threads go on with
the others; so only an answer that does not come holds a thread, and that for seconds at most. Recipients come in pages,
of which the next is asked for when it is needed: what is held does not grow with their number.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from streamer.errors import GoneError, PayloadTooLargeError, SendError
from streamer.sending.sender import RetryPolicy, Sender

THREADS: Final = 32
"""Most sends at once."""
MOST_WAITING: Final = 5_000
"""With so many connections that are to be sent to now or later, no further page is asked for."""
NAMED: Final = 1_000
"""Most connections that a `Delivery` names as gone, and as failed; more are counted."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A connection that a message is for."""

    connection_id: str
    endpoint: str
    """Where the connection's ``@connections`` API is."""
    is_young: bool = False
    """Whether its handshake may not be over, so that API Gateway calls it gone though it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a message to several connections."""

    delivered: int = 0
    """Connections that were sent all of it."""
    gone: frozenset[str] = frozenset()
    """Ids of connections that have closed, the first thousand of them."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Ids of connections that may be open but could not be sent to, and why; the first thousand of them."""
    more_gone: int = 0
    """Closed connections beyond those that are named."""
    more_failed: int = 0
    """Connections that could not be sent to beyond those that are named."""
    passed_on: int = 0
    """Invocations that deliver to whoever else it is for, and log what becomes of it; it is not counted here."""
    is_complete: bool = True
    """False: the time was over before everyone was looked up."""

    @property
    def gone_count(self) -> int:
        """Connections that have closed."""
        return len(self.gone) + self.more_gone

    @property
    def failed_count(self) -> int:
        """Connections that may be open but could not be sent to."""
        return len(self.failed) + self.more_failed


@dataclass(slots=True)
class _Job:
    recipient: Recipient
    sent: int = 0
    """Pieces that it has got."""
    tries: int = 0
    problem: str = "there was no time left"


class _Schedule:
    """The jobs that are to be done, by when they are due. Safe to share between threads."""

    def __init__(
        self, pages: Iterable[Sequence[Recipient]], until: float, monotonic: Callable[[], float], most_waiting: int
    ) -> None:
        self._pages = iter(pages)
        self._has_pages = True
        self._until = until
        self._monotonic = monotonic
        self._most_waiting = most_waiting
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, _Job]] = []
        self._next_number = 0
        self._in_hand = 0

    def filled(self, count: int) -> int:
        """How many jobs wait, once there are so many or no more to come."""
        with self._changed:
            while self._has_pages and len(self._waiting) < count:
                self._read()
            return len(self._waiting)

    def take(self) -> _Job | None:
        """The next job, once it is due; None: there will be no more, or the time is over."""
        with self._changed:
            while True:
                now = self._monotonic()
                if now >= self._until:
                    return None
                if self._waiting and self._waiting[0][0] <= now:
                    self._in_hand += 1
                    return heapq.heappop(self._waiting)[2]
                if self._has_pages and len(self._waiting) < self._most_waiting:
                    self._read()
                elif self._waiting or self._in_hand:
                    due = min(self._waiting[0][0] if self._waiting else self._until, self._until)
                    self._changed.wait(due - now)
                else:
                    return None

    def put_back(self, job: _Job, wait_seconds: float) -> None:
        """Have a job that was taken done again, after a wait."""
        with self._changed:
            self._in_hand -= 1
            self._push(self._monotonic() + wait_seconds, job)
            self._changed.notify()

    def done(self) -> None:
        """A job that was taken is over."""
        with self._changed:
            self._in_hand -= 1
            if not self._in_hand:
                self._changed.notify_all()

    def left(self) -> list[_Job]:
        """The jobs that nobody took in time."""
        with self._changed:
            return [job for _, _, job in self._waiting]

    def _read(self) -> None:
        # Ends with the last page, and with one that could not be read.
        self._has_pages = False
        page = next(self._pages, None)
        if page is not None:
            self._has_pages = True
            for recipient in page:
                self._push(0.0, _Job(recipient))
        self._changed.notify_all()

    def _push(self, due: float, job: _Job) -> None:
        heapq.heappush(self._waiting, (due, self._next_number, job))
        self._next_number += 1


class _Tally:
    """What became of the jobs so far. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._delivered = self._gone_count = self._failed_count = 0
        self._gone: set[str] = set()
        self._failed: dict[str, str] = {}

    def delivered(self) -> None:
        with self._lock:
            self._delivered += 1

    def gone(self, connection_id: str) -> None:
        with self._lock:
            self._gone_count += 1
            if len(self._gone) < NAMED:
                self._gone.add(connection_id)

    def failed(self, job: _Job) -> None:
        with self._lock:
            self._failed_count += 1
            if len(self._failed) < NAMED:
                self._failed[job.recipient.connection_id] = job.problem

    def delivery(self) -> Delivery:
        with self._lock:
            return Delivery(
                delivered=self._delivered,
                gone=frozenset(self._gone),
                failed=self._failed,
                more_gone=self._gone_count - len(self._gone),
                more_failed=self._failed_count - len(self._failed),
            )


def _nothing(recipient: Recipient) -> None:
    """What is done about a gone connection unless somebody says otherwise."""


class Publisher:
    """Sends to many connections. Safe to share between threads."""

    def __init__(
        self,
        *,
        sender_at: Callable[[str], Sender],
        retry: RetryPolicy | None = None,
        threads: int = THREADS,
        jitter: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """Without I/O.

        Args:
            sender_at: Gives the sender of an endpoint, one that tries once; trying again is decided here.
            retry: How often, and after what waits, a connection is tried.
            threads: Most sends at once.
            jitter: A random number from 0 to 1.
            monotonic: Seconds of a clock that never goes back.
            most_waiting: With so many connections that wait, no further page is asked for.
        """
        self._sender_at = sender_at
        self._retry = retry or RetryPolicy()
        self._threads = threads
        self._jitter = jitter
        self._monotonic = monotonic
        self._most_waiting = most_waiting

    def deliver(
        self,
        pages: Iterable[Sequence[Recipient]],
        pieces: Sequence[str],
        *,
        seconds: float,
        on_gone: Callable[[Recipient], None] = _nothing,
    ) -> Delivery:
        """Send a message, in its pieces, to everyone; give up what is not delivered after some seconds.

        Args:
            pages: Whom to send to; the next page is asked for when there is nothing else to do, one at a time.
            pieces: The message.
            seconds: How long it may take. Who is on pages that were not asked for by then is not known here.
            on_gone: Called for each connection that has closed, from several threads.

        Raises:
            Exception: what asking for a page raises; pages before it are delivered.
        """
        schedule = _Schedule(pages, self._monotonic() + seconds, self._monotonic, self._most_waiting)
        tally = _Tally()
        threads = min(self._threads, schedule.filled(self._threads))
        if threads <= 1:
            self._work(schedule, tally, pieces, on_gone)
        else:
            with ThreadPoolExecutor(threads, thread_name_prefix="streamer-publisher") as pool:
                list(pool.map(lambda _: self._work(schedule, tally, pieces, on_gone), range(threads)))
        for job in schedule.left():
            tally.failed(job)
        return tally.delivery()

    def _work(
        self, schedule: _Schedule, tally: _Tally, pieces: Sequence[str], on_gone: Callable[[Recipient], None]
    ) -> None:
        """Do jobs until there are none."""
        while (job := schedule.take()) is not None:
            is_gone = False
            try:
                self._send(job, pieces)
                tally.delivered()
            except GoneError:
                tally.gone(job.recipient.connection_id)
                is_gone = True
            except (SendError, PayloadTooLargeError) as exc:
                job.problem = str(exc)
                if isinstance(exc, SendError) and exc.is_temporary and job.tries < self._retry.attempts:
                    schedule.put_back(job, self._retry.wait_seconds(job.tries, self._jitter()))
                    continue
                tally.failed(job)
            except BaseException:
                # Nobody may wait for a job that never ends.
                schedule.done()
                raise
            schedule.done()
            if is_gone:
                on_gone(job.recipient)

    def _send(self, job: _Job, pieces: Sequence[str]) -> None:
        job.tries += 1
        sender = self._sender_at(job.recipient.endpoint)
        # Not `send_pieces`: a job that is tried again goes on after the pieces that were delivered.
        for piece in pieces[job.sent :]:
            sender.send(job.recipient.connection_id, piece)
            job.sent += 1
