"""When rules with a schedule are due. Pure: the time is an argument. [DOC] eb-docs:eb-create-rule-schedule"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from streamer.errors import TopologyError
from streamer.topology.cron import parse_cron

_RATE: Final = re.compile(r"rate\((0*[1-9]\d*) (minute|hour|day)s?\)")
_UNITS: Final = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


def is_rate(expression: str) -> bool:
    """Whether a rule takes a rate: 1 has its unit in the singular, all others in the plural.

    [DOC] eb-docs:eb-rate-expressions
    """
    rate = _RATE.fullmatch(expression)
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
    rate = _RATE.fullmatch(expression.strip())
    if rate is None:
        return None
    unit = _UNITS[rate[2]]
    return min(int(rate[1]), timedelta.max // unit) * unit


def at_rate(begin: datetime, each: timedelta, now: datetime) -> datetime | None:
    """The first of the times that come each period after a begin, and after now; None: none before the year 10000."""
    try:
        return begin + ((now - begin) // each + 1) * each
    except OverflowError:
        return None


def next_due(expression: str, now: datetime) -> datetime | None:
    """When an expression is next due after a time in UTC; None: never, or it is none."""
    if (each := period(expression)) is not None:
        return at_rate(now, each, now)
    try:
        return parse_cron(expression.strip().removeprefix("cron(").removesuffix(")")).after(now)
    except TopologyError:
        return None


class RuleClock:
    """Remembers when each rule is due: a period after it was first seen, or by its calendar."""

    def __init__(self) -> None:
        self._due: dict[tuple[str, str], datetime | None] = {}

    def due(self, rules: Iterable[tuple[str, str]], now: datetime) -> list[str]:
        """ARNs of the rules that are due now, of those that there are, each with its expression."""
        known = set(rules)
        self._due = {key: at for key, at in self._due.items() if key in known}
        found = []
        for key in sorted(known):
            if key not in self._due:
                self._due[key] = next_due(key[1], now)
            at = self._due[key]
            if at is not None and at <= now:
                found.append(key[0])
                self._due[key] = next_due(key[1], now)
        return found
