"""Buses and rules of a stack, as operations of EventBridge. Pure. [DOC] cfn-docs:AWS_Events"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ...event_sources.streams.filters import InvalidFilterPatternError
from ...foundation.json_bytes import parsed_json
from ...services.calls import Call
from ...services.eventbridge.inputs import refused_target
from ...services.eventbridge.patterns import compile_event_pattern
from ...services.eventbridge.schedule_clock import problem
from ..catalogue import Catalogue
from ..errors import Problem
from ..stack import Resource
from ..values import at, is_retained, items, mapping, text

_DEFAULT: Final = "default"
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


def bus_of_others(catalogue: Catalogue, resource: Resource) -> list[Call]:
    """The bus that a rule names and no template has: it is somebody's on AWS, and made by its first rule here."""
    name = _bus_name(resource)
    own = {each.name for each in catalogue.of("AWS::Events::EventBus")}
    rules = [each for each in catalogue.of("AWS::Events::Rule") if _bus_name(each) == name]
    if name in own or name == _DEFAULT or rules[0] is not resource:
        return []
    if _is_of_a_partner(name):
        catalogue.warn(resource, f"the event bus {name} is a partner's: nothing comes of its rules")
        return []
    catalogue.warn(resource, f"the event bus {name} is none of this project's: it is made here")
    return [_events(resource, "create_event_bus", Name=name)]


def _bus_name(rule: Resource) -> str:
    return str(rule.properties.get("EventBusName") or _DEFAULT).rpartition(":event-bus/")[2]


def _is_of_a_partner(bus: str) -> bool:
    return "/" in bus


def rule(catalogue: Catalogue, resource: Resource) -> list[Call]:
    """A rule that waits for events, or sends by the clock to whom the emulator's own clock does not."""
    pattern, expression = (resource.properties.get(name) for name in ("EventPattern", "ScheduleExpression"))
    if pattern is None and expression is None:
        raise Problem(resource.path, "EventPattern or ScheduleExpression must be specified")
    if expression is not None and _bus_name(resource) != _DEFAULT:
        raise Problem(at(resource, "ScheduleExpression"), "it is supported only on the default event bus")
    named = [_target(catalogue, resource, position, each) for position, each in enumerate(items(resource, "Targets"))]
    targets = [each for each in named if str(each["Arn"]).startswith("arn:")]  # a made-up name leads nowhere
    if pattern is None:
        targets = [each for each in targets if not is_told_by_the_clock(each)]
    if not targets or _is_of_a_partner(_bus_name(resource)):
        return []
    said: dict[str, Any] = {"Name": resource.name}
    where: dict[str, Any] = {}
    if (on := resource.properties.get("EventBusName")) is not None:
        where = {"EventBusName": str(on)}
    if pattern is not None:
        try:
            compile_event_pattern(pattern)
        except InvalidFilterPatternError as error:
            raise Problem(
                at(resource, "EventPattern"), f"Event pattern is not valid. Reason: {error.problem}"
            ) from error
        said["EventPattern"] = pattern if isinstance(pattern, str) else json.dumps(pattern)
    if expression is not None:
        said["ScheduleExpression"] = str(expression)
    if (state := resource.properties.get("State")) is not None:
        said["State"] = str(state)
    return [
        _events(resource, "put_rule", **said, **where),
        _events(resource, "put_targets", Rule=resource.name, Targets=targets, **where),
    ]


def is_told_by_the_clock(target: Mapping[str, Any]) -> bool:
    """Whether the emulator's own clock sends to a target: a function that gets the event as it is, or an object."""
    is_made = {"InputPath", "InputTransformer"} & set(target)
    return ":lambda:" in str(target.get("Arn", "")) and not is_made and _may_be_object(target.get("Input"))


def is_for_the_clock(resource: Resource) -> bool:
    """Whether a schedule is one that the emulator's own clock has: of a function, by a calendar, in UTC.

    A rate begins at once, which that clock does not. Without an input a function gets the scheduler's own event, and an
    input may name what only the scheduler knows.
    """
    given, target = resource.properties, mapping(resource, "Target")
    is_plain = _zone(resource) == "UTC" and not {"StartDate", "EndDate"} & set(given)
    is_calendar = str(given.get("ScheduleExpression", "")).startswith("cron(")
    said = target.get("Input")
    is_object = said is not None and "<aws.scheduler." not in str(said) and _may_be_object(said)
    return is_plain and is_calendar and is_object and ":lambda:" in str(target.get("Arn", ""))


def _zone(resource: Resource) -> Any:
    return resource.properties.get("ScheduleExpressionTimezone", "UTC")


def _may_be_object(value: Any) -> bool:
    """Whether an input is an object, or nothing that anybody could take; None is the event itself."""
    try:
        return value is None or isinstance(parsed_json(value) if isinstance(value, str) else value, dict)
    except ValueError:
        return True


def schedule_group(resource: Resource) -> list[Call]:
    """A group of schedules."""
    return [_scheduler(resource, "create_schedule_group", Name=resource.name)]


def schedule(catalogue: Catalogue, resource: Resource) -> list[Call]:
    """A schedule that the scheduler fires: once, at a rate, in a time zone, or for something that is no function."""
    if is_for_the_clock(resource):
        return []
    if (wrong := problem(text(resource, "ScheduleExpression"), str(_zone(resource)))) is not None:
        raise Problem(at(resource, "ScheduleExpression"), wrong)
    target = mapping(resource, "Target")
    if not any(each in str(target.get("Arn", "")) for each in _HERE):
        catalogue.warn(resource, f"its target {target.get('Arn')} is not reached here")
        return []
    named: dict[str, Any] = {name: str(resource.properties[name]) for name in _KEPT if name in resource.properties}
    window = mapping(resource, "FlexibleTimeWindow") or {"Mode": "OFF"}
    named |= {"Name": resource.name, "Target": dict(target), "FlexibleTimeWindow": dict(window)}
    return [_scheduler(resource, "create_schedule", **named)]


def _scheduler(resource: Resource, operation: str, **parameters: Any) -> Call:
    return _call("scheduler", operation, parameters, resource)


def _target(catalogue: Catalogue, resource: Resource, position: int, target: Any) -> dict[str, Any]:
    if not isinstance(target, dict) or not {"Arn", "Id"} <= set(target):
        raise Problem(at(resource, "Targets", position), "Arn and Id are expected")
    if (wrong := refused_target(target)) is not None:
        raise Problem(at(resource, "Targets", position), wrong)
    arn = str(target["Arn"])
    if not any(each in arn for each in _HERE):
        catalogue.warn(resource, f"its target {arn} is not reached here")
    return {str(name): value for name, value in target.items()}


def _events(resource: Resource, operation: str, **parameters: Any) -> Call:
    return _call("events", operation, parameters, resource)


def _call(service: str, operation: str, parameters: Mapping[str, Any], resource: Resource) -> Call:
    whose, stays = resource.logical_id, is_retained(resource)
    return Call(service=service, operation=operation, parameters=parameters, resource=whose, is_retained=stays)
