"""The life of a request, as a transition table. Pure: time is an argument, and nothing here touches a store.

Rules of this file: every change of status in the project goes along `TRANSITIONS`; a change is a value (`Change`)
that a store applies as ONE conditional update; a change made by an attempt carries that attempt's number, so an
attempt that was taken over, cancelled or finished elsewhere can write nothing any more.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from streamer.stores.records import Failure, Listener, ProgressPoint, RequestRecord, Status


class Step(enum.StrEnum):
    """What can happen to a request."""

    CLAIM = "claim"
    """An execution environment begins an attempt."""
    TAKE_OVER = "take over"
    """Another environment begins an attempt because the lease of the last one ran out."""
    PROGRESS = "progress"
    """The attempt tells how far it is."""
    COMPLETE = "complete"
    RETRY = "retry"
    """The attempt failed, and another one may succeed."""
    FAIL = "fail"
    CANCEL = "cancel"


TRANSITIONS: Final[Mapping[Status, Mapping[Step, Status]]] = MappingProxyType(
    {
        Status.PENDING: {
            Step.CLAIM: Status.PROCESSING,
            Step.CANCEL: Status.CANCELLED,
        },
        Status.PROCESSING: {
            Step.TAKE_OVER: Status.PROCESSING,
            Step.PROGRESS: Status.PROCESSING,
            Step.COMPLETE: Status.COMPLETED,
            Step.RETRY: Status.RETRYING,
            Step.FAIL: Status.FAILED,
            Step.CANCEL: Status.CANCELLED,
        },
        Status.RETRYING: {
            Step.CLAIM: Status.PROCESSING,
            Step.CANCEL: Status.CANCELLED,
        },
        Status.COMPLETED: {},
        Status.FAILED: {},
        Status.CANCELLED: {},
    }
)
"""What may happen in each status, and the status it leads to. A status without steps is final."""


def sources(step: Step) -> frozenset[Status]:
    """The statuses in which a step may happen."""
    return frozenset(status for status, steps in TRANSITIONS.items() if step in steps)


def is_final(status: Status) -> bool:
    """Whether nothing can happen to the request any more."""
    return not TRANSITIONS[status]


LIVE: Final = frozenset(status for status in Status if not is_final(status))
"""The statuses of requests that are not over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What a stored request must look like for a change to be applied; all that is set must hold."""

    statuses: frozenset[Status]
    attempt: int | None = None
    """The fence: the number of the attempt that makes the change; None: whoever makes it, it is right."""
    lease_expired_at: float | None = None
    """The request's lease must have run out by this time (Unix seconds); None: the lease does not matter."""

    def admits(self, record: RequestRecord) -> bool:
        """Whether the record fulfils this guard."""
        if record.status not in self.statuses:
            return False
        if self.attempt is not None and record.attempt != self.attempt:
            return False
        if self.lease_expired_at is None:
            return True
        return record.lease_expires_at is not None and record.lease_expires_at <= self.lease_expired_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One conditional update of a request."""

    guards: tuple[Guard, ...]
    """At least one must hold."""
    values: Mapping[str, Any]
    """Fields of `RequestRecord` and what they become; None removes one."""
    begins_attempt: bool = False
    """Whether the attempt number goes up by one."""
    joining: frozenset[Listener] = frozenset()
    """Connections that hear about the request from now on."""
    leaving: frozenset[Listener] = frozenset()
    """Connections that do not any more."""
    returns_record: bool = False
    """Whether the caller needs the record as it is after the change."""

    def admits(self, record: RequestRecord) -> bool:
        """Whether the change may be applied to the record."""
        return any(guard.admits(record) for guard in self.guards)

    def applied_to(self, record: RequestRecord) -> RequestRecord:
        """The record after the change."""
        return replace(
            record,
            **self.values,
            attempt=record.attempt + self.begins_attempt,
            listeners=(record.listeners | self.joining) - self.leaving,
        )


def claim(*, runner: str, now: float, lease_seconds: float) -> Change:
    """Begin an attempt: of a request that waits for one, or of one whose last attempt's lease ran out.

    Whoever applies it owns the request for ``lease_seconds``, and must look at the attempt number it got: above
    ``max_attempts`` the request is to be failed, not run. ``runner`` is a new id for each run.
    """
    return Change(
        guards=(
            Guard(statuses=sources(Step.CLAIM)),
            Guard(statuses=sources(Step.TAKE_OVER), lease_expired_at=now),
        ),
        values={
            "status": Status.PROCESSING,
            "lease_expires_at": now + lease_seconds,
            "runner": runner,
            "updated_at": now,
        },
        begins_attempt=True,
        returns_record=True,
    )


def progress(point: ProgressPoint, *, attempt: int, now: float, leaving: frozenset[Listener] = frozenset()) -> Change:
    """Store how far the attempt is, and which listeners are gone."""
    return replace(_by_attempt(Step.PROGRESS, attempt, {"progress": point, "updated_at": now}), leaving=leaving)


def complete(result_json: str, *, attempt: int, now: float) -> Change:
    """Store the result; nothing can happen to the request afterwards."""
    return _by_attempt(Step.COMPLETE, attempt, _final(Status.COMPLETED, now) | {"result_json": result_json})


def fail(failure: Failure, *, attempt: int, now: float) -> Change:
    """Store why the request failed; nothing can happen to it afterwards."""
    return _by_attempt(Step.FAIL, attempt, _final(Status.FAILED, now) | {"error": failure})


def join(listener: Listener) -> Change:
    """Let a connection hear about a request that is not over; refused if it is: then its final message is known.

    Because it is one update, whoever ends the request either sees the listener or comes first.
    """
    return Change(guards=(Guard(statuses=LIVE),), values={}, joining=frozenset({listener}), returns_record=True)


def leave(listeners: frozenset[Listener]) -> Change:
    """Let connections hear no more about a request; once it is over, nobody hears of it anyway."""
    return Change(guards=(Guard(statuses=LIVE),), values={}, leaving=listeners)


def _by_attempt(step: Step, attempt: int, values: Mapping[str, Any]) -> Change:
    # The record is returned for its listeners, who may have changed since the attempt began.
    return Change(guards=(Guard(statuses=sources(step), attempt=attempt),), values=values, returns_record=True)


def _final(status: Status, now: float) -> dict[str, Any]:
    return {"status": status, "lease_expires_at": None, "updated_at": now}


@dataclass(frozen=True, slots=True)
class Applied:
    """The change happened."""

    record: RequestRecord | None = None
    """The record after it, if the change asked for it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The change did not happen: the request was in no state that allows it."""

    current: RequestRecord | None
    """The request as it is; None: there is none."""


def claimed(outcome: Applied | Refused, *, runner: str) -> RequestRecord | None:
    """The request, if ``runner`` owns it after it tried to claim it; None: it does not.

    A claim whose answer was lost on the network is repeated by the client library, and then refused because of
    itself; the runner's id tells.
    """
    record = outcome.record if isinstance(outcome, Applied) else outcome.current
    return record if record is not None and record.status is Status.PROCESSING and record.runner == runner else None


def is_settled_by(outcome: Applied | Refused, change: Change, *, attempt: int) -> bool:
    """Whether an attempt's final ``change`` is what is stored, be it applied now or by a try whose answer was lost."""
    if isinstance(outcome, Applied):
        return True
    current = outcome.current
    # Only the attempt itself can give a request this status with this attempt number.
    return current is not None and current.attempt == attempt and current.status is change.values["status"]


@dataclass(frozen=True, slots=True)
class Created:
    """The request was new and is stored."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The owner has used this request id before."""

    record: RequestRecord
    """The earlier request."""


def advanced(last: ProgressPoint | None, percentage: float, message: str, metadata: Any) -> ProgressPoint | None:
    """The point that follows ``last`` when an action reports progress; None when there is nothing to tell.

    Progress never goes back: a lower percentage is told as the last one, with its new message. One outside of 0
    to 100 is told as the nearest inside. 100 is told once.

    Raises:
        ValueError: the percentage is not a number.
    """
    if not _is_number(percentage):
        raise ValueError(f"progress needs a percentage from 0 to 100, not {percentage!r}")
    floor = last.percentage if last is not None else 0
    if floor >= 100:
        return None
    return ProgressPoint(percentage=max(_told(percentage), floor), message=message, metadata=metadata)


def _told(percentage: float) -> float:
    """A percentage as clients see it: 0 to 100, two decimals, and 100 only if nothing is missing."""
    if percentage >= 100:
        return 100
    # The addend makes up for binary fractions: 0.29 * 100 is 28.999999999999996.
    hundredths = min(math.floor(max(percentage, 0) * 100 + 1e-6), 9999)
    return hundredths // 100 if hundredths % 100 == 0 else hundredths / 100


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
