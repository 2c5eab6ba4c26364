"""Streams of Kinesis asked by an unmodified boto3, and what functions that read them get."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import services_world
from botocore.exceptions import ClientError
from services_world import ACCOUNT, REGION, World, queue_arn, until

from emulator.services.calls import Call
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.topology import Function, Permission, TableAccess
from streamer.topology.kinesis import KinesisMapping

HANDLER = """
def fail(event, context):
    raise RuntimeError("asked to")

def some(event, context):
    write(event, context)
    bad = [r["kinesis"]["sequenceNumber"] for r in event["Records"] if r["kinesis"]["partitionKey"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in bad]}
"""
FAILED = f"arn:aws:sns:{REGION}:{ACCOUNT}:failed"
ORDERS = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/orders"
MAY_PUT = Permission(
    actions=("kinesis:PutRecord", "kinesis:GetShardIterator", "kinesis:GetRecords"),
    resources=("arn:aws:kinesis:${AWS::Region}:${AWS::AccountId}:stream/orders",),
)


def made(name: str, count: int) -> Call:
    parameters = {"StreamName": name, "ShardCount": count}
    return Call(service="kinesis", operation="create_stream", parameters=parameters, resource=name.title())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("kinesis")
    (folder / "functions.py").write_text(services_world.HANDLER + HANDLER)
    config = EmulatorConfig(
        project_folder=folder,
        state_folder=folder / ".streamer",
        region=REGION,
        services=(made("orders", 2), made("poison", 1), made("partly", 1), made("latest", 1), made("told", 1)),
    )
    access = (TableAccess(table="seen", actions=("PutItem",)),)
    base = services_world.topology(MAY_PUT)
    topology = dataclasses.replace(
        base,
        functions=(
            *base.functions,
            Function(name="failing", handler="functions.fail", timeout_seconds=60),
            Function(name="partly", handler="functions.some", tables=access, timeout_seconds=60),
        ),
        kinesis_mappings=(
            KinesisMapping(function="writer", stream="orders", filters=({"data": {"kind": ["order"]}},)),
            KinesisMapping(function="writer", stream="later"),
            KinesisMapping(function="writer", stream="latest", starting_position="LATEST"),
            KinesisMapping(function="failing", stream="poison", maximum_retry_attempts=0, on_failure="inbox"),
            KinesisMapping(function="failing", stream="told", maximum_retry_attempts=0, on_failure=FAILED),
            KinesisMapping(
                function="partly", stream="partly", report_batch_item_failures=True, maximum_retry_attempts=1
            ),
        ),
    )
    with EmulatorThread(topology, config) as emulator:
        yield World(emulator)


def data(record: Any) -> str:
    return base64.b64decode(record["kinesis"]["data"]).decode()


def test_a_record_reaches_its_function_with_awss_event(world: World) -> None:
    kinesis = world.client("kinesis")
    kinesis.put_record(StreamName="orders", Data=b'{"kind": "other"}', PartitionKey="a")
    put = kinesis.put_record(StreamARN=ORDERS, Data=b'{"kind": "order"}', PartitionKey="a")

    ((record,),) = [event["Records"] for event in world.events()]
    assert data(record) == '{"kind": "order"}'
    assert record["eventID"] == f"{put['ShardId']}:{put['SequenceNumber']}"
    assert record["eventSourceARN"] == ORDERS
    assert record["invokeIdentityArn"] == f"arn:aws:iam::{ACCOUNT}:role/writer-role"
    assert abs(record["kinesis"]["approximateArrivalTimestamp"] - datetime.now(UTC).timestamp()) < 60


def test_records_are_put_and_read_by_a_client(world: World) -> None:
    kinesis = world.client("kinesis")
    kinesis.create_stream(StreamName="mine", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="mine", WaiterConfig={"Delay": 1, "MaxAttempts": 1})
    records = [{"Data": str(number).encode(), "PartitionKey": "k"} for number in range(3)]
    answer = kinesis.put_records(StreamName="mine", Records=records)
    assert answer["FailedRecordCount"] == 0

    (shard,) = kinesis.list_shards(StreamName="mine")["Shards"]
    iterator = kinesis.get_shard_iterator(
        StreamName="mine", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    page = kinesis.get_records(ShardIterator=iterator, Limit=2)
    assert [each["Data"] for each in page["Records"]] == [b"0", b"1"]
    assert isinstance(page["Records"][0]["ApproximateArrivalTimestamp"], datetime)
    rest = kinesis.get_records(ShardIterator=page["NextShardIterator"])
    assert ([each["Data"] for each in rest["Records"]], rest["MillisBehindLatest"]) == ([b"2"], 0)

    described = kinesis.describe_stream(StreamName="mine")["StreamDescription"]
    assert (described["StreamStatus"], described["RetentionPeriodHours"]) == ("ACTIVE", 24)
    kinesis.delete_stream(StreamName="mine")
    with pytest.raises(ClientError) as gone:
        kinesis.describe_stream_summary(StreamName="mine")
    assert gone.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_mapping_waits_for_its_stream_and_goes_on_with_the_next_one_of_its_name(world: World) -> None:
    kinesis = world.client("kinesis")
    for word in ("first", "second"):
        kinesis.create_stream(StreamName="later", ShardCount=1)
        kinesis.put_record(StreamName="later", Data=word.encode(), PartitionKey="k")
        assert [data(record) for event in world.events() for record in event["Records"]] == [word]
        kinesis.delete_stream(StreamName="later")


def test_a_split_keeps_the_order_of_a_key(world: World) -> None:
    kinesis = world.client("kinesis")
    kinesis.put_record(StreamName="latest", Data=b"before", PartitionKey="k")
    kinesis.update_shard_count(StreamName="latest", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    kinesis.put_record(StreamName="latest", Data=b"after", PartitionKey="k")

    seen = [record for event in world.events(2) for record in event["Records"]]
    in_time = sorted(seen, key=lambda each: int(each["kinesis"]["sequenceNumber"]))
    assert [data(each) for each in in_time] == ["before", "after"]
    assert len({each["eventID"].partition(":")[0] for each in seen}) == 2


def test_what_is_given_up_is_told_to_the_queue_in_awss_form(world: World) -> None:
    put = world.client("kinesis").put_record(StreamName="poison", Data=b"x", PartitionKey="k")

    document = json.loads(world.message()["Body"])
    told = document["KinesisBatchInfo"]
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert (told["shardId"], told["startSequenceNumber"]) == (put["ShardId"], put["SequenceNumber"])
    assert (told["batchSize"], told["streamArn"].rpartition("/")[2]) == (1, "poison")
    assert len(told["approximateArrivalOfFirstRecord"]) == len("2019-11-14T00:38:04.835Z")


def test_what_is_given_up_may_be_told_to_a_topic(world: World) -> None:
    sns = world.client("sns")
    sns.create_topic(Name="failed")
    sns.subscribe(TopicArn=FAILED, Protocol="sqs", Endpoint=queue_arn("inbox"))
    world.client("kinesis").put_record(StreamName="told", Data=b"x", PartitionKey="k")

    told = json.loads(world.message()["Body"])
    assert told["TopicArn"] == FAILED
    assert json.loads(told["Message"])["KinesisBatchInfo"]["streamArn"].endswith("/told")


def test_only_the_rest_of_a_batch_is_tried_again(world: World) -> None:
    kinesis = world.client("kinesis")
    keys = ("good", "bad", "late")
    kinesis.put_records(StreamName="partly", Records=[{"Data": key.encode(), "PartitionKey": key} for key in keys])

    first, second = sorted(world.events(2), key=lambda event: -len(event["Records"]))
    assert [data(record) for record in first["Records"]] == list(keys)
    assert [data(record) for record in second["Records"]] == ["bad", "late"]


def test_a_function_puts_into_the_streams_that_it_may(world: World) -> None:
    assert "SequenceNumber" in world.called("kinesis", "put_record", StreamARN=ORDERS, Data="{}", PartitionKey="k")
    refused = world.called("kinesis", "put_record", StreamName="poison", Data="{}", PartitionKey="k")
    assert "is not authorized to perform: kinesis:PutRecord" in refused["errorMessage"]
    assert f"{REGION}:{ACCOUNT}:stream/poison" in refused["errorMessage"]


def test_a_function_reads_with_iterators_of_the_streams_that_it_may(world: World) -> None:
    asked = {"ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}
    found = world.called("kinesis", "get_shard_iterator", StreamName="orders", **asked)
    assert world.called("kinesis", "get_records", ShardIterator=found["ShardIterator"])["Records"] == []
    other = world.client("kinesis").get_shard_iterator(StreamName="poison", **asked)
    refused = world.called("kinesis", "get_records", ShardIterator=other["ShardIterator"])
    assert "is not authorized to perform: kinesis:GetRecords" in refused["errorMessage"]


def test_an_operation_that_is_not_emulated_is_told(world: World) -> None:
    with pytest.raises(ClientError, match="is not emulated"):
        world.client("kinesis").list_stream_consumers(StreamARN=ORDERS)


def test_streams_need_no_process(tmp_path: Path) -> None:
    with services_world.running(tmp_path, made("alone", 1)) as emulator:
        world = World(emulator)
        assert until(lambda: world.client("kinesis").list_streams()["StreamNames"], bool) == ["alone"]
        assert emulator._emulator._services.pid is None


def test_a_rule_puts_events_into_a_stream(world: World) -> None:
    kinesis, events = world.client("kinesis"), world.client("events")
    kinesis.create_stream(StreamName="by-rule", ShardCount=1)
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/by-rule"
    events.put_rule(Name="streamed", EventPattern=json.dumps({"source": ["streamed"]}))
    path = {"PartitionKeyPath": "$.detail.who"}
    events.put_targets(Rule="streamed", Targets=[{"Id": "1", "Arn": arn, "KinesisParameters": path}])
    events.put_events(Entries=[{"Source": "streamed", "DetailType": "t", "Detail": json.dumps({"who": "ann"})}])

    where = {"StreamName": "by-rule", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    iterator = kinesis.get_shard_iterator(**where)["ShardIterator"]
    (record,) = until(lambda: kinesis.get_records(ShardIterator=iterator)["Records"], bool)
    assert record["PartitionKey"] == "ann"
    assert json.loads(record["Data"])["detail"] == {"who": "ann"}
