"""A recording as one JSON document: without credentials, and read again by the page, `tail` and `trace`. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

from streamer.errors import ConfigurationError

from ...foundation.json_bytes import parsed_json
from ...functions import outcome
from ...gateway.rules import effects
from ...port.http import HttpRequest
from ...port.signed import CREDENTIAL
from ..reading.secret_calls import without_secrets
from ..reading.telling import who_opened
from ..recording import records
from ..recording.masking import HIDDEN, Who, hides, masked, masked_text
from ..recording.records import Call, Opening
from ..recording.ring import RECORDS, Record, Ring

KIND: Final = "recording"
VERSION: Final = 2
"""Of the document; one of another version is not read."""
BYTES: Final = 256 * 1024 * 1024
"""Most that is kept of a document that is read."""
_TYPE, _BYTES = "$type", "$bytes"


def _names(kind: type) -> tuple[str, ...] | None:
    """Names of the fields of a kind of record; None: it is none."""
    if issubclass(kind, Struct):
        return kind.__struct_fields__
    return tuple(each.name for each in fields(kind)) if is_dataclass(kind) else None


_KINDS: Final[Mapping[str, Any]] = {
    name: kind
    for module in (records, effects, outcome)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and _names(kind) is not None and kind is not Struct and not kind.__name__.startswith("_")
} | {"HttpRequest": HttpRequest, "Who": Who}
_NUMBERS: Final = 2**63
"""More than any number that is recorded, times in nanoseconds among them."""
_SET_HERE: Final = ("number", "sequence", "came_from")

Json = dict[str, Any]


def document(kept: Iterable[Record], *, boot: str, at_ms: float) -> Json:
    """What was recorded, the oldest first; ``boot`` names the run of the emulator."""
    told = sorted(kept, key=lambda record: record.number)
    return {
        "streamer": KIND,
        "version": VERSION,
        "boot": boot,
        "at": at_ms,
        "records": [_written(each) for each in told],
    }


def ring_of(content: Any) -> Ring:
    """The records of a document, under the numbers that they had.

    Raises:
        ConfigurationError: it is no recording, a damaged one, or one of another version.
    """
    if not isinstance(content, dict) or content.get("streamer") != KIND:
        raise ConfigurationError("this is no recording of streamer")
    if content.get("version") != VERSION:
        found = content.get("version")
        raise ConfigurationError(f"the recording is of version {found}, and this reads {VERSION}; record it again")
    ring = Ring(most_records=RECORDS, most_bytes=BYTES)
    try:
        for each in content["records"]:
            ring.add(_record(each))
    except (ArithmeticError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ConfigurationError(f"the recording is damaged: {type(error).__name__}: {error}") from error
    return ring


def _record(written: Any) -> Record:
    record = _read(written)
    if not isinstance(record, Record):
        raise TypeError("there is something that is no record")
    record.number = int(written["number"])
    return record


def read(text: bytes) -> Ring:
    """The records of a file; raises as `ring_of`."""
    try:
        content = parsed_json(text)
    except ValueError as error:
        raise ConfigurationError(f"this is no recording of streamer: {error}") from error
    return ring_of(content)


# writing


def _written(record: Record) -> Json:
    if isinstance(record, Opening):
        # The token that says who it was does not get into the document.
        return {**_encoded(replace(record, who=who_opened(record))), "number": record.number}
    if isinstance(record, Call):
        told = _encoded(without_secrets(record))
        if signed := CREDENTIAL.search(record.fields.get("authorization", "")):
            # What was called is known by it; it is no secret.
            told["fields"]["authorization"] = f"Credential={HIDDEN}/{signed['scope']}"
        return {**told, "number": record.number}
    return {**_encoded(record), "number": record.number}


def _encoded(value: Any, name: str = "") -> Any:
    match value:
        case str():
            return masked(value, name)
        case bytes():
            return _encoded_bytes(value)
        case Mapping():
            return {str(key): _encoded_member(item, str(key)) for key, item in value.items()}
        case list() | tuple():
            if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], str):
                return [masked_text(value[0]), masked(value[1], value[0])]  # a header
            return [_encoded(item) for item in value]
        case _ if (names := _names(type(value))) is not None:
            told = {name: _encoded(getattr(value, name)) for name in names if name not in _SET_HERE}
            return {_TYPE: type(value).__name__, **told}
        case None | bool() | int() | float():
            return value
        case _:
            return masked(str(value), name)  # such as the error of a note


def _encoded_member(value: Any, name: str) -> Any:
    return HIDDEN if value is not None and hides(name) and not isinstance(value, str) else _encoded(value, name)


def _encoded_bytes(value: bytes) -> Json:
    try:
        return {_BYTES: masked(value.decode("utf-8"))}
    except UnicodeDecodeError:  # also where a payload was cut within a character
        told = masked(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return {_BYTES: base64.b64encode(told).decode(), "base64": True}


# reading


def _read(value: Any) -> Any:
    match value:
        case {"$bytes": str(text)}:
            return base64.b64decode(text, validate=True) if value.get("base64") else text.encode()
        case {"$type": str(name)}:
            kind, hints = _KINDS[name], _hints(name)
            told = {key: _read(item) for key, item in value.items() if key in hints}
            for key, item in told.items():
                if not _fits(item, hints[key]):
                    raise TypeError(f"{key} of {name} cannot be {type(item).__name__}")
            return kind(**told)
        case dict():
            return {key: _read(item) for key, item in value.items()}
        case list():
            return tuple(map(_read, value))
        case _:
            return value


@cache
def _hints(name: str) -> Mapping[str, Any]:
    """The types of the fields of a kind that are read."""
    kind = _KINDS[name]
    hints = get_type_hints(kind)
    return {each: hints[each] for each in _names(kind) or () if each not in _SET_HERE}


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value that was read is of a field's type."""
    of, arguments = get_origin(hint), get_args(hint)
    if hint is Any:  # whatever JSON has
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
        return isinstance(value, dict | tuple | str | int | float | None) and all(_fits(each, Any) for each in inner)
    if of in (Union, UnionType):
        return any(_fits(value, each) for each in arguments)
    if of is tuple and ... not in arguments:
        return isinstance(value, tuple) and len(value) == len(arguments) and all(map(_fits, value, arguments))
    if isinstance(of, type) and issubclass(of, Mapping):
        return isinstance(value, dict) and all(_fits(each, arguments[1]) for each in value.values())
    if isinstance(of, type) and issubclass(of, Sequence):
        return isinstance(value, tuple) and all(_fits(each, arguments[0]) for each in value)
    if hint in (int, float):
        return (type(value) is int or type(value) is hint) and abs(value) < _NUMBERS
    return value in arguments if of is Literal else isinstance(value, hint)
