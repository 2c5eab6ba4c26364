"""EventBridge's schedules: functions invoked asynchronously at a fixed rate, as the topology says."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Protocol, Self

from streamer.topology import Schedule, Topology

from . import log
from .tasks import end

MINUTE_SECONDS: Final = 60.0


class Accept(Protocol):
    """Takes an event for a function and runs it in the background."""

    def __call__(self, function: str, payload: bytes, request_id: str) -> bool:
        """False: there are too many already."""
        ...


class Schedules:
    """Runs a topology's schedules. An async context manager; its exit ends them.

    A rule's first event comes a period after the rule was made, not at once. [?]
    """

    def __init__(
        self, topology: Topology, accept: Accept, *, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    ) -> None:
        self._schedules = topology.schedules
        self._accept = accept
        self._sleep = sleep
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._run(schedule)) for schedule in self._schedules]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await end(self._tasks)

    async def _run(self, schedule: Schedule) -> None:
        payload = json.dumps(schedule.event, separators=(",", ":")).encode()
        while True:
            await self._sleep(schedule.rate_minutes * MINUTE_SECONDS)
            if not self._accept(schedule.function, payload, str(uuid.uuid4())):
                log.warning("a scheduled event was dropped: too many events wait", schedule=schedule.name)
