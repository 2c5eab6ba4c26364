"""Whether a request fits the service's model, yes or no. `model` finds the words for a no.

Pure. Each check is a function made of a shape once; None stands for a shape that everything fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from ..foundation.shapes import Shape

Quick = Callable[[Any], bool]

ATTRIBUTE_VALUE: Final = "AttributeValue"
"""Values are checked by `values.read_value`, which knows more about them than the model."""
NAME_LENGTHS: Final = (3, 255)
"""Shortest and longest name of a table or index. [DOC] ddb-docs:HowItWorks.NamingRulesDataTypes"""
NAME_PATTERN: Final = "[a-zA-Z0-9_.-]+"
_NAME: Final = re.compile("[a-zA-Z0-9_.-]{3,255}").fullmatch
_KINDS: Final = {"boolean": (bool,), "integer": (int,), "long": (int,), "double": (int, float), "float": (int, float)}


def is_python(pattern: str | None) -> bool:
    """Whether a pattern means in Python what it means in Java."""
    return pattern is not None and "\\p" not in pattern and "\\u" not in pattern


def quick_check_of(shape: Shape) -> Quick | None:
    """The check of a shape of the service's model."""
    if shape.name == ATTRIBUTE_VALUE:
        return None
    if shape.type_name == "structure":
        return _structure(shape)
    if shape.type_name == "list":
        return _list(shape)
    if shape.type_name == "map":
        return _map(shape)
    if shape.type_name == "string":
        return _string(shape)
    if shape.type_name == "timestamp":
        return lambda value: isinstance(value, (int, float, str))
    kinds = _KINDS.get(shape.type_name, (str,))
    low, high = _bounds(shape)
    if low is None and high is None:
        return lambda value: type(value) in kinds
    return lambda value: type(value) in kinds and (low is None or value >= low) and (high is None or value <= high)


def _bounds(shape: Shape) -> tuple[int | None, int | None]:
    return shape.metadata.get("min"), shape.metadata.get("max")


def _structure(shape: Shape) -> Quick:
    members = {name: quick_check_of(member) for name, member in shape.members.items()}
    required = frozenset(shape.required_members)

    def check(value: Any) -> bool:
        if type(value) is not dict or not required <= value.keys():
            return False
        for name, member in value.items():
            if member is None:
                return False
            check_member = members.get(name)
            if check_member is not None and not check_member(member):
                return False
        return True

    return check


def _list(shape: Shape) -> Quick:
    check_member = quick_check_of(shape.member)
    low, high = _bounds(shape)

    def check(value: Any) -> bool:
        if type(value) is not list:
            return False
        if (low is not None and len(value) < low) or (high is not None and len(value) > high):
            return False
        return None not in value and (check_member is None or all(map(check_member, value)))

    return check


def _map(shape: Shape) -> Quick:
    check_key, check_member = quick_check_of(shape.key), quick_check_of(shape.value)
    low, high = _bounds(shape)

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return False
        if (low is not None and len(value) < low) or (high is not None and len(value) > high):
            return False
        for key, member in value.items():
            if member is None or (check_key is not None and not check_key(key)):
                return False
            if check_member is not None and not check_member(member):
                return False
        return True

    return check


def _string(shape: Shape) -> Quick:
    values, (low, high) = frozenset(shape.enum), _bounds(shape)
    pattern = shape.metadata.get("pattern")
    if shape.name == "TableArn":
        return lambda value: type(value) is str and (_NAME(value) is not None or value.startswith("arn:"))
    if values:
        return lambda value: type(value) is str and value in values
    matches = re.compile(pattern, re.ASCII).fullmatch if pattern is not None and is_python(pattern) else None
    if matches is None and low is None and high is None:
        return lambda value: type(value) is str

    def check(value: Any) -> bool:
        if type(value) is not str:
            return False
        if (low is not None and len(value) < low) or (high is not None and len(value) > high):
            return False
        return matches is None or matches(value) is not None

    return check
