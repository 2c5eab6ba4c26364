"""``subscribe``, ``unsubscribe``, ``publish``, and requests that are sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from streamer import ActionError, App, ErrorCode, Principal, Progress, Request
from streamer.errors import ConfigurationError
from streamer.protocol.parts import Joiner
from streamer.protocol.topics import LISTENERS
from streamer.records import (
    Failure,
    Listener,
    ProgressPoint,
    RequestKey,
    RequestRecord,
    Status,
    owner_of,
)
from streamer.requests import lifecycle
from streamer.requests.lifecycle import Applied, Change, Refused
from streamer.testing import FakeContext, LocalConnection, LocalService, RequestFailed, message_event

app = App()
KEY = RequestKey(owner_of("tenant", "user"), "r-1")


@app.action("report", queued=True)
def report(request: Request, progress: Progress) -> Any:
    progress(50, "half")
    return {"pages": 3}


@pytest.fixture
def service() -> Iterator[LocalService]:
    with LocalService(app) as started:
        yield started


@pytest.fixture
def connection(service: LocalService) -> LocalConnection:
    return service.connect()


def types(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


def subscribe(connection: LocalConnection, **subject: Any) -> list[dict[str, Any]]:
    return connection.send({"action": "subscribe", "id": "s-1", "payload": subject})


def in_progress(service: LocalService, **fields: Any) -> RequestRecord:
    """Put a request of the user's into the store, as one that runs for a connection which is closed by now."""
    with LocalService(app) as elsewhere:
        elsewhere.connect().send({"action": "report", "id": "r-1"})
        (record,) = elsewhere.requests.records.values()
    defaults: dict[str, Any] = {
        "connection_id": "closed",
        "status": Status.PROCESSING,
        "attempt": 1,
        "progress": ProgressPoint(percentage=40, message="on"),
        "result_json": None,
    }
    running = replace(record, **{**defaults, **fields})
    service.requests.records[running.key] = running
    service.requests.calls.clear()
    return running


# topics


def test_a_subscriber_hears_what_is_published_until_it_unsubscribes(service: LocalService) -> None:
    listener, editor = service.connect(user_id="bob"), service.connect(permissions=["topics:publish"])

    assert listener.call("subscribe", {"topic": "news"}) == {"topic": "news", "subscribed": True}
    published = editor.call("publish", {"topic": "news", "data": [1]})
    assert published == {"topic": "news", "delivered": 1, "gone": 0, "failed": 0}
    assert listener.call("unsubscribe", {"topic": "news"}) == {"topic": "news", "subscribed": False}
    assert editor.call("publish", {"topic": "news", "data": [2]})["delivered"] == 0
    assert [message["data"] for message in listener.received if message["type"] == "message"] == [[1]]


def test_a_topic_costs_one_call(service: LocalService, connection: LocalConnection) -> None:
    connection.send({"action": "health"})
    for action, call in (("subscribe", "PutItem"), ("unsubscribe", "DeleteItem")):
        service.subscriptions.calls.clear()
        connection.send({"action": action, "payload": {"topic": "news"}})

        assert service.subscriptions.calls == [call]


def test_a_closed_connection_is_no_subscriber(service: LocalService, connection: LocalConnection) -> None:
    subscribe(connection, topic="news")
    connection.close()

    assert service.subscriptions.records == {}


def test_publishing_takes_a_permission_unless_the_app_decides_otherwise(connection: LocalConnection) -> None:
    with pytest.raises(RequestFailed, match="FORBIDDEN") as caught:
        connection.call("publish", {"topic": "news", "data": 1})

    assert caught.value.code == "FORBIDDEN"


@pytest.mark.parametrize("payload", [None, {}, {"topic": "no topic"}, {"topic": 1}])
@pytest.mark.parametrize("action", ["subscribe", "unsubscribe", "publish"])
def test_a_wrong_payload_is_refused(connection: LocalConnection, action: str, payload: Any) -> None:
    with pytest.raises(RequestFailed) as caught:
        connection.call(action, payload)

    assert caught.value.code == "VALIDATION_ERROR"


def test_who_may_not_publish_is_told_the_permission_that_is_missing(connection: LocalConnection) -> None:
    with pytest.raises(RequestFailed, match="FORBIDDEN") as caught:
        connection.call("publish", {"topic": "news", "data": 1})

    assert caught.value.details == {"missing": ["topics:publish"]}


def test_the_app_decides_about_topics() -> None:
    asked: list[tuple[str, str, str]] = []
    own = App()

    @own.authorize_topic
    def rule(principal: Principal, topic: str, operation: str) -> bool:
        asked.append((principal.user_id, topic, operation))
        if topic == "secret":
            raise ActionError("it is secret", code=ErrorCode.NOT_FOUND)
        return topic == f"of-{principal.user_id}"

    with LocalService(own) as service:
        ada = service.connect(user_id="ada")
        assert ada.call("subscribe", {"topic": "of-ada"})["subscribed"] is True
        assert ada.call("publish", {"topic": "of-ada", "data": 1})["delivered"] == 1
        for action, topic, code in (
            ("subscribe", "of-bob", "FORBIDDEN"),
            ("publish", "of-bob", "FORBIDDEN"),
            ("subscribe", "secret", "NOT_FOUND"),
        ):
            with pytest.raises(RequestFailed) as caught:
                ada.call(action, {"topic": topic})
            assert caught.value.code == code

    assert asked[:2] == [("ada", "of-ada", "subscribe"), ("ada", "of-ada", "publish")]


def test_one_plain_function_decides_about_topics() -> None:
    async def later(principal: Principal, topic: str, operation: str) -> bool:
        return True

    def always(principal: Principal, topic: str, operation: str) -> bool:
        return True

    with pytest.raises(ConfigurationError, match="plain function"):
        App(authorize_topic=later)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="twice"):
        App(authorize_topic=always).authorize_topic(always)
    assert App(authorize_topic=always).topic_rule is always


@pytest.mark.parametrize("operation", ["subscribe", "publish"])
def test_a_rule_that_would_have_to_be_awaited_allows_nothing(operation: str) -> None:
    class Later:
        async def __call__(self, principal: Principal, topic: str, operation: str) -> bool:
            return False

    rule = Later()
    with pytest.raises(ConfigurationError, match="plain function"):
        App(authorize_topic=rule)  # type: ignore[arg-type]

    def hidden(principal: Principal, topic: str, operation: str) -> Any:
        return rule(principal, topic, operation)

    with LocalService(App(authorize_topic=hidden)) as service, pytest.raises(RequestFailed) as caught:
        service.connect().call(operation, {"topic": "news"})

    assert caught.value.code == "INTERNAL_ERROR"


# requests


def test_a_new_connection_gets_the_latest_progress_and_hears_the_rest(
    service: LocalService, connection: LocalConnection
) -> None:
    running = in_progress(service)

    progress, answer = subscribe(connection, request_id="r-1")

    assert (progress["type"], progress["request_id"], progress["percentage"]) == ("progress", "r-1", 40)
    assert (answer["type"], answer["request_id"]) == ("response", "s-1")
    assert (answer["data"]["status"], answer["data"]["subscribed"]) == ("PROCESSING", True)
    assert service.requests.calls == ["GetItem", "UpdateItem"]
    assert [one.connection_id for one in service.requests.records[running.key].listeners] == [connection.connection_id]


@pytest.mark.parametrize("status", [Status.PENDING, Status.RETRYING])
def test_what_does_not_run_at_the_moment_can_be_waited_for(
    service: LocalService, connection: LocalConnection, status: Status
) -> None:
    in_progress(service, status=status, progress=None)

    (answer,) = subscribe(connection, request_id="r-1")

    assert (answer["data"]["status"], answer["data"]["subscribed"]) == (status, True)


@pytest.mark.parametrize(
    ("fields", "final"),
    [
        pytest.param({"status": Status.COMPLETED, "result_json": "[1]"}, "complete", id="completed"),
        pytest.param({"status": Status.FAILED, "error": Failure(code="X", message="no")}, "error", id="failed"),
        pytest.param({"status": Status.CANCELLED}, "cancelled", id="cancelled"),
    ],
)
def test_what_is_over_is_told_at_once(
    service: LocalService, connection: LocalConnection, fields: dict[str, Any], final: str
) -> None:
    in_progress(service, **fields)

    answer, end = subscribe(connection, request_id="r-1")

    assert (answer["data"]["status"], answer["data"]["subscribed"]) == (fields["status"], False)
    assert (end["type"], end["request_id"]) == (final, "r-1")
    assert service.requests.calls == ["GetItem"]


def test_what_ends_while_somebody_joins_is_told_once(connection: LocalConnection, service: LocalService) -> None:
    """Between the read and the write of a subscription the request ends: the write is refused, and says how."""
    running = in_progress(service)
    plain_apply = service.requests.apply

    def apply(key: RequestKey, change: Change) -> Applied | Refused:
        service.requests.apply = plain_apply  # type: ignore[method-assign]
        service.requests.apply(key, lifecycle.complete("[1]", attempt=1, now=service.clock()))
        return plain_apply(key, change)

    service.requests.apply = apply  # type: ignore[method-assign]

    messages = subscribe(connection, request_id="r-1")

    assert types(messages) == ["progress", "response", "complete"]
    assert service.requests.records[running.key].listeners == frozenset()


def test_the_connection_that_sent_it_hears_of_it_anyway(service: LocalService, connection: LocalConnection) -> None:
    in_progress(service, connection_id=connection.connection_id)

    (answer,) = subscribe(connection, request_id="r-1")
    assert answer["data"]["subscribed"] is True
    assert connection.call("unsubscribe", {"request_id": "r-1"})["subscribed"] is True
    assert set(service.requests.calls) == {"GetItem"}


def test_subscribing_twice_is_subscribing_once(service: LocalService, connection: LocalConnection) -> None:
    running = in_progress(service)
    subscribe(connection, request_id="r-1")

    # No progress is told again: it could be older than what the run has told meanwhile.
    assert types(subscribe(connection, request_id="r-1")) == ["response"]
    assert len(service.requests.records[running.key].listeners) == 1


def test_who_unsubscribes_from_a_request_hears_no_more(service: LocalService, connection: LocalConnection) -> None:
    running = in_progress(service)
    subscribe(connection, request_id="r-1")

    assert connection.call("unsubscribe", {"request_id": "r-1"}) == {"request_id": "r-1", "subscribed": False}
    assert service.requests.records[running.key].listeners == frozenset()
    assert connection.call("unsubscribe", {"request_id": "r-1"})["subscribed"] is False


def test_so_many_connections_hear_about_one_request_and_no_more(
    service: LocalService, connection: LocalConnection
) -> None:
    others = frozenset(Listener(f"c-{number}", "https://api.example.com/dev") for number in range(LISTENERS))
    in_progress(service, listeners=others)

    answer = subscribe(connection, request_id="r-1")[-1]

    assert (answer["type"], answer["error"]["code"], answer["error"]["retryable"]) == ("error", "RATE_LIMITED", True)
    assert answer["error"]["details"] == {"limit": "listeners_per_request"}


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
def test_a_request_that_is_not_ones_own_does_not_exist(service: LocalService, action: str) -> None:
    in_progress(service)

    for stranger in (service.connect(user_id="bob"), service.connect(tenant_id="other")):
        with pytest.raises(RequestFailed) as caught:
            stranger.call(action, {"request_id": "r-1"})
        assert caught.value.code == "NOT_FOUND"


def test_an_expired_request_does_not_exist(service: LocalService, connection: LocalConnection) -> None:
    in_progress(service, expires_at=0)

    with pytest.raises(RequestFailed, match="NOT_FOUND"):
        connection.call("subscribe", {"request_id": "r-1"})


# the same request again


def test_who_sends_a_running_request_again_hears_of_it(service: LocalService, connection: LocalConnection) -> None:
    running = in_progress(service)

    (answer,) = connection.send({"action": "report", "id": "r-1"})

    assert (answer["type"], answer["status"]) == ("acknowledgment", "processing")
    assert [one.connection_id for one in service.requests.records[running.key].listeners] == [connection.connection_id]
    assert service.requests.calls == ["PutItem", "UpdateItem"]


def test_who_sends_it_again_on_the_same_connection_costs_nothing(
    service: LocalService, connection: LocalConnection
) -> None:
    in_progress(service, connection_id=connection.connection_id)

    assert types(connection.send({"action": "report", "id": "r-1"})) == ["acknowledgment"]
    assert service.requests.calls == ["PutItem"]


def test_who_asks_for_something_else_under_the_same_id_hears_nothing_of_it(
    service: LocalService, connection: LocalConnection
) -> None:
    running = in_progress(service)

    with pytest.raises(RequestFailed) as caught:
        connection.call("report", {"other": 1}, id="r-1")

    assert caught.value.code == "DUPLICATE_REQUEST"
    assert service.requests.records[running.key].listeners == frozenset()


# a request and its listeners, from end to end


def test_a_listener_that_comes_while_the_action_runs_hears_the_rest_and_the_same_end() -> None:
    own = App()
    late: list[LocalConnection] = []

    @own.action("report", queued=True)
    def run(request: Request, progress: Progress) -> str:
        progress(10, "before")
        late.append(local.connect())
        message = {"action": "subscribe", "id": "s-1", "payload": {"request_id": "r-1"}}
        local.handlers.router(message_event(message, connection_id=late[0].connection_id), FakeContext())
        progress(90, "after")
        return "done"

    with LocalService(own) as local:
        first = local.connect()
        first.send({"action": "report", "id": "r-1"})

    told = [message["percentage"] for message in late[0].received if message["type"] == "progress"]
    assert told == sorted(told)
    assert late[0].received[-1] == first.received[-1]
    assert types(first.received) == ["acknowledgment", "progress", "progress", "complete"]


def test_a_large_result_comes_in_parts_and_so_does_its_status() -> None:
    own = App()

    @own.action("large", queued=True)
    def large(request: Request) -> str:
        return "ä" * 90_000

    with LocalService(own) as local:
        connection = local.connect()
        messages = connection.send({"action": "large", "id": "r-1"})
        assert connection.call("large") == "ä" * 90_000
        joiner = Joiner()
        joined = [json.loads(text) for part in messages if (text := joiner.add(part))]
        assert [message["result"] for message in joined] == ["ä" * 90_000]
        parts = connection.send({"action": "status", "payload": {"request_id": "r-1"}})
        joined = [json.loads(text) for part in parts if (text := joiner.add(part))]
        assert joined[0]["data"]["result"] == "ä" * 90_000
