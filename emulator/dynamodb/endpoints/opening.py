"""Opens the database that a service works with: the embedded one, or any DynamoDB endpoint."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError
from streamer.topology import Topology

from ...event_sources.streams.checkpoint_file import kept_checkpoints
from ...foundation import log
from ...foundation.checked_lines import checked, whole_lines
from ...foundation.notes import Notes, lines
from ...functions.variables import Endpoints
from ..journal import replay
from .embedded import open_embedded
from .kept_file import KeptFile
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

    checkpoints, dead_letters = kept_checkpoints(state_folder, url), state_folder / DEAD_LETTERS
    async with (
        _kept_notes(state_folder, url) as notes,
        open_remote(
            topology, endpoints, url, dead_letters=dead_letters, checkpoints=checkpoints, notes=notes
        ) as database,
    ):
        yield database


@asynccontextmanager
async def _kept_notes(folder: Path, url: str) -> AsyncIterator[Notes]:
    """Notes for the DynamoDB at a URL. Of several emulators of one folder that use it, the first has them.

    Raises:
        ConfigurationError: their file cannot be used.
    """
    path = folder / f"running-{hashlib.blake2b(url.encode(), digest_size=5).hexdigest()}.jsonl"
    notes = Notes()
    file = KeptFile(path, lambda: map(checked, lines(notes.content)))
    try:
        data = file.open()
        are_checked = not data.startswith(b"[")  # a former version wrote lines of JSON alone
        found, size = whole_lines(data, are_checked=are_checked)
        replay(found, notes.content)
        if not are_checked:
            file.rewrite()
        file.begin(size, 0)
    except ConfigurationError:
        log.info("another emulator of this folder uses this DynamoDB; if this one is killed, the next one cannot tell")
        yield Notes()
        return
    except (OSError, LookupError, RecursionError, TypeError, ValueError) as error:
        file.close()
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise ConfigurationError(f"{path} cannot be used ({reason}); delete it") from error
    notes = Notes(notes.content, file.append, file.settle)
    try:
        yield notes
    finally:
        await file.finish()
