"""Parameters from before expressions: Expected, AttributeUpdates, QueryFilter, ScanFilter, KeyConditions. Pure.

[DOC] ddb-docs:LegacyConditionalParameters; [USR] rules and messages of dynalite's and scylladb's suites.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ..errors import invalid_parameter, validation_error
from ..values import ORDERED, SETS, Attributes, AttributeValue, read_value, sort_value
from .conditions import begins_with, contains, in_order
from .keys import KeyCondition
from .updates import PathChange, Update

Test = Callable[[Attributes], bool]
"""Whether a condition holds for an item's attributes; no item is an empty map."""
_Holds = Callable[[AttributeValue | None, Sequence[AttributeValue]], bool]

_KEY_OPERATORS: Final = {
    "EQ": "=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">=", "BEGINS_WITH": "begins_with", "BETWEEN": "BETWEEN",
}  # fmt: skip
"""Comparison operators of KeyConditions, as expressions write them."""
_LIKE_SETS: Final = (*SETS, "L")
_TYPES: Final = {
    "LE": ORDERED, "LT": ORDERED, "GE": ORDERED, "GT": ORDERED, "BETWEEN": ORDERED, "IN": ORDERED,
    "CONTAINS": ORDERED, "NOT_CONTAINS": ORDERED, "BEGINS_WITH": ("S", "B"),
}  # fmt: skip
"""Types of operands, for the operators that do not take all."""


def _not_contains(value: AttributeValue | None, values: Sequence[AttributeValue]) -> bool:
    return value is not None and value.type in ("S", "B", *_LIKE_SETS) and not contains(value, values[0])


def _between(value: AttributeValue | None, values: Sequence[AttributeValue]) -> bool:
    return in_order(operator.le, values[0], value) and in_order(operator.le, value, values[1])


_HOLDS: Final[dict[str, _Holds]] = {
    "EQ": lambda value, values: value == values[0],
    "NE": lambda value, values: value != values[0],
    "LE": lambda value, values: in_order(operator.le, value, values[0]),
    "LT": lambda value, values: in_order(operator.lt, value, values[0]),
    "GE": lambda value, values: in_order(operator.ge, value, values[0]),
    "GT": lambda value, values: in_order(operator.gt, value, values[0]),
    "BETWEEN": _between,
    "IN": lambda value, values: value in values,
    "NULL": lambda value, _values: value is None,
    "NOT_NULL": lambda value, _values: value is not None,
    "CONTAINS": lambda value, values: contains(value, values[0]),
    "NOT_CONTAINS": _not_contains,
    "BEGINS_WITH": lambda value, values: begins_with(value, values[0]),
}


def _check_arguments(comparison: str, values: Sequence[AttributeValue]) -> None:
    wanted = {"NULL": 0, "NOT_NULL": 0, "BETWEEN": 2}.get(comparison, 1)
    if (not values) if comparison == "IN" else len(values) != wanted:
        raise invalid_parameter(f"Invalid number of argument(s) for the {comparison} ComparisonOperator")
    if any(value.type != values[0].type for value in values):
        raise invalid_parameter("AttributeValues inside AttributeValueList must be of same type")
    for value in values:
        if value.type not in _TYPES.get(comparison, (value.type,)):
            raise invalid_parameter(
                f"ComparisonOperator {comparison} is not valid for {value.type} AttributeValue type"
            )
    if comparison == "BETWEEN" and sort_value(values[0]) > sort_value(values[1]):
        raise validation_error(
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
        )


def _combined(tests: list[Test], word: str | None) -> Test:
    combine = any if word == "OR" else all
    return lambda attributes: combine(test(attributes) for test in tests)


def filter_test(conditions: Mapping[str, Any], word: str | None) -> Test:
    """``QueryFilter`` or ``ScanFilter``: all conditions must hold, or any if the ConditionalOperator is ``OR``."""
    return _combined([_comparison_test(name, condition) for name, condition in conditions.items()], word)


def _comparison_test(name: str, condition: Mapping[str, Any]) -> Test:
    comparison = condition["ComparisonOperator"]
    values = [read_value(value) for value in condition.get("AttributeValueList", ())]
    _check_arguments(comparison, values)
    holds = _HOLDS[comparison]
    return lambda attributes: holds(attributes.get(name), values)


def expected_test(conditions: Mapping[str, Any], word: str | None) -> Test:
    """``Expected``: as `filter_test`, and with ``Exists`` and ``Value``."""
    return _combined([_expected_test(name, condition) for name, condition in conditions.items()], word)


def _expected_test(name: str, condition: Mapping[str, Any]) -> Test:
    given = condition.keys()
    if {"AttributeValueList", "Value"} <= given:
        raise invalid_parameter(f"Value and AttributeValueList cannot be used together for Attribute: {name}")
    comparison = condition.get("ComparisonOperator")
    if comparison is None:
        return _existence_test(name, condition)
    if "Exists" in given:
        raise invalid_parameter(f"Exists and ComparisonOperator cannot be used together for Attribute: {name}")
    if comparison not in ("NULL", "NOT_NULL") and not {"AttributeValueList", "Value"} & given:
        raise invalid_parameter(
            f"Value or AttributeValueList must be used with ComparisonOperator: {comparison} for Attribute: {name}"
        )
    values = condition.get("AttributeValueList", [condition["Value"]] if "Value" in given else [])
    return _comparison_test(name, {"ComparisonOperator": comparison, "AttributeValueList": values})


def _existence_test(name: str, condition: Mapping[str, Any]) -> Test:
    if "AttributeValueList" in condition:
        raise invalid_parameter(f"AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}")
    exists, raw = condition.get("Exists"), condition.get("Value")
    if exists is False:
        if raw is not None:
            raise invalid_parameter(f"Value cannot be used when Exists is false for Attribute: {name}")
        return lambda attributes: name not in attributes
    if raw is None:
        word = "null" if exists is None else "true"
        raise invalid_parameter(f"Value must be provided when Exists is {word} for Attribute: {name}")
    value = read_value(raw)
    return lambda attributes: attributes.get(name) == value


def attribute_update(updates: Mapping[str, Any]) -> Update:
    """``AttributeUpdates`` as an update expression would do it."""
    if "" in updates:
        raise invalid_parameter("Empty attribute name")
    changes = tuple([_change(name, update) for name, update in updates.items()])
    return Update(changes, wrong_type="Type mismatch for attribute to update")


def _change(name: str, update: Mapping[str, Any]) -> PathChange:
    action, raw = update.get("Action", "PUT"), update.get("Value")
    if raw is None:
        if action != "DELETE":
            raise invalid_parameter("Only DELETE action is allowed when no attribute value is specified")
        return PathChange("REMOVE", (name,), None)
    value = read_value(raw)
    if action == "DELETE" and value.type not in SETS:
        raise invalid_parameter(f"DELETE action with value is not supported for the type {value.type}")
    if action == "ADD" and value.type not in ("N", *_LIKE_SETS):
        raise invalid_parameter(f"ADD action is not supported for the type {value.type}")
    return PathChange("SET" if action == "PUT" else action, (name,), lambda _attributes, _values: value)


def key_conditions(conditions: Mapping[str, Any]) -> list[KeyCondition]:
    """``KeyConditions`` in the form of parsed key condition expressions."""
    found = []
    for name, condition in conditions.items():
        comparison = condition["ComparisonOperator"]
        values = tuple([read_value(value) for value in condition.get("AttributeValueList", ())])
        _check_arguments(comparison, values)
        found.append(KeyCondition(name, _KEY_OPERATORS.get(comparison, comparison), values))
    if len(found) not in (1, 2):
        raise validation_error("Conditions can be of length 1 or 2 only")
    return found
