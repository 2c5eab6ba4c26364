"""Key conditions: what a query may say about the key of a table or index. Pure.

[DOC] ddb-docs:Query.KeyConditionExpressions; [USR] messages of dynalite's and scylladb's suites; keys of several
attributes: [DOC] ddb-docs:GSI.DesignPattern.MultiAttributeKeys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from ..errors import ApiError, invalid_parameter, validation_error
from ..values import Attributes, AttributeValue
from .conditions import Check, check_values, predicate_of, wrong_bounds
from .grammar import Parser
from .syntax import (
    Attribute,
    Between,
    Comparison,
    Condition,
    FunctionCall,
    Junction,
    Membership,
    Operand,
    Path,
    Placeholder,
    Used,
)

_WHERE: Final = "KeyConditionExpression"
OPERATORS: Final = ("=", "<", "<=", ">", ">=", "BETWEEN", "begins_with")
MIRRORED: Final = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class KeyCondition(Struct, frozen=True):
    """A condition on one attribute of a key."""

    name: str
    operator: str
    """``=``, ``<``, ``<=``, ``>``, ``>=``, ``BETWEEN`` or ``begins_with``."""
    values: tuple[AttributeValue, ...]


class KeySchema(Struct, frozen=True):
    """The key of a table or index: names of its attributes."""

    hash_names: tuple[str, ...]
    sort_names: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, partition key first."""
        return self.hash_names + self.sort_names

    @property
    def is_composite(self) -> bool:
        """Whether the partition or sort key has several attributes, as only global indexes' have."""
        return len(self.hash_names) > 1 or len(self.sort_names) > 1


class CompiledKeyCondition(Struct, frozen=True):
    """A compiled key condition expression."""

    parts: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Attribute, operator and placeholders; empty if there is a fault."""
    fault: str | None
    """Why no key condition can be like this, though its syntax is that of a condition."""
    checks: tuple[Check, ...]
    used: Used

    def check_values(self, values: Attributes) -> None:
        """Raise ApiError if a ``:value`` is missing, or of a type that its operator does not know."""
        check_values(_WHERE, self.used, self.checks, values)

    def resolve(self, values: Attributes) -> list[KeyCondition]:
        """The conditions with the ``:values`` of a request.

        Raises:
            ApiError: no key condition can be like this.
        """
        if self.fault is not None:
            raise validation_error(self.fault)
        return [
            KeyCondition(name, operator, tuple([values[placeholder] for placeholder in placeholders]))
            for name, operator, placeholders in self.parts
        ]


def compile_key_condition(expression: str, names: Mapping[str, str]) -> CompiledKeyCondition:
    """Compile a key condition expression.

    Raises:
        ApiError: its syntax is wrong, or it says what no key condition can say.
    """
    return _compile(expression, tuple(names.items()))


@lru_cache(maxsize=1024)
def _compile(expression: str, names: tuple[tuple[str, str], ...]) -> CompiledKeyCondition:
    parser = Parser(expression, dict(names), _WHERE)
    condition = parser.condition()
    checks: list[Check] = []
    predicate_of(condition, checks)
    try:
        return CompiledKeyCondition(_parts(condition), None, tuple(checks), parser.used)
    except ApiError as error:
        return CompiledKeyCondition((), error.message, tuple(checks), parser.used)


def _parts(condition: Condition) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    parts = [_part(part) for part in _flat(condition)]
    seen = [name for name, _, _ in parts]
    if len(set(seen)) != len(seen):
        raise validation_error("KeyConditionExpressions must only contain one condition per key")
    return tuple(parts)


def _invalid(reason: str) -> ApiError:
    return validation_error(f"Invalid {_WHERE}: {reason}")


def _flat(condition: Condition) -> list[Condition]:
    if isinstance(condition, Junction) and condition.word == "AND":
        return [inner for part in condition.parts for inner in _flat(part)]
    return [condition]


def _part(condition: Condition) -> tuple[str, str, tuple[str, ...]]:
    match condition:
        case Comparison(operator, left, right) if operator != "<>":
            path, places = _operands("", (left, right))
            operator = operator if isinstance(left, Attribute) else MIRRORED[operator]
            return path, operator, places
        case Between(value, low, high):
            path, places = _operands("BETWEEN", (value, low, high))
            return path, "BETWEEN", places
        case FunctionCall("begins_with", arguments):
            path, places = _operands("begins_with", arguments)
            return path, "begins_with", places
        case FunctionCall("size", _):
            raise validation_error("KeyConditionExpressions cannot contain nested operations")
        case Comparison(operator) | Junction(operator) | FunctionCall(operator, _):
            word = operator
        case Membership():
            word = "IN"
        case _:
            word = "NOT"
    raise validation_error(f"Invalid operator used in KeyConditionExpression: {word}")


def _operands(operator: str, operands: Sequence[Operand]) -> tuple[str, tuple[str, ...]]:
    """The attribute and the placeholders of one condition."""
    where = "Invalid condition in KeyConditionExpression"
    if operator and not isinstance(operands[0], Attribute):
        raise validation_error(f"{where}: {operator} operator must have the key attribute as its first operand")
    paths: list[Path] = []
    places: list[str] = []
    for operand in operands:
        if isinstance(operand, Attribute):
            if paths:
                raise validation_error(f"{where}: Multiple attribute names used in one condition")
            if len(operand.path) > 1:
                raise validation_error("KeyConditionExpressions cannot have conditions on nested attributes")
            paths.append(operand.path)
        elif isinstance(operand, Placeholder):
            places.append(operand.name)
        else:
            raise validation_error("KeyConditionExpressions cannot contain nested operations")
    if not paths:
        raise validation_error(f"{where}: No key attribute specified")
    return str(paths[0][0]), tuple(places)


def place(
    conditions: Sequence[KeyCondition], schema: KeySchema, key_types: Mapping[str, str]
) -> tuple[list[AttributeValue], list[KeyCondition]]:
    """The values of the partition key, and the conditions on the sort key in the order of its attributes.

    Raises:
        ApiError: conditions are missing, too many, or on the wrong attributes, operators or types.
    """
    by_name = {condition.name: condition for condition in conditions}
    if schema.is_composite:
        _check_composite(by_name, schema)
    else:
        _check_simple(by_name, schema)
    for condition in conditions:
        _check_values(condition, key_types[condition.name])
    if not schema.is_composite and by_name[schema.hash_names[0]].operator != "=":
        raise validation_error("Query key condition not supported")
    hashes = [by_name[name].values[0] for name in schema.hash_names]
    return hashes, [by_name[name] for name in schema.sort_names if name in by_name]


def _check_simple(by_name: Mapping[str, KeyCondition], schema: KeySchema) -> None:
    if len(by_name) > 2:
        raise validation_error("Conditions can be of length 1 or 2 only")
    if len(by_name) > 1 and not schema.sort_names:
        raise validation_error("Query key condition not supported")
    for name in schema.names if len(by_name) > 1 else schema.hash_names:
        if name not in by_name:
            raise validation_error(f"Query condition missed key schema element: {name}")


def _check_composite(by_name: Mapping[str, KeyCondition], schema: KeySchema) -> None:
    for name in schema.hash_names:
        if name not in by_name or by_name[name].operator != "=":
            raise validation_error(
                f"Query key condition not supported: HASH key attributes need an equality condition, {name} has none"
            )
    for name in by_name:
        if name not in schema.names:
            raise validation_error(f"Query key condition not supported: {name} is no key attribute of the index")
    given = [name for name in schema.sort_names if name in by_name]
    if not given:
        return
    before = schema.sort_names[: schema.sort_names.index(given[-1])]
    unequal = [name for name in before if name not in by_name or by_name[name].operator != "="]
    if unequal:
        raise validation_error(
            f"RANGE key attributes {', '.join(unequal)} must have equality conditions specified in the query because a "
            f"condition is present on key attribute {given[-1]}"
        )


def _check_values(condition: KeyCondition, kind: str) -> None:
    if condition.operator not in OPERATORS:
        raise validation_error("Attempted conditional constraint is not an indexable operation")
    for value in condition.values:
        if value.type != kind:
            raise invalid_parameter("Condition parameter type does not match schema type")
        if value.content in ("", b""):
            raise empty_key(condition.name, kind)
    if condition.operator == "begins_with" and kind == "N":
        raise _invalid(
            "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N"
        )
    if condition.operator == "BETWEEN":
        fault = wrong_bounds(*condition.values)
        if fault is not None:
            raise _invalid(fault)


def empty_key(name: str, kind: str) -> ApiError:
    """A key attribute is an empty text or binary."""
    word = "binary" if kind == "B" else "string"
    return validation_error(
        f"One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty "
        f"{word} value. Key: {name}"
    )
