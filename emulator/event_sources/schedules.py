"""EventBridge's schedules: functions invoked asynchronously at a fixed rate or at given times, as the topology says."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from streamer.topology import Schedule, Topology
from streamer.topology.cron import parse_cron

from ..foundation import log
from ..foundation.json_bytes import json_text
from ..foundation.place import ACCOUNT_ID, REGION, arn_of
from ..foundation.tasks import end
from ..functions.outcome import AcceptEvent
from .eventbridge import SET_BACK, at_rate, scheduled_event

LOOK_SECONDS: Final = 30.0
"""How often the clock is looked at."""
_After = Callable[[datetime], datetime | None]
"""The first time of a schedule after one; None: never again."""


class Schedules:
    """Runs a topology's schedules. An async context manager; its exit ends them.

    A rule's first event comes a period after the rule was made, not at once. [?]
    """

    def __init__(
        self,
        topology: Topology,
        accept: AcceptEvent,
        *,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        region: str = REGION,
        account_id: str = ACCOUNT_ID,
    ) -> None:
        """Raise TopologyError if EventBridge would refuse one of the expressions."""
        self._crons = {each.name: parse_cron(each.cron).after for each in topology.schedules if each.cron is not None}
        self._schedules = topology.schedules
        self._accept = accept
        self._sleep = sleep
        self._now = now
        self._rule_arn = arn_of("events", region, account_id, "rule/")
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._run(schedule)) for schedule in self._schedules]
        return self

    async def __aexit__(self, *_: object) -> None:
        await end(self._tasks)

    async def _run(self, schedule: Schedule) -> None:
        after, due = self._after(schedule), None
        while (due := await self._wait(after, due)) is not None:
            payload = json_text(self._event(schedule)).encode()
            if not self._accept(schedule.function, payload, str(uuid.uuid4())):
                log.warning("a scheduled event was dropped: too many events wait", schedule=schedule.name)

    def _after(self, schedule: Schedule) -> _After:
        if schedule.rate_minutes is None:
            return self._crons[schedule.name]
        begin, each = self._now(), timedelta(minutes=schedule.rate_minutes)
        return lambda moment: at_rate(begin, each, moment)

    async def _wait(self, after: _After, last: datetime | None) -> datetime | None:
        """Wait until a schedule is due, and answer when that was; None: never again. ``last``: the time before.

        The clock is looked at now and then: no sleep goes on while a machine is suspended, and clocks are set. What was
        due several times meanwhile is due once.
        """
        now = self._now()
        # What was due is not due again where the clock was corrected by a little meanwhile.
        is_done = last is not None and now < last < now + SET_BACK
        due = after(last if is_done and last is not None else now)
        while due is not None and now < due:
            await self._sleep(min((due - now).total_seconds(), LOOK_SECONDS))
            before, now = now, self._now()
            if now < before - SET_BACK:
                due = after(now)
        return due

    def _event(self, schedule: Schedule) -> Mapping[str, Any]:
        if schedule.event is not None:
            return schedule.event
        return scheduled_event(self._rule_arn + schedule.name, self._now(), event_id=str(uuid.uuid4()))
