"""The bounded queue between the task that reads the socket and the caller of one request."""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from typing import Final

from streamer.client.errors import ClientError
from streamer.client.events import Event, Progress, progress_of

LIMIT: Final = 64
"""Most events that wait for a slow caller; of more, the oldest progress goes, since the latest value wins."""


class OnLoss(enum.Enum):
    """What becomes of a request when the connection that it was sent on is lost."""

    FAIL = enum.auto()
    """The caller is told."""
    REPEAT = enum.auto()
    """It is sent again: doing it twice does no harm."""
    RESUME = enum.auto()
    """The service is asked what became of it; if it does not know, the caller is told."""
    RESUME_OR_REPEAT = enum.auto()
    """The service is asked what became of it; if it does not know, it is sent again."""


class Inbox:
    """Events of one request, in order, for one reader. Putting never waits, so no request holds up another.

    What a caller has heard before is left out, for after a lost connection the service tells some of it again: a
    second acknowledgment, progress that is behind, anything after the final message.
    """

    def __init__(self, limit: int = LIMIT, *, on_loss: OnLoss = OnLoss.FAIL, body: bytes = b"") -> None:
        """Empty; ``body`` is the message that asks for the request."""
        self.on_loss = on_loss
        self.body = body
        self._limit = limit
        self._events: deque[Event] = deque()
        self._error: ClientError | None = None
        self._changed = asyncio.Event()
        self._progress: Progress | None = None
        self._is_acknowledged = False
        self._is_over = False
        self.is_answered = False
        """Whether anything came yet."""
        self.is_left = False
        """Whether nobody waits any more."""
        self.sent_on: int | None = None
        """The number of the connection that the request was sent on; None: it was not sent yet."""

    def put(self, event: Event) -> None:
        """Add an event; when full, an obsolete one makes room."""
        self.is_answered = True
        if self._is_known(event):
            return
        if len(self._events) >= self._limit:
            obsolete = next((i for i, waiting in enumerate(self._events) if waiting.is_progress), 0)
            del self._events[obsolete]
        self._events.append(event)
        self._changed.set()

    def _is_known(self, event: Event) -> bool:
        if self._is_over:
            return True
        self._is_over = event.is_final
        if event.type == "acknowledgment":
            self._is_acknowledged, is_known = True, self._is_acknowledged
            return is_known
        if not event.is_progress:
            return False
        progress, last = progress_of(event), self._progress
        if last is not None and (progress == last or progress.percentage < last.percentage):
            return True
        self._progress = progress
        return False

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
                raise self._error.again()
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()
