"""The App's limits, through the real router."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from streamer import App, Limits
from streamer.records import RequestKey, Status
from streamer.testing import LocalConnection, LocalService, message_event


@pytest.fixture
def serve() -> Iterator[Callable[[Limits | None], LocalService]]:
    """Makes services with limits."""
    services: list[LocalService] = []

    def made(limits: Limits | None) -> LocalService:
        app = App(limits=limits)
        app.action("quick")(lambda request: "done")
        app.action("slow", queued=True)(lambda request: "done")
        services.append(LocalService(app))
        return services[-1]

    yield made
    for service in services:
        service.handlers.workers.close()


def queue(service: LocalService, client: LocalConnection, request_id: str) -> dict[str, Any]:
    """Ask for a slow request that does not run yet; what was answered."""
    event = message_event({"action": "slow", "id": request_id}, connection_id=client.connection_id, now=service.clock())
    service.handlers.router(event, service._context())
    return client.received[-1]


def end(service: LocalService, user_id: str, request_id: str) -> None:
    key = RequestKey(f"tenant#{user_id}", request_id)
    service.requests.records[key] = replace(service.requests.records[key], status=Status.COMPLETED, result_json="1")


@pytest.mark.parametrize("limit", ["messages_per_second_per_connection", "messages_per_second_per_user"])
def test_too_many_messages_are_refused_with_a_hint(serve: Callable[..., LocalService], limit: str) -> None:
    limits: dict[str, Any] = {limit: 0.001}
    client = serve(Limits(**limits)).connect()

    assert client.send({"action": "quick"})[0]["type"] == "response"
    (refused,) = client.send({"action": "quick", "id": "q-2"})

    error = refused["error"]
    assert (refused["request_id"], error["code"], error["retryable"]) == ("q-2", "RATE_LIMITED", True)
    assert error["details"]["limit"] == limit
    assert 900 < error["details"]["retry_after"] <= 1000


def test_a_ping_is_always_answered(serve: Callable[..., LocalService]) -> None:
    client = serve(Limits(messages_per_second_per_connection=0.001)).connect()

    assert [client.send({"action": "ping"})[0]["type"] for _ in range(5)] == ["pong"] * 5


@pytest.mark.parametrize(
    ("limits", "others"),
    [
        pytest.param(Limits(messages_per_second_per_connection=0.001), "response", id="per connection"),
        pytest.param(Limits(messages_per_second_per_user=0.001), "error", id="per user"),
    ],
)
def test_whose_messages_are_counted_together(serve: Callable[..., LocalService], limits: Limits, others: str) -> None:
    service = serve(limits)
    one, same_user, other_user = (service.connect(user_id=user) for user in ("ada", "ada", "bob"))
    one.send({"action": "quick"})

    assert same_user.send({"action": "quick"})[0]["type"] == others
    assert other_user.send({"action": "quick"})[0]["type"] == "response"


def test_counting_messages_costs_no_call(serve: Callable[..., LocalService]) -> None:
    service = serve(Limits(messages_per_second_per_connection=100, messages_per_second_per_user=100))
    client = service.connect()
    client.send({"action": "quick"})
    service.connections.calls.clear()

    client.send({"action": "quick"})

    assert service.connections.calls == service.requests.calls == []


def test_a_request_too_many_is_refused_and_not_stored(serve: Callable[..., LocalService]) -> None:
    service = serve(Limits(concurrent_requests_per_user=2))
    client = service.connect(user_id="ada")
    assert [queue(service, client, f"r-{n}")["type"] for n in range(2)] == ["acknowledgment"] * 2

    refused = queue(service, client, "r-2")

    assert (refused["error"]["code"], refused["error"]["details"]) == (
        "RATE_LIMITED",
        {"limit": "concurrent_requests_per_user", "retry_after": 1.0},
    )
    assert len(service.requests.records) == 2


def test_a_request_that_ended_makes_room(serve: Callable[..., LocalService]) -> None:
    service = serve(Limits(concurrent_requests_per_user=2))
    client = service.connect(user_id="ada")
    for number in range(2):
        queue(service, client, f"r-{number}")

    end(service, "ada", "r-0")

    assert queue(service, client, "r-2")["type"] == "acknowledgment"
    assert queue(service, client, "r-3")["type"] == "error"


def test_accepting_costs_one_call_and_three_more_when_room_must_be_made(serve: Callable[..., LocalService]) -> None:
    service = serve(Limits(concurrent_requests_per_user=1))
    client = service.connect(user_id="ada")

    queue(service, client, "r-0")
    assert service.requests.calls == ["TransactWriteItems"]

    end(service, "ada", "r-0")
    queue(service, client, "r-1")
    assert service.requests.calls[1:] == ["TransactWriteItems", "BatchGetItem", "UpdateItem", "TransactWriteItems"]


def test_a_repeated_request_needs_no_room(serve: Callable[..., LocalService]) -> None:
    service = serve(Limits(concurrent_requests_per_user=1))
    client = service.connect(user_id="ada")
    queue(service, client, "r-0")

    assert queue(service, client, "r-0")["type"] == "acknowledgment"


@pytest.mark.parametrize(
    ("limits", "same_user", "other_user"),
    [
        pytest.param(Limits(concurrent_requests_per_connection=1), "acknowledgment", "acknowledgment", id="connection"),
        pytest.param(Limits(concurrent_requests_per_user=1), "error", "acknowledgment", id="user"),
        pytest.param(
            Limits(concurrent_requests_per_user=2, concurrent_requests_per_connection=1),
            "acknowledgment",
            "acknowledgment",
            id="both",
        ),
    ],
)
def test_whose_requests_are_counted_together(
    serve: Callable[..., LocalService], limits: Limits, same_user: str, other_user: str
) -> None:
    service = serve(limits)
    one, second, other = (service.connect(user_id=user) for user in ("ada", "ada", "bob"))
    queue(service, one, "r-0")

    assert queue(service, one, "r-1")["type"] == "error"
    assert queue(service, second, "r-2")["type"] == same_user
    assert queue(service, other, "r-3")["type"] == other_user


def test_without_limits_nothing_is_counted(serve: Callable[..., LocalService]) -> None:
    service = serve(None)
    client = service.connect()

    assert [queue(service, client, f"r-{n}")["type"] for n in range(50)] == ["acknowledgment"] * 50
    assert service.requests.calls == ["PutItem"] * 50


def test_requests_one_after_the_other_are_never_refused_by_both_limits_together(
    serve: Callable[..., LocalService],
) -> None:
    service = serve(Limits(concurrent_requests_per_user=3, concurrent_requests_per_connection=3))
    client = service.connect(user_id="ada")
    answers = []

    for number in range(13):
        answers.append(queue(service, client, f"r-{number}")["type"])
        end(service, "ada", f"r-{number}")

    assert answers == ["acknowledgment"] * 13
