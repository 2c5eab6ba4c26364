"""What FIFO queues and topics drop: what was sent before in the last five minutes, deleted meanwhile or not. Pure.

[DOC] sqs-docs:using-messagededuplicationid-property, sns-docs:fifo-message-dedup
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

DEDUPLICATION_SECONDS: Final = 300.0
"""How long a deduplication id is remembered."""

Kept = TypeVar("Kept")


class Duplicates(Generic[Kept]):
    """Remembers what was accepted, with something of it, by whatever makes two the same."""

    def __init__(self) -> None:
        self._accepted: dict[Hashable, tuple[float, Kept]] = {}

    def earlier(self, key: Hashable, now: float) -> Kept | None:
        """What was accepted under this key; None: nothing in the last five minutes."""
        found = self._accepted.get(key)
        return found[1] if found is not None and now - found[0] < DEDUPLICATION_SECONDS else None

    def accept(self, key: Hashable, now: float, kept: Kept) -> None:
        """Remember it from now on, and forget what is over; times never go back."""
        while self._accepted:
            oldest = next(iter(self._accepted))
            if now - self._accepted[oldest][0] < DEDUPLICATION_SECONDS:
                break
            del self._accepted[oldest]
        self._accepted[key] = now, kept


def of_content(body: str) -> str:
    """The deduplication id of a message without one, where the content counts."""
    return hashlib.sha256(body.encode()).hexdigest()
