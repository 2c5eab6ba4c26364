"""What follows upon an attempt: another one, a final message that was not told, a take-over, a cancellation."""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from streamer_records import NOW, failure_of, request_record

from streamer import ActionError, App, Cancelled, ErrorCode, Progress, Request, RetryableError
from streamer.errors import StoreError
from streamer.records import Failure, ProgressPoint, RequestRecord, Status
from streamer.requests import lifecycle
from streamer.requests.lifecycle import LEASE_SECONDS
from streamer.running.execution import Workers
from streamer.running.progress import Pace
from streamer.stores.memory import MemoryRequestStore
from streamer.testing import FakeClock, FakeContext, Handlers, RecordingSender, run_event

KEY = request_record().key
RETRYING = request_record(
    status=Status.RETRYING, attempt=1, max_attempts=3, due_at=NOW + 7, error=Failure(code="TIMEOUT", message="slow")
)


@dataclass
class World:
    act: Callable[..., Any] = lambda request, progress: "done"
    options: Mapping[str, Any] = field(default_factory=dict)
    pace: Pace = field(default_factory=lambda: Pace(stored_progress_seconds=0.001))
    abandonment_seconds: float = 30.0
    requests: MemoryRequestStore = field(default_factory=MemoryRequestStore)
    sender: RecordingSender = field(default_factory=RecordingSender)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    workers: Workers = field(default_factory=Workers)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        app, ids = App(), itertools.count(1)
        app.action("report", queued=True, **self.options)(self.act)
        self.processor = Handlers(
            app=app,
            requests=self.requests,
            sender_at=self.sender.at,
            workers=self.workers,
            clock=self.clock,
            sleep=self.sleep,
            jitter=lambda: 0.5,
            pace=self.pace,
            abandonment_seconds=self.abandonment_seconds,
            new_id=lambda: f"id-{next(ids)}",
        ).processor

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    def run(
        self,
        record: RequestRecord,
        *,
        invocation: str = "invocation-1",
        remaining_seconds: float = 900.0,
        **event: Any,
    ) -> RequestRecord:
        """Run a request and return what is stored of it afterwards."""
        self.requests.records[record.key] = record
        self.processor(
            run_event(record.key, **event),
            FakeContext(aws_request_id=invocation, remaining_seconds=remaining_seconds),
        )
        return self.requests.records[record.key]

    @property
    def told(self) -> list[dict[str, Any]]:
        return [{n: v for n, v in message.items() if n != "timestamp"} for message in self.sender.to("c-1")]


@pytest.fixture
def make() -> Iterator[Callable[..., World]]:
    """Makes worlds, and ends their threads."""
    worlds: list[World] = []

    def made(*arguments: Any, **fields: Any) -> World:
        worlds.append(World(*arguments, **fields))
        return worlds[-1]

    yield made
    for world in worlds:
        world.workers.close()


def _raise(error: Exception) -> Callable[..., Any]:
    def act(request: Request, progress: Progress) -> None:
        raise error

    return act


# another attempt


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(RetryableError("the disk is full"), "PROCESSING_FAILED", id="RetryableError"),
        pytest.param(
            ActionError("later", retryable=True, code=ErrorCode.SERVICE_UNAVAILABLE), "SERVICE_UNAVAILABLE", id="marked"
        ),
        pytest.param(TimeoutError("slow"), "TIMEOUT", id="timeout"),
    ],
)
def test_a_failure_that_may_pass_is_followed_by_another_attempt(
    make: Callable[..., World], error: Exception, code: str
) -> None:
    world = make(_raise(error))

    stored = world.run(request_record(max_attempts=3))

    assert (stored.status, stored.attempt, stored.due_at, failure_of(stored).code) == (
        Status.RETRYING,
        1,
        NOW + 0.5,
        code,
    )
    (told,) = world.told
    assert {**told, "error": told["error"]["code"]} == {
        "type": "retrying",
        "request_id": "r-1",
        "attempt": 1,
        "max_attempts": 3,
        "retry_in": 0.5,
        "error": code,
    }


@pytest.mark.parametrize(
    ("timeout_seconds", "remaining_seconds"),
    [
        pytest.param(0.01, 900.0, id="for itself"),
        pytest.param(900.0, 0.04, id="for its function"),
    ],
)
def test_an_action_that_takes_too_long_is_tried_again(
    make: Callable[..., World], timeout_seconds: float, remaining_seconds: float
) -> None:
    release = threading.Event()
    world = make(lambda request, progress: release.wait(30), options={"timeout_seconds": timeout_seconds})

    stored = world.run(request_record(max_attempts=2), remaining_seconds=remaining_seconds)
    release.set()

    assert (stored.status, failure_of(stored).code) == (Status.RETRYING, "TIMEOUT")


def test_after_the_last_attempt_there_is_one_final_message(make: Callable[..., World]) -> None:
    world = make(_raise(RetryableError("the disk is full")))

    stored = world.run(request_record(attempt=2, max_attempts=3))

    assert (stored.status, stored.attempt, stored.due_at) == (Status.FAILED, 3, None)
    assert [(message["type"], message["error"]["retryable"]) for message in world.told] == [("error", True)]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("no"), id="unexpected"),
        pytest.param(ActionError("no"), id="not marked"),
        pytest.param(ActionError("no", code=ErrorCode.VALIDATION_ERROR, retryable=True), id="validation"),
    ],
)
def test_a_failure_that_stays_is_final_at_once(make: Callable[..., World], error: Exception) -> None:
    assert make(_raise(error)).run(request_record(max_attempts=3)).status is Status.FAILED


def test_a_payload_that_is_not_valid_any_more_is_never_tried_again(make: Callable[..., World]) -> None:
    world = make(options={"validator": lambda payload: False})

    assert failure_of(world.run(request_record(max_attempts=3))).code == "VALIDATION_ERROR"


def test_the_next_attempt_waits_until_it_is_due_and_forgets_the_error(make: Callable[..., World]) -> None:
    world = make(lambda request, progress: request.attempt)

    stored = world.run(RETRYING, not_before=RETRYING.due_at)

    assert world.slept == [7]
    assert world.requests.calls == ["UpdateItem", "UpdateItem"]
    assert (stored.status, stored.result_json, stored.error) == (Status.COMPLETED, "2", None)


def test_a_run_that_does_not_know_when_waits_as_well(make: Callable[..., World]) -> None:
    world = make()

    assert world.run(RETRYING).status is Status.COMPLETED
    assert world.slept == [7]


def test_a_pause_that_would_take_most_of_the_runs_time_is_left_to_the_sweep(make: Callable[..., World]) -> None:
    world = make()

    assert world.run(RETRYING, not_before=RETRYING.due_at, remaining_seconds=10) == RETRYING
    assert (world.slept, world.requests.calls) == ([], [])


def test_progress_of_the_next_attempt_goes_on_from_what_was_told(make: Callable[..., World]) -> None:
    def act(request: Request, progress: Progress) -> None:
        progress(60 if request.attempt == 1 else 20)
        if request.attempt == 1:
            raise RetryableError("again")

    world = make(act)
    stored = world.run(request_record(max_attempts=2))
    world.run(stored)

    assert [message["percentage"] for message in world.told if message["type"] == "progress"] == [60, 60]


def test_progress_of_a_request_that_is_reopened_goes_on_from_what_was_told(make: Callable[..., World]) -> None:
    def act(request: Request, progress: Progress) -> None:
        progress(10 if request.attempt == 1 else 30)
        if request.attempt == 1:
            raise ActionError("the disk is full")

    world = make(act)
    failed = world.run(request_record())
    world.run(lifecycle.reopen(attempt=1, further_attempts=1, now=NOW).applied_to(failed))

    assert [message["percentage"] for message in world.told if message["type"] == "progress"] == [10, 30]


# a final that was stored but perhaps not told


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        pytest.param(
            {"status": Status.COMPLETED, "result_json": "7"},
            {"type": "complete", "request_id": "r-1", "result": 7},
            id="completed",
        ),
        pytest.param(
            {"status": Status.FAILED, "error": Failure(code="X", message="no")},
            {"type": "error", "request_id": "r-1", "error": {"code": "X", "message": "no", "retryable": False}},
            id="failed",
        ),
    ],
)
def test_an_event_that_comes_again_tells_what_its_first_run_stored(
    make: Callable[..., World], ended: dict[str, Any], told: dict[str, Any]
) -> None:
    world = make(_raise(AssertionError("must not run")))
    record = request_record(attempt=1, runner="invocation-1/id-9", **ended)

    assert world.run(record) == record
    assert world.told == [told]


def test_another_event_tells_nothing(make: Callable[..., World]) -> None:
    world = make()
    world.run(request_record(status=Status.COMPLETED, attempt=1, result_json="7", runner="invocation-9/id-9"))

    assert world.told == []


@pytest.mark.parametrize(("tells", "count"), [(True, 1), (False, 0)])
def test_a_cancellation_is_told_by_the_run_that_is_started_for_it(
    make: Callable[..., World], tells: bool, count: int
) -> None:
    world = make()
    reason = Failure(code="CANCELLED", message="too late")
    record = request_record(status=Status.CANCELLED, attempt=1, runner="invocation-1/id-9", error=reason)

    world.run(record, tells=tells)

    assert world.told == [{"type": "cancelled", "request_id": "r-1", "reason": "too late"}] * count


# take-over


def test_an_event_that_comes_again_waits_for_the_lease_of_its_dead_run(make: Callable[..., World]) -> None:
    world = make(lambda request, progress: request.attempt)
    dead = request_record(
        status=Status.PROCESSING, attempt=1, max_attempts=2, due_at=NOW + 40, runner="invocation-1/id-9"
    )

    assert world.run(dead).result_json == "2"
    assert world.slept == [40]


def test_another_event_leaves_a_live_lease_alone(make: Callable[..., World]) -> None:
    world = make()
    running = request_record(
        status=Status.PROCESSING, attempt=1, max_attempts=2, due_at=NOW + 40, runner="invocation-9/id-9"
    )

    assert world.run(running) == running
    assert world.slept == []


def test_an_attempt_that_lives_keeps_its_lease(make: Callable[..., World]) -> None:
    renewed = threading.Event()

    class Watched(MemoryRequestStore):
        def apply(self, key: Any, change: Any) -> Any:
            outcome = super().apply(key, change)
            if change.values.get("due_at") == NOW + 20 + LEASE_SECONDS:
                renewed.set()
            return outcome

    def act(request: Request, progress: Progress) -> bool:
        world.clock.advance(20)
        return renewed.wait(30)

    world = make(act, requests=Watched())

    assert world.run(request_record()).result_json == "true"


# large payloads, which are kept apart


def stored_apart(world: World, **fields: Any) -> RequestRecord:
    world.requests.create(request_record(payload_json=f'"{"x" * 20_000}"', **fields), now=NOW)
    return world.requests.records[KEY]


def test_an_action_gets_a_payload_that_is_kept_apart(make: Callable[..., World]) -> None:
    world = make(lambda request, progress: len(request.payload))

    assert world.run(stored_apart(world)).result_json == "20000"


def test_a_payload_is_asked_for_again_while_the_store_does_not_answer(make: Callable[..., World]) -> None:
    class Failing(MemoryRequestStore):
        failures = 3

        def whole(self, record: RequestRecord) -> RequestRecord:
            self.failures -= 1
            if self.failures >= 0:
                raise StoreError("no answer")
            return super().whole(record)

    world = make(lambda request, progress: len(request.payload), requests=Failing())

    assert world.run(stored_apart(world)).result_json == "20000"
    assert world.slept == [0.25, 0.5, 1.0]


def test_a_request_whose_payload_is_not_kept_any_more_fails_and_says_so(make: Callable[..., World]) -> None:
    world = make()
    record = stored_apart(world)
    world.requests.payloads.clear()

    ended = world.run(record)

    assert failure_of(ended).message == "the payload is not kept any more"
    assert world.told[-1]["type"] == "error"


# cancellation


def cancelled_meanwhile(world: World) -> None:
    current = world.requests.records[KEY]
    world.requests.records[KEY] = replace(current, status=Status.CANCELLED, due_at=None)
    world.clock.advance(15)  # a heartbeat is due


def test_an_action_that_looks_now_and_then_sees_that_it_is_cancelled(make: Callable[..., World]) -> None:
    seen: list[bool] = []

    def act(request: Request, progress: Progress) -> None:
        seen.append(request.cancelled)
        cancelled_meanwhile(world)
        while not request.cancelled:
            threading.Event().wait(0.001)
        seen.append(True)

    world = make(act)

    assert world.run(request_record()).status is Status.CANCELLED
    assert seen == [False, True]
    assert world.told == []


def test_a_coroutine_is_told_at_its_next_await_and_may_clean_up(make: Callable[..., World]) -> None:
    import asyncio

    heard: list[str] = []

    async def act(request: Request, progress: Progress) -> None:
        cancelled_meanwhile(world)
        try:
            await asyncio.Event().wait()
        except Cancelled as exc:
            await asyncio.sleep(0)
            heard.append(str(exc))
            raise

    world = make(act)

    assert world.run(request_record()).status is Status.CANCELLED
    assert heard == ["the request was cancelled"]


def test_what_a_cancelled_action_returns_changes_nothing(make: Callable[..., World]) -> None:
    def act(request: Request, progress: Progress) -> str:
        cancelled_meanwhile(world)
        while not request.cancelled:
            threading.Event().wait(0.001)
        return "too late"

    world = make(act)

    assert world.run(request_record()).result_json is None


def test_a_request_that_nobody_listens_to_is_cancelled_if_its_action_wants_that(make: Callable[..., World]) -> None:
    def act(request: Request, progress: Progress) -> None:
        while not request.cancelled:
            threading.Event().wait(0.001)

    world = make(act, options={"cancel_on_disconnect": True}, abandonment_seconds=0.0)
    world.sender.gone.add("c-1")  # before the first look; the second comes ten seconds later

    stored = world.run(request_record())

    assert (stored.status, failure_of(stored).message) == (Status.CANCELLED, "nobody was listening any more")


def test_others_go_on(make: Callable[..., World]) -> None:
    def act(request: Request, progress: Progress) -> ProgressPoint | None:
        world.sender.gone.add("c-1")
        progress(50)
        stored = threading.Event()
        while world.requests.records[KEY].progress is None:
            stored.wait(0.001)
        return None

    world = make(act, abandonment_seconds=0.0)

    assert world.run(request_record()).status is Status.COMPLETED
