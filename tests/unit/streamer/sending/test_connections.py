"""What actions do with connections, quick and queued, plain and async."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from streamer import App, Request
from streamer.errors import GoneError, PayloadTooLargeError
from streamer.testing import LocalService, RequestFailed

app = App()
PUBLISHED = {"delivered": 1, "gone": [], "failed": {}}


def published(request: Request) -> dict[str, Any]:
    delivery = app.publish("news", request.payload)
    return {"delivered": delivery.delivered, "gone": sorted(delivery.gone), "failed": dict(delivery.failed)}


@app.action("quick")
def quick(request: Request) -> Any:
    return published(request)


@app.action("quick-timed", timeout_seconds=20)
def quick_timed(request: Request) -> Any:
    return published(request)


@app.action("quick-async")
async def quick_async(request: Request) -> Any:
    return published(request)


@app.action("quick-thread")
async def quick_thread(request: Request) -> Any:
    return await asyncio.to_thread(published, request)


@app.action("queued", queued=True)
def queued(request: Request) -> Any:
    return published(request)


@app.action("queued-async", queued=True)
async def queued_async(request: Request) -> Any:
    return await asyncio.to_thread(published, request)


@app.action("do")
def do(request: Request) -> Any:
    """Call a method of the connections with the payload's arguments."""
    name, arguments = request.payload
    result = getattr(app.connections, name)(**arguments)
    return result.delivered if name == "broadcast" else result


@pytest.fixture
def service() -> Any:
    with LocalService(app) as started:
        yield started


@pytest.mark.parametrize("action", ["quick", "quick-timed", "quick-async", "quick-thread", "queued", "queued-async"])
def test_any_action_can_publish(service: LocalService, action: str) -> None:
    listener = service.connect(user_id="bob")
    listener.send({"action": "subscribe", "payload": {"topic": "news"}})
    stranger = service.connect(user_id="bob", tenant_id="other")
    stranger.send({"action": "subscribe", "payload": {"topic": "news"}})

    assert service.connect(user_id="ada").call(action, {"hello": "world"}) == PUBLISHED

    assert listener.received[-1] | {"timestamp": 0} == {
        "type": "message",
        "request_id": None,
        "timestamp": 0,
        "topic": "news",
        "data": {"hello": "world"},
    }
    assert [message["type"] for message in stranger.received] == ["response"]


def test_an_action_reaches_a_user_a_tenant_a_topic_and_one_connection(service: LocalService) -> None:
    ada, bob = service.connect(user_id="ada"), service.connect(user_id="bob")

    assert ada.call("do", ["broadcast", {"data": 1, "user_id": "bob"}]) == 1
    assert ada.call("do", ["broadcast", {"data": 2, "tenant": True}]) == 2
    assert ada.call("do", ["broadcast", {"data": 3, "topic": "nobody-listens"}]) == 0
    assert ada.call("do", ["send", {"connection_id": bob.connection_id, "data": 4}]) is None
    assert ada.call("do", ["is_active", {"connection_id": bob.connection_id}]) is True
    assert [message["data"] for message in bob.received] == [1, 2, 4]


def test_an_action_reaches_nobody_of_another_tenant(service: LocalService) -> None:
    ada, eve = service.connect(user_id="ada"), service.connect(user_id="ada", tenant_id="other")

    assert ada.call("do", ["broadcast", {"data": 1, "user_id": "ada"}]) == 1
    assert ada.call("do", ["broadcast", {"data": 1, "tenant": True}]) == 1
    assert ada.call("do", ["is_active", {"connection_id": eve.connection_id}]) is False
    with pytest.raises(RequestFailed, match="GoneError"):
        ada.call("do", ["send", {"connection_id": eve.connection_id, "data": 1}])
    assert eve.received == []


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"data": 1}, id="nobody"),
        pytest.param({"data": 1, "user_id": "ada", "tenant": True}, id="two"),
        pytest.param({"data": 1, "topic": "no topic"}, id="no topic"),
        pytest.param({"data": float("nan"), "tenant": True}, id="not JSON"),
    ],
)
def test_a_broadcast_is_to_exactly_one_audience(service: LocalService, arguments: dict[str, Any]) -> None:
    caught: list[Exception] = []
    own = App()

    @own.action("broadcast")
    def broadcast(request: Request) -> None:
        try:
            own.connections.broadcast(**arguments)
        except ValueError as exc:
            caught.append(exc)

    with LocalService(own) as own_service:
        own_service.connect().call("broadcast")

    assert len(caught) == 1


def test_an_action_hears_of_what_is_gone_or_too_large() -> None:
    raised: list[type[Exception]] = []
    own = App()

    @own.action("send")
    def send(request: Request) -> None:
        for connection_id, data in (("unknown", 1), (request.connection_id, "x" * 600_000)):
            try:
                own.connections.send(connection_id, data)
            except (GoneError, PayloadTooLargeError) as exc:
                raised.append(type(exc))

    with LocalService(own) as service:
        service.connect().call("send")

    assert raised == [GoneError, PayloadTooLargeError]


def test_outside_of_an_action_it_is_said_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="while an action runs"):
        app.publish("news", 1)


def test_a_thread_without_the_actions_context_is_outside_of_it() -> None:
    raised: list[Exception] = []
    own = App()

    def publish() -> None:
        try:
            own.publish("news", 1)
        except RuntimeError as exc:
            raised.append(exc)

    @own.action("publish-elsewhere")
    def publish_elsewhere(request: Request) -> None:
        thread = threading.Thread(target=publish)
        thread.start()
        thread.join()

    with LocalService(own) as service:
        service.connect().call("publish-elsewhere")

    assert "to_thread" in str(raised[0])


def test_an_action_reaches_its_own_tenant_though_another_ran_before_in_the_same_thread(service: LocalService) -> None:
    listeners = [service.connect(tenant_id=tenant) for tenant in ("one", "two")]
    for listener in listeners:
        listener.send({"action": "subscribe", "payload": {"topic": "news"}})
    for tenant in ("one", "two"):
        for action in ("quick", "queued"):
            service.connect(tenant_id=tenant).call(action, tenant)

    assert [[m["data"] for m in listener.received if m["type"] == "message"] for listener in listeners] == [
        ["one", "one"],
        ["two", "two"],
    ]
