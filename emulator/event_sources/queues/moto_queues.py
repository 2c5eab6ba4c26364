"""The queues of `embedded`: moto's, corrected where they differ from SQS, and quick with thousands of messages.

moto counts all messages of a queue for each that is sent, received or deleted: with a thousand that is milliseconds
each time, and the whole emulator waits for them.
"""

from __future__ import annotations

import copy
import itertools
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from moto.sqs.models import SQSBackend

from . import checks, moves
from .duplicates import of_content
from .moto_queue import HAS_NAMES_OF_ITS_OWN, REFUSALS, QuickQueue

_TIMES: Final = ("CreatedTimestamp", "LastModifiedTimestamp")
_SEQUENCE: Final = 18_849_496_460_467_696_128
"""The first sequence number of a FIFO queue here: 20 digits, as on AWS."""
_STEP: Final = 256
"""How far two sequence numbers are apart. [USR] seen in events of AWS"""
NAMES: Final = {"data_type": "DataType", "string_value": "StringValue", "binary_value": "BinaryValue"}
_ARGUMENTS: Final = {
    "MessageAttributes": "message_attributes",
    "MessageSystemAttributes": "system_attributes",
    "MessageGroupId": "group_id",
    "MessageDeduplicationId": "deduplication_id",
    "DelaySeconds": "delay_seconds",
}
_ENTRY: Final = {
    "id": "Id",
    "msg_user_id": "Id",
    "receipt_handle": "ReceiptHandle",
    "visibility_timeout": "VisibilityTimeout",
}
"""What entries of a batch are called before 5.1."""


class Backend(SQSBackend):  # type: ignore[misc] # moto publishes no types
    """All queues of a run."""

    def __init__(self, region: str, account_id: str, clock: Callable[[], float]) -> None:
        """``clock`` answers seconds of a clock that nobody sets."""
        super().__init__(region, account_id)
        self._clock = clock
        self._sequence = itertools.count(_SEQUENCE, _STEP)
        self.missing: tuple[str, float] | None = None
        """The queue that the last request found empty, and how many seconds it would wait; None: neither."""
        self.sources: dict[str, str] = {}
        """Where those of the messages came from that were received last and had been given up, by id."""
        self.trace: str | None = None
        """What the request that is answered says in ``X-Amzn-Trace-Id``, which its messages take along; None: nothing.

        [REC] ls-snap test_sqs.py
        """

    def create_queue(self, name: str, tags: Any = None, **attributes: Any) -> Any:
        """Check attributes, which moto takes as they are, and look for the dead letters' queue here, not in its own."""
        attributes.pop("region", None)
        is_fifo = str(attributes.get("FifoQueue")).lower() == "true"
        if (refused := checks.of_name(name, is_fifo=is_fifo)) is not None:
            raise REFUSALS[0](*refused)
        letters = self._checked(attributes, is_fifo=is_fifo)
        made = QuickQueue(name, self.region_name, self.account_id, clock=self._clock, **_own(attributes))
        if checks.REDRIVE in attributes:
            self._redrive(made, letters)
        if (there := self.queues.get(name)) is None:
            made.tags = tags or {}
            self.queues[name] = made
            return made
        for each in attributes:
            if there.attributes.get(each) != made.attributes.get(each):
                why = f"A queue already exists with the same name and a different value for attribute {each}"
                raise REFUSALS[0]("QueueAlreadyExists", why)  # [REC] ls-snap test_sqs.py
        there.tags = tags or there.tags
        return there

    def set_queue_attributes(self, queue_name: str, attributes: dict[str, Any]) -> Any:
        """The same for a queue that is there."""
        queue = self.get_queue(queue_name)
        letters = self._checked(attributes, is_fifo=queue.fifo_queue)
        made = super().set_queue_attributes(queue_name, _own(attributes))
        if checks.REDRIVE in attributes:
            self._redrive(queue, letters)
        return made

    def list_queues(self, queue_name_prefix: str | None) -> list[Any]:
        """Those whose names begin so; moto takes it for a regular expression."""
        return [queue for name, queue in self.queues.items() if name.startswith(queue_name_prefix or "")]

    def get_queue_attributes(self, queue_name: str, attribute_names: list[str]) -> Any:
        """Times in whole seconds, which moto has with a fraction, and how many messages there are now."""
        found = super().get_queue_attributes(queue_name, attribute_names)
        counts = self.get_queue(queue_name).counts() if found else {}
        whole = {name: int(float(value)) if name in _TIMES else value for name, value in found.items() if value != ""}
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

    def _check(self, queue: Any, body: str, named: Mapping[str, Any], unless: str = "are invalid") -> None:
        kept = named.get("message_attributes") or {}
        attributes = {name: attribute_of(each) for name, each in kept.items()}
        group, same = named.get("group_id"), named.get("deduplication_id")
        refused = checks.of_message(body, attributes, group=group, same=same, is_fifo=queue.fifo_queue)
        most = int(queue.maximum_message_size)
        if refused is None and checks.message_bytes(body, attributes) > most:
            why = f"One or more parameters {unless}. Reason: Message must be shorter than {most} bytes."
            refused = "InvalidParameterValue", why
        refused = refused or checks.of_seconds(int(named.get("delay_seconds") or 0), "DelaySeconds")
        if refused is not None:
            raise REFUSALS[0](*refused)

    def send_message_batch(self, queue_name: str, entries: dict[str, dict[str, Any]]) -> Any:
        """Tell of each message what is wrong with it, and send the others; what is missing fails the whole before that.

        [REC] ls-snap test_sqs.py
        """
        queue, given = self.get_queue(queue_name), list(entries.values())
        self._check_batch(queue, given)
        sent, failed = [], []
        for entry in given:
            body = entry.get("MessageBody") or ""
            named = {argument: entry[name] for name, argument in _ARGUMENTS.items() if entry.get(name) is not None}
            try:
                self._check(queue, body, named, unless="cannot be validated")
                message = self.send_message(queue_name, body, **named)
            except REFUSALS as error:
                if HAS_NAMES_OF_ITS_OWN:
                    raise
                failed.append(_failure(entry["Id"], error))
            else:
                message.user_id = entry["Id"]
                sent.append(message)
        return sent, failed

    def _check_batch(self, queue: Any, entries: list[dict[str, Any]]) -> None:
        total, lacks = 0, None
        for entry in entries:
            kept = {name: attribute_of(each) for name, each in (entry.get("MessageAttributes") or {}).items()}
            total += checks.message_bytes(entry.get("MessageBody") or "", kept)
            if queue.fifo_queue and lacks is None:
                by_content = str(queue.content_based_deduplication).lower() == "true"
                group, same = entry.get("MessageGroupId"), entry.get("MessageDeduplicationId")
                lacks = checks.of_fifo(group=group, same=same, is_by_content=by_content)
        if (
            refused := checks.of_batch([str(each["Id"]) for each in entries], "SendMessage")
            or checks.of_batch_bytes(total)
        ) is not None:
            raise REFUSALS[0](*refused)
        if not all(each.get("MessageBody") for each in entries):
            raise REFUSALS[0](*checks.NO_BODY)
        if lacks is not None:
            raise REFUSALS[0]("InvalidParameterValue", lacks[1])

    def change_message_visibility(self, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        """Hide one that was received for so many seconds from now on: see `QuickQueue.hide`."""
        self.get_queue(queue_name).hide(receipt_handle, int(visibility_timeout))

    def delete_message_batch(self, queue_name: str, receipts: list[dict[str, Any]]) -> Any:
        """Delete each, and tell which could not be."""
        queue = self.get_queue(queue_name)
        return _each("DeleteMessage", receipts, lambda entry: queue.delete_message(entry["ReceiptHandle"]))

    def change_message_visibility_batch(self, queue_name: str, entries: list[dict[str, Any]]) -> Any:
        """Hide each, and tell which could not be."""
        queue = self.get_queue(queue_name)
        return _each(
            "ChangeMessageVisibility",
            entries,
            lambda entry: queue.hide(entry["ReceiptHandle"], _seconds(entry)),
        )

    def remove_permission(self, queue_name: str, label: str) -> None:
        """Take a statement out of a queue's policy."""
        self.get_queue(queue_name)
        try:
            super().remove_permission(queue_name, label)
        except REFUSALS as error:  # [REC] ls-snap test_sqs.py
            raise REFUSALS[0](*checks.invalid(label, "Label", "can't find label.")) from error

    def send_message(self, queue_name: str, message_body: str, *given: Any, **named: Any) -> Any:
        """Drop what a FIFO queue had already, which moto knows of messages that are still there, and number others."""
        queue = self.get_queue(queue_name)
        self._check(queue, message_body, named)
        if self.trace is not None:
            system = named.get("system_attributes") or {}
            header = dict(zip(NAMES if HAS_NAMES_OF_ITS_OWN else NAMES.values(), ("String", self.trace), strict=False))
            named["system_attributes"] = {"AWSTraceHeader": header, **system}
        if not queue.fifo_queue:
            return super().send_message(queue_name, message_body, *given, **named)
        if str(named.get("delay_seconds")) == "0":  # as if it were not given. [REC] ls-snap test_sqs.py
            named["delay_seconds"] = None
        scope = named.get("group_id") if getattr(queue, "deduplication_scope", "") == "messageGroup" else None
        key = scope, named.get("deduplication_id") or of_content(message_body)
        now = self._clock()
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
        self, queue_name: str, count: int, wait_seconds: int, visibility_timeout: int, names: Sequence[str] = ()
    ) -> Any:
        """Answer at once: moto would sleep on the event loop until the wait is over."""
        queue = self.get_queue(queue_name)
        queue.expire()
        letters = queue.dead_letter_queue = self._letters_of(queue)
        before = 0 if letters is None else len(letters.line)
        found = super().receive_message(queue_name, count, 0, visibility_timeout, ["All"] if "*" in names else [*names])
        queue.received(found)
        for message in () if letters is None else letters.line.last(len(letters.line) - before):
            message.dead_letter_source = str(queue.queue_arn)
        self.sources = {each.id: source for each in found if (source := source_of(each)) is not None}
        self.missing = None if found or not wait_seconds else (queue_name, float(wait_seconds))
        return found


def _own(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What moto keeps of attributes; a key of KMS ends the encryption by SQS itself. [REC] ls-snap test_sqs.py"""
    by_kms = {"SqsManagedSseEnabled": "false"} if attributes.get("KmsMasterKeyId") else {}
    return {**{each: value for each, value in attributes.items() if each != checks.REDRIVE}, **by_kms}


def _each(kind: str, entries: Iterable[Mapping[str, Any]], act: Callable[[Mapping[str, Any]], None]) -> Any:
    """Ids of the entries of a batch for which it was done, and what is told of the others."""
    named = [{_ENTRY.get(name, name): value for name, value in each.items()} for each in entries]
    if (refused := checks.of_batch([str(each["Id"]) for each in named], kind)) is not None:
        raise REFUSALS[0](*refused)
    done, failed = [], []
    for entry in named:
        try:
            act(entry)
        except REFUSALS as error:
            failed.append(_failure(entry["Id"], error))
        else:
            done.append(entry["Id"])
    return done, failed


def _seconds(entry: Mapping[str, Any]) -> int:
    """How long an entry is to be hidden, which it must say. [INF] the model lets it be missing"""
    found = entry.get("VisibilityTimeout")
    if found is None:
        raise REFUSALS[0]("MissingParameter", "The request must contain the parameter VisibilityTimeout.")
    return int(found)


def _failure(entry_id: str, error: Any) -> dict[str, Any]:
    code = getattr(error, "error_type", None) or error.code  # the former before 5.1
    return {"Id": entry_id, "SenderFault": True, "Code": code, "Message": error.message}


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
