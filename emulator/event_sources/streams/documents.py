"""The document that an OnFailure destination gets for records that were given up. Pure."""

from __future__ import annotations

import datetime
from typing import Any

from ...functions.outcome import Failed, Outcome, Refused, Returned
from .batching import GivenUp


def failure_document(
    given_up: GivenUp,
    *,
    function_arn: str,
    version: str,
    stream_arn: str,
    shard_id: str,
    request_id: str,
    now: float,
) -> dict[str, Any]:
    """What an SQS queue or SNS topic is sent; the records themselves are not in it. [REC] I29

    Args:
        given_up: the records, and what their last invocation came to.
        function_arn: unqualified.
        version: the function's, which the records were for.
        stream_arn: where the records can be read again while the stream keeps them.
        shard_id: likewise.
        request_id: used when the function never ran, so that no invocation gave one.
        now: Unix seconds.
    """
    batch = given_up.batch
    is_kinesis = stream_arn.split(":")[2] == "kinesis"
    # [DOC] lambda-docs:kinesis-on-failure-destination; times of DynamoDB are whole seconds
    precision = "milliseconds" if is_kinesis else "seconds"
    first, last = batch.records[0], batch.records[-1]
    document: dict[str, Any] = {
        "requestContext": {
            "requestId": request_id if batch.last is None else _request_id(batch.last, request_id),
            "functionArn": function_arn,
            "condition": given_up.condition.value,
            "approximateInvokeCount": batch.attempts,
        }
    }
    if batch.last is not None:
        document["responseContext"] = _response_context(batch.last, version)
    return document | {
        "version": "1.0",
        "timestamp": _iso(now, "milliseconds"),
        "KinesisBatchInfo" if is_kinesis else "DDBStreamBatchInfo": {
            "shardId": shard_id,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": _iso(first.created_at, precision),
            "approximateArrivalOfLastRecord": _iso(last.created_at, precision),
            "batchSize": len(batch.records),
            "streamArn": stream_arn,
        },
    }


def _request_id(outcome: Outcome, otherwise: str) -> str:
    return otherwise if isinstance(outcome, Refused) else outcome.request_id


def _response_context(outcome: Outcome, version: str) -> dict[str, Any]:
    match outcome:
        case Failed():
            # [REC] I29: whatever the error is; Lambda's API says the same (X-Amz-Function-Error).
            return {"statusCode": 200, "executedVersion": version, "functionError": "Unhandled"}
        case Returned():
            # [REC] I27: records that the function reported as failed, without failing itself.
            return {"statusCode": 200, "executedVersion": version, "functionError": None}
        case Refused():
            # [INF]: only age ends the retries of a throttle, and no recording shows that document.
            return {"statusCode": outcome.status, "executedVersion": version, "functionError": None}


def _iso(seconds: float, precision: str) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec=precision).replace("+00:00", "Z")
