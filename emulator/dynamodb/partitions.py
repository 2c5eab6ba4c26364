"""Items by key: a partition is found by its hash key and holds its items in the order of their sort key. Pure.

This is what makes a query cost the items it reads, not the items of the table.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from streamer.aws_limits import PARTITION_KEY_BYTES, SORT_KEY_BYTES, text_bytes

from .expressions.keys import KeySchema
from .items import Keyed, StoredItem
from .values import Attributes, AttributeValue, sort_value

SortKey = tuple[Any, ...]


class Partition:
    """The items of one hash key, sorted."""

    __slots__ = ("items", "keys")

    def __init__(self) -> None:
        self.keys: list[SortKey] = []
        self.items: dict[SortKey, StoredItem] = {}

    def put(self, key: SortKey, item: StoredItem) -> StoredItem | None:
        """Add an item, or replace the one with this key, which is returned."""
        replaced = self.items.get(key)
        if replaced is None:
            insort(self.keys, key)
        self.items[key] = item
        return replaced

    def remove(self, key: SortKey) -> StoredItem:
        """Take an item out, and return it."""
        del self.keys[bisect_left(self.keys, key)]
        return self.items.pop(key)

    def span(self, bounds: Bounds, start: SortKey | None, *, forward: bool) -> Iterator[StoredItem]:
        """Items within the bounds, after (or, backwards, before) ``start``, which need not exist any more."""
        low, high = bounds(self.keys)
        if start is not None and forward:
            low = max(low, bisect_right(self.keys, start))
        elif start is not None:
            high = min(high, bisect_left(self.keys, start))
        positions = range(low, high) if forward else range(high - 1, low - 1, -1)
        return (self.items[self.keys[position]] for position in positions)


Bounds = Callable[[list[SortKey]], tuple[int, int]]
"""First and last-plus-one position of the keys that satisfy a condition."""


def everything(keys: list[SortKey]) -> tuple[int, int]:
    """No condition on the sort key."""
    return 0, len(keys)


def bounds_of(equal: Sequence[Any], comparison: str, values: Sequence[Any]) -> Bounds:
    """Bounds for a condition on the sort key.

    Args:
        equal: values that the first sort attributes must equal (an index may have several).
        comparison: ``=``, ``<``, ``<=``, ``>``, ``>=``, ``BETWEEN`` or ``begins_with``, on the next attribute.
        values: what it is compared with, as `sort_value` gives it.
    """
    first = tuple(equal)
    width = len(first) + 1
    low, high = (*first, values[0]), (*first, values[-1])

    def head(key: SortKey) -> SortKey:
        return key[:width]

    def prefix(key: SortKey) -> SortKey:
        return (*key[: width - 1], key[width - 1][: len(values[0])])

    def find(keys: list[SortKey]) -> tuple[int, int]:
        if comparison == "begins_with":
            return bisect_left(keys, low, key=prefix), bisect_right(keys, low, key=prefix)
        if comparison in ("=", "BETWEEN"):
            return bisect_left(keys, low, key=head), bisect_right(keys, high, key=head)
        start = bisect_left(keys, first, key=lambda key: key[: width - 1])
        end = bisect_right(keys, first, key=lambda key: key[: width - 1])
        if comparison == "<":
            return start, bisect_left(keys, high, key=head)
        if comparison == "<=":
            return start, bisect_right(keys, high, key=head)
        if comparison == ">":
            return bisect_right(keys, low, key=head), end
        return bisect_left(keys, low, key=head), end

    return find


def key_bytes(value: AttributeValue) -> int:
    """Length of a key attribute; numbers always fit."""
    kind, content = value
    if kind == "S":
        return text_bytes(content)
    return len(content) if kind == "B" else 0


class KeyIndex:
    """A table's items by its primary key, or by the key of one of its indexes."""

    def __init__(self, schema: KeySchema, key_types: Mapping[str, str], table_names: Sequence[str] = ()) -> None:
        """Args: ``table_names`` is the table's own key, which tells apart items with equal keys of an index."""
        self.schema = schema
        self.hash_names = schema.hash_names
        self.is_index = bool(table_names)
        self.size_bytes = 0
        """Bytes of all items in it."""
        self._ordering = (*schema.sort_names, *table_names)
        self._required = [
            *((name, key_types[name], PARTITION_KEY_BYTES) for name in schema.hash_names),
            *((name, key_types[name], SORT_KEY_BYTES) for name in schema.sort_names),
        ]
        self._partitions: dict[SortKey, Partition] = {}
        self._sorted: list[SortKey] | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def hash_of(self, attributes: Attributes) -> SortKey:
        """The partition that an item with these attributes belongs to."""
        return tuple([sort_value(attributes[name]) for name in self.hash_names])

    def sort_of(self, attributes: Attributes) -> SortKey:
        """Its place within the partition."""
        return tuple([sort_value(attributes[name]) for name in self._ordering])

    def holds(self, attributes: Attributes) -> bool:
        """Whether an item with these attributes is in it.

        An index leaves out an item without its key attributes, or in which they are of another type, empty or too
        long: such items were there before the index was. [USR] scylladb test_gsi_updatetable
        """
        for name, kind, limit in self._required:
            value = attributes.get(name)
            if value is None or value[0] != kind:
                return False
            if kind != "N" and (not value[1] or (len(value[1]) * 4 > limit and key_bytes(value) > limit)):
                return False
        return True

    def get(self, attributes: Attributes) -> StoredItem | None:
        """The item whose key is in ``attributes``, or None."""
        partition = self._partitions.get(self.hash_of(attributes))
        return None if partition is None else partition.items.get(self.sort_of(attributes))

    def partition(self, key: SortKey) -> Partition:
        """The partition with this hash key; empty if nothing is in it."""
        return self._partitions.get(key) or Partition()

    def replace(self, old: StoredItem | None, new: StoredItem | None, entry: StoredItem | None = None) -> None:
        """Note that ``old`` became ``new``; None stands for an item that does not exist.

        ``entry`` is what is kept of ``new``, if not all of it.
        """
        after = self._place(new)
        # An item of the table itself is replaced by one with the same key.
        before = after if old is not None and new is not None and not self.is_index else self._place(old)
        if before is not None and before != after:
            self._remove(*before)
        if after is not None and new is not None:
            self._put(*after, new if entry is None else entry)

    def fill(self, items: Iterable[Keyed], entry_of: Callable[[StoredItem], StoredItem] | None = None) -> None:
        """Take in many items at once, none of which is in it yet: each partition is sorted once.

        Args:
            items: with keys that differ.
            entry_of: what is kept of an item; None: all of it.
        """
        touched: dict[SortKey, Partition] = {}
        for attributes, item in items:
            if self.is_index and not self.holds(attributes):
                continue
            key = self.hash_of(attributes)
            partition = touched[key] = self._partitions.get(key) or touched.get(key) or Partition()
            kept = item if entry_of is None else entry_of(item)
            partition.items[self.sort_of(attributes)] = kept
            self.size_bytes += kept.size_bytes
        for partition in touched.values():
            self._count += len(partition.items) - len(partition.keys)
            partition.keys = sorted(partition.items)
        self._partitions |= touched
        self._sorted = None

    def discard(self, item: StoredItem) -> None:
        """Take an item out, if it is in it."""
        place = self._place(item)
        if place is not None and place[1] in self.partition(place[0]).items:
            self._remove(*place)

    def items(self) -> list[StoredItem]:
        """All items, in no order: a moment for many."""
        return [item for partition in self._partitions.values() for item in partition.items.values()]

    def _place(self, item: StoredItem | None) -> tuple[SortKey, SortKey] | None:
        if item is None or (self.is_index and not self.holds(item.attrs)):
            return None
        return self.hash_of(item.attrs), self.sort_of(item.attrs)

    def _put(self, key: SortKey, sort_key: SortKey, item: StoredItem) -> None:
        partition = self._partitions.get(key)
        if partition is None:
            partition = self._partitions[key] = Partition()
            self._sorted = None
        replaced = partition.put(sort_key, item)
        self.size_bytes += item.size_bytes
        if replaced is None:
            self._count += 1
        else:
            self.size_bytes -= replaced.size_bytes

    def _remove(self, key: SortKey, sort_key: SortKey) -> None:
        partition = self._partitions[key]
        self.size_bytes -= partition.remove(sort_key).size_bytes
        self._count -= 1
        if not partition.keys:
            del self._partitions[key]
            self._sorted = None

    def scan(self, after: Attributes | None = None) -> Iterator[StoredItem]:
        """All items, partition by partition, after the one whose keys are given; that one need not exist."""
        if self._sorted is None:
            self._sorted = sorted(self._partitions)
        keys, start, first = self._sorted, None, 0
        if after is not None:
            start = self.sort_of(after)
            first = bisect_left(keys, self.hash_of(after))
        for position in range(first, len(keys)):
            partition = self._partitions[keys[position]]
            resumes = start is not None and position == first and keys[position] == self.hash_of(after or {})
            yield from partition.span(everything, start if resumes else None, forward=True)
