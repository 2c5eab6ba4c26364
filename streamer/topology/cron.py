"""EventBridge's cron expressions: when a schedule is next due. Pure. [DOC] eb-docs:eb-cron-expressions"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from streamer.errors import TopologyError

_CRON_FIELD: Final = re.compile(r"[0-9A-Z*?,/#-]+")
_MONTHS: Final = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if number}
_DAYS: Final = {name: number for number, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], 1)}
_YEARS: Final = (1970, 2199)
_WEEK: Final = 7
_FRIDAY: Final = 4
_SUNDAY: Final = 6


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    is_day: Callable[[date], bool]

    def after(self, moment: datetime) -> datetime | None:
        """The first time after a moment (both in UTC); None: never again."""
        start = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        day = start.date()
        while day.year <= max(self.years):
            if day.year not in self.years:
                day = date(day.year + 1, 1, 1)
                continue
            if day.month not in self.months:
                day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
                continue
            if self.is_day(day):
                earliest = (start.hour, start.minute) if day == start.date() else (0, 0)
                times = [(hour, minute) for hour in self.hours for minute in self.minutes if (hour, minute) >= earliest]
                if times:
                    hour, minute = min(times)
                    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=moment.tzinfo)
            day += timedelta(days=1)
        return None


def parse_cron(text: str) -> Cron:
    """Read six fields: minutes, hours, day of month, month, day of week, year.

    Raises:
        TopologyError: EventBridge would refuse them.
    """
    minutes, hours, days, months, weekdays, years = _fields(text)
    try:
        return Cron(
            _numbers(minutes, 0, 59),
            _numbers(hours, 0, 23),
            _numbers(months, 1, 12, _MONTHS),
            _numbers(years, *_YEARS),
            _day_of_week(weekdays) if days == "?" else _day_of_month(days),
        )
    except ValueError as error:
        raise TopologyError(f"cron({text}): {error}") from error


def _fields(text: str) -> list[str]:
    """The six fields of an expression: minutes, hours, day of month, month, day of week, year.

    [DOC] eb-docs:eb-cron-expressions

    Raises:
        TopologyError: there are others.
    """
    fields = text.upper().split()
    if len(fields) != 6:
        raise TopologyError(f"cron({text}): there are six fields, the last one is the year")
    if any(_CRON_FIELD.fullmatch(field) is None for field in fields):
        raise TopologyError(f"cron({text}): fields take digits, letters and *?,/-#; write them without cron(...)")
    if (fields[2] == "?") is (fields[4] == "?"):
        raise TopologyError(f"cron({text}): one of day-of-month and day-of-week is '?', the other is not")
    return fields


def _numbers(field: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _number(first, names)
            end = _number(last, names) if dash else high if slash else start
        every = _number(step, None) if slash else 1
        if not (low <= start <= high and low <= end <= high) or every < 1:
            raise ValueError(f"{part!r} is not within {low} to {high}")
        wraps = [*range(start, high + 1), *range(low, end + 1)] if end < start else range(start, end + 1)
        found.update(wraps[::every])
    return frozenset(found)


def _number(text: str, names: dict[str, int] | None) -> int:
    if names is not None and text in names:
        return names[text]
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no number")
    return int(text)


def _day_of_month(field: str) -> Callable[[date], bool]:
    if field == "L":
        return lambda day: day.day == calendar.monthrange(day.year, day.month)[1]
    nearest = re.fullmatch(r"(0?[1-9]|[12]\d|3[01]|L)W", field)
    if nearest is not None:
        return lambda day: day.day == _nearest_weekday(day, nearest[1])
    numbers = _numbers(field, 1, 31)
    return lambda day: day.day in numbers


def _nearest_weekday(month: date, text: str) -> int:
    last = calendar.monthrange(month.year, month.month)[1]
    wanted = last if text == "L" else min(int(text), last)
    weekday = date(month.year, month.month, wanted).weekday()
    if weekday <= _FRIDAY:
        return wanted
    moved = wanted + 1 if weekday == _SUNDAY else wanted - 1
    if moved < 1:
        return wanted + 2
    return wanted - 2 if moved > last else moved


def _day_of_week(field: str) -> Callable[[date], bool]:
    if field == "L":
        field = "SAT"  # the last day of the week
    last = re.fullmatch(r"([1-7]|[A-Z]{3})L", field)
    if last is not None:
        number = _number(last[1], _DAYS)
        return lambda day: _is(day, number) and day.day + _WEEK > calendar.monthrange(day.year, day.month)[1]
    which = re.fullmatch(r"([1-7]|[A-Z]{3})#([1-5])", field)
    if which is not None:
        number, nth = _number(which[1], _DAYS), int(which[2])
        return lambda day: _is(day, number) and (day.day - 1) // _WEEK + 1 == nth
    numbers = _numbers(field, 1, 7, _DAYS)
    return lambda day: any(_is(day, number) for number in numbers)


def _is(day: date, number: int) -> bool:
    return day.isoweekday() % _WEEK + 1 == number
