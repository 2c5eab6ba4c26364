"""Attribute values: how they are read from the wire, how large they are, how they sort. Pure.

moto keeps numbers as they were sent, so that ``1.0`` and ``1`` differ. Here numbers are brought to DynamoDB's one
form, and binary is decoded, as soon as a request is read.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any, Final

from moto.dynamodb.models.dynamo_type import DynamoType

from .errors import SERVICE, ApiError, invalid_parameter, validation_error

Attributes = Mapping[str, Any]
"""Attribute name to moto's ``DynamoType``."""

NUMBER_DIGITS: Final = 38
"""Significant digits of a number. [DOC] ddb-docs:HowItWorks.NamingRulesDataTypes"""
ITEM_BYTES: Final = 400 * 1024
"""Largest item, names included. [DOC] ddb-docs:ServiceQuotas"""

_EXACT: Final = Context(prec=400)
_ARITHMETIC: Final = Context(prec=NUMBER_DIGITS)
_PLAIN: Final = re.compile(r"-?[1-9][0-9]{0,37}|0")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LARGEST: Final = Decimal("9.9999999999999999999999999999999999999E+125")
_SMALLEST: Final = Decimal("1E-130")
_CONTENT: Final = {
    "S": str, "N": str, "B": str, "BOOL": bool, "NULL": bool, "L": list, "SS": list, "NS": list, "BS": list,
}  # fmt: skip
_SET_WORDS: Final = {"SS": "string", "NS": "number", "BS": "binary"}


def normal_number(text: Any) -> str:
    """The one way DynamoDB writes this number: no exponent, no leading or trailing zeros.

    Raises:
        ApiError: it is no number, or too large, too small or too precise.
    """
    if not isinstance(text, str):
        raise ApiError("SerializationException", "NUMBER_VALUE cannot be converted to String", namespace=SERVICE)
    if _PLAIN.fullmatch(text):
        return text
    if not text:
        raise validation_error("The parameter cannot be converted to a numeric value")
    if not _NUMBER.fullmatch(text):
        raise validation_error(f"The parameter cannot be converted to a numeric value: {text}")
    number = Decimal(text)
    if not number:
        return "0"
    if abs(number) > _LARGEST:
        raise validation_error(
            "Number overflow. Attempting to store a number with magnitude larger than supported range"
        )
    if abs(number) < _SMALLEST:
        raise validation_error(
            "Number underflow. Attempting to store a number with magnitude smaller than supported range"
        )
    number = number.normalize(_EXACT)
    if len(number.as_tuple().digits) > NUMBER_DIGITS:
        raise validation_error("Attempting to store a number with more than 38 significant digits")
    return format(number, "f")


def add_numbers(left: str, right: str, *, subtract: bool = False) -> str:
    """Sum or difference, rounded to DynamoDB's 38 digits."""
    a, b = Decimal(left), Decimal(right)
    return normal_number(str(_ARITHMETIC.subtract(a, b) if subtract else _ARITHMETIC.add(a, b)))


def read_value(pairs: dict[str, Any]) -> dict[str, Any]:
    """``object_hook`` for requests: decodes binary and normalises numbers, wherever an attribute value stands.

    Raises:
        ApiError: a value breaks a rule.
    """
    if len(pairs) != 1:
        return pairs
    ((kind, value),) = pairs.items()
    if kind == "N" and not isinstance(value, dict):
        return {"N": normal_number(value)}
    if kind == "B" and isinstance(value, str):
        return {"B": _read_binary(value)}
    if kind in _SET_WORDS and isinstance(value, list):
        return {kind: _read_set(kind, value)}
    if kind == "NULL" and value is False:
        raise invalid_parameter("Null attribute value types must have the value of true")
    if kind in _CONTENT and not isinstance(value, (dict, _CONTENT[kind])):
        raise ApiError("SerializationException", f"Unexpected value type in payload for {kind}", namespace=SERVICE)
    return pairs


def _read_binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ApiError("SerializationException", "Base64 encoded value is not valid", namespace=SERVICE) from error


def _read_set(kind: str, members: list[Any]) -> list[Any]:
    if not members:
        raise invalid_parameter(f"An {_SET_WORDS[kind]} set  may not be empty")
    if kind == "NS":
        members = [normal_number(member) for member in members]
    elif kind == "BS":
        members = [_read_binary(member) for member in members]
    if len(set(members)) != len(members):
        listed = ", ".join(str(member) for member in members)
        raise invalid_parameter(f"Input collection [{listed}] contains duplicates.")
    return members


def typed(kind: str, content: Any) -> Any:
    """A `DynamoType` of content that already consists of such values."""
    value = DynamoType.__new__(DynamoType)
    value.type, value.value = kind, content
    return value


def attribute_value(raw: Any) -> Any:
    """The `DynamoType` of a value that `read_value` has read; one that is such a type already stays itself.

    Raises:
        ApiError: it has no type, several, or an unknown one.
    """
    if type(raw) is DynamoType:
        return raw
    if len(raw) > 1:
        raise validation_error(
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes"
        )
    for kind, content in raw.items():
        if kind == "M":
            return typed(kind, {name: attribute_value(member) for name, member in content.items()})
        if kind == "L":
            return typed(kind, [attribute_value(member) for member in content])
        if kind in _CONTENT:
            return typed(kind, content)
    raise validation_error("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")


def attribute_values(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Several values by name."""
    return {name: attribute_value(value) for name, value in raw.items()}


def write_value(thing: Any) -> Any:
    """``default`` for answers: what ``json`` does not know by itself."""
    if isinstance(thing, DynamoType):
        return {thing.type: thing.value}
    if isinstance(thing, bytes):
        return base64.b64encode(thing).decode("ascii")
    if isinstance(thing, datetime):
        return (thing if thing.tzinfo else thing.replace(tzinfo=UTC)).timestamp()
    if hasattr(thing, "to_json"):
        return thing.to_json()
    raise TypeError(f"{type(thing).__name__} cannot be sent as JSON")


def wire_value(value: Any) -> dict[str, Any]:
    """An attribute value as plain JSON."""
    kind, content = value.type, value.value
    if kind == "M":
        content = {name: wire_value(member) for name, member in content.items()}
    elif kind == "L":
        content = [wire_value(member) for member in content]
    elif kind == "B":
        content = base64.b64encode(content).decode("ascii")
    elif kind == "BS":
        content = [base64.b64encode(member).decode("ascii") for member in content]
    elif kind in ("SS", "NS"):
        content = list(content)
    return {kind: content}


def wire_attributes(attributes: Attributes) -> dict[str, Any]:
    """Attributes as plain JSON."""
    return {name: wire_value(value) for name, value in attributes.items()}


def equal(left: Any, right: Any) -> bool:
    """Whether two values are of the same type and equal; sets compare without order."""
    if left is right:
        return True
    if left.type != right.type:
        return False
    if left.type in ("SS", "NS", "BS"):
        return set(left.value) == set(right.value)
    if left.type == "L":
        return len(left.value) == len(right.value) and all(map(equal, left.value, right.value))
    if left.type == "M":
        return same_attributes(left.value, right.value)
    return bool(left.value == right.value)


def same_attributes(left: Attributes, right: Attributes) -> bool:
    """Whether two items, or two maps, hold the same."""
    return left.keys() == right.keys() and all(equal(value, right[name]) for name, value in left.items())


def sort_value(value: Any) -> Any:
    """What a key attribute's value sorts by: numbers by size, strings and binary by their bytes."""
    return Decimal(value.value) if value.type == "N" else value.value


def attributes_bytes(attributes: Attributes) -> int:
    """Size as DynamoDB counts it: names in UTF-8 plus values.

    [DOC] ddb-docs:CapacityUnitCalculations; [REC] numbers and binary of recorded stream records.
    """
    return sum(len(name.encode()) + value_bytes(value) for name, value in attributes.items())


def value_bytes(value: Any) -> int:
    """Size of one value."""
    return _content_bytes(value.type, value.value)


def _content_bytes(kind: str, content: Any) -> int:
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    if kind == "N":
        return _number_bytes(content)
    if kind == "B":
        return len(content)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "L":
        return 3 + sum(1 + value_bytes(member) for member in content)
    if kind == "M":
        return 3 + len(content) + attributes_bytes(content)
    return sum(_content_bytes(kind[0], member) for member in content)


def _number_bytes(text: str) -> int:
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + (2 if text.startswith("-") else 1)
