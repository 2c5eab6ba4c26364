"""When the items of a table expire, by their TTL attribute. Pure. [DOC] ddb-docs:howitworks-ttl"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from typing import Final

from .items import StoredItem
from .values import Attributes, AttributeValue

OLDEST_SECONDS: Final = 5 * 365 * 24 * 3600
"""An item that expired more than five years ago is left alone. [DOC] ddb-docs:time-to-live-ttl-before-you-start"""


class ExpiryQueue:
    """Keys by time of expiry. The time may have changed since a key was queued, so the item itself is asked again."""

    def __init__(self, attribute: str) -> None:
        self.attribute = attribute
        self._heap: list[tuple[Decimal, int, dict[str, AttributeValue]]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._heap)

    def expires_at(self, attributes: Attributes) -> Decimal | None:
        """Unix seconds after which an item is deleted; None: never, as the attribute is no number."""
        value = attributes.get(self.attribute)
        return Decimal(value.content) if value is not None and value.type == "N" else None

    def add(self, attributes: Attributes, key_names: tuple[str, ...]) -> None:
        """Queue a new item."""
        expires = self.expires_at(attributes)
        if expires is not None:
            key = {name: attributes[name] for name in key_names}
            heapq.heappush(self._heap, (expires, next(self._order), key))

    def replace(self, old: StoredItem | None, new: StoredItem | None, key_names: tuple[str, ...]) -> None:
        """Queue what became of ``old``, unless its time stayed the same."""
        if new is None:
            return
        if old is None or self.expires_at(old.attrs) != self.expires_at(new.attrs):
            self.add(new.attrs, key_names)

    def due(self, now: float, find: Callable[[Attributes], StoredItem | None]) -> Iterator[StoredItem]:
        """Take out the items whose time has come; ``find`` gives the item that now has a key."""
        limit = Decimal(now)
        while self._heap and self._heap[0][0] < limit:
            queued, _, key = heapq.heappop(self._heap)
            item = find(key)
            if item is not None and self.expires_at(item.attrs) == queued and queued >= limit - OLDEST_SECONDS:
                yield item
