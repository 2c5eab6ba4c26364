"""Fires what moto's EventBridge Scheduler only keeps. Imported in the process of the services only."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.scheduler.models import EventBridgeSchedulerBackend, scheduler_backends

from ..event_sources.eventbridge import event_about
from ..foundation.times import instant
from . import moto_sns
from .delivery import CALL, Delivery, Tell
from .eventbridge.rule_clock import Clock
from .eventbridge.schedule_clock import Timing, problem, target_input


def take() -> None:
    """Have what the scheduler of AWS refuses refused from now on."""
    EventBridgeSchedulerBackend.create_schedule = _checked(EventBridgeSchedulerBackend.create_schedule)
    EventBridgeSchedulerBackend.update_schedule = _checked(EventBridgeSchedulerBackend.update_schedule)
    make_group = EventBridgeSchedulerBackend.create_schedule_group
    delete_group = EventBridgeSchedulerBackend.delete_schedule_group

    def make_group_once(backend: Any, name: str, tags: Any) -> Any:
        if name in backend.schedule_groups:  # moto would drop it with its schedules
            raise JsonRESTError("ConflictException", f"Schedule group {name} already exists.")
        return make_group(backend, name, tags)

    def delete_known_group(backend: Any, name: str) -> None:
        _require_group(backend, name)
        delete_group(backend, name)

    EventBridgeSchedulerBackend.create_schedule_group = make_group_once
    EventBridgeSchedulerBackend.delete_schedule_group = delete_known_group


def _checked(make: Callable[..., Any]) -> Callable[..., Any]:
    def checked(backend: Any, **named: Any) -> Any:
        wrong = problem(str(named["schedule_expression"]), named.get("schedule_expression_timezone") or "UTC")
        if wrong is not None:
            raise JsonRESTError("ValidationException", wrong)  # older moto has no class of it
        _require_group(backend, named.get("group_name") or "default")
        return make(backend, **named)

    return checked


def _require_group(backend: Any, group: str) -> None:
    if group not in backend.schedule_groups:
        raise JsonRESTError("ResourceNotFoundException", f"Schedule group {group} does not exist.")


class Schedules:
    """Sends on behalf of all schedules."""

    def __init__(self, tell: Tell, now: Callable[[], datetime], put: Callable[[Any, str], None]) -> None:
        """``put`` puts an event on a bus: it gets the event, and the ARN of the bus."""
        self._tell = tell
        self._now = now
        self._put = put
        self._clock = Clock(Timing.after, Timing.first)

    def tick(self) -> None:
        """Send on behalf of the schedules that are due."""
        known = {schedule.arn: (group, schedule) for group, schedule in _all() if schedule.state == "ENABLED"}
        timings = [_timing(schedule) for _, (_, schedule) in sorted(known.items())]
        for timing, at in self._clock.due(timings, self._now()):
            group, schedule = known[timing.arn]
            try:
                self._send(schedule, at)
            except Exception as error:  # noqa: BLE001 - moto's of any kind: told, and the other schedules send theirs
                self._tell(Delivery.lost(str(schedule.target["Arn"]), f"schedule {schedule.name}", error))
            if timing.is_once and schedule.action_after_completion == "DELETE":
                group.schedules.pop(schedule.name, None)

    def _send(self, schedule: Any, at: datetime) -> None:
        target = schedule.target
        arn = str(target["Arn"])
        text = target_input(target, schedule.arn, at, execution_id=str(uuid.uuid4()))
        if ":event-bus/" in arn:
            self._put(self._event(schedule, text), arn)
        elif ":sns:" in arn and CALL not in arn:
            moto_sns.send(arn, text, None)
        else:
            group = (target.get("SqsParameters") or {}).get("MessageGroupId")
            group = group or (target.get("KinesisParameters") or {}).get("PartitionKey")
            self._tell(Delivery(to=arn, by=f"schedule {schedule.name}", payload=text, group=group))

    def _event(self, schedule: Any, text: str) -> dict[str, Any]:
        """What a bus gets. [DOC] scheduler-docs:managing-targets-templated, EventBridge PutEvents"""
        given = schedule.target.get("EventBridgeParameters") or {}
        return event_about(
            schedule.arn,
            event_id=str(uuid.uuid4()),
            source=str(given.get("Source", "")),
            detail_type=str(given.get("DetailType", "")),
            detail=json.loads(text),
            at=self._now(),
        )


def _all() -> Iterator[tuple[Any, Any]]:
    for regions in scheduler_backends.values():
        for backend in regions.values():
            for group in backend.schedule_groups.values():
                for schedule in list(group.schedules.values()):
                    yield group, schedule


def _timing(schedule: Any) -> Timing:
    return Timing(
        arn=schedule.arn,
        expression=schedule.schedule_expression.strip(),
        zone=schedule.schedule_expression_timezone or "UTC",
        made=_instant(schedule.last_modified_date),
        start=_instant(schedule.start_date),
        end=_instant(schedule.end_date),
    )


def _instant(value: Any) -> datetime | None:
    """A time as moto keeps it: Unix seconds, or a text."""
    return None if value is None or value == "" else instant(value)
