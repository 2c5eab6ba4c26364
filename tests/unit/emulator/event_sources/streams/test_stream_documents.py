"""The document an OnFailure destination gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.event_sources.streams.batching import Batch, Condition, GivenUp
from emulator.event_sources.streams.documents import failure_document
from emulator.event_sources.streams.records import EventRecord
from emulator.functions.outcome import Failed, Outcome, Refused, Returned

STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/items/stream/2026-01-01T11:59:00.123"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:processor"


def document(last: Outcome | None, *, condition: Condition = Condition.RETRIES, attempts: int = 2) -> dict[str, Any]:
    records = tuple(
        EventRecord(sequence_number=str(n), item="a", created_at=1767268800.0 + n, body=b"{}", event={})
        for n in range(3)
    )
    return failure_document(
        GivenUp(Batch(records, attempts=attempts, last=last), condition),
        function_arn=FUNCTION,
        version="$LATEST",
        stream_arn=STREAM,
        shard_id="shard-1",
        request_id="made-up",
        now=1767268805.345,
    )


def test_document_has_awss_shape_and_key_order() -> None:
    assert json.dumps(document(Failed(b"{}", "request-1", "ValueError"))) == json.dumps(
        {
            "requestContext": {
                "requestId": "request-1",
                "functionArn": FUNCTION,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 2,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": "2026-01-01T12:00:05.345Z",
            "DDBStreamBatchInfo": {
                "shardId": "shard-1",
                "startSequenceNumber": "0",
                "endSequenceNumber": "2",
                "approximateArrivalOfFirstRecord": "2026-01-01T12:00:00Z",
                "approximateArrivalOfLastRecord": "2026-01-01T12:00:02Z",
                "batchSize": 3,
                "streamArn": STREAM,
            },
        }
    )


@pytest.mark.parametrize(
    ("last", "context"),
    [
        pytest.param(
            Returned(b"{}", "r"),
            {"statusCode": 200, "executedVersion": "$LATEST", "functionError": None},
            id="reported failures are no function error",
        ),
        pytest.param(
            Refused(429, "TooManyRequestsException", ""),
            {"statusCode": 429, "executedVersion": "$LATEST", "functionError": None},
            id="throttled until too old",
        ),
        pytest.param(None, None, id="never invoked"),
    ],
)
def test_the_response_context_says_how_the_last_attempt_ended(last: Outcome | None, context: dict[str, object]) -> None:
    assert document(last).get("responseContext") == context


def test_records_that_grew_too_old_say_so() -> None:
    too_old = document(None, condition=Condition.AGE, attempts=0)["requestContext"]

    assert (too_old["condition"], too_old["approximateInvokeCount"]) == ("RecordAgeExceeded", 0)
    assert too_old["requestId"] == "made-up"
