"""Items as the embedded DynamoDB stores them: made once and never changed afterwards.

A write replaces an item by another, so that images of stream records, answers and undo logs share items without
copying. Pure.
"""

from __future__ import annotations

from streamer.aws_limits import attributes_bytes

from .values import AttributeValue


class StoredItem:
    """One item; frozen by agreement."""

    __slots__ = ("attrs", "size_bytes")

    def __init__(self, attrs: dict[str, AttributeValue], size_bytes: int | None = None) -> None:
        """Args: ``size_bytes`` is what `size_bytes` was when the same item was kept; None: it is counted."""
        self.attrs = attrs
        """By name; never changed."""
        self.size_bytes = attributes_bytes(attrs) if size_bytes is None else size_bytes
        """Size as DynamoDB counts it."""

    def same_as(self, other: StoredItem) -> bool:
        """Whether both have the same attributes with the same values."""
        return self.attrs == other.attrs
