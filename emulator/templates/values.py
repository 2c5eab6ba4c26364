"""Properties as CloudFormation takes them: numbers and booleans may be written as text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from .errors import Path, Problem
from .intrinsics import is_true
from .resources.conformity import is_number
from .stack import Resource

Default = TypeVar("Default")


def boolean(resource: Resource, name: str) -> bool:
    """A property that is true or not; absent is not."""
    value = resource.properties.get(name, False)
    if is_true(value):
        return True
    if value in (False, "false", "False"):
        return False
    raise Problem(at(resource, name), f"{value!r} is neither true nor false")


def number(resource: Resource, name: str, default: Default) -> float | Default:
    """A property that is a number, or the default."""
    value = resource.properties.get(name)
    if value is None:
        return default
    if not is_number(value):
        raise Problem(at(resource, name), f"{value!r} is no number")
    return float(value)


def whole(resource: Resource, name: str, default: Default) -> int | Default:
    """A property that is a whole number, or the default."""
    value = number(resource, name, default)
    if value is default:
        return default
    if not isinstance(value, float) or value != int(value):
        raise Problem(at(resource, name), f"{value!r} is no whole number")
    return int(value)


def text(resource: Resource, name: str) -> str:
    """A property that must be there, as text."""
    value = resource.properties.get(name)
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise Problem(resource.path, f"{resource.type} needs {name}")
    return str(value)


def is_retained(resource: Resource) -> bool:
    """Whether it stays when it is no longer of its stack. [DOC] cfn-docs:aws-attribute-deletionpolicy"""
    return resource.policies.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")


def mapping(resource: Resource, name: str) -> Mapping[str, Any]:
    """A property that is a mapping; absent is empty."""
    value = resource.properties.get(name) or {}
    if not isinstance(value, dict):
        raise Problem(at(resource, name), "a mapping is expected")
    return value


def items(resource: Resource, name: str) -> list[Any]:
    """A property that is a list; absent is empty."""
    value = resource.properties.get(name) or []
    if not isinstance(value, list):
        raise Problem(at(resource, name), "a list is expected")
    return value


def at(resource: Resource, *names: str | int) -> Path:
    """The place of a property."""
    return (*resource.path, "Properties", *names)
