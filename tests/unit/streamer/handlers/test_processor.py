import asyncio
import io
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import pytest
from streamer_records import NOW, failure_of, request_record

from streamer import ActionError, App, Cancelled, ErrorCode, Progress, Request, RetryableError
from streamer.errors import ItemTooLargeError, SendError, StoreError
from streamer.observability import Logger, Metrics
from streamer.protocol.parts import Joiner
from streamer.records import Failure, Listener, ProgressPoint, RequestKey, RequestRecord, Status
from streamer.requests import lifecycle
from streamer.requests.lifecycle import Applied, Change, Refused
from streamer.requests.runs import Run, run_of
from streamer.running.audience import REQUESTERS_PROGRESSES
from streamer.running.execution import Workers
from streamer.running.progress import Pace
from streamer.settings import Settings
from streamer.stores.memory import MemoryRequestStore
from streamer.testing import (
    FakeClock,
    FakeContext,
    Handlers,
    RecordingDispatcher,
    RecordingSender,
    run_event,
    stream_event,
)

KEY = request_record().key
Act = Callable[..., Any]


class ScriptedStore(MemoryRequestStore):
    """Fails, or loses answers, as often as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: dict[Status | None, list[StoreError]] = {}
        """By the status that a change leads to, None for progress: errors to raise instead of applying it."""
        self.losing: set[Status] = set()
        """Changes to these statuses are applied, but reported as refused: a retry after a lost answer."""

    def apply(self, key: RequestKey, change: Change) -> Applied | Refused:
        status = change.values.get("status")
        errors = self.failing.get(status)
        if errors:
            raise errors.pop(0)
        outcome = super().apply(key, change)
        return Refused(self.records[key]) if status in self.losing else outcome


@dataclass
class World:
    act: Act = lambda request, progress: "done"
    options: Mapping[str, Any] = field(default_factory=dict)
    production: bool = True
    stored_progress_seconds: float = 60.0
    requests: ScriptedStore = field(default_factory=ScriptedStore)
    sender: RecordingSender = field(default_factory=RecordingSender)
    dispatcher: RecordingDispatcher = field(default_factory=RecordingDispatcher)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    output: io.StringIO = field(default_factory=io.StringIO)
    workers: Workers = field(default_factory=Workers)
    slept: list[float] = field(default_factory=list)
    invocations: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        app = App()
        app.action("report", queued=True, **self.options)(self.act)
        ids = itertools.count(1)
        self.processor = Handlers(
            app=app,
            settings=Settings(production=self.production),
            requests=self.requests,
            sender_at=self.sender.at,
            dispatcher=self.dispatcher,
            workers=self.workers,
            log=Logger(stream=self.output),
            metrics=Metrics(stream=self.output),
            clock=self.clock,
            sleep=self.sleep,
            pace=Pace(stored_progress_seconds=self.stored_progress_seconds),
            new_id=lambda: f"run-{next(ids)}",
        ).processor

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    def run(self, record: RequestRecord | None = None, *, remaining_seconds: float = 900.0) -> RequestRecord:
        """Run a request (a new one unless given) and return what is stored of it afterwards."""
        record = record or request_record()
        self.requests.records[record.key] = record
        self.invoke(record.key, remaining_seconds=remaining_seconds)
        return self.requests.records[record.key]

    def invoke(self, key: RequestKey = KEY, *, remaining_seconds: float = 900.0) -> None:
        context = FakeContext(
            remaining_seconds=remaining_seconds, aws_request_id=f"invocation-{next(self.invocations)}"
        )
        assert self.processor(run_event(key), context) is None

    @property
    def told(self) -> list[dict[str, Any]]:
        return self.sender.to("c-1")

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]


@pytest.fixture
def make() -> Iterator[Callable[..., World]]:
    """Makes worlds, and ends their threads."""
    worlds: list[World] = []

    def made(act: Act = lambda request, progress: "done", **fields: Any) -> World:
        worlds.append(World(act, **fields))
        return worlds[-1]

    yield made
    for world in worlds:
        world.workers.close()


# stream events: dispatching


def test_each_request_that_waits_is_dispatched(make: Callable[..., World]) -> None:
    world = make()
    waiting = [request_record(request_id=f"r-{number}") for number in range(40)]
    running = request_record(request_id="running", status=Status.PROCESSING)

    result = world.processor(
        stream_event([*((None, record) for record in waiting), (waiting[0], running), (running, None)]), FakeContext()
    )

    assert result == {"batchItemFailures": []}
    assert sorted(run.key.request_id for run in world.dispatcher.dispatched) == sorted(r.request_id for r in waiting)
    assert world.requests.calls == []


def test_what_could_not_be_dispatched_is_asked_for_again(make: Callable[..., World]) -> None:
    world = make()
    world.dispatcher.refused = {"r-1", "r-3"}
    event = stream_event([(None, request_record(request_id=f"r-{number}")) for number in range(4)])

    result = world.processor(event, FakeContext())

    assert result == {
        "batchItemFailures": [
            {"itemIdentifier": event["Records"][number]["dynamodb"]["SequenceNumber"]} for number in (1, 3)
        ]
    }
    assert sorted(run.key.request_id for run in world.dispatcher.dispatched) == ["r-0", "r-2"]


def test_a_run_event_names_its_request() -> None:
    assert run_of(json.loads(json.dumps(run_event(KEY)))) == Run(KEY)


# run events: the good case


def test_a_request_is_run_stored_and_told(make: Callable[..., World]) -> None:
    seen: list[Request] = []

    def act(request: Request, progress: Progress) -> dict[str, str]:
        seen.append(request)
        progress(10, "reading")
        progress(50, "writing", {"page": 2})
        return {"url": "x"}

    stored = make(act).run(request_record(max_attempts=3, metadata_json='{"t":1}'))

    assert (stored.status, stored.attempt, stored.result_json) == (Status.COMPLETED, 1, '{"url":"x"}')
    (request,) = seen
    assert (request.id, request.payload, request.metadata, request.attempt, request.max_attempts) == (
        "r-1",
        {"pages": 3},
        {"t": 1},
        1,
        3,
    )
    assert (request.user_id, request.tenant_id, request.permissions) == ("ada", "acme", frozenset({"reports"}))


def test_the_client_hears_progress_and_one_final(make: Callable[..., World]) -> None:
    def act(request: Request, progress: Progress) -> str:
        progress(10, "reading")
        progress(50, "writing", {"page": 2})
        progress(40, "writing more")
        progress(100)
        progress(100)
        return "done"

    world = make(act)
    world.run()

    told = [{name: value for name, value in message.items() if name != "timestamp"} for message in world.told]
    assert told == [
        {"type": "progress", "request_id": "r-1", "percentage": 10, "message": "reading"},
        {"type": "progress", "request_id": "r-1", "percentage": 50, "message": "writing", "metadata": {"page": 2}},
        {"type": "progress", "request_id": "r-1", "percentage": 50, "message": "writing more"},
        {"type": "progress", "request_id": "r-1", "percentage": 100, "message": ""},
        {"type": "complete", "request_id": "r-1", "result": "done"},
    ]


def test_starting_and_finishing_cost_a_write_each(make: Callable[..., World]) -> None:
    world = make()
    world.run()

    assert world.requests.calls == ["UpdateItem", "UpdateItem"]


def test_progress_costs_a_write_a_second(make: Callable[..., World]) -> None:
    def act(request: Request, progress: Progress) -> None:
        for percentage in range(100):
            progress(percentage)

    world = make(act)
    world.run()

    assert world.requests.calls == ["UpdateItem"] * 3
    assert len(world.told) == 101


def test_the_end_is_stored_before_it_is_told(make: Callable[..., World]) -> None:
    world = make()
    world.requests.failing[Status.COMPLETED] = [StoreError("no answer")] * 1000

    with pytest.raises(StoreError):
        world.run(remaining_seconds=0.4)

    assert world.told == []


def test_async_actions_run_too(make: Callable[..., World]) -> None:
    async def act(request: Request, progress: Progress) -> str:
        progress(50)
        await asyncio.sleep(0)
        return "done"

    world = make(act)

    assert world.run().status is Status.COMPLETED
    assert [message["type"] for message in world.told] == ["progress", "complete"]


def test_an_action_may_do_without_progress(make: Callable[..., World]) -> None:
    assert make(lambda request: request.payload).run().result_json == '{"pages":3}'


def test_the_validator_shapes_the_payload_in_the_processor_too(make: Callable[..., World]) -> None:
    world = make(lambda request: request.payload, options={"validator": lambda payload: payload["pages"]})

    assert world.run().result_json == "3"


def test_a_run_is_measured(make: Callable[..., World]) -> None:
    world = make()
    world.run()

    (metrics,) = [line for line in world.lines if "ActionCount" in line]
    assert (metrics["Action"], metrics["ActionCount"], metrics["ActionErrors"]) == ("report", 1, 0)


# run events: failures


def _raise(error: Exception) -> Act:
    def act(request: Request, progress: Progress) -> NoReturn:
        raise error

    return act


def _exit(request: Request, progress: Progress) -> NoReturn:
    raise SystemExit(0)


@pytest.mark.parametrize(
    ("act", "options", "code", "says"),
    [
        pytest.param(_raise(KeyError("secret")), {}, "PROCESSING_FAILED", "failed unexpectedly", id="raises"),
        pytest.param(_exit, {}, "PROCESSING_FAILED", "failed unexpectedly", id="exits"),
        pytest.param(_raise(Cancelled("mine")), {}, "PROCESSING_FAILED", "failed", id="raises Cancelled itself"),
        pytest.param(
            _raise(ActionError("no such page", code=ErrorCode.NOT_FOUND)), {}, "NOT_FOUND", "no such page", id="typed"
        ),
        pytest.param(lambda request, progress: {1}, {}, "INTERNAL_ERROR", "set has no form", id="not JSON"),
        pytest.param(lambda request, progress: "x" * 410_000, {}, "PAYLOAD_TOO_LARGE", "at most", id="too large"),
        pytest.param(
            lambda request, progress: 1,
            {"validator": lambda payload: False},
            "VALIDATION_ERROR",
            "not valid",
            id="payload not valid any more",
        ),
    ],
)
def test_a_failure_is_stored_and_told(
    make: Callable[..., World], act: Act, options: dict[str, Any], code: str, says: str
) -> None:
    world = make(act, options=options)

    stored = world.run()

    assert (stored.status, failure_of(stored).code) == (Status.FAILED, code)
    assert says in failure_of(stored).message
    (told,) = world.told
    assert (told["type"], told["error"]["code"], told["error"]["message"]) == (
        "error",
        code,
        failure_of(stored).message,
    )
    assert [line["status"] for line in world.lines if "status" in line][-1] == "FAILED"


@pytest.mark.parametrize(
    ("raised", "errors", "refusals"),
    [
        pytest.param(KeyError("page"), 1, [], id="a failure"),
        pytest.param(ActionError("none", code=ErrorCode.PROCESSING_FAILED), 1, [], id="a failure of the action's own"),
        pytest.param(ActionError("none", code=ErrorCode.NOT_FOUND), 0, [1], id="a refusal"),
    ],
)
def test_a_refusal_is_counted_apart_from_failures(
    make: Callable[..., World], raised: Exception, errors: int, refusals: list[int]
) -> None:
    world = make(_raise(raised))

    world.run()

    assert [line["ActionErrors"] for line in world.lines if "ActionErrors" in line] == [errors]
    assert [line["ActionRefusals"] for line in world.lines if "ActionRefusals" in line] == refusals
    assert len([line for line in world.lines if "RequestWait" in line]) == 1


def test_development_shows_unexpected_errors(make: Callable[..., World]) -> None:
    assert failure_of(make(_raise(KeyError("page")), production=False).run()).message == "KeyError: 'page'"


def test_an_action_that_was_removed_fails_its_requests(make: Callable[..., World]) -> None:
    stored = make().run(request_record(action="gone"))

    assert (stored.status, failure_of(stored).code) == (Status.FAILED, "INVALID_ACTION")


@pytest.mark.parametrize(
    ("options", "remaining_seconds"),
    [
        pytest.param({"timeout_seconds": 0.01}, 900, id="the action's own limit"),
        pytest.param({}, 0.5, id="the function's limit"),
    ],
)
def test_an_action_that_takes_too_long_fails_and_hears_of_it(
    make: Callable[..., World], options: dict[str, Any], remaining_seconds: float
) -> None:
    ended, heard = threading.Event(), []

    def act(request: Request, progress: Progress) -> None:
        try:
            while True:
                progress(20)
                threading.Event().wait(0.001)
        except Cancelled as exc:
            heard.append(str(exc))
            ended.set()
            raise

    world = make(act, options=options)

    stored = world.run(remaining_seconds=remaining_seconds)

    assert ended.wait(30)
    assert (stored.status, failure_of(stored).code, failure_of(stored).retryable) == (Status.FAILED, "TIMEOUT", True)
    assert world.told[-1]["type"] == "error"
    assert heard == ["its time is over"]


def test_a_coroutine_that_takes_too_long_is_cancelled(make: Callable[..., World]) -> None:
    ended = threading.Event()

    async def act(request: Request, progress: Progress) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    assert failure_of(make(act, options={"timeout_seconds": 0.01}).run()).code == "TIMEOUT"
    assert ended.wait(30)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(("half",), "ValueError: progress needs a percentage", id="percentage"),
        pytest.param((5, "", {"a": {1}}), "TypeError: set has no form in JSON", id="metadata that is not JSON"),
        pytest.param((5, "", [1]), "TypeError: progress metadata must be a mapping", id="metadata that is a list"),
    ],
)
def test_a_wrong_progress_call_says_what_is_wrong(make: Callable[..., World], arguments: Any, says: str) -> None:
    world = make(lambda request, progress: progress(*arguments), production=False)

    assert says in failure_of(world.run()).message


# progress in the store


def test_progress_is_stored_while_the_action_runs(make: Callable[..., World]) -> None:
    seen = threading.Event()

    class Watched(ScriptedStore):
        def apply(self, key: RequestKey, change: Change) -> Applied | Refused:
            outcome = super().apply(key, change)
            if "progress" in change.values:
                seen.set()
            return outcome

    def act(request: Request, progress: Progress) -> bool:
        progress(10, "first", {"page": 1})
        return seen.wait(30)

    stored = make(act, requests=Watched(), stored_progress_seconds=0.001).run()

    assert stored.progress == ProgressPoint(percentage=10, message="first", metadata={"page": 1})
    assert stored.result_json == "true"


def test_progress_that_cannot_be_stored_stops_nothing(make: Callable[..., World]) -> None:
    failed = threading.Event()

    class Failing(ScriptedStore):
        def apply(self, key: RequestKey, change: Change) -> Applied | Refused:
            if "progress" in change.values:
                failed.set()
                raise StoreError("no answer")
            return super().apply(key, change)

    def act(request: Request, progress: Progress) -> bool:
        progress(10)
        return failed.wait(30)

    assert make(act, requests=Failing(), stored_progress_seconds=0.001).run().status is Status.COMPLETED


def test_progress_goes_on_from_where_an_earlier_attempt_was(make: Callable[..., World]) -> None:
    record = request_record(max_attempts=2, attempt=1, progress=ProgressPoint(percentage=60))
    world = make(lambda request, progress: progress(10, "again"))
    world.run(record)

    assert [message.get("percentage") for message in world.told] == [60, None]


def test_metadata_that_is_too_large_is_trimmed_and_the_log_says_so_once(make: Callable[..., World]) -> None:
    def act(request: Request, progress: Progress) -> None:
        progress(10, "big", {"x": "y" * 140_000, "page": 1})
        progress(20, "big", {"x": "y" * 140_000, "page": 2})

    world = make(act)
    world.run()

    assert world.told[0] | {"timestamp": 0} == {
        "type": "progress",
        "request_id": "r-1",
        "timestamp": 0,
        "percentage": 10,
        "message": "big",
        "metadata": {"page": 1, "_trimmed": ["x"]},
    }
    assert [line["left_out"] for line in world.lines if line.get("level") == "WARNING"] == ["x"]


def test_a_result_over_128_kb_is_stored_whole_and_told_in_parts(make: Callable[..., World]) -> None:
    world = make(lambda request, progress: "ä" * 100_000)

    stored = world.run()

    assert stored.status is Status.COMPLETED
    joiner = Joiner()
    joined = [text for part in world.told if (text := joiner.add(part)) is not None]
    assert [json.loads(text)["result"] for text in joined] == ["ä" * 100_000]


# listeners


def listener(number: int) -> Listener:
    return Listener(f"listener-{number}", "https://api.example.com/dev")


def test_a_listener_hears_what_the_requester_hears(make: Callable[..., World]) -> None:
    world = make(lambda request, progress: progress(10, "on"))
    world.run(request_record(listeners=frozenset({listener(1)})))

    assert world.sender.to("listener-1") == world.told
    assert [message["type"] for message in world.told] == ["progress", "complete"]


def test_who_joins_while_it_runs_gets_the_latest_progress_and_then_the_rest(make: Callable[..., World]) -> None:
    joined = threading.Event()

    class Joined(RecordingSender):
        def send(self, connection_id: str, message: str | bytes) -> None:
            super().send(connection_id, message)
            if connection_id == "listener-1":
                joined.set()

    def act(request: Request, progress: Progress) -> bool:
        progress(10, "before")
        world.requests.apply(KEY, lifecycle.join(listener(1)))
        return joined.wait(30)

    world = make(act, sender=Joined(), stored_progress_seconds=0.001)
    world.run()

    assert [message["type"] for message in world.sender.to("listener-1")] == ["progress", "complete"]
    assert world.sender.to("listener-1")[0]["percentage"] == 10


def test_who_joins_at_the_last_moment_gets_the_end(make: Callable[..., World]) -> None:
    world: World = make(
        lambda request, progress: isinstance(world.requests.apply(KEY, lifecycle.join(listener(1))), Applied)
    )
    world.run()

    assert [message["type"] for message in world.sender.to("listener-1")] == ["complete"]


def test_a_slow_listener_delays_nobody_and_gets_the_latest_progress(make: Callable[..., World]) -> None:
    free, others = threading.Event(), threading.Event()

    class Slow(RecordingSender):
        def send(self, connection_id: str, message: str | bytes) -> None:
            if connection_id == "listener-1":
                assert free.wait(30)
            super().send(connection_id, message)
            if len(self.to("c-1")) == 50:
                others.set()

    def act(request: Request, progress: Progress) -> int:
        for percentage in range(1, 51):
            progress(percentage)
        assert others.wait(30), "everybody else gets everything meanwhile"
        free.set()
        return 1

    world = make(act, sender=Slow())
    world.run(request_record(listeners=frozenset({listener(1)})))

    heard = [message.get("percentage") for message in world.sender.to("listener-1")]
    # One may have been on its way already; of those that waited the latest was kept.
    assert heard[-2:] == [50, None]
    assert len(heard) <= 3


def test_a_requester_that_does_not_read_does_not_slow_its_action(make: Callable[..., World]) -> None:
    free = threading.Event()

    class Stuck(RecordingSender):
        def send(self, connection_id: str, message: str | bytes) -> None:
            assert free.wait(30)
            super().send(connection_id, message)

    def act(request: Request, progress: Progress) -> int:
        for percentage in range(1, 1001):
            progress(percentage / 10)
        free.set()
        return 1

    world = make(act, sender=Stuck())
    stored = world.run()

    assert stored.status is Status.COMPLETED
    *progress, end = world.told
    heard = [message["percentage"] for message in progress]
    assert (heard, heard[-1], end["type"]) == (sorted(heard), 100, "complete")
    assert len(heard) <= REQUESTERS_PROGRESSES + 2, "one was on its way, and the last is told with the end"


def test_a_gone_listener_leaves_the_request_without_a_call_of_its_own(make: Callable[..., World]) -> None:
    left = threading.Event()

    class Watched(ScriptedStore):
        def apply(self, key: RequestKey, change: Change) -> Applied | Refused:
            if change.leaving:
                left.set()
            return super().apply(key, change)

    def act(request: Request, progress: Progress) -> bool:
        for percentage in itertools.count():
            progress(percentage % 100)
            if left.wait(0.001):
                return True
        raise AssertionError

    world = make(act, requests=Watched(), stored_progress_seconds=0.001)
    world.sender.gone.add("listener-1")
    stored = world.run(request_record(listeners=frozenset({listener(1), listener(2)})))

    assert stored.listeners == {listener(2)}
    assert set(world.requests.calls) == {"UpdateItem"}
    assert world.sender.to("listener-2")[-1]["type"] == "complete"


def test_listeners_cost_no_call(make: Callable[..., World]) -> None:
    world = make(lambda request, progress: progress(10))
    world.run(request_record(listeners=frozenset(listener(number) for number in range(5))))

    assert world.requests.calls == ["UpdateItem"] * 3


# at least once


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_a_request_that_ended_is_never_run_again(make: Callable[..., World], status: Status) -> None:
    world = make(_raise(AssertionError("must not run")))
    record = request_record(status=status, attempt=1, result_json="1", error=Failure(code="TIMEOUT", message=""))

    assert world.run(record) == record
    assert world.told == []


def test_a_request_that_runs_elsewhere_is_left_alone(make: Callable[..., World]) -> None:
    world = make(_raise(AssertionError("must not run")))
    record = request_record(status=Status.PROCESSING, attempt=1, due_at=NOW + 1, runner="other")

    assert world.run(record) == record
    assert world.told == []


def test_a_request_that_does_not_exist_is_no_error(make: Callable[..., World]) -> None:
    make().invoke(RequestKey("nobody", "r"))


def test_a_replayed_invocation_runs_nothing_and_tells_nothing(make: Callable[..., World]) -> None:
    runs: list[int] = []
    world = make(lambda request, progress: runs.append(1))
    stored = world.run()
    told = list(world.told)

    world.invoke()

    assert (runs, world.told, world.requests.records[KEY]) == ([1], told, stored)


def test_invocations_at_the_same_time_run_a_request_once(make: Callable[..., World]) -> None:
    runs: list[int] = []
    world = make(lambda request, progress: runs.append(1))
    world.requests.records[KEY] = request_record()
    threads = [threading.Thread(target=world.invoke) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert runs == [1]
    assert [message["type"] for message in world.told] == ["complete"]


def test_different_requests_run_at_the_same_time(make: Callable[..., World]) -> None:
    meeting = threading.Barrier(4)
    world = make(lambda request, progress: meeting.wait(30) >= 0)
    records = [request_record(request_id=f"r-{number}") for number in range(4)]
    world.requests.records.update({record.key: record for record in records})
    threads = [threading.Thread(target=world.invoke, args=(record.key,)) for record in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {record.status for record in world.requests.records.values()} == {Status.COMPLETED}


def test_a_dead_environments_request_is_taken_over_after_its_lease(make: Callable[..., World]) -> None:
    dead = request_record(status=Status.PROCESSING, attempt=1, max_attempts=2, due_at=NOW, runner="the dead one")

    stored = make(lambda request, progress: request.attempt).run(dead)

    assert (stored.status, stored.attempt, stored.result_json) == (Status.COMPLETED, 2, "2")


def _from_another(error: ActionError) -> Act:
    def act(request: Request, progress: Progress) -> NoReturn:
        raise error from OSError("the disk is full")

    return act


@pytest.mark.parametrize(
    ("act", "level", "fields"),
    [
        pytest.param(
            _raise(ActionError("paid already", code=ErrorCode.NOT_FOUND)),
            "INFO",
            {"code": "NOT_FOUND", "reason": "paid already"},
            id="a refusal",
        ),
        pytest.param(
            _raise(RetryableError("the bank is closed")),
            "ERROR",
            {"error_type": "PROCESSING_FAILED", "error_message": "the bank is closed"},
            id="a failure",
        ),
        pytest.param(
            _from_another(RetryableError("nothing was stored")),
            "ERROR",
            {"code": "PROCESSING_FAILED", "error_type": "RetryableError", "error_message": "nothing was stored"},
            id="a failure that another error led to",
        ),
    ],
)
def test_what_counts_as_a_failure_is_an_error_in_the_log(
    make: Callable[..., World], act: Act, level: str, fields: dict[str, Any]
) -> None:
    world = make(act)
    world.run()

    line = next(line for line in world.lines if line.get("message") in ("the action refused", "the action failed"))
    assert {name: line.get(name) for name in ("level", *fields)} == {"level": level, **fields}
    assert ("OSError: the disk is full" in line.get("stack_trace", [])) is ("code" in fields and level == "ERROR")


def test_a_failure_that_another_attempt_follows_is_a_warning(make: Callable[..., World]) -> None:
    world = make(_raise(RetryableError("the bank is closed")), options={"max_attempts": 2})
    world.run(request_record(max_attempts=2))

    line = next(line for line in world.lines if line.get("message") == "the action failed")
    assert (line["level"], line["code"], line["reason"]) == ("WARNING", "PROCESSING_FAILED", "the bank is closed")


def test_a_dead_environments_last_attempt_is_not_repeated(make: Callable[..., World]) -> None:
    dead = request_record(status=Status.PROCESSING, attempt=1, max_attempts=1, due_at=NOW)
    world = make(_raise(AssertionError("must not run")))

    stored = world.run(dead)

    assert (stored.status, failure_of(stored).code, failure_of(stored).retryable) == (
        Status.FAILED,
        "PROCESSING_FAILED",
        True,
    )
    assert "interrupted" in world.told[-1]["error"]["message"]
    assert stored.tries == 1


def test_a_lease_is_short_however_long_the_run_may_take(make: Callable[..., World]) -> None:
    leases: list[float | None] = []
    world: World = make(lambda request, progress: leases.append(world.requests.records[KEY].due_at))
    world.run(remaining_seconds=30)

    assert leases == [NOW + 45]


def test_a_claim_whose_answer_was_lost_is_still_run(make: Callable[..., World]) -> None:
    world = make()
    world.requests.losing.add(Status.PROCESSING)

    assert world.run().status is Status.COMPLETED


def test_an_end_whose_answer_was_lost_is_still_told_once(make: Callable[..., World]) -> None:
    world = make()
    world.requests.losing.add(Status.COMPLETED)
    world.run()

    assert [message["type"] for message in world.told] == ["complete"]


@pytest.mark.parametrize("ending", [Status.CANCELLED, Status.PROCESSING], ids=["cancelled", "taken over"])
def test_an_attempt_that_lost_its_request_stores_and_tells_no_end(make: Callable[..., World], ending: Status) -> None:
    def act(request: Request, progress: Progress) -> str:
        other = replace(world.requests.records[KEY], status=ending, attempt=2, runner="other")
        world.requests.records[KEY] = other
        return "too late"

    world = make(act)
    stored = world.run()

    assert (stored.status, stored.attempt, stored.result_json) == (ending, 2, None)
    assert world.told == []
    assert [line["status"] for line in world.lines if line.get("message") == "request ended"] == [ending]


def test_an_action_hears_at_its_next_progress_call_that_its_request_is_lost(make: Callable[..., World]) -> None:
    heard: list[str] = []

    def act(request: Request, progress: Progress) -> None:
        progress(1)
        world.requests.records[KEY] = replace(world.requests.records[KEY], status=Status.CANCELLED)
        try:
            for number in itertools.count():
                progress(2, str(number))
                threading.Event().wait(0.001)
        except Cancelled as exc:
            heard.append(str(exc))

    world = make(act, stored_progress_seconds=0.001)
    world.run()

    assert heard == ["the request was cancelled"]
    assert [line["status"] for line in world.lines if line.get("message") == "request ended"] == ["CANCELLED"]
    assert {message["type"] for message in world.told} <= {"progress"}


# a store or a connection that fails


def test_an_end_that_cannot_be_stored_is_tried_again(make: Callable[..., World]) -> None:
    world = make()
    world.requests.failing[Status.COMPLETED] = [StoreError("no answer")] * 3

    assert world.run().status is Status.COMPLETED
    assert world.slept == [0.25, 0.5, 1.0]
    assert [message["type"] for message in world.told] == ["complete"]


def test_a_result_that_the_store_cannot_hold_is_an_error(make: Callable[..., World]) -> None:
    world = make()
    world.requests.failing[Status.COMPLETED] = [ItemTooLargeError("Item size to update has exceeded")]

    assert failure_of(world.run()).code == "PAYLOAD_TOO_LARGE"


def test_a_claim_that_fails_makes_lambda_try_again(make: Callable[..., World]) -> None:
    world = make()
    world.requests.failing[Status.PROCESSING] = [StoreError("no answer")]

    with pytest.raises(StoreError):
        world.run()


def test_a_connection_that_is_gone_is_left_alone_and_the_request_goes_on(make: Callable[..., World]) -> None:
    def act(request: Request, progress: Progress) -> str:
        for percentage in range(10):
            progress(percentage)
        return "done"

    world = make(act)
    world.sender.gone.add("c-1")

    assert world.run().result_json == '"done"'
    assert world.sender.attempts == 1


def test_messages_that_cannot_be_delivered_do_not_fail_the_request(make: Callable[..., World]) -> None:
    world = make(lambda request, progress: progress(1))
    world.sender.failing = SendError("API Gateway did not answer")

    assert world.run().status is Status.COMPLETED
