"""How many DynamoDB calls things cost (DESIGN section 6), as botocore makes them for the handlers that Lambda runs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import botocore
import pytest
from dynamodb_engines import embedded_engine
from streamer_records import NOW

import streamer
from emulator.dynamodb.endpoints.tables import create_tables
from streamer import App, Limits, Progress, Request, RetryableError
from streamer.auth import mint
from streamer.records import RequestKey
from streamer.requests.runs import SWEEP_EVENT
from streamer.service import tables
from streamer.settings import Settings
from streamer.stores.client import Clients
from streamer.stores.dynamodb import DynamoConnectionStore, DynamoSubscriptionStore
from streamer.stores.dynamodb_requests import DynamoRequestStore
from streamer.testing import (
    FakeClock,
    FakeContext,
    Handlers,
    RecordingSender,
    connect_event,
    disconnect_event,
    message_event,
    run_event,
)

SECRET = "s" * 32
CONNECTION = "c-1"
OWNER = "acme#ada"


@pytest.fixture
def client() -> Iterator[Any]:
    with embedded_engine() as engine, pytest.MonkeyPatch.context() as environment:
        create_tables(engine.embedded, tables("budget_"))
        environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", engine.url)
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("AWS_ACCESS_KEY_ID", "local")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "local")
        client = Clients().get("dynamodb")
        yield client
        client.close()


def _app(limits: Limits | None) -> App:
    app = App(limits=limits)
    app.action("quick")(lambda request: "done")

    @app.action("slow", queued=True, max_attempts=2)
    def slow(request: Request, progress: Progress) -> None:
        for percentage in range(request.payload.get("reports", 0)):
            progress(percentage)
        if request.payload.get("fails") and request.attempt == 1:
            raise RetryableError("again")

    return app


class Service:
    """The four functions on one embedded DynamoDB."""

    def __init__(self, client: Any, limits: Limits | None = None) -> None:
        self.calls: list[str] = []
        client.meta.events.register("before-call.dynamodb", lambda model, **rest: self.calls.append(model.name))
        self.numbers = itertools.count()
        self.sender = RecordingSender()
        self.handlers = Handlers(
            app=_app(limits),
            settings=Settings(jwt_secret=SECRET),
            connections=DynamoConnectionStore(lambda: client, "budget_connections"),
            requests=DynamoRequestStore(lambda: client, "budget_requests"),
            subscriptions=DynamoSubscriptionStore(lambda: client, "budget_subscriptions"),
            sender_at=self.sender.at,
            clock=FakeClock(NOW),
            jitter=lambda: 0.0,
        )

    def cost(self, handler: Any, event: Any) -> list[str]:
        """The DynamoDB calls that one event costs."""
        before = len(self.calls)
        handler(event, FakeContext(aws_request_id=f"i-{next(self.numbers)}"))
        return self.calls[before:]

    def connect(self) -> list[str]:
        token = mint(SECRET, user_id="ada", tenant_id="acme", now=NOW, expires_in_seconds=60)
        event = connect_event(connection_id=CONNECTION, query={"Authorization": token})
        return self.cost(self.handlers.connect, event)

    def say(self, action: str, payload: Any = None, request_id: str = "r-1") -> list[str]:
        message = {"action": action, "payload": payload, "id": request_id}
        return self.cost(self.handlers.router, message_event(message, connection_id=CONNECTION))

    def run(self, request_id: str = "r-1") -> list[str]:
        return self.cost(self.handlers.processor, run_event(RequestKey(OWNER, request_id)))

    def disconnect(self) -> list[str]:
        return self.cost(self.handlers.disconnect, disconnect_event(connection_id=CONNECTION))

    def sweep(self) -> list[str]:
        return self.cost(self.handlers.processor, SWEEP_EVENT)


@pytest.fixture
def service(client: Any) -> Iterator[Service]:
    service = Service(client)
    yield service
    service.handlers.workers.close()


@pytest.fixture
def limited(client: Any) -> Iterator[Service]:
    limits = Limits(messages_per_second_per_user=1000, concurrent_requests_per_user=2)
    service = Service(client, limits)
    yield service
    service.handlers.workers.close()


def test_connecting_costs_a_write(service: Service) -> None:
    assert service.connect() == ["PutItem"]


def test_a_quick_action_costs_a_read_the_first_time_and_nothing_afterwards(service: Service) -> None:
    service.connect()

    assert [service.say("quick") for _ in range(3)] == [["GetItem"], [], []]


def test_a_quick_action_costs_no_more_under_limits(limited: Service) -> None:
    limited.connect()

    assert [limited.say("quick") for _ in range(3)] == [["GetItem"], [], []]


def test_a_slow_action_costs_a_call_to_accept_one_to_start_and_one_to_finish(service: Service) -> None:
    service.connect()
    service.say("quick")

    assert service.say("slow", {}) == ["PutItem"]
    assert service.run() == ["UpdateItem", "UpdateItem"]
    assert service.sender.to(CONNECTION)[-1]["type"] == "complete"


def test_a_large_payload_costs_a_call_more_to_accept_and_one_more_to_start(service: Service) -> None:
    service.connect()
    service.say("quick")
    payload = {"text": "x" * 50_000}

    assert service.say("slow", payload) == ["PutItem", "PutItem"]
    assert service.run() == ["UpdateItem", "GetItem", "UpdateItem"]
    assert service.sender.to(CONNECTION)[-1]["type"] == "complete"


def test_it_is_accepted_in_one_call_under_limits_too(limited: Service) -> None:
    limited.connect()
    limited.say("quick")

    assert limited.say("slow", {}) == ["TransactWriteItems"]
    assert limited.run() == ["UpdateItem", "UpdateItem"]


def test_progress_costs_a_call_a_second_at_most(service: Service) -> None:
    service.connect()
    service.say("slow", {"reports": 90})

    began = time.monotonic()
    calls = service.run()

    assert set(calls) == {"UpdateItem"}
    assert 3 <= len(calls) <= 3 + (time.monotonic() - began)
    assert len([message for message in service.sender.to(CONNECTION) if message["type"] == "progress"]) == 90


def test_another_attempt_costs_as_much_as_the_first(service: Service) -> None:
    service.connect()
    service.say("slow", {"fails": True})

    assert [service.run(), service.run()] == [["UpdateItem", "UpdateItem"]] * 2


def test_repeating_a_request_that_is_over_costs_a_call(service: Service) -> None:
    service.connect()
    service.say("slow", {})
    service.run()

    assert service.say("slow", {}) == ["PutItem"]
    assert service.run() == ["UpdateItem"]


@pytest.mark.parametrize(("action", "calls"), [("status", ["GetItem"]), ("cancel", ["UpdateItem"])])
def test_asking_for_a_request_costs_a_call(service: Service, action: str, calls: list[str]) -> None:
    service.connect()
    service.say("slow", {})

    assert service.say(action, {"request_id": "r-1"}) == calls


def test_disconnecting_costs_a_delete_and_a_query(service: Service) -> None:
    service.connect()

    assert service.disconnect() == ["DeleteItem", "Query"]


def test_a_sweep_costs_a_query_per_shard_and_one_more_when_there_is_nothing_to_do(service: Service) -> None:
    service.connect()
    service.say("slow", {})

    assert service.sweep() == ["Query"] * 9


def test_a_call_tells_who_makes_it_by_a_name_that_is_made_once(client: Any) -> None:
    names: list[bytes] = []
    client.meta.events.register(
        "before-send.dynamodb", lambda request, **rest: names.append(request.headers["User-Agent"])
    )

    client.list_tables()

    assert names == [f"streamer/{streamer.__version__} Botocore/{botocore.__version__}".encode()]
