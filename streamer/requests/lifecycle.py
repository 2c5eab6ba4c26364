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
from typing import TYPE_CHECKING, Any, Final

from streamer.errors import ErrorCode
from streamer.records import KEPT_SECONDS, Failure, Listener, ProgressPoint, RequestRecord, Slots, Status

if TYPE_CHECKING:
    from streamer.requests.runs import Run


class Step(enum.StrEnum):
    """What can happen to a request."""

    CLAIM = "claim"
    """An execution environment begins an attempt."""
    TAKE_OVER = "take over"
    """Another environment begins an attempt because the lease of the last one ran out."""
    PROGRESS = "progress"
    """The attempt tells how far it is."""
    RENEW = "renew"
    """The attempt is still alive, and keeps its lease."""
    COMPLETE = "complete"
    RETRY = "retry"
    """The attempt failed, and another one may succeed."""
    FAIL = "fail"
    CANCEL = "cancel"
    """Its owner, or someone with permission, does not want it any more."""
    REOPEN = "reopen"
    """An operator wants a failed request tried again; nothing else ever leaves a final status."""


TRANSITIONS: Final[Mapping[Status, Mapping[Step, Status]]] = MappingProxyType(
    {
        Status.PENDING: {
            Step.CLAIM: Status.PROCESSING,
            Step.CANCEL: Status.CANCELLED,
        },
        Status.PROCESSING: {
            Step.TAKE_OVER: Status.PROCESSING,
            Step.PROGRESS: Status.PROCESSING,
            Step.RENEW: Status.PROCESSING,
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
        Status.FAILED: {
            Step.REOPEN: Status.PENDING,
        },
        Status.CANCELLED: {},
    }
)
"""What may happen in each status, and the status it leads to. A status that only an operator leads out of is final."""

LEASE_SECONDS: Final = 45.0
"""How long an attempt owns its request without a sign of life. Lambda repeats an event a minute after it failed: the
lease has run out by then, so the request is taken over. [DOC] lambda-docs:invocation-async-error-handling"""
HEARTBEAT_SECONDS: Final = 10.0
"""How often an attempt renews its lease: three may fail before it is lost."""
DISPATCH_SECONDS: Final = 300.0
"""How long a request may wait for its first attempt before the sweep starts another run of it."""
FAR_SECONDS: Final = 2 * DISPATCH_SECONDS
"""Nothing is due later than this: what seems to be was written by a clock that has been set back, and is due now."""
HIGHEST_UNFINISHED: Final = 99.99
"""The highest percentage below 100 that is told."""


def sources(step: Step) -> frozenset[Status]:
    """The statuses in which a step may happen."""
    return frozenset(status for status, steps in TRANSITIONS.items() if step in steps)


def is_final(status: Status) -> bool:
    """Whether nothing happens to the request any more, unless an operator reopens it."""
    return TRANSITIONS[status].keys() <= {Step.REOPEN}


LIVE: Final = frozenset(status for status in Status if not is_final(status))
"""The statuses of requests that are not over."""


def is_due(due_at: float | None, now: float) -> bool:
    """Whether somebody has to see to a request; both are Unix seconds, and clocks may jump (`FAR_SECONDS`)."""
    return due_at is not None and (due_at <= now or due_at > now + FAR_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Precondition:
    """What a stored request must look like for a change to be applied; all that is set must hold."""

    statuses: frozenset[Status]
    attempt: int | None = None
    """The fence: the number of the attempt that makes the change; None: whoever makes it, it is right."""
    due_by: float | None = None
    """The request must be due at this time (Unix seconds), see `is_due`; None: when it is due does not matter."""

    def admits(self, record: RequestRecord) -> bool:
        """Whether the record fulfils this precondition."""
        if record.status not in self.statuses:
            return False
        if self.attempt is not None and record.attempt != self.attempt:
            return False
        return self.due_by is None or is_due(record.due_at, self.due_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One conditional update of a request."""

    preconditions: tuple[Precondition, ...]
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
        return any(precondition.admits(record) for precondition in self.preconditions)

    def applied_to(self, record: RequestRecord) -> RequestRecord:
        """The record after the change."""
        return replace(
            record,
            **self.values,
            attempt=record.attempt + self.begins_attempt,
            listeners=(record.listeners | self.joining) - self.leaving,
        )


def claim(*, runner: str, now: float, lease_seconds: float = LEASE_SECONDS) -> Change:
    """Begin an attempt: of a request that waits for one, or of one whose last attempt's lease ran out.

    Whoever applies it owns the request for ``lease_seconds``, and must look at the attempt number it got: above
    ``max_attempts`` the request is to be failed, not run. ``runner`` is a new id for each run.
    """
    return Change(
        preconditions=(
            Precondition(statuses=frozenset({Status.PENDING})),
            # Between two attempts: not before the pause is over. During one: not before its lease is.
            Precondition(statuses=(sources(Step.CLAIM) | sources(Step.TAKE_OVER)) - {Status.PENDING}, due_by=now),
        ),
        values={
            "status": Status.PROCESSING,
            "due_at": now + lease_seconds,
            "runner": runner,
            "updated_at": now,
            "expires_at": None,
        },
        begins_attempt=True,
        returns_record=True,
    )


def renew(*, attempt: int, now: float, lease_seconds: float = LEASE_SECONDS) -> Change:
    """Show that the attempt is alive."""
    return _by_attempt(Step.RENEW, attempt, {"due_at": now + lease_seconds, "updated_at": now})


def release(*, attempt: int, now: float) -> Change:
    """End the lease of an attempt whose environment is known to be gone: the next run takes the request over."""
    return Change(
        preconditions=(Precondition(statuses=sources(Step.TAKE_OVER), attempt=attempt),), values={"due_at": now}
    )


def progress(
    point: ProgressPoint,
    *,
    attempt: int,
    now: float,
    told_percentage: float | None = None,
    lease_seconds: float | None = None,
    leaving: frozenset[Listener] = frozenset(),
) -> Change:
    """Store how far the attempt is, up to where clients may be told without storing again, and who is gone.

    ``lease_seconds`` renews the lease by the same write; None leaves it.
    """
    values: dict[str, Any] = {"progress": point, "updated_at": now}
    if told_percentage is not None:
        values["told_percentage"] = told_percentage
    if lease_seconds is not None:
        values["due_at"] = now + lease_seconds
    return replace(_by_attempt(Step.PROGRESS, attempt, values), leaving=leaving)


def complete(result_json: str, *, attempt: int, now: float, kept_seconds: int = KEPT_SECONDS) -> Change:
    """Store the result; nothing can happen to the request afterwards, and it is kept for ``kept_seconds``."""
    values = {"result_json": result_json, "error": None}
    return _by_attempt(Step.COMPLETE, attempt, _final(Status.COMPLETED, now, kept_seconds) | values)


def fail(
    failure: Failure,
    *,
    attempt: int,
    now: float,
    told_percentage: float | None = None,
    kept_seconds: int = KEPT_SECONDS,
) -> Change:
    """Store why the request failed; nothing can happen to it afterwards, and it is kept for ``kept_seconds``.

    ``told_percentage`` is how far clients were told at last, where it goes on if it is reopened; None leaves what was
    reserved.
    """
    values: dict[str, Any] = {"error": failure}
    if told_percentage is not None:
        values["told_percentage"] = told_percentage
    return _by_attempt(Step.FAIL, attempt, _final(Status.FAILED, now, kept_seconds) | values)


def retry(failure: Failure, *, attempt: int, now: float, due_at: float, told_percentage: float | None) -> Change:
    """Store why the attempt failed, and when the next one is due (Unix seconds)."""
    values = {"status": Status.RETRYING, "error": failure, "due_at": due_at, "told_percentage": told_percentage}
    return _by_attempt(Step.RETRY, attempt, {**values, "updated_at": now})


def cancel(reason: str, *, now: float, attempt: int | None = None, kept_seconds: int = KEPT_SECONDS) -> Change:
    """End the request; an attempt that runs finds out at its next write. ``attempt``: only if this one runs."""
    failure = Failure(code=ErrorCode.CANCELLED, message=reason)
    return Change(
        preconditions=(Precondition(statuses=sources(Step.CANCEL), attempt=attempt),),
        values=_final(Status.CANCELLED, now, kept_seconds) | {"error": failure},
        returns_record=True,
    )


def postpone(*, now: float) -> Change:
    """Look again later whether a request that waits for its first attempt has got one; for the sweep.

    Refused when the request is not PENDING any more, or was looked at meanwhile.
    """
    return Change(
        preconditions=(Precondition(statuses=frozenset({Status.PENDING}), due_by=now),),
        values={"due_at": now + DISPATCH_SECONDS},
    )


def reopen(*, attempt: int, further_attempts: int, now: float) -> Change:
    """Let a failed request be tried again: for operators. ``attempt`` is the number of its last attempt."""
    return Change(
        preconditions=(Precondition(statuses=sources(Step.REOPEN), attempt=attempt),),
        values={
            "status": Status.PENDING,
            "max_attempts": attempt + further_attempts,
            "due_at": now + DISPATCH_SECONDS,
            "expires_at": None,
            "error": None,
            "updated_at": now,
        },
        returns_record=True,
    )


def join(listener: Listener) -> Change:
    """Let a connection hear about a request that is not over; refused if it is: then its final message is known.

    Because it is one update, whoever ends the request either sees the listener or comes first.
    """
    return Change(
        preconditions=(Precondition(statuses=LIVE),), values={}, joining=frozenset({listener}), returns_record=True
    )


def leave(listeners: frozenset[Listener]) -> Change:
    """Let connections hear no more about a request; once it is over, nobody hears of it anyway."""
    return Change(preconditions=(Precondition(statuses=LIVE),), values={}, leaving=listeners)


def _by_attempt(step: Step, attempt: int, values: Mapping[str, Any]) -> Change:
    # The record is returned for its listeners, who may have changed since the attempt began.
    return Change(
        preconditions=(Precondition(statuses=sources(step), attempt=attempt),), values=values, returns_record=True
    )


def _final(status: Status, now: float, kept_seconds: int) -> dict[str, Any]:
    # Without a time when it is due, the request is not in the sweep's index any more.
    return {"status": status, "due_at": None, "updated_at": now, "expires_at": int(now) + kept_seconds}


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


def claimable_at(record: RequestRecord, *, invocation: str, now: float) -> float | None:
    """When a run that could not claim a request should try again, in Unix seconds; None: that is not its concern.

    Lambda repeats an event only after the run before it failed. So a lease that an earlier run of the same event holds
    is most likely that of a dead one: worth waiting for, while another event's is not.
    """
    if is_due(record.due_at, now) and record.status is not Status.PENDING:
        return now if record.status is Status.RETRYING or is_run_of(record, invocation) else None
    match record.status:
        case Status.RETRYING:
            return record.due_at
        case Status.PROCESSING if is_run_of(record, invocation):
            return record.due_at
        case Status.PENDING:
            return now  # reopened between the two looks
        case _:
            return None


def runner_of(invocation: str, new_id: str) -> str:
    """The id of one run: which invocation it belongs to (Lambda keeps its id when it repeats one), and its own."""
    return f"{invocation}/{new_id}"


def is_run_of(record: RequestRecord, invocation: str) -> bool:
    """Whether the latest attempt was made by a run of this invocation."""
    return record.runner is not None and record.runner.rpartition("/")[0] == invocation


def is_to_be_told(record: RequestRecord, run: Run, *, invocation: str) -> bool:
    """Whether a run that found a request ended has to tell how.

    Of a cancellation, if that is what the run was started for. Of another end, if an earlier run of the same event
    stored it: Lambda repeats an event only when a run of it failed, so that one may not have come to telling.
    """
    if record.status is Status.CANCELLED:
        return run.tells
    return is_final(record.status) and is_run_of(record, invocation)


@dataclass(frozen=True, slots=True)
class Created:
    """The request was new and is stored."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The owner has used this request id before."""

    record: RequestRecord
    """The earlier request."""


@dataclass(frozen=True, slots=True)
class Full:
    """The request was not stored, because its user or connection has as many as it may have."""

    slots: Slots
    request_ids: frozenset[str]
    """The requests that have the slots; some may be over by now."""


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


def reserved(point: ProgressPoint, *, since: float, seconds: float) -> float:
    """How far clients may be told of progress until it is stored again, a second later.

    An attempt that dies leaves behind what it stored, not what it told; the next one begins where this reservation
    ends, so that no client ever sees progress go back. It is as small as the attempt's pace allows: what it does in
    two seconds, going by the ``seconds`` in which it came from ``since`` percent to the point. It is a whole number,
    since clients are told it when the next attempt has come less far.
    """
    if point.percentage >= 100:
        return 100
    pace = (point.percentage - since) / max(1.0, seconds)
    return min(HIGHEST_UNFINISHED, math.ceil(point.percentage + max(5.0, 2 * pace)))


def tidy(percentage: float) -> float:
    """A percentage as it is told: a whole number where it is one."""
    return int(percentage) if percentage == int(percentage) else percentage


def _told(percentage: float) -> float:
    """A percentage as clients see it: 0 to 100, two decimals, and 100 only if nothing is missing."""
    if percentage >= 100:
        return 100
    # The addend makes up for binary fractions: 0.29 * 100 is 28.999999999999996.
    hundredths = min(math.floor(max(percentage, 0) * 100 + 1e-6), 9999)
    return hundredths // 100 if hundredths % 100 == 0 else hundredths / 100


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
