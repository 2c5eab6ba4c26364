"""SQS queues: moto's, hosted like our DynamoDB. Imported only when a queue is first used.

The one module that knows moto. It works with every version that `pyproject.toml` allows; CI tests both ends.

Both protocols of the SDKs are understood: JSON (``X-Amz-Target: AmazonSQS.*``) and query (``Action=...``).
"""

from __future__ import annotations

import base64
import copy
import itertools
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import moto
from moto.core.utils import camelcase_to_underscores
from moto.sqs.constants import MAXIMUM_MESSAGE_LENGTH
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import SQSBackend
from moto.sqs.responses import SQSResponse

try:
    from moto.core.request import Request
except ImportError:  # before 5.1.19 or so
    from werkzeug.wrappers import Request

from streamer.topology import Queue

from ...foundation.json_bytes import is_object, json_of
from ...port.elsewhere import operation_of, refusal
from ...port.http import HttpRequest, HttpResponse
from . import checks, moves
from .batches import MessageRefusedError, QueueMessage
from .duplicates import Duplicates, of_content
from .waiting import answered

_HAS_NAMES_OF_ITS_OWN: Final = tuple(int(each) for each in moto.__version__.split(".")[:2]) < (5, 1)
_REFUSALS: Final[tuple[type[Exception], ...]] = ReceiptHandleIsInvalid.__bases__
"""What all of moto's refusals are, whose name depends on its version; each has a ``message``."""
_RECEIVING: Final = (
    ("MaxNumberOfMessages", 1, 10, "between 1 and 10"),
    ("WaitTimeSeconds", 0, 20, ">= 0 and <= 20"),
)
_TIMES: Final = ("CreatedTimestamp", "LastModifiedTimestamp")
_SEQUENCE: Final = 18_849_496_460_467_696_128
"""The first sequence number of a FIFO queue here: 20 digits, as on AWS."""
_STEP: Final = 256
"""How far two sequence numbers are apart. [USR] seen in events of AWS"""
_DONE: Final = 200
_NAMES: Final = {"data_type": "DataType", "string_value": "StringValue", "binary_value": "BinaryValue"}


class _Backend(SQSBackend):  # type: ignore[misc] # moto publishes no types
    def __init__(self, region: str, account_id: str) -> None:
        super().__init__(region, account_id)
        self._duplicates: Duplicates[Any] = Duplicates()
        self._sequence = itertools.count(_SEQUENCE, _STEP)
        self.missing: tuple[str, float] | None = None
        """The queue that the last request found empty, and how many seconds it would wait; None: neither."""
        self.sources: dict[str, str] = {}
        """Where those of the messages came from that were received last and had been given up, by id."""

    def create_queue(self, name: str, tags: Any = None, **attributes: Any) -> Any:
        """Check attributes, which moto takes as they are, and look for the dead letters' queue here, not in its own."""
        region = {"region": attributes.pop("region")} if "region" in attributes else {}
        is_fifo = name.endswith(".fifo") or str(attributes.get("FifoQueue")).lower() == "true"
        letters = self._checked(attributes, is_fifo=is_fifo)
        known = self.queues.get(name)
        own = {each: value for each, value in attributes.items() if each != checks.REDRIVE}
        made = super().create_queue(name, tags, **region, **own)
        if known is None and checks.REDRIVE in attributes:
            self._redrive(made, letters)
        return made

    def set_queue_attributes(self, queue_name: str, attributes: dict[str, Any]) -> Any:
        """The same for a queue that is there."""
        queue = self.get_queue(queue_name)
        letters = self._checked(attributes, is_fifo=queue.fifo_queue)
        own = {each: value for each, value in attributes.items() if each != checks.REDRIVE}
        made = super().set_queue_attributes(queue_name, own)
        if checks.REDRIVE in attributes:
            self._redrive(queue, letters)
        return made

    def get_queue_attributes(self, queue_name: str, attribute_names: list[str]) -> Any:
        """Times in whole seconds, which moto has with a fraction."""
        found = super().get_queue_attributes(queue_name, attribute_names)
        return {name: int(float(value)) if name in _TIMES else value for name, value in found.items()}

    def _checked(self, attributes: Mapping[str, Any], *, is_fifo: bool) -> tuple[str, int] | None:
        """Where the attributes let dead letters go, and after how many receives; raises what moto does."""
        if (refused := checks.of_attributes(attributes, is_fifo=is_fifo)) is not None:
            raise _REFUSALS[0](*refused)
        letters = checks.of_redrive(attributes.get(checks.REDRIVE), is_fifo=is_fifo, is_there=self.queues.__contains__)
        if letters is not None and not isinstance(letters[1], int):
            raise _REFUSALS[0](*letters)
        return letters

    def _redrive(self, queue: Any, letters: tuple[str, int] | None) -> None:
        queue.dead_letter_queue = queue.redrive_policy = None
        if letters is not None:
            queue.dead_letter_queue = self.get_queue(letters[0])
            arn = str(queue.dead_letter_queue.queue_arn)
            queue.redrive_policy = {"deadLetterTargetArn": arn, "maxReceiveCount": letters[1]}

    def _check(self, queue: Any, body: str, named: Mapping[str, Any]) -> None:
        kept = named.get("message_attributes") or {}
        attributes = {name: _attribute(each) for name, each in kept.items()}
        group, same = named.get("group_id"), named.get("deduplication_id")
        refused = checks.of_message(body, attributes, group=group, same=same, is_fifo=queue.fifo_queue)
        most = int(queue.maximum_message_size)
        if refused is None and checks.message_bytes(body, attributes) > most:
            why = f"One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
            refused = "InvalidParameterValue", why
        if refused is not None:
            raise _REFUSALS[0](*refused)

    def send_message_batch(self, queue_name: str, entries: dict[str, dict[str, Any]]) -> Any:
        """Tell of each message what is wrong with it, and send the others; what is missing fails the whole."""
        queue, right, wrong = self.get_queue(queue_name), {}, []
        for number, entry in entries.items():
            named = {
                "message_attributes": entry.get("MessageAttributes"),
                "group_id": entry.get("MessageGroupId"),
                "deduplication_id": entry.get("MessageDeduplicationId"),
            }
            try:
                self._check(queue, entry.get("MessageBody") or "", named)
            except _REFUSALS as error:
                code, text = str(getattr(error, "code", "")), str(getattr(error, "message", error))
                if code == "MissingParameter" or _HAS_NAMES_OF_ITS_OWN:
                    raise
                wrong.append({"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": text})
            else:
                right[number] = entry
        if not right:
            return [], wrong
        sent, failed = super().send_message_batch(queue_name, right)
        return sent, [*wrong, *failed]

    def send_message(self, queue_name: str, message_body: str, *given: Any, **named: Any) -> Any:
        """Drop what a FIFO queue had already, which moto knows of messages that are still there, and number others."""
        queue = self.get_queue(queue_name)
        self._check(queue, message_body, named)
        if not queue.fifo_queue:
            return super().send_message(queue_name, message_body, *given, **named)
        scope = named.get("group_id") if getattr(queue, "deduplication_scope", "") == "messageGroup" else None
        # A queue that is made anew has forgotten what the one before it had.
        key = id(queue), scope, named.get("deduplication_id") or of_content(message_body)
        now = time.monotonic()
        earlier = self._duplicates.earlier(key, now)
        if earlier is not None:  # the sender hears of the first one, and compares the digest with what it sent
            answered = copy.copy(earlier)
            vars(answered)["body" if "body" in vars(earlier) else "_body"] = message_body  # the latter before 5.1
            return answered
        message = super().send_message(queue_name, message_body, *given, **named)
        message.sequence_number = str(next(self._sequence))
        if message not in queue._messages:  # noqa: SLF001 - moto compares ids of other groups, too
            queue._messages.append(message)  # noqa: SLF001 - as above
        self._duplicates.accept(key, now, message)
        return message

    # Dead letters that are moved back: see `moves.Letters`.

    def has(self, name: str) -> bool:
        """Whether there is a queue of that name."""
        return name in self.queues

    def takes_letters(self, name: str) -> bool:
        """Whether a queue is the dead-letter queue of another one."""
        return any(each.dead_letter_queue is self.queues[name] for each in self.queues.values())

    def count(self, name: str) -> int:
        """How many messages can be moved."""
        return len(self.get_queue(name).messages)

    def move(self, name: str, to: str | None) -> str | None:
        """Send the first message anew, to where it came from if ``to`` is None; answers why it cannot be, if so."""
        queue = self.get_queue(name)
        message = queue.messages[0]
        target = to or str(_source_of(message) or "").rpartition(":")[2]
        if not target:
            return moves.NO_SOURCE
        if target not in self.queues:
            return "AWS.SimpleQueueService.NonExistentQueue"
        fifo = {"group_id": message.group_id, "deduplication_id": str(uuid.uuid4())} if queue.fifo_queue else {}
        attributes, system = message.message_attributes, message.system_attributes
        self.send_message(target, message.body, message_attributes=attributes, system_attributes=system, **fifo)
        queue._messages.remove(message)  # noqa: SLF001 - as moto gives up
        queue.pending_messages.discard(message)
        return None

    def receive_message(
        self, queue_name: str, count: int, wait_seconds: int, visibility_timeout: int, *names: Any
    ) -> Any:
        """Answer at once: moto would sleep on the event loop until the wait is over."""
        queue = self.get_queue(queue_name)
        # What is visible again is nobody's: moto finds that out message by message, and so passes over the first of a
        # group as long as the second seems to be worked on, which then comes first.
        for message in [each for each in queue.pending_messages if each.visible]:
            queue.pending_messages.discard(message)
        letters = queue.dead_letter_queue
        before = 0 if letters is None else len(letters._messages)  # noqa: SLF001 - where moto puts what it gives up
        found = super().receive_message(queue_name, count, 0, visibility_timeout, *names)
        for message in () if letters is None else letters._messages[before:]:  # noqa: SLF001 - as above
            message.dead_letter_source = str(queue.queue_arn)
        self.sources = {each.id: source for each in found if (source := _source_of(each)) is not None}
        self.missing = None if found or not wait_seconds else (queue_name, float(wait_seconds))
        return found


class _Handler(SQSResponse):  # type: ignore[misc] # moto publishes no types
    def __init__(self, backend: SQSBackend) -> None:
        super().__init__()
        self._backend = backend

    @property
    def sqs_backend(self) -> SQSBackend:
        """Our queues, whatever account and region the request is signed for."""
        return self._backend

    def receive_message(self) -> Any:
        """Check what moto refuses in words of its own."""
        for name, low, high, words in _RECEIVING:
            value = self._get_param(name)
            if value is not None and not low <= int(value) <= high:
                raise _REFUSALS[0](*checks.invalid(value, name, f"Must be {words}, if provided."))
        return super().receive_message()


class EmbeddedQueues:
    """SQS in this process; called from one thread, like the embedded DynamoDB."""

    def __init__(self, region: str, account_id: str) -> None:
        self._backend = _Backend(region, account_id)
        self._moves = moves.Moves(self._backend)
        self._listeners: list[Callable[[], None]] = []
        self._described: dict[str, Queue] = {}
        """As `create` was last told of each."""

    def create(self, queues: Iterable[Queue]) -> None:
        """Create queues, unless they exist; those that are described otherwise than before are changed."""
        described = list(queues)
        changed = [queue for queue in described if self._described.get(queue.name) != queue or not self.has(queue.name)]
        for queue in changed:
            if not self.has(queue.name):
                self._backend.create_queue(queue.name, {}, **_attributes(queue))
            else:
                self._backend.set_queue_attributes(queue.name, _attributes(queue))
            self._described[queue.name] = queue
        for queue in changed:
            policy: dict[str, Any] = {}
            if queue.dead_letter_queue is not None:
                arn = self.arn(queue.dead_letter_queue)
                policy = {"deadLetterTargetArn": arn, "maxReceiveCount": queue.maximum_receives}
            self._backend.set_queue_attributes(queue.name, {checks.REDRIVE: policy})

    def arn(self, queue: str) -> str:
        """The ARN of a queue that exists."""
        return str(self._backend.get_queue(queue).queue_arn)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a listener after every request; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def receive(self, queue: str, count: int) -> Sequence[QueueMessage]:
        """At most so many visible messages, which become invisible for the queue's timeout."""
        timeout = int(self._backend.get_queue(queue).visibility_timeout)
        return [_message(each) for each in self._backend.receive_message(queue, count, 0, timeout, ["All"])]

    def delete(self, queue: str, message: QueueMessage) -> None:
        """Forget a message that was received, unless it is a dead letter by now, or its queue is gone."""
        with suppress(ReceiptHandleIsInvalid):
            if self.has(queue):
                self._backend.delete_message(queue, message.receipt_handle)

    def has(self, name: str) -> bool:
        """Whether there is a queue of that name."""
        return name in self._backend.queues

    def send(
        self,
        name: str,
        body: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        group: str | None = None,
        deduplication: str | None = None,
    ) -> None:
        """Put a message into a queue; groups and deduplication ids are for FIFO queues.

        Raises:
            MessageRefusedError: the queue does not take it, or there is none.
        """
        fifo = {"group_id": group, "deduplication_id": deduplication} if name.endswith(".fifo") else {}
        given = {each: _as_received(value) for each, value in (attributes or {}).items()}
        try:
            self._backend.send_message(name, body, message_attributes=given or None, **fifo)
        except _REFUSALS as error:
            raise MessageRefusedError(f"queue {name}: {getattr(error, 'message', error)}") from error
        self._heard()

    def _heard(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request of an SQS client, at once."""
        answer = self._answer(request)
        self._heard()
        return answer

    def waiting(self, request: HttpRequest, first: HttpResponse) -> Awaitable[HttpResponse] | None:
        """What a client that waits for messages gets later, after `handle` had none for it; None: it does not wait."""
        if (missing := self._backend.missing) is None:
            return None
        self._backend.missing = None
        queue, seconds = missing

        def ask() -> HttpResponse | None:
            # What cannot be received, since its group is being worked on, is asked for in vain.
            if self.has(queue) and not self._backend.queues[queue].messages:
                return None
            answer = self._answer(request)
            still, self._backend.missing = self._backend.missing, None
            if still is None:
                self._heard()
            return answer if still is None else None

        return answered(first, seconds, listen=self.listen, ask=ask)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        self._backend.missing = None
        target = request.fields.get("x-amz-target", "").rpartition(".")[2]
        if target in moves.OPERATIONS:
            return self._moved(target, request)
        if target and not hasattr(_Handler, camelcase_to_underscores(target)):
            return refusal(request, "sqs", target, is_known=True)
        url = f"http://{request.fields.get('host', 'localhost')}{request.target}"
        prepared = _prepared(request, url)
        try:
            status, headers, body = _Handler(self._backend)._dispatch(  # noqa: SLF001 - moto's way in
                prepared, url, prepared.headers
            )
        except NotImplementedError:
            return refusal(request, "sqs", operation_of(request), is_known=True)
        kept = tuple(
            (name.lower(), str(value))
            for name, value in headers.items()
            if name.lower() not in ("content-length", "status", "server", "date")
        )
        content = body.encode() if isinstance(body, str) else body
        if target == "ReceiveMessage" and self._backend.sources and int(status) == _DONE:
            told = moves.with_sources(json.loads(content), json.loads(request.body), self._backend.sources)
            content = json.dumps(told).encode()
        return HttpResponse(int(status), content, kept)

    def _moved(self, operation: str, request: HttpRequest) -> HttpResponse:
        """The answer to an operation that moto does not have."""
        kind = ("content-type", "application/x-amz-json-1.0")
        try:
            asked = json_of(request.body) if is_object(request.body) else {}
            told = self._moves.perform(operation, asked, now=time.time(), new_id=str(uuid.uuid4()))
        except moves.RefusedError as refused:
            error = {"__type": f"com.amazonaws.sqs#{refused.code}", "message": str(refused)}
            known = ("x-amzn-query-error", f"{refused.code};Sender")
            return HttpResponse(refused.status, json.dumps(error).encode(), (kind, known))
        return HttpResponse(_DONE, json.dumps(told).encode(), (kind,))


def _message(received: Any) -> QueueMessage:
    # [DOC] lambda-docs:with-sqs: in this order; [USR] the trace, of messages that have one
    attributes = {
        "ApproximateReceiveCount": received.approximate_receive_count,
        "AWSTraceHeader": _attribute((received.system_attributes or {}).get("AWSTraceHeader", {})).get("StringValue"),
        "SentTimestamp": int(received.sent_timestamp),
        "SequenceNumber": received.sequence_number,
        "MessageGroupId": received.group_id,
        "SenderId": received.sender_id,
        "MessageDeduplicationId": received.deduplication_id,
        "ApproximateFirstReceiveTimestamp": int(received.approximate_first_receive_timestamp),
        "DeadLetterQueueSourceArn": _source_of(received),
    }
    return QueueMessage(
        message_id=received.id,
        receipt_handle=received.receipt_handle,
        body=received.body,
        attributes={name: str(value) for name, value in attributes.items() if value is not None},
        message_attributes={name: _attribute(kept) for name, kept in (received.message_attributes or {}).items()},
        md5=received.body_md5,
    )


def _source_of(message: Any) -> str | None:
    """The ARN of the queue that gave a message up; None: none did, since it was sent."""
    found: str | None = getattr(message, "dead_letter_source", None)
    return found


def _attribute(kept: Mapping[str, Any]) -> dict[str, Any]:
    """An attribute as the API has it; before 5.1 moto has names of its own."""
    return {_NAMES.get(name, name): value for name, value in kept.items()}


def _as_received(value: Mapping[str, Any]) -> dict[str, Any]:
    """An attribute as moto has it of a client: with bytes, not their base64, but before 5.1."""
    if _HAS_NAMES_OF_ITS_OWN:
        return {name: value[_NAMES[name]] for name in _NAMES if _NAMES[name] in value}
    binary = value.get("BinaryValue")
    return {**value, "BinaryValue": base64.b64decode(binary)} if isinstance(binary, str) else dict(value)


def _attributes(queue: Queue) -> dict[str, str]:
    found = {
        "VisibilityTimeout": str(queue.visibility_timeout_seconds),
        "DelaySeconds": str(queue.delay_seconds),
        "ReceiveMessageWaitTimeSeconds": str(queue.receive_wait_seconds),
        "MessageRetentionPeriod": str(queue.retention_seconds),
        "MaximumMessageSize": str(min(queue.maximum_message_bytes, MAXIMUM_MESSAGE_LENGTH)),  # older moto's is less
    }
    if queue.is_fifo:
        deduplicates = "true" if queue.deduplicates_by_content else "false"
        scope = "messageGroup" if queue.deduplicates_by_group else "queue"
        found |= {"FifoQueue": "true", "ContentBasedDeduplication": deduplicates, "DeduplicationScope": scope}
    return found


def _prepared(request: HttpRequest, url: str) -> Any:
    """The request as moto wants it: since 5.2.4 in a class of its own, before in werkzeug's."""
    from_primitives = getattr(Request, "from_primitives", None)
    if from_primitives is not None:
        return from_primitives(request.method, url, dict(request.headers), request.body)
    parts = urlsplit(url)
    return Request.from_values(
        method=request.method,
        base_url=f"{parts.scheme}://{parts.netloc}",
        path=parts.path,
        query_string=parts.query,
        data=request.body,
        headers=list(request.headers),
    )
