"""Messages to large audiences: page by page, passed on to further invocations, with bounded memory."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from streamer_records import NOW, connection_record, subscription_record

from benchmarks.broadcasts import simulated
from streamer import App
from streamer.errors import DispatchError, SendError, StoreError
from streamer.observability import Logger
from streamer.protocol.topics import Topic, topic_target
from streamer.records import PAGE, ConnectionRecord, Page
from streamer.requests.runs import DELIVER
from streamer.sending.broadcasts import EVENT_BYTES, HOPS, LATE_SECONDS, Audience, Rest, deliver_event, rest_of
from streamer.sending.hub import FORGOTTEN_LATER, OWN_RECIPIENTS
from streamer.stores.memory import MemoryConnectionStore, MemorySubscriptionStore
from streamer.testing import FakeClock, FakeContext, Handlers, RecordingSender, message_event

NEWS = Topic("news")
MANY = OWN_RECIPIENTS + 2_500


class SenderOfMuch(RecordingSender):
    """Keeps whom it sends to, and not what: that would be a gigabyte."""

    def send(self, connection_id: str, message: str | bytes) -> None:
        self.sent.append((connection_id, {}))


@dataclass
class World:
    connections: MemoryConnectionStore = field(default_factory=MemoryConnectionStore)
    subscriptions: MemorySubscriptionStore = field(default_factory=MemorySubscriptionStore)
    sender: RecordingSender = field(default_factory=RecordingSender)
    output: io.StringIO = field(default_factory=io.StringIO)
    clock: FakeClock = field(default_factory=FakeClock)
    app: App = field(default_factory=App)
    passed_on: list[Mapping[str, Any]] = field(default_factory=list)
    refused: bool = False

    def __post_init__(self) -> None:
        self.handlers = Handlers(
            app=self.app,
            connections=self.connections,
            subscriptions=self.subscriptions,
            sender_at=self.sender.at,
            log=Logger(stream=self.output),
            clock=self.clock,
            pass_on=self._pass_on,
        )
        self.hub = self.handlers.hub

    def _pass_on(self, event: Mapping[str, Any]) -> None:
        if self.refused:
            raise DispatchError("Lambda does not answer")
        self.passed_on.append(json.loads(json.dumps(event)))

    def populate(self, count: int, **fields: Any) -> None:
        target = topic_target("acme", NEWS)
        row = connection_record(connected_at=NOW - 60, **fields)
        subscription = subscription_record(target=target)
        for number in range(count):
            name = f"c-{number:05}"
            self.connections.put(replace(row, connection_id=name))
            self.subscriptions.add(replace(subscription, connection_id=name))
        self.connections.calls.clear()
        self.subscriptions.calls.clear()

    def run(self, *, remaining_seconds: float = 900.0) -> int:
        """Have the processor handle what was passed on, and what it passes on; how many events there were."""
        count = 0
        while self.passed_on:
            event = self.passed_on.pop(0)
            self.handlers.processor(event, FakeContext(remaining_seconds=remaining_seconds))
            count += 1
        return count

    @property
    def recipients(self) -> list[str]:
        return sorted(connection_id for connection_id, _ in self.sender.sent)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.handlers.workers.close()


def everyone(count: int) -> list[str]:
    return [f"c-{number:05}" for number in range(count)]


@pytest.mark.parametrize("kind", ["tenant", "topic", "user"])
def test_of_a_large_audience_a_part_is_delivered_here_and_the_rest_by_others_to_each_once(
    world: World, kind: str
) -> None:
    world.populate(MANY)
    match kind:
        case "tenant":
            delivery = world.hub.to_tenant("acme", '{"a":1}', seconds=30)
        case "topic":
            delivery = world.hub.to_topic("acme", NEWS, '{"a":1}', seconds=30)
        case _:
            delivery = world.hub.to_user("acme", "ada", '{"a":1}', seconds=30)

    assert delivery.delivered <= OWN_RECIPIENTS
    assert delivery.is_complete
    assert delivery.passed_on == len(world.passed_on) > 0
    world.clock.advance(2)
    world.run()

    assert world.recipients == everyone(MANY)
    # Whoever delivers it, the message is the same.
    assert {json.dumps(message) for _, message in world.sender.sent} == {json.dumps(world.sender.sent[0][1])}


def test_a_small_audience_costs_no_further_invocation(world: World) -> None:
    world.populate(100)

    delivery = world.hub.to_tenant("acme", "1", seconds=30)

    assert (delivery.delivered, delivery.passed_on, world.passed_on) == (100, 0, [])


@pytest.mark.parametrize(
    "why",
    [
        pytest.param("refused", id="Lambda does not answer"),
        pytest.param("large", id="the data does not fit into an event"),
        pytest.param("none", id="nobody delivers it"),
    ],
)
def test_what_cannot_be_passed_on_is_delivered_here(why: str) -> None:
    world = World(refused=why == "refused", sender=SenderOfMuch())
    if why == "none":
        world.handlers = Handlers(connections=world.connections, sender_at=world.sender.at, clock=world.clock)
    world.populate(MANY)
    data = json.dumps("x" * EVENT_BYTES) if why == "large" else "1"

    delivery = world.handlers.hub.to_tenant("acme", data, seconds=300)

    assert (delivery.delivered, delivery.passed_on, delivery.is_complete) == (MANY, 0, True)
    assert sorted({connection_id for connection_id, _ in world.sender.sent}) == everyone(MANY)


def a_rest(**fields: Any) -> Rest:
    defaults: dict[str, Any] = {
        "audience": Audience(tenant_id="acme"),
        "shard": 0,
        "after": None,
        "data_json": "1",
        "sent_at": NOW,
    }
    return Rest(**(defaults | fields))


@pytest.mark.parametrize(
    "rest",
    [
        a_rest(),
        a_rest(
            audience=Audience(tenant_id="a#b", topic="news"), shard=3, after="c-1", data_json='{"ä":"\\ud83d"}', hop=9
        ),
        a_rest(audience=Audience(tenant_id="acme", user_id="ada")),
    ],
    ids=["tenant", "topic", "user"],
)
def test_an_event_says_what_is_left(rest: Rest) -> None:
    event = json.loads(json.dumps(deliver_event(rest)))

    assert list(event) == [DELIVER]
    assert rest_of(event) == rest


def test_parts_follow_upon_each_other_a_limited_number_of_times(world: World) -> None:
    world.populate(PAGE * 10)

    world.hub.to_rest(a_rest(hop=HOPS), seconds=0.0)

    assert world.passed_on == []
    assert "did not reach everyone" in world.output.getvalue()


def test_a_part_whose_recipients_cannot_be_read_is_left_to_another_invocation() -> None:
    class Failing(MemoryConnectionStore):
        fails = True

        def of_tenant(
            self, tenant_id: str, shard: int, *, after: str | None = None, limit: int = PAGE
        ) -> Page[ConnectionRecord]:
            if self.fails:
                raise StoreError("no answer")
            return super().of_tenant(tenant_id, shard, after=after, limit=limit)

    store = Failing()
    world = World(connections=store)
    world.populate(10)

    with pytest.raises(StoreError):
        world.hub.to_tenant("acme", "1", seconds=30)
    world.hub.to_rest(a_rest(), seconds=30)
    (event,) = world.passed_on
    assert rest_of(event) == a_rest(hop=1)
    world.refused = True
    with pytest.raises(StoreError):
        world.hub.to_rest(a_rest(), seconds=30)


def test_gone_connections_of_pages_before_one_that_cannot_be_read_are_forgotten_and_failures_noted() -> None:
    class FailingLater(MemoryConnectionStore):
        def of_tenant(
            self, tenant_id: str, shard: int, *, after: str | None = None, limit: int = PAGE
        ) -> Page[ConnectionRecord]:
            if after is not None:
                raise StoreError("no answer")
            return super().of_tenant(tenant_id, shard, after=after, limit=limit)

    class RefusingOne(RecordingSender):
        def send(self, connection_id: str, message: str | bytes) -> None:
            if connection_id == refused:
                raise SendError("refused")
            super().send(connection_id, message)

    world = World(connections=FailingLater(), sender=RefusingOne())
    world.populate(PAGE * (world.connections.shards + 1))
    gone, refused = (each.connection_id for each in world.connections.of_tenant("acme", 0, limit=2).records)
    world.sender.gone.add(gone)
    world.refused = True

    with pytest.raises(StoreError, match="no answer"):
        world.hub.to_rest(a_rest(), seconds=30)
    assert world.connections.get(gone) is None
    assert '"reason":"refused"' in world.output.getvalue()
    assert "its time was over" not in world.output.getvalue()


def test_a_part_that_comes_much_too_late_is_dropped_and_noted(world: World) -> None:
    world.populate(10)
    world.clock.advance(LATE_SECONDS + 1)

    assert not world.hub.to_rest(a_rest(), seconds=30).is_complete
    assert world.recipients == []
    assert "too late" in world.output.getvalue()


def test_of_very_many_gone_connections_all_are_forgotten(world: World) -> None:
    count = FORGOTTEN_LATER + 500
    world.populate(count)
    world.sender.gone.update(everyone(count))

    delivery = world.hub.to_tenant("acme", "1", seconds=60)

    assert delivery.gone_count == count
    assert world.connections.records == {}
    assert world.subscriptions.records == {}


def test_an_action_learns_how_many_others_deliver() -> None:
    app = App()

    @app.action("announce")
    def announce(request: Any) -> Any:
        delivery = app.connections.broadcast(request.payload, tenant=True)
        return [delivery.delivered, delivery.passed_on]

    world = World(app=app)
    world.populate(MANY)
    event = message_event({"action": "announce", "id": "r-1"}, connection_id="c-00000", now=NOW)
    world.handlers.router(event, FakeContext(remaining_seconds=29))

    data = world.sender.to("c-00000")[-1]["data"]
    assert data == [OWN_RECIPIENTS, len(world.passed_on)]


@pytest.mark.parametrize("shards", [1, 4, 16])
def test_many_connections_take_a_page_of_memory_and_an_invocation_for_each_shard(shards: int) -> None:
    """A million take 1,004 queries and 173 s of four invocations: `python -m benchmarks.broadcasts`."""
    count = 15_000

    found = simulated(count, shards=shards)

    assert found.delivered == count
    assert found.invocations == 1 + shards
    assert found.held <= OWN_RECIPIENTS
    assert found.pages <= count / PAGE + 2 * shards + OWN_RECIPIENTS / PAGE


def test_with_little_time_for_each_further_invocations_follow_and_everyone_is_reached_once() -> None:
    found = simulated(100_000, shards=2, seconds=(10.0, 20.0))

    assert found.delivered == 100_000
    assert 1 + 2 < found.invocations <= 1 + 2 * HOPS
    assert found.held <= OWN_RECIPIENTS
