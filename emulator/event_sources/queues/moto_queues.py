"""The queues of `embedded`: moto's, corrected where they differ from SQS, and quick with thousands of messages.

moto counts all messages of a queue for each that is sent, received or deleted: with a thousand that is milliseconds
each time, and the whole emulator waits for them.
"""

from __future__ import annotations

import copy
import itertools
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import moto
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend

from . import checks, moves
from .duplicates import Duplicates, of_content
from .line import Line

HAS_NAMES_OF_ITS_OWN: Final = tuple(int(each) for each in moto.__version__.split(".")[:2]) < (5, 1)
REFUSALS: Final[tuple[type[Exception], ...]] = ReceiptHandleIsInvalid.__bases__
"""What all of moto's refusals are, whose name depends on its version; each has a ``message``."""
_TIMES: Final = ("CreatedTimestamp", "LastModifiedTimestamp")
_SEQUENCE: Final = 18_849_496_460_467_696_128
"""The first sequence number of a FIFO queue here: 20 digits, as on AWS."""
_STEP: Final = 256
"""How far two sequence numbers are apart. [USR] seen in events of AWS"""
NAMES: Final = {"data_type": "DataType", "string_value": "StringValue", "binary_value": "BinaryValue"}
DELETED: Final = 2_000
"""So many receipt handles of what was deleted last are remembered, which may be deleted once more."""


# moto keeps each message that was ever made, and each copy that was received, for as long as the process lives.
Message.__new__ = staticmethod(lambda cls, *_, **__: object.__new__(cls))


class _Queue(Queue):  # type: ignore[misc] # moto publishes no types
    """moto's, which looks at no message that it is not asked for."""

    approximate_number_of_messages = approximate_number_of_messages_delayed = 0
    approximate_number_of_messages_not_visible = 0
    """Here, and the two before: moto asks for them with each message; see `counts`."""

    def __init__(
        self, name: str, region: str, account_id: str, *, clock: Callable[[], float], **attributes: Any
    ) -> None:
        self._clock = clock
        self._deleted: OrderedDict[str, None] = OrderedDict()
        self._is_in_groups = name.endswith(".fifo")
        super().__init__(name, region, account_id, **attributes)

    @property
    def _messages(self) -> Line:
        return self.line

    @_messages.setter
    def _messages(self, messages: Iterable[Any]) -> None:
        """At the beginning, and when it is purged, which forgets doubles, too. [REC] ls-snap test_sqs.py"""
        self.line = Line(messages, is_in_groups=self._is_in_groups)
        self.duplicates: Duplicates[Any] = Duplicates()

    @property
    def pending_message_groups(self) -> frozenset[str]:
        """None that moto would pass over: `Line` knows what of a group has to wait."""
        return frozenset()

    @property
    def messages(self) -> Iterator[Any]:
        """Those that can be received, the first one first, found as they are asked for."""
        now_ms = self._clock() * 1000
        oldest_ms = now_ms - int(self.message_retention_period) * 1000
        for each in self.line.next(lambda each: each.visible_at >= now_ms or each.delayed_until > now_ms):
            if each.sent_timestamp > oldest_ms:
                yield each

    def counts(self) -> dict[str, int]:
        """How many messages can be received, are delayed, and are being worked on, by attribute."""
        now_ms = self._clock() * 1000
        oldest_ms = now_ms - int(self.message_retention_period) * 1000
        delayed = sum(each.delayed_until > now_ms for each in self.line)
        hidden = sum(each.visible_at >= now_ms for each in self.line)
        over = sum(
            each.sent_timestamp <= oldest_ms and each.delayed_until <= now_ms and each.visible_at < now_ms
            for each in self.line
        )
        return {
            "ApproximateNumberOfMessages": len(self.line) - delayed - hidden - over,
            "ApproximateNumberOfMessagesDelayed": delayed,
            "ApproximateNumberOfMessagesNotVisible": hidden,
        }

    def expire(self) -> None:
        """Forget what is older than the queue keeps messages, received or not. [DOC] sqs-api:API_SetQueueAttributes

        Dead letters keep the time at which they were sent: one that stands behind a younger one is forgotten after it.
        """
        oldest_ms = (self._clock() - int(self.message_retention_period)) * 1000
        for message in list(itertools.takewhile(lambda each: each.sent_timestamp <= oldest_ms, self.line)):
            self.forget(message)

    def received(self, messages: Iterable[Any]) -> None:
        """Remember what somebody got."""
        for message in messages:
            self.line.received(message)

    def add_message(self, message: Any) -> None:
        """Put a message at the end; what is a double, and what else happens then, is not moto's to say."""
        self.line.append(message)

    def delete_message(self, receipt_handle: str) -> None:
        """Delete what was received with this handle, again if it was.

        Raises:
            ReceiptHandleIsInvalid: nothing was.
        """
        message = self.line.of(receipt_handle)
        if message is not None:
            self._deleted.update(dict.fromkeys(each for each in message.all_receipt_handles if each))
            while len(self._deleted) > DELETED:
                self._deleted.popitem(last=False)
            self.forget(message)
        elif receipt_handle not in self._deleted:
            raise ReceiptHandleIsInvalid

    def forget(self, message: Any) -> None:
        """Let go of a message of its own."""
        self.line.remove(message)
        self.pending_messages.discard(message)


class Backend(SQSBackend):  # type: ignore[misc] # moto publishes no types
    """All queues of a run."""

    def __init__(self, region: str, account_id: str, clock: Callable[[], float]) -> None:
        """``clock`` answers Unix seconds."""
        super().__init__(region, account_id)
        self._clock = clock
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
        own = {each: value for each, value in attributes.items() if each != checks.REDRIVE}
        if name in self.queues:
            return super().create_queue(name, tags, **region, **own)
        made = self.queues[name] = _Queue(name, self.region_name, self.account_id, clock=self._clock, **own)
        made.tags = tags or {}
        if checks.REDRIVE in attributes:
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
        """Times in whole seconds, which moto has with a fraction, and how many messages there are now."""
        found = super().get_queue_attributes(queue_name, attribute_names)
        counts = self.get_queue(queue_name).counts() if found else {}
        whole = {name: int(float(value)) if name in _TIMES else value for name, value in found.items()}
        return {name: counts.get(name, value) for name, value in whole.items()}

    def _checked(self, attributes: Mapping[str, Any], *, is_fifo: bool) -> tuple[str, int] | None:
        """Where the attributes let dead letters go, and after how many receives; raises what moto does."""
        if (refused := checks.of_attributes(attributes, is_fifo=is_fifo)) is not None:
            raise REFUSALS[0](*refused)
        letters = checks.of_redrive(attributes.get(checks.REDRIVE), is_fifo=is_fifo, is_there=self.queues.__contains__)
        if letters is not None and not isinstance(letters[1], int):
            raise REFUSALS[0](*letters)
        return letters

    def _redrive(self, queue: Any, letters: tuple[str, int] | None) -> None:
        queue.dead_letter_queue = queue.redrive_policy = None
        if letters is not None:
            queue.dead_letter_queue = self.get_queue(letters[0])
            arn = str(queue.dead_letter_queue.queue_arn)
            queue.redrive_policy = {"deadLetterTargetArn": arn, "maxReceiveCount": letters[1]}

    def _letters_of(self, queue: Any) -> Any:
        """Where a queue's dead letters go, which may have been deleted and made again; None: they stay."""
        policy = queue.redrive_policy or {}
        return self.queues.get(str(policy.get("deadLetterTargetArn", "")).rpartition(":")[2])

    def _check(self, queue: Any, body: str, named: Mapping[str, Any]) -> None:
        kept = named.get("message_attributes") or {}
        attributes = {name: attribute_of(each) for name, each in kept.items()}
        group, same = named.get("group_id"), named.get("deduplication_id")
        refused = checks.of_message(body, attributes, group=group, same=same, is_fifo=queue.fifo_queue)
        most = int(queue.maximum_message_size)
        if refused is None and checks.message_bytes(body, attributes) > most:
            why = f"One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
            refused = "InvalidParameterValue", why
        if refused is not None:
            raise REFUSALS[0](*refused)

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
            except REFUSALS as error:
                code, text = str(getattr(error, "code", "")), str(getattr(error, "message", error))
                if code == "MissingParameter" or HAS_NAMES_OF_ITS_OWN:
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
        key = scope, named.get("deduplication_id") or of_content(message_body)
        now = time.monotonic()
        earlier = queue.duplicates.earlier(key, now)
        if earlier is not None:  # the sender hears of the first one, and compares the digest with what it sent
            return _with_body(earlier, message_body)
        message = super().send_message(queue_name, message_body, *given, **named)
        message.sequence_number = str(next(self._sequence))
        queue.duplicates.accept(key, now, _with_body(message, ""))
        return message

    def is_message_valid_based_on_retention_period(self, queue_name: str, message: Any) -> bool:
        """Whether it is young enough: only such messages can be received."""
        return True

    # Dead letters that are moved back: see `moves.Letters`.

    def has(self, name: str) -> bool:
        """Whether there is a queue of that name."""
        return name in self.queues

    def takes_letters(self, name: str) -> bool:
        """Whether a queue is the dead-letter queue of another one."""
        return any(self._letters_of(each) is self.queues[name] for each in self.queues.values())

    def count(self, name: str) -> int:
        """How many messages can be moved."""
        return sum(1 for _ in self.get_queue(name).messages)

    def move(self, name: str, to: str | None) -> str | None:
        """Send the first message anew, to where it came from if ``to`` is None; answers why it cannot be, if so."""
        queue = self.get_queue(name)
        message = next(queue.messages)
        target = to or str(source_of(message) or "").rpartition(":")[2]
        if not target:
            return moves.NO_SOURCE
        if target not in self.queues:
            return "AWS.SimpleQueueService.NonExistentQueue"
        fifo = {"group_id": message.group_id, "deduplication_id": str(uuid.uuid4())} if queue.fifo_queue else {}
        attributes, system = message.message_attributes, message.system_attributes
        self.send_message(target, message.body, message_attributes=attributes, system_attributes=system, **fifo)
        queue.forget(message)
        return None

    def receive_message(
        self, queue_name: str, count: int, wait_seconds: int, visibility_timeout: int, *names: Any
    ) -> Any:
        """Answer at once: moto would sleep on the event loop until the wait is over."""
        queue = self.get_queue(queue_name)
        queue.expire()
        letters = queue.dead_letter_queue = self._letters_of(queue)
        before = 0 if letters is None else len(letters.line)
        found = super().receive_message(queue_name, count, 0, visibility_timeout, *names)
        queue.received(found)
        for message in () if letters is None else letters.line.last(len(letters.line) - before):
            message.dead_letter_source = str(queue.queue_arn)
        self.sources = {each.id: source for each in found if (source := source_of(each)) is not None}
        self.missing = None if found or not wait_seconds else (queue_name, float(wait_seconds))
        return found


def _with_body(message: Any, body: str) -> Any:
    """A copy that has another body."""
    made = copy.copy(message)
    vars(made)["body" if "body" in vars(message) else "_body"] = body  # the latter before 5.1
    return made


def source_of(message: Any) -> str | None:
    """The ARN of the queue that gave a message up; None: none did, since it was sent."""
    found: str | None = getattr(message, "dead_letter_source", None)
    return found


def attribute_of(kept: Mapping[str, Any]) -> dict[str, Any]:
    """An attribute as the API has it; before 5.1 moto has names of its own."""
    return {NAMES.get(name, name): value for name, value in kept.items()}
