"""What a stack claims and what there is: what somebody deleted or changed behind CloudFormation's back. Pure.

CloudFormation compares templates, not the world: a change set is empty while a function is gone. Compared is what can
be read without a detection run of CloudFormation, which takes minutes: functions, tables, queues, the API, its stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .adoption import misfit
from .cloud import Resource

FUNCTION: Final = "AWS::Lambda::Function"
TABLE: Final = "AWS::DynamoDB::Table"
QUEUE: Final = "AWS::SQS::Queue"
API: Final = "AWS::ApiGatewayV2::Api"
STAGE: Final = "AWS::ApiGatewayV2::Stage"

_OF_FUNCTIONS: Final = ("MemorySize", "Timeout", "Handler", "Runtime", "TracingConfig")
"""Properties of functions whose values in a template are those that Lambda tells."""
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
    if resource.resource_type == STAGE:
        wanted, there = (each.get("DefaultRouteSettings", {}) for each in (properties, real))
        differences = [(said, {"DefaultRouteSettings": wanted}) for said, _ in _settings(wanted, there, _OF_STAGES)]
    if differences:
        repair = {name: value for _, part in differences for name, value in part.items()}
        can_be_set = all(part for _, part in differences)
        said = "; ".join(each for each, _ in differences)
        yield _drift(resource, f"was changed by hand: {said}", repair if can_be_set else {})


def _settings(
    wanted: Mapping[str, Any], there: Mapping[str, Any], names: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What is told of the difference, and the properties that remove it."""
    for name in names:
        # What AWS does not tell of is not compared: not everybody who is asked like AWS knows everything.
        if name in wanted and name in there and there[name] != wanted[name]:
            yield f"{name} is {_said(there[name])} and not {_said(wanted[name])}", {name: wanted[name]}


def _said(value: Any) -> Any:
    return next(iter(value.values())) if isinstance(value, Mapping) and len(value) == 1 else value


def _variables(properties: Mapping[str, Any], real: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Plain variables; those that CloudFormation fills in are not known here. Values are not told."""
    if "Error" in real.get("Environment", {}):  # they are encrypted with a key that we may not use
        return
    wanted = properties.get("Environment", {}).get("Variables", {})
    there = real.get("Environment", {}).get("Variables", {})
    plain = {name for name, value in wanted.items() if isinstance(value, str)}
    names = sorted({name for name in plain if there.get(name) != wanted[name]} | (there.keys() ^ wanted.keys()))
    if names:
        known = {name: wanted[name] if name in plain else there.get(name) for name in wanted}
        can_be_set = all(value is not None for value in known.values())
        yield f"the variables {', '.join(names)}", {"Environment": {"Variables": known}} if can_be_set else {}
