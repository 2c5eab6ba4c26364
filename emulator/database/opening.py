"""Opens the database that a service works with: the embedded one, or any DynamoDB endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError
from streamer.topology import Topology

from ..functions.variables import Endpoints
from ..streams.checkpoint_file import kept_checkpoints
from .embedded import open_embedded
from .protocol import Database

DEAD_LETTERS: Final = "dead-letters.jsonl"
"""Takes what would go to queues, when there is no embedded SQS."""


def open_database(
    topology: Topology, endpoints: Endpoints, *, url: str, state_file: Path | None, state_folder: Path
) -> AbstractAsyncContextManager[Database]:
    """The tables of a topology, ready; ``url`` is ``embedded`` or a DynamoDB endpoint's.

    Raises:
        ConfigurationError: the endpoint does not answer, a table differs, or the state file cannot be read.
    """
    if url == "embedded":
        return open_embedded(topology, endpoints, state_file)
    if state_file is not None:
        raise ConfigurationError("--state keeps the embedded tables; a DynamoDB of your own keeps its tables itself")
    return _remote(topology, endpoints, url, state_folder)


@asynccontextmanager
async def _remote(topology: Topology, endpoints: Endpoints, url: str, state_folder: Path) -> AsyncIterator[Database]:
    # aiobotocore takes 0.3 s to import, which the embedded engine does not need.
    from .remote import open_remote  # noqa: PLC0415

    with kept_checkpoints(state_folder, url) as checkpoints:
        dead_letters = state_folder / DEAD_LETTERS
        async with open_remote(
            topology, endpoints, url, dead_letters=dead_letters, checkpoints=checkpoints
        ) as database:
            yield database
