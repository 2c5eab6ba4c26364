"""Records of Kinesis as Lambda delivers them, and as filters see them. Pure.

[DOC] lambda-docs:with-kinesis (the event), lambda-docs:with-kinesis-filtering
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from ...foundation.json_bytes import json_text, parsed_json
from .records import EventRecord
from .source import RawRecord

SCHEMA_VERSION: Final = "1.0"
EVENT_NAME: Final = "aws:kinesis:record"


def kinesis_event(
    *, data: bytes, partition_key: str, number: int, arrived: float, shard_id: str, stream_arn: str, role_arn: str
) -> dict[str, Any]:
    """A record as a function receives it, in AWS's key order.

    Args:
        data: what was put, before base64.
        partition_key: as it was put.
        number: its sequence number.
        arrived: Unix seconds; told with milliseconds.
        shard_id: goes into ``eventID``.
        stream_arn: goes into ``eventSourceARN`` and says the Region.
        role_arn: the function's, as which Lambda reads.
    """
    return {
        "kinesis": {
            "kinesisSchemaVersion": SCHEMA_VERSION,
            "partitionKey": partition_key,
            "sequenceNumber": str(number),
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": round(arrived, 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id}:{number}",
        "eventName": EVENT_NAME,
        "invokeIdentityArn": role_arn,
        "awsRegion": stream_arn.split(":")[3],
        "eventSourceARN": stream_arn,
    }


def kinesis_record(event: RawRecord, previous: str | None) -> EventRecord:
    """What is delivered of a record; ``previous`` is the sequence number of the one before it in its shard."""
    told = event["kinesis"]
    return EventRecord(
        sequence_number=told["sequenceNumber"],
        item=told["partitionKey"],
        created_at=told["approximateArrivalTimestamp"],
        body=json_text(event).encode("ascii"),
        event=filtered(told),
        previous=previous,
    )


def filtered(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """What patterns are compared with: ``data`` as JSON if it is an object or a list, else as a text."""
    text = base64.b64decode(told["data"]).decode("utf-8", "replace")
    try:
        data = parsed_json(text)
    except ValueError:
        data = text
    return {**told, "data": data if isinstance(data, dict | list) else text}
