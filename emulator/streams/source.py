"""What an event source mapping reads from: protocols, implemented by ``poller`` (any endpoint) and ``pushed``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

RawRecord = Mapping[str, Any]
"""A stream record as its source holds it; `records.stream_record` gives it AWS's shape."""


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
    """One table's stream, open at the mapping's starting position."""

    @property
    def arn(self) -> str:
        """``arn:aws:dynamodb:{region}:{account}:table/{table}/stream/{label}``. [REC] I7"""
        ...

    def shards(self) -> AsyncIterator[Shard]:
        """Every shard once, as they appear; goes on until it is closed."""
        ...


class Source(Protocol):
    """Opens streams of tables."""

    def open(self, table: str, position: str) -> AbstractAsyncContextManager[Stream]:
        """Open a table's stream at ``TRIM_HORIZON`` or ``LATEST``; the position is fixed when this returns.

        Raises:
            StreamNotFoundError: the table has no stream, or does not exist.
        """
        ...
