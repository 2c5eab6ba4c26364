"""What functions read besides messages: streams of tables and queues, how far they are, and dead letters."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from streamer.topology import Queue, Table

from ..event_sources.streams.source import source_name
from ..event_sources.streams.status import MappingStatus, ShardProgress
from .around import Around
from .asked import Asked, BadRequestError
from .database import SQS, STREAMS, ask
from .masking import masked
from .meaning import json_object
from .recorder import RingRecorder
from .statistics import batches

RECORDS: Final = 100
"""Stream records that are told at once, the latest."""
PAGES: Final = 40
"""Most pages of a stream that are read to find them."""
MESSAGES: Final = 10
"""Messages of a queue that are shown: as many as one request receives."""
MOVED: Final = 1000
"""Most messages that one redrive moves."""
_COUNTS: Final = {
    "waiting": "ApproximateNumberOfMessages",
    "flying": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}

Told = dict[str, Any]


class Sources:
    """Looks at streams and queues."""

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

    async def stream(self, _asked: Asked, name: str) -> Told:
        """The latest records of a table's stream, the newest first."""
        table = self._table(name)
        described = await ask(self._around.database, STREAMS, "ListStreams", {"TableName": table.name})
        arns = [each["StreamArn"] for each in described["Streams"]]
        records = await self._records(arns[-1]) if arns else []
        return {"table": table.name, "records": [_record(each) for each in reversed(records)]}

    async def queues(self, _asked: Asked) -> Told:
        """How many messages each queue has."""
        topology = self._around.topology()
        found = []
        for queue in topology.queues:
            readers = [each.function for each in topology.queue_mappings if each.queue == queue.name]
            filled_by = [each.name for each in topology.queues if each.dead_letter_queue == queue.name]
            filled_by += [each.function for each in topology.event_source_mappings if each.on_failure == queue.name]
            about = {"name": queue.name, "readers": readers, "filled_by": filled_by}
            found.append({**about, "dead_letter_queue": queue.dead_letter_queue, **await self._counts(queue.name)})
        return {"queues": found}

    async def queue(self, _asked: Asked, name: str) -> Told:
        """A queue's first messages, which stay in it; none where looking would count towards its dead letters."""
        queue = self._queue(name)
        counts = await self._counts(name)
        if queue.dead_letter_queue is not None:
            return {"name": name, **counts, "messages": None}
        return {"name": name, **counts, "messages": [_message(each) for each in await self._received(name, 0)]}

    async def purge(self, _asked: Asked, name: str) -> Told:
        """Drop all messages of a queue."""
        await self._sqs("PurgeQueue", QueueUrl=self._queue(name).name)
        return {"name": name}

    async def redrive(self, _asked: Asked, name: str) -> Told:
        """Move the messages of a dead letter queue back to the queue that they came from."""
        targets = [each.name for each in self._around.topology().queues if each.dead_letter_queue == name]
        if len(targets) != 1:
            some = ", ".join(targets) or "no queue"
            raise BadRequestError(409, f"{name} takes the dead letters of {some}: they can go back to one queue only")
        moved = 0
        while moved < MOVED and (received := await self._received(name, 30)):
            for message in received:
                await self._sqs("SendMessage", QueueUrl=targets[0], MessageBody=message["Body"])
                await self._sqs("DeleteMessage", QueueUrl=name, ReceiptHandle=message["ReceiptHandle"])
            moved += len(received)
        return {"moved": moved, "to": targets[0]}

    # asking

    def _table(self, name: str) -> Table:
        found = next((each for each in self._around.topology().tables if each.name == name), None)
        if found is None:
            raise BadRequestError(404, f"there is no table {name}")
        if found.stream is None:
            raise BadRequestError(404, f"table {name} has no stream")
        return found

    def _queue(self, name: str) -> Queue:
        found = next((each for each in self._around.topology().queues if each.name == name), None)
        if found is None:
            raise BadRequestError(404, f"there is no queue {name}")
        return found

    async def _sqs(self, operation: str, **parameters: Any) -> Told:
        name = parameters["QueueUrl"]
        return await ask(
            self._around.database, SQS, operation, {**parameters, "QueueUrl": f"{self._around.url}/queue/{name}"}
        )

    async def _counts(self, name: str) -> Told:
        answer = await self._sqs("GetQueueAttributes", QueueUrl=name, AttributeNames=["All"])
        return {said: int(answer["Attributes"].get(attribute, 0)) for said, attribute in _COUNTS.items()}

    async def _received(self, name: str, visibility_seconds: int) -> list[Told]:
        answer = await self._sqs(
            "ReceiveMessage",
            QueueUrl=name,
            MaxNumberOfMessages=MESSAGES,
            VisibilityTimeout=visibility_seconds,
            AttributeNames=["All"],
        )
        return list(answer.get("Messages") or ())

    async def _records(self, arn: str) -> list[Told]:
        description = await ask(self._around.database, STREAMS, "DescribeStream", {"StreamArn": arn})
        found: list[Told] = []
        for shard in description["StreamDescription"]["Shards"]:
            kind = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = (await ask(self._around.database, STREAMS, "GetShardIterator", kind)).get("ShardIterator")
            for _ in range(PAGES):
                page = await ask(self._around.database, STREAMS, "GetRecords", {"ShardIterator": iterator})
                found = [*found, *page["Records"]][-RECORDS:]
                iterator = page.get("NextShardIterator")
                if not page["Records"] or iterator is None:
                    break
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


def _message(message: Told) -> Told:
    text = message.get("Body", "")
    attributes = message.get("Attributes") or {}
    return {
        "id": message["MessageId"],
        "at": float(attributes.get("SentTimestamp", 0)),
        "received": int(attributes.get("ApproximateReceiveCount", 0)),
        "body": masked(json_object(text.encode("utf-8", "surrogatepass")) or text),
    }
