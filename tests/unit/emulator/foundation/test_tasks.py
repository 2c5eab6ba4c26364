"""Tasks that an owner ends."""

from __future__ import annotations

import asyncio

from emulator.foundation.tasks import end, start


async def test_tasks_that_are_ended_have_tidied_up_and_what_they_raise_is_nobodys() -> None:
    tasks: set[asyncio.Task[None]] = set()
    done: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            done.append(name)
            raise ValueError(name)

    for name in ("a", "b"):
        start(tasks, work(name))
    await asyncio.sleep(0)

    await end(tasks)

    assert (sorted(done), tasks) == (["a", "b"], set())
