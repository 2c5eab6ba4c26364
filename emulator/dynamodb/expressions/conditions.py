"""Condition and filter expressions, compiled once: what the grammar read becomes one function. Pure.

[DOC] ddb-docs:Expressions.OperatorsAndFunctions; [USR] operands that can be judged without an item are judged before
any is read (scylladb's and dynalite's suites).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from streamer.aws_limits import text_bytes

from ..errors import validation_error
from ..values import ORDERED, TYPES, Attributes, AttributeValue, shown, sort_value
from .grammar import Parser
from .paths import find
from .syntax import (
    Attribute,
    Between,
    Comparison,
    Condition,
    FunctionCall,
    Junction,
    Membership,
    Negation,
    Operand,
    Path,
    Placeholder,
    Used,
)

Predicate = Callable[[Attributes, Attributes], bool]
"""Whether a condition holds for an item's attributes with these ``:values``; no item is an empty map."""
Lookup = Callable[[Attributes, Attributes], AttributeValue | None]
"""An operand's value; None for an attribute that does not exist."""
Check = Callable[[Attributes], str | None]
"""What is wrong with the ``:values`` of a request; None: nothing."""

_ORDER: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_NOBODY: Final = Used(frozenset(), frozenset(), ())


class CompiledCondition(Struct, frozen=True):
    """A compiled expression."""

    where: str
    holds: Predicate
    checks: tuple[Check, ...]
    used: Used

    def check_values(self, values: Attributes) -> None:
        """Raise ApiError if a ``:value`` is missing, or of a type that its operator or function does not know."""
        check_values(self.where, self.used, self.checks, values)


ALWAYS: Final = CompiledCondition("", lambda _attributes, _values: True, (), _NOBODY)
"""The condition of a request that has none."""


def check_values(where: str, used: Used, checks: Iterable[Check], values: Attributes) -> None:
    """Raise ApiError if a ``:value`` of an expression is missing, or one of the checks finds a fault."""
    for name in used.values:
        if name not in values:
            undefined = "An expression attribute value used in expression is not defined"
            raise validation_error(f"Invalid {where}: {undefined}; attribute value: {name}")
    refuse_faults(checks, values, f"Invalid {where}: ")


def refuse_faults(checks: Iterable[Check], values: Attributes, begin: str = "") -> None:
    """Raise ApiError with the first fault that a check finds, behind what its message begins with."""
    for check in checks:
        fault = check(values)
        if fault is not None:
            raise validation_error(begin + fault)


def compile_condition(expression: str | None, names: Mapping[str, str], *, where: str) -> CompiledCondition:
    """Compile an expression.

    Args:
        expression: None: no condition.
        names: ExpressionAttributeNames.
        where: ``ConditionExpression`` or ``FilterExpression``, for messages.

    Raises:
        ApiError: its syntax is wrong, or a name is reserved or undefined.
    """
    if expression is None:
        return ALWAYS
    return _compile(expression, tuple(names.items()), where)


@lru_cache(maxsize=1024)
def _compile(expression: str, names: tuple[tuple[str, str], ...], where: str) -> CompiledCondition:
    parser = Parser(expression, dict(names), where)
    condition = parser.condition()
    checks: list[Check] = []
    return CompiledCondition(where, predicate_of(condition, checks), tuple(checks), parser.used)


def predicate_of(condition: Condition, checks: list[Check]) -> Predicate:
    """The function of a condition; what can be checked about its ``:values`` is added to ``checks``."""
    match condition:
        case Junction(word, parts):
            return _junction(word, [predicate_of(part, checks) for part in parts])
        case Negation(part):
            negated = predicate_of(part, checks)
            return lambda attributes, values: not negated(attributes, values)
        case Comparison(sign, left, right):
            if sign in _ORDER:
                checks.append(_type_check(sign, (left, right), ORDERED))
            return _comparison(sign, lookup_of(left, checks), lookup_of(right, checks))
        case Between(value, low, high):
            checks.append(_type_check("BETWEEN", (value, low, high), ORDERED))
            if isinstance(low, Placeholder) and isinstance(high, Placeholder):
                checks.append(_bounds_check(low.name, high.name))
            return _between(*[lookup_of(operand, checks) for operand in (value, low, high)])
        case Membership(value, choices):
            return _membership(lookup_of(value, checks), [lookup_of(choice, checks) for choice in choices])
        case FunctionCall(name, arguments):
            return _function(name, arguments, checks)


def _junction(word: str, parts: list[Predicate]) -> Predicate:
    ends_with = word == "OR"

    def junction(attributes: Attributes, values: Attributes) -> bool:
        for part in parts:
            if part(attributes, values) is ends_with:
                return ends_with
        return not ends_with

    return junction


def lookup_of(operand: Operand, checks: list[Check]) -> Lookup:
    """The function that gives an operand's value."""
    match operand:
        case Placeholder(name):
            return lambda _attributes, values: values[name]
        case Attribute(path):
            return _attribute(path)
        case FunctionCall("size", (argument,)):
            checks.append(_type_check("size", (argument,), tuple(kind for kind in TYPES if kind not in _SIZELESS)))
            return _size(lookup_of(argument, checks))
    raise AssertionError(operand)  # the grammar lets no other operand through


def _attribute(path: Path) -> Lookup:
    if len(path) == 1:
        name = path[0]
        return lambda attributes, _values: attributes.get(name)  # type: ignore[arg-type] # the first part is a name
    return lambda attributes, _values: find(attributes, path)


def _kind(operand: Operand, values: Attributes) -> str | None:
    """The type of an operand that is known without an item; None: it is not."""
    if isinstance(operand, Placeholder):
        return values[operand.name].type
    return "N" if isinstance(operand, FunctionCall) else None


def _type_check(function: str, operands: tuple[Operand, ...], allowed: tuple[str, ...]) -> Check:
    def check(values: Attributes) -> str | None:
        for operand in operands:
            kind = _kind(operand, values)
            if kind is not None and kind not in allowed:
                return wrong_operand(function, kind)
        return None

    return check


def wrong_operand(function: str, kind: str) -> str:
    """An operand has a type that its operator or function does not know."""
    return f"Incorrect operand type for operator or function; operator or function: {function}, operand type: {kind}"


def _bounds_check(low_name: str, high_name: str) -> Check:
    return lambda values: wrong_bounds(values[low_name], values[high_name])


def wrong_bounds(low: AttributeValue, high: AttributeValue) -> str | None:
    """What is wrong with the bounds of a BETWEEN; None: nothing."""
    shows = f"lower bound operand: AttributeValue: {shown(low)}, upper bound operand: AttributeValue: {shown(high)}"
    if low.type != high.type:
        return f"The BETWEEN operator requires same data type for lower and upper bounds; {shows}"
    if sort_value(low) > sort_value(high):
        return f"The BETWEEN operator requires upper bound to be greater than or equal to lower bound; {shows}"
    return None


_SIZELESS: Final = ("N", "BOOL", "NULL")


def _size(operand: Lookup) -> Lookup:
    def size(attributes: Attributes, values: Attributes) -> AttributeValue | None:
        value = operand(attributes, values)
        if value is None or value[0] in _SIZELESS:
            return None
        length = text_bytes(value[1]) if value[0] == "S" else len(value[1])
        return AttributeValue("N", str(length))

    return size


def in_order(comparison: Callable[[Any, Any], bool], left: AttributeValue | None, right: AttributeValue | None) -> bool:
    """Whether two values, of one type that has an order, stand in it; a missing one never does."""
    if left is None or right is None or left[0] != right[0] or left[0] not in ORDERED:
        return False
    return comparison(sort_value(left), sort_value(right))


def _comparison(sign: str, left: Lookup, right: Lookup) -> Predicate:
    if sign == "=":
        return lambda attributes, values: (
            (one := left(attributes, values)) is not None and one == right(attributes, values)
        )
    if sign == "<>":
        return lambda attributes, values: (one := left(attributes, values)) is None or one != right(attributes, values)
    compare = _ORDER[sign]
    return lambda attributes, values: in_order(compare, left(attributes, values), right(attributes, values))


def _between(value: Lookup, low: Lookup, high: Lookup) -> Predicate:
    def between(attributes: Attributes, values: Attributes) -> bool:
        middle = value(attributes, values)
        return in_order(operator.le, low(attributes, values), middle) and in_order(
            operator.le, middle, high(attributes, values)
        )

    return between


def _membership(value: Lookup, choices: list[Lookup]) -> Predicate:
    def is_in(attributes: Attributes, values: Attributes) -> bool:
        one = value(attributes, values)
        return one is not None and any(one == choice(attributes, values) for choice in choices)

    return is_in


def begins_with(value: AttributeValue | None, prefix: AttributeValue | None) -> bool:
    """Whether text or binary starts with other text or binary."""
    if value is None or prefix is None or value[0] != prefix[0] or value[0] not in ("S", "B"):
        return False
    return bool(value[1].startswith(prefix[1]))


def contains(value: AttributeValue | None, part: AttributeValue | None) -> bool:
    """Whether text or binary has a part, or a set or list a member."""
    if value is None or part is None:
        return False
    kind, content = value
    if kind in ("S", "B"):
        return kind == part[0] and part[1] in content
    if kind == "L":
        return part in content
    return kind in ("SS", "NS", "BS") and kind[0] == part[0] and part[1] in content


def _function(name: str, arguments: tuple[Operand, ...], checks: list[Check]) -> Predicate:
    if name in ("attribute_exists", "attribute_not_exists"):
        find_it, exists = lookup_of(arguments[0], checks), name == "attribute_exists"
        return lambda attributes, values: (find_it(attributes, values) is not None) is exists
    first, second = lookup_of(arguments[0], checks), lookup_of(arguments[1], checks)
    if name == "begins_with":
        checks.append(_type_check(name, arguments, ("S", "B")))
        return lambda attributes, values: begins_with(first(attributes, values), second(attributes, values))
    if name == "contains":
        return lambda attributes, values: contains(first(attributes, values), second(attributes, values))
    checks.append(_attribute_type_check(arguments[1]))
    return lambda attributes, values: (
        (one := first(attributes, values)) is not None
        and (two := second(attributes, values)) is not None
        and one[0] == two[1]
    )


def _attribute_type_check(operand: Operand) -> Check:
    def check(values: Attributes) -> str | None:
        kind = _kind(operand, values)
        if kind != "S" or not isinstance(operand, Placeholder):
            return wrong_operand("attribute_type", kind or "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")
        wanted = values[operand.name].content
        if wanted in TYPES:
            return None
        return f"Invalid attribute type name found; type: {wanted}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"

    return check
