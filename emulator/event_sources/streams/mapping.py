"""Event source mappings: each one reads a stream, a table's or one of Kinesis, and invokes a function with it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Final, Protocol, Self

from msgspec import Struct

from streamer.errors import TopologyError
from streamer.topology import EventSourceMapping, Topology
from streamer.topology.kinesis import KinesisMapping

from ...foundation import log
from ...foundation.recording import Recording
from ...foundation.tasks import end
from ...functions.destinations import DestinationError, Destinations
from ...functions.outcome import Functions
from ...functions.variables import name_and_qualifier, version_of
from .batching import RETRY_SECONDS, GivenUp, Rules
from .checkpoints import ENDED, Checkpoint, Checkpoints, MappingCheckpoint, identity
from .documents import failure_document
from .endpoint import StreamsApiError
from .filters import CHANGE, DATA, Filter, compile_filters
from .kinesis_records import kinesis_record
from .processor import Shape, ShardProcessor, Work
from .records import EventRecord, stream_record
from .source import RawRecord, Shard, Source, Stream, StreamMapping, source_name
from .status import CALL_FAILED, NO_RECORDS, PROCESSED, MappingStatus, ShardProgress

STOP_SECONDS: Final = 5.0
"""How long functions that are running may go on when the mappings stop."""
DESTINATION_SECONDS: Final = (0.1, 0.5, 2.0)
"""Pauses between attempts to deliver a document; after the last, the document goes to the log."""


class KinesisSource(Protocol):
    """Opens streams of Kinesis."""

    def open(self, mapping: KinesisMapping, saved: MappingCheckpoint | None) -> AbstractAsyncContextManager[Stream]:
        """Open a stream where it was left, or else at the starting position; it may be created later."""
        ...


class MappingParts(Struct, frozen=True, kw_only=True):
    """What all mappings work with."""

    functions: Functions
    destinations: Destinations
    clock: Callable[[], float]
    """Unix seconds."""
    monotonic: Callable[[], float]
    retry_seconds: tuple[float, ...]
    destination_seconds: tuple[float, ...]
    recording: Recording


class RunningMapping:
    """One mapping; `run` is its owner task."""

    def __init__(
        self,
        mapping: StreamMapping,
        stream: Stream,
        *,
        shape: Shape,
        filters: Filter,
        parts: MappingParts,
        version: str,
    ) -> None:
        self._mapping = mapping
        self._version = version
        self._stream = stream
        self._parts = parts
        self._state = "Creating"
        self._last_result = NO_RECORDS
        self._checkpoints = dict(stream.checkpoints)
        self._processors: dict[str, ShardProcessor] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self._discovering: asyncio.Task[None] | None = None
        self._stopping = False
        self._work = Work(
            function=mapping.function,
            source=source_name(mapping),
            shape=shape,
            lanes=mapping.parallelization_factor,
            rules=Rules.of(mapping, parts.retry_seconds),
            filter=filters,
            functions=parts.functions,
            give_up=self._give_up,
            note=self._note,
            clock=parts.clock,
            monotonic=parts.monotonic,
            recording=parts.recording,
        )

    @property
    def status(self) -> MappingStatus:
        """What the API tells about it now."""
        return MappingStatus(
            mapping=self._mapping,
            stream_arn=self._stream.arn,
            state=self._state,
            last_processing_result=self._last_result,
        )

    def progress(self) -> tuple[ShardProgress, ...]:
        """How far it is in the shards that it reads."""
        return tuple(processor.progress() for processor in self._processors.values())

    async def run(self) -> None:
        """Process the stream until `stop`, then until the functions that run have returned."""
        self._state = "Enabled"
        try:
            async with asyncio.TaskGroup() as group:
                self._discovering = group.create_task(self._discover(group))
                if self._stopping:
                    self._discovering.cancel()
        except Exception as error:  # noqa: BLE001 - top of a task: one mapping's fault must not end the others
            words = "an event source mapping ended; the next start goes on where it was"
            log.error(words, error=error, **self._names())
        finally:
            self._state = "Disabled"

    def stop(self) -> None:
        """Read and invoke no more; functions that run may finish."""
        self._stopping = True
        if self._discovering is not None:
            self._discovering.cancel()
        for processor in self._processors.values():
            processor.stop()
        for ending in self._ends.values():
            ending.set()

    def report(self) -> None:
        """Log what is unfinished after `stop`."""
        unfinished = [processor.unfinished() for processor in self._processors.values()]
        waiting, flying = (sum(counts) for counts in zip(*unfinished, strict=True)) if unfinished else (0, 0)
        if flying:
            # [DOC] I19: at-least-once: started again, the mapping may deliver them a second time.
            log.warning("stopped while a function was working on stream records", records=flying, **self._names())
        if waiting:
            log.info("stopped with stream records that were not delivered yet", records=waiting, **self._names())

    async def checkpoint(self) -> MappingCheckpoint | None:
        """Where the next start goes on; None: the table or its stream is gone."""
        arn = await self._stream.current_arn()
        if arn is None:
            return None
        settled = {shard_id: processor.settled() for shard_id, processor in self._processors.items()}
        known = {shard_id: Checkpoint(after=after) for shard_id, after in settled.items() if after is not None}
        return MappingCheckpoint(identity=identity(self._mapping), stream_arn=arn, shards=self._checkpoints | known)

    async def _discover(self, group: asyncio.TaskGroup) -> None:
        async for shard in self._stream.shards():
            self._ends[shard.shard_id] = ending = asyncio.Event()
            if self._checkpoints.get(shard.shard_id) == ENDED:  # of a stream of the same name that is gone
                del self._checkpoints[shard.shard_id]
            group.create_task(self._process(shard, ending))

    async def _process(self, shard: Shard, ending: asyncio.Event) -> None:
        # [DOC] I13: a parent's records come before its children's, or an item's order would break at a split.
        for parent in [self._ends[each] for each in shard.parent_ids if each in self._ends]:
            await parent.wait()
        if not self._stopping:
            self._processors[shard.shard_id] = processor = ShardProcessor(shard, self._work)
            await processor.run()
        # A stream that was created again has shards of the same ids.
        if self._ends.get(shard.shard_id) is ending:
            del self._ends[shard.shard_id]
            if not self._stopping:
                del self._processors[shard.shard_id]
                self._checkpoints[shard.shard_id] = ENDED
        ending.set()

    def _note(self, ok: bool) -> None:
        self._last_result = PROCESSED if ok else CALL_FAILED

    async def _give_up(self, shard_id: str, given_up: GivenUp) -> None:
        log.warning(
            "stream records were given up",
            condition=given_up.condition.value,
            records=len(given_up.batch.records),
            destination=self._mapping.on_failure,
            **self._names(),
        )
        if self._mapping.on_failure is None:
            return
        document = failure_document(
            given_up,
            function_arn=self.status.function_arn,
            version=self._version,
            stream_arn=self._stream.arn,
            shard_id=shard_id,
            request_id=str(uuid.uuid4()),
            now=self._parts.clock(),
        )
        delivered = False
        try:
            delivered = await self._deliver(self._mapping.on_failure, document)
        except Exception as error:  # noqa: BLE001 - an error of ours must not end the mapping; the document is told
            log.error("delivering a document failed", error=error)
        finally:
            if not delivered:
                log.error("a document could not be delivered", document=document, destination=self._mapping.on_failure)

    async def _deliver(self, queue_name: str, document: dict[str, Any]) -> bool:
        for pause in (*self._parts.destination_seconds, None):
            try:
                await self._parts.destinations.send(queue_name, document)
            except DestinationError as error:
                log.warning("delivering a document failed", problem=str(error), retry_seconds=pause)
                if pause is not None:
                    await asyncio.sleep(pause)
            else:
                return True
        return False

    def _names(self) -> dict[str, Any]:
        kind = "table" if isinstance(self._mapping, EventSourceMapping) else "stream"
        return {"function": self._mapping.function, kind: source_name(self._mapping)}


class EventSourceMappings:
    """All mappings of a topology, as an async context manager that owns their tasks.

    On entering, every mapping goes on at its checkpoint, or its starting position is fixed; on leaving, functions that
    run get a little time to finish, and the checkpoints are replaced. Whatever was not finished is delivered again by
    the next start with these checkpoints, as far as the stream still has it.
    """

    def __init__(
        self,
        topology: Topology,
        functions: Functions,
        source: Source,
        destinations: Destinations,
        clock: Callable[[], float] = time.time,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        retry_seconds: tuple[float, ...] = RETRY_SECONDS,
        destination_seconds: tuple[float, ...] = DESTINATION_SECONDS,
        stop_seconds: float = STOP_SECONDS,
        checkpoints: Checkpoints | None = None,
        checkpoint_seconds: float | None = None,
        recording: Recording | None = None,
        kinesis: Callable[[], KinesisSource] | None = None,
    ) -> None:
        """Raise TopologyError if AWS would refuse to create one of the mappings.

        ``kinesis`` makes the source of streams that are no table's when it is first needed; None: nobody reads any.
        ``checkpoint_seconds`` is how often the checkpoints are replaced meanwhile; None: only in the end.
        """
        self._mappings: tuple[StreamMapping, ...] = (*topology.event_source_mappings, *topology.kinesis_mappings)
        pairs = [(type(mapping), mapping.function, source_name(mapping)) for mapping in self._mappings]
        for kind, function, name in pairs:
            if pairs.count((kind, function, name)) > 1:
                whose = "the stream of table" if kind is not KinesisMapping else "the stream"
                # [REC] I21: ResourceConflictException.
                raise TopologyError(f"{whose} {name!r} is mapped to function {function!r} twice")
        self._topology = topology
        self._filters = [
            compile_filters(mapping.filters, DATA if isinstance(mapping, KinesisMapping) else CHANGE)
            for mapping in self._mappings
        ]
        self._source = source
        self._kinesis = kinesis
        self._stop_seconds = stop_seconds
        self._checkpoints = Checkpoints() if checkpoints is None else checkpoints
        self._parts = MappingParts(
            functions=functions,
            destinations=destinations,
            clock=clock,
            monotonic=monotonic,
            retry_seconds=retry_seconds,
            destination_seconds=destination_seconds,
            recording=recording or Recording(),
        )
        self._checkpoint_seconds = checkpoint_seconds
        self._noting: asyncio.Task[None] | None = None
        self._running: list[RunningMapping] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()

    @property
    def statuses(self) -> tuple[MappingStatus, ...]:
        """What ListEventSourceMappings would tell, in the topology's order."""
        return tuple(running.status for running in self._running)

    @property
    def progress(self) -> tuple[tuple[MappingStatus, tuple[ShardProgress, ...]], ...]:
        """The same, each with how far it is."""
        return tuple((running.status, running.progress()) for running in self._running)

    async def __aenter__(self) -> Self:
        """Open all streams and start; raises StreamNotFoundError."""
        async with AsyncExitStack() as stack:
            for mapping, filters in zip(self._mappings, self._filters, strict=True):
                stream = await stack.enter_async_context(self._opening(mapping))
                shape, version = self._shape(mapping, stream.arn), self._version(mapping)
                self._running.append(
                    RunningMapping(mapping, stream, shape=shape, filters=filters, parts=self._parts, version=version)
                )
            group = await stack.enter_async_context(asyncio.TaskGroup())
            self._tasks = [group.create_task(running.run()) for running in self._running]
            self._stack = stack.pop_all()
        if self._checkpoint_seconds is not None:
            self._noting = asyncio.create_task(self._note_now_and_then(self._checkpoint_seconds))
        return self

    def _opening(self, mapping: StreamMapping) -> AbstractAsyncContextManager[Stream]:
        saved = self._checkpoints.of(mapping)
        if isinstance(mapping, EventSourceMapping):
            return self._source.open(mapping.table, mapping.starting_position, saved)
        if self._kinesis is None:
            raise TopologyError(f"the stream {mapping.stream!r} of Kinesis is not here")
        return self._kinesis().open(mapping, saved)

    def _version(self, mapping: StreamMapping) -> str:
        return version_of(self._topology.function(mapping.function), name_and_qualifier(mapping.function)[1])

    def _shape(self, mapping: StreamMapping, arn: str) -> Shape:
        if not isinstance(mapping, EventSourceMapping):
            return kinesis_record
        key = self._topology.table(mapping.table).key.partition

        def shape(raw: RawRecord, previous: str | None) -> EventRecord:
            return stream_record(raw, stream_arn=arn, partition_key=key, previous=previous)

        return shape

    async def _note_now_and_then(self, seconds: float) -> None:
        while True:  # at once, too: a mapping at LATEST that is new has its place from now on
            try:
                await self._note()
            except StreamsApiError as error:
                log.warning("how far streams were read cannot be noted", problem=str(error))
            await asyncio.sleep(seconds)

    async def _note(self) -> None:
        found = [await running.checkpoint() for running in self._running]
        self._checkpoints.replace(checkpoint for checkpoint in found if checkpoint is not None)

    async def __aexit__(self, *_: object) -> None:
        """Stop: no new invocations, a little time for those that run, then the end."""
        if self._noting is not None:
            await end([self._noting])
        try:
            for running in self._running:
                running.stop()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._stop_seconds)
        finally:
            for running, task in zip(self._running, self._tasks, strict=True):
                running.report()
                task.cancel()
            try:
                await self._stack.aclose()
            finally:
                await self._note()
