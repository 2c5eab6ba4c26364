"""Reads a stream whose engine pushes records as they are written; its history is read through iterators.

Pushing is what makes a function run within milliseconds of the write. The buffer is bounded: when a mapping lags
behind, the rest is read from the stream's history, as on AWS, instead of piling up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

from .api import IteratorExpiredError, ShardDescription, StreamsApi, StreamsApiError
from .poller import Pace, PolledShard
from .source import RawRecord, Shard, Stream

BUFFERED_RECORDS: Final = 2_000
"""Most pushed records that wait for a mapping."""
PAGE_RECORDS: Final = 1_000
"""Most records of one read. [DOC] GetRecords"""


class PushEngine(Protocol):
    """An engine on our event loop that tells listeners of each stream record, right when it is written."""

    def subscribe(self, table_name: str, listener: Callable[[RawRecord], None]) -> Callable[[], None]:
        """Call ``listener`` for every record of the table from now on, until the result is called."""
        ...


class PushedShard:
    """The one shard of an embedded table: pushed records while they fit the buffer, history otherwise."""

    parent_id: Final[str | None] = None

    def __init__(self, history: PolledShard, pace: Pace, *, from_start: bool) -> None:
        self.shard_id = history.shard_id
        self._history = history
        self._pace = pace
        self._buffer: deque[RawRecord] = deque()
        self._arrived = asyncio.Event()
        # While we lag, pushed records are only noted: they are in the history, which is read until it has no more.
        self._lags = from_start
        self._missed = from_start

    @property
    def lags(self) -> bool:
        """Whether records are read from the history at the moment."""
        return self._lags

    def push(self, record: RawRecord) -> None:
        """Take a record from the engine; never blocks it."""
        if not self._lags and len(self._buffer) >= BUFFERED_RECORDS:
            self._lags = True
        if self._lags:
            self._missed = True
        else:
            self._buffer.append(record)
        self._arrived.set()

    async def read(self) -> Sequence[RawRecord]:
        """The next records; waits for them. An embedded shard never ends."""
        while True:
            if self._buffer:
                return self._take()
            if self._lags:
                if records := await self._catch_up():
                    return records
                continue
            self._arrived.clear()
            await self._arrived.wait()

    def _take(self) -> Sequence[RawRecord]:
        taken = [self._buffer.popleft() for _ in range(min(PAGE_RECORDS, len(self._buffer)))]
        self._history.skip_to(taken[-1])
        if self._lags and not self._buffer:
            self._history.reopen()
        return taken

    async def _catch_up(self) -> Sequence[RawRecord]:
        self._missed = False
        try:
            records = await self._history.read_now()
        except IteratorExpiredError:
            self._history.reopen()
            return ()
        except StreamsApiError as error:
            await self._history.recover(error)
            return ()
        if not records and not self._missed:
            # Nothing was written since we asked, and nothing can be between here and the next push.
            self._lags = False
        return records


class PushedStream:
    """The stream of an embedded table."""

    def __init__(self, arn: str, shard: PushedShard) -> None:
        self.arn = arn
        self._shard = shard

    async def shards(self) -> AsyncIterator[Shard]:
        """The one shard."""
        yield self._shard


class PushedSource:
    """Opens streams of an embedded engine."""

    def __init__(self, engine: PushEngine, history: StreamsApi, *, pace: Pace | None = None) -> None:
        self._engine = engine
        self._history = history
        self._pace = pace or Pace()

    def open(self, table: str, position: str) -> AbstractAsyncContextManager[Stream]:
        """Subscribe to a table; raises StreamNotFoundError."""
        return self._open(table, position)

    @asynccontextmanager
    async def _open(self, table: str, position: str) -> AsyncIterator[Stream]:
        arn = await self._history.stream_arn(table)
        description: ShardDescription = (await self._history.shards(arn))[-1]
        history = PolledShard(self._history, arn, description, pace=self._pace)
        shard = PushedShard(history, self._pace, from_start=position != "LATEST")
        unsubscribe = self._engine.subscribe(table, shard.push)
        try:
            yield PushedStream(arn, shard)
        finally:
            unsubscribe()
