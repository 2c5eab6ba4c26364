"""When schedules of EventBridge Scheduler are due, and what their targets get. Pure: the time is an argument.

[DOC] scheduler-docs:schedule-types, managing-schedule-context-attributes, managing-targets-templated
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from .rule_clock import is_cron, next_due

_AT: Final = "at("
_ONCE: Final = re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)")
_RATE: Final = re.compile(r"rate\(0*[1-9]\d* (minute|hour|day)s?\)")


def problem(expression: str, zone: str) -> str | None:
    """Why the scheduler refuses a schedule's times; None: it takes them. [REC] ls-snap, [INF] the words for a zone

    Unlike rules it takes a rate with its unit in either number, and a time that has passed.
    """
    if not (_RATE.fullmatch(expression) or _ONCE.fullmatch(expression) or is_cron(expression)):
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

    def after(self, now: datetime) -> datetime | None:
        """The first time after one; None: never again."""
        if self.start is not None and self.start > now:
            now = self.start
        found = self._due(now)
        return None if found is None or (self.end is not None and found > self.end) else found

    @property
    def is_once(self) -> bool:
        """Whether it is over once it was due."""
        return self.expression.startswith(_AT)

    def _due(self, now: datetime) -> datetime | None:
        try:
            zone = ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            return None
        if not self.is_once:
            # A calendar is the zone's: hours that it leaves out, or has twice, are not looked at.
            local = next_due(self.expression, now.astimezone(zone).replace(tzinfo=None))
            return None if local is None else local.replace(tzinfo=zone).astimezone(UTC)
        try:
            at = datetime.fromisoformat(self.expression.removeprefix(_AT).removesuffix(")"))
        except ValueError:
            return None
        found = at.replace(tzinfo=zone).astimezone(UTC)
        return found if found > now else None


class ScheduleClock:
    """Remembers when each schedule is due; one that is changed begins anew."""

    def __init__(self) -> None:
        self._due: dict[Timing, datetime | None] = {}

    def due(self, schedules: Iterable[Timing], now: datetime) -> list[tuple[Timing, datetime]]:
        """Those that are due now, each with its time."""
        known = set(schedules)
        self._due = {each: at for each, at in self._due.items() if each in known}
        found = []
        for each in sorted(known, key=lambda one: one.arn):
            if each not in self._due:
                self._due[each] = each.after(each.made or now)
            at = self._due[each]
            if at is not None and at <= now:
                found.append((each, at))
                self._due[each] = each.after(now)
        return found


def target_input(target: Mapping[str, Any], arn: str, at: datetime, *, execution_id: str) -> str:
    """What a target gets: its input, context attributes filled in, or an event that says what happened."""
    time = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    if (given := target.get("Input")) is None:
        _arn, _partition, _service, region, account, _rest = arn.split(":")
        event = {
            "version": "0",
            "id": execution_id,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": account,
            "time": time,
            "region": region,
            "resources": [arn],
            "detail": "{}",
        }
        return json.dumps(event, separators=(",", ":"))
    text = str(given)
    context = {"schedule-arn": arn, "scheduled-time": time, "execution-id": execution_id, "attempt-number": "1"}
    for name, value in context.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text
