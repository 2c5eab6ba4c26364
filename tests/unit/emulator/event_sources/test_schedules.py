import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

from emulator.event_sources.schedules import Schedules
from streamer.topology import Api, Function, Schedule, Topology

TOPOLOGY = Topology(
    api=Api(name="api", routes=()),
    functions=(Function(name="cleaner", handler="app.handler"),),
    schedules=(Schedule(name="clean", function="cleaner", rate_minutes=2, event={"clean": {}}),),
)


class Lambda:
    def __init__(self, *, accepts: bool = True) -> None:
        self.accepts = accepts
        self.events: asyncio.Queue[tuple[str, bytes, str]] = asyncio.Queue()

    def accept(self, function: str, payload: bytes, request_id: str) -> bool:
        self.events.put_nowait((function, payload, request_id))
        return self.accepts


class Time:
    """Passes when told."""

    def __init__(self) -> None:
        self.waits: asyncio.Queue[float] = asyncio.Queue()
        self.passes = asyncio.Semaphore(0)

    async def sleep(self, seconds: float) -> None:
        self.waits.put_nowait(seconds)
        await self.passes.acquire()


async def test_a_function_is_invoked_once_in_every_period_with_the_schedules_event() -> None:
    functions, time = Lambda(), Time()

    async with Schedules(TOPOLOGY, functions.accept, sleep=time.sleep):
        seen = []
        for _ in range(3):
            assert await time.waits.get() == 120
            assert functions.events.empty()
            time.passes.release()
            seen.append(await functions.events.get())

    assert [(function, json.loads(payload)) for function, payload, _ in seen] == [("cleaner", {"clean": {}})] * 3
    assert len({request_id for *_, request_id in seen}) == 3


async def test_an_event_that_lambda_does_not_take_ends_nothing() -> None:
    functions, time = Lambda(accepts=False), Time()

    async with Schedules(TOPOLOGY, functions.accept, sleep=time.sleep):
        for _ in range(2):
            await time.waits.get()
            time.passes.release()
            await functions.events.get()


async def test_what_was_due_is_not_due_again_where_the_clock_was_corrected_meanwhile() -> None:
    topology = replace(TOPOLOGY, schedules=(Schedule(name="hourly", function="cleaner", cron="0 * * * ? *"),))
    clock = iter((datetime(2026, 11, 27, 8, 30, tzinfo=UTC), datetime(2026, 11, 27, 8, 59, 59, tzinfo=UTC)))
    now = next(clock)
    functions, time = Lambda(), Time()

    async with Schedules(topology, functions.accept, sleep=time.sleep, now=lambda: now):
        assert await time.waits.get() == 30 * 60
        now = next(clock)
        time.passes.release()
        await functions.events.get()
        assert await time.waits.get() == 60 * 60 + 1


async def test_a_clock_that_is_set_back_by_more_than_a_little_begins_anew() -> None:
    topology = replace(TOPOLOGY, schedules=(Schedule(name="hourly", function="cleaner", cron="0 * * * ? *"),))
    clock = iter((datetime(2026, 11, 27, 8, 30, tzinfo=UTC), datetime(2026, 11, 27, 6, 45, tzinfo=UTC)))
    now = next(clock)
    functions, time = Lambda(), Time()

    async with Schedules(topology, functions.accept, sleep=time.sleep, now=lambda: now):
        assert await time.waits.get() == 30 * 60
        now = next(clock)
        time.passes.release()
        await functions.events.get()
        assert await time.waits.get() == 15 * 60
