"""Delivers one message to many connections: at once as many as there are threads, and none waits for another.

A connection that API Gateway cannot reach right now is put back and tried again later, while the threads go on with
the others; so only an answer that does not come holds a thread, and that for seconds at most.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from streamer.errors import GoneError, PayloadTooLargeError, SendError
from streamer.records import Listener
from streamer.sending.sender import RetryPolicy, Sender

THREADS: Final = 32
"""Most sends at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a message to several connections."""

    delivered: int = 0
    """Connections that were sent all of it."""
    gone: frozenset[str] = frozenset()
    """Ids of connections that have closed."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Ids of connections that may be open but could not be sent to, and why."""


@dataclass(slots=True)
class _Job:
    recipient: Listener
    sent: int = 0
    """Pieces that it has got."""
    tries: int = 0
    problem: str = "there was no time left"


class _Schedule:
    """The jobs that are to be done, by when they are due. Safe to share between threads."""

    def __init__(self, jobs: Sequence[_Job], until: float, monotonic: Callable[[], float]) -> None:
        self._until = until
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._waiting = [(0.0, number, job) for number, job in enumerate(jobs)]
        self._next_number = len(jobs)
        self._in_hand = 0

    def take(self) -> _Job | None:
        """The next job, once it is due; None: there will be no more, or the time is over."""
        with self._changed:
            while True:
                now = self._monotonic()
                if now >= self._until or not (self._waiting or self._in_hand):
                    return None
                if self._waiting and self._waiting[0][0] <= now:
                    self._in_hand += 1
                    return heapq.heappop(self._waiting)[2]
                due = min(self._waiting[0][0] if self._waiting else self._until, self._until)
                self._changed.wait(due - now)

    def put_back(self, job: _Job, wait_seconds: float) -> None:
        """Have a job that was taken done again, after a wait."""
        with self._changed:
            self._in_hand -= 1
            heapq.heappush(self._waiting, (self._monotonic() + wait_seconds, self._next_number, job))
            self._next_number += 1
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
    ) -> None:
        """Without I/O.

        Args:
            sender_at: Gives the sender of an endpoint, one that tries once; trying again is decided here.
            retry: How often, and after what waits, a connection is tried.
            threads: Most sends at once.
            jitter: A random number from 0 to 1.
            monotonic: Seconds of a clock that never goes back.
        """
        self._sender_at = sender_at
        self._retry = retry or RetryPolicy()
        self._threads = threads
        self._jitter = jitter
        self._monotonic = monotonic

    def deliver(self, recipients: Sequence[Listener], pieces: Sequence[str], *, seconds: float) -> Delivery:
        """Send a message, in its pieces, to everyone; give up what is not delivered after some seconds."""
        jobs = [_Job(recipient) for recipient in recipients]
        schedule = _Schedule(jobs, self._monotonic() + seconds, self._monotonic)
        threads = min(self._threads, len(jobs))
        if threads <= 1:
            outcomes = [self._work(schedule, pieces)]
        else:
            with ThreadPoolExecutor(threads, thread_name_prefix="streamer-publisher") as pool:
                outcomes = list(pool.map(lambda _: self._work(schedule, pieces), range(threads)))
        failed = {job.recipient.connection_id: job.problem for job in schedule.left()}
        for outcome in outcomes:
            failed.update(outcome.failed)
        return Delivery(
            delivered=sum(outcome.delivered for outcome in outcomes),
            gone=frozenset().union(*(outcome.gone for outcome in outcomes)),
            failed=failed,
        )

    def _work(self, schedule: _Schedule, pieces: Sequence[str]) -> Delivery:
        """Do jobs until there are none."""
        delivered, gone, failed = 0, set(), {}
        while (job := schedule.take()) is not None:
            connection_id = job.recipient.connection_id
            try:
                self._send(job, pieces)
                delivered += 1
            except GoneError:
                gone.add(connection_id)
            except (SendError, PayloadTooLargeError) as exc:
                job.problem = str(exc)
                if isinstance(exc, SendError) and exc.is_temporary and job.tries < self._retry.attempts:
                    schedule.put_back(job, self._retry.wait_seconds(job.tries, self._jitter()))
                    continue
                failed[connection_id] = job.problem
            except BaseException:
                # Nobody may wait for a job that never ends.
                schedule.done()
                raise
            schedule.done()
        return Delivery(delivered=delivered, gone=frozenset(gone), failed=failed)

    def _send(self, job: _Job, pieces: Sequence[str]) -> None:
        job.tries += 1
        sender = self._sender_at(job.recipient.endpoint)
        # Not `send_pieces`: a job that is tried again goes on after the pieces that were delivered.
        for piece in pieces[job.sent :]:
            sender.send(job.recipient.connection_id, piece)
            job.sent += 1
