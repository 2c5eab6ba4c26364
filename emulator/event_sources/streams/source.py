"""What an event source mapping reads from: protocols, implemented by ``poller`` (any endpoint) and ``pushed``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from .checkpoints import Checkpoint, MappingCheckpoint

RawRecord = Mapping[str, Any]
"""A stream record as GetRecords of AWS has it in JSON; `records.stream_record` makes a function's event of it."""


class Shard(Protocol):
    """Reads one shard from its starting position to its end."""

    @property
    def shard_id(self) -> str:
        """Goes into OnFailure documents."""
        ...

    @property
    def parent_id(self) -> str | None:
        """The shard to be processed completely before this one; None if there is none."""
        ...

    async def read(self) -> Sequence[RawRecord] | None:
        """The next records, at least one; waits for them. None: the shard is closed and was read to its end.

        Never raises for what the source does: errors are logged and tried again.
        """
        ...


class Stream(Protocol):
    """One table's stream, open where the mapping begins or goes on."""

    @property
    def arn(self) -> str:
        """``arn:aws:dynamodb:{region}:{account}:table/{table}/stream/{label}``. [REC] I7"""
        ...

    @property
    def checkpoints(self) -> Mapping[str, Checkpoint]:
        """Where the mapping stood, on opening, in each shard; those found later are read from their oldest record."""
        ...

    def shards(self) -> AsyncIterator[Shard]:
        """Every shard that is left to read, once, as they appear; goes on until it is closed."""
        ...

    async def current_arn(self) -> str | None:
        """ARN of the stream that was read last, which differs from ``arn`` if the table was created again meanwhile.

        None: the table or its stream is gone. May be asked after the stream was closed.
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
