"""Checks a request against the service's own model, and answers with the words that AWS's front end has for it.

The model comes with botocore: which members an operation has, their types, bounds, patterns and values. What no model
says (rules between members, of values and of tables) is checked where it belongs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from ..foundation.json_bytes import token_name
from ..foundation.shapes import Shape, model_of
from .errors import ApiError, serialization_error, validation_error
from .quick_model import ATTRIBUTE_VALUE, NAME_LENGTHS, NAME_PATTERN, Quick, is_python, quick_check_of
from .values import read_value

FAULTS: Final = 10
"""AWS tells so many faults of a request at once. [USR] dynalite"""
_JAVA: Final = {"string": "String", "integer": "Integer", "long": "Long", "boolean": "Boolean", "double": "Double"}

Where = tuple[str, ...]
Check = Callable[[Any, Where, list[str]], None]
"""Adds what a value breaks to a list; raises ApiError if it is of another type altogether."""


@cache
def operations_of(service: str) -> frozenset[str]:
    """Names of all operations of a service (``dynamodb`` or ``dynamodbstreams``)."""
    return model_of(service).operation_names


@cache
def _input_check(service: str, action: str) -> Check:
    shape = model_of(service).input_shape(action)
    return _nothing if shape is None else _check_of(shape)


_TABLE_OPERATIONS: Final = ("CreateTable", "DeleteTable", "DescribeTable", "DescribeTimeToLive", "UpdateTable")
"""These check the name of a table before, and in other words. [USR] dynalite"""


@cache
def _quick_check(service: str, action: str) -> Quick:
    shape = model_of(service).input_shape(action)
    return _is_fine if shape is None else quick_check_of(shape) or _is_fine


def _is_fine(_value: Any) -> bool:
    return True


def check_request(service: str, action: str, parameters: dict[str, Any]) -> None:
    """Check the parameters of an operation; members that are null are taken out.

    Args:
        service: ``dynamodb`` or ``dynamodbstreams``.
        action: an operation of that service.
        parameters: as read from the request's JSON; changed in place.

    Raises:
        ApiError: a member has the wrong type, is missing, or breaks a constraint.
    """
    if _quick_check(service, action)(parameters):
        return
    faults: list[str] = []
    _input_check(service, action)(parameters, (), faults)
    if action in _TABLE_OPERATIONS:
        _check_table_name(parameters.get("TableName"))
    if faults:
        told = faults[:FAULTS]
        words = "validation error" if len(told) == 1 else "validation errors"
        raise validation_error(f"{len(told)} {words} detected: {'; '.join(told)}")


def _check_table_name(name: str | None) -> None:
    if name is None:
        raise validation_error("The parameter 'TableName' is required but was not present in the request")
    if not name.startswith("arn:") and not NAME_LENGTHS[0] <= len(name) <= NAME_LENGTHS[1]:
        raise validation_error(
            "TableName must be at least {} characters long and at most {} characters long".format(*NAME_LENGTHS)
        )


def check_types(service: str, action: str, parameters: dict[str, Any]) -> None:
    """Raise ApiError if a member, or an attribute value, has another type than the model says.

    AWS's reader finds that before anything else is looked at; we look when a request was refused for another reason.
    """
    _input_check(service, action)(parameters, (), [])


def _value_check(value: Any, _where: Where, _faults: list[str]) -> None:
    try:
        read_value(value)
    except ApiError as error:
        if error.code == "SerializationException":
            raise


def _nothing(_value: Any, _where: Where, _faults: list[str]) -> None:
    pass


def _check_of(shape: Shape) -> Check:
    if shape.name == ATTRIBUTE_VALUE:
        return _value_check
    if shape.type_name == "structure":
        return _structure_check(shape)
    if shape.type_name == "list":
        return _list_check(shape)
    if shape.type_name == "map":
        return _map_check(shape)
    if shape.type_name == "string":
        return _string_check(shape)
    if shape.type_name == "timestamp":
        return _scalar_check(shape, (int, float, str), [])
    kinds = {"boolean": (bool,), "integer": (int,), "long": (int,), "double": (int, float), "float": (int, float)}
    return _scalar_check(shape, kinds.get(shape.type_name, (str,)), _bounds(shape, "value"))


def _structure_check(shape: Shape) -> Check:
    members = {name: (_check_of(member), _lower(name)) for name, member in shape.members.items()}
    required = tuple(shape.required_members)

    def check(value: Any, where: Where, faults: list[str]) -> None:
        if type(value) is not dict:
            raise _not_a_structure(value, shape, where)
        has_null = False
        for name, member in value.items():
            if member is None:
                has_null = True
            elif name in members:
                check_member, lower = members[name]
                check_member(member, (*where, lower), faults)
        if has_null:
            for name in [name for name, member in value.items() if member is None]:
                del value[name]
        faults.extend(
            [_fault(None, (*where, _lower(name)), "Member must not be null") for name in required if name not in value]
        )

    return check


def _not_a_structure(value: Any, shape: Shape, where: Where) -> ApiError:
    if isinstance(value, list):
        return serialization_error(f"Unrecognized collection type class com.amazonaws.dynamodb.v20120810.{shape.name}")
    is_member = not where or where[-1] != "member"
    return serialization_error("Unexpected field type" if is_member else "Unexpected value type in payload")


def _list_check(shape: Shape) -> Check:
    check_member, bounds = _check_of(shape.member), _bounds(shape, "length")
    has_members_to_check = check_member is not _nothing

    def check(value: Any, where: Where, faults: list[str]) -> None:
        if type(value) is not list:
            raise serialization_error(
                "Start of structure or map found where not expected"
                if isinstance(value, dict)
                else "Unexpected field type"
            )
        _check_bounds(value, len(value), bounds, where, faults)
        if has_members_to_check and len(faults) < FAULTS:
            for number, member in enumerate(value, start=1):
                if member is None:
                    raise serialization_error("Unexpected value type in payload")
                check_member(member, (*where, str(number), "member"), faults)

    return check


def _map_check(shape: Shape) -> Check:
    check_member, bounds = _check_of(shape.value), _bounds(shape, "length")
    key_rules = _text_rules(shape.key)
    has_members_to_check = check_member is not _nothing

    def check(value: Any, where: Where, faults: list[str]) -> None:
        if type(value) is not dict:
            raise serialization_error(
                f"Unrecognized collection type java.util.Map<java.lang.String, {_java_class(shape.value)}>"
                if isinstance(value, list)
                else "Unexpected field type"
            )
        _check_bounds(value, len(value), bounds, where, faults)
        if key_rules and any(_broken(key, key_rules) for key in value):
            words = ", ".join(rule for _, rule in key_rules)
            faults.append(_fault(value, where, f"Map keys must satisfy constraint: [{words}]"))
        if has_members_to_check:
            for key, member in value.items():
                if member is None:
                    raise serialization_error("Unexpected value type in payload")
                check_member(member, (*where, key, "member"), faults)

    return check


def _java_class(shape: Shape) -> str:
    return "java.lang.String" if shape.type_name == "string" else f"com.amazonaws.dynamodb.v20120810.{shape.name}"


Rule = tuple[Callable[[str], bool], str]
"""Whether text keeps it, and AWS's words for it."""


def _text_rules(shape: Shape) -> list[Rule]:
    metadata = shape.metadata
    low, high, pattern = metadata.get("min"), metadata.get("max"), metadata.get("pattern")
    if shape.name == "TableArn":
        # The model lets names pass as ARNs; AWS checks them as names. [USR] scylladb test_table, dynalite
        return [_unless_arn(rule) for rule in _rules(*NAME_LENGTHS, NAME_PATTERN)]
    return _rules(low, high, pattern if is_python(pattern) else None)


def _rules(low: int | None, high: int | None, pattern: str | None) -> list[Rule]:
    rules: list[Rule] = []
    if high is not None:
        rules.append((lambda text: len(text) <= high, f"Member must have length less than or equal to {high}"))
    if low:
        rules.append((lambda text: len(text) >= low, f"Member must have length greater than or equal to {low}"))
    if pattern is not None:
        matches = re.compile(pattern, re.ASCII).fullmatch
        rules.append(
            (
                lambda text: matches(text) is not None,
                f"Member must satisfy regular expression pattern: {pattern}",
            )
        )
    return rules


def _unless_arn(rule: Rule) -> Rule:
    keeps, words = rule
    return (lambda text: text.startswith("arn:") or keeps(text)), words


def _broken(text: str, rules: list[Rule]) -> list[str]:
    return [words for keeps, words in rules if not keeps(text)]


def _string_check(shape: Shape) -> Check:
    rules, values = _text_rules(shape), tuple(shape.enum)

    def check(value: Any, where: Where, faults: list[str]) -> None:
        if type(value) is not str:
            raise _wrong_scalar(value, "String")
        if values and value not in values:
            faults.append(_fault(value, where, f"Member must satisfy enum value set: [{', '.join(values)}]"))
        if rules:
            faults.extend([_fault(value, where, words) for words in _broken(value, rules)])

    return check


def _scalar_check(shape: Shape, kinds: tuple[type, ...], bounds: list[tuple[str, int]]) -> Check:
    java = _JAVA.get(shape.type_name, "String")

    def check(value: Any, where: Where, faults: list[str]) -> None:
        if type(value) not in kinds:
            raise _wrong_scalar(value, java)
        if bounds:
            _check_bounds(value, value, bounds, where, faults)

    return check


def _bounds(shape: Shape, of_what: str) -> list[tuple[str, int]]:
    bounds = []
    for word, name in (("greater", "min"), ("less", "max")):
        if shape.metadata.get(name) is not None:
            limit = int(shape.metadata[name])
            bounds.append((f"Member must have {of_what} {word} than or equal to {limit}", limit))
    return bounds


def _check_bounds(value: Any, measured: float, bounds: list[tuple[str, int]], where: Where, faults: list[str]) -> None:
    for words, limit in bounds:
        if (measured < limit) if "greater" in words else (measured > limit):
            faults.append(_fault(value, where, words))


def _fault(value: Any, where: Where, words: str) -> str:
    text = "null" if value is None else f"'{_text(value)}'"
    return f"Value {text} at '{'.'.join(where)}' failed to satisfy constraint: {words}"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_text(member) for member in value)}]"
    return value if isinstance(value, str) else json.dumps(value)


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _wrong_scalar(value: Any, java: str) -> ApiError:
    if isinstance(value, list):
        return serialization_error(f"Unrecognized collection type class java.lang.{java}")
    if isinstance(value, dict):
        return serialization_error("Start of structure or map found where not expected")
    if java == "Boolean" and isinstance(value, str):
        return serialization_error("Unexpected token received from parser")
    return serialization_error(f"{token_name(value)} cannot be converted to {java}")
