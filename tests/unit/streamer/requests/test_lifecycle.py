import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamer_records import NOW, request_record

from streamer.records import KEPT_SECONDS, SHARDS, Failure, ProgressPoint, RequestKey, RequestRecord, Status
from streamer.requests import lifecycle
from streamer.requests.lifecycle import TRANSITIONS, Applied, Change, Refused, Step, is_final
from streamer.requests.runs import Run

FAILURE = Failure(code="PROCESSING_FAILED", message="no")


def changes(attempt: int = 1) -> dict[Step, Change]:
    return {
        Step.CLAIM: lifecycle.claim(runner="me", now=NOW, lease_seconds=60),
        Step.PROGRESS: lifecycle.progress(ProgressPoint(percentage=5), attempt=attempt, now=NOW),
        Step.COMPLETE: lifecycle.complete("7", attempt=attempt, now=NOW),
        Step.FAIL: lifecycle.fail(FAILURE, attempt=attempt, now=NOW),
        Step.RENEW: lifecycle.renew(attempt=attempt, now=NOW),
        Step.RETRY: lifecycle.retry(FAILURE, attempt=attempt, now=NOW, due_at=NOW + 2, told_percentage=40),
        Step.CANCEL: lifecycle.cancel("enough", now=NOW),
        Step.REOPEN: lifecycle.reopen(attempt=attempt, further_attempts=2, now=NOW),
    }


OF_AN_ATTEMPT = [Step.PROGRESS, Step.RENEW, Step.COMPLETE, Step.RETRY, Step.FAIL]


def test_the_table_lists_every_status() -> None:
    assert set(TRANSITIONS) == set(Status)


def test_every_status_can_be_reached_from_the_first() -> None:
    reached, new = {Status.PENDING}, {Status.PENDING}
    while new:
        new = {to for status in new for to in TRANSITIONS[status].values()} - reached
        reached |= new

    assert reached == set(Status)


def test_three_statuses_are_final() -> None:
    assert {status for status in Status if is_final(status)} == {Status.COMPLETED, Status.FAILED, Status.CANCELLED}


@pytest.mark.parametrize("step", [*OF_AN_ATTEMPT, Step.CANCEL, Step.REOPEN])
@pytest.mark.parametrize("status", Status)
def test_a_change_goes_along_the_table(step: Step, status: Status) -> None:
    record = request_record(status=status, attempt=1, due_at=NOW + 60)
    change = changes()[step]

    assert change.admits(record) == (step in TRANSITIONS[status])
    if change.admits(record):
        assert change.applied_to(record).status is TRANSITIONS[status][step]


@pytest.mark.parametrize("step", OF_AN_ATTEMPT)
def test_an_older_attempt_writes_nothing_any_more(step: Step) -> None:
    taken_over = request_record(status=Status.PROCESSING, attempt=2, due_at=NOW + 60)

    assert not changes(attempt=1)[step].admits(taken_over)


@pytest.mark.parametrize(
    ("status", "due_at", "claimable"),
    [
        pytest.param(Status.PENDING, None, True, id="waiting"),
        pytest.param(Status.RETRYING, NOW + 1, False, id="its pause is not over"),
        pytest.param(Status.RETRYING, NOW, True, id="waiting for another attempt"),
        pytest.param(Status.PROCESSING, NOW + 1, False, id="running"),
        pytest.param(Status.PROCESSING, NOW, True, id="lease ran out"),
        pytest.param(Status.PROCESSING, None, False, id="running without a lease"),
        pytest.param(Status.COMPLETED, NOW - 9, False, id="completed"),
        pytest.param(Status.FAILED, NOW - 9, False, id="failed"),
        pytest.param(Status.CANCELLED, NOW - 9, False, id="cancelled"),
    ],
)
def test_what_may_be_claimed(status: Status, due_at: float | None, claimable: bool) -> None:
    record = request_record(status=status, attempt=1, due_at=due_at)

    assert changes()[Step.CLAIM].admits(record) is claimable


def test_a_claim_counts_an_attempt_and_takes_a_lease() -> None:
    claimed = changes()[Step.CLAIM].applied_to(request_record(attempt=1))

    assert (claimed.status, claimed.attempt, claimed.due_at, claimed.runner) == (
        Status.PROCESSING,
        2,
        NOW + 60,
        "me",
    )


@pytest.mark.parametrize("step", [Step.COMPLETE, Step.FAIL])
def test_an_end_gives_the_lease_back(step: Step) -> None:
    running = request_record(status=Status.PROCESSING, attempt=1, due_at=NOW + 60)

    assert changes()[step].applied_to(running).due_at is None


@given(st.lists(st.sampled_from([Step.CLAIM, Step.PROGRESS, Step.COMPLETE, Step.FAIL]), max_size=12))
def test_nothing_ever_happens_to_a_request_that_ended(steps: list[Step]) -> None:
    record = request_record()
    for step in steps:
        change = changes(record.attempt)[step]
        if change.admits(record):
            assert not is_final(record.status)
            record = change.applied_to(record)


def _processing(**fields: object) -> RequestRecord:
    return request_record(status=Status.PROCESSING, attempt=1, due_at=NOW + 60, **fields)


@pytest.mark.parametrize(
    ("outcome", "is_mine"),
    [
        pytest.param(Applied(_processing(runner="me")), True, id="applied"),
        pytest.param(Refused(_processing(runner="me")), True, id="applied before, its answer was lost"),
        pytest.param(Refused(_processing(runner="other")), False, id="somebody else's"),
        pytest.param(Refused(replace(_processing(runner="me"), status=Status.COMPLETED)), False, id="mine, but over"),
        pytest.param(Refused(None), False, id="no such request"),
    ],
)
def test_who_owns_a_claimed_request(outcome: Applied | Refused, is_mine: bool) -> None:
    assert (lifecycle.claimed(outcome, runner="me") is not None) is is_mine


@pytest.mark.parametrize(
    ("outcome", "is_mine"),
    [
        pytest.param(Applied(), True, id="applied"),
        pytest.param(Refused(request_record(status=Status.COMPLETED, attempt=1)), True, id="its answer was lost"),
        pytest.param(Refused(request_record(status=Status.COMPLETED, attempt=2)), False, id="another attempt's"),
        pytest.param(Refused(request_record(status=Status.CANCELLED, attempt=1)), False, id="cancelled"),
        pytest.param(Refused(None), False, id="no such request"),
    ],
)
def test_whose_end_is_stored(outcome: Applied | Refused, is_mine: bool) -> None:
    assert lifecycle.is_settled_by(outcome, lifecycle.complete("7", attempt=1, now=NOW), attempt=1) is is_mine


# progress


@pytest.mark.parametrize(
    ("last", "percentage", "told"),
    [
        pytest.param(None, 0, 0, id="first"),
        pytest.param(10, 20, 20, id="forward"),
        pytest.param(20, 10, 20, id="backward"),
        pytest.param(None, -5, 0, id="below 0"),
        pytest.param(10, 250, 100, id="above 100"),
        pytest.param(None, 33.3333, 33.33, id="two decimals"),
        pytest.param(None, 99.9999, 99.99, id="nearly 100"),
        pytest.param(None, 99.99999999, 99.99, id="nearer to 100"),
        pytest.param(None, 0.29, 0.29, id="no whole number of hundredths in binary"),
        pytest.param(None, 70.0, 70, id="whole"),
        pytest.param(None, math.inf, 100, id="infinite"),
        pytest.param(None, -math.inf, 0, id="negative infinite"),
        pytest.param(100, 100, None, id="100 again"),
        pytest.param(100, 5, None, id="after 100"),
    ],
)
def test_progress_never_goes_back(last: float | None, percentage: float, told: float | None) -> None:
    point = lifecycle.advanced(None if last is None else ProgressPoint(percentage=last), percentage, "now", None)

    assert (None if point is None else point.percentage) == told


@given(st.lists(st.floats(allow_nan=False), max_size=30))
def test_any_sequence_of_reports_is_told_in_order_with_one_100(reports: list[float]) -> None:
    told, last = [], None
    for percentage in reports:
        point = lifecycle.advanced(last, percentage, "", None)
        if point is not None:
            told.append(point.percentage)
            last = point

    assert told == sorted(told)
    assert all(0 <= percentage <= 100 for percentage in told)
    assert told.count(100) <= 1


@pytest.mark.parametrize("percentage", [None, "50", True, math.nan])
def test_a_percentage_is_a_number(percentage: object) -> None:
    with pytest.raises(ValueError, match="progress needs a percentage"):
        lifecycle.advanced(None, percentage, "", None)  # type: ignore[arg-type]


# pauses, the sweep and operators


def test_a_failed_attempt_leaves_when_the_next_one_is_due_and_what_was_told() -> None:
    after = changes()[Step.RETRY].applied_to(request_record(status=Status.PROCESSING, attempt=1, due_at=NOW + 45))

    assert (after.status, after.attempt, after.due_at, after.told_percentage) == (Status.RETRYING, 1, NOW + 2, 40)
    assert after.error == FAILURE


def test_a_request_that_is_complete_has_no_error_of_an_earlier_attempt() -> None:
    record = request_record(status=Status.PROCESSING, attempt=2, error=FAILURE)

    assert lifecycle.complete("7", attempt=2, now=NOW).applied_to(record).error is None


def test_only_the_lease_of_the_attempt_that_is_gone_is_released() -> None:
    change = lifecycle.release(attempt=1, now=NOW)

    assert change.applied_to(request_record(status=Status.PROCESSING, attempt=1, due_at=NOW + 45)).due_at == NOW
    assert change.admits(request_record(status=Status.PROCESSING, attempt=1))
    assert not change.admits(request_record(status=Status.PROCESSING, attempt=2))


@pytest.mark.parametrize(
    ("status", "tells", "invocation", "expected"),
    [
        pytest.param(Status.CANCELLED, True, "other", True, id="a cancellation that the run is for"),
        pytest.param(Status.CANCELLED, False, "mine", False, id="a cancellation that it is not for"),
        pytest.param(Status.COMPLETED, False, "mine", True, id="an end of a run before of the same event"),
        pytest.param(Status.COMPLETED, False, "other", False, id="an end of another event's run"),
        pytest.param(Status.PROCESSING, True, "mine", False, id="no end"),
    ],
)
def test_which_run_tells_of_an_end(status: Status, tells: bool, invocation: str, expected: bool) -> None:
    record = request_record(status=status, runner=lifecycle.runner_of("mine", "1"))
    run = Run(record.key, tells=tells)

    assert lifecycle.is_to_be_told(record, run, invocation=invocation) is expected


def test_an_attempt_may_be_the_only_one_that_can_cancel() -> None:
    change = lifecycle.cancel("enough", now=NOW, attempt=1)

    assert change.admits(request_record(status=Status.PROCESSING, attempt=1))
    assert not change.admits(request_record(status=Status.PROCESSING, attempt=2))


def test_only_a_request_that_waits_for_its_first_attempt_is_postponed() -> None:
    change = lifecycle.postpone(now=NOW)

    assert [status for status in Status if change.admits(request_record(status=status, due_at=NOW))] == [Status.PENDING]
    assert not change.admits(request_record(due_at=NOW + 1))
    assert change.applied_to(request_record(due_at=NOW)).due_at == NOW + 300


@pytest.mark.parametrize("status", [Status.PROCESSING, Status.RETRYING])
def test_what_a_clock_that_was_set_back_put_off_may_be_claimed(status: Status) -> None:
    change = lifecycle.claim(runner="me", now=NOW)

    assert change.admits(request_record(status=status, due_at=NOW + 7200))
    assert not change.admits(request_record(status=status, due_at=NOW + lifecycle.FAR_SECONDS))


@pytest.mark.parametrize("step", [Step.COMPLETE, Step.FAIL, Step.CANCEL], ids=str)
def test_a_request_expires_only_after_its_end(step: Step) -> None:
    running = lifecycle.claim(runner="me", now=NOW).applied_to(request_record(expires_at=int(NOW) + 1))
    assert running.expires_at is None

    over = changes()[step].applied_to(running)
    assert over.expires_at == int(NOW) + KEPT_SECONDS

    assert changes()[Step.REOPEN].applied_to(over).expires_at is None


def test_a_reopened_request_may_be_tried_so_many_times_more() -> None:
    failed = request_record(status=Status.FAILED, attempt=1, max_attempts=1, error=FAILURE)

    after = changes()[Step.REOPEN].applied_to(failed)

    assert (after.status, after.attempt, after.max_attempts, after.error) == (Status.PENDING, 1, 3, None)


def test_only_an_operator_leads_out_of_a_final_status() -> None:
    assert {step for status in Status if is_final(status) for step in TRANSITIONS[status]} == {Step.REOPEN}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"status": Status.RETRYING, "due_at": NOW + 9}, NOW + 9, id="its pause is not over"),
        pytest.param(
            {"status": Status.PROCESSING, "due_at": NOW + 9, "runner": "i-1/a"},
            NOW + 9,
            id="an earlier run of this event",
        ),
        pytest.param(
            {"status": Status.PROCESSING, "due_at": NOW + 9, "runner": "i-2/a"}, None, id="a run of another event"
        ),
        pytest.param({"status": Status.RETRYING, "due_at": NOW - 9}, NOW, id="its pause is over by now"),
        pytest.param(
            {"status": Status.PROCESSING, "due_at": NOW - 9, "runner": "i-1/a"}, NOW, id="a dead run of this event"
        ),
        pytest.param(
            {"status": Status.PROCESSING, "due_at": NOW - 9, "runner": "i-2/a"}, None, id="a dead run of another event"
        ),
        pytest.param({"status": Status.PENDING}, NOW, id="reopened meanwhile"),
        pytest.param({"status": Status.PENDING, "due_at": NOW - 9}, NOW, id="reopened, and waiting for long"),
        pytest.param({"status": Status.COMPLETED, "runner": "i-1/a"}, None, id="over"),
    ],
)
def test_when_a_run_that_came_in_vain_tries_again(fields: dict[str, Any], expected: float | None) -> None:
    assert lifecycle.claimable_at(request_record(**fields), invocation="i-1", now=NOW) == expected


@pytest.mark.parametrize("invocation", ["i-1", "a/b", ""])
def test_a_runner_belongs_to_its_invocation(invocation: str) -> None:
    record = request_record(runner=lifecycle.runner_of(invocation, "new"))

    assert lifecycle.is_run_of(record, invocation)
    assert not lifecycle.is_run_of(record, f"{invocation}x")
    assert not lifecycle.is_run_of(request_record(), invocation)


@given(owner=st.text(max_size=20), request_id=st.text(max_size=20))
def test_every_request_has_one_shard(owner: str, request_id: str) -> None:
    assert RequestKey(owner, request_id).shard in SHARDS


@given(percentage=st.floats(0, 99.99), since=st.floats(0, 99.99), seconds=st.floats(0, 900))
def test_a_reservation_is_ahead_but_never_all(percentage: float, since: float, seconds: float) -> None:
    point = ProgressPoint(percentage=percentage)

    reserved = lifecycle.reserved(point, since=since, seconds=seconds)

    assert percentage <= reserved <= lifecycle.HIGHEST_UNFINISHED
    assert reserved in (int(reserved), lifecycle.HIGHEST_UNFINISHED)
