"""What an attempt writes and tells while its action runs. The clock is a fake; so is the watching thread."""

import io
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamer_records import NOW, request_record

from streamer import Cancelled
from streamer.errors import StoreError
from streamer.observability import Logger
from streamer.records import ProgressPoint, RequestKey, RequestRecord, Status
from streamer.requests.lifecycle import HEARTBEAT_SECONDS, LEASE_SECONDS, Applied, Change, Refused
from streamer.running.audience import Audience
from streamer.running.execution import Workers
from streamer.running.held_claim import HeldClaim
from streamer.running.progress import Pace, Reporter
from streamer.stores.memory import MemoryRequestStore
from streamer.testing import FakeClock, RecordingSender

RUNNING = request_record(status=Status.PROCESSING, attempt=1, due_at=NOW + LEASE_SECONDS)


class Store(MemoryRequestStore):
    failures = 0

    def apply(self, key: RequestKey, change: Change) -> Applied | Refused:
        if self.failures:
            self.failures -= 1
            raise StoreError("no answer")
        return super().apply(key, change)


def held_claim(record: RequestRecord, store: Store, clock: FakeClock) -> HeldClaim:
    return HeldClaim(
        record,
        requests=store,
        clock=clock,
        monotonic=clock,
        sleep=clock.advance,
        ends_at=NOW + 60,
        lease_seconds=LEASE_SECONDS,
        heartbeat_seconds=HEARTBEAT_SECONDS,
        log=Logger(stream=io.StringIO()),
    )


class Attempting:
    """A reporter with all that it needs."""

    def __init__(self, record: RequestRecord = RUNNING) -> None:
        self.clock = FakeClock(NOW)
        self.sender = RecordingSender()
        self.store = Store()
        self.store.records[record.key] = record
        self.workers = Workers()
        log = Logger(stream=io.StringIO())
        self.claim = held_claim(record, self.store, self.clock)
        self.audience = Audience(record, sender_at=self.sender.at, workers=self.workers, log=log, clock=self.clock)
        self.reporter = Reporter(
            self.claim, self.audience, clock=self.clock, monotonic=self.clock, pace=Pace(), log=log
        )

    def __call__(self, *arguments: Any) -> None:
        self.reporter(*arguments)
        self.settle()

    def second(self) -> None:
        self.clock.advance(1)
        self.reporter.keep_up()
        self.settle()

    def settle(self) -> None:
        """Let everything be sent before time goes on."""
        self.audience.finish(until=time.monotonic() + 30)

    @property
    def told(self) -> list[float]:
        return [message["percentage"] for message in self.sender.to("c-1")]

    @property
    def stored(self) -> RequestRecord:
        return self.store.records[RUNNING.key]


@pytest.fixture
def progress() -> Iterator[Attempting]:
    attempting = Attempting()
    yield attempting
    attempting.workers.close()


def test_the_first_progress_is_stored_before_it_is_told_and_reserves_all_there_is(progress: Attempting) -> None:
    progress(10, "reading")

    assert progress.stored.progress == ProgressPoint(percentage=10, message="reading")
    assert progress.stored.told_percentage == 99.99
    assert progress.told == [10]


def test_further_progress_is_told_at_once_and_stored_a_second_later(progress: Attempting) -> None:
    for percentage in (10, 20, 30):
        progress(percentage)
    assert (progress.told, progress.store.calls) == ([10, 20, 30], ["UpdateItem"])

    progress.second()

    assert progress.stored.progress == ProgressPoint(percentage=30)
    assert progress.stored.told_percentage == 90  # what it does in two seconds, ahead
    assert progress.store.calls == ["UpdateItem"] * 2


def test_progress_beyond_what_is_reserved_waits_for_the_next_write(progress: Attempting) -> None:
    progress(1)
    progress.second()
    assert progress.stored.told_percentage == 6

    progress(50)
    progress(60)
    assert progress.told == [1]

    progress.second()
    assert progress.told == [1, 60]


def test_steady_progress_never_waits(progress: Attempting) -> None:
    for half_second in range(20):
        progress(half_second * 5)
        progress.clock.advance(0.5)
        if half_second % 2:
            progress.reporter.keep_up()

    assert progress.told == [half_second * 5 for half_second in range(20)]


def test_nothing_new_costs_one_more_write_to_reserve_less_and_then_none(progress: Attempting) -> None:
    progress(10)
    for _ in range(5):
        progress.second()

    assert progress.stored.told_percentage == 30
    assert progress.store.calls == ["UpdateItem"] * 2


def test_a_hundred_percent_that_waits_is_told_when_the_end_is_stored(progress: Attempting) -> None:
    progress(10)
    progress(100)
    assert progress.told == [10]

    progress.reporter.tell_rest()
    progress.reporter.tell_rest()
    progress.settle()

    assert progress.told == [10, 100]


def test_another_attempt_begins_where_no_client_was_told_more() -> None:
    progress = Attempting(replace(RUNNING, progress=ProgressPoint(percentage=30, message="old"), told_percentage=70))

    progress(10, "again")
    progress(80)

    assert progress.told == [70, 80]
    progress.workers.close()


def test_silence_costs_a_write_every_ten_seconds(progress: Attempting) -> None:
    for _ in range(30):
        progress.second()

    assert progress.store.calls == ["UpdateItem"] * 3
    assert progress.stored.due_at == NOW + 30 + LEASE_SECONDS


def test_progress_renews_the_lease_by_its_own_writes(progress: Attempting) -> None:
    for percentage in range(1, 31):
        progress(percentage)
        progress.second()

    assert len(progress.store.calls) <= 31
    assert progress.stored.due_at is not None
    assert progress.stored.due_at >= NOW + 20 + LEASE_SECONDS


def test_after_its_lease_an_attempt_says_nothing_before_it_has_renewed_it(progress: Attempting) -> None:
    progress(10)
    progress.clock.advance(LEASE_SECONDS)
    progress.store.failures = 1

    progress(20)
    assert progress.told == [10]

    progress.second()
    assert progress.told == [10, 20]
    assert progress.stored.due_at == progress.clock.now + LEASE_SECONDS


def test_an_attempt_that_was_taken_over_hears_of_it_instead(progress: Attempting) -> None:
    progress(10)
    progress.clock.advance(LEASE_SECONDS)
    progress.store.records[RUNNING.key] = replace(progress.stored, attempt=2)

    with pytest.raises(Cancelled, match="taken over"):
        progress(20)

    assert progress.told == [10]
    assert progress.claim.is_lost


@pytest.mark.parametrize("silently", [True, False])
def test_a_cancellation_is_heard_by_the_next_write(progress: Attempting, silently: bool) -> None:
    progress(10)
    progress.store.records[RUNNING.key] = replace(progress.stored, status=Status.CANCELLED, due_at=None)

    if not silently:
        progress(11)
    for _ in range(10):
        progress.second()

    assert progress.reporter.is_over
    with pytest.raises(Cancelled, match="the request was cancelled"):
        progress(12)


def test_an_action_hears_why_it_was_to_stop_first(progress: Attempting) -> None:
    progress.reporter.end("nobody was listening any more")
    progress.reporter.end("this run is over")

    with pytest.raises(Cancelled, match="nobody was listening"):
        progress(10)


def test_a_store_that_fails_holds_progress_back_but_does_not_fail_the_action(progress: Attempting) -> None:
    progress.store.failures = 1

    progress(10)
    assert progress.told == []

    progress.second()
    assert progress.told == [10]


def test_a_write_that_may_have_happened_leaves_only_what_both_allow(progress: Attempting) -> None:
    progress(10)
    progress.store.failures = 1
    progress.second()

    progress(30)
    progress(31)

    assert progress.told == [10, 30]


def test_a_write_that_may_not_have_happened_reserves_nothing_more(progress: Attempting) -> None:
    progress(10)
    progress.second()
    progress(20)
    progress.store.failures = 1
    progress.second()

    progress(35)  # what the last write would have reserved, and the one before has not
    assert progress.told == [10, 20]

    progress.second()
    assert progress.told == [10, 20, 35]


def test_progress_that_is_late_is_not_told_after_the_lease(progress: Attempting) -> None:
    free, began = threading.Event(), threading.Event()
    send = progress.sender.send

    def stuck(connection_id: str, message: str | bytes) -> None:
        began.set()
        assert free.wait(30)
        send(connection_id, message)

    progress.sender.send = stuck  # type: ignore[method-assign]
    progress.reporter(10)
    assert began.wait(30)
    progress.reporter(11)
    progress.clock.advance(LEASE_SECONDS)
    free.set()
    progress.settle()

    assert progress.told == [10]


@given(
    steps=st.lists(
        st.one_of(st.floats(0, 100), st.sampled_from(["second", "frozen", "fails"]), st.just("dies")), max_size=40
    )
)
def test_no_client_sees_progress_go_back_whatever_dies(steps: list[Any]) -> None:
    attempting = Attempting()
    told: list[float] = []
    for step in steps:
        match step:
            case "second":
                attempting.second()
            case "frozen":
                attempting.clock.advance(60)
            case "fails":
                attempting.store.failures = 1
            case "dies":
                told += attempting.told
                attempting.workers.close()
                stored = attempting.stored
                attempting = Attempting(replace(stored, attempt=stored.attempt + 1, due_at=NOW + LEASE_SECONDS))
            case _:
                attempting(step)
    told += attempting.told
    attempting.workers.close()

    assert told == sorted(told)
    assert told.count(100) <= 1
