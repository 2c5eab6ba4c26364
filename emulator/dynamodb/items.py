"""Items as the embedded DynamoDB stores them: made once and never changed afterwards.

A write replaces an item by another, so that images of stream records, answers and undo logs share items without
copying. Pure.
"""

from __future__ import annotations

import json
from typing import Any

from streamer.aws_limits import attributes_bytes, text_bytes, value_bytes

from .values import Attributes, AttributeValue, read_kept_attributes


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


Keyed = tuple[Attributes, StoredItem]
"""An item, and at least those of its attributes by which it is found; the item itself need not be looked into."""


def keyed(item: StoredItem) -> Keyed:
    """An item with all of its attributes."""
    return item.attrs, item


class KeptItem(StoredItem):
    """An item of a saved state, which is read when somebody asks for its attributes: few of many ever are."""

    __slots__ = ("_text",)

    def __init__(self, text: bytes, size_bytes: int) -> None:  # not the super's: it has no attributes yet
        """Args: ``text`` is JSON of what `values.wire_attributes` makes."""
        self._text = text
        self.size_bytes = size_bytes

    def __getattr__(self, name: str) -> Any:
        """Called for what is not there yet."""
        if name != "attrs":
            raise AttributeError(name)
        self.attrs = read_kept_attributes(json.loads(self._text))
        self._text = b""
        return self.attrs

    @property
    def text(self) -> bytes:
        """As it was kept; empty once its attributes have been asked for."""
        return self._text


def bytes_of(item: StoredItem | None) -> int:
    """Size of an item; of none 0."""
    return 0 if item is None else item.size_bytes
