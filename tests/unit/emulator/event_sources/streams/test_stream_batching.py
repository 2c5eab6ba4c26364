"""Batches of a lane: forming, retrying, splitting, reporting and giving up."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from emulator.event_sources.streams.batching import (
    RETENTION_SECONDS,
    Batch,
    Condition,
    GivenUp,
    Lane,
    Rules,
    lane_of,
    reported_failures,
)
from emulator.event_sources.streams.records import EventRecord
from emulator.functions.limits import EVENT_BYTES
from emulator.functions.outcome import Failed, Outcome, Refused, Returned
from streamer.topology import EventSourceMapping

FAILED: Outcome = Failed(b'{"errorMessage":"boom"}', "request-1")
OK: Outcome = Returned(b"null", "request-1")
THROTTLED = Refused(429, "TooManyRequestsException", "Rate Exceeded.")


def record(number: int, *, created_at: float = 1000.0, item: str = "a", body: bytes = b"{}") -> EventRecord:
    return EventRecord(sequence_number=str(number), item=item, created_at=created_at, body=body, event={})


def batch_of(lane: Lane, now: float = 1000.0) -> Batch:
    step = lane.next_batch(now)
    assert isinstance(step, Batch)
    return step


def given_up_by(lane: Lane, now: float) -> GivenUp:
    step = lane.next_batch(now)
    assert isinstance(step, GivenUp)
    return step


def deadline_of(lane: Lane) -> float:
    deadline = lane.deadline()
    assert deadline is not None
    return deadline


def lane_with(*numbers: int, now: float = 1000.0, **rules: Any) -> Lane:
    lane = Lane(Rules(**({"retry_seconds": (1.0, 2.0)} | rules)))
    lane.add([record(number) for number in numbers], now)
    return lane


def numbers(step: Batch | GivenUp | None) -> list[int]:
    assert step is not None
    records = step.batch.records if isinstance(step, GivenUp) else step.records
    return [int(r.sequence_number) for r in records]


def reporting(*identifiers: object) -> Returned:
    return Returned(
        json.dumps({"batchItemFailures": [{"itemIdentifier": str(i)} for i in identifiers]}).encode(), "request-1"
    )


def invoke_until_settled(
    lane: Lane, outcome_of: Callable[[list[int]], Outcome], now: float = 1000.0
) -> tuple[list[list[int]], list[GivenUp]]:
    """Invoke whatever is due, letting time pass, until the lane is empty."""
    invoked: list[list[int]] = []
    given_up: list[GivenUp] = []
    while (deadline := lane.deadline()) is not None:
        now = max(now, deadline)
        step = lane.next_batch(now)
        if isinstance(step, GivenUp):
            given_up.append(step)
        elif step is not None:
            invoked.append(numbers(step))
            settled = lane.settle(outcome_of(numbers(step)), now)
            given_up += [settled.given_up] if settled.given_up else []
    return invoked, given_up


# forming


def test_the_payload_is_the_records_in_order() -> None:
    lane = Lane(Rules())
    lane.add([record(1, body=b'{"n":1}'), record(2, body=b'{"n":2}')], 1000.0)

    assert batch_of(lane).payload() == b'{"Records":[{"n":1},{"n":2}]}'


def test_a_batch_has_at_most_batch_size_records() -> None:
    invoked, _ = invoke_until_settled(lane_with(1, 2, 3, 4, 5, batch_size=2), lambda _: OK)

    assert invoked == [[1, 2], [3, 4], [5]]


def test_a_batch_fits_the_payload_of_an_invocation() -> None:
    lane = Lane(Rules())
    lane.add([record(n, body=b"x" * (EVENT_BYTES // 3)) for n in range(4)], 1000.0)

    batch = batch_of(lane)

    assert numbers(batch) == [0, 1]
    assert len(batch.payload()) <= EVENT_BYTES


@pytest.mark.parametrize("over", [1, 2])
def test_a_batch_is_not_larger_than_a_payload_by_a_single_byte(over: int) -> None:
    first = EVENT_BYTES // 2
    lane = Lane(Rules())
    lane.add([record(1, body=b"x" * first), record(2, body=b"x" * (EVENT_BYTES - first - 15 + over))], 1000.0)

    assert numbers(batch_of(lane)) == [1]


def test_a_record_larger_than_a_payload_is_still_tried() -> None:
    lane = Lane(Rules())
    lane.add([record(1, body=b"x" * (EVENT_BYTES + 1)), record(2)], 1000.0)

    assert numbers(lane.next_batch(1000.0)) == [1]


def test_nothing_else_is_invoked_while_a_batch_is_in_flight() -> None:
    lane = lane_with(1, 2, batch_size=1)
    lane.next_batch(1000.0)

    assert lane.next_batch(1000.0) is None
    assert lane.deadline() is None


def test_the_batching_window_gathers_records() -> None:
    lane = lane_with(1, window_seconds=5, batch_size=3)
    lane.add([record(2)], 1004.0)

    assert lane.next_batch(1004.9) is None
    assert lane.deadline() == 1005.0
    assert numbers(lane.next_batch(1005.0)) == [1, 2]


@pytest.mark.parametrize(
    "fill",
    [
        pytest.param(lambda lane: lane.add([record(2), record(3)], 1000.0), id="batch size reached"),
        pytest.param(lambda lane: lane.add([record(2, body=b"x" * EVENT_BYTES)], 1000.0), id="6 MB reached"),
        pytest.param(lambda lane: lane.close(), id="the shard ended"),
    ],
)
def test_the_batching_window_ends_early(fill: Callable[[Lane], None]) -> None:
    lane = lane_with(1, window_seconds=300, batch_size=3)

    fill(lane)

    assert lane.deadline() == 0.0
    assert isinstance(lane.next_batch(1000.0), Batch)


def test_a_lane_that_holds_two_events_of_6_mb_is_full_until_one_is_taken() -> None:
    lane = Lane(Rules(batch_size=100, window_seconds=300))
    lane.add([record(n, body=b"x" * (EVENT_BYTES // 2)) for n in range(4)], 1000.0)
    assert lane.is_full

    batch_of(lane)
    assert not lane.is_full
    lane.settle(OK, 1000.0)
    for _ in range(2):
        batch_of(lane)
        lane.settle(OK, 1000.0)

    lane.add([record(5)], 1000.0)
    assert lane.next_batch(1000.0) is None, "what was taken counts no more: the window is waited for"


def test_a_lane_with_two_batches_is_full() -> None:
    lane = lane_with(1, 2, 3, batch_size=2)
    assert not lane.is_full

    lane.add([record(4)], 1000.0)

    assert lane.is_full


# function errors


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_n_retries_are_n_plus_one_invocations(retries: int) -> None:
    invoked, (given_up,) = invoke_until_settled(lane_with(1, 2, maximum_retries=retries), lambda _: FAILED)

    assert invoked == [[1, 2]] * (retries + 1)
    assert given_up.condition is Condition.RETRIES
    assert given_up.batch.attempts == retries + 1


def test_a_failed_batch_blocks_what_comes_after_it() -> None:
    lane = lane_with(1, 2, batch_size=1)
    lane.next_batch(1000.0)
    lane.settle(FAILED, 1000.0)

    assert lane.next_batch(1000.5) is None
    assert numbers(lane.next_batch(1001.0)) == [1]


def test_pauses_grow_to_the_last_of_the_schedule() -> None:
    lane, now, pauses = lane_with(1), 1000.0, []
    for _ in range(4):
        lane.next_batch(now)
        lane.settle(FAILED, now)
        pauses.append(deadline_of(lane) - now)
        now = deadline_of(lane)

    assert pauses == [1.0, 2.0, 2.0, 2.0]


def test_throttles_and_service_errors_use_up_no_retry() -> None:
    outcomes = iter([THROTTLED, Refused(500, "ServiceException", ""), FAILED, THROTTLED, FAILED])

    invoked, (given_up,) = invoke_until_settled(lane_with(1, maximum_retries=1), lambda _: next(outcomes))

    assert len(invoked) == 5
    assert given_up.batch.attempts == 2


def test_bisecting_isolates_the_poison_record_and_uses_up_no_retry() -> None:
    lane = lane_with(*range(1, 9), maximum_retries=0, bisects=True)

    invoked, given_up = invoke_until_settled(lane, lambda batch: FAILED if 6 in batch else OK)

    assert invoked == [[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4], [5, 6, 7, 8], [5, 6], [5], [6], [7, 8]]
    assert [numbers(g) for g in given_up] == [[6]]


# age


def test_records_that_grew_too_old_are_given_up_and_the_younger_are_tried_on() -> None:
    lane = Lane(Rules(maximum_age_seconds=60, retry_seconds=(30.0,)))
    lane.add([record(1, created_at=1000.0), record(2, created_at=1040.0)], 1040.0)
    lane.next_batch(1040.0)
    lane.settle(FAILED, 1040.0)

    given_up = given_up_by(lane, 1060.0)

    assert (numbers(given_up), given_up.condition, given_up.batch.attempts) == ([1], Condition.AGE, 1)
    assert numbers(lane.next_batch(1070.0)) == [2]


def test_the_deadline_is_not_later_than_the_oldest_records_age() -> None:
    lane = Lane(Rules(maximum_age_seconds=60, retry_seconds=(300.0,)))
    lane.add([record(1)], 1000.0)
    lane.next_batch(1000.0)
    lane.settle(FAILED, 1000.0)

    assert lane.deadline() == 1060.0


def test_records_that_are_too_old_at_first_sight_never_reach_the_function() -> None:
    lane = lane_with(1, 2, maximum_age_seconds=60)

    given_up = given_up_by(lane, 1100.0)

    assert (numbers(given_up), given_up.condition, given_up.batch.last) == ([1, 2], Condition.AGE, None)
    assert lane.deadline() is None


# ReportBatchItemFailures


@pytest.mark.parametrize(
    ("payload", "meaning"),
    [
        pytest.param(b"[]", set(), id="empty list"),
        pytest.param(b"null", set(), id="None"),
        pytest.param(b"{}", set(), id="empty object"),
        pytest.param(b'{"batchItemFailures":[]}', set(), id="no failures"),
        pytest.param(b'{"batchItemFailures":null}', set(), id="null failures"),
        pytest.param(b'{"statusCode":200}', set(), id="another object"),
        pytest.param(b'"done"', set(), id="text"),
        pytest.param(b'{"batchItemFailures":[{"itemIdentifier":"7"}]}', {"7"}, id="one failure"),
        pytest.param(b'{"batchItemFailures":[{}]}', None, id="identifier missing"),
        pytest.param(b'{"batchItemFailures":[{"itemIdentifier":""}]}', None, id="identifier empty"),
        pytest.param(b'{"batchItemFailures":[{"itemIdentifier":null}]}', None, id="identifier null"),
        pytest.param(b'{"batchItemFailures":[{"id":"7"}]}', None, id="wrong key"),
        pytest.param(b'{"batchItemFailures":["7"]}', None, id="not an object"),
        pytest.param(b'{"batchItemFailures":"7"}', None, id="not a list"),
        pytest.param(b'{"batchItemFailures":7}', None, id="nothing to go through"),
        pytest.param(b"[" * 100_000, None, id="nested too deeply to be read"),
        pytest.param(b"\xff", None, id="not JSON"),
    ],
)
def test_what_a_result_reports(payload: bytes, meaning: set[str] | None) -> None:
    assert reported_failures(payload) == meaning


def test_without_the_setting_a_report_means_nothing() -> None:
    invoked, _ = invoke_until_settled(lane_with(1, 2), lambda _: reporting(1))

    assert invoked == [[1, 2]]


def test_retries_go_on_from_the_lowest_reported_record() -> None:
    outcomes = iter([reporting(4, 2), OK])

    invoked, _ = invoke_until_settled(lane_with(1, 2, 3, 4, reports_item_failures=True), lambda _: next(outcomes))

    assert invoked == [[1, 2, 3, 4], [2, 3, 4]]


def test_what_is_given_up_is_only_the_part_that_still_fails() -> None:
    lane = lane_with(1, 2, 3, reports_item_failures=True, maximum_retries=1)

    invoked, (given_up,) = invoke_until_settled(lane, lambda _: reporting(3))

    assert invoked == [[1, 2, 3], [3]]
    assert numbers(given_up) == [3]
    assert given_up.batch.attempts == 2


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        pytest.param(reporting(9), "names 9, not in the batch", id="a stranger"),
        pytest.param(Returned(b'{"batchItemFailures":[{}]}', "r"), "malformed", id="malformed"),
    ],
)
def test_a_report_that_makes_no_sense_fails_the_whole_batch_with_a_warning(outcome: Outcome, says: str) -> None:
    lane = lane_with(1, 2, reports_item_failures=True)
    lane.next_batch(1000.0)

    settled = lane.settle(outcome, 1000.0)

    assert not settled.ok
    assert says in (settled.warning or "")
    assert numbers(lane.next_batch(1001.0)) == [1, 2]


def test_with_bisecting_a_report_splits_at_the_reported_record_and_uses_up_no_retry() -> None:
    lane = lane_with(1, 2, 3, 4, reports_item_failures=True, bisects=True, maximum_retries=0)

    invoked, (given_up,) = invoke_until_settled(lane, lambda batch: reporting(3) if 3 in batch else OK)

    assert invoked == [[1, 2, 3, 4], [3, 4]]
    assert numbers(given_up) == [3, 4]


def test_with_bisecting_a_function_error_halves_the_batch_despite_reports() -> None:
    lane = lane_with(1, 2, reports_item_failures=True, bisects=True, maximum_retries=0)

    invoked, (given_up,) = invoke_until_settled(lane, lambda batch: FAILED if 2 in batch else OK)

    assert invoked == [[1, 2], [1], [2]]
    assert numbers(given_up) == [2]


# settings


def test_rules_of_a_mapping() -> None:
    defaults = Rules.of(EventSourceMapping(function="f", table="t"))

    assert defaults.maximum_retries is None
    assert defaults.maximum_age_seconds == RETENTION_SECONDS
    assert Rules.of(EventSourceMapping(function="f", table="t", maximum_retry_attempts=0)).maximum_retries == 0


@pytest.mark.parametrize("lanes", [1, 2, 10])
def test_records_of_one_partition_key_share_a_lane_and_all_lanes_are_used(lanes: int) -> None:
    found = [lane_of(record(1, item=str(item)), lanes) for item in range(200)]

    assert found == [lane_of(record(2, item=str(item)), lanes) for item in range(200)]
    assert set(found) == set(range(lanes))


class LaneMachine(RuleBasedStateMachine):
    """Random records, outcomes and times: nothing is lost, nothing overtakes, nothing blocks for ever."""

    @initialize(
        batch_size=st.integers(1, 7),
        window=st.sampled_from([0.0, 3.0]),
        retries=st.one_of(st.none(), st.integers(0, 3)),
        age=st.sampled_from([60.0, float(RETENTION_SECONDS)]),
        bisects=st.booleans(),
        reports=st.booleans(),
    )
    def start(
        self, *, batch_size: int, window: float, retries: int | None, age: float, bisects: bool, reports: bool
    ) -> None:
        self.wanted = Rules(
            batch_size=batch_size,
            window_seconds=window,
            maximum_retries=retries,
            maximum_age_seconds=age,
            bisects=bisects,
            reports_item_failures=reports,
            retry_seconds=(1.0, 5.0),
        )
        self.lane = Lane(self.wanted)
        self.now = 1000.0
        self.added = 0
        self.finished: list[int] = []  # done or given up, in that order
        self.batch: Batch | None = None

    @rule(count=st.integers(1, 12))
    def records_arrive(self, count: int) -> None:
        self.lane.add([record(n, created_at=self.now) for n in range(self.added, self.added + count)], self.now)
        self.added += count

    @rule(seconds=st.sampled_from([0.5, 2.0, 20.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.batch is None)
    @rule()
    def ask(self) -> None:
        due = self.lane.deadline()
        step = self.lane.next_batch(self.now)
        assert (step is not None) == (due is not None and due <= self.now)
        if isinstance(step, GivenUp):
            self.finished += numbers(step)
        elif step is not None:
            assert 1 <= len(step.records) <= self.wanted.batch_size
            self.batch = step

    @precondition(lambda self: self.batch is not None)
    @rule(kind=st.sampled_from(["ok", "failed", "throttled", "report", "stranger"]), data=st.data())
    def the_function_ends(self, kind: str, data: st.DataObject) -> None:
        sent = numbers(self.batch)
        first = data.draw(st.sampled_from(sent)) if kind == "report" else 0
        outcomes: dict[str, Outcome] = {
            "ok": OK,
            "failed": FAILED,
            "throttled": THROTTLED,
            "report": reporting(first),
            "stranger": reporting(-1),
        }
        settled = self.lane.settle(outcomes[kind], self.now)
        ignored = kind in ("report", "stranger") and not self.wanted.reports_item_failures
        given_up = numbers(settled.given_up) if settled.given_up else []
        if kind == "ok" or ignored:
            assert settled.ok
            self.finished += sent
        else:
            assert not settled.ok
            if kind == "report":
                self.finished += [n for n in sent if n < first]
            self.finished += given_up
        self.batch = None

    @invariant()
    def nothing_is_lost_and_nothing_overtakes(self) -> None:
        if hasattr(self, "lane"):
            assert self.finished == list(range(len(self.finished)))
            assert len(self.finished) + len(self.lane) == self.added

    def teardown(self) -> None:
        if not hasattr(self, "lane"):
            return
        if self.batch is not None:
            self.lane.settle(OK, self.now)
            self.finished += numbers(self.batch)
        if self.wanted.maximum_retries is not None:
            # Poison to the end: with finite retries the lane still empties.
            self.lane.close()
            _, given_up = invoke_until_settled(self.lane, lambda _: FAILED, self.now)
            assert self.lane.is_done
            assert sorted(n for g in given_up for n in numbers(g)) == list(range(len(self.finished), self.added))


TestLaneMachine = LaneMachine.TestCase
TestLaneMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
