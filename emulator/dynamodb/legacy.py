"""Parameters from before expressions: Expected, AttributeUpdates, QueryFilter, ScanFilter, KeyConditions.

[DOC] ddb-docs:LegacyConditionalParameters
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final

from moto.dynamodb.comparisons import get_expected

from .errors import invalid_parameter, validation_error
from .updates import Action, Update
from .values import attribute_value

OPERATORS: Final = {
    "EQ": "=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">=", "BEGINS_WITH": "BEGINS_WITH", "BETWEEN": "BETWEEN",
}  # fmt: skip
"""Comparison operators of KeyConditions, as expressions write them."""


def filter_predicate(conditions: Mapping[str, Any], operator: str) -> Callable[[Mapping[str, Any]], bool]:
    """``Expected``, ``QueryFilter`` or ``ScanFilter``: all conditions must hold, or any if the operator is ``OR``."""
    tests = [get_expected({name: condition}) for name, condition in conditions.items()]
    combine = any if operator == "OR" else all

    def holds(attributes: Mapping[str, Any]) -> bool:
        item = SimpleNamespace(attrs=attributes)
        return combine(test.expr(item) for test in tests)

    return holds


def attribute_update(updates: Mapping[str, Any], key_names: tuple[str, ...]) -> Update:
    """``AttributeUpdates`` as an update expression would do it."""
    actions = []
    for name, update in updates.items():
        if name in key_names:
            raise invalid_parameter(f"Cannot update attribute {name}. This attribute is part of the key")
        action, raw = update.get("Action", "PUT"), update.get("Value")
        if raw is None and action != "DELETE":
            raise invalid_parameter("Only DELETE action is allowed when no attribute value is specified")
        kind = {"PUT": "SET", "ADD": "ADD", "DELETE": "REMOVE" if raw is None else "DELETE"}.get(action)
        if kind is None:
            raise validation_error(
                f"1 validation error detected: Value '{action}' at 'attributeUpdates.{name}.member.action' failed to "
                "satisfy constraint: Member must satisfy enum value set: [ADD, DELETE, PUT]"
            )
        actions.append(Action(kind, (name,), None if raw is None else _constant(attribute_value(raw))))
    return Update(tuple(actions), frozenset(), frozenset())


def _constant(value: Any) -> Callable[[Mapping[str, Any], Mapping[str, Any]], Any]:
    return lambda _attributes, _values: value


def key_conditions(
    conditions: Mapping[str, Any], schema: list[dict[str, str]]
) -> tuple[list[tuple[str, Any]], list[tuple[str, str, list[Any]]]]:
    """``KeyConditions`` in the form of parsed key condition expressions."""
    hash_names = [element["AttributeName"] for element in schema if element["KeyType"] == "HASH"]
    names = [element["AttributeName"] for element in schema]
    hashes: list[tuple[str, Any]] = []
    ranges: list[tuple[str, str, list[Any]]] = []
    for name, condition in conditions.items():
        comparison = OPERATORS.get(condition["ComparisonOperator"])
        values = [attribute_value(value) for value in condition.get("AttributeValueList", [])]
        if name not in names or comparison is None or (name in hash_names and comparison != "="):
            raise validation_error("Query key condition not supported")
        if len(values) != (2 if comparison == "BETWEEN" else 1):
            raise invalid_parameter("Invalid number of argument(s) for the ComparisonOperator")
        if name in hash_names:
            hashes.append((name, values[0]))
        else:
            ranges.append((name, comparison, values))
    for name in hash_names:
        if name not in conditions:
            raise validation_error(f"Query condition missed key schema element: {name}")
    return hashes, ranges
