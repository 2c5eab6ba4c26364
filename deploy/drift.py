"""What a stack claims and what there is: what somebody deleted or changed behind CloudFormation's back. Pure.

CloudFormation compares templates, not the world: a change set is empty while a function is gone. Compared is what can
be read without a detection run of CloudFormation, which takes minutes: functions, tables, queues, the API, its stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .adoption import misfit
from .cloud import Resource
from .stack.names import is_literal

FUNCTION: Final = "AWS::Lambda::Function"
TABLE: Final = "AWS::DynamoDB::Table"
QUEUE: Final = "AWS::SQS::Queue"
API: Final = "AWS::ApiGatewayV2::Api"
STAGE: Final = "AWS::ApiGatewayV2::Stage"

_OF_FUNCTIONS: Final = ("MemorySize", "Timeout", "Handler", "Runtime", "TracingConfig")
"""Properties of functions whose values in a template are those that Lambda tells."""
_OF_TABLES: Final[Mapping[str, str]] = {
    "TimeToLiveSpecification": "TTL",
    "PointInTimeRecoverySpecification": "point-in-time recovery",
}
"""Properties of tables that a table restored from a backup lacks, and what people call them.
[DOC] ddb-docs:PointInTimeRecovery, restoring"""
_OF_STAGES: Final = ("ThrottlingRateLimit", "ThrottlingBurstLimit", "DetailedMetricsEnabled")
"""Likewise of a stage's ``DefaultRouteSettings``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One thing that is not as the stack says."""

    logical_id: str
    physical_id: str
    resource_type: str
    what: str
    """The rest of the sentence that begins with the logical id."""
    repair: Mapping[str, Any] = field(default_factory=dict)
    """Properties as they should be, where a call can set them; empty: none can."""

    @property
    def is_gone(self) -> bool:
        """Whether it is not there at all."""
        return self.what == _GONE


_GONE: Final = "is gone: somebody deleted it, and the stack does not know"


def api_of_stage(template: Mapping[str, Any], resources: Sequence[Resource], stage: Resource) -> str:
    """Id of the API that a stage of a stack belongs to; empty: that cannot be told, or it is no stage."""
    match template.get("Resources", {}).get(stage.logical_id, {}).get("Properties", {}).get("ApiId"):
        case {"Ref": logical_id}:
            return next((each.physical_id for each in resources if each.logical_id == logical_id), "")
        case str(api_id):
            return api_id
    return ""


def drifts(
    template: Mapping[str, Any], resources: Sequence[Resource], real: Mapping[str, Mapping[str, Any] | None]
) -> tuple[Drift, ...]:
    """Compare.

    Args:
        template: The stack's.
        resources: The stack's, with their physical ids.
        real: Logical id to what AWS says of the resource; None: there is none. Absent: not looked at.
    """
    described = template.get("Resources", {})
    found: list[Drift] = []
    for resource in resources:
        if resource.logical_id not in real or resource.logical_id not in described:
            continue
        properties = described[resource.logical_id].get("Properties", {})
        what = real[resource.logical_id]
        if what is None:
            found.append(_drift(resource, _GONE))
        else:
            found += _changed(resource, properties, what)
    return tuple(found)


def _drift(resource: Resource, what: str, repair: Mapping[str, Any] | None = None) -> Drift:
    return Drift(
        logical_id=resource.logical_id,
        physical_id=resource.physical_id,
        resource_type=resource.resource_type,
        what=what,
        repair=repair or {},
    )


def _changed(resource: Resource, properties: Mapping[str, Any], real: Mapping[str, Any]) -> Iterator[Drift]:
    if resource.resource_type == TABLE:
        why = misfit(properties, real)
        if why is not None:
            yield _drift(resource, f"is not as the stack says: {why}")
    differences: list[tuple[str, Mapping[str, Any]]] = []
    if resource.resource_type == FUNCTION:
        differences = [*_settings(properties, real, _OF_FUNCTIONS), *_variables(properties, real)]
    if resource.resource_type == TABLE:
        differences = [*_kept(properties, real)]
    if resource.resource_type == STAGE:
        wanted, there = (each.get("DefaultRouteSettings", {}) for each in (properties, real))
        differences = [(said, {"DefaultRouteSettings": wanted}) for said, _ in _settings(wanted, there, _OF_STAGES)]
    if differences:
        repair = {name: value for _, part in differences for name, value in part.items()}
        can_be_set = all(part for _, part in differences)
        said = "; ".join(each for each, _ in differences)
        yield _drift(resource, f"was changed by hand: {said}", repair if can_be_set else {})


def _kept(properties: Mapping[str, Any], real: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """How a table forgets and what can be restored of it; likewise."""
    for name, what in _OF_TABLES.items():
        wanted, there = properties.get(name), real.get(name, {})
        if not isinstance(wanted, Mapping) or not is_literal(wanted):
            continue
        other = [key for key in wanted if key in there and not _is_same(wanted[key], there[key])]
        if other:
            said = ", ".join(f"{key} is {there[key]} and not {wanted[key]}" for key in other)
            # While TTL is on, DynamoDB takes no other attribute. [DOC] ddb-api:UpdateTimeToLive
            can_be_set = "AttributeName" not in other and all(type(wanted[k]) is type(there[k]) for k in other)
            yield f"{what}: {said}", {name: wanted} if can_be_set else {}


def _settings(
    wanted: Mapping[str, Any], there: Mapping[str, Any], names: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What is told of the difference, and the properties that remove it."""
    for name in names:
        # What AWS does not tell of is not compared: not everybody who is asked like AWS knows everything.
        if name not in wanted or name not in there or not is_literal(wanted[name]):
            continue
        if not _is_same(wanted[name], there[name]):
            can_be_set = isinstance(wanted[name], str) is isinstance(there[name], str)
            repair = {name: wanted[name]} if can_be_set else {}
            yield f"{name} is {_said(there[name])} and not {_said(wanted[name])}", repair


def _is_same(wanted: Any, there: Any) -> bool:
    """Whether CloudFormation makes the one of the other: it takes numbers and truth as text, too.

    [USR] aws-cloudformation/cloudformation-coverage-roadmap#814: GetTemplate has question marks where a template that
    was not sent in ASCII had other characters.
    """
    if not isinstance(wanted, str):
        return bool(wanted == there)
    text = there if isinstance(there, str) else str(there).lower()
    if wanted == text or (not isinstance(there, str) and wanted.lower() == text):
        return True
    return not text.isascii() and _told(text) == _told(wanted)


def _told(text: str) -> str:
    return re.sub(r"(?:[^\x00-\x7f]|\?)+", "?", text)


def _said(value: Any) -> Any:
    return next(iter(value.values())) if isinstance(value, Mapping) and len(value) == 1 else value


def _variables(properties: Mapping[str, Any], real: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Plain variables; those that CloudFormation fills in are not known here. Values are not told."""
    if "Error" in real.get("Environment", {}):  # they are encrypted with a key that we may not use
        return
    match properties.get("Environment", {}):
        case {"Variables": {"Fn::If": _} | {"Fn::FindInMap": _} | {"Fn::Transform": _}} | {"Fn::If": _}:
            return  # whole, they are CloudFormation's business
        case {"Variables": wanted}:
            pass
        case _:
            wanted = {}
    there = real.get("Environment", {}).get("Variables", {})
    plain = {name for name, value in wanted.items() if isinstance(value, str) and is_literal(value)}
    changed = {name for name in plain if name in there and not _is_same(wanted[name], there[name])}
    perhaps = {name for name, value in wanted.items() if "AWS::NoValue" in str(value)}
    names = sorted(changed | ((there.keys() ^ wanted.keys()) - perhaps))
    if names:
        lost = changed | (plain - there.keys())
        known = {n: wanted[n] if n in lost else there.get(n) for n in wanted if n in there or n not in perhaps}
        can_be_set = all(value is not None for value in known.values())
        yield f"the variables {', '.join(names)}", {"Environment": {"Variables": known}} if can_be_set else {}
