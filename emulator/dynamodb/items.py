"""Items as the embedded DynamoDB stores them: moto's class, made once and never changed afterwards.

A write replaces an item by another, so that images of stream records, answers and undo logs can share items
without copying. moto's own class remembers every item ever made and recounts its size for each attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from moto.dynamodb.models.dynamo_type import Item

from .values import attribute_values, attributes_bytes, same_attributes


class StoredItem(Item):  # type: ignore[misc] # moto publishes no types
    """One item; ``attrs`` maps attribute names to moto's ``DynamoType``."""

    attrs: dict[str, Any]
    hash_key: Any
    range_key: Any

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Skip moto's list of all instances, which would keep every version of every item alive."""
        return object.__new__(cls)

    def __init__(self, hash_key: Any, range_key: Any, attrs: Mapping[str, Any]) -> None:
        self.hash_key = hash_key
        self.range_key = range_key
        self.attrs = attribute_values(attrs)

    @cached_property
    def size_bytes(self) -> int:
        """Size as DynamoDB counts it."""
        return attributes_bytes(self.attrs)

    def size(self) -> int:
        """Size in bytes, under moto's name for it."""
        return self.size_bytes

    def same_as(self, other: StoredItem) -> bool:
        """Whether both have the same attributes with the same values."""
        return same_attributes(self.attrs, other.attrs)

    def __deepcopy__(self, memo: dict[int, Any]) -> StoredItem:
        """Items never change, so a copy is the item itself."""
        return self
