"""What functions read besides messages: event source mappings and how far they are, and streams of tables."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from streamer.topology import Table

from ...event_sources.streams.source import source_name
from ...event_sources.streams.status import MappingStatus, ShardProgress
from ..around import Around
from ..reading.asked import Asked, BadRequestError
from ..reading.statistics import batches
from ..reading.telling import Told
from ..recording.masking import masked
from ..recording.recorder import RingRecorder
from .database import STREAMS, ask, pages

RECORDS: Final = 100
"""Stream records that are told at once, the latest."""


class Sources:
    """Looks at mappings and streams."""

    def __init__(self, around: Around, recorder: RingRecorder, *, look: Callable[[], None]) -> None:
        """``look`` makes sure that what follows is recorded."""
        self._around = around
        self._recorder = recorder
        self._look = look

    async def mappings(self, _asked: Asked) -> Told:
        """Every event source mapping: state, how far it is, and what became of the batches that are kept."""
        self._look()
        done = batches(self._recorder.ring)
        streams = [
            {**_told(status, shards), **done.get((status.mapping.function, source_name(status.mapping)), {})}
            for status, shards in self._around.mappings().progress
        ]
        queues = [
            {
                "kind": "queue",
                "function": each.function,
                "source": each.queue,
                "state": "Enabled",
                "batch_size": each.batch_size,
                "shards": [],
                **done.get((each.function, each.queue), {}),
            }
            for each in self._around.topology().queue_mappings
        ]
        return {"now": time.time() * 1000, "mappings": streams + queues}

    async def stream(self, asked: Asked, name: str) -> Told:
        """The latest records of a table's stream, the newest first; ``after`` is the sequence number of one before."""
        table = self._table(name)
        described = await ask(self._around.database, STREAMS, "ListStreams", {"TableName": table.name})
        arns = [each["StreamArn"] for each in described["Streams"]]
        records = await self._records(arns[-1]) if arns else []
        after = asked.text("after") or "0"
        if not (after.isascii() and after.isdecimal()):
            raise BadRequestError(400, f"after is not a sequence number: {after[:40]}")
        told = [_record(each) for each in reversed(records) if int(each["dynamodb"]["SequenceNumber"]) > int(after)]
        return {"table": table.name, "arn": arns[-1] if arns else None, "records": told}

    # asking

    def _table(self, name: str) -> Table:
        found = next((each for each in self._around.topology().tables if each.name == name), None)
        if found is None:
            raise BadRequestError(404, f"there is no table {name}")
        if found.stream is None:
            raise BadRequestError(404, f"table {name} has no stream")
        return found

    async def _records(self, arn: str) -> list[Told]:
        description = await ask(self._around.database, STREAMS, "DescribeStream", {"StreamArn": arn})
        found: list[Told] = []
        for shard in description["StreamDescription"]["Shards"]:
            oldest = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            async for records in pages(self._around.database, oldest):
                found = [*found, *records][-RECORDS:]
        return found


def _told(status: MappingStatus, shards: tuple[ShardProgress, ...]) -> Told:
    mapping = status.mapping
    return {
        "kind": "stream",
        "function": mapping.function,
        "source": source_name(mapping),
        "state": status.state,
        "last_result": status.last_processing_result,
        "batch_size": mapping.batch_size,
        "retries": mapping.maximum_retry_attempts,
        "bisects": mapping.bisect_on_error,
        "on_failure": mapping.on_failure,
        "shards": [
            {
                "shard": shard.shard_id,
                "settled": shard.settled,
                "read": shard.read,
                "lanes": [
                    {
                        "waiting": lane.waiting,
                        "flying": lane.flying,
                        "attempts": lane.attempts,
                        "failures": lane.failures,
                        "retry_at": None if lane.retry_at is None else lane.retry_at * 1000,
                        "oldest_at": None if lane.oldest_at is None else lane.oldest_at * 1000,
                    }
                    for lane in shard.lanes
                ],
            }
            for shard in shards
        ],
    }


def _record(record: Told) -> Told:
    change = record["dynamodb"]
    return {
        "event": record["eventName"],
        "at": float(change["ApproximateCreationDateTime"]) * 1000,
        "sequence": change["SequenceNumber"],
        "keys": masked(change.get("Keys")),
        "old": masked(change.get("OldImage")),
        "new": masked(change.get("NewImage")),
        "by_ttl": bool(record.get("userIdentity")),
    }
