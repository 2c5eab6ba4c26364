"""A queue of `moto_queues`: moto's, which is quick with thousands of messages."""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Final

import moto
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue

from . import checks
from .duplicates import Duplicates
from .line import Line

HAS_NAMES_OF_ITS_OWN: Final = tuple(int(each) for each in moto.__version__.split(".")[:2]) < (5, 1)
REFUSALS: Final[tuple[type[Exception], ...]] = ReceiptHandleIsInvalid.__bases__
"""What all of moto's refusals are, whose name depends on its version; each has a ``message``."""
DELETED: Final = 2_000
"""So many receipt handles of what was deleted last are remembered, which may be deleted once more."""


def _hide(message: Any, visibility_timeout: int) -> None:
    message.visible_at = (time.monotonic() + int(visibility_timeout)) * 1000


def _delay(message: Any, delay_seconds: int) -> None:
    message.delayed_until = (time.monotonic() + int(delay_seconds)) * 1000


# moto keeps each message that was ever made, and each copy that was received, for as long as the process lives.
Message.__new__ = staticmethod(lambda cls, *_, **__: object.__new__(cls))
# It hides and delays messages by the Unix clock: where that is set back, or a machine slept, they would stay hidden for
# hours, or be received while somebody works on them.
Message.change_visibility, Message.delay = _hide, _delay
Message.visible = property(lambda message: time.monotonic() * 1000 > message.visible_at)


class _UnknownHandleError(ReceiptHandleIsInvalid):  # type: ignore[misc] # moto publishes no types
    """In SQS's words. [REC] ls-snap test_sqs.py"""

    def __init__(self, handle: str) -> None:
        """``handle`` is what a client sent."""
        words = f'The input receipt handle "{handle}" is not a valid receipt handle.'
        REFUSALS[0].__init__(self, "ReceiptHandleIsInvalid", words)


class QuickQueue(Queue):  # type: ignore[misc] # moto publishes no types
    """moto's, which looks at no message that it is not asked for."""

    BASE_ATTRIBUTES: ClassVar = [*Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]
    redrive_allow_policy = None
    """Shown, and not asked when another queue names this one."""
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
        now_ms, oldest = self._clock() * 1000, self._oldest()
        for each in self.line.next(lambda each: each.visible_at >= now_ms or each.delayed_until > now_ms):
            if each.sent_at > oldest:
                yield each

    def counts(self) -> dict[str, int]:
        """How many messages can be received, are delayed, and are being worked on, by attribute."""
        now_ms, oldest = self._clock() * 1000, self._oldest()
        delayed = sum(each.delayed_until > now_ms for each in self.line)
        hidden = sum(each.visible_at >= now_ms for each in self.line)
        over = sum(
            each.sent_at <= oldest and each.delayed_until <= now_ms and each.visible_at < now_ms for each in self.line
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
        oldest = self._oldest()
        for message in list(itertools.takewhile(lambda each: each.sent_at <= oldest, self.line)):
            self.forget(message)

    def _oldest(self) -> float:
        """When the oldest messages were sent that are still kept, by the queue's clock."""
        return self._clock() - int(self.message_retention_period)

    def received(self, messages: Iterable[Any]) -> None:
        """Remember what somebody got, and since when: ``messages`` are copies."""
        for message in messages:
            self.line.received(message)
            self.line.of(message.receipt_handle).received_at = self._clock()

    def add_message(self, message: Any) -> None:
        """Put a message at the end; what is a double, and what else happens then, is not moto's to say.

        One that comes from another queue, which gave it up, keeps its age.
        """
        message.sent_at = getattr(message, "sent_at", self._clock())
        self.line.append(message)

    def delete_message(self, receipt_handle: str) -> None:
        """Delete what was received with this handle, again if it was.

        Raises:
            ReceiptHandleIsInvalid: nothing was.
            ServiceException: it is of a FIFO queue, and no longer hidden. [REC] ls-snap test_sqs.py
        """
        message = self._received(receipt_handle)
        if message is None:
            return
        if self._is_in_groups and (message.receipt_handle != receipt_handle or not self._is_hidden(message)):
            raise REFUSALS[0](*checks.invalid(receipt_handle, "ReceiptHandle", checks.EXPIRED))
        self._deleted.update(dict.fromkeys(each for each in message.all_receipt_handles if each))
        while len(self._deleted) > DELETED:
            self._deleted.popitem(last=False)
        self.forget(message)

    def hide(self, receipt_handle: str, seconds: int) -> None:
        """Hide what was received with this handle for so long from now on, unless it is visible again already.

        [REC] ls-snap test_sqs.py

        Raises:
            ReceiptHandleIsInvalid: nothing was.
            ServiceException: it was deleted, or cannot be hidden for so long.
        """
        message = self._received(receipt_handle)
        since = None if message is None else self._clock() - message.received_at
        if (refused := checks.of_visibility(receipt_handle, seconds, worked_on_seconds=since)) is not None:
            raise REFUSALS[0](*refused)
        if message is not None and self._is_hidden(message):
            message.change_visibility(seconds)

    def _received(self, handle: str) -> Any:
        """What was received with this handle; None: it was deleted. Raises ReceiptHandleIsInvalid."""
        message = self.line.of(handle)
        if message is None and handle not in self._deleted:
            raise _UnknownHandleError(handle)
        return message

    def _is_hidden(self, message: Any) -> bool:
        return bool(message.visible_at >= self._clock() * 1000)

    def forget(self, message: Any) -> None:
        """Let go of a message of its own."""
        self.line.remove(message)
        self.pending_messages.discard(message)
