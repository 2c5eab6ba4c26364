"""The one writer of a request that runs: what it stores, when it is lost, and how long it tries."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from streamer_records import NOW, request_record

from streamer.errors import ItemTooLargeError, StoreError
from streamer.observability import Logger
from streamer.records import Failure, ProgressPoint, RequestKey, RequestRecord, Status
from streamer.requests import lifecycle
from streamer.requests.lifecycle import HEARTBEAT_SECONDS, LEASE_SECONDS, Applied, Change, Refused
from streamer.running.held_claim import HeldClaim
from streamer.stores.memory import MemoryRequestStore
from streamer.testing import FakeClock

RUNNING = request_record(status=Status.PROCESSING, attempt=1, due_at=NOW + LEASE_SECONDS)
FAILURE = Failure(code="BROKEN", message="it broke")
POINT = ProgressPoint(percentage=10)


class Store(MemoryRequestStore):
    """Does not answer so many times, and loses the answer of so many changes that it makes."""

    failures = 0
    lost_answers = 0

    def apply(self, key: RequestKey, change: Change) -> Applied | Refused:
        if self.failures:
            self.failures -= 1
            raise StoreError("no answer")
        outcome = super().apply(key, change)
        if self.lost_answers:
            self.lost_answers -= 1
            raise StoreError("the answer was lost")
        return outcome


class Held:
    """A claim with its store and its clock."""

    def __init__(self, *, claimed_seconds_ago: float = 0, monotonic: FakeClock | None = None) -> None:
        self.clock = FakeClock(NOW + claimed_seconds_ago)
        self.store = Store()
        self.store.records[RUNNING.key] = RUNNING
        self.claim = HeldClaim(
            RUNNING,
            requests=self.store,
            clock=self.clock,
            monotonic=monotonic or self.clock,
            sleep=self.clock.advance,
            ends_at=NOW + 5,
            lease_seconds=LEASE_SECONDS,
            heartbeat_seconds=HEARTBEAT_SECONDS,
            log=Logger(stream=io.StringIO()),
        )

    @property
    def stored(self) -> RequestRecord:
        return self.store.records[RUNNING.key]

    def progress(self) -> bool:
        return self.claim.progress(POINT, told_percentage=20, leaving=frozenset())


ENDS: dict[Status, Callable[[HeldClaim], RequestRecord | None]] = {
    Status.COMPLETED: lambda claim: claim.complete("{}"),
    Status.FAILED: lambda claim: claim.fail(FAILURE),
    Status.RETRYING: lambda claim: claim.retry(FAILURE, pause_seconds=3, told_percentage=20),
}
each_end = pytest.mark.parametrize(("status", "end"), ENDS.items(), ids=[status.lower() for status in ENDS])


@each_end
def test_an_end_is_stored_and_handed_back(status: Status, end: Callable[[HeldClaim], RequestRecord | None]) -> None:
    held = Held()
    after = end(held.claim)

    assert after == held.stored == held.claim.record
    assert held.stored.status is status
    assert held.stored.due_at == (NOW + 3 if status is Status.RETRYING else None)
    assert not held.claim.is_lost


@each_end
@pytest.mark.parametrize("fault", ["failures", "lost_answers"])
def test_an_end_is_tried_again_until_it_is_certain(
    status: Status, end: Callable[[HeldClaim], RequestRecord | None], fault: str
) -> None:
    held = Held()
    setattr(held.store, fault, 3)
    after = end(held.claim)

    assert after is not None
    assert after.status is held.stored.status is status
    assert held.clock() == pytest.approx(NOW + 0.25 + 0.5 + 1)


@each_end
def test_an_end_that_cannot_be_stored_in_time_is_an_error(
    status: Status, end: Callable[[HeldClaim], RequestRecord | None]
) -> None:
    held = Held()
    held.store.failures = 100

    with pytest.raises(StoreError):
        end(held.claim)
    assert held.stored == RUNNING
    assert held.clock() <= NOW + 5


@each_end
def test_an_end_of_a_request_that_is_another_attempts_is_dropped(
    status: Status, end: Callable[[HeldClaim], RequestRecord | None]
) -> None:
    held = Held()
    held.clock.advance(LEASE_SECONDS + 1)
    held.store.apply(RUNNING.key, lifecycle.claim(runner="another", now=held.clock()))
    taken_over = held.stored

    assert end(held.claim) is None
    assert held.stored == taken_over


def test_a_result_that_is_too_large_is_told_apart() -> None:
    with pytest.raises(ItemTooLargeError):
        Held().claim.complete("é" * 250_000)


def test_no_store_is_asked_to_hold_a_result_that_no_item_can() -> None:
    held = Held()
    held.store.failures = 1  # of 2 MB and more DynamoDB says that the values of the expression are too many

    with pytest.raises(ItemTooLargeError):
        held.claim.complete("x" * 500_000)
    assert held.store.failures == 1


def test_a_lease_is_renewed_by_progress_once_it_is_time_and_by_renew_at_once() -> None:
    held = Held()
    assert held.progress()
    assert (held.claim.lease_ends_at, held.claim.is_to_be_renewed) == (NOW + LEASE_SECONDS, False)

    held.clock.advance(HEARTBEAT_SECONDS)
    assert held.claim.is_to_be_renewed
    assert held.progress()
    assert held.claim.lease_ends_at == held.stored.due_at == NOW + HEARTBEAT_SECONDS + LEASE_SECONDS

    held.clock.advance(1)
    assert held.claim.renew()
    assert held.claim.lease_ends_at == NOW + HEARTBEAT_SECONDS + LEASE_SECONDS + 1


def test_a_lease_runs_from_the_claim_however_long_that_took_to_be_stored() -> None:
    claimed = Held(claimed_seconds_ago=HEARTBEAT_SECONDS).claim

    assert claimed.lease_ends_at == NOW + LEASE_SECONDS
    assert claimed.is_to_be_renewed


def test_a_lease_is_renewed_in_time_though_the_clock_is_set_back() -> None:
    passed = FakeClock(0)
    held = Held(monotonic=passed)

    held.clock.advance(HEARTBEAT_SECONDS - 3600)
    passed.advance(HEARTBEAT_SECONDS)
    assert held.claim.is_to_be_renewed
    assert held.progress()
    assert held.claim.lease_ends_at == held.stored.due_at == NOW + HEARTBEAT_SECONDS - 3600 + LEASE_SECONDS
    assert not held.claim.is_to_be_renewed


@pytest.mark.parametrize("write", [Held.progress, lambda held: held.claim.renew()], ids=["progress", "renew"])
def test_a_write_that_is_refused_loses_the_claim_and_one_without_an_answer_does_not(
    write: Callable[[Held], bool],
) -> None:
    held = Held()
    held.store.failures = 1
    assert not write(held)
    assert not held.claim.is_lost

    held.store.apply(RUNNING.key, lifecycle.cancel("enough", now=NOW))
    assert not write(held)
    assert held.claim.lost_because == "the request was cancelled"


def test_cancelling_loses_the_claim_once_the_store_answers() -> None:
    held = Held()
    held.store.failures = 1
    assert not held.claim.cancel("nobody listens")
    assert not held.claim.is_lost

    assert held.claim.cancel("nobody listens")
    assert held.claim.lost_because == "nobody listens"
    assert held.claim.found is Status.CANCELLED
    assert held.stored.status is Status.CANCELLED
