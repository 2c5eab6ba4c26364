"""The messages of a queue in the order in which they are received. Pure."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Line:
    """Messages in their order, each found by its id and by the handles it was received with.

    Where they are in groups, a group gives its messages in order up to the first that is hidden: what comes after
    that waits. As many as possible come from one group before the next one's, and a group that something was received
    of goes behind the others. [DOC] sqs-docs:FIFO-queues-understanding-logic; [REC] ls-snap test_sqs.py
    """

    def __init__(self, messages: Iterable[Any], *, is_in_groups: bool) -> None:
        self._messages: OrderedDict[str, Any] = OrderedDict()
        self._ids: dict[str, str] = {}
        """Of those that were received, by handle."""
        self._groups: OrderedDict[str, OrderedDict[str, Any]] | None = OrderedDict() if is_in_groups else None
        for each in messages:
            self.append(each)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._messages.values())

    def __len__(self) -> int:
        return len(self._messages)

    def append(self, message: Any) -> None:
        """Put it at the end."""
        self._messages[message.id] = message
        if self._groups is not None:
            self._groups.setdefault(message.group_id, OrderedDict())[message.id] = message

    def remove(self, message: Any) -> None:
        """Forget it and its handles."""
        del self._messages[message.id]
        for handle in message.all_receipt_handles:
            self._ids.pop(handle, None)
        if self._groups is not None:
            group = self._groups[message.group_id]
            del group[message.id]
            if not group:
                del self._groups[message.group_id]

    def received(self, message: Any) -> None:
        """Remember the handle that it, or a copy of it, was received with, and put its group behind the others."""
        self._ids[message.receipt_handle] = message.id
        if self._groups is not None:
            self._groups.move_to_end(message.group_id)

    def next(self, is_hidden: Callable[[Any], bool]) -> Iterator[Any]:
        """Those that can be received, the first one first, found as they are asked for."""
        if self._groups is None:
            yield from (each for each in self if not is_hidden(each))
            return
        for group in self._groups.values():
            yield from itertools.takewhile(lambda each: not is_hidden(each), group.values())

    def of(self, handle: str) -> Any:
        """The message with this handle; None: there is none."""
        return self._messages.get(self._ids.get(handle, ""))

    def last(self, count: int) -> list[Any]:
        """So many from the end, the latest first."""
        return list(itertools.islice(reversed(self._messages.values()), count))
