"""Attribute values: how they are read from the wire, how large they are, how they sort and compare. Pure.

Numbers are brought to DynamoDB's one form, binary is decoded and sets are put into order as soon as a request is read;
two values are then equal if, and only if, they are equal tuples.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from decimal import Decimal
from sys import intern
from typing import Any, Final, NamedTuple

from streamer.aws_limits import text_bytes

from ..foundation.json_bytes import token_name
from .errors import ApiError, invalid_parameter, serialization_error, validation_error
from .numbers import normal_number

Json = dict[str, Any]
"""An object of JSON."""
Parameters = Mapping[str, Any]
"""What an operation is asked with, by the names of its members."""

NESTING_LEVELS: Final = 32
"""Levels of an attribute and what is in it: 31 lists and maps. [DOC] ddb-docs:ServiceQuotas; [USR] dynoxide 110"""
NAME_BYTES: Final = 65_535
"""Longest name of an attribute. [DOC] ddb-docs:HowItWorks.NamingRulesDataTypes, less the one byte that AWS refuses"""
TYPES: Final = ("S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL")
SETS: Final = ("SS", "NS", "BS")
ORDERED: Final = ("S", "N", "B")
"""Types that ``<`` and its kin, BETWEEN and keys know."""


class AttributeValue(NamedTuple):
    """One value; frozen."""

    type: str
    """``S``, ``N``, ``B``, ``BOOL``, ``NULL``, ``SS``, ``NS``, ``BS``, ``L`` or ``M``."""
    content: Any
    """Text (``S``; ``N`` in its normal form), bytes, a bool, a sorted tuple (sets), a tuple (``L``), a dict (``M``).

    A dict is never changed once it is in a value.
    """


_new_tuple: Final[Callable[..., AttributeValue]] = tuple.__new__
"""Makes a value in a third of the constructor's time: every request has some, a state has millions."""

Attributes = Mapping[str, AttributeValue]
"""An item, a key, a map, or the ``:values`` of a request, by name."""


def read_value(raw: Any, depth: int = 0) -> AttributeValue:
    """An attribute value from plain JSON; ``depth`` is how many lists and maps are around it.

    Raises:
        ApiError: it has no type, several or an unknown one, or breaks a rule of its type.
    """
    if type(raw) is dict and len(raw) == 1:
        for kind, content in raw.items():
            if kind == "S" and type(content) is str:
                return _new_tuple(AttributeValue, ("S", content))
            reader = _READERS.get(kind)
            if reader is not None and content is not None:
                return AttributeValue(kind, reader(content, depth))
    return _read_odd_value(raw, depth)


def _read_odd_value(raw: Any, depth: int) -> AttributeValue:
    if isinstance(raw, list):
        raise serialization_error("Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue")
    if not isinstance(raw, dict):
        raise serialization_error("Unexpected value type in payload")
    given = {kind: content for kind, content in raw.items() if kind in _READERS and content is not None}
    values = [AttributeValue(kind, _READERS[kind](content, depth)) for kind, content in given.items()]
    if not values:
        raise validation_error("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    if len(values) > 1:
        raise validation_error(
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes"
        )
    return values[0]


def read_attributes(raw: Mapping[str, Any], depth: int = 0) -> dict[str, AttributeValue]:
    """Several values by name. Items have the same few names, which stay in memory once.

    Raises:
        ApiError: a value breaks a rule, or a name is empty.
    """
    if "" in raw:
        raise invalid_parameter("Empty attribute name")
    return {intern(name): read_value(value, depth) for name, value in raw.items() if value is not None}


def read_kept_attributes(raw: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """Several values by name, as `wire_attributes` told them: numbers are in their normal form.

    Raises:
        ApiError, TypeError: it is nothing that `wire_attributes` makes.
    """
    found = {}
    for name, value in raw.items():
        ((kind, content),) = value.items()
        if kind in _KEPT_TEXT and type(content) is str:
            found[intern(name)] = _new_tuple(AttributeValue, (intern(kind), content))
        elif kind == "M" and type(content) is dict:
            found[intern(name)] = AttributeValue("M", read_kept_attributes(content))
        else:
            found[intern(name)] = read_value(value, _ANY_DEPTH)
    return found


_ANY_DEPTH: Final = -1000
"""What was kept has been accepted, under this limit or an older one."""
_KEPT_TEXT: Final = ("S", "N")


def _read_text(content: Any, _depth: int) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, (dict, list)):
        raise _misplaced(content, "class java.lang.String")
    raise serialization_error(f"{token_name(content)} cannot be converted to String")


def _misplaced(content: Any, collection: str) -> ApiError:
    if isinstance(content, list):
        return serialization_error(f"Unrecognized collection type {collection}")
    return serialization_error("Start of structure or map found where not expected")


def _read_number(content: Any, depth: int) -> str:
    return normal_number(_read_text(content, depth))


def _read_binary(content: Any, _depth: int) -> bytes:
    if isinstance(content, (dict, list)):
        raise _misplaced(content, "class java.nio.ByteBuffer")
    if not isinstance(content, str):
        raise serialization_error("only base-64-encoded strings are convertible to bytes")
    length = len(content)
    if length % 4:
        raise serialization_error(f"Base64 encoded length is expected a multiple of 4 bytes but found: {length}")
    try:
        decoded = base64.b64decode(content, validate=True)
    except ValueError as error:
        raise serialization_error("Invalid last non-pad Base64 character dectected") from error
    if base64.b64encode(decoded).decode("ascii") != content:
        raise serialization_error("Invalid last non-pad Base64 character dectected")
    return decoded


def _read_bool(content: Any, _depth: int) -> bool:
    if isinstance(content, bool):
        return content
    if isinstance(content, (dict, list)):
        raise _misplaced(content, "class java.lang.Boolean")
    if isinstance(content, str):
        # [USR] dynalite, written against AWS: words pass, too
        word = content.upper()
        if word in ("TRUE", "1", "YES"):
            return True
        if word in ("FALSE", "0", "NO"):
            return False
        raise serialization_error("Unexpected token received from parser")
    raise serialization_error(f"{token_name(content)} cannot be converted to Boolean")


def _read_null(content: Any, depth: int) -> bool:
    if not _read_bool(content, depth):
        raise invalid_parameter("Null attribute value types must have the value of true")
    return True


def _members(content: Any) -> list[Any]:
    if isinstance(content, dict):
        raise serialization_error("Start of structure or map found where not expected")
    if not isinstance(content, list):
        raise serialization_error("Unexpected field type")
    return content


def _deeper(depth: int) -> int:
    if depth >= NESTING_LEVELS - 1:
        raise validation_error(
            "Nesting Levels have exceeded supported limits: "
            "Attributes in the item have nested levels beyond supported limit"
        )
    return depth + 1


def _read_list(content: Any, depth: int) -> tuple[AttributeValue, ...]:
    below = _deeper(depth)
    return tuple([read_value(member, below) for member in _members(content)])


def _read_map(content: Any, depth: int) -> dict[str, AttributeValue]:
    below = _deeper(depth)
    if not isinstance(content, dict):
        if isinstance(content, list):
            raise serialization_error(
                "Unrecognized collection type java.util.Map<java.lang.String, "
                "com.amazonaws.dynamodb.v20120810.AttributeValue>"
            )
        raise serialization_error("Unexpected field type")
    for name in content:
        if text_bytes(name) > NAME_BYTES:
            # [USR] extenddb 365: inside maps, too
            raise validation_error(f"Attribute name is too large, must be less than {NAME_BYTES + 1} bytes")
    return read_attributes(content, below)


def _set_reader(read: Callable[[Any, int], Any], empty: str, double: str) -> Callable[[Any, int], tuple[Any, ...]]:
    def read_set(content: Any, depth: int) -> tuple[Any, ...]:
        members = [read(member, depth) for member in _members(content)]
        if not members:
            raise invalid_parameter(empty)
        if len(set(members)) != len(members):
            listed = ", ".join(str(member) for member in _members(content))
            raise validation_error(double.format(f"[{listed}]"))
        return ordered_set(members, is_number=read is _read_number)

    return read_set


def ordered_set(members: Any, *, is_number: bool) -> tuple[Any, ...]:
    """The members of a set in the order in which we keep, show and compare them; AWS promises none."""
    return tuple(sorted(members, key=Decimal) if is_number else sorted(members))


_DOUBLE: Final = "One or more parameter values were invalid: Input collection {}"
_READERS: Final[dict[str, Callable[[Any, int], Any]]] = {
    "S": _read_text,
    "N": _read_number,
    "B": _read_binary,
    "BOOL": _read_bool,
    "NULL": _read_null,
    "SS": _set_reader(_read_text, "An string set  may not be empty", f"{_DOUBLE} contains duplicates."),
    "NS": _set_reader(_read_number, "An number set  may not be empty", "Input collection contains duplicates"),
    "BS": _set_reader(_read_binary, "Binary sets should not be empty", f"{_DOUBLE}of type BS contains duplicates."),
    "L": _read_list,
    "M": _read_map,
}


def wire_value(value: AttributeValue) -> dict[str, Any]:
    """An attribute value as plain JSON."""
    kind, content = value
    wire = _WIRE.get(kind)
    return {kind: content if wire is None else wire(content)}


def wire_attributes(attributes: Attributes) -> dict[str, Any]:
    """Attributes as plain JSON."""
    found = {}
    for name, (kind, content) in attributes.items():
        wire = _WIRE.get(kind)
        found[name] = {kind: content if wire is None else wire(content)}
    return found


def _text_of(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


_WIRE: Final[dict[str, Callable[[Any], Any]]] = {
    "M": wire_attributes,
    "L": lambda members: [wire_value(member) for member in members],
    "B": _text_of,
    "SS": list,
    "NS": list,
    "BS": lambda members: [_text_of(member) for member in members],
}
"""Types whose content looks otherwise on the wire."""


def sort_value(value: AttributeValue) -> Any:
    """What a key attribute's value sorts by: numbers by size, strings and binary by their bytes.

    Python compares text by code points, which is the order of its bytes in UTF-8.
    """
    return Decimal(value[1]) if value[0] == "N" else value[1]


def shown(value: AttributeValue) -> str:
    """A value as AWS's messages show it: ``{S:text}``."""
    kind, content = value
    if kind == "B":
        content = base64.b64encode(content).decode("ascii")
    return f"{{{kind}:{content}}}"
