"""What streams answer, with AWS's words where they refuse."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from emulator.port.http import HttpRequest
from emulator.services.calls import Call
from emulator.services.kinesis.errors import KinesisError
from emulator.services.kinesis.names import stream_name
from emulator.services.kinesis.service import TARGET, KinesisStreams

NOW = 1_790_000_000.0
ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders"


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def streams(clock: Clock) -> KinesisStreams:
    found = KinesisStreams("eu-west-1", "123456789012", clock)
    found.perform("CreateStream", {"StreamName": "orders", "ShardCount": 2})
    return found


def put(streams: KinesisStreams, text: str, key: str = "k") -> Any:
    data = base64.b64encode(text.encode()).decode()
    return streams.perform("PutRecord", {"StreamName": "orders", "Data": data, "PartitionKey": key})


def texts(page: Any) -> list[str]:
    return [base64.b64decode(each["Data"]).decode() for each in page["Records"]]


def iterator(streams: KinesisStreams, shard: str, kind: str, **more: Any) -> str:
    given = {"StreamARN": ARN, "ShardId": shard, "ShardIteratorType": kind, **more}
    return str(streams.perform("GetShardIterator", given)["ShardIterator"])


def test_records_of_a_key_are_read_in_order_from_any_position(streams: KinesisStreams, clock: Clock) -> None:
    told = []
    for number in range(3):
        clock.now = NOW + number
        told.append(put(streams, str(number)))
    (shard,) = {each["ShardId"] for each in told}

    def read(kind: str, **more: Any) -> list[str]:
        return texts(streams.perform("GetRecords", {"ShardIterator": iterator(streams, shard, kind, **more)}))

    second = told[1]["SequenceNumber"]
    assert read("TRIM_HORIZON") == ["0", "1", "2"]
    assert read("LATEST") == []
    assert read("AT_SEQUENCE_NUMBER", StartingSequenceNumber=second) == ["1", "2"]
    assert read("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=second) == ["2"]
    assert read("AT_TIMESTAMP", Timestamp=NOW + 1) == ["1", "2"]


def test_the_next_iterator_goes_on_and_ends_with_a_closed_shard(streams: KinesisStreams) -> None:
    shard = put(streams, "a")["ShardId"]
    first = streams.perform("GetRecords", {"ShardIterator": iterator(streams, shard, "TRIM_HORIZON"), "Limit": 1})
    streams.perform("UpdateShardCount", {"StreamName": "orders", "TargetShardCount": 4})
    last = streams.perform("GetRecords", {"ShardIterator": first["NextShardIterator"]})

    assert "NextShardIterator" not in last
    assert [each["ParentShards"] for each in last["ChildShards"]] == [[shard], [shard]]


def test_an_iterator_expires_after_five_minutes(streams: KinesisStreams, clock: Clock) -> None:
    found = iterator(streams, "shardId-000000000000", "LATEST")
    clock.now += 301
    with pytest.raises(KinesisError) as refused:
        streams.perform("GetRecords", {"ShardIterator": found})
    assert refused.value.code == "ExpiredIteratorException"


def test_records_are_kept_as_long_as_the_stream_says(streams: KinesisStreams, clock: Clock) -> None:
    shard = put(streams, "old")["ShardId"]
    streams.perform("IncreaseStreamRetentionPeriod", {"StreamName": "orders", "RetentionPeriodHours": 48})
    clock.now += 25 * 3600
    put(streams, "new")

    def read() -> list[str]:
        found = iterator(streams, shard, "TRIM_HORIZON")
        return texts(streams.perform("GetRecords", {"ShardIterator": found}))

    assert read() == ["old", "new"]
    streams.perform("DecreaseStreamRetentionPeriod", {"StreamName": "orders", "RetentionPeriodHours": 24})
    assert read() == ["new"]


def test_lists_come_in_pages(streams: KinesisStreams) -> None:
    for name in "cba":
        streams.perform("CreateStream", {"StreamName": name, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}})
    first = streams.perform("ListStreams", {"Limit": 3})
    rest = streams.perform("ListStreams", {"NextToken": first["NextToken"]})
    assert (first["StreamNames"], rest["StreamNames"]) == (["a", "b", "c"], ["orders"])

    shards = streams.perform("ListShards", {"StreamName": "a", "MaxResults": 3})
    more = streams.perform("ListShards", {"NextToken": shards["NextToken"]})
    assert [len(shards["Shards"]), len(more["Shards"])] == [3, 1]


@pytest.mark.parametrize(
    ("operation", "given", "code"),
    [
        pytest.param("DescribeStream", {"StreamName": "none"}, "ResourceNotFoundException", id="no such stream"),
        pytest.param("CreateStream", {"StreamName": "orders", "ShardCount": 1}, "ResourceInUseException", id="twice"),
        pytest.param("CreateStream", {"StreamName": "a", "ShardCount": 0}, "InvalidArgumentException", id="no shard"),
        pytest.param("CreateStream", {"StreamName": "a b"}, "InvalidArgumentException", id="name"),
        pytest.param("DescribeStream", {}, "InvalidArgumentException", id="no name"),
        pytest.param(
            "PutRecord",
            {"StreamName": "orders", "Data": base64.b64encode(bytes(1024 * 1024 + 1)).decode(), "PartitionKey": "k"},
            "ValidationException",
            id="too large",
        ),
        pytest.param(
            "PutRecord", {"StreamName": "orders", "Data": "", "PartitionKey": ""}, "ValidationException", id="no key"
        ),
        pytest.param(
            "PutRecord",
            {"StreamName": "orders", "Data": "", "PartitionKey": "k", "ExplicitHashKey": str(2**128)},
            "InvalidArgumentException",
            id="hash key",
        ),
        pytest.param("PutRecords", {"StreamName": "orders", "Records": []}, "ValidationException", id="no records"),
        pytest.param("GetRecords", {"ShardIterator": "x"}, "InvalidArgumentException", id="no iterator"),
        pytest.param(
            "GetShardIterator",
            {"StreamName": "orders", "ShardId": "shardId-000000000009", "ShardIteratorType": "LATEST"},
            "ResourceNotFoundException",
            id="no such shard",
        ),
        pytest.param(
            "GetShardIterator",
            {"StreamName": "orders", "ShardId": "shardId-000000000000", "ShardIteratorType": "FIRST"},
            "InvalidArgumentException",
            id="no such position",
        ),
    ],
)
def test_what_kinesis_refuses_is_refused_by_its_code(
    streams: KinesisStreams, operation: str, given: dict[str, Any], code: str
) -> None:
    with pytest.raises(KinesisError) as refused:
        streams.perform(operation, given)
    assert refused.value.code == code


def test_of_records_of_which_one_is_refused_none_is_put(streams: KinesisStreams) -> None:
    records = [{"Data": "YQ==", "PartitionKey": key} for key in ("k", "")]
    with pytest.raises(KinesisError) as refused:
        streams.perform("PutRecords", {"StreamName": "orders", "Records": records})

    assert str(refused.value) == (
        "1 validation error detected: Value '' at 'records.2.member.partitionKey' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"
    )
    _, shards = streams.shards("orders") or ("", [])
    assert [list(each.records) for each in shards] == [[], []]


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        pytest.param(ARN, "orders", id="stream"),
        pytest.param(f"{ARN}/consumer/fast:1700000000", "orders", id="consumer"),
        pytest.param("arn:aws:sqs:eu-west-1:123456789012:orders", None, id="something else"),
    ],
)
def test_an_arn_names_a_stream(arn: str, name: str | None) -> None:
    assert stream_name(arn) == name


async def test_an_operation_that_is_not_known_is_nobodys(streams: KinesisStreams) -> None:
    fields = {"x-amz-target": f"{TARGET}SubscribeToShard"}
    assert await streams.answer(HttpRequest("POST", "/", tuple(fields.items()), b"{}", "127.0.0.1", fields)) is None


@pytest.mark.parametrize("body", [b"[]", b"[" * 200_000], ids=["a list", "nested too deeply"])
async def test_a_refusal_is_told_in_the_protocols_form(streams: KinesisStreams, body: bytes) -> None:
    fields = {"x-amz-target": f"{TARGET}DescribeStream"}
    answer = await streams.answer(HttpRequest("POST", "/", tuple(fields.items()), body, "127.0.0.1", fields))
    assert answer is not None
    assert (answer.status, json.loads(answer.body)["__type"]) == (400, "SerializationException")


def test_a_described_stream_that_is_there_gets_its_number_of_shards(streams: KinesisStreams) -> None:
    def described(count: int) -> Call:
        parameters = {"StreamName": "orders", "ShardCount": count}
        return Call(service="kinesis", operation="create_stream", parameters=parameters, resource="Orders")

    streams.make(described(3))
    summary = streams.perform("DescribeStreamSummary", {"StreamName": "orders"})["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 3


def test_listeners_hear_of_records_until_they_stop(streams: KinesisStreams) -> None:
    heard: list[int] = []
    listener: Callable[[], None] = lambda: heard.append(1)  # noqa: E731 - a name to stop with
    stop = streams.listen(listener)
    put(streams, "a")
    stop()
    put(streams, "b")
    assert heard == [1]
