"""When rules and the like are due. Pure: the time is an argument. [DOC] eb-docs:eb-create-rule-schedule"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from streamer.errors import TopologyError
from streamer.topology.cron import parse_cron

from ...event_sources.eventbridge import SET_BACK, at_rate

_Thing = TypeVar("_Thing")

RATE: Final = re.compile(r"rate\((0{0,99}[1-9]\d{0,99}) (minute|hour|day)s?\)")
"""With fewer digits than an expression may have characters, 256. [MODEL] events, scheduler: ScheduleExpression"""
_UNITS: Final = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


def is_rate(expression: str) -> bool:
    """Whether a rule takes a rate: 1 has its unit in the singular, all others in the plural.

    [DOC] eb-docs:eb-rate-expressions
    """
    rate = RATE.fullmatch(expression)
    return rate is not None and expression.endswith("s)") is (int(rate[1]) > 1)


def is_cron(expression: str) -> bool:
    """Whether it is a calendar. [DOC] eb-docs:eb-cron-expressions"""
    if not (expression.startswith("cron(") and expression.endswith(")")):
        return False
    try:
        parse_cron(expression[5:-1])
    except TopologyError:
        return False
    return True


def period(expression: str) -> timedelta | None:
    """The time between two occurrences of a rate, at most what a `timedelta` holds; None: it is none."""
    rate = RATE.fullmatch(expression.strip())
    if rate is None:
        return None
    unit = _UNITS[rate[2]]
    return min(int(rate[1]), timedelta.max // unit) * unit


def next_due(expression: str, now: datetime) -> datetime | None:
    """When an expression is next due after a time in UTC; None: never, or it is none."""
    if (each := period(expression)) is not None:
        return at_rate(now, each, now)
    try:
        return parse_cron(expression.strip().removeprefix("cron(").removesuffix(")")).after(now)
    except TopologyError:
        return None


class Clock(Generic[_Thing]):
    """Remembers when each of the things that come again is due; one that is changed begins anew.

    What a machine slept through is due once. Where its clock is set back, what comes again is due in its time by the
    clock as it is then, and what was due for the last time stays so.
    """

    def __init__(
        self,
        after: Callable[[_Thing, datetime], datetime | None],
        first: Callable[[_Thing, datetime], datetime | None] | None = None,
    ) -> None:
        """``first`` says when a thing that is seen for the first time is due; None: as ever after."""
        self._after = after
        self._first = first or after
        self._due: dict[_Thing, datetime | None] = {}
        self._looked_at: datetime | None = None

    def due(self, things: Iterable[_Thing], now: datetime) -> list[tuple[_Thing, datetime]]:
        """Those that are due now, of those that there are, each with its time."""
        before = self._due
        if self._looked_at is not None and now < self._looked_at - SET_BACK:
            before = {each: at and self._after(each, now) for each, at in before.items()}
        self._looked_at = now
        self._due = {each: before[each] if each in before else self._first(each, now) for each in things}
        found = [(each, at) for each, at in self._due.items() if at is not None and at <= now]
        self._due |= {each: self._after(each, now) for each, _ in found}
        return found
