"""Queues: how full they are, and dead letters: looked at, given another try, moved back or dropped."""

from __future__ import annotations

import json
from typing import Any, Final

from msgspec import Struct

from streamer.topology import Queue

from ...event_sources.streams.kinesis_records import kinesis_event
from ...event_sources.streams.records import stream_record
from ...foundation.json_bytes import json_text
from ...functions.outcome import Returned
from ..around import Around
from ..reading.asked import Asked, BadRequestError
from ..reading.telling import Told
from ..recording.masking import masked
from ..recording.meaning import json_object
from .database import SQS, ask, pages
from .invoking import Invoking

MESSAGES: Final = 10
"""Messages of a queue that are shown: as many as one request receives."""
MOVED: Final = 1000
"""Most messages that one redrive moves, and among which one message is looked for."""
HIDDEN_SECONDS: Final = 60
"""How long a message is nobody else's while it is dealt with."""
BATCH: Final = 10_000
"""Most records of a batch. [DOC] lambda-api:API_CreateEventSourceMapping"""
_COUNTS: Final = {
    "waiting": "ApproximateNumberOfMessages",
    "flying": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


class GivenUpEvent(Struct, frozen=True, kw_only=True):
    """An event that was given up after its retries: it stands in the document."""

    function: str
    payload: bytes


class GivenUpBatch(Struct, frozen=True, kw_only=True):
    """Records of a stream that were given up: the stream still has them, for a day."""

    function: str
    stream_arn: str
    shard_id: str
    first: int
    last: int


def given_up(text: str) -> GivenUpEvent | GivenUpBatch | None:
    """What a document of an on-failure destination is about; None: it is a message of a queue."""
    document = json_object(text.encode("utf-8", "surrogatepass"))
    context = document.get("requestContext")
    if not isinstance(context, dict) or ":function:" not in str(context.get("functionArn")):
        return None
    function = str(context["functionArn"]).partition(":function:")[2].partition(":")[0]
    if "requestPayload" in document:
        payload = json.dumps(document["requestPayload"]).encode("utf-8", "surrogatepass")
        return GivenUpEvent(function=function, payload=payload)
    batch = document.get("KinesisBatchInfo", document.get("DDBStreamBatchInfo"))
    if not isinstance(batch, dict):
        return None
    first, last = (str(batch.get(name, "")) for name in ("startSequenceNumber", "endSequenceNumber"))
    if not (first.isdecimal() and last.isdecimal()):
        return None
    return GivenUpBatch(
        function=function,
        stream_arn=str(batch.get("streamArn")),
        shard_id=str(batch.get("shardId")),
        first=int(first),
        last=int(last),
    )


class Queues:
    """Looks at queues, and at what became of the messages in them."""

    def __init__(self, around: Around, invoking: Invoking) -> None:
        self._around = around
        self._invoking = invoking

    async def listed(self, _asked: Asked) -> Told:
        """How many messages each queue has."""
        topology = self._around.topology()
        found = []
        for queue in topology.queues:
            readers = [each.function for each in topology.queue_mappings if each.queue == queue.name]
            comes_from = [each.name for each in topology.queues if each.dead_letter_queue == queue.name]
            filled_by = list(comes_from)
            filled_by += [each.function for each in topology.event_source_mappings if each.on_failure == queue.name]
            filled_by += [each.function for each in topology.kinesis_mappings if each.on_failure == queue.name]
            for each in topology.async_invocations:
                if queue.name in (each.on_failure, each.on_success, each.dead_letters):
                    filled_by.append(each.function)
            about = {"name": queue.name, "readers": readers, "filled_by": list(dict.fromkeys(filled_by))}
            about["comes_from"] = comes_from
            found.append({**about, "dead_letter_queue": queue.dead_letter_queue, **await self._counts(queue.name)})
        return {"queues": found}

    async def one(self, _asked: Asked, name: str) -> Told:
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
        target = self._source(self._queue(name).name)
        moved = 0
        while moved < MOVED and (received := await self._received(name, HIDDEN_SECONDS)):
            for message in received:
                await self._move(name, target, message)
            moved += len(received)
        return {"moved": moved, "to": target}

    async def retry(self, asked: Asked, name: str) -> Told:
        """Give a dead letter another try: its event or its records to the function, or the message to its queue.

        It stays if the function fails again.
        Answers with ``number``, the invocation's record (None: it is not kept any more), or ``to``, the queue.
        """
        queue, wanted = self._queue(name), asked.field("id", str)
        message = await self._found(queue.name, wanted)
        subject = given_up(message["Body"])
        try:
            if subject is None:
                target = self._source(name)
                await self._move(name, target, message)
                return {"id": wanted, "to": target}
            is_done, number = await self._run(subject)
        except BadRequestError:
            await self._release(name, message)
            raise
        await (self._delete(name, message) if is_done else self._release(name, message))
        return {"id": wanted, "number": number, "is_done": is_done}

    async def drop(self, asked: Asked, name: str) -> Told:
        """Delete one message."""
        wanted = asked.field("id", str)
        await self._delete(name, await self._found(self._queue(name).name, wanted))
        return {"id": wanted}

    # another try

    async def _run(self, subject: GivenUpEvent | GivenUpBatch) -> tuple[bool, int | None]:
        """Whether the function returned, and the number of its record; None: it is not kept any more."""
        if subject.function not in {each.name for each in self._around.topology().functions}:
            raise BadRequestError(409, f"there is no function {subject.function} any more")
        payload = subject.payload if isinstance(subject, GivenUpEvent) else await self._batch(subject)
        outcome, number = await self._invoking.invoke(subject.function, payload)
        return isinstance(outcome, Returned), number

    async def _batch(self, subject: GivenUpBatch) -> bytes:
        """The event of a batch, with its records as the stream still has them."""
        is_kinesis = subject.stream_arn.split(":")[2:3] == ["kinesis"]
        events = self._of_kinesis(subject) if is_kinesis else await self._of_table(subject)
        if not events:
            raise BadRequestError(409, "the stream does not have these records any more")
        return json_text({"Records": events}).encode("ascii")

    def _of_kinesis(self, subject: GivenUpBatch) -> list[Any]:
        _label, shards = self._around.kinesis().shards(subject.stream_arn.rpartition("/")[2]) or ("", ())
        shard = next((each for each in shards if each.shard_id == subject.shard_id), None)
        count = subject.last - subject.first + 1  # those of a shard have no gaps
        if shard is None or not 1 <= count <= BATCH:
            return []
        return [
            kinesis_event(
                data=each.data,
                partition_key=each.partition_key,
                number=each.number,
                arrived=each.arrived,
                shard_id=subject.shard_id,
                stream_arn=subject.stream_arn,
                role_arn=self._around.role_arn(subject.function),
            )
            for each in shard.after(subject.first - 1, count)
            if subject.first <= each.number <= subject.last
        ]

    async def _of_table(self, subject: GivenUpBatch) -> list[Any]:
        wanted = {
            "StreamArn": subject.stream_arn,
            "ShardId": subject.shard_id,
            "ShardIteratorType": "AT_SEQUENCE_NUMBER",
            "SequenceNumber": str(subject.first),
        }
        found: list[Told] = []
        async for records in pages(self._around.database, wanted):
            numbered = [(int(each["dynamodb"]["SequenceNumber"]), each) for each in records]
            found += [each for number, each in numbered if subject.first <= number <= subject.last]
            if numbered and numbered[-1][0] >= subject.last:
                break
        return [stream_record(each, stream_arn=subject.stream_arn, partition_key="").event for each in found]

    def _source(self, name: str) -> str:
        targets = [each.name for each in self._around.topology().queues if each.dead_letter_queue == name]
        if len(targets) != 1:
            some = ", ".join(targets) or "no queue"
            raise BadRequestError(409, f"{name} takes the dead letters of {some}: they can go back to one queue only")
        return targets[0]

    async def _move(self, name: str, target: str, message: Told) -> None:
        # [DOC] sqs: a message keeps its attributes and its group when it goes back to its source.
        kept = {"MessageAttributes": message["MessageAttributes"]} if message.get("MessageAttributes") else {}
        attributes = message.get("Attributes") or {}
        if "MessageGroupId" in attributes:
            kept["MessageGroupId"] = attributes["MessageGroupId"]
        if target.endswith(".fifo"):
            kept["MessageDeduplicationId"] = f"{message['MessageId']}-{attributes.get('ApproximateReceiveCount', '')}"
        await self._sqs("SendMessage", QueueUrl=target, MessageBody=message["Body"], **kept)
        await self._delete(name, message)

    # asking

    def _queue(self, name: str) -> Queue:
        found = next((each for each in self._around.topology().queues if each.name == name), None)
        if found is None:
            raise BadRequestError(404, f"there is no queue {name}")
        return found

    async def _sqs(self, operation: str, **parameters: Any) -> Told:
        url = f"{self._around.url}/queue/{parameters['QueueUrl']}"
        return await ask(self._around.database, SQS, operation, {**parameters, "QueueUrl": url})

    async def _counts(self, name: str) -> Told:
        answer = await self._sqs("GetQueueAttributes", QueueUrl=name, AttributeNames=["All"])
        return {said: int(answer["Attributes"].get(attribute, 0)) for said, attribute in _COUNTS.items()}

    async def _received(self, name: str, hidden_seconds: int) -> list[Told]:
        answer = await self._sqs(
            "ReceiveMessage",
            QueueUrl=name,
            MaxNumberOfMessages=MESSAGES,
            VisibilityTimeout=hidden_seconds,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages") or ())

    async def _found(self, name: str, wanted: str) -> Told:
        """The message of that id, hidden from others; those before it are let go again."""
        others: list[Told] = []
        try:
            while len(others) < MOVED and (received := await self._received(name, HIDDEN_SECONDS)):
                found = [each for each in received if each["MessageId"] == wanted]
                others += [each for each in received if each["MessageId"] != wanted]
                if found:
                    return found[0]
        finally:
            for each in others:
                await self._release(name, each)
        raise BadRequestError(404, f"queue {name} has no message {wanted} that is not in flight")

    async def _release(self, name: str, message: Told) -> None:
        await self._sqs(
            "ChangeMessageVisibility", QueueUrl=name, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )

    async def _delete(self, name: str, message: Told) -> None:
        await self._sqs("DeleteMessage", QueueUrl=name, ReceiptHandle=message["ReceiptHandle"])


def _message(message: Told) -> Told:
    text = message.get("Body", "")
    attributes = message.get("Attributes") or {}
    subject = given_up(text)
    return {
        "id": message["MessageId"],
        "at": float(attributes.get("SentTimestamp", 0)),
        "received": int(attributes.get("ApproximateReceiveCount", 0)),
        "function": None if subject is None else subject.function,
        "body": masked(json_object(text.encode("utf-8", "surrogatepass")) or text),
    }
