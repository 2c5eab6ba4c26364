"""Mappings on the embedded engine: pushed records, and ten thousand of them while functions fail and die."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from scripted_functions import ScriptedFunctions

from emulator.dynamodb.endpoints.embedded import EngineStreamsApi, open_embedded
from emulator.dynamodb.endpoints.tables import create_tables
from emulator.dynamodb.engine import EmbeddedDynamoDB
from emulator.event_sources.streams.mapping import EventSourceMappings
from emulator.event_sources.streams.pushed import PushedSource
from emulator.event_sources.streams.source import RawRecord
from emulator.functions.outcome import Failed, Outcome, Refused, Returned
from emulator.functions.variables import Endpoints
from streamer.topology import Api, EventSourceMapping, Function, Key, Queue, StreamView, Table, Topology

CRASHED = Failed(b'{"errorType":"Runtime.ExitError","errorMessage":"Error: Runtime exited"}', "request-1")
RAISED = Failed(b'{"errorType":"ValueError","errorMessage":"boom"}', "request-1")
THROTTLED = Refused(429, "TooManyRequestsException", "Rate Exceeded.")


def topology(**settings: Any) -> Topology:
    return Topology(
        api=Api(name="api", routes=()),
        functions=(Function(name="processor", handler="app.processor"),),
        tables=(
            Table(name="items", key=Key(partition="id"), stream=StreamView.NEW_AND_OLD_IMAGES, ttl_attribute="expires"),
        ),
        queues=(Queue(name="dead-letters"),),
        event_source_mappings=(EventSourceMapping(function="processor", table="items", **settings),),
    )


class World(ScriptedFunctions):
    """The embedded engine, a mapping, and a function that tests script."""

    def __init__(
        self,
        described: Topology,
        answer: Callable[[list[RawRecord]], Outcome],
        *,
        engine: EmbeddedDynamoDB | None = None,
        buffered_records: int = 2_000,
    ) -> None:
        self.answer = answer
        self.engine = engine or EmbeddedDynamoDB()
        create_tables(self.engine, described.tables)
        self.described = described
        self.source = PushedSource(self.engine, EngineStreamsApi(self.engine), buffered_records=buffered_records)
        self.called = asyncio.Event()
        self.records: list[RawRecord] = []
        self.documents: list[Mapping[str, Any]] = []

    async def run(self, function: str, payload: bytes) -> Outcome:
        records = json.loads(payload)["Records"]
        await asyncio.sleep(0)
        self.records += records
        outcome = self.answer(records)
        self.called.set()
        return outcome

    async def send(self, queue_name: str, document: Mapping[str, Any]) -> None:
        self.documents.append(document)
        self.called.set()

    def put(self, item: str, **attributes: object) -> None:
        values = {name: {"N": str(value)} for name, value in attributes.items()}
        self.engine.call("PutItem", {"TableName": "items", "Item": {"id": {"S": item}} | values})

    async def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self.called.clear()
                await self.called.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[EventSourceMappings]:
        async with EventSourceMappings(self.described, self, self.source, self, retry_seconds=(0.001,)) as mappings:
            yield mappings


def number(record: RawRecord) -> int:
    return int(record["dynamodb"]["NewImage"]["n"]["N"])


def key(record: RawRecord) -> str:
    return str(record["dynamodb"]["Keys"]["id"]["S"])


async def test_a_write_is_pushed_to_the_function() -> None:
    world = World(topology(starting_position="LATEST"), lambda _: Returned(b"null", "r"))

    async with world.running():
        world.put("a", n=1)
        await world.until(lambda: world.records)

    (record,) = world.records
    assert (record["eventName"], record["dynamodb"]["NewImage"]) == ("INSERT", {"id": {"S": "a"}, "n": {"N": "1"}})


async def test_trim_horizon_delivers_what_was_written_before() -> None:
    world = World(topology(), lambda _: Returned(b"null", "r"))
    world.put("a", n=1)

    async with world.running():
        world.put("a", n=2)
        await world.until(lambda: len(world.records) == 2)

    assert [number(record) for record in world.records] == [1, 2]


async def test_an_expired_item_carries_the_identity_of_the_service() -> None:
    world = World(topology(), lambda _: Returned(b"null", "r"))
    world.put("a", n=1, expires=1_999_999_999)

    async with world.running():
        world.engine.expire(2_000_000_000.0)
        await world.until(lambda: len(world.records) == 2)

    assert world.records[1]["eventName"] == "REMOVE"
    assert world.records[1]["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


async def test_a_mapping_that_lagged_too_far_says_so_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    world = World(
        topology(starting_position="LATEST"),
        lambda _: Returned(b"null", "r"),
        engine=EmbeddedDynamoDB(history_records=10),
        buffered_records=5,
    )

    async with world.running():
        for n in range(100):
            world.put("a", n=n)
        await world.until(lambda: world.records and number(world.records[-1]) == 99)

    assert [number(record) for record in world.records] == [*range(5), *range(90, 100)]
    assert "a mapping lagged behind what the stream keeps; records are lost" in [r.message for r in caplog.records]


async def test_a_mapping_goes_on_when_the_queue_for_what_is_given_up_was_deleted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    described = topology(
        starting_position="TRIM_HORIZON", maximum_retry_attempts=0, on_failure="dead-letters", batch_size=1
    )
    world = World(described, lambda records: RAISED if key(records[0]) == "bad" else Returned(b"null", "r"))

    async with open_embedded(described, Endpoints(), None) as database:
        url = json.loads((await database.ask("AmazonSQS.GetQueueUrl", b'{"QueueName":"dead-letters"}')).body)
        assert (await database.ask("AmazonSQS.DeleteQueue", json.dumps(url).encode())).status == 200
        parts = (described, world, database.source, database.destinations)
        async with EventSourceMappings(*parts, destination_seconds=()):
            for item in ("bad", "good"):
                content = {"TableName": "items", "Item": {"id": {"S": item}}}
                await database.ask("DynamoDB_20120810.PutItem", json.dumps(content).encode())
            await world.until(lambda: len(world.records) == 2)

    assert [key(record) for record in world.records] == ["bad", "good"]
    assert "a document could not be delivered" in caplog.text


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"bisect_on_error": True, "parallelization_factor": 4}, id="bisecting in four lanes"),
        pytest.param({"report_batch_item_failures": True, "bisect_on_error": True}, id="reporting and bisecting"),
        pytest.param({"batch_size": 1, "parallelization_factor": 10}, id="single records in ten lanes"),
    ],
)
async def test_ten_thousand_records_through_failures_poison_and_killed_processes(settings: dict[str, Any]) -> None:
    total, items = 10_000, 200
    chance = random.Random(7)
    poison = set(chance.sample(range(total), 25))
    reports = settings.get("report_batch_item_failures", False)

    def answer(records: list[RawRecord]) -> Outcome:
        numbers = [number(record) for record in records]
        bad = [record for record in records if number(record) in poison]
        fate = chance.random()
        if fate < 0.05:
            return CRASHED if fate < 0.02 else THROTTLED
        if bad and reports and fate < 0.9:
            handled.update(numbers[: records.index(bad[0])])
            return Returned(
                json.dumps(
                    {"batchItemFailures": [{"itemIdentifier": r["dynamodb"]["SequenceNumber"]} for r in bad]}
                ).encode(),
                "r",
            )
        if bad:
            return RAISED
        handled.update(numbers)
        return Returned(b"null", "r")

    handled: set[int] = set()
    world = World(topology(maximum_retry_attempts=8, on_failure="dead-letters", **settings), answer)
    async with world.running():
        for n in range(total):
            world.put(f"item-{n % items}", n=n)
            if n % 50 == 0:
                await asyncio.sleep(0)
        await world.until(lambda: len(handled) + given_up(world) >= total)

    # Every record was delivered at least once, and is either done or given up, never both ...
    assert {number(record) for record in world.records} == set(range(total))
    assert len(handled) + given_up(world) == total
    # ... per item in order: a retry may go back, but nothing comes ahead of what is before it ...
    first_seen = defaultdict(list)
    for n, item in dict.fromkeys((number(record), key(record)) for record in world.records):
        first_seen[item].append(n)
    assert all(numbers == sorted(numbers) for numbers in first_seen.values())
    # ... and poison was tried as often as the mapping says, and ended at the destination while the rest went on.
    tries = Counter(number(record) for record in world.records if number(record) in poison)
    assert set(tries) == poison
    assert all(count >= 9 for count in tries.values())
    assert {document["requestContext"]["condition"] for document in world.documents} == {"RetryAttemptsExhausted"}
    if reports:
        # As on AWS: what follows a record that is reported too often shares its fate, for it is the same batch.
        assert handled.isdisjoint(poison)
    else:
        assert set(range(total)) - handled == poison


def given_up(world: World) -> int:
    return sum(document["DDBStreamBatchInfo"]["batchSize"] for document in world.documents)
