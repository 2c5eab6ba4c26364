"""The roles that a topology gives its functions. Pure."""

from __future__ import annotations

from typing import Any

from streamer.topology import Function, Topology
from streamer.topology.grants import Grant, Place, arn, grants, placed

from .policy import Statement, statement_of


def statements_of(topology: Topology, function: Function, place: Place) -> tuple[Statement, ...]:
    """The statements of a function's role that are enforced here, as its policy document has them in this place."""
    return tuple(statement_of(_document(grant, place)) for grant in grants(topology, function))


def _document(grant: Grant, place: Place) -> dict[str, Any]:
    resources = [arn(resource, place) for resource in grant.resources]
    conditions = {
        operator: {key: _placed(values, place) for key, values in keys.items()}
        for operator, keys in grant.conditions.items()
    }
    return {"Effect": "Allow", "Action": list(grant.actions), "Resource": resources, "Condition": conditions}


def _placed(values: Any, place: Place) -> Any:
    """What a condition compares with, of which texts may have names for where it runs."""
    if isinstance(values, list | tuple):
        return [_placed(each, place) for each in values]
    return placed(values, place) if isinstance(values, str) else values
