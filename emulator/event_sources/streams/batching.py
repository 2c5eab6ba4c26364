"""Batches of one lane of a shard: when to invoke, with what, and what follows from the outcome. Pure.

A lane is what is processed in order: a whole shard, or with a ParallelizationFactor one of its parts (`lane_of`). All
times are seconds of one clock, that of `EventRecord.since`, given as arguments; the shell asks `Lane.next_batch`,
invokes, and tells `Lane.settle`.
"""

from __future__ import annotations

import enum
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct, structs

from ...foundation.json_bytes import parsed_json
from ...functions.limits import EVENT_BYTES
from ...functions.outcome import Failed, Outcome, Refused, Returned
from .records import EventRecord
from .source import StreamMapping

RETENTION_SECONDS: Final = 24 * 3600
"""How long a stream keeps a record, so how long retries can last. [DOC] I16"""
RETRY_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses before the first, second, ... retry; the last repeats. AWS's are longer, growing to about a minute [?]; ours
are short because a developer waits for them."""

REPORTED: Final = "its batchItemFailures"
"""Why what a function was given is not done although it answered, as the log tells it; of queues, too."""

_HEAD: Final = b'{"Records":['
_TAIL: Final = b"]}"


def lane_of(record: EventRecord, lanes: int) -> int:
    """The lane, from 0, that processes this record: the same one for all records of a partition key. [DOC] I13"""
    return zlib.crc32(record.item.encode()) % lanes if lanes > 1 else 0


class Rules(Struct, frozen=True, kw_only=True):
    """What a mapping says about batches."""

    batch_size: int = 100
    window_seconds: float = 0.0
    maximum_retries: int | None = None
    """None: as often as it takes."""
    maximum_age_seconds: float = RETENTION_SECONDS
    bisects: bool = False
    reports_item_failures: bool = False
    retry_seconds: tuple[float, ...] = RETRY_SECONDS

    @classmethod
    def of(cls, mapping: StreamMapping, retry_seconds: tuple[float, ...] = RETRY_SECONDS) -> Rules:
        """The rules of a mapping; -1 has become None or the stream's retention."""
        retries, age = mapping.maximum_retry_attempts, mapping.maximum_record_age_seconds
        return cls(
            batch_size=mapping.batch_size,
            window_seconds=mapping.batching_window_seconds,
            maximum_retries=None if retries < 0 else retries,
            maximum_age_seconds=RETENTION_SECONDS if age < 0 else min(age, RETENTION_SECONDS),
            bisects=mapping.bisect_on_error,
            reports_item_failures=mapping.report_batch_item_failures,
            retry_seconds=retry_seconds,
        )


class Condition(enum.StrEnum):
    """Why records were given up: ``condition`` of the document. [REC] I29, [INF] I30"""

    RETRIES = "RetryAttemptsExhausted"
    AGE = "RecordAgeExceeded"


class Batch(Struct, frozen=True):
    """Records to invoke the function with, and the history they share."""

    records: tuple[EventRecord, ...]
    attempts: int = 0
    """Invocations that used up retries."""
    failures: int = 0
    """Everything that went wrong, throttles included; decides the pause."""
    not_before: float = 0.0
    last: Outcome | None = None
    """What the latest invocation came to; None before the first."""

    def payload(self) -> bytes:
        """The event as JSON: ``{"Records":[...]}``. [REC] I1"""
        return _HEAD + b",".join(record.body for record in self.records) + _TAIL


class GivenUp(Struct, frozen=True):
    """Records that are not delivered any more; they go to the destination, if there is one."""

    batch: Batch
    condition: Condition


class Settled(Struct, frozen=True):
    """What an outcome meant."""

    ok: bool
    """Whether the whole batch is done."""
    given_up: GivenUp | None = None
    warning: str | None = None
    """Something the developer should know, as it would surprise on AWS."""


class Lane:
    """The records of one lane: fresh ones, and batches to be retried before them. One invocation at a time."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._fresh: deque[tuple[EventRecord, float]] = deque()
        self._fresh_bytes = 0
        # Parts of the batch that failed, in order: never more than log2(batch size) + 1.
        self._retries: deque[Batch] = deque()
        self._in_flight: Batch | None = None
        self._closed = False

    def __len__(self) -> int:
        """Records that are neither done nor given up, the ones in flight included."""
        flying = len(self._in_flight.records) if self._in_flight else 0
        return len(self._fresh) + sum(len(batch.records) for batch in self._retries) + flying

    @property
    def is_full(self) -> bool:
        """Whether two batches wait already: reading on would only fill memory."""
        return len(self._fresh) >= 2 * self._rules.batch_size or self._fresh_bytes >= 2 * EVENT_BYTES

    @property
    def is_done(self) -> bool:
        """Whether everything that will ever be in this lane is done or given up."""
        return self._closed and not len(self)

    @property
    def in_flight(self) -> Batch | None:
        """The batch the function is working on."""
        return self._in_flight

    @property
    def retry(self) -> Batch | None:
        """The batch that is tried again next; None: none has failed."""
        return self._retries[0] if self._retries and self._retries[0].failures else None

    @property
    def first(self) -> EventRecord | None:
        """The earliest record that is neither done nor given up; None if there is none."""
        batch = self._in_flight or (self._retries[0] if self._retries else None)
        if batch is not None:
            return batch.records[0]
        return self._fresh[0][0] if self._fresh else None

    def add(self, records: Iterable[EventRecord], now: float) -> None:
        """Queue records that passed the filters, in stream order."""
        for record in records:
            self._fresh.append((record, now))
            self._fresh_bytes += len(record.body)

    def close(self) -> None:
        """No more records come: do not wait for the batching window any more."""
        self._closed = True

    def deadline(self) -> float | None:
        """When to ask `next_batch` again; 0.0 is at once, None means after the next `add`, `close` or `settle`."""
        if self._in_flight is not None:
            return None
        if self._retries:
            first = self._retries[0]
            # A record may also become too old before its retry is due.
            return min(first.not_before, first.records[0].since + self._rules.maximum_age_seconds)
        if not self._fresh:
            return None
        return 0.0 if self._is_due() else self._fresh[0][1] + self._rules.window_seconds

    def next_batch(self, now: float) -> Batch | GivenUp | None:
        """The batch to invoke the function with now, or records that grew too old, or None: nothing is due.

        A batch must be settled before the next one comes; what is given up needs no settling.
        """
        if self._in_flight is not None:
            return None
        if not self._retries and self._fresh and (self._is_due() or now >= (self.deadline() or 0.0)):
            self._retries.append(Batch(self._take()))
        if not self._retries:
            return None
        batch = self._retries.popleft()
        if expired := self._expired(batch, now):
            return expired
        if batch.not_before > now:
            self._retries.appendleft(batch)
            return None
        self._in_flight = batch
        return batch

    def _is_due(self) -> bool:
        rules = self._rules
        return (
            self._closed
            or not rules.window_seconds
            or len(self._fresh) >= rules.batch_size
            or self._fresh_bytes >= EVENT_BYTES
        )

    def _take(self) -> tuple[EventRecord, ...]:
        taken: list[EventRecord] = []
        room = EVENT_BYTES - len(_HEAD) - len(_TAIL)
        while self._fresh and len(taken) < self._rules.batch_size:
            size_bytes = len(self._fresh[0][0].body) + 1
            if taken and size_bytes > room:
                break
            room -= size_bytes
            self._fresh_bytes -= size_bytes - 1
            taken.append(self._fresh.popleft()[0])
        return tuple(taken)

    def _expired(self, batch: Batch, now: float) -> GivenUp | None:
        oldest_allowed = now - self._rules.maximum_age_seconds
        count = next((i for i, r in enumerate(batch.records) if r.since > oldest_allowed), len(batch.records))
        if not count:
            return None
        self._requeue(batch, batch.records[count:])
        return GivenUp(structs.replace(batch, records=batch.records[:count]), Condition.AGE)

    # outcomes

    def settle(self, outcome: Outcome, now: float) -> Settled:
        """Take what came of the batch in flight: its records are done, retried or given up. [DOC] I16-I18"""
        batch, self._in_flight = self._in_flight, None
        if batch is None:
            raise RuntimeError("settle() without a batch in flight")
        failures = batch.failures + 1
        pause = self._rules.retry_seconds[min(failures, len(self._rules.retry_seconds)) - 1]
        failed = structs.replace(batch, failures=failures, not_before=now + pause, last=outcome)
        match outcome:
            case Refused():
                # [DOC] I17: throttles and errors of the service do not use up retries.
                self._retries.appendleft(failed)
                return Settled(ok=False)
            case Failed():
                return self._failed(failed)
            case Returned(payload) if self._rules.reports_item_failures:
                return self._reported(failed, payload)
            case Returned():
                # [DOC] I28: without the setting the result means nothing.
                return Settled(ok=True)

    def _reported(self, failed: Batch, payload: bytes) -> Settled:
        reported = reported_failures(payload)
        if reported is not None and not reported:
            return Settled(ok=True)
        positions = {record.sequence_number: i for i, record in enumerate(failed.records)}
        if reported is None or not reported <= positions.keys():
            warning = "batchItemFailures is malformed: the whole batch counts as failed"
            if reported is not None:
                strangers = ", ".join(sorted(reported - positions.keys()))
                # [INF] I25
                warning = f"batchItemFailures names {strangers}, not in the batch: the whole batch counts as failed"
            return structs.replace(self._failed(failed), warning=warning)
        first = min(positions[number] for number in reported)
        rest = structs.replace(failed, records=failed.records[first:])
        if first and self._rules.bisects:
            # [DOC] I26: split at the returned number; I17: a split uses up no retry.
            self._retries.appendleft(rest)
            return Settled(ok=False)
        return self._retry(rest)

    def _failed(self, failed: Batch) -> Settled:
        if not self._rules.bisects or len(failed.records) == 1:
            return self._retry(failed)
        # [DOC] I17, I26: halves are tried in order, and splitting uses up no retry.
        half = len(failed.records) // 2
        self._requeue(failed, failed.records[half:])
        self._requeue(failed, failed.records[:half])
        return Settled(ok=False)

    def _retry(self, failed: Batch) -> Settled:
        attempted = structs.replace(failed, attempts=failed.attempts + 1)
        retries = self._rules.maximum_retries
        # [REC] I18: N retries are N + 1 invocations.
        if retries is not None and attempted.attempts > retries:
            return Settled(ok=False, given_up=GivenUp(attempted, Condition.RETRIES))
        self._retries.appendleft(attempted)
        return Settled(ok=False)

    def _requeue(self, batch: Batch, records: tuple[EventRecord, ...]) -> None:
        if records:
            self._retries.appendleft(structs.replace(batch, records=records))


def reported_failures(payload: bytes) -> set[str] | None:
    """Sequence numbers that a function's result names; none is success, None a malformed answer. [REC] I22, I23"""
    try:
        result = parsed_json(payload)
    except ValueError:
        return None
    if not isinstance(result, Mapping):
        # [REC] null and [] are success; that any other value without the key is too is [INF].
        return set()
    failures = result.get("batchItemFailures")
    if failures is None:
        return set()
    if not isinstance(failures, list):
        return None
    numbers = [entry.get("itemIdentifier") if isinstance(entry, Mapping) else None for entry in failures]
    return {str(number) for number in numbers} if all(isinstance(n, str) and n for n in numbers) else None
