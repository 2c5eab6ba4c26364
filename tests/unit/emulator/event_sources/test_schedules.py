import asyncio
import json
from dataclasses import replace
from datetime import datetime

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


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-27T{text}+00:00")


class Clock:
    """Shows what it is set to: each look at it is at the next of these times."""

    def __init__(self, *times: str) -> None:
        self.waits: asyncio.Queue[float] = asyncio.Queue()
        self.passes = asyncio.Semaphore(0)
        self.now, *self.times = map(at, times)

    async def sleep(self, seconds: float) -> None:
        self.waits.put_nowait(seconds)
        await self.passes.acquire()

    def looked(self) -> datetime:
        return self.now

    async def goes_on(self) -> float:
        """Let the sleep end, at the next time; how long it was to be."""
        seconds = await self.waits.get()
        self.now = self.times.pop(0)
        self.passes.release()
        return seconds


async def test_a_function_is_invoked_once_in_every_period_with_the_schedules_event() -> None:
    times = [f"08:{minute:02}:{second}" for minute in range(5) for second in ("00", "30")]
    functions, clock = Lambda(), Clock(*times)

    async with Schedules(TOPOLOGY, functions.accept, sleep=clock.sleep, now=clock.looked):
        assert [await clock.goes_on() for _ in times[1:]] == [30] * 9
        await clock.waits.get()
        seen = [functions.events.get_nowait() for _ in range(functions.events.qsize())]

    assert [(function, json.loads(payload)) for function, payload, _ in seen] == [("cleaner", {"clean": {}})] * 2
    assert len({request_id for *_, request_id in seen}) == 2


async def test_an_event_that_lambda_does_not_take_ends_nothing() -> None:
    functions, clock = Lambda(accepts=False), Clock("08:00:00", "08:02:00", "08:04:00")

    async with Schedules(TOPOLOGY, functions.accept, sleep=clock.sleep, now=clock.looked):
        for _ in range(2):
            await clock.goes_on()
            await functions.events.get()


HOURLY = replace(TOPOLOGY, schedules=(Schedule(name="hourly", function="cleaner", cron="0 * * * ? *"),))
EACH_HOUR = replace(TOPOLOGY, schedules=(Schedule(name="hourly", function="cleaner", rate_minutes=60),))


async def test_a_calendar_is_waited_for_by_the_clock() -> None:
    functions, clock = Lambda(), Clock("08:59:10", "08:59:40", "09:00:00", "09:00:30")

    async with Schedules(HOURLY, functions.accept, sleep=clock.sleep, now=clock.looked):
        assert [await clock.goes_on(), await clock.goes_on()] == [30, 20]
        await functions.events.get()
        assert await clock.goes_on() == 30
        await clock.waits.get()
        assert functions.events.empty()


async def test_a_machine_that_was_suspended_does_not_make_a_schedule_late() -> None:
    functions, clock = Lambda(), Clock("08:10:00", "08:59:50", "09:00:00", "09:00:30")

    async with Schedules(HOURLY, functions.accept, sleep=clock.sleep, now=clock.looked):
        assert [await clock.goes_on(), await clock.goes_on()] == [30, 10]
        await functions.events.get()


async def test_what_a_machine_slept_through_is_done_once() -> None:
    functions, clock = Lambda(), Clock("08:00:00", "11:00:10", "11:00:40", "11:59:55", "12:00:00")

    async with Schedules(EACH_HOUR, functions.accept, sleep=clock.sleep, now=clock.looked):
        assert await clock.goes_on() == 30
        await functions.events.get()
        assert [await clock.goes_on(), await clock.goes_on()] == [30, 30]
        assert functions.events.empty()
        assert await clock.goes_on() == 5
        await functions.events.get()


async def test_what_was_due_is_not_due_again_where_the_clock_was_corrected_meanwhile() -> None:
    functions, clock = Lambda(), Clock("08:59:50", "09:00:00", "09:00:20")

    def accept(function: str, payload: bytes, request_id: str) -> bool:
        clock.now = at("08:59:59")
        return functions.accept(function, payload, request_id)

    async with Schedules(HOURLY, accept, sleep=clock.sleep, now=clock.looked):
        assert await clock.goes_on() == 10
        await functions.events.get()
        assert await clock.goes_on() == 30
        await clock.waits.get()
        assert functions.events.empty()


async def test_a_clock_that_is_set_back_by_more_than_a_little_begins_anew() -> None:
    functions, clock = Lambda(), Clock("08:30:00", "06:59:50", "07:00:00")

    async with Schedules(HOURLY, functions.accept, sleep=clock.sleep, now=clock.looked):
        assert [await clock.goes_on(), await clock.goes_on()] == [30, 10]
        await functions.events.get()


async def test_a_rate_goes_on_though_the_clock_is_set_back() -> None:
    functions, clock = Lambda(), Clock("08:30:00", "06:59:50", "07:30:00")

    async with Schedules(EACH_HOUR, functions.accept, sleep=clock.sleep, now=clock.looked):
        assert [await clock.goes_on(), await clock.goes_on()] == [30, 30]
        await functions.events.get()


async def test_a_calendar_that_is_never_due_again_ends() -> None:
    functions, clock = Lambda(), Clock("08:30:00")
    topology = replace(TOPOLOGY, schedules=(Schedule(name="once", function="cleaner", cron="0 8 27 11 ? 2026"),))

    async with Schedules(topology, functions.accept, sleep=clock.sleep, now=clock.looked):
        for _ in range(3):
            await asyncio.sleep(0)

    assert clock.waits.empty()
    assert functions.events.empty()
