"""Processes one shard for one mapping: reads, filters, fills the lanes, invokes the function and settles."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from msgspec import Struct

from ...foundation import log
from ...foundation.recording import Recording
from ...foundation.tasks import happens
from ...functions.outcome import Functions, Outcome, Refused, why_not_done
from .batching import REPORTED, Batch, GivenUp, Lane, Rules, lane_of
from .filters import Filter
from .records import EventRecord
from .source import RawRecord, Shard
from .status import LaneProgress, ShardProgress

Shape = Callable[[RawRecord, str | None], EventRecord]
"""Makes what is delivered of a record and the sequence number of the one before it."""
SLICE_RECORDS: Final = 100
"""Records turned into AWS's shape before other tasks get their turn."""


class Work(Struct, frozen=True, kw_only=True):
    """What a shard is processed with; the same for all shards of a mapping."""

    function: str
    source: str
    """The table's name, or the stream's."""
    shape: Shape
    lanes: int
    rules: Rules
    filter: Filter
    functions: Functions
    give_up: Callable[[str, GivenUp], Awaitable[None]]
    """Reports records of a shard id that are not delivered any more."""
    note: Callable[[bool], None]
    """Hears of each invocation whether its batch is done."""
    clock: Callable[[], float]
    """Unix seconds."""
    monotonic: Callable[[], float]
    """Seconds of a clock that nobody sets: pauses, windows and ages go on by it."""
    recording: Recording


class ShardProcessor:
    """Processes one shard until its end, or until `stop`."""

    def __init__(self, shard: Shard, work: Work) -> None:
        self._shard = shard
        self._work = work
        self._lanes = [Lane(work.rules) for _ in range(work.lanes)]
        self._wakes = [asyncio.Event() for _ in self._lanes]
        self._room = asyncio.Event()
        self._given_up: list[GivenUp | None] = [None] * work.lanes
        self._last: str | None = None
        self._stopping = False
        self._reading: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Process the shard; returns when all its records are done or given up, or soon after `stop`."""
        async with asyncio.TaskGroup() as group:
            for index in range(len(self._lanes)):
                group.create_task(self._drive(index))
            self._reading = group.create_task(self._read())
            if self._stopping:
                self._reading.cancel()

    def stop(self) -> None:
        """Read and invoke no more; what the function is working on may finish."""
        self._stopping = True
        if self._reading is not None:
            self._reading.cancel()
        self._wake_all()

    def unfinished(self) -> tuple[int, int]:
        """Records that wait, and records the function is working on."""
        flying = sum(len(lane.in_flight.records) for lane in self._lanes if lane.in_flight)
        return sum(map(len, self._lanes)) - flying, flying

    def settled(self) -> str | None:
        """Sequence number up to which all records are done, given up and reported, or filtered out.

        None: not even the first record that was read.
        """
        unsettled = [record for lane in self._lanes if (record := lane.first) is not None]
        unsettled += [given_up.batch.records[0] for given_up in self._given_up if given_up is not None]
        if not unsettled:
            return self._last
        return min(unsettled, key=lambda record: int(record.sequence_number)).previous

    def progress(self) -> ShardProgress:
        """How far it is, lane by lane."""
        ahead = self._work.clock() - self._work.monotonic()
        return ShardProgress(
            shard_id=self._shard.shard_id,
            settled=self.settled(),
            read=self._last,
            lanes=tuple(_progress(lane, ahead) for lane in self._lanes),
        )

    # reading

    async def _read(self) -> None:
        while (records := await self._records()) is not None:
            for start in range(0, len(records), SLICE_RECORDS):
                self._distribute(records[start : start + SLICE_RECORDS])
                if len(records) > SLICE_RECORDS:
                    await asyncio.sleep(0)
            while any(lane.is_full for lane in self._lanes):
                self._room.clear()
                await self._room.wait()
        for lane in self._lanes:
            lane.close()
        self._wake_all()

    async def _records(self) -> Sequence[RawRecord] | None:
        is_behind = False
        while True:
            try:
                return await self._shard.read()
            except Exception as error:  # noqa: BLE001 - an error of ours must not end the mapping: told once
                if not is_behind:
                    words = "a stream cannot be read, which is tried again"
                    log.error(words, error=error, function=self._work.function, shard=self._shard.shard_id)
                is_behind = True
            await asyncio.sleep(self._work.rules.retry_seconds[-1])

    def _distribute(self, records: Sequence[RawRecord]) -> None:
        work, now = self._work, self._work.monotonic()
        ahead = work.clock() - now
        for raw in records:
            record = work.shape(raw, self._last)
            self._last = record.sequence_number
            # [DOC] I34: what is filtered out is done.
            if work.filter.matches(record.event):
                index = lane_of(record, work.lanes)
                # Its age goes on from what it is now, and not with the clock: a machine that slept has aged nothing.
                self._lanes[index].add((replace(record, aged_from=min(now, record.created_at - ahead)),), now)
                self._wakes[index].set()

    def _wake_all(self) -> None:
        for wake in self._wakes:
            wake.set()

    # invoking

    async def _drive(self, index: int) -> None:
        lane, wake = self._lanes[index], self._wakes[index]
        while not self._stopping:
            wake.clear()
            match lane.next_batch(self._work.monotonic()):
                case Batch() as batch:
                    await self._invoke(index, batch)
                case GivenUp() as given_up:
                    await self._give_up(index, given_up)
                case None:
                    if lane.is_done:
                        return
                    deadline = lane.deadline()
                    await happens(wake, None if deadline is None else max(0.0, deadline - self._work.monotonic()))
            self._room.set()
            # Refusals come back without suspending; a throttled function must not keep the loop to itself.
            await asyncio.sleep(0)

    async def _invoke(self, index: int, batch: Batch) -> None:
        outcome = await self._outcome(batch)
        settled = self._lanes[index].settle(outcome, self._work.monotonic())
        self._work.note(settled.ok)
        if (recorder := self._work.recording.now) is not None:
            numbers = [record.sequence_number for record in batch.records]
            end = "" if settled.given_up is None else str(settled.given_up.condition)
            recorder.batch((self._work.function, self._work.source), numbers, batch.attempts + 1, outcome, end)
        if settled.warning is not None:
            log.warning(settled.warning, function=self._work.function)
        if not settled.ok:
            log.warning(
                "a batch of stream records failed",
                function=self._work.function,
                records=len(batch.records),
                first_sequence_number=batch.records[0].sequence_number,
                reason=why_not_done(outcome) or REPORTED,
                retried=settled.given_up is None,
            )
        if settled.given_up is not None:
            await self._give_up(index, settled.given_up)

    async def _give_up(self, index: int, given_up: GivenUp) -> None:
        # Stopped while it is reported, it is given up, and so reported, once more by the next start.
        self._given_up[index] = given_up
        await self._work.give_up(self._shard.shard_id, given_up)
        self._given_up[index] = None

    async def _outcome(self, batch: Batch) -> Outcome:
        try:
            return await self._work.functions.invoke(self._work.function, batch.payload())
        except Exception as error:  # noqa: BLE001 - top of an invocation: an error of ours must not lose records
            log.error("invoking a function failed", error=error, function=self._work.function)
            return Refused(500, "ServiceException", str(error))


def _progress(lane: Lane, ahead: float) -> LaneProgress:
    """``ahead``: how many seconds the Unix clock is ahead of the lane's."""
    flying, retry, first = lane.in_flight, lane.retry, lane.first
    batch = flying or retry
    count = len(flying.records) if flying else 0
    return LaneProgress(
        waiting=len(lane) - count,
        flying=count,
        attempts=batch.attempts if batch else 0,
        failures=batch.failures if batch else 0,
        retry_at=None if flying or retry is None else retry.not_before + ahead,
        oldest_at=None if first is None else first.created_at,
    )
