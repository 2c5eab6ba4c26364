"""Subscriptions, resume and the Python client against the emulator: the real handlers, sender, tables and streams."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from streamer_records import connection_record

from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.client import Progress, Reconnect, RequestFailedError, StreamerClient
from streamer.stores.items import connection_item

APP = """
import threading
from pathlib import Path

from streamer import App

app = App()
FOLDER = Path(__file__).parent


@app.action("shout")
def shout(request):
    return app.publish("news", request.payload).delivered


@app.action("shout-later", queued=True)
async def shout_later(request):
    return app.publish("news", request.payload).delivered


@app.action("tell")
def tell(request):
    return app.connections.broadcast(request.payload, user_id="bob").delivered


@app.action("everyone")
def everyone(request):
    delivery = app.connections.broadcast(request.payload, tenant=True)
    return [delivery.delivered, delivery.passed_on]


@app.action("report", queued=True)
def report(request, progress):
    progress(10, "begun")
    for percentage in (40, 70):
        wait_for(f"go-{percentage}")
        progress(percentage, "on")
    wait_for("go-end")
    return "x" * request.payload


def wait_for(name):
    pause = threading.Event()
    while not (FOLDER / name).exists():
        pause.wait(0.01)
"""


@pytest.fixture
def emulator(
    tmp_path: Path, streamer_project: Path, streamer_start: Callable[..., EmulatorThread]
) -> Iterator[EmulatorThread]:
    config = EmulatorConfig(project_folder=streamer_project, state_folder=tmp_path / ".streamer", isolation="inline")
    with streamer_start("listening_app:app", config) as started:
        yield started


@pytest.fixture(scope="session")
def streamer_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "listening_app.py").write_text(APP)
    return folder


@contextlib.asynccontextmanager
async def connected(emulator: EmulatorThread, user: str = "ada", tenant: str = "acme") -> AsyncIterator[StreamerClient]:
    token = emulator.token(user, tenant, permissions=["topics:publish"])
    reconnect = Reconnect(base_seconds=0.001, most_seconds=0.05)
    async with StreamerClient(emulator.websocket_url, token, reconnect=reconnect) as client:
        yield client


async def until(seen: list[Any], value: Any, changed: asyncio.Event) -> None:
    async with asyncio.timeout(30):
        while value not in seen:
            changed.clear()
            await changed.wait()


async def test_what_actions_and_clients_publish_reaches_the_tenants_subscribers(emulator: EmulatorThread) -> None:
    async with connected(emulator) as ada, connected(emulator, "bob") as bob, connected(emulator, "bob", "zeta") as eve:
        messages, foreign = bob.topic("news"), eve.topic("news")
        hearing, overhearing = asyncio.ensure_future(anext(messages)), asyncio.ensure_future(anext(foreign))
        heard = []
        for say in (
            lambda: ada.publish("news", 1),
            lambda: ada.request("shout", 2),
            lambda: ada.request("shout-later", 3),
        ):
            # Until the subscription is there, nobody is reached.
            async with asyncio.timeout(30):
                while (await say()) in (0, {"topic": "news", "delivered": 0, "gone": 0, "failed": 0}):
                    pass
            heard.append((await hearing).data)
            hearing = asyncio.ensure_future(anext(messages))
        hearing.cancel()

        assert heard == [1, 2, 3]
        assert not overhearing.done()
        overhearing.cancel()


async def test_an_action_tells_all_connections_of_a_user(emulator: EmulatorThread) -> None:
    async with connected(emulator) as ada, connected(emulator, "bob") as one, connected(emulator, "bob") as two:
        hearing = [asyncio.ensure_future(anext(client.direct())) for client in (one, two)]
        await asyncio.sleep(0)

        assert await ada.request("tell", {"a": 1}) == 2
        assert [(await message).data for message in hearing] == [{"a": 1}] * 2


async def test_what_is_left_of_a_message_to_many_is_delivered_by_the_processor(emulator: EmulatorThread) -> None:
    """More rows than one invocation delivers to lie before the one connection that is open; all others expired."""
    async with connected(emulator) as ada:
        await ada.request("tell", 1)  # the connection has its row
        database = boto3.client("dynamodb", **emulator.aws("dynamodb"))
        old = connection_record(expires_at=1)
        rows = [connection_item(replace(old, connection_id=f"!{number:05}")) for number in range(4_500)]
        for first in range(0, len(rows), 25):
            requests = [{"PutRequest": {"Item": row}} for row in rows[first : first + 25]]
            database.batch_write_item(RequestItems={"streamer_connections": requests})
        hearing = asyncio.ensure_future(anext(ada.direct()))
        await asyncio.sleep(0)

        delivered, passed_on = await ada.request("everyone", {"a": 1})

        assert (delivered, passed_on > 0) == (0, True)
        async with asyncio.timeout(30):
            assert (await hearing).data == {"a": 1}


async def test_a_request_is_followed_over_a_lost_connection_and_from_another_one(
    emulator: EmulatorThread, streamer_project: Path
) -> None:
    seen: dict[str, list[float]] = {"first": [], "second": []}
    changed = asyncio.Event()

    def reporter(name: str) -> Callable[[Progress], None]:
        def report(point: Progress) -> None:
            seen[name].append(point.percentage)
            changed.set()

        return report

    async with connected(emulator) as first, connected(emulator) as second, connected(emulator, "bob") as bob:
        asking = asyncio.ensure_future(
            first.request("report", 200_000, id="r-1", on_progress=reporter("first"), timeout=60)
        )
        await until(seen["first"], 10, changed)
        following = asyncio.ensure_future(second.resume("r-1", on_progress=reporter("second"), timeout=60))
        await until(seen["second"], 10, changed)
        with pytest.raises(RequestFailedError, match="NOT_FOUND"):
            await bob.resume("r-1")

        connection = await first._session._link.connected()
        connection.socket.transport.abort()
        (streamer_project / "go-40").touch()
        await until(seen["first"], 40, changed)
        await until(seen["second"], 40, changed)
        (streamer_project / "go-70").touch()
        (streamer_project / "go-end").touch()

        # The result is larger than a message: it came in parts, on both.
        assert await asking == "x" * 200_000
        assert await following == "x" * 200_000
        assert (await first.status("r-1"))["status"] == "COMPLETED"
        assert await first.resume("r-1") == "x" * 200_000

    for percentages in seen.values():
        assert percentages == sorted(set(percentages))


async def test_a_connection_that_closed_is_no_subscriber_any_more(emulator: EmulatorThread) -> None:
    async with connected(emulator) as ada:
        async with connected(emulator, "bob") as bob:
            hearing = asyncio.ensure_future(anext(bob.topic("news")))
            async with asyncio.timeout(30):
                while (await ada.publish("news"))["delivered"] == 0:
                    pass
            await hearing
        counts = await ada.publish("news")
        # Its $disconnect may be on its way; then API Gateway says that it is gone.
        assert counts["delivered"] == 0
        async with asyncio.timeout(30):
            while (await ada.publish("news"))["gone"]:
                pass
