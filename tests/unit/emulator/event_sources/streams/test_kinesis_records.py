"""Events of Kinesis: AWS's documented example, and what filters see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.event_sources.streams.filters import compile_filters
from emulator.event_sources.streams.kinesis_records import kinesis_event, kinesis_record

DOCUMENTED = {
    "kinesis": {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "1",
        "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
        "data": "SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",
        "approximateArrivalTimestamp": 1545084650.987,
    },
    "eventSource": "aws:kinesis",
    "eventVersion": "1.0",
    "eventID": "shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
    "eventName": "aws:kinesis:record",
    "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role",
    "awsRegion": "us-east-2",
    "eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream",
}
"""[DOC] lambda-docs:with-kinesis"""


def event(data: bytes, partition_key: str = "1") -> dict[str, Any]:
    return kinesis_event(
        data=data,
        partition_key=partition_key,
        number=49590338271490256608559692538361571095921575989136588898,
        arrived=1545084650.98749,
        shard_id="shardId-000000000006",
        stream_arn="arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream",
        role_arn="arn:aws:iam::123456789012:role/lambda-role",
    )


def test_the_event_is_awss_documented_one_in_the_same_order() -> None:
    made = json.loads(kinesis_record(event(b"Hello, this is a test."), None).body)
    assert made == DOCUMENTED
    assert [list(made), list(made["kinesis"])] == [list(DOCUMENTED), list(DOCUMENTED["kinesis"])]


@pytest.mark.parametrize(
    ("pattern", "data", "matches"),
    [
        pytest.param({"data": {"kind": ["a"]}}, b'{"kind": "a"}', True, id="JSON"),
        pytest.param({"data": {"kind": ["a"]}}, b'{"kind": "b"}', False, id="another value"),
        pytest.param({"data": {"kind": ["a"]}}, b"kind a", False, id="a text where JSON is wanted"),
        pytest.param({"data": {"kind": [{"exists": False}]}}, b"text", False, id="a text, which lacks no field"),
        pytest.param({"data": {"kind": ["a"]}}, b'[{"kind": "a"}]', True, id="a list of JSON"),
        pytest.param({"data": {"kind": [{"exists": False}]}}, b"\xff", False, id="bytes that are no text"),
        pytest.param(
            {"data": {"kind": [{"exists": False}]}}, b"[" * 100_000, False, id="what is nested too deeply for JSON"
        ),
        pytest.param({"partitionKey": ["1"]}, b"", True, id="partition key"),
        pytest.param({"partitionKey": ["2"]}, b"", False, id="another partition key"),
    ],
)
def test_filters_see_what_was_put(pattern: dict[str, Any], data: bytes, matches: bool) -> None:
    assert compile_filters((pattern,), "data").matches(kinesis_record(event(data), None).event) is matches


def test_records_of_a_partition_key_stay_together() -> None:
    record = kinesis_record(event(b"", "k"), "7")
    assert (record.item, record.previous) == ("k", "7")
