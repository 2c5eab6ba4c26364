"""What an event source mapping reads from: protocols, which ``poller``, ``pushed`` and ``kinesis`` implement."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from streamer.topology import EventSourceMapping
from streamer.topology.kinesis import KinesisMapping

from .checkpoints import Checkpoint, MappingCheckpoint

RawRecord = Mapping[str, Any]
"""A stream record as GetRecords of DynamoDB has it in JSON, of which `records.stream_record` makes a function's event;
one of Kinesis is that event already."""

StreamMapping = EventSourceMapping | KinesisMapping


def source_name(mapping: StreamMapping) -> str:
    """The table or the stream that a mapping reads."""
    return mapping.table if isinstance(mapping, EventSourceMapping) else mapping.stream


class Shard(Protocol):
    """Reads one shard from its starting position to its end."""

    @property
    def shard_id(self) -> str:
        """Goes into OnFailure documents."""
        ...

    @property
    def parent_ids(self) -> tuple[str, ...]:
        """The shards to be processed completely before this one."""
        ...

    async def read(self) -> Sequence[RawRecord] | None:
        """The next records, at least one; waits for them. None: the shard is closed and was read to its end.

        Never raises for what the source does: errors are logged and tried again.
        """
        ...


class Stream(Protocol):
    """One stream, of a table or of Kinesis, open where the mapping begins or goes on."""

    @property
    def arn(self) -> str:
        """``arn:aws:dynamodb:{region}:{account}:table/{table}/stream/{label}``, [REC] I7, or Kinesis's."""
        ...

    @property
    def checkpoints(self) -> Mapping[str, Checkpoint]:
        """Where the mapping stood, on opening, in each shard; those found later are read from their oldest record."""
        ...

    def shards(self) -> AsyncIterator[Shard]:
        """Every shard that is left to read, once, as they appear; goes on until it is closed."""
        ...

    async def current_arn(self) -> str | None:
        """What names the stream that was read last, another than ``arn`` if it was created again meanwhile.

        None: it is gone. May be asked after the stream was closed.
        """
        ...


class Source(Protocol):
    """Opens streams of tables."""

    def open(
        self, table: str, position: str, saved: MappingCheckpoint | None = None
    ) -> AbstractAsyncContextManager[Stream]:
        """Open a table's stream where it was left, or else at ``TRIM_HORIZON`` or ``LATEST``.

        The position is fixed when this returns. ``saved`` counts if it is of the stream that the table has now.

        Raises:
            StreamNotFoundError: the table has no stream, or does not exist.
        """
        ...
