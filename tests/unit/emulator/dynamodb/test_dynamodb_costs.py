"""What requests cost, counted in function calls and objects instead of seconds; on plain moto each test must fail."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import pytest
from dynamodb_world import World


class Engine(Protocol):
    """What both engines can be asked."""

    def call(self, action: str, **parameters: Any) -> Any: ...

    def streams(self, action: str, **parameters: Any) -> Any: ...


class PlainMoto:
    """moto's own handlers and backends, in this process."""

    def __init__(self) -> None:
        import boto3

        credentials = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
        self._clients = [boto3.client(name, **credentials) for name in ("dynamodb", "dynamodbstreams")]

    def call(self, action: str, **parameters: Any) -> Any:
        return self._clients[0]._make_api_call(action, parameters)

    def streams(self, action: str, **parameters: Any) -> Any:
        return self._clients[1]._make_api_call(action, parameters)


MOTO_FAILS = pytest.mark.xfail(reason="plain moto pays for the whole table", raises=AssertionError)


@contextmanager
def plain_moto() -> Iterator[Engine]:
    from moto import mock_aws

    with mock_aws():
        yield PlainMoto()


@pytest.fixture(params=[pytest.param("embedded"), pytest.param("moto", marks=MOTO_FAILS)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "embedded":
        yield World(history_records=20)
    else:
        with plain_moto() as engine:
            yield engine


def create(engine: Engine, view: str | None = None) -> None:
    request: dict[str, Any] = {
        "TableName": "things",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "owner")],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-owner",
                "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    }
    if view is not None:
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
    engine.call("CreateTable", **request)


def item(number: int) -> dict[str, Any]:
    return {"pk": {"S": "p"}, "sk": {"S": f"{number:05}"}, "owner": {"S": f"o{number}"}}


def fill(engine: Engine, first: int, last: int) -> None:
    for number in range(first, last):
        engine.call("PutItem", TableName="things", Item=item(number))


def calls_of(action: Callable[[], Any]) -> int:
    """How many functions are called, once caches are warm."""
    action()
    count = 0

    def profile(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def objects_after(action: Callable[[], Any], times: int) -> int:
    """How many objects remain of doing something again and again."""
    action()
    before = live_objects()
    for _ in range(times):
        action()
    return live_objects() - before


def live_objects() -> int:
    """How many objects there are once there is no garbage: what one collection frees may leave some for the next."""
    for _ in range(10):
        if gc.collect() == 0:
            break
    return len(gc.get_objects())


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param(
            {"KeyConditionExpression": "pk = :v AND sk >= :s", "Values": {":v": {"S": "p"}, ":s": {"S": "00003"}}},
            id="by key",
        ),
        pytest.param(
            {"IndexName": "by-owner", "KeyConditionExpression": "#o = :v", "Values": {":v": {"S": "o3"}}}, id="by index"
        ),
    ],
)
def test_a_query_costs_what_it_reads(engine: Engine, parameters: dict[str, Any]) -> None:
    request = {name: value for name, value in parameters.items() if name != "Values"}
    if "#o" in request["KeyConditionExpression"]:
        request["ExpressionAttributeNames"] = {"#o": "owner"}
    request |= {"TableName": "things", "Limit": 5, "ExpressionAttributeValues": parameters["Values"]}
    create(engine)
    fill(engine, 0, 20)
    of_few = calls_of(lambda: engine.call("Query", **request))
    fill(engine, 20, 200)
    of_many = calls_of(lambda: engine.call("Query", **request))

    assert of_many < of_few * 1.5


def test_a_transaction_costs_what_it_writes(engine: Engine) -> None:
    def transact() -> None:
        engine.call("TransactWriteItems", TransactItems=[{"Put": {"TableName": "things", "Item": item(0)}}])

    create(engine)
    fill(engine, 0, 20)
    of_few = calls_of(transact)
    fill(engine, 20, 200)
    of_many = calls_of(transact)

    assert of_many < of_few * 1.5


def test_an_item_that_is_written_again_and_again_takes_the_room_of_one(engine: Engine) -> None:
    create(engine)

    assert objects_after(lambda: engine.call("PutItem", TableName="things", Item=item(0)), 100) < 50


def test_a_stream_that_nobody_reads_is_bounded(engine: Engine) -> None:
    create(engine, "NEW_AND_OLD_IMAGES")
    numbers = iter(range(10_000))

    def write() -> None:
        engine.call("PutItem", TableName="things", Item={**item(0), "n": {"N": str(next(numbers))}})

    for _ in range(30):
        write()

    assert objects_after(write, 100) < 50


def test_polling_a_stream_leaves_nothing_behind(engine: Engine) -> None:
    create(engine, "NEW_AND_OLD_IMAGES")
    (stream,) = engine.streams("ListStreams")["Streams"]
    description = engine.streams("DescribeStream", StreamArn=stream["StreamArn"])["StreamDescription"]
    iterator = engine.streams(
        "GetShardIterator",
        StreamArn=stream["StreamArn"],
        ShardId=description["Shards"][0]["ShardId"],
        ShardIteratorType="TRIM_HORIZON",
    )["ShardIterator"]

    def poll() -> None:
        nonlocal iterator
        iterator = engine.streams("GetRecords", ShardIterator=iterator)["NextShardIterator"]

    assert objects_after(poll, 100) < 50
