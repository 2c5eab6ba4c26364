"""Where documents about given-up records go: an SQS queue, or a file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from streamer.errors import StreamerError


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


class SqsDestinations:
    """SQS queues of any endpoint, through an aiobotocore client."""

    def __init__(self, client: Any, *, creates_queues: bool = False) -> None:
        """``creates_queues`` makes missing queues, for the embedded SQS that starts out empty."""
        self._client = client
        self._creates_queues = creates_queues
        self._urls: dict[str, str] = {}

    async def send(self, queue_name: str, document: Mapping[str, Any]) -> None:
        """Send the document as the message's body; raises DestinationError."""
        try:
            if queue_name not in self._urls:
                self._urls[queue_name] = await self._url(queue_name)
            await self._client.send_message(QueueUrl=self._urls[queue_name], MessageBody=_line(document))
        except (ClientError, BotoCoreError, OSError) as error:
            self._urls.pop(queue_name, None)
            raise DestinationError(f"queue {queue_name!r}: {error}") from error

    async def _url(self, queue_name: str) -> str:
        call = self._client.create_queue if self._creates_queues else self._client.get_queue_url
        return str((await call(QueueName=queue_name))["QueueUrl"])


class FileDestinations:
    """A JSON-lines file: one ``{"queue": ..., "document": ...}`` a line, appended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()

    async def send(self, queue_name: str, document: Mapping[str, Any]) -> None:
        """Append the document; raises DestinationError."""
        line = _line({"queue": queue_name, "document": document}) + "\n"
        try:
            async with self._lock:
                await asyncio.to_thread(self._append, line)
        except OSError as error:
            raise DestinationError(f"{self._path}: {error}") from error

    def _append(self, line: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)


def _line(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
