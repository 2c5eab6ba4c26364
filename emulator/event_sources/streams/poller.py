"""Reads streams by polling GetRecords, on any endpoint: AWS, DynamoDB Local, a stock moto-server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from ...foundation import log
from ...foundation.tasks import happens
from .checkpoints import OLDEST, Checkpoint, MappingCheckpoint, begin, resume
from .endpoint import (
    IteratorExpiredError,
    ShardDescription,
    StreamNotFoundError,
    StreamsApi,
    StreamsApiError,
    TrimmedError,
)
from .source import RawRecord, Stream

POLLS_PER_SECOND: Final = 4.0
"""How often Lambda asks a shard that has nothing. [DOC] I15"""
DISCOVERY_SECONDS: Final = 10.0
"""How often new shards are looked for; one that ends makes it happen at once."""
ERROR_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses after the first, second, ... error in a row; the last repeats."""


class PollingPace(Struct, frozen=True, kw_only=True):
    """How often to ask."""

    polls_per_second: float = POLLS_PER_SECOND
    discovery_seconds: float = DISCOVERY_SECONDS
    error_seconds: tuple[float, ...] = ERROR_SECONDS

    async def pause_after(self, failures: int, error: Exception, where: str) -> None:
        """Log an error and wait; ``failures`` counts it and those right before it."""
        pause = self.error_seconds[min(failures, len(self.error_seconds)) - 1]
        log.warning("reading a stream failed; trying again", where=where, problem=str(error), retry_seconds=pause)
        await asyncio.sleep(pause)


class PolledShard:
    """One shard, read through iterators; an expired one is reopened after the last record that was read."""

    def __init__(
        self,
        api: StreamsApi,
        stream_arn: str,
        description: ShardDescription,
        *,
        pace: PollingPace,
        iterator: str | None = None,
        after: str | None = None,
        not_before: float = 0.0,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Without an iterator, reading starts after the sequence number ``after``, or at the oldest record.

        Records older than ``not_before`` (Unix seconds) are skipped.
        """
        self.shard_id = description.shard_id
        self.parent_ids = () if description.parent_id is None else (description.parent_id,)
        self._api = api
        self._arn = stream_arn
        self._pace = pace
        self._iterator = iterator
        self._not_before = not_before
        self._on_end = on_end
        self._last = after
        self._ended = False
        self._failures = 0

    @property
    def ended(self) -> bool:
        """Whether the shard is closed and was read to its end."""
        return self._ended

    async def read(self) -> Sequence[RawRecord] | None:
        """The next records; None at the end of the shard."""
        while not self._ended:
            records = await self._attempt()
            if records:
                return records
        self._on_end()
        return None

    async def read_now(self) -> Sequence[RawRecord]:
        """The next records, or none if there are none at the moment. Raises StreamsApiError."""
        if self._iterator is None:
            kind = "TRIM_HORIZON" if self._last is None else "AFTER_SEQUENCE_NUMBER"
            self._iterator = await self._api.iterator(self._arn, self.shard_id, kind, self._last)
        page = await self._api.records(self._iterator)
        self._failures = 0
        self._iterator = page.next_iterator
        self._ended = page.next_iterator is None
        if not page.records:
            return ()
        self._last = str(page.records[-1]["dynamodb"]["SequenceNumber"])
        # A LATEST iterator that expired before its first record was reopened at the oldest record.
        return [
            record for record in page.records if record["dynamodb"]["ApproximateCreationDateTime"] >= self._not_before
        ]

    async def _attempt(self) -> Sequence[RawRecord]:
        try:
            records = await self.read_now()
        except IteratorExpiredError:
            self._iterator = None
        except StreamsApiError as error:
            await self._recover(error)
        else:
            if not records and not self._ended:
                await asyncio.sleep(1 / self._pace.polls_per_second)
            return records
        return ()

    async def _recover(self, error: StreamsApiError) -> None:
        if isinstance(error, TrimmedError):
            # [DOC] I16: the same happens on AWS after 24 hours: nobody can read what was trimmed.
            log.error("a stream lost records before they were read", shard=self.shard_id, after=self._last)
            self._last = None
        self._failures += 1
        # Iterators do not survive an endpoint's restart, and some engines answer an unknown one with a plain 500.
        self._iterator = None
        await self._pace.pause_after(self._failures, error, self.shard_id)


class PolledStream:
    """A stream whose shards are discovered by DescribeStream."""

    def __init__(self, api: StreamsApi, arn: str, pace: PollingPace) -> None:
        self.arn = arn
        self.checkpoints: dict[str, Checkpoint] = {}
        self._api = api
        self._pace = pace
        self._first: list[PolledShard] = []
        self._known: set[str] = set()
        self._look = asyncio.Event()

    async def start(self, position: str, now: float, resumed: Mapping[str, Checkpoint] | None) -> None:
        """Fix where the shards that exist are read from; ``now`` in Unix seconds. Raises StreamsApiError.

        ``resumed`` is where the mapping goes on; None: it begins at ``position``.
        """
        for description in await self._api.shards(self.arn):
            shard_id, iterator = description.shard_id, None
            if resumed is not None:
                start = resumed.get(shard_id, OLDEST)
            else:
                start = begin(position, is_closed=description.is_closed, now=now)
            if resumed is None and position == "LATEST" and not start.is_ended:
                iterator = await self._api.iterator(self.arn, shard_id, "LATEST")
            self.checkpoints[shard_id] = start
            if not start.is_ended:
                self._first.append(self._shard(description, start, iterator))
        self._known = set(self.checkpoints)

    async def current_arn(self) -> str:
        """The one that was opened: a stream of an endpoint is read to its end."""
        return self.arn

    def _shard(self, description: ShardDescription, start: Checkpoint, iterator: str | None = None) -> PolledShard:
        return PolledShard(
            self._api,
            self.arn,
            description,
            pace=self._pace,
            iterator=iterator,
            after=start.after,
            not_before=start.not_before,
            on_end=self._look.set,
        )

    async def shards(self) -> AsyncIterator[PolledShard]:
        """The shards found on opening, then every new one, from its first record."""
        for shard in self._first:
            yield shard
        failures = 0
        while True:
            if await happens(self._look, self._pace.discovery_seconds):
                self._look.clear()
            try:
                found = await self._api.shards(self.arn)
            except StreamsApiError as error:
                failures += 1
                await self._pace.pause_after(failures, error, self.arn)
                continue
            failures = 0
            for description in found:
                if description.shard_id not in self._known:
                    yield self._shard(description, OLDEST)
            self._known = {description.shard_id for description in found}


class PolledSource:
    """Opens streams of an endpoint for polling."""

    def __init__(
        self, api: StreamsApi, *, pace: PollingPace | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._api = api
        self._pace = pace or PollingPace()
        self._clock = clock

    @asynccontextmanager
    async def open(self, table: str, position: str, saved: MappingCheckpoint | None = None) -> AsyncIterator[Stream]:
        """Open a table's stream; waits for an endpoint that does not answer yet."""
        failures = 0
        while True:
            try:
                stream = await self._stream(table, position, saved)
                break
            except StreamNotFoundError:
                raise
            except StreamsApiError as error:
                failures += 1
                await self._pace.pause_after(failures, error, table)
        yield stream

    async def _stream(self, table: str, position: str, saved: MappingCheckpoint | None) -> PolledStream:
        stream = PolledStream(self._api, await self._api.stream_arn(table), self._pace)
        await stream.start(position, self._clock(), resume(saved, stream.arn))
        return stream
