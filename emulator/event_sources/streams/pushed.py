"""Reads a stream whose engine pushes records as they are written; its history is read through iterators.

Pushing is what makes a function run within milliseconds of the write. The buffer is bounded: when a mapping lags
behind, the rest is read from the stream's history, as on AWS, instead of piling up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from ...foundation import log
from .checkpoints import OLDEST, Checkpoint, MappingCheckpoint, resume
from .endpoint import StreamNotFoundError, StreamsApi, StreamsApiError, TrimmedError
from .poller import PolledShard, PollingPace
from .source import RawRecord, Shard, Stream

BUFFERED_RECORDS: Final = 2_000
"""Most pushed records that wait for a mapping."""
PAGE_RECORDS: Final = 1_000
"""Most records of one read. [DOC] GetRecords"""


class PushedRecord(Protocol):
    """A record as the engine pushes it."""

    @property
    def content(self) -> Mapping[str, Any]:
        """The record as GetRecords sends it."""
        ...


class PushEngine(Protocol):
    """An engine on our event loop's thread that tells listeners of each stream record, right when it is written.

    Sequence numbers of a table ascend, even when the table is deleted and created again.
    """

    def subscribe(self, table_name: str, listener: Callable[[PushedRecord], None]) -> Callable[[], None]:
        """Call ``listener`` for every record of the table from now on, until the result is called."""
        ...


class PushedShard:
    """The one shard of an embedded table: pushed records while they fit the buffer, history otherwise."""

    parent_ids: tuple[str, ...] = ()

    def __init__(
        self,
        api: StreamsApi,
        table: str,
        shard_id: str,
        *,
        pace: PollingPace,
        buffered_records: int,
        after: str | None,
        lags: bool,
        settle: Callable[[], None],
    ) -> None:
        """Reading begins after a sequence number, or at the oldest record.

        ``lags`` says whether there may be records to read already; ``settle`` is called before records are told.
        """
        self._settle = settle
        self.shard_id = shard_id
        self._buffered_records = buffered_records
        self._api = api
        self._table = table
        self._pace = pace
        self._buffer: deque[PushedRecord] = deque()
        self._arrived = asyncio.Event()
        # While we lag, pushed records are only noted: they are in the history, which is read until it has no more.
        self._lags = lags
        self._missed = False
        self._history: PolledShard | None = None
        self._last = after
        self._failures = 0

    @property
    def lags(self) -> bool:
        """Whether records are read from the history at the moment."""
        return self._lags

    def push(self, record: PushedRecord) -> None:
        """Take a record from the engine; never blocks it."""
        if not self._lags and len(self._buffer) >= self._buffered_records:
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
                self._settle()
                return self._take()
            if self._lags:
                if records := await self._catch_up():
                    self._settle()
                    return records
                continue
            self._arrived.clear()
            await self._arrived.wait()

    def _take(self) -> Sequence[RawRecord]:
        taken = [self._buffer.popleft().content for _ in range(min(PAGE_RECORDS, len(self._buffer)))]
        self._last = _sequence_number(taken[-1])
        return taken

    async def _catch_up(self) -> Sequence[RawRecord]:
        self._missed = False
        try:
            if self._history is None:
                self._history = await self._open_history()
            records = await self._history.read_now()
        except (StreamsApiError, StreamNotFoundError) as error:
            # The table may be gone for a moment, between being deleted and created again.
            await self._recover(error)
            return ()
        self._failures = 0
        if records:
            return self._unread(records)
        if self._history.ended:
            # The table was deleted; if it is created again, it has another stream.
            self._history = None
        if not self._missed:
            # Nothing was written since we asked, and nothing can be between here and the next push.
            self._lags, self._history = False, None
        return ()

    async def _open_history(self) -> PolledShard:
        arn = await self._api.stream_arn(self._table)
        description = (await self._api.shards(arn))[-1]
        # A table that was created again has a stream that begins after the last record we know.
        began = int(description.first_sequence_number or 0)
        after = self._last if self._last is not None and int(self._last) >= began else None
        return PolledShard(self._api, arn, description, pace=self._pace, after=after)

    def _unread(self, records: Sequence[RawRecord]) -> Sequence[RawRecord]:
        last, self._last = self._last, _sequence_number(records[-1])
        return records if last is None else [r for r in records if int(_sequence_number(r)) > int(last)]

    async def _recover(self, error: Exception) -> None:
        if isinstance(error, TrimmedError):
            log.error("a mapping lagged behind what the stream keeps; records are lost", table=self._table)
            self._last = None
        self._history = None
        self._failures += 1
        await self._pace.pause_after(self._failures, error, self._table)


def _sequence_number(record: RawRecord) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


class PushedStream:
    """The stream of an embedded table."""

    def __init__(self, api: StreamsApi, table: str, arn: str, shard: PushedShard, start: Checkpoint) -> None:
        self.arn = arn
        self.checkpoints = {shard.shard_id: start}
        self._api = api
        self._table = table
        self._shard = shard

    async def shards(self) -> AsyncIterator[Shard]:
        """The one shard."""
        yield self._shard

    async def current_arn(self) -> str | None:
        """The table's: a table that was created again is read on."""
        try:
            return await self._api.stream_arn(self._table)
        except StreamNotFoundError:
            return None


class PushedSource:
    """Opens streams of an embedded engine."""

    def __init__(
        self,
        engine: PushEngine,
        history: StreamsApi,
        *,
        pace: PollingPace | None = None,
        buffered_records: int = BUFFERED_RECORDS,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        """``settle`` is called before a function hears of records: what it does cannot be undone, nor may they be."""
        self._engine = engine
        self._settle = settle
        self._buffered_records = buffered_records
        self._history = history
        self._pace = pace or PollingPace()

    @asynccontextmanager
    async def open(self, table: str, position: str, saved: MappingCheckpoint | None = None) -> AsyncIterator[Stream]:
        """Subscribe to a table; raises StreamNotFoundError."""
        arn = await self._history.stream_arn(table)
        description = (await self._history.shards(arn))[-1]
        resumed = resume(saved, arn)
        if resumed is not None:
            start = resumed.get(description.shard_id, OLDEST)
        else:
            start = Checkpoint(after=description.last_sequence_number) if position == "LATEST" else OLDEST
        shard = PushedShard(
            self._history,
            table,
            description.shard_id,
            pace=self._pace,
            buffered_records=self._buffered_records,
            after=start.after,
            lags=resumed is not None or position != "LATEST",
            settle=self._settle,
        )
        unsubscribe = self._engine.subscribe(table, shard.push)
        try:
            yield PushedStream(self._history, table, arn, shard, start)
        finally:
            unsubscribe()
