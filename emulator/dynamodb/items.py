"""Items as the embedded DynamoDB stores them: made once and never changed afterwards.

A write replaces an item by another, so that images of stream records, answers and undo logs share items without
copying. Pure.
"""

from __future__ import annotations

from streamer.aws_limits import attributes_bytes, text_bytes, value_bytes

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

    def changed_to(self, attrs: dict[str, AttributeValue]) -> StoredItem:
        """An item with these attributes; those that are the same objects are not measured again."""
        before, size_bytes = self.attrs, self.size_bytes
        for name, value in attrs.items():
            old = before.get(name)
            if old is None:
                size_bytes += text_bytes(name) + value_bytes(value)
            elif old is not value:
                size_bytes += value_bytes(value) - value_bytes(old)
        if not before.keys() <= attrs.keys():
            size_bytes -= attributes_bytes({name: old for name, old in before.items() if name not in attrs})
        return StoredItem(attrs, size_bytes)

    def same_as(self, other: StoredItem) -> bool:
        """Whether both have the same attributes with the same values."""
        return self.attrs == other.attrs
