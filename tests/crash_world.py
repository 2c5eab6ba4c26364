"""A model of AWS around the real handlers, in which execution environments die and deliveries repeat and overtake.

Time is virtual and everything happens in one thread after the other: a *delivery* (a client's message, a stream record,
an asynchronous event, a sweep) is due at a time, is given to a handler in an environment of its own, and what comes of
it are further deliveries. While an action runs, further deliveries may happen inside of it: that is concurrency here.
"""

from __future__ import annotations

import heapq
import io
import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streamer_records import connection_record

from streamer import App, Request, RetryableError
from streamer.errors import DispatchError, ErrorCode
from streamer.observability import Logger
from streamer.records import RequestKey, RequestRecord, Status
from streamer.requests.lifecycle import Applied, Change, is_final
from streamer.requests.runs import SWEEP_EVENT, Run, run_event
from streamer.running.audience import ListenerLane
from streamer.running.execution import Running, Workers
from streamer.settings import Settings
from streamer.stores.memory import MemoryConnectionStore, MemoryRequestStore, MemorySubscriptionStore
from streamer.testing import NOW, FakeContext, Handlers, RecordingSender, message_event, stream_event

ASYNC_RETRY_SECONDS = (60.0, 120.0)
"""Lambda's, for events whose function failed. [DOC] lambda-docs:invocation-async-error-handling"""
STREAM_ATTEMPTS = 10
SWEEP_SECONDS = 60.0
STREAMED = (Status.PENDING, Status.RETRYING, Status.CANCELLED)
"""What the event source mapping's filters let through."""
FINALS = ("complete", "cancelled", "error")
NOT_NOW = (ErrorCode.RATE_LIMITED, ErrorCode.SERVICE_UNAVAILABLE)
"""What a client is told of a message that it is to send again."""


class Killed(BaseException):
    """The execution environment is gone; nothing in it can catch this for long."""


Fate = Callable[[str], bool]
"""Whether the environment dies at this step."""


class Environment:
    """One execution environment, as long as it lives."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        self._is_dead = False

    def step(self, what: str) -> None:
        if not self._is_dead and self._fate(what):
            self._is_dead = True
        if self._is_dead:
            raise Killed(what)

    def guard(self, thing: Any) -> Any:
        """The thing, with a chance to die before and after each call."""
        return _Guarded(thing, self)


class _Guarded:
    def __init__(self, thing: Any, environment: Environment) -> None:
        self._thing = thing
        self._environment = environment

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._thing, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._environment.step(f"before {name}")
            result = method(*arguments, **named)
            self._environment.step(f"after {name}")
            return result

        return call


@dataclass(order=True)
class Delivery:
    """Something that happens at a time."""

    at: float
    number: int
    kind: str
    event: Any
    failures: int = 0


class ObservedStore:
    """A store of requests that reports every change, and sees to it that what is final stays so."""

    def __init__(self, inner: Any, changed: Callable[[RequestRecord | None, RequestRecord], None]) -> None:
        self._inner = inner
        self._changed = changed
        self._lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create(self, record: RequestRecord, **named: Any) -> Any:
        return self._observed(record.key, lambda: self._inner.create(record, **named))

    def apply(self, key: RequestKey, change: Change) -> Any:
        outcome = self._observed(key, lambda: self._inner.apply(key, change))
        assert not isinstance(outcome, Applied) or outcome.record is None or change.returns_record
        return outcome

    def _observed(self, key: RequestKey, write: Callable[[], Any]) -> Any:
        with self._lock:
            before = self._inner.get(key)
            try:
                return write()
            finally:  # also of a write that was done and not answered
                after = self._inner.get(key)
                if after != before and after is not None:
                    assert before is None or not is_final(before.status), f"{before.status} became {after.status}"
                    self._changed(before, after)


class Threads(Workers):
    """Threads whose messages to listeners are sent before time goes on: a wait of a thread is no virtual time."""

    def __init__(self) -> None:
        super().__init__()
        self._lanes: list[Running] = []

    def start(self, call: Callable[[], Any]) -> Running:
        running = super().start(call)
        if getattr(call, "__func__", None) is ListenerLane.send_all:
            self._lanes.append(running)
        return running

    def settle(self) -> None:
        lanes, self._lanes = self._lanes, []
        assert all(running.wait(30) for running in lanes)


class Dispatching:
    """Lambda's asynchronous invocations; an accepted event is delivered, sometimes twice."""

    def __init__(self, world: World) -> None:
        self._world = world

    def dispatch(self, run: Run) -> None:
        event = run_event(run.key, not_before=run.not_before, tells=run.tells)
        for _ in range(self._world.copies()):
            invocation = f"invocation-{next(self._world.numbers)}"
            self._world.later(self._world.rng.uniform(0, 1), "run", (event, invocation))


class World:
    """One user with connections, their requests, and the service; ``seed`` decides all that is left to chance."""

    def __init__(
        self, seed: int, fate: Fate, *, requests: Any = None, connections: Any = None, subscriptions: Any = None
    ) -> None:
        self.rng = random.Random(seed)
        self.fate = fate
        self.now = NOW
        self.numbers = itertools.count(1)
        self.user = f"user-{seed}"
        # Every other world has payloads that are kept apart from their requests.
        self.payload = {"text": "x" * 5000} if seed % 2 else {}
        self.workers = Threads()
        self.sender = RecordingSender()
        self.connections = connections or MemoryConnectionStore()
        self.subscriptions = subscriptions or MemorySubscriptionStore()
        self.requests = ObservedStore(requests or MemoryRequestStore(), self._changed)
        self.stored: dict[str, RequestRecord] = {}
        """The latest state of each request, as it was written."""
        self.starts: Counter[str] = Counter()
        """How often the action of each request began."""
        self.dead_letters: list[Any] = []
        self.kills = 0
        self.connection = ""
        self.closed: set[str] = set()
        self._heap: list[Delivery] = []
        self._depth = 0
        self._app = self._make_app()
        self._log = Logger(stream=io.StringIO(), level="ERROR")

    # the service

    def _make_app(self) -> App:
        app = App()
        app.action("work", queued=True, max_attempts=3)(self._work)
        app.action("once", queued=True)(self._work)
        return app

    def _work(self, request: Request, progress: Any) -> Any:
        assert not is_final(self.stored[request.id].status), "an action that finished runs again"
        assert request.payload == self.payload, "an action got another payload"
        self.starts[request.id] += 1
        for percentage in sorted(self.rng.sample(range(101), self.rng.randint(0, 5))):
            self.pass_time(self.rng.choice((0, 0, 0.5, 2, 20, 70)))
            if self.rng.random() < 0.3:
                progress.keep_up()  # what the watching thread does every second
            progress(percentage)
            if self.rng.random() < 0.3:
                self.meanwhile()
        match self.rng.randint(0, 4):
            case 0:
                raise RetryableError("not now")
            case 1:
                raise ValueError("no")
            case _:
                return {"attempt": request.attempt}

    def _handlers(self, environment: Environment) -> Handlers:
        return Handlers(
            app=self._app,
            settings=Settings(production=False),
            connections=environment.guard(self.connections),
            requests=environment.guard(self.requests),
            subscriptions=environment.guard(self.subscriptions),
            sender_at=lambda _: environment.guard(self.sender),
            dispatcher=environment.guard(Dispatching(self)),
            workers=self.workers,
            log=self._log,
            clock=lambda: self.now,
            monotonic=lambda: self.now,
            sleep=self.pass_time,
            jitter=self.rng.random,
            new_id=lambda: f"id-{next(self.numbers)}",
        )

    # deliveries

    def later(self, seconds: float, kind: str, event: Any, failures: int = 0) -> None:
        heapq.heappush(self._heap, Delivery(self.now + seconds, next(self.numbers), kind, event, failures))

    def copies(self) -> int:
        return 2 if self.rng.random() < 0.15 else 1

    def pass_time(self, seconds: float) -> None:
        self.workers.settle()
        self.now += max(0.0, seconds)

    def _changed(self, before: RequestRecord | None, after: RequestRecord) -> None:
        self.stored[after.request_id] = after
        if after.status in STREAMED:
            for _ in range(self.copies()):
                # Each at a time of its own, so they overtake one another.
                self.later(self.rng.uniform(0, 2), "stream", stream_event([(before, after)]))

    def meanwhile(self) -> None:
        """Let some of what is due, or soon will be, happen while an action runs."""
        if self._depth >= 2:
            return
        for _ in range(self.rng.randint(1, 3)):
            if self._heap:
                self._deliver(heapq.heappop(self._heap))

    def run(self) -> None:
        """Let everything happen, until all requests are over and nothing is left to deliver."""
        self.later(SWEEP_SECONDS, "sweep", None)
        for _ in range(3000):
            if all(delivery.kind == "sweep" for delivery in self._heap) and self._is_settled():
                return
            self._deliver(heapq.heappop(self._heap))
        raise AssertionError(f"not over: {[(r.request_id, r.status, r.due_at) for r in self.stored.values()]}")

    def _is_settled(self) -> bool:
        return all(is_final(record.status) for record in self.stored.values())

    def _deliver(self, delivery: Delivery) -> None:
        self.workers.settle()
        self.now = max(self.now, delivery.at)
        environment = Environment(self._dies)
        self._depth += 1
        try:
            self._invoke(delivery, environment)
        except (Killed, Exception) as error:
            if not isinstance(error, Killed) and not self.kills:
                raise
            self._failed(delivery)
        finally:
            self._depth -= 1
        if delivery.kind == "sweep":
            self.later(SWEEP_SECONDS, "sweep", None)

    def _dies(self, what: str) -> bool:
        dies = self.fate(what)
        self.kills += dies
        return dies

    def _invoke(self, delivery: Delivery, environment: Environment) -> None:
        match delivery.kind:
            case "client":
                delivery.event(environment)
            case "stream":
                result = self._handlers(environment).processor(delivery.event, FakeContext())
                if result != {"batchItemFailures": []}:
                    raise DispatchError("the record is to come again")
            case "run":
                event, invocation = delivery.event
                self._handlers(environment).processor(event, FakeContext(aws_request_id=invocation))
            case "sweep":
                self._handlers(environment).processor(SWEEP_EVENT, FakeContext())

    def _failed(self, delivery: Delivery) -> None:
        failures = delivery.failures + 1
        match delivery.kind:
            case "stream" if failures < STREAM_ATTEMPTS:
                self.later(1, "stream", delivery.event, failures)
            case "run" if failures <= len(ASYNC_RETRY_SECONDS):
                self.later(ASYNC_RETRY_SECONDS[failures - 1], "run", delivery.event, failures)
            case "stream" | "run":
                self.dead_letters.append(delivery.event)
            case "client" | "sweep":
                pass  # API Gateway repeats nothing; the schedule comes again anyway

    # the client

    def connect(self) -> str:
        """Open a connection, and close the one before."""
        if self.connection:
            self.closed.add(self.connection)
            self.sender.gone.add(self.connection)
        self.connection = f"{self.user}-{next(self.numbers)}"
        self.connections.put(
            connection_record(connection_id=self.connection, user_id=self.user, expires_at=int(self.now) + 86_400)
        )
        return self.connection

    def say(self, message: dict[str, Any], environment: Environment) -> list[dict[str, Any]]:
        """Send a message over the current connection, and return what came back."""
        connection = self.connection
        before = len(self.sender.to(connection))
        self._handlers(environment).router(
            message_event(message, connection_id=connection, now=self.now), FakeContext(remaining_seconds=29)
        )
        return self.sender.to(connection)[before:]

    def request(self, request_id: str, action: str) -> Callable[[Environment], None]:
        """Send a request, and again if no answer to it comes."""

        def send(environment: Environment) -> None:
            self.later(5, "client", unless_answered)
            self.say({"action": action, "id": request_id, "payload": self.payload}, environment)

        def unless_answered(environment: Environment) -> None:
            answers = [message for message in self.sender.to(self.connection) if message["request_id"] == request_id]
            if not answers or _is_refusal(answers[-1]):
                send(environment)

        return send

    def cancel(self, request_id: str) -> Callable[[Environment], None]:
        return lambda environment: void(
            self.say({"action": "cancel", "payload": {"request_id": request_id}}, environment)
        )

    def reconnect(self, request_ids: list[str]) -> Callable[[Environment], None]:
        """Lose the connection, open another and subscribe again."""

        def act(environment: Environment) -> None:
            self.connect()
            for request_id in request_ids:
                self.later(0, "client", self.subscribe(request_id))

        return act

    def subscribe(self, request_id: str) -> Callable[[Environment], None]:
        return lambda environment: void(
            self.say({"action": "subscribe", "payload": {"request_id": request_id}}, environment)
        )

    def scenario(self, requests: int = 3) -> None:
        """Some requests, some of them cancelled, and a connection that may be lost."""
        self.connect()
        ids = [f"r-{number}" for number in range(requests)]
        for request_id in ids:
            at = self.rng.uniform(0, 5)
            self.later(at, "client", self.request(request_id, self.rng.choice(("work", "work", "once"))))
            if self.rng.random() < 0.25:
                self.later(at + self.rng.uniform(0, 30), "client", self.cancel(request_id))
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            self.later(self.rng.uniform(0, 60), "client", self.reconnect(ids))

    # what must hold in the end

    def check(self) -> None:
        """Everything the service promises."""
        never = Environment(lambda _: False)
        acknowledged = {m["request_id"] for _, m in self.sender.sent if m["type"] == "acknowledgment"}
        assert acknowledged <= self.stored.keys(), "an accepted request was lost"
        for request_id, record in self.stored.items():
            assert is_final(record.status), "an accepted request did not end"
            assert self.starts[request_id] <= record.max_attempts, "more attempts than allowed"
            self._check_told(record)
        self.connect()
        for request_id, record in self.stored.items():
            answers = self.say({"action": record.action, "id": request_id, "payload": self.payload}, never)
            assert _final_of(answers[-1]) == _expected(record), "whoever comes back is not told how it ended"

    def _check_told(self, record: RequestRecord) -> None:
        by_connection: dict[str, list[dict[str, Any]]] = {}
        for connection, message in self.sender.sent:
            if message["request_id"] == record.request_id and not _is_refusal(message):
                by_connection.setdefault(connection, []).append(message)
        for connection, messages in by_connection.items():
            percentages = [message["percentage"] for message in messages if message["type"] == "progress"]
            assert percentages == sorted(percentages), f"progress went back: {percentages}"
            if record.status is not Status.CANCELLED:  # what runs may hear of that a moment after its client
                kinds = [message["type"] in FINALS for message in messages if message["type"] != "acknowledgment"]
                assert kinds == sorted(kinds), "a client was told more after the end"
            finals = [_final_of(message) for message in messages if message["type"] in FINALS]
            assert all(final == _expected(record) for final in finals), f"other finals than the stored one: {finals}"
            if record.connection_id == connection and connection not in self.closed and not self.dead_letters:
                assert finals, "a client that waits was not told how it ended"


def void(_: Any) -> None:
    """What came back is looked at in the end."""


def _is_refusal(message: dict[str, Any]) -> bool:
    return message.get("error", {}).get("code") in NOT_NOW


def _final_of(message: dict[str, Any]) -> Any:
    return message["type"], message.get("result"), message.get("reason"), message.get("error", {}).get("message")


def _expected(record: RequestRecord) -> Any:
    match record.status:
        case Status.COMPLETED:
            assert record.result_json is not None
            return "complete", json.loads(record.result_json), None, None
        case Status.CANCELLED:
            assert record.error is not None
            return "cancelled", None, record.error.message, None
        case _:
            assert record.error is not None
            return "error", None, None, record.error.message
