"""The tables, streams and queues of a service in this process: the embedded DynamoDB and SQS, kept in a file or not."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from streamer.errors import ConfigurationError
from streamer.topology import Topology

from ...event_sources.queues.batches import MessageRefusedError
from ...event_sources.streams.checkpoints import Checkpoints
from ...event_sources.streams.endpoint import (
    Page,
    ShardDescription,
    StreamNotFoundError,
    shard_description,
    streams_error,
)
from ...event_sources.streams.pushed import PushedSource
from ...event_sources.streams.source import Source
from ...foundation import log
from ...foundation.json_bytes import text_of
from ...foundation.notes import CHECKPOINTS, Notes
from ...foundation.tasks import end
from ...functions.destinations import DestinationError, EventDestinations
from ...functions.variables import Endpoints
from ...iam import sqs
from ...iam.caller import Caller
from ...port.http import Answer, HttpRequest, HttpResponse
from ..engine import STREAMS, UPDATE_TABLE, EmbeddedDynamoDB, is_queue_request
from ..errors import ApiError
from ..state import VERSION, Saved
from .kept_file import KeptFile
from .tables import create_tables

if TYPE_CHECKING:
    from ...event_sources.queues.embedded import EmbeddedQueues

EXPIRY_SECONDS: Final = 1.0
"""How often the embedded engine looks for expired items; AWS takes minutes to days. [DOC] ddb-docs:howitworks-ttl"""
FILLED_AT_ONCE: Final = 500
"""Items that a new index takes in before others have their turn: some milliseconds."""
EXPIRED_AT_ONCE: Final = 500
"""Most items of a table that expire then. With more, as after a weekend, everybody else would wait, and a mapping would
miss what its stream does not keep."""


class EmbeddedDatabase:
    """The engine in this process, and its queues."""

    def __init__(self, engine: EmbeddedDynamoDB, topology: Topology, checkpoints: Checkpoints, notes: Notes) -> None:
        self.checkpoints = checkpoints
        self.notes = notes
        self._engine = engine
        self._described_queues = topology.queues
        self._has_queues = False
        self._source = PushedSource(engine, EngineStreamsApi(engine), settle=notes.settle)

    @property
    def source(self) -> Source:
        """Pushes records the moment they are written."""
        return self._source

    @property
    def destinations(self) -> EventDestinations:
        """The embedded queues."""
        return self

    @property
    def queues(self) -> EmbeddedQueues:
        """SQS, with the queues of the topology."""
        self._make_queues()
        return self._engine.queues

    def left(self) -> dict[str, int]:
        """How many messages are in each queue that has some."""
        return self._engine.queues.left() if self._has_queues else {}

    async def apply(self, topology: Topology) -> None:
        """Make what is new; raises ConfigurationError."""
        create_tables(self._engine, topology.tables)
        self._described_queues = topology.queues
        self._has_queues = False

    def handle(self, request: HttpRequest, caller: Caller | None = None) -> Answer | None:
        """Answer a request of a DynamoDB, DynamoDB Streams or SQS client, the owner's if there is no caller."""
        if not self._engine.handles(request):
            return None
        if not is_queue_request(request):
            if request.fields.get("x-amz-target") == UPDATE_TABLE:
                return self._updated(request, caller)
            return self._engine.handle(request, caller)
        if caller is not None and (refused := sqs.refused(request, caller)) is not None:
            return refused
        self._make_queues()
        answer = self._engine.handle(request, caller)
        return self._engine.queues.waiting(request, answer) or answer

    async def _updated(self, request: HttpRequest, caller: Caller | None) -> HttpResponse:
        """Answer an UpdateTable; those who ask meanwhile do not wait until a new index is full."""
        filling = self._engine.filling(request)
        if filling is None:
            return self._engine.handle(request, caller)
        try:
            while filling.take(FILLED_AT_ONCE):  # noqa: ASYNC110 - nothing is waited for
                await asyncio.sleep(0)
        finally:  # also for a client that is gone: on AWS its table changes all the same
            answer = self._engine.handle(request, caller)
            filling.end()
        return answer

    async def ask(self, target: str, body: bytes) -> HttpResponse:
        """Ask without a socket: what the owner asks from within this process is not recorded."""
        fields = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
        request = HttpRequest("POST", "/", tuple(fields.items()), body, "127.0.0.1", fields)
        answer = self.handle(request)
        if isinstance(answer, Awaitable):
            return await answer
        return answer or HttpResponse.of_json(400, {"__type": "UnknownOperationException", "message": target})

    async def send(
        self, queue_name: str, document: Mapping[str, Any] | str, attributes: Mapping[str, Any] | None = None
    ) -> None:
        """Put a document into a queue of the topology, or a text as it is; raises DestinationError."""
        self._make_queues()
        try:
            self._engine.queues.send(queue_name, text_of(document), attributes=attributes)
        except MessageRefusedError as error:
            raise DestinationError(str(error)) from error

    def _make_queues(self) -> None:
        # Not at the start: SQS takes 0.1 s to import, and most runs never need it.
        if not self._has_queues:
            self._engine.queues.create(self._described_queues)
            self._has_queues = True


@asynccontextmanager
async def open_embedded(
    topology: Topology, endpoints: Endpoints, state_file: Path | None
) -> AsyncIterator[EmbeddedDatabase]:
    """The engine with the tables of a topology, and its state if there is a file for it.

    Raises:
        ConfigurationError: the state file cannot be used, or holds a table of another form.
    """
    engine = EmbeddedDynamoDB(region=endpoints.region, account_id=endpoints.account_id)
    async with _kept(engine, topology, state_file) as notes:
        checkpoints = _noted(notes, f"the state file {state_file}")
        expiring = asyncio.create_task(_expire(engine))
        database = EmbeddedDatabase(engine, topology, checkpoints, notes)
        try:
            yield database
        finally:
            await end([expiring])
            if state_file is not None and (left := database.left()):
                named = ", ".join(f"{name} ({count})" for name, count in left.items())
                log.warning("messages of queues are gone: the state file does not keep them", queues=named)


async def _expire(engine: EmbeddedDynamoDB) -> None:
    while True:
        await asyncio.sleep(EXPIRY_SECONDS)
        try:
            engine.expire(time.time(), EXPIRED_AT_ONCE)
        except Exception as error:  # noqa: BLE001 - top of a task: logged, and tried again
            log.error("expiring items failed", error=error)


@asynccontextmanager
async def _kept(engine: EmbeddedDynamoDB, topology: Topology, state_file: Path | None) -> AsyncIterator[Notes]:
    """The tables of the topology, and what is noted besides; both are kept in the file, if there is one."""
    if state_file is None:
        create_tables(engine, topology.tables)
        yield Notes()
        return
    from .leases import end_leases  # noqa: PLC0415 - the life of requests, a twentieth of a start that keeps nothing

    notes = Notes()
    file = KeptFile(state_file, lambda: engine.pieces(notes.content))
    try:
        saved = _loaded(engine, file.open(), state_file)
        notes = Notes(saved.notes, file.append, file.settle)
        engine.keep(file.append, file.rewrite)
        create_tables(engine, topology.tables)
        interrupted = end_leases(engine, topology, time.time())
        if interrupted:
            log.info("requests ran when the last emulator ended; they go on or fail now", requests=interrupted)
        if saved.version != VERSION:
            file.rewrite()
        file.begin(saved.size_bytes, saved.base_bytes)
    except OSError as error:
        file.close()
        raise ConfigurationError(f"the state file {state_file} cannot be used: {error.strerror}") from error
    except ConfigurationError:
        file.close()
        raise
    try:
        yield notes
    finally:
        await file.finish()


def _loaded(engine: EmbeddedDynamoDB, data: bytes, state_file: Path) -> Saved:
    try:
        return engine.load(data)
    except ConfigurationError as error:  # perhaps of a newer emulator, perhaps another file of the user's
        todo = "name another file, or move it away to start with empty tables"
        raise ConfigurationError(f"the state file {state_file} cannot be used: {error}; {todo}") from error


def _noted(notes: Notes, name: str) -> Checkpoints:
    """How far streams were read, from the notes and into them."""
    keep = (lambda text: notes.put(CHECKPOINTS, "", text)) if notes.are_kept else None
    try:
        return Checkpoints.of_json(notes.of(CHECKPOINTS).get("", "[]"), keep)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{name} is damaged ({error}); delete it") from error


class EngineStreamsApi:
    """The streams API of the embedded engine, without a socket: what mappings read when they start or lag behind."""

    def __init__(self, engine: EmbeddedDynamoDB) -> None:
        self._engine = engine

    async def stream_arn(self, table: str) -> str:
        """ARN of the table's stream."""
        try:
            description = self._engine.call("DescribeTable", {"TableName": table})["Table"]
        except ApiError as error:
            raise StreamNotFoundError(f"Stream not found: there is no table {table!r}") from error
        if not description.get("LatestStreamArn"):
            raise StreamNotFoundError(f"Stream not found: table {table!r} has no stream")
        return str(description["LatestStreamArn"])

    async def shards(self, stream_arn: str) -> Sequence[ShardDescription]:
        """The stream's one shard."""
        answer = self._call("DescribeStream", {"StreamArn": stream_arn})
        stream = self._engine.backend.streams[stream_arn]
        last = None if stream.next_sequence == stream.first_sequence else str(stream.next_sequence - 1)
        return [
            structs.replace(shard_description(shard), last_sequence_number=last)
            for shard in answer["StreamDescription"]["Shards"]
        ]

    async def iterator(self, stream_arn: str, shard_id: str, kind: str, sequence_number: str | None = None) -> str:
        """A new iterator."""
        if kind == "AFTER_SEQUENCE_NUMBER" and sequence_number is not None:
            # The engine's numbers have no gaps, and what follows a record that was trimmed may still be there.
            kind, sequence_number = "AT_SEQUENCE_NUMBER", str(int(sequence_number) + 1)
        after = {} if sequence_number is None else {"SequenceNumber": sequence_number}
        parameters = {"StreamArn": stream_arn, "ShardId": shard_id, "ShardIteratorType": kind, **after}
        return str(self._call("GetShardIterator", parameters)["ShardIterator"])

    async def records(self, iterator: str) -> Page:
        """One page."""
        answer = self._call("GetRecords", {"ShardIterator": iterator})
        return Page(answer["Records"], answer.get("NextShardIterator"))

    def _call(self, action: str, parameters: dict[str, Any]) -> Any:
        try:
            return self._engine.perform(STREAMS, action, json.dumps(parameters).encode())
        except ApiError as error:
            raise streams_error(error.code, str(error)) from error
