"""Buses and rules of a stack, as operations of EventBridge. Pure. [DOC] cfn-docs:AWS_Events"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ..services.calls import Call
from .errors import Problem
from .stack import Resource
from .values import at, items, mapping

if TYPE_CHECKING:
    from .topology import Things

_HERE: Final = (":lambda:", ":sqs:", ":sns:", ":event-bus/", ":stateMachine:", ":kinesis:")
"""What is in ARNs of targets that are reached here."""

_KEPT: Final = (
    *("Description", "EndDate", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate"),
    "State",
)
"""What of a schedule the API takes as it is."""


def bus(resource: Resource) -> list[Call]:
    """A bus of its own."""
    return [_events(resource, "create_event_bus", Name=resource.name)]


def rule(things: Things, resource: Resource) -> list[Call]:
    """A rule that waits for events, or sends to queues and topics by the clock; functions have the clock's own."""
    pattern, expression = (resource.properties.get(name) for name in ("EventPattern", "ScheduleExpression"))
    targets = [_target(things, resource, position, each) for position, each in enumerate(items(resource, "Targets"))]
    if pattern is None:
        targets = [each for each in targets if ":lambda:" not in each["Arn"]]
    if not targets:
        return []
    named: dict[str, Any] = {"Name": resource.name}
    where: dict[str, Any] = {}
    if (on := resource.properties.get("EventBusName")) is not None:
        where = {"EventBusName": str(on)}
    if pattern is not None:
        named["EventPattern"] = pattern if isinstance(pattern, str) else json.dumps(pattern)
    if expression is not None:
        named["ScheduleExpression"] = str(expression)
    if (state := resource.properties.get("State")) is not None:
        named["State"] = str(state)
    return [
        _events(resource, "put_rule", **named, **where),
        _events(resource, "put_targets", Rule=resource.name, Targets=targets, **where),
    ]


def is_for_the_clock(resource: Resource) -> bool:
    """Whether a schedule is one that the emulator's own clock has: of a function, again and again, in UTC."""
    given = resource.properties
    is_plain = given.get("ScheduleExpressionTimezone", "UTC") == "UTC" and not {"StartDate", "EndDate"} & set(given)
    is_again = not str(given.get("ScheduleExpression", "")).startswith("at(")
    return is_plain and is_again and ":lambda:" in str(mapping(resource, "Target").get("Arn", ""))


def schedule_group(resource: Resource) -> list[Call]:
    """A group of schedules."""
    return [_scheduler(resource, "create_schedule_group", Name=resource.name)]


def schedule(things: Things, resource: Resource) -> list[Call]:
    """A schedule that the scheduler fires: once, in a time zone, or for something that is no function."""
    if is_for_the_clock(resource):
        return []
    target = mapping(resource, "Target")
    if not any(each in str(target.get("Arn", "")) for each in _HERE):
        things.warn(resource, f"its target {target.get('Arn')} is not reached here")
        return []
    named: dict[str, Any] = {name: str(resource.properties[name]) for name in _KEPT if name in resource.properties}
    window = mapping(resource, "FlexibleTimeWindow") or {"Mode": "OFF"}
    named |= {"Name": resource.name, "Target": dict(target), "FlexibleTimeWindow": dict(window)}
    return [_scheduler(resource, "create_schedule", **named)]


def _scheduler(resource: Resource, operation: str, **parameters: Any) -> Call:
    return Call(service="scheduler", operation=operation, parameters=parameters, resource=resource.logical_id)


def _target(things: Things, resource: Resource, position: int, target: Any) -> dict[str, Any]:
    if not isinstance(target, dict) or not {"Arn", "Id"} <= set(target):
        raise Problem(at(resource, "Targets", position), "Arn and Id are expected")
    arn = str(target["Arn"])
    if not any(each in arn for each in _HERE):
        things.warn(resource, f"its target {arn} is not reached here")
    return {str(name): value for name, value in target.items()}


def _events(resource: Resource, operation: str, **parameters: Any) -> Call:
    return Call(service="events", operation=operation, parameters=parameters, resource=resource.logical_id)
