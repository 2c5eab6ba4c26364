"""Shards of a stream: which one takes a record, what each holds, how they are split and merged. Pure.

[DOC] kinesis-docs:key-concepts, kinesis-docs:kinesis-using-sdk-java-resharding
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Final

from msgspec import Struct

HASH_KEYS: Final = 2**128
"""Hash keys that the open shards of a stream divide among themselves."""
ON_DEMAND_SHARDS: Final = 4
"""Shards of a new stream without a number of its own. [DOC] kinesis-docs:how-do-i-size-a-stream"""
KEPT_BYTES: Final = 64 * 1024 * 1024
"""Most bytes that a shard holds; the oldest records go first, as if their time were over."""
_FIRST: Final = 49 * 10**54
"""What sequence numbers begin with: 56 digits, as AWS's have."""
_SECOND: Final = 10**43
_SHARD: Final = 10**31
"""Places of the second at which a shard was made, and of its number, within a sequence number."""


class Record(Struct, frozen=True, kw_only=True):
    """One record."""

    number: int
    """Its sequence number: those of a shard ascend, and those of its children are higher."""
    data: bytes
    partition_key: str
    arrived: float
    """Unix seconds."""


def hash_key(partition_key: str) -> int:
    """Where a partition key belongs: its MD5, as a number. [DOC] kinesis-api:API_PutRecord"""
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


@dataclass(slots=True, kw_only=True)
class Shard:
    """One shard."""

    number: int
    first_key: int
    last_key: int
    made: float
    parents: tuple[str, ...] = ()
    """Ids of the shard that was split, or of the two that were merged; the one at the lower keys first."""
    last: int = 0
    """Sequence number of its last record; before the first one, a number below all of them."""
    is_open: bool = True
    size_bytes: int = 0
    records: deque[Record] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.last = self.start

    @property
    def shard_id(self) -> str:
        """As AWS writes it. [DOC] kinesis-api:API_Shard"""
        return f"shardId-{self.number:012d}"

    @property
    def start(self) -> int:
        """The number below all of its records."""
        return _FIRST + int(self.made) * _SECOND + self.number * _SHARD

    def put(self, data: bytes, partition_key: str, now: float) -> Record:
        """Take a record."""
        self.last += 1
        record = Record(number=self.last, data=data, partition_key=partition_key, arrived=now)
        self.records.append(record)
        self.size_bytes += len(data)
        while self.size_bytes > KEPT_BYTES:
            self.size_bytes -= len(self.records.popleft().data)
        return record

    def forget(self, before: float) -> None:
        """Drop what arrived before a time."""
        while self.records and self.records[0].arrived < before:
            self.size_bytes -= len(self.records.popleft().data)

    def after(self, number: int, count: int) -> list[Record]:
        """At most so many records with higher sequence numbers; those of a shard have no gaps."""
        if not self.records or number >= self.last:
            return []
        skipped = max(0, number - self.records[0].number + 1)
        return list(islice(self.records, skipped, skipped + count))

    def before(self, at: float) -> int:
        """The sequence number before the first record that arrived at a time or later."""
        later = (record.number - 1 for record in self.records if record.arrived >= at)
        return next(later, self.last)


class Shards:
    """All shards of a stream, the oldest first."""

    def __init__(self, count: int, now: float) -> None:
        self.all: list[Shard] = []
        width = HASH_KEYS // count
        for index in range(count):
            last = HASH_KEYS - 1 if index == count - 1 else (index + 1) * width - 1
            self._add(index * width, last, now)

    @property
    def open(self) -> list[Shard]:
        """Those that take records, by their keys."""
        return sorted((each for each in self.all if each.is_open), key=lambda each: each.first_key)

    def named(self, shard_id: str) -> Shard | None:
        """The shard of an id; None: there is none."""
        return next((each for each in self.all if each.shard_id == shard_id), None)

    def of_key(self, key: int) -> Shard:
        """The open shard that a hash key belongs to."""
        return next(each for each in self.all if each.is_open and each.first_key <= key <= each.last_key)

    def children(self, shard: Shard) -> list[Shard]:
        """What became of a closed shard."""
        return [each for each in self.all if shard.shard_id in each.parents]

    def split(self, shard: Shard, key: int, now: float) -> None:
        """Divide an open shard at a hash key within it.

        Raises:
            ValueError: it is closed, or the key is not within it.
        """
        if not shard.is_open:
            raise ValueError(f"shard {shard.shard_id} is closed")
        if not shard.first_key < key <= shard.last_key:
            raise ValueError(f"the hash key {key} is not within shard {shard.shard_id}")
        shard.is_open = False
        self._add(shard.first_key, key - 1, now, (shard.shard_id,))
        self._add(key, shard.last_key, now, (shard.shard_id,))

    def merge(self, shard: Shard, other: Shard, now: float) -> None:
        """Make one of two open shards that are next to each other.

        Raises:
            ValueError: they are not.
        """
        low, high = sorted((shard, other), key=lambda each: each.first_key)
        if not (low.is_open and high.is_open and low.last_key + 1 == high.first_key):
            raise ValueError(f"shards {shard.shard_id} and {other.shard_id} are not next to each other, and open")
        low.is_open = high.is_open = False
        self._add(low.first_key, high.last_key, now, (low.shard_id, high.shard_id))

    def resize(self, count: int, now: float) -> None:
        """Split the widest or merge the narrowest until so many are open."""
        while len(self.open) < count:
            widest = max(self.open, key=lambda each: each.last_key - each.first_key)
            self.split(widest, (widest.first_key + widest.last_key + 1) // 2, now)
        while len(self.open) > count:
            self.merge(*_narrowest(self.open), now)

    def forget(self, before: float) -> None:
        """Drop what arrived before a time, and closed shards of which nothing is left."""
        for each in self.all:
            each.forget(before)
        self.all = [each for each in self.all if each.is_open or each.records or each.made >= before]

    def _add(self, first: int, last: int, now: float, parents: tuple[str, ...] = ()) -> None:
        number = self.all[-1].number + 1 if self.all else 0
        self.all.append(Shard(number=number, first_key=first, last_key=last, made=now, parents=parents))


def _narrowest(shards: Sequence[Shard]) -> tuple[Shard, Shard]:
    pairs: Iterable[tuple[Shard, Shard]] = pairwise(shards)
    return min(pairs, key=lambda pair: pair[1].last_key - pair[0].first_key)
