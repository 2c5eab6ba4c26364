"""What a function gets of a queue, and what its answer means for the messages. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, field

from streamer.errors import StreamerError

from ...foundation.json_bytes import json_text, parsed_json
from ...functions.limits import EVENT_BYTES
from ...functions.outcome import Outcome, Returned

_HEAD: Final = b'{"Records":['
_TAIL: Final = b"]}"


class MessageRefusedError(StreamerError):
    """A queue does not take a message: it is gone, the message is too large, or lacks what a FIFO queue wants."""


class QueueMessage(Struct, frozen=True, kw_only=True):
    """A message that was received and not deleted yet."""

    message_id: str
    receipt_handle: str
    body: str
    attributes: Mapping[str, str]
    """``ApproximateReceiveCount``, ``SentTimestamp``, ``MessageGroupId``, ..."""
    message_attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """As the API has them: ``{name: {"DataType": ..., "StringValue": ...}}``."""
    md5: str = ""

    @property
    def group(self) -> str | None:
        """Its message group; None: its queue is a standard one."""
        return self.attributes.get("MessageGroupId")


def record(message: QueueMessage, *, queue_arn: str, region: str, has_window: bool = False) -> dict[str, Any]:
    """The message as it stands in a function's event, in AWS's key order.

    ``has_window`` where its mapping has a batching window: then it says null where there is no digest of attributes.

    [DOC] lambda-docs:with-sqs, aws/aws-lambda-go:events/sqs.go; [USR] the order, in events that were logged; [REC]
    ls-snap test_lambda_integration_sqs.py
    """
    given = message.message_attributes
    digest = {"md5OfMessageAttributes": md5_of(given) if given else None}
    return {
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": dict(message.attributes),
        "messageAttributes": {name: _attribute(each) for name, each in given.items()},
        **(digest if given or has_window else {}),
        "md5OfBody": message.md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }


def md5_of(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """The digest of message attributes. [DOC] sqs-docs:sqs-message-metadata"""
    digest = hashlib.md5(usedforsecurity=False)
    for name, value in sorted(attributes.items()):
        kind, binary, text = str(value.get("DataType", "")), value.get("BinaryValue"), value.get("StringValue", "")
        content = text.encode() if binary is None else binary if isinstance(binary, bytes) else base64.b64decode(binary)
        for part in (name.encode(), kind.encode()):
            digest.update(len(part).to_bytes(4, "big") + part)
        digest.update((b"\1" if binary is None else b"\2") + len(content).to_bytes(4, "big") + content)
    return digest.hexdigest()


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "StringValue" in value:
        found["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        binary = value["BinaryValue"]
        found["binaryValue"] = base64.b64encode(binary).decode() if isinstance(binary, bytes) else binary
    return {**found, "stringListValues": [], "binaryListValues": [], "dataType": value.get("DataType")}


def filtered_record(made: Mapping[str, Any]) -> dict[str, Any]:
    """The record as filters see it: a body that is JSON counts as what it says. [DOC] lambda-docs:with-sqs-filtering"""
    try:
        return {**made, "body": parsed_json(made["body"])}
    except ValueError:
        return dict(made)


def events(batch: Iterable[tuple[QueueMessage, Mapping[str, Any]]]) -> Iterator[tuple[bytes, list[QueueMessage]]]:
    """The events of a batch, each as JSON with its messages, in order: one, or as many as keep to `EVENT_BYTES`."""
    bodies: list[bytes] = []
    messages: list[QueueMessage] = []
    room = EVENT_BYTES - len(_HEAD) - len(_TAIL)
    left = room
    for message, made in batch:
        body = json_text(made).encode()
        if messages and len(body) + 1 > left:
            yield _event(bodies), messages
            bodies, messages, left = [], [], room
        bodies.append(body)
        messages.append(message)
        left -= len(body) + 1
    if messages:
        yield _event(bodies), messages


def _event(records: Iterable[bytes]) -> bytes:
    return _HEAD + b",".join(records) + _TAIL


def done(outcome: Outcome, messages: Sequence[QueueMessage], *, reports_failures: bool) -> list[QueueMessage]:
    """The messages that are done and can be deleted.

    All if the function returned, none if it failed. Where it reports failures, all but those it names, of a FIFO queue,
    too, whose function has to name what comes after a failure in its group; names that it cannot mean make the whole
    batch a failure. [DOC] lambda-docs:services-sqs-errorhandling; [USR] aws-powertools/powertools-lambda-java #1140
    """
    if not isinstance(outcome, Returned):
        return []
    if not reports_failures:
        return list(messages)
    failed = _reported(outcome.payload)
    known = {message.message_id for message in messages}
    if failed is None or not failed <= known:
        return []
    return [message for message in messages if message.message_id not in failed]


def overtaking(messages: Sequence[QueueMessage], finished: Sequence[QueueMessage]) -> int:
    """How many messages are done before one that was sent to their group earlier."""
    left: set[str] = set()
    count = 0
    for message in messages:
        if message.group is None:
            continue
        if message not in finished:
            left.add(message.group)
        elif message.group in left:
            count += 1
    return count


def _reported(payload: bytes) -> set[str] | None:
    """Message ids of ``batchItemFailures``; None: the answer means that all failed."""
    try:
        answer = parsed_json(payload)
    except ValueError:  # of a custom runtime. [DOC] services-sqs-errorhandling: a complete failure
        return None
    items = answer.get("batchItemFailures", []) if isinstance(answer, dict) else None
    if items is None:
        return set()
    if not isinstance(items, list):
        return None
    names = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in items]
    return {str(name) for name in names} if all(names) else None
