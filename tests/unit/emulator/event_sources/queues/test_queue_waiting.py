"""Long polling of queues."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from emulator.event_sources.queues.waiting import answered
from emulator.port.http import HttpResponse

NOTHING = HttpResponse(200, b"{}")
MESSAGE = HttpResponse(200, b'{"Messages":[{}]}')


class World:
    """Queues that something happens to, and what is asked of them."""

    def __init__(self, *answers: HttpResponse | None) -> None:
        self._answers = list(answers)
        self._listener: Callable[[], None] | None = None
        self.asked = 0

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        self._listener = listener
        return self._end

    def _end(self) -> None:
        self._listener = None

    def ask(self) -> HttpResponse | None:
        self.asked += 1
        return self._answers.pop(0) if self._answers else None

    def happen(self) -> None:
        assert self._listener is not None
        self._listener()

    @property
    def is_listened_to(self) -> bool:
        return self._listener is not None

    async def wait(self, seconds: float) -> HttpResponse:
        return await answered(NOTHING, seconds, listen=self.listen, ask=self.ask)


async def test_who_waits_is_answered_once_there_is_something() -> None:
    world = World(None, MESSAGE)
    waiting = asyncio.create_task(world.wait(60))
    while not waiting.done():
        await asyncio.sleep(0)
        if world.is_listened_to:
            world.happen()

    assert (await waiting, world.asked, world.is_listened_to) == (MESSAGE, 2, False)


async def test_a_wait_without_anything_ends_with_the_first_answer() -> None:
    world = World()

    assert await world.wait(0.01) is NOTHING  # a busy machine may take that long before it is asked once
    assert not world.is_listened_to


async def test_who_goes_away_leaves_nothing_behind() -> None:
    world = World()
    waiting = asyncio.create_task(world.wait(60))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

    assert (waiting.cancelled(), world.is_listened_to) == (True, False)
