"""Requests of an App that ran when the last emulator ended: no environment outlives one, so their leases are ended.

Without this they would go on only when the lease has run out, which takes up to 45 seconds.
"""

from __future__ import annotations

from typing import Any

from streamer.records import Status
from streamer.requests import lifecycle
from streamer.stores.expressions import update_of
from streamer.stores.items import request_key_item, request_record
from streamer.stores.names import BY_DUE
from streamer.topology import Topology

from ..engine import EmbeddedDynamoDB


def end_leases(engine: EmbeddedDynamoDB, topology: Topology, now: float) -> int:
    """Let whoever comes next take over what ran; ``now`` is Unix seconds. Returns how many requests there were."""
    return sum(
        _end_leases(engine, table.name, now)
        for table in topology.tables
        if any(index.name == BY_DUE for index in table.indexes)
    )


def _end_leases(engine: EmbeddedDynamoDB, table: str, now: float) -> int:
    found = 0
    start: dict[str, Any] = {}
    while True:
        page = engine.call(
            "Scan",
            {
                "TableName": table,
                "FilterExpression": "#status = :running",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {":running": {"S": Status.PROCESSING}},
                **start,
            },
        )
        for record in map(request_record, page["Items"]):
            update = update_of(lifecycle.release(attempt=record.attempt, now=now))
            engine.call(
                "UpdateItem",
                {
                    "TableName": table,
                    "Key": request_key_item(record.key),
                    "UpdateExpression": update.update,
                    "ConditionExpression": update.condition,
                    "ExpressionAttributeNames": update.names,
                    "ExpressionAttributeValues": update.values,
                },
            )
            found += 1
        if "LastEvaluatedKey" not in page:
            return found
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
