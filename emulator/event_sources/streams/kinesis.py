"""Reads streams of Kinesis that are in this process: records come the moment they are put."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from streamer.topology.kinesis import KinesisMapping

from .checkpoints import ENDED, OLDEST, Checkpoint, MappingCheckpoint, resume
from .kinesis_records import kinesis_event
from .source import RawRecord, Stream

PAGE_RECORDS: Final = 1_000
"""Most records of one read."""


class KeptRecord(Protocol):
    """A record that a shard keeps."""

    number: int
    data: bytes
    partition_key: str
    arrived: float


class KeptShard(Protocol):
    """A shard of a stream."""

    shard_id: str
    parents: tuple[str, ...]
    is_open: bool
    last: int

    def after(self, number: int, count: int) -> Sequence[Any]:
        """At most so many records, each a `KeptRecord`, with higher sequence numbers."""
        ...

    def before(self, at: float) -> int:
        """The sequence number before the first record that arrived at a time or later."""
        ...


class KinesisEngine(Protocol):
    """Streams that tell when there is something new in one of them."""

    def shards(self, name: str) -> tuple[str, Sequence[Any]] | None:
        """What tells the stream of a name from others before and after it, and its shards, each a `KeptShard`.

        None: there is none now.
        """
        ...

    def arn(self, name: str) -> str:
        """The ARN of the stream of a name, whether there is one or not."""
        ...

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a listener whenever there is something new in any stream; returns what ends that."""
        ...


class OpenShard:
    """One shard, read from a position to its end."""

    def __init__(self, shard: KeptShard, after: int, event: Callable[[str, KeptRecord], RawRecord]) -> None:
        self.shard_id = shard.shard_id
        self.parent_ids = shard.parents
        self.news = asyncio.Event()
        self.is_gone = False
        """Whether its stream was deleted."""
        self._shard = shard
        self._last = after
        self._event = event

    async def read(self) -> Sequence[RawRecord] | None:
        """The next records; waits for them. None: the shard is closed and was read to its end, or is gone."""
        while True:
            self.news.clear()
            if found := self._shard.after(self._last, PAGE_RECORDS):
                self._last = found[-1].number
                return [self._event(self.shard_id, each) for each in found]
            if self.is_gone or not self._shard.is_open:
                return None
            await self.news.wait()


class OpenStream:
    """The stream of a name, whether it is there already or is made later."""

    def __init__(self, engine: KinesisEngine, mapping: KinesisMapping, role_arn: str) -> None:
        self.arn = engine.arn(mapping.stream)
        self.checkpoints: dict[str, Checkpoint] = {}
        self._engine = engine
        self._mapping = mapping
        self._role_arn = role_arn
        self._label = ""
        self._known: dict[str, OpenShard] = {}
        self._news = asyncio.Event()

    def start(self, saved: MappingCheckpoint | None) -> None:
        """Fix where the shards that there are now are read from."""
        found = self._engine.shards(self._mapping.stream)
        if found is None:
            return
        self._label, shards = found
        resumed = resume(saved, self._label)
        for shard in shards:
            start = self._begin(shard) if resumed is None else resumed.get(shard.shard_id, OLDEST)
            self.checkpoints[shard.shard_id] = start
            if not start.is_ended:
                self._open(shard, int(start.after or 0))

    def wake(self) -> None:
        """There may be something new."""
        self._news.set()
        for shard in self._known.values():
            shard.news.set()

    async def shards(self) -> AsyncIterator[OpenShard]:
        """The shards found on opening, then every new one, from its first record."""
        for shard in tuple(self._known.values()):
            yield shard
        while True:
            self._news.clear()
            for shard in self._new():
                yield shard
            await self._news.wait()

    async def current_arn(self) -> str | None:
        """What tells the stream that is read now from others of its name; None: there is none."""
        return self._label or None

    def _begin(self, shard: KeptShard) -> Checkpoint:
        match self._mapping.starting_position:
            case "LATEST":
                return Checkpoint(after=str(shard.last)) if shard.is_open else ENDED
            case "AT_TIMESTAMP":
                return Checkpoint(after=str(shard.before(self._mapping.starting_timestamp or 0.0)))
        return OLDEST

    def _new(self) -> list[OpenShard]:
        found = self._engine.shards(self._mapping.stream)
        label, shards = ("", ()) if found is None else found
        if label != self._label:
            for shard in self._known.values():
                shard.is_gone = True
                shard.news.set()
            self._label, self._known, self.checkpoints = label, {}, {}
        return [self._open(each, 0) for each in shards if each.shard_id not in self._known | self.checkpoints]

    def _open(self, shard: KeptShard, after: int) -> OpenShard:
        opened = OpenShard(shard, after, self._event)
        self._known[shard.shard_id] = opened
        return opened

    def _event(self, shard_id: str, record: KeptRecord) -> RawRecord:
        return kinesis_event(
            data=record.data,
            partition_key=record.partition_key,
            number=record.number,
            arrived=record.arrived,
            shard_id=shard_id,
            stream_arn=self.arn,
            role_arn=self._role_arn,
        )


class EngineSource:
    """Opens streams of Kinesis for mappings."""

    def __init__(self, engine: KinesisEngine, role_arn: Callable[[str], str]) -> None:
        """``role_arn`` tells as whom a function's records are read."""
        self._engine = engine
        self._role_arn = role_arn

    @asynccontextmanager
    async def open(self, mapping: KinesisMapping, saved: MappingCheckpoint | None) -> AsyncIterator[Stream]:
        """Open a stream where it was left, or else at the starting position; it may be created later."""
        stream = OpenStream(self._engine, mapping, self._role_arn(mapping.function))
        stream.start(saved)
        unlisten = self._engine.listen(stream.wake)
        try:
            yield stream
        finally:
            unlisten()
