"""Documents of on-failure destinations: what can be tried again of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.console.api.queues import GivenUpBatch, GivenUpEvent, given_up

ARN = "arn:aws:lambda:us-east-1:123456789012:function:work"
KINESIS = "arn:aws:kinesis:us-east-1:123456789012:stream/orders"
BATCH = {
    "shardId": "shardId-1",
    "startSequenceNumber": "100",
    "endSequenceNumber": "102",
    "batchSize": 2,
    "streamArn": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026",
}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"requestContext": {"functionArn": f"{ARN}:$LATEST"}, "requestPayload": {"a": 1}},
            GivenUpEvent(function="work", payload=b'{"a": 1}'),
        ),
        (
            {"requestContext": {"functionArn": ARN}, "DDBStreamBatchInfo": BATCH},
            GivenUpBatch(
                function="work", stream_arn=BATCH["streamArn"], shard_id="shardId-1", first=100, last=102  # type: ignore[arg-type]
            ),
        ),
        (
            {"requestContext": {"functionArn": ARN}, "KinesisBatchInfo": {**BATCH, "streamArn": KINESIS}},
            GivenUpBatch(function="work", stream_arn=KINESIS, shard_id="shardId-1", first=100, last=102),
        ),
        ({"requestContext": {"functionArn": ARN}}, None),
        ({"requestContext": {"functionArn": ARN}, "DDBStreamBatchInfo": {**BATCH, "endSequenceNumber": "x"}}, None),
        ({"requestContext": "work", "requestPayload": 1}, None),
        ({"order": 7}, None),
        ("not JSON", None),
    ],
    ids=["event", "batch", "batch of Kinesis", "neither", "damaged batch", "another context", "a message", "text"],
)  # fmt: skip
def test_what_a_dead_letter_is_about_is_read_from_it(
    document: Any, expected: GivenUpEvent | GivenUpBatch | None
) -> None:
    assert given_up(document if isinstance(document, str) else json.dumps(document)) == expected
