"""What AWS's front end says of a JSON request that does not have the shapes of its service's model. Pure."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from .json_bytes import token_name
from .shapes import model_of
from .times import instant

_KINDS: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "blob": ((str,), "a Blob"),
    "boolean": ((bool,), "a Boolean"),
    "double": ((int, float), "a Double"),
    "float": ((int, float), "a Float"),
    "integer": ((int,), "an Integer"),
    "long": ((int,), "a Long"),
    "string": ((str,), "a String"),
    "timestamp": ((int, float, str), "a Date"),
}
"""The types of JSON that are read as each of the model's, and what AWS calls it.

[USR] async-aws/aws #1667: "STRING_VALUE can not be converted to an Integer"
"""
_MOST: Final = 10
"""AWS tells so many faults of a request at once. [USR] dynalite"""
_Shapes = Mapping[str, Mapping[str, Any]]


class Fault(Struct, frozen=True):
    """What is wrong with a request."""

    text: str
    """In AWS's words; empty where members are missing."""
    missing: tuple[str, ...] = ()
    """Required members that are not there, where none is of another type: ``entries.1.member.id``."""
    outside: tuple[str, ...] = ()
    """Numbers outside their bounds, and what is too short or too long, each in AWS's words; the same."""

    @property
    def validation(self) -> str:
        """What is missing or outside its bounds, as most services tell it. [USR] dynalite, kinesalite"""
        lacking = (_broken("null", path, "Member must not be null") for path in self.missing)
        told = (*self.outside, *lacking)[:_MOST]
        words = "validation error" if len(told) == 1 else "validation errors"
        return f"{len(told)} {words} detected: {'; '.join(told)}"


class _Found(Struct):
    missing: list[str]
    outside: list[str]


def fault_of(service: str, operation: str, given: Any) -> Fault | None:
    """What is wrong with a request; None: nothing, or the service has no such operation.

    Members that are null are taken out: they are as good as missing.

    Args:
        service: as botocore's folder of its model is called.
        operation: ``SendMessage``.
        given: the parameters, as read from JSON; changed in place.
    """
    model = model_of(service)
    if operation not in model.operation_names:
        return None
    shape = model.input_shape(operation)
    found = _Found([], [])
    text = None if shape is None else _misread(model.shapes, shape.name, given, "", found)
    if text is not None:
        return Fault(text)
    return Fault("", tuple(found.missing), tuple(found.outside)) if found.missing or found.outside else None


def _misread(shapes: _Shapes, name: str, value: Any, where: str, seen: _Found) -> str | None:
    """Why a value is not read as a shape; None: it is. What else is wrong is added to ``seen``."""
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure":
        return _structure(shapes, shape, value, where, seen)
    if kind == "list":
        if type(value) is not list:
            return _not_a(value)
        found = (
            _element(shapes, shape["member"]["shape"], each, f"{where}.{at}.member", seen)
            for at, each in enumerate(value, 1)
        )
        return next((each for each in found if each is not None), None)
    if kind == "map":
        if type(value) is not dict:
            return _not_a(value)
        named = value.items()
        found = (_element(shapes, shape["value"]["shape"], each, f"{where}.{key}.member", seen) for key, each in named)
        return next((each for each in found if each is not None), None)
    return _scalar(shape, value, where, seen)


def _scalar(shape: Mapping[str, Any], value: Any, where: str, seen: _Found) -> str | None:
    kind = shape["type"]
    types, called = _KINDS[kind]
    if isinstance(value, dict | list):
        return _not_a(value)
    if type(value) not in types or (kind == "timestamp" and not _is_time(value)):
        return f"{token_name(value)} can not be converted to {called}"
    if kind == "blob" and not _is_base64(value):
        return "The value is not valid base64"  # [INF] the words
    if int in types and kind != "timestamp":
        low, high = shape.get("min"), shape.get("max")
        if low is not None and value < low:
            words = f"Member must have value greater than or equal to {low:.17g}"
            seen.outside.append(_broken(f"'{value}'", where, words))
        if high is not None and value > high:
            words = f"Member must have value less than or equal to {high:.17g}"
            seen.outside.append(_broken(f"'{value}'", where, words))
    return None


def _measure(shapes: _Shapes, shape: Mapping[str, Any], value: Any, where: str, seen: _Found) -> None:
    """Add how long a member is allowed to be, if it is not: texts, bytes and lists, of structures only empty ones.

    [USR] remind101/ssm-env #10, kinesalite; cluster-api-provider-aws #1531: bytes and what is sensitive are not told
    """
    kind = shape["type"]
    if kind not in ("blob", "list", "string"):
        return
    size = len(value) if kind != "blob" else len(value) // 4 * 3 - value[-2:].count("=")
    told = "" if kind == "blob" or shape.get("sensitive") else f"'{value}'"
    if kind == "list":
        if value and shapes[shape["member"]["shape"]]["type"] == "structure":
            return  # services write these in ways of their own
        told = f"'[{', '.join(map(str, value))}]'"
    low, high = shape.get("min"), shape.get("max")
    if low is not None and size < low:
        seen.outside.append(_broken(told, where, f"Member must have length greater than or equal to {low}"))
    if high is not None and size > high:
        seen.outside.append(_broken(told, where, f"Member must have length less than or equal to {high}"))


def _broken(value: str, where: str, words: str) -> str:
    return f"Value {f'{value} ' if value else ''}at '{where}' failed to satisfy constraint: {words}"


def _structure(shapes: _Shapes, shape: Mapping[str, Any], value: Any, where: str, seen: _Found) -> str | None:
    if type(value) is not dict:
        return _not_a(value)
    if shape.get("document"):
        return None
    prefix, members = f"{where}." if where else "", shape["members"]
    for name in [name for name, each in value.items() if each is None]:
        del value[name]
    for name, each in value.items():
        member = members.get(name)
        if member is None:
            continue
        path = f"{prefix}{_lower(name)}"
        found = _misread(shapes, member["shape"], each, path, seen)
        if found is not None:
            return found
        _measure(shapes, shapes[member["shape"]], each, path, seen)
    seen.missing.extend(f"{prefix}{_lower(name)}" for name in shape.get("required", ()) if name not in value)
    return None


def _element(shapes: _Shapes, name: str, value: Any, where: str, seen: _Found) -> str | None:
    return "Unexpected value type in payload" if value is None else _misread(shapes, name, value, where, seen)


def _not_a(value: Any) -> str:
    """[USR] what stands where it does not belong is told so by DynamoDB and others."""
    if isinstance(value, list):
        return "Start of list found where not expected"
    return "Start of structure or map found where not expected" if isinstance(value, dict) else "Unexpected field type"


def _is_time(value: Any) -> bool:
    try:
        instant(value)
    except (ValueError, OverflowError, OSError):
        return False
    return True


def _is_base64(text: str) -> bool:
    try:
        binascii.a2b_base64(text)
    except ValueError:
        return False
    return True


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
