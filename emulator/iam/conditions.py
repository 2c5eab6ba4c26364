"""The conditions of a statement. Pure.

[DOC] iam-docs:reference_policies_elements_condition_operators, reference_policies_condition-single-vs-multi-valued
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from ..foundation.times import instant
from .patterns import is_arn, is_like

Context = Mapping[str, Sequence[str]]
"""Condition key in lower case to the values that a request has for it; a key without values is absent."""
Conditions = Mapping[str, Mapping[str, Sequence[str]]]
"""Operator to condition key to the values, one of which must match. All keys of all operators must."""

Test = Callable[[str, str], bool]


def _equals(value: str, wanted: str) -> bool:
    return value == wanted


def _equals_in_any_case(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


def _number(text: str) -> float:
    return float(text)


def _instant(text: str) -> datetime:
    """Of a date of ISO 8601, or of seconds since 1970."""
    return instant(int(text) if text.isdecimal() else text)


def _compared(read: Callable[[str], Any], holds: Callable[[Any, Any], bool]) -> Test:
    """A test of what texts stand for; one that stands for nothing is like nothing."""

    def test(value: str, wanted: str) -> bool:
        try:
            return holds(read(value), read(wanted))
        except (OverflowError, ValueError):
            return False

    return test


def _is_within(value: str, wanted: str) -> bool:
    from ipaddress import ip_address, ip_network  # noqa: PLC0415 - three milliseconds, for a rare condition

    try:
        return ip_address(value) in ip_network(wanted, strict=False)
    except ValueError:
        return False


_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
}
_READERS: Final[Mapping[str, Callable[[str], Any]]] = {"Date": _instant, "Numeric": _number}
_TESTS: Final[Mapping[str, Test]] = {
    "StringEquals": _equals,
    "StringEqualsIgnoreCase": _equals_in_any_case,
    "StringLike": is_like,
    "ArnEquals": is_arn,
    "ArnLike": is_arn,
    "BinaryEquals": _equals,
    "Bool": _equals_in_any_case,
    "IpAddress": _is_within,
    **{f"{kind}{order}": _compared(read, holds) for kind, read in _READERS.items() for order, holds in _ORDERS.items()},
}
_NEGATED: Final[Mapping[str, Test]] = {
    "StringNotEquals": _equals,
    "StringNotEqualsIgnoreCase": _equals_in_any_case,
    "StringNotLike": is_like,
    "ArnNotEquals": is_arn,
    "ArnNotLike": is_arn,
    "NotIpAddress": _is_within,
    **{f"{kind}NotEquals": _compared(read, operator.eq) for kind, read in _READERS.items()},
}
_IF_EXISTS: Final = "IfExists"
_ALL: Final = "ForAllValues:"
_ANY: Final = "ForAnyValue:"


def are_met(conditions: Conditions, context: Context) -> bool:
    """Whether a request meets all of them; an operator that is not known here is never met."""
    return not any(unmet(conditions, context))


def unmet(conditions: Conditions, context: Context) -> Iterator[tuple[str, str]]:
    """Operators, and keys of theirs, that a request does not meet."""
    for name, keys in conditions.items():
        for key, values in keys.items():
            if not _is_met(name, values, context.get(key.lower(), ())):
                yield name, key


def unknown_operators(conditions: Conditions) -> list[str]:
    """Operators that `are_met` does not know."""
    return [operator for operator in conditions if _plain(operator) not in {*_TESTS, *_NEGATED, "Null"}]


def unknown_keys(conditions: Conditions, context: Context) -> list[str]:
    """Keys that a request has values for on AWS perhaps, but not in this context."""
    named = {key for keys in conditions.values() for key in keys}
    return sorted(key for key in named if key.lower() not in context)


def _plain(operator: str) -> str:
    return operator.removeprefix(_ALL).removeprefix(_ANY).removesuffix(_IF_EXISTS)


def _is_met(operator: str, wanted: Sequence[str], values: Sequence[str]) -> bool:
    plain = _plain(operator)
    if plain == "Null":
        return [str(not values).lower()] == [text.lower() for text in wanted]
    if not values and operator.endswith(_IF_EXISTS):
        return True
    if plain in _TESTS:
        test, is_negated = _TESTS[plain], False
    elif plain in _NEGATED:
        test, is_negated = _NEGATED[plain], True
    else:
        return False
    found = (_is_any(test, value, wanted) is not is_negated for value in values)
    if operator.startswith(_ALL):
        return all(found)
    if operator.startswith(_ANY):
        return any(found)
    # Without a set operator a key has one value; one that is absent is like nothing, and unlike everything.
    return all(found) if values else is_negated


def _is_any(test: Test, value: str, wanted: Iterable[str]) -> bool:
    return any(test(value, each) for each in wanted)
