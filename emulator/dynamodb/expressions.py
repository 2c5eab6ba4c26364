"""What the expressions of one request share: its ``#names`` and ``:values``, each of which must be used."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.parsing.key_condition_expression import parse_expression

from .conditions import ALWAYS, Condition, compile_condition, require_values, undefined_value
from .errors import invalid_parameter, validation_error
from .legacy import attribute_update, filter_predicate
from .paths import Path, parse_projection, undefined_name
from .updates import Update, compile_update
from .values import attribute_values

Parameters = Mapping[str, Any]
Test = Callable[[Mapping[str, Any]], bool]
"""Whether a condition holds for an item's attributes; no item is an empty map."""
KeyConditions = tuple[list[tuple[str, Any]], list[tuple[str, str, list[Any]]]]
"""Conditions on the partition key's attributes (name, value) and the sort key's (name, comparison, values)."""

_NAME: Final = re.compile(r"#[A-Za-z0-9_\-]+")
_VALUE: Final = re.compile(r":[A-Za-z0-9_\-]+")
_KEY_WHERE: Final = "KeyConditionExpression"


class Expressions:
    """The expressions of one operation."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.names: Mapping[str, str] = parameters.get("ExpressionAttributeNames") or {}
        self.values = attribute_values(parameters.get("ExpressionAttributeValues") or {})
        self._names_used: set[str] = set()
        self._values_used: set[str] = set()
        for member in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            if parameters.get(member) == {}:
                raise validation_error(f"{member} must not be empty")
        for name in self.values:
            if not name.startswith(":"):
                raise validation_error(f'ExpressionAttributeValues contains invalid key: Syntax error; key: "{name}"')

    def _condition(self, member: str) -> Condition:
        condition = compile_condition(self._parameters.get(member), self.names, where=member)
        require_values(member, condition.values_used, self.values)
        self._use(condition.names_used, condition.values_used)
        return condition

    def _use(self, names: Iterable[str], values: Iterable[str]) -> None:
        self._names_used.update(names)
        self._values_used.update(values)

    def condition(self) -> Test:
        """``ConditionExpression``, or the older ``Expected``."""
        expected = self._parameters.get("Expected")
        if expected:
            return filter_predicate(expected, self._parameters.get("ConditionalOperator", "AND"))
        condition, values = self._condition("ConditionExpression"), self.values
        return lambda attributes: condition.holds(attributes, values)

    def filter(self, legacy_member: str, forbidden: Iterable[str] = ()) -> Test | None:
        """``FilterExpression``, or the older parameter; None if there is neither.

        Raises:
            ApiError: it looks at one of the ``forbidden`` attributes, which belong into the key condition.
        """
        legacy = self._parameters.get(legacy_member)
        if legacy:
            return filter_predicate(legacy, self._parameters.get("ConditionalOperator", "AND"))
        condition, values = self._condition("FilterExpression"), self.values
        if condition is ALWAYS:
            return None
        for name in forbidden:
            if name in condition.attributes:
                raise validation_error(
                    f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
                )
        return lambda attributes: condition.holds(attributes, values)

    def projection(self) -> list[Path] | None:
        """``ProjectionExpression``, or the older ``AttributesToGet``; None: everything."""
        expression = self._parameters.get("ProjectionExpression")
        names = self._parameters.get("AttributesToGet")
        if expression is None:
            return None if names is None else [(name,) for name in names]
        if names is not None:
            raise validation_error(
                "Can not use both expression and non-expression parameters in the same request: "
                "Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}"
            )
        paths, used = parse_projection(expression, self.names)
        self._use(used, ())
        return paths

    def update(self, key_names: tuple[str, ...]) -> Update:
        """``UpdateExpression``, or the older ``AttributeUpdates``."""
        expression = self._parameters.get("UpdateExpression")
        legacy = self._parameters.get("AttributeUpdates")
        if expression is None:
            return attribute_update(legacy or {}, key_names)
        if legacy:
            raise validation_error(
                "Can not use both expression and non-expression parameters in the same request: "
                "Non-expression parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}"
            )
        update = compile_update(expression, self.names, key_names)
        require_values("UpdateExpression", update.values_used, self.values)
        self._use(update.names_used, update.values_used)
        return update

    def key_conditions(self, schema: list[dict[str, str]]) -> KeyConditions:
        """``KeyConditionExpression`` for a table or index with this key schema."""
        text = self._parameters["KeyConditionExpression"]
        layout = tuple((element["AttributeName"], element["KeyType"]) for element in schema)
        hashes, ranges, names = _parse_key_conditions(text, tuple(self.names.items()), tuple(self.values), layout)
        used = [name for _, name in hashes] + [name for _, _, several in ranges for name in several]
        require_values(_KEY_WHERE, frozenset(used), self.values)
        self._use(names, used)
        return (
            [(name, self.values[value]) for name, value in hashes],
            [(name, comparison, [self.values[value] for value in several]) for name, comparison, several in ranges],
        )

    def check_all_used(self) -> None:
        """Raise ApiError if a ``#name`` or ``:value`` was given that no expression uses."""
        for words, given, used in (
            ("Names", self.names, self._names_used),
            ("Values", self.values, self._values_used),
        ):
            unused = [name for name in given if name not in used]
            if unused:
                raise validation_error(
                    f"Value provided in ExpressionAttribute{words} unused in expressions: keys: {{{', '.join(unused)}}}"
                )


@lru_cache(maxsize=1024)
def _parse_key_conditions(
    text: str, names: tuple[tuple[str, str], ...], values: tuple[str, ...], layout: tuple[tuple[str, str], ...]
) -> tuple[list[tuple[str, str]], list[tuple[str, str, list[str]]], frozenset[str]]:
    """Parse once for all values: moto's parser is given each value's own name in place of the value."""
    used = frozenset(_NAME.findall(text))
    for name in used:
        if name not in dict(names):
            raise undefined_name(_KEY_WHERE, name)
    for name in _VALUE.findall(text):
        if name not in values:
            raise undefined_value(_KEY_WHERE, name)
    schema = [{"AttributeName": name, "KeyType": kind} for name, kind in layout]
    stand_ins = {name: {"value name": name} for name in values}
    try:
        hashes, ranges, _ = parse_expression(" ".join(text.split()), stand_ins, dict(names), schema)
    except JsonRESTError as error:
        raise validation_error(error.message) from error
    except (ValueError, IndexError, KeyError, TypeError, StopIteration) as error:
        raise validation_error(f"Invalid {_KEY_WHERE}: Syntax error; near: {text!r}") from error
    return (
        [(name, _name_of(value)) for name, value in hashes],
        [(name, comparison, [_name_of(value) for value in several]) for name, comparison, several in ranges],
        used,
    )


def _name_of(stand_in: Any) -> str:
    if isinstance(stand_in, dict) and "value name" in stand_in:
        return str(stand_in["value name"])
    name = stand_in.get("S", "") if isinstance(stand_in, dict) else stand_in
    raise undefined_value(_KEY_WHERE, str(name))


def check_key_types(conditions: KeyConditions, key_types: Mapping[str, str]) -> None:
    """Raise ApiError if a key is compared with a value of another type, or with an empty one."""
    hashes, ranges = conditions
    pairs = [(name, value) for name, value in hashes]
    pairs += [(name, value) for name, _, values in ranges for value in values]
    for name, value in pairs:
        if value.type != key_types[name]:
            raise invalid_parameter("Condition parameter type does not match schema type")
        if value.value in ("", b""):
            raise validation_error(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
                f"empty string value. Key: {name}"
            )
