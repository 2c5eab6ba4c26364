"""Mappings over sockets: a stock moto server, which knows nothing of us, polled with aiobotocore."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiobotocore.session import get_session
from dynamodb_engines import plain_moto
from scripted_functions import ScriptedFunctions

from emulator.event_sources.streams.endpoint import StreamNotFoundError, connect_streams
from emulator.event_sources.streams.mapping import EventSourceMappings
from emulator.event_sources.streams.poller import PolledSource, PollingPace
from emulator.event_sources.streams.source import RawRecord
from emulator.functions.outcome import Failed, Outcome, Returned
from streamer.topology import Api, EventSourceMapping, Function, Key, Queue, StreamView, Table, Topology

SETTINGS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "local",
    "aws_secret_access_key": "local",
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with plain_moto() as engine:
        yield engine.url


def topology(table: str, **settings: Any) -> Topology:
    return Topology(
        api=Api(name="api", routes=()),
        functions=(Function(name="processor", handler="app.processor"),),
        tables=(Table(name=table, key=Key(partition="id"), stream=StreamView.NEW_AND_OLD_IMAGES),),
        queues=(Queue(name="dead-letters"),),
        event_source_mappings=(EventSourceMapping(function="processor", table=table, **settings),),
    )


@asynccontextmanager
async def client(service: str, endpoint: str) -> AsyncIterator[Any]:
    async with get_session().create_client(service, endpoint_url=endpoint, **SETTINGS) as one:
        yield one


async def create(dynamodb: Any, table: str) -> None:
    await dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


class Functions(ScriptedFunctions):
    def __init__(self, answer: Callable[[list[RawRecord]], Outcome]) -> None:
        self.answer = answer
        self.records: list[Any] = []
        self.called = asyncio.Event()

    async def run(self, function: str, payload: bytes) -> Outcome:
        records = json.loads(payload)["Records"]
        self.records += records
        self.called.set()
        return self.answer(records)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.records) < count:
                self.called.clear()
                await self.called.wait()


async def test_writes_reach_the_function_in_awss_shape(endpoint: str) -> None:
    functions = Functions(lambda _: Returned(b"null", "r"))
    pace = PollingPace(polls_per_second=50)
    async with client("dynamodb", endpoint) as dynamodb, connect_streams(endpoint, **SETTINGS) as api:
        await create(dynamodb, "shapes")
        async with EventSourceMappings(topology("shapes"), functions, PolledSource(api, pace=pace), Documents()):
            await dynamodb.put_item(TableName="shapes", Item={"id": {"S": "a"}, "b": {"B": b"foobar"}})
            await dynamodb.put_item(TableName="shapes", Item={"id": {"S": "a"}, "n": {"N": "101"}})
            await dynamodb.delete_item(TableName="shapes", Key={"id": {"S": "a"}})
            await functions.until(3)

    insert, modify, remove = functions.records
    assert [r["eventName"] for r in functions.records] == ["INSERT", "MODIFY", "REMOVE"]
    assert list(insert) == [
        "eventID",
        "eventName",
        "eventVersion",
        "eventSource",
        "awsRegion",
        "dynamodb",
        "eventSourceARN",
    ]
    assert insert["eventVersion"] == "1.1"
    assert insert["dynamodb"]["NewImage"]["b"] == {"B": "Zm9vYmFy"}
    assert insert["dynamodb"]["SizeBytes"] == 3 + 3 + 1 + 6
    assert modify["dynamodb"]["OldImage"] == insert["dynamodb"]["NewImage"]
    assert list(remove["dynamodb"]) == [
        "ApproximateCreationDateTime",
        "Keys",
        "OldImage",
        "SequenceNumber",
        "SizeBytes",
        "StreamViewType",
    ]


async def test_latest_begins_with_the_first_write_after_the_mapping_started(endpoint: str) -> None:
    functions = Functions(lambda _: Returned(b"null", "r"))
    pace = PollingPace(polls_per_second=50)
    async with client("dynamodb", endpoint) as dynamodb, connect_streams(endpoint, **SETTINGS) as api:
        await create(dynamodb, "latest")
        await dynamodb.put_item(TableName="latest", Item={"id": {"S": "before"}})
        latest = topology("latest", starting_position="LATEST")
        async with EventSourceMappings(latest, functions, PolledSource(api, pace=pace), Documents()):
            await dynamodb.put_item(TableName="latest", Item={"id": {"S": "after"}})
            await functions.until(1)

    assert [r["dynamodb"]["Keys"]["id"]["S"] for r in functions.records] == ["after"]


class Documents:
    def __init__(self) -> None:
        self.arrived = asyncio.Queue[tuple[str, Mapping[str, Any]]]()

    async def send(self, queue_name: str, document: Mapping[str, Any]) -> None:
        self.arrived.put_nowait((queue_name, document))


async def test_what_is_given_up_reaches_the_destination(endpoint: str) -> None:
    functions = Functions(lambda _: Failed(b"{}", "request-1"))
    pace = PollingPace(polls_per_second=50)
    poison = topology("poison", maximum_retry_attempts=1, on_failure="dead-letters")
    async with (
        client("dynamodb", endpoint) as dynamodb,
        connect_streams(endpoint, **SETTINGS) as api,
    ):
        await create(dynamodb, "poison")
        given_up, source = Documents(), PolledSource(api, pace=pace)
        async with EventSourceMappings(poison, functions, source, given_up, retry_seconds=(0.01,)):
            await dynamodb.put_item(TableName="poison", Item={"id": {"S": "a"}})
            await functions.until(2)
            async with asyncio.timeout(60):
                queue_name, document = await given_up.arrived.get()

    assert queue_name == "dead-letters"
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert document["requestContext"]["approximateInvokeCount"] == 2
    assert document["DDBStreamBatchInfo"]["batchSize"] == 1


async def test_a_missing_table_is_a_stream_that_is_not_found(endpoint: str) -> None:
    functions = Functions(lambda _: Returned(b"null", "r"))
    async with connect_streams(endpoint, **SETTINGS) as api:
        with pytest.raises(StreamNotFoundError, match="no table 'nowhere'"):
            async with EventSourceMappings(topology("nowhere"), functions, PolledSource(api), Documents()):
                pass
