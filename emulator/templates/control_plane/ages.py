"""Since when resources of stacks are there, and are as they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec import Struct

Name = TypeVar("Name")


class Age(Struct, frozen=True, kw_only=True):
    """Times of a resource, in Unix seconds."""

    made: float
    changed: float
    """When its properties became what they are."""
    properties: Mapping[str, Any]


def aged(before: Mapping[Name, Age], properties: Mapping[Name, Mapping[str, Any]], now: float) -> dict[Name, Age]:
    """The ages of resources with these properties; what has none any more is forgotten."""
    return {name: _aged(before.get(name), each, now) for name, each in properties.items()}


def _aged(before: Age | None, properties: Mapping[str, Any], now: float) -> Age:
    if before is None:
        return Age(made=now, changed=now, properties=properties)
    return before if before.properties == properties else Age(made=before.made, changed=now, properties=properties)
