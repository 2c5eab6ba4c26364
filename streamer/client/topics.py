"""What was published to a topic, waiting for one reader."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from streamer.client.errors import ClientError

LIMIT: Final = 1024
"""Most messages that wait for a slow reader; of more, the oldest go, and the next one says how many."""


@dataclass(frozen=True, slots=True)
class TopicMessage:
    """Something that was published."""

    topic: str | None
    """None: it was sent to this connection, its user or its tenant."""
    data: Any
    timestamp: float
    """When, in Unix seconds, by the service's clock."""
    missed: int = 0
    """How many before this one were dropped because the reader was too slow."""


class TopicQueue:
    """Messages in order, for one reader. Putting never waits."""

    def __init__(self) -> None:
        self._messages: deque[TopicMessage] = deque()
        self._missed = 0
        self._error: ClientError | None = None
        self._changed = asyncio.Event()

    def put(self, message: TopicMessage) -> None:
        """Add a message; when full, the oldest makes room."""
        if len(self._messages) >= LIMIT:
            self._messages.popleft()
            self._missed += 1
        self._messages.append(message)
        self._changed.set()

    def fail(self, error: ClientError) -> None:
        """Nothing more will come; `get` raises this once what came before it is read."""
        self._error = self._error or error
        self._changed.set()

    async def get(self) -> TopicMessage:
        """Wait for the next message.

        Raises:
            ClientError: nothing more will come.
        """
        while not self._messages:
            if self._error is not None:
                raise self._error.again()
            self._changed.clear()
            await self._changed.wait()
        message, missed = self._messages.popleft(), self._missed
        self._missed = 0
        if not missed:
            return message
        return TopicMessage(message.topic, message.data, message.timestamp, missed)
