"""The bounded queue between the task that reads the socket and the caller of one request."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from streamer.client.errors import ClientError
from streamer.client.events import Event

LIMIT: Final = 64
"""Most events that wait for a slow caller; of more, the oldest progress goes, since the latest value wins."""


class Inbox:
    """Events of one request, in order, for one reader. Putting never waits, so no request holds up another."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._events: deque[Event] = deque()
        self._error: ClientError | None = None
        self._changed = asyncio.Event()
        self.is_answered = False
        """Whether anything came yet."""

    def put(self, event: Event) -> None:
        """Add an event; when full, an obsolete one makes room."""
        self.is_answered = True
        if len(self._events) >= self._limit:
            obsolete = next((i for i, waiting in enumerate(self._events) if waiting.is_progress), 0)
            del self._events[obsolete]
        self._events.append(event)
        self._changed.set()

    def fail(self, error: ClientError) -> None:
        """Nothing more will come; `get` raises this once the events before it are read."""
        self._error = self._error or error
        self._changed.set()

    async def get(self) -> Event:
        """Wait for the next event.

        Raises:
            ClientError: nothing more will come.
        """
        while not self._events:
            if self._error is not None:
                raise self._error
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()
