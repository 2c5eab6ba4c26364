"""What an attempt writes while its action runs: how far it is, and that it is alive.

Two rules. *Progress never goes back*, not even when an attempt dies and another one begins: so what clients are told is
never ahead of what is stored by more than was reserved with it (`lifecycle.reserved`). And *an attempt
whose lease ran out says nothing* before it has renewed it, since another one may be running.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from streamer.context import Cancelled
from streamer.observability import Logger
from streamer.protocol import messages
from streamer.protocol.parts import TRIMMED, trimmed
from streamer.records import ProgressPoint, RequestRecord
from streamer.requests import lifecycle
from streamer.running.audience import Audience
from streamer.running.held_claim import HeldClaim

PROGRESS_MESSAGE_CHARACTERS: Final = 4096
"""Longest text of a progress message; the rest is cut."""
SENDING_SECONDS: Final = 6.0
"""How long a message may be on its way; progress is sent so long before the lease runs out, or not at all."""
TELLING_SECONDS: Final = 2 * SENDING_SECONDS
"""How long before its lease runs out an attempt tells no more progress without renewing it. With a heartbeat every ten
seconds it never comes to that."""
PROGRESS_METADATA_BYTES: Final = 32 * 1024
"""Largest metadata of a progress message as UTF-8, about; its largest members are left out of more."""


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
        claim: HeldClaim,
        audience: Audience,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        pace: Pace,
        log: Logger,
    ) -> None:
        """Without I/O; nothing was written to the claim yet."""
        self._claim = claim
        self._audience = audience
        self._clock = clock
        self._monotonic = monotonic
        self._pace = pace
        self._log = log
        self._lock = threading.Lock()
        self._start = _start(claim.record)
        self._newest = self._start
        self._is_told = True
        self._told = claim.record.told_percentage
        self._stored: ProgressPoint | None = None
        """What this attempt stored last."""
        self._reserved = self._newest.percentage if self._newest is not None else 0.0
        self._reserves_too_much = False
        """Whether more is reserved than the pace asks for, because that was not known yet."""
        self._began_at = self._next_write_at = monotonic()
        self._over: str | None = None
        self._has_ended = False
        """Whether the end of the request is stored."""
        self._has_left_out = False
        """Whether metadata was too large, which is said once."""

    @property
    def is_over(self) -> bool:
        """Whether the action is to stop."""
        return self._over is not None or self._claim.is_lost

    @property
    def reason(self) -> str:
        """Why the action is to stop."""
        return self._claim.lost_because or self._over or "this run is over"

    @property
    def told_percentage(self) -> float | None:
        """The highest percentage that clients were told; None: nothing yet."""
        return self._told

    @property
    def newest_percentage(self) -> float | None:
        """The percentage of what waits to be told, or was told last; None: there was no progress yet."""
        return self._newest.percentage if self._newest is not None else None

    def __call__(self, percentage: float, message: str = "", metadata: Mapping[str, Any] | None = None) -> None:
        """See `streamer.context.Progress`."""
        metadata = _copied(metadata)
        with self._lock:
            self._say_what_is_left_out(metadata)
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

    def _say_what_is_left_out(self, metadata: Mapping[str, Any] | None) -> None:
        if metadata is None or TRIMMED not in metadata or self._has_left_out:
            return
        self._has_left_out = True
        names = ", ".join(metadata[TRIMMED])
        self._log.warning("progress metadata is too large; clients are told the rest of it alone", left_out=names)

    def keep_up(self) -> None:
        """Write what there is to write, and tell what waited for it; call it every `Pace.tick_seconds`."""
        with self._lock:
            if self.is_over:
                return
            point = self._newest
            if point is not None and not self._is_up_to_date(point):
                if self._write_progress(point) and not self._is_told:
                    self._tell(point)
            elif self._claim.is_to_be_renewed:
                self._write(self._claim.renew)

    def end(self, reason: str) -> None:
        """After this returns no progress is sent any more; the action's next call raises `Cancelled`."""
        with self._lock:
            self._over = self._over or reason

    def tell_rest(self) -> None:
        """Tell the progress that still waits; only once the end is stored, when no other attempt can follow."""
        with self._lock:
            self._has_ended = True
            if self._newest is not None and not self._is_told:
                self._tell(self._newest)

    def _stop_if_over(self) -> None:
        if self.is_over:
            raise Cancelled(self.reason)

    def _may_tell(self, point: ProgressPoint) -> bool:
        if point.percentage <= self._reserved and self._clock() < self._claim.lease_ends_at - TELLING_SECONDS:
            return True
        return self._monotonic() >= self._next_write_at and self._write_progress(point)

    def _tell(self, point: ProgressPoint) -> None:
        now = self._clock()
        message = messages.progress(self._claim.record.request_id, point, now=now)
        self._audience.send(message, now=now, good_until=self._good_until)
        self._is_told, self._told = True, max(point.percentage, self._told or 0.0)

    def _is_up_to_date(self, point: ProgressPoint) -> bool:
        """Whether what is stored says all: the newest point, and no more reserved than the pace asks for."""
        if point is self._start:
            return True
        return point == self._stored and not self._reserves_too_much

    def _write_progress(self, point: ProgressPoint) -> bool:
        reserved = self._reservation(point)
        # Before it is certain what is stored, only what either of the two allows may be told.
        self._reserved = min(self._reserved, reserved)
        leaving = self._audience.gone
        if not self._write(lambda: self._claim.progress(point, told_percentage=reserved, leaving=leaving)):
            return False
        self._reserves_too_much = self._stored is None
        self._reserved, self._stored = reserved, point
        return True

    def _reservation(self, point: ProgressPoint) -> float:
        if self._stored is None and point.percentage < lifecycle.HIGHEST_UNFINISHED:
            # The first of an attempt, whose pace is not known. The next write, a second later, makes good for it.
            return lifecycle.HIGHEST_UNFINISHED
        since = self._start.percentage if self._start is not None else 0.0
        return lifecycle.reserved(point, since=since, seconds=self._monotonic() - self._began_at)

    def _write(self, write: Callable[[], bool]) -> bool:
        """Write to the claim; whether it is stored."""
        self._next_write_at = self._monotonic() + self._pace.stored_progress_seconds
        is_stored = write()
        if is_stored:
            latest = self._latest_message()
            self._audience.update(self._claim.record, latest=latest, good_until=self._good_until)
        return is_stored

    @property
    def _good_until(self) -> float:
        """Until when progress may be sent: once the end is stored, no other attempt can follow."""
        return math.inf if self._has_ended else self._claim.lease_ends_at - SENDING_SECONDS

    def _latest_message(self) -> str | None:
        """What someone who begins to listen is told at once."""
        if self._newest is None or not self._is_told:
            return None
        return messages.progress(self._claim.record.request_id, self._newest, now=self._clock())


def _start(record: RequestRecord) -> ProgressPoint | None:
    """Where an attempt begins: no lower than any client was told."""
    if record.progress is None and record.told_percentage is None:
        return None
    point = record.progress or ProgressPoint(percentage=0)
    return replace(point, percentage=lifecycle.tidy(max(point.percentage, record.told_percentage or 0)))


def _copied(metadata: Any) -> dict[str, Any] | None:
    if metadata is None:
        return None
    if not isinstance(metadata, Mapping):
        raise TypeError(f"progress metadata must be a mapping, not {type(metadata).__name__}")
    copied: dict[str, Any] = json.loads(messages.to_json(dict(metadata)))
    return trimmed(copied, PROGRESS_METADATA_BYTES)
