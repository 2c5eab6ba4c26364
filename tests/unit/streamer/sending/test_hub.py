from __future__ import annotations

import io
import json
import threading
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from streamer_records import NOW, connection_record, subscription_record

from streamer.errors import GoneError, PayloadTooLargeError, SendError, StoreError
from streamer.observability import Logger
from streamer.protocol.topics import Topic, topic_target
from streamer.records import AUDIENCE_SHARDS, PAGE, ConnectionRecord, Page
from streamer.sending.publisher import Delivery
from streamer.sending.sender import RetryPolicy
from streamer.stores.memory import MemoryConnectionStore, MemorySubscriptionStore
from streamer.testing import FakeClock, Handlers, RecordingSender

NEWS = Topic("news")
EACH_SHARD = ["Query"] * AUDIENCE_SHARDS


@dataclass
class World:
    connections: MemoryConnectionStore = field(default_factory=MemoryConnectionStore)
    subscriptions: MemorySubscriptionStore = field(default_factory=MemorySubscriptionStore)
    sender: RecordingSender = field(default_factory=RecordingSender)
    output: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        self.hub = Handlers(
            connections=self.connections,
            subscriptions=self.subscriptions,
            sender_at=self.sender.at,
            publishing=RetryPolicy(attempts=1),
            log=Logger(stream=self.output),
            clock=FakeClock(NOW),
        ).hub

    def connect(self, connection_id: str, *topics: str, **fields: Any) -> ConnectionRecord:
        record = connection_record(connection_id=connection_id, **{"connected_at": NOW - 60, **fields})
        self.connections.records[connection_id] = record
        for topic in topics:
            target = topic_target(record.tenant_id, Topic(topic))
            subscription = subscription_record(connection_id=connection_id, target=target)
            self.subscriptions.records[connection_id, target] = subscription
        return record

    @property
    def calls(self) -> list[str]:
        return self.connections.calls + self.subscriptions.calls

    @property
    def recipients(self) -> set[str]:
        return {connection_id for connection_id, _ in self.sender.sent}


@pytest.fixture
def world() -> World:
    return World()


def test_a_topic_reaches_its_subscribers_in_its_tenant(world: World) -> None:
    world.connect("c-1", "news", "sports")
    world.connect("c-2", "news", user_id="bob")
    world.connect("c-3", "sports")
    world.connect("c-4", "news", tenant_id="zeta")

    delivery = world.hub.to_topic("acme", NEWS, '{"a":1}', seconds=30)

    assert (delivery.delivered, world.recipients, world.calls) == (2, {"c-1", "c-2"}, [*EACH_SHARD])
    assert world.sender.to("c-1") == [
        {"type": "message", "request_id": None, "timestamp": NOW, "topic": "news", "data": {"a": 1}}
    ]


def test_a_user_is_reached_on_all_connections_in_one_tenant(world: World) -> None:
    world.connect("c-1")
    world.connect("c-2")
    world.connect("c-3", user_id="bob")
    world.connect("c-4", tenant_id="zeta")

    assert world.hub.to_user("acme", "ada", "1", seconds=30).delivered == 2
    assert (world.recipients, world.calls) == ({"c-1", "c-2"}, ["Query"])
    assert world.sender.to("c-1")[0]["topic"] is None


def test_a_tenant_is_reached_whole_and_no_other(world: World) -> None:
    world.connect("c-1")
    world.connect("c-2", user_id="bob")
    world.connect("c-3", tenant_id="zeta")

    assert world.hub.to_tenant("acme", "1", seconds=30).delivered == 2
    assert (world.recipients, world.calls) == ({"c-1", "c-2"}, [*EACH_SHARD])


def test_the_shards_of_an_audience_are_asked_at_the_same_time() -> None:
    class Together(MemoryConnectionStore):
        """Answers each query when all have been asked."""

        asked = threading.Barrier(AUDIENCE_SHARDS)

        def of_tenant(
            self, tenant_id: str, shard: int, *, after: str | None = None, limit: int = PAGE
        ) -> Page[ConnectionRecord]:
            self.asked.wait(30)
            return super().of_tenant(tenant_id, shard, after=after, limit=limit)

    world = World(connections=Together())
    for number in range(20):
        world.connect(f"c-{number}")

    assert world.hub.to_tenant("acme", "1", seconds=30).delivered == 20


def test_rows_that_expired_are_nobody(world: World) -> None:
    world.connect("c-1", expires_at=int(NOW) - 1)
    target = topic_target("acme", NEWS)
    world.subscriptions.add(subscription_record(connection_id="c-2", target=target, expires_at=int(NOW) - 1))

    assert world.hub.to_tenant("acme", "1", seconds=30).delivered == 0
    assert world.hub.to_topic("acme", NEWS, "1", seconds=30).delivered == 0


def test_a_gone_connection_loses_its_row_and_its_subscriptions(world: World) -> None:
    for number in range(12):
        world.connect(f"c-{number}", "news", "sports")
    world.sender.gone.update(["c-3", "c-5"])

    delivery = world.hub.to_topic("acme", NEWS, "1", seconds=30)

    assert (delivery.delivered, delivery.gone) == (10, frozenset({"c-3", "c-5"}))
    assert not {"c-3", "c-5"} & world.connections.records.keys()
    assert not {"c-3", "c-5"} & {connection_id for connection_id, _ in world.subscriptions.records}
    assert len(world.subscriptions.records) == 20


def test_a_connection_whose_handshake_may_not_be_over_keeps_its_row(world: World) -> None:
    world.connect("c-1", connected_at=NOW - 29)
    world.connect("c-2", connected_at=NOW - 31)
    world.sender.gone.update(["c-1", "c-2"])

    assert world.hub.to_tenant("acme", "1", seconds=30).gone == {"c-1", "c-2"}
    assert world.connections.records.keys() == {"c-1"}


def test_a_young_connection_that_is_sent_to_or_asked_for_keeps_its_row(world: World) -> None:
    world.connect("c-1", connected_at=NOW - 29)
    world.sender.gone.add("c-1")

    with pytest.raises(GoneError):
        world.hub.to_connection("acme", "c-1", "1")
    assert world.hub.is_active("acme", "c-1") is False
    assert world.connections.records.keys() == {"c-1"}


def test_rows_that_cannot_be_removed_are_noted_and_harm_nobody(world: World) -> None:
    class Broken(MemoryConnectionStore):
        def remove(self, connection_id: str) -> ConnectionRecord | None:
            raise StoreError("no answer")

    world = World(connections=Broken())
    world.connect("c-1", "news")
    world.sender.gone.add("c-1")

    assert world.hub.to_topic("acme", NEWS, "1", seconds=30).gone == {"c-1"}
    assert "until they expire" in world.output.getvalue()


def test_a_connection_that_cannot_be_reached_is_named_and_keeps_its_row(world: World) -> None:
    world.connect("c-1", "news")
    world.sender.failing = SendError("throttled", is_temporary=True)

    delivery = world.hub.to_topic("acme", NEWS, "1", seconds=30)

    assert delivery.failed == {"c-1": "throttled"}
    assert world.connections.records.keys() == {"c-1"}
    (line,) = map(json.loads, world.output.getvalue().splitlines())
    assert (line["recipient"], line["reason"]) == ("c-1", "throttled")


def test_one_connection_of_the_tenant_is_sent_to(world: World) -> None:
    world.connect("c-1")

    world.hub.to_connection("acme", "c-1", '"hello"')

    assert world.sender.to("c-1")[0]["data"] == "hello"
    assert world.calls == ["GetItem"]


@pytest.mark.parametrize("connection_id", ["of-zeta", "unknown", "closed"])
def test_a_connection_of_another_tenant_is_as_gone_as_a_closed_one(world: World, connection_id: str) -> None:
    world.connect("of-zeta", tenant_id="zeta")
    world.connect("closed")
    world.sender.gone.add("closed")

    with pytest.raises(GoneError):
        world.hub.to_connection("acme", connection_id, "1")

    assert world.sender.sent == []
    assert world.hub.is_active("acme", connection_id) is False
    assert world.connections.records.keys() == {"of-zeta", "closed"} - {connection_id} | {"of-zeta"}


def test_an_open_connection_of_the_tenant_is_active(world: World) -> None:
    world.connect("c-1")

    assert world.hub.is_active("acme", "c-1") is True


def test_large_data_goes_out_in_parts_and_too_large_data_not_at_all(world: World) -> None:
    world.connect("c-1", "news")
    world.hub.to_topic("acme", NEWS, json.dumps("x" * 200_000), seconds=30)

    assert {part["type"] for part in world.sender.to("c-1")} == {"part"}

    too_large = json.dumps("x" * 600_000)
    for send in (
        lambda: world.hub.to_topic("acme", NEWS, too_large, seconds=30),
        lambda: world.hub.to_connection("acme", "c-1", too_large),
    ):
        with pytest.raises(PayloadTooLargeError):
            send()


def test_a_thousand_subscribers_of_which_a_hundred_are_gone(world: World) -> None:
    row = world.connect("c-0", "news")
    for number in range(1000):
        world.connections.records[f"c-{number}"] = replace(row, connection_id=f"c-{number}")
        world.subscriptions.add(subscription_record(connection_id=f"c-{number}", target=topic_target("acme", NEWS)))
    gone = {f"c-{number}" for number in range(0, 1000, 10)}
    world.sender.gone.update(gone)

    delivery = world.hub.to_topic("acme", NEWS, "1", seconds=30)

    assert delivery == Delivery(delivered=900, gone=frozenset(gone))
    assert len(world.recipients) == 900
    assert world.connections.records.keys() == world.recipients
    assert len(world.subscriptions.records) == 900
