"""What an attempt writes while its action runs: how far it is, and that it is alive.

Two rules. *Progress never goes back*, not even when an attempt dies and another one begins: so what clients are told is
never ahead of what is stored by more than was reserved with it (`lifecycle.reserved`). And *an attempt
whose lease ran out says nothing* before it has renewed it, since another one may be running.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from streamer.context import Cancelled
from streamer.errors import StoreError
from streamer.observability import Logger
from streamer.protocol import messages
from streamer.protocol.parts import trimmed
from streamer.records import ProgressPoint, RequestRecord, Status
from streamer.requests import lifecycle
from streamer.requests.lifecycle import Change, Refused
from streamer.running.audience import Audience
from streamer.stores.protocols import RequestStore

PROGRESS_MESSAGE_CHARACTERS: Final = 4096
"""Longest text of a progress message; the rest is cut."""
TELLING_SECONDS: Final = 12.0
"""How long before its lease runs out an attempt tells no more progress without renewing it: a message may be on its way
for 6 s, and to a slow listener one waits behind another. With a heartbeat every ten seconds it never comes to that."""
PROGRESS_METADATA_BYTES: Final = 32 * 1024
"""Largest metadata of a progress message, about; its largest members are left out of more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often an attempt writes, in seconds."""

    stored_progress_seconds: float = 1.0
    """Least time between two stored progress points of one attempt."""
    heartbeat_seconds: float = lifecycle.HEARTBEAT_SECONDS
    lease_seconds: float = lifecycle.LEASE_SECONDS

    @property
    def tick_seconds(self) -> float:
        """How often to look whether there is something to write."""
        return min(self.stored_progress_seconds, self.heartbeat_seconds)


class Reporter:
    """The ``progress`` that an action calls. Safe to share between threads."""

    def __init__(
        self,
        record: RequestRecord,
        audience: Audience,
        *,
        requests: RequestStore,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        pace: Pace,
        log: Logger,
    ) -> None:
        """Without I/O; ``record`` is the request as the attempt claimed it."""
        self._record = record
        self._audience = audience
        self._requests = requests
        self._clock = clock
        self._monotonic = monotonic
        self._pace = pace
        self._log = log
        self._lock = threading.Lock()
        self._start = _start(record)
        self._newest = self._start
        self._is_told = True
        self._told = record.told_up_to
        self._stored: ProgressPoint | None = None
        """What this attempt stored last."""
        self._reserved = self._newest.percentage if self._newest is not None else 0.0
        self._is_generous = False
        """Whether more is reserved than the pace asks for, because that was not known yet."""
        self._began_at = self._next_write_at = monotonic()
        self._lease_ends_at = record.due_at if record.due_at is not None else clock() + pace.lease_seconds
        self._over: str | None = None
        self._is_lost = False

    @property
    def is_over(self) -> bool:
        """Whether the action is to stop."""
        return self._over is not None

    @property
    def reason(self) -> str:
        """Why the action is to stop."""
        return self._over or "this run is over"

    @property
    def is_lost(self) -> bool:
        """Whether the request ended, or was taken over, elsewhere."""
        return self._is_lost

    @property
    def told_up_to(self) -> float | None:
        """The highest percentage that clients were told; None: nothing yet."""
        return self._told

    def __call__(self, percentage: float, message: str = "", metadata: Mapping[str, Any] | None = None) -> None:
        """See `streamer.context.Progress`."""
        metadata = _copied(metadata)
        with self._lock:
            self._stop_if_over()
            text = str(message)[:PROGRESS_MESSAGE_CHARACTERS]
            point = lifecycle.advanced(self._newest, percentage, text, metadata)
            if point is None:
                return
            self._newest, self._is_told = point, False
            if self._may_tell(point):
                self._tell(point)
            # Else it waits for the next write, unless a newer one comes first.
            self._stop_if_over()

    def keep_up(self) -> None:
        """Write what there is to write, and tell what waited for it; call it every `Pace.tick_seconds`."""
        with self._lock:
            if self._over is not None:
                return
            point = self._newest
            if point is not None and not self._is_up_to_date(point):
                if self._write_progress(point) and not self._is_told:
                    self._tell(point)
            elif self._needs_renewal(self._clock()):
                lease_seconds = self._pace.lease_seconds
                self._write(
                    lifecycle.renew(attempt=self._record.attempt, now=self._clock(), lease_seconds=lease_seconds)
                )

    def end(self, reason: str) -> None:
        """After this returns no progress is sent any more; the action's next call raises `Cancelled`."""
        with self._lock:
            self._over = self._over or reason

    def lose(self, reason: str) -> None:
        """The request ended by another write of this attempt's; otherwise as `end`."""
        with self._lock:
            self._is_lost, self._over = True, reason

    def tell_rest(self) -> None:
        """Tell the progress that still waits; only once the end is stored, when no other attempt can follow."""
        with self._lock:
            if self._newest is not None and not self._is_told:
                self._tell(self._newest)

    def _stop_if_over(self) -> None:
        if self._over is not None:
            raise Cancelled(self._over)

    def _may_tell(self, point: ProgressPoint) -> bool:
        if point.percentage <= self._reserved and self._clock() < self._lease_ends_at - TELLING_SECONDS:
            return True
        return self._monotonic() >= self._next_write_at and self._write_progress(point)

    def _tell(self, point: ProgressPoint) -> None:
        now = self._clock()
        self._audience.send(messages.progress(self._record.request_id, point, now=now), now=now, is_progress=True)
        self._is_told, self._told = True, max(point.percentage, self._told or 0.0)

    def _is_up_to_date(self, point: ProgressPoint) -> bool:
        """Whether what is stored says all: the newest point, and no more reserved than the pace asks for."""
        if point is self._start:
            return True
        return point == self._stored and not self._is_generous

    def _write_progress(self, point: ProgressPoint) -> bool:
        now = self._clock()
        reserved = self._reservation(point)
        renews = self._needs_renewal(now)
        change = lifecycle.progress(
            point,
            attempt=self._record.attempt,
            now=now,
            told_up_to=reserved,
            lease_seconds=self._pace.lease_seconds if renews else None,
            leaving=self._audience.gone,
        )
        # Before it is certain what is stored, only what either of the two allows may be told.
        self._reserved = min(self._reserved, reserved)
        if not self._write(change):
            return False
        self._is_generous = self._stored is None
        self._reserved, self._stored = reserved, point
        return True

    def _reservation(self, point: ProgressPoint) -> float:
        if self._stored is None and point.percentage < lifecycle.ALMOST:
            # The first of an attempt, whose pace is not known. The next write, a second later, makes good for it.
            return lifecycle.ALMOST
        since = self._start.percentage if self._start is not None else 0.0
        return lifecycle.reserved(point, since=since, seconds=self._monotonic() - self._began_at)

    def _write(self, change: Change) -> bool:
        """Apply a change; whether it is stored."""
        self._next_write_at = self._monotonic() + self._pace.stored_progress_seconds
        try:
            outcome = self._requests.apply(self._record.key, change)
        except StoreError as exc:
            # The next write, or the end, will do.
            self._log.warning("progress could not be stored", reason=str(exc))
            return False
        if isinstance(outcome, Refused):
            self._is_lost = True
            self._over = _reason(outcome.current)
            return False
        self._lease_ends_at = change.values.get("due_at", self._lease_ends_at)
        if outcome.record is not None:
            self._audience.update(outcome.record, latest=self._latest_message())
        return True

    def _needs_renewal(self, now: float) -> bool:
        return now >= self._lease_ends_at - self._pace.lease_seconds + self._pace.heartbeat_seconds

    def _latest_message(self) -> str | None:
        """What someone who begins to listen is told at once."""
        if self._newest is None or not self._is_told:
            return None
        return messages.progress(self._record.request_id, self._newest, now=self._clock())


def _start(record: RequestRecord) -> ProgressPoint | None:
    """Where an attempt begins: no lower than any client was told."""
    if record.progress is None and record.told_up_to is None:
        return None
    point = record.progress or ProgressPoint(percentage=0)
    return replace(point, percentage=lifecycle.tidy(max(point.percentage, record.told_up_to or 0)))


def _reason(current: RequestRecord | None) -> str:
    if current is not None and current.status is Status.CANCELLED:
        return "the request was cancelled"
    return "the request ended or was taken over elsewhere"


def _copied(metadata: Any) -> dict[str, Any] | None:
    if metadata is None:
        return None
    if not isinstance(metadata, Mapping):
        raise TypeError(f"progress metadata must be a mapping, not {type(metadata).__name__}")
    copied: dict[str, Any] = json.loads(messages.to_json(dict(metadata)))
    return trimmed(copied, PROGRESS_METADATA_BYTES)
