"""The Python client over connections that are lost, against a WebSocket server that plays a service."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from streamer.client import (
    CannotConnectError,
    ClientError,
    ConnectionLostError,
    Progress,
    Reconnect,
    RequestFailedError,
    StreamerClient,
    TopicMessage,
)
from streamer.client.handshake import Handshake
from streamer.client.link import Link
from streamer.protocol.messages import complete, to_json
from streamer.protocol.parts import in_parts

QUICK = Reconnect(base_seconds=0.001, most_seconds=0.01, give_up_seconds=30)


class Service:
    """Requests that live on while connections come and go; a test moves them."""

    def __init__(self) -> None:
        self.sockets: list[ServerConnection] = []
        self.got: list[dict[str, Any]] = []
        self.tokens: list[str | None] = []
        self.known: dict[str, list[dict[str, Any]]] = {}
        """What is told of each request to whoever subscribes to it."""
        self.topics: dict[str, set[ServerConnection]] = {}
        self.quick = True
        """Whether requests to unknown actions are answered at once; else they are acknowledged."""
        self.silent: set[str] = set()
        """Actions that are not answered."""
        self.refusing: list[int] = []
        """Statuses of the next handshakes."""
        self.forbidden: set[str] = set()
        self.changed = asyncio.Condition()

    async def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        async with self.changed:
            self.tokens.append(request.headers.get("Authorization"))
            self.changed.notify_all()
        return socket.respond(self.refusing.pop(0), "") if self.refusing else None

    async def serve(self, socket: ServerConnection) -> None:
        async with self.changed:
            self.sockets.append(socket)
            self.changed.notify_all()
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                message = json.loads(text)
                await self.answer(socket, message)
                async with self.changed:
                    self.got.append(message)
                    self.changed.notify_all()

    async def answer(self, socket: ServerConnection, message: dict[str, Any]) -> None:
        payload: Any = message.get("payload")
        match message["action"]:
            case action if action in self.silent or action == "keep-alive":
                return
            case "subscribe" if "topic" in payload:
                if payload["topic"] in self.forbidden:
                    await say(socket, "error", message["id"], error={"code": "FORBIDDEN", "message": "no"})
                    return
                self.topics.setdefault(payload["topic"], set()).add(socket)
                await say(socket, "response", message["id"], data={"subscribed": True})
            case "unsubscribe":
                self.topics[payload["topic"]].discard(socket)
                await say(socket, "response", message["id"], data={"subscribed": False})
            case "subscribe":
                told = self.known.get(payload["request_id"])
                if told is None:
                    await say(socket, "error", message["id"], error={"code": "NOT_FOUND", "message": "unknown"})
                    return
                await say(socket, "response", message["id"], data={"subscribed": True})
                for fields in told:
                    await say(socket, fields["type"], payload["request_id"], **fields)
            case _ if self.quick:
                await say(socket, "response", message["id"], data=payload)
            case _:
                self.known[message["id"]] = []
                await say(socket, "acknowledgment", message["id"], status="queued", message="")

    async def wait_for(self, holds: Any) -> None:
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(holds)

    async def lose(self, *, abruptly: bool = True) -> None:
        """End the newest connection."""
        socket = self.sockets[-1]
        if abruptly:
            socket.transport.abort()
        else:
            await socket.close(1001, "Going away")


async def say(socket: ServerConnection, type_: str, request_id: str | None, **fields: Any) -> None:
    await socket.send(json.dumps({**fields, "type": type_, "request_id": request_id, "timestamp": 1.0}))


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[tuple[Service, str]]:
    service = Service()
    async with serve(service.serve, "127.0.0.1", 0, process_request=service.admit) as server:
        yield service, f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/dev"


@contextlib.asynccontextmanager
async def connected(**options: Any) -> AsyncIterator[tuple[Service, StreamerClient]]:
    async with running() as (service, url), StreamerClient(url, **{"reconnect": QUICK, **options}) as client:
        yield service, client


def progress(percentage: float) -> dict[str, Any]:
    return {"type": "progress", "percentage": percentage, "message": ""}


END = {"type": "complete", "result": "done"}


@pytest.mark.parametrize("abruptly", [True, False])
async def test_a_running_request_goes_on_over_another_connection(abruptly: bool) -> None:
    seen: list[float] = []
    heard = asyncio.Event()

    def on_progress(point: Progress) -> None:
        seen.append(point.percentage)
        heard.set()

    async with connected() as (service, client):
        service.quick = False
        asking = asyncio.ensure_future(client.request("report", id="r-1", on_progress=on_progress))
        await service.wait_for(lambda: "r-1" in service.known)
        await say(service.sockets[0], type_="progress", request_id="r-1", percentage=60)
        service.known["r-1"] = [progress(40), progress(60), progress(80), END, END]
        await heard.wait()
        await service.lose(abruptly=abruptly)

        assert await asking == "done"

    # What is told again is left out, and what would go back.
    assert seen == [60, 80]
    assert [message["action"] for message in service.got] == ["report", "subscribe"]
    assert service.got[1]["payload"] == {"request_id": "r-1"}


async def test_what_ended_meanwhile_is_learnt_at_once() -> None:
    async with connected() as (service, client):
        service.quick = False
        asking = asyncio.ensure_future(client.request("report", id="r-1"))
        await service.wait_for(lambda: "r-1" in service.known)
        service.known["r-1"] = [{"type": "error", "error": {"code": "TIMEOUT", "message": "late"}}]
        await service.lose()

        with pytest.raises(RequestFailedError, match="TIMEOUT"):
            await asking


async def test_requests_survive_one_loss_after_another() -> None:
    async with connected() as (service, client):
        service.quick = False
        ids = [f"r-{number}" for number in range(20)]
        asking = [asyncio.ensure_future(client.request("report", id=id_)) for id_ in ids]
        await service.wait_for(lambda: len(service.known) == 20)
        for number in range(2, 6):
            await service.lose()
            await service.wait_for(lambda number=number: len(service.sockets) == number)
        for id_ in ids:
            service.known[id_] = [{"type": "complete", "result": id_}]
        await service.lose()

        assert await asyncio.gather(*asking) == ids


async def test_a_request_of_an_earlier_client_is_resumed() -> None:
    seen: list[float] = []
    async with connected() as (service, client):
        service.known["r-1"] = [progress(50), END]

        assert await client.resume("r-1", on_progress=lambda point: seen.append(point.percentage)) == "done"
        with pytest.raises(RequestFailedError, match="NOT_FOUND"):
            await client.resume("r-2")

    assert seen == [50]


async def test_an_unanswered_request_that_the_service_does_not_know_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamer.client.session.RESUMING_SECONDS", (0.001,))
    async with connected() as (service, client):
        service.silent.add("pay")
        asking = asyncio.ensure_future(client.request("pay", id="r-1"))
        await service.wait_for(lambda: service.got)
        await service.lose()

        with pytest.raises(ConnectionLostError, match="may or may not"):
            await asking

    assert [message["action"] for message in service.got] == ["pay", "subscribe", "subscribe"]


async def test_it_is_sent_again_if_the_caller_says_so() -> None:
    async with connected() as (service, client):
        service.silent.add("pay")
        asking = asyncio.ensure_future(client.request("pay", 1, id="r-1", resend=True))
        await service.wait_for(lambda: service.got)
        service.silent.clear()
        await service.lose()

        assert await asking == 1

    assert [message["id"] for message in service.got if message["action"] == "pay"] == ["r-1", "r-1"]


async def test_nor_then_once_nobody_waits_for_it_any_more() -> None:
    async with connected() as (service, client):
        service.silent |= {"pay", "subscribe"}
        asking = asyncio.ensure_future(client.request("pay", 1, id="r-1", resend=True))
        await service.wait_for(lambda: service.got)
        await service.lose()
        await service.wait_for(lambda: service.got[1:])
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

        unknown = {"code": "NOT_FOUND", "message": "unknown"}
        await say(service.sockets[-1], "error", service.got[-1]["id"], error=unknown)
        for number in range(3):
            assert await client.request("echo", number) == number

    assert [message["action"] for message in service.got] == ["pay", "subscribe", "echo", "echo", "echo"]


async def test_a_request_made_while_there_is_no_connection_waits_for_one() -> None:
    async with connected() as (service, client):
        service.refusing = [503] * 3
        await service.lose()
        await service.wait_for(lambda: len(service.tokens) == 2)

        assert await client.request("echo", 1) == 1

    assert len(service.got) == 1


async def test_a_result_in_parts_is_joined() -> None:
    text = "ä\n" * 100_000
    async with connected() as (service, client):
        service.silent.add("large")
        asking = asyncio.ensure_future(client.request("large", id="r-1"))
        await service.wait_for(lambda: service.got)
        for part in reversed(in_parts(complete("r-1", to_json(text), now=1.0), "r-1", now=1.0)):
            await service.sockets[0].send(part)

        assert await asking == text


# topics


async def publish(service: Service, topic: str, data: Any) -> None:
    for socket in service.topics[topic]:
        await say(socket, "message", None, topic=topic, data=data)


async def test_a_topic_goes_on_over_another_connection_until_it_is_left() -> None:
    async with connected() as (service, client):
        heard: list[Any] = []
        async with contextlib.aclosing(client.topic("news")) as messages:
            first = asyncio.ensure_future(anext(messages))
            await service.wait_for(lambda: service.topics.get("news"))
            await publish(service, "news", 1)
            heard.append((await first).data)
            service.topics.clear()
            await service.lose()
            await service.wait_for(lambda: service.topics.get("news"))
            await publish(service, "news", 2)
            heard.append((await anext(messages)).data)
        await service.wait_for(lambda: not service.topics["news"])

    assert heard == [1, 2]
    assert [message["action"] for message in service.got] == ["subscribe", "subscribe", "unsubscribe"]


async def test_several_readers_of_a_topic_all_hear_it_and_the_last_one_unsubscribes() -> None:
    async with connected() as (service, client):
        one, two = client.topic("news"), client.topic("news")
        readers = [asyncio.ensure_future(anext(reader)) for reader in (one, two)]
        await service.wait_for(lambda: len(service.got) == 2)
        await publish(service, "news", {"a": 1})
        assert [(await reader).data for reader in readers] == [{"a": 1}] * 2
        await one.aclose()
        await publish(service, "news", 2)
        assert await anext(two) == TopicMessage("news", 2, 1.0)
        await two.aclose()
        await service.wait_for(lambda: len(service.got) == 3)

    assert service.got[-1]["action"] == "unsubscribe"


async def test_a_topic_is_come_back_to_when_it_is_left() -> None:
    """Lambda may run two messages at once, in any order: one that is sent before the other is answered may win."""
    async with connected() as (service, client):
        async with contextlib.aclosing(client.topic("news")) as messages:
            first = asyncio.ensure_future(anext(messages))
            await service.wait_for(lambda: service.topics.get("news"))
            await publish(service, "news", 1)
            await first
        service.silent = {"unsubscribe"}
        await service.wait_for(lambda: len(service.got) == 2)
        back = asyncio.ensure_future(anext(client.topic("news")))
        await client.request("echo", 1)
        assert [message["action"] for message in service.got] == ["subscribe", "unsubscribe", "echo"]

        await say(service.sockets[0], "response", service.got[1]["id"], data=None)
        await service.wait_for(lambda: len(service.got) == 4)
        await publish(service, "news", 2)

        assert (await back).data == 2
    assert service.got[3]["action"] == "subscribe"


def test_a_loop_that_ends_as_a_topic_is_left_leaves_no_coroutine_behind() -> None:
    async def read(client: StreamerClient) -> None:
        async with contextlib.aclosing(client.topic("news")) as messages:
            async for _ in messages:
                pass

    async def left_at_the_end() -> None:
        world = connected()
        service, client = await world.__aenter__()
        reader = asyncio.ensure_future(read(client))
        await service.wait_for(lambda: service.topics.get("news"))
        reader.cancel()  # what is to unsubscribe has not begun when the loop cancels all that is left

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        asyncio.run(left_at_the_end())
        gc.collect()

    assert [str(warning.message) for warning in warned if "never awaited" in str(warning.message)] == []


async def test_a_slow_reader_misses_the_oldest_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected() as (service, client):
        messages = client.topic("news")
        first = asyncio.ensure_future(anext(messages))
        await service.wait_for(lambda: service.topics.get("news"))
        await publish(service, "news", 0)
        assert (await first).data == 0
        for number in range(1, 1031):
            await publish(service, "news", number)
        # The connection is in order: once this is answered, everything before it was received.
        await client.request("echo")
        message = await anext(messages)

    assert (message.data, message.missed) == (7, 6)


async def test_a_topic_that_is_not_allowed_raises_at_once_or_after_a_loss() -> None:
    async with connected() as (service, client):
        service.forbidden.add("secret")
        with pytest.raises(RequestFailedError, match="FORBIDDEN"):
            await anext(client.topic("secret"))

        messages = client.topic("news")
        waiting = asyncio.ensure_future(anext(messages))
        await service.wait_for(lambda: service.topics.get("news"))
        service.forbidden.add("news")
        await service.lose()
        with pytest.raises(RequestFailedError, match="FORBIDDEN"):
            await waiting


async def test_what_is_sent_without_a_topic_is_heard_too() -> None:
    async with connected() as (service, client):
        waiting = asyncio.ensure_future(anext(client.direct()))
        await client.request("echo")
        await say(service.sockets[0], "message", None, topic=None, data="hello")

        assert (await waiting).data == "hello"


# when to connect again, and when not


async def test_a_fresh_token_is_fetched_for_every_connection() -> None:
    numbers = itertools.count(1)

    async def token() -> str:
        return f"token-{next(numbers)}"

    async with connected(token=token) as (service, client):
        service.refusing = [401]
        await service.lose()
        await service.wait_for(lambda: len(service.sockets) == 2)
        await client.request("echo")

    assert service.tokens == ["Bearer token-1", "Bearer token-2", "Bearer token-3"]


async def test_a_token_that_cannot_be_replaced_and_is_refused_is_the_end() -> None:
    async with connected(token="old") as (service, client):
        service.refusing = [401]
        await service.lose()

        with pytest.raises(CannotConnectError, match="401"):
            await client.request("echo")
        with pytest.raises(CannotConnectError):
            await anext(client.topic("news"))


@pytest.mark.parametrize("why", [asyncio.CancelledError, SystemExit])
async def test_a_token_function_whose_own_work_is_cancelled_or_that_exits_is_asked_again(
    why: type[BaseException],
) -> None:
    numbers = itertools.count(1)

    async def token() -> str:
        if next(numbers) == 2:
            raise why
        return "token"

    async with connected(token=token) as (service, client):
        await service.lose()
        await service.wait_for(lambda: len(service.sockets) == 2)

        assert await client.request("echo", 1) == 1


async def test_a_caller_that_is_cancelled_while_a_token_is_made_is_cancelled() -> None:
    async def token() -> str:
        await asyncio.Event().wait()
        return "token"

    connecting = asyncio.ensure_future(StreamerClient("ws://127.0.0.1:1/dev", token).__aenter__())
    await asyncio.sleep(0)
    connecting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await connecting


async def test_a_token_function_that_fails_is_one_error_without_its_text() -> None:
    def token() -> str:
        raise RuntimeError("the password is hunter2")

    with pytest.raises(CannotConnectError, match="token function raised RuntimeError") as caught:
        async with StreamerClient("ws://127.0.0.1:1/dev", token):
            pass

    assert "hunter2" not in str(caught.value)


async def test_after_a_while_without_a_connection_it_gives_up() -> None:
    async with connected(reconnect=Reconnect(base_seconds=0.001, give_up_seconds=0.05)) as (service, client):
        service.silent.add("hang")
        asking = asyncio.ensure_future(client.request("hang"))
        await service.wait_for(lambda: service.got)
        service.refusing = [503] * 10_000
        await service.lose()

        with pytest.raises(CannotConnectError, match="503"):
            await asking


async def test_the_last_attempt_is_made_when_the_time_is_over_however_long_the_pause_would_be() -> None:
    async with connected(reconnect=Reconnect(base_seconds=3600, most_seconds=3600, give_up_seconds=0.05)) as (
        service,
        client,
    ):
        await client.request("echo", 1)
        await service.lose()

        assert await client.request("echo", 2, resend=True) == 2


async def test_closing_ends_a_client_that_tries_to_connect_again() -> None:
    async with connected(reconnect=Reconnect(base_seconds=60)) as (service, client):
        waiting = asyncio.ensure_future(client.request("echo"))
        await waiting
        await service.lose()
        asking = asyncio.ensure_future(client.request("echo"))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(ConnectionLostError):
            await asking


def test_waits_grow_to_a_limit() -> None:
    policy = Reconnect(base_seconds=0.25, most_seconds=20)

    assert [policy.wait_seconds(attempt, 1.0) for attempt in (0, 1, 2, 10, 10_000)] == [0.25, 0.5, 1.0, 20, 20]
    assert policy.wait_seconds(5, 0.0) == 0


class Nobody:
    """Is told everything and does nothing about it."""

    def received(self, text: str | bytes) -> None: ...

    def reopened(self) -> None: ...

    def lost(self) -> None: ...

    def ended(self, error: ClientError) -> None: ...


async def test_a_silent_connection_is_kept_open() -> None:
    async with running() as (service, url):
        handshake = Handshake(url=url, timeout_seconds=30)
        link = Link(handshake, Nobody(), reconnect=None, keep_alive_seconds=0.001)
        await link.start()
        await service.wait_for(lambda: len(service.got) >= 2)
        await link.close()

    assert service.got[0] == {"action": "keep-alive"}


async def test_a_token_function_that_never_answers_does_not_keep_it_from_giving_up() -> None:
    numbers = itertools.count(1)

    async def token() -> str:
        if next(numbers) > 1:
            await asyncio.Event().wait()
        return "token"

    quick = Reconnect(base_seconds=0.001, give_up_seconds=0.05)
    async with connected(token=token, reconnect=quick, connect_timeout=0.5) as (service, client):
        service.silent.add("hang")
        asking = asyncio.ensure_future(client.request("hang"))
        await service.wait_for(lambda: service.got)
        await service.lose()

        with pytest.raises(ConnectionLostError):
            await asyncio.wait_for(asking, 30)


@pytest.mark.parametrize(("raises", "told"), [(True, "RuntimeError"), (False, "TypeError")])
async def test_a_function_that_signs_no_more_is_told_to_who_waits(raises: bool, told: str) -> None:
    numbers = itertools.count(1)

    def sign(url: str) -> dict[str, str]:
        if next(numbers) == 1:
            return {}
        if raises:
            raise RuntimeError("the secret key is hunter2")
        return None  # type: ignore[return-value] # as one that forgot a branch

    quick = Reconnect(base_seconds=0.001, give_up_seconds=0.05)
    async with connected(sign=sign, reconnect=quick) as (service, client):
        service.silent.add("hang")
        asking = asyncio.ensure_future(client.request("hang"))
        await service.wait_for(lambda: service.got)
        await service.lose()

        with pytest.raises(CannotConnectError, match=rf"signs raised {told}$"):
            await asyncio.wait_for(asking, 30)


async def test_nobody_waits_for_ever_whatever_opening_another_connection_raises() -> None:
    class Unforeseen(Handshake):
        async def open(self) -> ClientConnection:
            if opened:
                raise LookupError("hunter2")
            opened.append(await super().open())
            return opened[0]

    class Told(Nobody):
        def ended(self, error: ClientError) -> None:
            errors.append(error)
            told.set()

    opened: list[ClientConnection] = []
    errors: list[ClientError] = []
    told = asyncio.Event()
    async with running() as (service, url):
        link = Link(Unforeseen(url=url, timeout_seconds=30), Told(), reconnect=QUICK)
        await link.start()
        await service.wait_for(lambda: service.sockets)
        await service.lose()
        await asyncio.wait_for(told.wait(), 30)
        await link.close()

    assert str(errors[0]) == "the connection ended (no close code) and opening another raised LookupError"
    assert isinstance(errors[0].__cause__, LookupError)


async def test_a_token_that_is_no_text_is_one_error() -> None:
    with pytest.raises(CannotConnectError, match="the token is bytes, no text"):
        async with StreamerClient("ws://127.0.0.1:1/dev", lambda: b"token"):  # type: ignore[arg-type, return-value]
            pass


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        pytest.param("gopher://127.0.0.1:1", "proxy of the environment is none: .*gopher", id="of another kind"),
        pytest.param("socks5://127.0.0.1:1", "cannot connect to wss://example", id="that takes a package more"),
    ],
)
async def test_a_proxy_that_cannot_be_used_is_one_error(
    monkeypatch: pytest.MonkeyPatch, proxy: str, words: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(CannotConnectError, match=words):
        async with StreamerClient("wss://example.invalid/dev"):
            pass


async def test_another_event_loop_is_refused_since_nobody_would_wake_up_there() -> None:
    async with connected() as (_, client):

        def elsewhere(coroutine: Any) -> Any:
            return asyncio.to_thread(asyncio.run, coroutine)

        for use in (lambda: client.request("echo", 1), lambda: anext(client.direct()), client.close):
            with pytest.raises(RuntimeError, match="another event loop"):
                await elsewhere(awaited(use))
        assert await client.request("echo", 1) == 1


async def awaited(use: Any) -> Any:
    return await use()
