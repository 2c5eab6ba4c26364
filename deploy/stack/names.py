"""Physical names of a stack's resources, and CloudFormation's functions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from ..errors import DeployError

T = TypeVar("T")

Resources = dict[str, dict[str, Any]]
"""Logical id to resource."""

STACK: Final = "${AWS::StackName}"
"""The stack's name inside ``Fn::Sub``."""


def function_name(name: str) -> dict[str, str]:
    """Physical name of a function: known before it exists, so that a role can name its own function."""
    return sub(f"{STACK}-{name}")


def ref(logical_id: str) -> dict[str, str]:
    """The resource's physical id."""
    return {"Ref": logical_id}


def att(logical_id: str, attribute: str = "Arn") -> dict[str, list[str]]:
    """An attribute of a resource."""
    return {"Fn::GetAtt": [logical_id, attribute]}


def sub(text: str, **values: Any) -> dict[str, Any]:
    """``text`` with ``${...}`` replaced by CloudFormation."""
    return {"Fn::Sub": [text, values]} if values else {"Fn::Sub": text}


def within(stack: str, value: Any) -> Any:
    """A part of a template with the stack's name filled in, as CloudFormation compares it."""
    match value:
        case {"Fn::Sub": str(text), **rest} if not rest:
            text = text.replace(STACK, stack)
            return sub(text) if "${" in text else text
        case Mapping():
            return {key: within(stack, each) for key, each in value.items()}
        case list():
            return [within(stack, each) for each in value]
    return value


def is_literal(value: Any) -> bool:
    """Whether a template says a value itself: of its functions and dynamic references CloudFormation alone knows it."""
    match value:
        case str():
            return "{{resolve:" not in value
        case Mapping():
            is_function = any(str(key) == "Ref" or str(key).startswith("Fn::") for key in value)
            return not is_function and all(is_literal(each) for each in value.values())
        case list() | tuple():
            return all(is_literal(each) for each in value)
    return True


def merge(*groups: Iterable[Mapping[str, T]]) -> dict[str, T]:
    """Things by their logical ids, all of them together.

    Raises:
        DeployError: two have one id.
    """
    found: dict[str, T] = {}
    for group in groups:
        for things in group:
            for logical_id, thing in things.items():
                if logical_id in found:
                    raise DeployError(f"two things of this service become the id {logical_id}; rename one")
                found[logical_id] = thing
    return found
