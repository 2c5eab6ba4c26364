import io
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from streamer_records import NOW, connection_record, subscription_record

from streamer.errors import StoreError
from streamer.observability import Logger, Metrics
from streamer.records import ConnectionRecord
from streamer.stores.memory import MemoryConnectionStore, MemorySubscriptionStore
from streamer.testing import FakeContext, Handlers, disconnect_event


class BrokenConnections(MemoryConnectionStore):
    def remove(self, connection_id: str) -> ConnectionRecord | None:
        raise StoreError("DynamoDB did not answer")


class BrokenSubscriptions(MemorySubscriptionStore):
    def remove_connection(self, connection_id: str) -> int:
        raise StoreError("DynamoDB did not answer")


@dataclass
class World:
    connections: MemoryConnectionStore = field(default_factory=MemoryConnectionStore)
    subscriptions: MemorySubscriptionStore = field(default_factory=MemorySubscriptionStore)
    output: io.StringIO = field(default_factory=io.StringIO)

    def disconnect(self, **fields: Any) -> dict[str, Any]:
        handlers = Handlers(
            connections=self.connections,
            subscriptions=self.subscriptions,
            log=Logger(stream=self.output),
            metrics=Metrics(stream=self.output),
        )
        return handlers.disconnect(disconnect_event(connection_id="c-1", **fields), FakeContext())

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]


@pytest.fixture
def world() -> World:
    """One connection with three subscriptions, and another one with one."""
    world = World()
    world.connections.put(connection_record())
    world.connections.put(connection_record(connection_id="c-2"))
    for target in ("a", "b", "c"):
        world.subscriptions.add(subscription_record(target=target))
    world.subscriptions.add(subscription_record(connection_id="c-2", target="a"))
    world.connections.calls.clear()
    world.subscriptions.calls.clear()
    return world


def test_the_row_and_what_hangs_on_it_are_removed(world: World) -> None:
    assert world.disconnect() == {"statusCode": 200}

    assert set(world.connections.records) == {"c-2"}
    assert set(world.subscriptions.records) == {("c-2", "a")}


def test_disconnecting_costs_one_delete_one_query_and_the_clean_up(world: World) -> None:
    world.disconnect()
    assert (world.connections.calls, world.subscriptions.calls) == (["DeleteItem"], ["Query", "BatchWriteItem"])

    world.disconnect()
    assert (world.connections.calls[1:], world.subscriptions.calls[2:]) == (["DeleteItem"], ["Query"])


def test_duration_code_and_reason_are_logged_and_measured(world: World) -> None:
    world.disconnect(now=NOW + 12.25, code=1001, reason="Going away")

    log, metrics = world.lines
    assert {name: log[name] for name in ("duration_seconds", "disconnect_code", "disconnect_reason", "user_id")} == {
        "duration_seconds": 12.25,
        "disconnect_code": 1001,
        "disconnect_reason": "Going away",
        "user_id": "ada",
    }
    assert (metrics["ConnectionDisconnected"], metrics["ConnectionDuration"]) == (1, 12.25)
    units = {metric["Name"]: metric["Unit"] for metric in metrics["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert units["ConnectionDuration"] == "Seconds"


def test_a_row_that_is_gone_already_changes_nothing(world: World) -> None:
    world.connections.records.clear()

    assert world.disconnect(connected_at=NOW - 5) == {"statusCode": 200}
    assert world.lines[0]["duration_seconds"] == 5


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(World(connections=BrokenConnections()), id="connections"),
        pytest.param(World(subscriptions=BrokenSubscriptions()), id="subscriptions"),
    ],
)
def test_a_store_that_fails_is_logged_and_the_rest_goes_on(world: World) -> None:
    world.connections.records["c-1"] = connection_record()
    world.subscriptions.records["c-1", "a"] = subscription_record(target="a")

    assert world.disconnect() == {"statusCode": 200}
    assert [line["level"] for line in world.lines[:2]] == ["ERROR", "INFO"]
    assert len(world.connections.records) + len(world.subscriptions.records) == 1
    assert world.lines[-1]["ConnectionDisconnected"] == 1
