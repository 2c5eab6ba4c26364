"""How tasks begin and end that have an owner, and how they wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from typing import Any


def start(
    tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None], *, name: str | None = None
) -> asyncio.Task[None]:
    """Start a task, which is among its owner's until it is done; ``name`` None: one of asyncio's."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait until they are done; what they return or raise is of no interest any more."""
    ending = tuple(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def happens(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait until an event is set, at most so long, or with None as long as it takes; whether it is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return False
