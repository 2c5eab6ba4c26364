"""Where the documents of given-up events and stream records go: Lambda's on-failure destinations."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from streamer.errors import StreamerError

from ..foundation.files import open_regular, write_all
from ..foundation.json_bytes import json_text


class DestinationError(StreamerError):
    """A document could not be delivered; trying again may help."""


class Destinations(Protocol):
    """Delivers documents to queues of the topology."""

    async def send(self, queue_name: str, document: Mapping[str, Any]) -> None:
        """Deliver one document.

        Raises:
            DestinationError: it was not delivered.
        """
        ...


class EventDestinations(Protocol):
    """Delivers records of asynchronous events, and dead letters."""

    async def send(
        self, queue_name: str, document: Mapping[str, Any] | str, attributes: Mapping[str, Any] | None = None
    ) -> None:
        """Deliver one document, or a text as it is; ``attributes`` are a message's, as SQS has them.

        Raises:
            DestinationError: it was not delivered.
        """
        ...


class FileDestinations:
    """A JSON-lines file: one ``{"queue": ..., "document": ...}`` a line, appended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()

    async def send(
        self, queue_name: str, document: Mapping[str, Any] | str, attributes: Mapping[str, Any] | None = None
    ) -> None:
        """Append the document, without attributes; raises DestinationError."""
        line = json_text({"queue": queue_name, "document": document}) + "\n"
        try:
            async with self._lock:
                await asyncio.to_thread(self._append, line)
        except OSError as error:
            raise DestinationError(f"{self._path}: {error}") from error

    def _append(self, line: str) -> None:
        with open_regular(self._path, appends=True) as file:
            write_all(file, line.encode())
