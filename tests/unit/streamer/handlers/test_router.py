import asyncio
import io
import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import pytest
from streamer_records import NOW, connection_record

from streamer import ActionError, App, ErrorCode, Request
from streamer.errors import ItemTooLargeError, SendError, StoreError
from streamer.observability import Logger, Metrics
from streamer.protocol.parts import Joiner
from streamer.records import ConnectionRecord, RequestRecord, Slots, Status
from streamer.requests.lifecycle import DISPATCH_SECONDS, Created, Duplicate, Full
from streamer.running.execution import Workers
from streamer.settings import Settings
from streamer.stores.memory import MemoryConnectionStore, MemoryRequestStore, MemorySubscriptionStore
from streamer.testing import FakeClock, FakeContext, Handlers, RecordingSender, message_event

app = App()
never = threading.Event()


@app.action("echo")
def echo(request: Request) -> Any:
    return request.payload


@app.action("whoami")
async def whoami(request: Request) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {
        "user": request.user_id,
        "tenant": request.tenant_id,
        "permissions": sorted(request.permissions),
        "connection": request.connection_id,
        "request": request.id,
        "metadata": request.metadata,
    }


@app.action("fail")
def fail(request: Request) -> NoReturn:
    raise RuntimeError("the password is hunter2")


@app.action("refuse")
def refuse(request: Request) -> NoReturn:
    raise ActionError("out of stock", code=ErrorCode.NOT_FOUND, details={"left": 0})


@app.action("leave")
def leave(request: Request) -> NoReturn:
    raise SystemExit(1)


@app.action("not-json")
def not_json(request: Request) -> Any:
    return {"tags": {1, 2}}


@app.action("large")
def large(request: Request) -> str:
    return "x" * int(request.payload)


@app.action("hang", timeout_seconds=0.01)
def hang(request: Request) -> None:
    never.wait(30)


@app.action("hang-async", timeout_seconds=0.01)
async def hang_async(request: Request) -> None:
    await asyncio.Event().wait()


@app.action("guarded", permissions=["reports", "admin"])
def guarded(request: Request) -> None: ...


def two(payload: Any) -> Any:
    if payload != 2:
        raise ValueError("it must be 2")
    return {"two": payload}


@app.action("validated", validator=two)
def validated(request: Request) -> Any:
    return request.payload


@app.action("report", estimated_duration=60, max_attempts=3, validator=lambda payload: payload != "bad")
def report(request: Request, progress: Any) -> NoReturn:
    raise AssertionError("the router does not run queued actions")


class BrokenConnections(MemoryConnectionStore):
    def get(self, connection_id: str) -> ConnectionRecord | None:
        raise StoreError("DynamoDB did not answer: secret detail")


class BrokenRequests(MemoryRequestStore):
    def create(self, record: RequestRecord, *, now: float, slots: Sequence[Slots] = ()) -> Created | Duplicate | Full:
        raise StoreError("DynamoDB did not answer")


class FullRequests(MemoryRequestStore):
    def create(self, record: RequestRecord, *, now: float, slots: Sequence[Slots] = ()) -> Created | Duplicate | Full:
        raise ItemTooLargeError("Item size has exceeded the maximum allowed size")


@dataclass
class World:
    settings: Settings = field(default_factory=Settings)
    connections: MemoryConnectionStore = field(default_factory=MemoryConnectionStore)
    requests: MemoryRequestStore = field(default_factory=MemoryRequestStore)
    subscriptions: MemorySubscriptionStore = field(default_factory=MemorySubscriptionStore)
    sender: RecordingSender = field(default_factory=RecordingSender)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    output: io.StringIO = field(default_factory=io.StringIO)
    workers: Workers = field(default_factory=Workers)

    def __post_init__(self) -> None:
        ids = itertools.count(1)
        for number, (user, tenant) in enumerate([("ada", "acme"), ("ada", "acme"), ("bob", "acme"), ("ada", "zeta")]):
            record = connection_record(connection_id=f"c-{number + 1}", user_id=user, tenant_id=tenant)
            self.connections.records[record.connection_id] = record
        self.router = Handlers(
            app=app,
            settings=self.settings,
            connections=self.connections,
            requests=self.requests,
            subscriptions=self.subscriptions,
            sender_at=self.sender.at,
            workers=self.workers,
            log=Logger(stream=self.output),
            metrics=Metrics(stream=self.output),
            clock=self.clock,
            new_id=lambda: f"made-{next(ids)}",
        ).router

    def send(self, message: Any, connection_id: str = "c-1") -> dict[str, Any]:
        """Send a message and return the one answer."""
        before = len(self.sender.sent)
        event = message_event(message, connection_id=connection_id)
        assert self.router(event, FakeContext()) == {"statusCode": 200}
        ((recipient, answer),) = self.sender.sent[before:]
        assert recipient == connection_id
        return answer

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    never.set()
    world.workers.close()
    never.clear()


def error(answer: dict[str, Any]) -> tuple[str, str]:
    assert answer["type"] == "error"
    return answer["error"]["code"], answer["error"]["message"]


# quick actions


def test_a_quick_action_is_answered(world: World) -> None:
    assert world.send({"action": "echo", "id": "r-1", "payload": {"a": 1}}) == {
        "type": "response",
        "request_id": "r-1",
        "timestamp": NOW,
        "success": True,
        "data": {"a": 1},
    }


def test_an_id_is_made_when_the_client_sent_none(world: World) -> None:
    assert world.send({"action": "echo"})["request_id"] == "made-1"


def test_an_action_sees_who_asks_and_what(world: World) -> None:
    answer = world.send({"action": "whoami", "id": "r-1", "metadata": {"trace": 7}})

    assert answer["data"] == {
        "user": "ada",
        "tenant": "acme",
        "permissions": ["reports"],
        "connection": "c-1",
        "request": "r-1",
        "metadata": {"trace": 7},
    }


def test_identity_comes_from_the_connection_never_from_the_message(world: World) -> None:
    forged = {"user_id": "root", "tenant_id": "zeta", "permissions": ["admin"]}

    answer = world.send({"action": "whoami", **forged, "metadata": forged, "payload": forged})

    assert (answer["data"]["user"], answer["data"]["tenant"]) == ("ada", "acme")


def test_a_quick_action_costs_one_read_for_a_new_connection_and_nothing_after(world: World) -> None:
    for _ in range(3):
        world.send({"action": "echo"})

    assert world.connections.calls == ["GetItem"]
    assert world.requests.calls == []


@pytest.mark.parametrize(
    ("message", "code", "says"),
    [
        pytest.param({"action": "nothing"}, "INVALID_ACTION", "there is no action 'nothing'", id="unknown"),
        pytest.param({"action": "guarded"}, "FORBIDDEN", "needs the permission admin", id="permission"),
        pytest.param({"action": "validated", "payload": 3}, "VALIDATION_ERROR", "it must be 2", id="payload"),
        pytest.param({"action": "refuse"}, "NOT_FOUND", "out of stock", id="typed error"),
        pytest.param({"action": "fail"}, "INTERNAL_ERROR", "the action failed unexpectedly", id="raises"),
        pytest.param({"action": "leave"}, "INTERNAL_ERROR", "the action failed unexpectedly", id="exits"),
        pytest.param({"action": "not-json"}, "INTERNAL_ERROR", "not JSON: set has no form in JSON", id="not JSON"),
        pytest.param({"action": "large", "payload": 524_288}, "PAYLOAD_TOO_LARGE", "at most 524288", id="too large"),
        pytest.param({"action": "hang"}, "TIMEOUT", "did not finish within 0.01 s", id="too slow"),
        pytest.param({"action": "hang-async"}, "TIMEOUT", "did not finish within 0.01 s", id="too slow, async"),
        pytest.param({"action": 7}, "VALIDATION_ERROR", '"action" must be', id="malformed"),
    ],
)
def test_a_failure_is_told_with_the_requests_id_and_the_connection_stays_usable(
    world: World, message: dict[str, Any], code: str, says: str
) -> None:
    answer = world.send({"id": "r-1", **message})

    assert answer["request_id"] == "r-1"
    assert error(answer)[0] == code
    assert says in error(answer)[1]
    assert world.send({"action": "echo", "payload": 1})["data"] == 1


def test_an_unreadable_message_has_no_request_id(world: World) -> None:
    answer = world.send("hello")

    assert answer["request_id"] is None
    assert error(answer)[0] == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("production", "hint"),
    [pytest.param(False, "; did you mean 'guarded'?", id="development"), pytest.param(True, "", id="production")],
)
def test_while_developing_an_unknown_action_gets_those_of_similar_names(production: bool, hint: str) -> None:
    world = World(settings=Settings(production=production))

    code, message = error(world.send({"action": "gaurded"}))

    assert (code, message) == ("INVALID_ACTION", f"there is no action 'gaurded'{hint}")


def test_production_hides_the_text_of_an_unexpected_error_but_logs_it(world: World) -> None:
    assert "hunter2" not in json.dumps(world.send({"action": "fail"}))
    assert "hunter2" in world.lines[-2]["error_message"]


def test_development_shows_it() -> None:
    world = World(settings=Settings(production=False))

    assert error(world.send({"action": "fail"})) == ("INTERNAL_ERROR", "RuntimeError: the password is hunter2")


def test_a_validator_may_change_the_payload(world: World) -> None:
    assert world.send({"action": "validated", "payload": 2})["data"] == {"two": 2}


def test_a_result_that_is_larger_than_a_message_comes_in_parts(world: World) -> None:
    envelope = len(json.dumps(world.send({"action": "large", "id": "r", "payload": 0}), separators=(",", ":")))

    assert world.send({"action": "large", "id": "r", "payload": 131_072 - envelope})["type"] == "response"
    world.sender.sent.clear()
    world.router(message_event({"action": "large", "id": "r", "payload": 131_073}, connection_id="c-1"), FakeContext())
    joiner = Joiner()
    joined = [json.loads(text) for _, part in world.sender.sent if (text := joiner.add(part)) is not None]
    assert [len(message["data"]) for message in joined] == [131_073]


def test_every_run_of_an_action_is_measured(world: World) -> None:
    world.send({"action": "echo"})
    world.send({"action": "fail"})
    world.send({"action": "nothing"})

    metrics = [line for line in world.lines if "ActionCount" in line]
    assert [(line["Action"], line["ActionCount"], line["ActionErrors"]) for line in metrics] == [
        ("echo", 1, 0),
        ("fail", 1, 1),
    ]
    assert all(line["ActionLatency"] >= 0 for line in metrics)


@pytest.mark.parametrize("action", ["echo", "fail", "nothing"])
def test_log_lines_say_whose_request_it_was(world: World, action: str) -> None:
    world.send({"action": action, "id": "r-1"})

    line = next(line for line in world.lines if "level" in line)
    assert {name: line[name] for name in ("request_id", "connection_id", "user_id", "tenant_id")} == {
        "request_id": "r-1",
        "connection_id": "c-1",
        "user_id": "ada",
        "tenant_id": "acme",
    }


@pytest.mark.parametrize(
    ("message", "level", "said"),
    [
        pytest.param({"action": "guarded"}, "INFO", "FORBIDDEN", id="a refusal"),
        pytest.param({"action": "hang"}, "ERROR", "TIMEOUT", id="out of time"),
        pytest.param({"action": "not-json"}, "ERROR", "INTERNAL_ERROR", id="a result that is not JSON"),
        pytest.param({"action": "fail"}, "ERROR", "RuntimeError", id="an exception"),
    ],
)
def test_what_counts_as_a_failure_is_an_error_in_the_log(
    world: World, message: dict[str, Any], level: str, said: str
) -> None:
    world.send(message)

    line = [line for line in world.lines if "level" in line][-1]
    assert (line["level"], line.get("code") or line.get("error_type")) == (level, said)


# built-in actions


def test_ping_is_answered_without_a_look_at_the_store(world: World) -> None:
    assert world.send({"action": "ping", "id": "p"}, "unknown") == {"type": "pong", "request_id": "p", "timestamp": NOW}
    assert world.connections.calls == []


def test_health_is_ok(world: World) -> None:
    assert world.send({"action": "health"})["data"] == {"status": "ok"}


def test_an_unknown_connection_is_unauthorized(world: World) -> None:
    assert error(world.send({"action": "echo"}, "unknown"))[0] == "UNAUTHORIZED"


def test_status_tells_what_is_stored(world: World) -> None:
    world.send({"action": "report", "id": "r-1", "payload": [1]})

    answer = world.send({"action": "status", "id": "s-1", "payload": {"request_id": "r-1"}})

    assert answer["request_id"] == "s-1"
    assert (answer["data"]["request_id"], answer["data"]["status"]) == ("r-1", "PENDING")


@pytest.mark.parametrize("payload", [None, "r-1", {}, {"request_id": 7}, {"request_id": ""}, {"request_id": "a b"}])
def test_status_wants_a_request_id(world: World, payload: Any) -> None:
    assert error(world.send({"action": "status", "payload": payload}))[0] == "VALIDATION_ERROR"


@pytest.mark.parametrize("connection_id", ["c-3", "c-4"], ids=["another user", "another tenant"])
def test_status_of_others_requests_is_not_found(world: World, connection_id: str) -> None:
    world.send({"action": "report", "id": "r-1"})

    assert error(world.send({"action": "status", "payload": {"request_id": "r-1"}}, connection_id)) == (
        "NOT_FOUND",
        "there is no request 'r-1'",
    )


def test_a_request_expires_a_while_after_its_end_and_is_forgotten_though_its_row_is_still_there(world: World) -> None:
    world.send({"action": "report", "id": "r-1"})
    world.clock.advance(604_801)
    assert world.send({"action": "status", "payload": {"request_id": "r-1"}})["type"] == "response"

    world.send({"action": "cancel", "payload": {"request_id": "r-1"}})
    world.clock.advance(604_801)

    assert error(world.send({"action": "status", "payload": {"request_id": "r-1"}}))[0] == "NOT_FOUND"
    assert world.send({"action": "report", "id": "r-1", "payload": "another"})["status"] == "queued"


# queued actions


@pytest.mark.parametrize(("ttl_seconds", "kept_seconds"), [(604_800, None), (3600, 3600)], ids=["default", "own"])
def test_a_request_says_how_long_its_service_keeps_it_where_that_is_not_the_default(
    ttl_seconds: int, kept_seconds: int | None
) -> None:
    world = World(settings=Settings(request_ttl_seconds=ttl_seconds))

    world.send({"action": "report", "id": "r-1"})

    (record,) = world.requests.records.values()
    assert record.kept_seconds == kept_seconds


def test_a_slow_action_is_stored_and_acknowledged(world: World) -> None:
    answer = world.send({"action": "report", "id": "r-1", "payload": {"pages": 3}, "metadata": {"trace": 7}})

    assert answer == {
        "type": "acknowledgment",
        "request_id": "r-1",
        "timestamp": NOW,
        "status": "queued",
        "message": "the request was accepted",
    }
    assert list(world.requests.records.values()) == [
        RequestRecord(
            tenant_id="acme",
            user_id="ada",
            request_id="r-1",
            action="report",
            payload_json='{"pages":3}',
            metadata_json='{"trace":7}',
            permissions=frozenset({"reports"}),
            connection_id="c-1",
            endpoint="https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/dev",
            status=Status.PENDING,
            attempt=0,
            max_attempts=3,
            created_at=NOW,
            updated_at=NOW,
            due_at=NOW + DISPATCH_SECONDS,
        )
    ]


def test_accepting_costs_one_write(world: World) -> None:
    world.send({"action": "echo"})
    world.connections.calls.clear()

    world.send({"action": "report"})

    assert (world.connections.calls, world.requests.calls) == ([], ["PutItem"])


@pytest.mark.parametrize(
    ("requests", "code", "retryable"),
    [
        pytest.param(BrokenRequests(), "SERVICE_UNAVAILABLE", True, id="store fails"),
        pytest.param(FullRequests(), "PAYLOAD_TOO_LARGE", False, id="item too large"),
    ],
)
def test_what_is_not_stored_is_not_acknowledged(requests: MemoryRequestStore, code: str, retryable: bool) -> None:
    answer = World(requests=requests).send({"action": "report", "id": "r-1"})

    assert error(answer)[0] == code
    assert answer["error"]["retryable"] is retryable


def test_a_bad_payload_is_refused_before_it_is_stored(world: World) -> None:
    assert error(world.send({"action": "report", "payload": "bad"}))[0] == "VALIDATION_ERROR"
    assert world.requests.calls == []


def test_a_repeated_request_is_acknowledged_again_and_not_stored_again(world: World) -> None:
    world.send({"action": "report", "id": "r-1", "payload": 1})
    stored = dict(world.requests.records)

    answer = world.send({"action": "report", "id": "r-1", "payload": 1}, "c-2")

    assert (answer["type"], answer["status"]) == ("acknowledgment", "queued")
    (record,) = world.requests.records.values()
    assert [one.connection_id for one in record.listeners] == ["c-2"]
    assert {record.key: replace(record, listeners=frozenset())} == stored


def test_an_id_with_another_payload_is_a_duplicate(world: World) -> None:
    world.send({"action": "report", "id": "r-1", "payload": 1})

    assert error(world.send({"action": "report", "id": "r-1", "payload": 2}))[0] == "DUPLICATE_REQUEST"


def test_a_large_request_that_is_repeated_is_compared_with_what_is_kept_apart(world: World) -> None:
    request = {"action": "report", "id": "r-1", "payload": "x" * 20_000}
    world.send(request)

    assert world.send(request)["status"] == "queued"
    assert error(world.send({**request, "payload": "y" * 20_000}))[0] == "DUPLICATE_REQUEST"
    world.requests.payloads.clear()
    assert world.send(request)["status"] == "queued"


def test_ids_of_other_users_and_tenants_never_meet(world: World) -> None:
    for payload, connection_id in enumerate(("c-1", "c-3", "c-4")):
        assert world.send({"action": "report", "id": "r-1", "payload": payload}, connection_id)["status"] == "queued"

    assert len(world.requests.records) == 3


# when things break


def test_a_store_that_fails_makes_the_service_unavailable() -> None:
    answer = World(connections=BrokenConnections()).send({"action": "echo", "id": "r-1"})

    assert answer["error"] == {
        "code": "SERVICE_UNAVAILABLE",
        "message": "the service cannot reach its data; try again",
        "retryable": True,
    }


def test_a_connection_that_closed_meanwhile_is_nobodys_fault(world: World) -> None:
    world.sender.gone.add("c-1")

    assert world.router(message_event({"action": "echo"}, connection_id="c-1"), FakeContext()) == {"statusCode": 200}
    assert {line["level"] for line in world.lines if "level" in line} == {"INFO"}


def test_an_answer_that_cannot_be_delivered_is_logged(world: World) -> None:
    world.sender.failing = SendError("API Gateway did not answer")

    assert world.router(message_event({"action": "echo"}, connection_id="c-1"), FakeContext()) == {"statusCode": 200}
    assert [line["message"] for line in world.lines if line.get("level") == "ERROR"] == [
        "the answer could not be delivered"
    ]
