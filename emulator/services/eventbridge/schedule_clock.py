"""When schedules of EventBridge Scheduler are due, and what their targets get. Pure: the time is an argument.

[DOC] scheduler-docs:schedule-types, managing-schedule-context-attributes, managing-targets-templated
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from ...event_sources.eventbridge import at_rate, event_about
from ...foundation.json_bytes import json_text
from ...foundation.times import iso_seconds
from .rule_clock import RATE, is_cron, next_due, period

_AT: Final = "at("
_ONCE: Final = re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)")


def problem(expression: str, zone: str) -> str | None:
    """Why the scheduler refuses a schedule's times; None: it takes them. [REC] ls-snap, [INF] the words for a zone

    Unlike rules it takes a rate with its unit in either number, and a time that has passed.
    """
    if not (RATE.fullmatch(expression) or _ONCE.fullmatch(expression) or is_cron(expression)):
        return f"Invalid Schedule Expression {expression}."
    try:
        if expression.startswith(_AT):
            datetime.fromisoformat(expression.removeprefix(_AT).removesuffix(")"))
    except ValueError:
        return f"Invalid Schedule Expression {expression}."
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"Invalid ScheduleExpressionTimezone {zone}."
    return None


class Timing(Struct, frozen=True, kw_only=True):
    """What says when a schedule is due."""

    arn: str
    expression: str
    zone: str = "UTC"
    made: datetime | None = None
    """When it was made or changed; None: when it is first seen."""
    start: datetime | None = None
    end: datetime | None = None

    def first(self, now: datetime) -> datetime | None:
        """The first time of all, for one that is seen now: a rate without a start begins at once. [DOC] likewise"""
        made = self.made or now
        if self.start is None and period(self.expression) is not None:
            return made if self.end is None or made <= self.end else None
        return self.after(made)

    def after(self, now: datetime) -> datetime | None:
        """The first time after one; None: never again.

        Start and end count for what is due again and again only. [DOC] scheduler-docs:schedule-types
        """
        try:
            zone = ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            return None
        if self.is_once:
            return self._once(zone, now)
        each = period(self.expression)
        found = self._by_calendar(zone, now) if each is None else self._at_rate(each, now)
        return None if found is None or (self.end is not None and found > self.end) else found

    @property
    def is_once(self) -> bool:
        """Whether it is over once it was due."""
        return self.expression.startswith(_AT)

    def _once(self, zone: ZoneInfo, now: datetime) -> datetime | None:
        try:
            at = datetime.fromisoformat(self.expression.removeprefix(_AT).removesuffix(")"))
        except ValueError:
            return None
        found = at.replace(tzinfo=zone).astimezone(UTC)
        return found if found > now else None

    def _at_rate(self, each: timedelta, now: datetime) -> datetime | None:
        """A rate counts the time that passes, whatever clocks show; the start is its first. [DOC] likewise"""
        if self.start is not None and self.start > now:
            return self.start
        return at_rate(self.start or self.made or now, each, now)

    def _by_calendar(self, zone: ZoneInfo, now: datetime) -> datetime | None:
        """A calendar is the zone's: a time that its clocks leave out is skipped, one that they show twice is the first.

        [DOC] likewise (Daylight savings time)
        """
        if self.start is not None and self.start > now:
            now = self.start
        local: datetime | None = now.astimezone(zone).replace(tzinfo=None)
        while local is not None and (local := next_due(self.expression, local)) is not None:
            found = local.replace(tzinfo=zone).astimezone(UTC)
            if found > now and found.astimezone(zone).replace(tzinfo=None) == local:
                return found
        return None


def target_input(target: Mapping[str, Any], arn: str, at: datetime, *, execution_id: str) -> str:
    """What a target gets: its input, context attributes filled in, or an event that says what happened."""
    if (given := target.get("Input")) is None:
        what = {"source": "aws.scheduler", "detail_type": "Scheduled Event", "detail": "{}"}
        return json_text(event_about(arn, event_id=execution_id, at=at, **what))
    text, time = str(given), iso_seconds(at)
    context = {"schedule-arn": arn, "scheduled-time": time, "execution-id": execution_id, "attempt-number": "1"}
    for name, value in context.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text
