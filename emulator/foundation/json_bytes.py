"""JSON on its way out, and in. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeGuard

import msgspec

_encode: Final = msgspec.json.Encoder().encode
_encode_text: Final = json.JSONEncoder(separators=(",", ":")).encode
"""Made once: `json.dumps` makes one for each text that is not written as it writes by itself."""


def _refused(constant: str) -> None:
    raise ValueError(f"Unrecognized token '{constant}'")


_decoder: Final = json.JSONDecoder(parse_constant=_refused)


def json_bytes(value: Any) -> bytes:
    """A tree of dictionaries, lists, texts, numbers, True, False and None as JSON, without blanks.

    In UTF-8; escaped where that cannot be: JSON may carry half a surrogate pair.
    """
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return json_text(value).encode()


def json_text(value: Any) -> str:
    """The same as a text of ASCII, in which anything else is escaped."""
    return _encode_text(value)


def text_of(value: Any) -> str:
    """A text as it is, and anything else as JSON."""
    return value if isinstance(value, str) else json_text(value)


def json_of(body: bytes) -> Any:
    """What a client's JSON says, in UTF-8.

    NaN and Infinity, which Python writes and reads, are none: Lambda's parser would name them among what it expects.
    [USR] alexcasalboni/aws-lambda-power-tuning #148

    Raises:
        ValueError: it is none, or nested too deeply to be read.
    """
    return _read(_decoder.decode, body.decode("utf-8-sig"))


def parsed_json(text: str | bytes) -> Any:
    """What JSON says that somebody else wrote, whatever Python takes for JSON.

    Raises:
        ValueError: it is none, or nested too deeply to be read.
    """
    return _read(json.loads, text)


def _read(decode: Callable[[Any], Any], text: str | bytes) -> Any:
    try:
        return decode(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def is_object(body: bytes) -> bool:
    """Whether a client's JSON is an object."""
    try:
        return isinstance(json_of(body), dict)
    except ValueError:
        return False


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a number of JSON, which True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def token_name(thing: Any) -> str:
    """What AWS's reader of JSON calls a thing that stands where it does not belong."""
    if isinstance(thing, bool):
        return "TRUE_VALUE" if thing else "FALSE_VALUE"
    if isinstance(thing, str):
        return "STRING_VALUE"
    return "NUMBER_VALUE" if isinstance(thing, int) else "DECIMAL_VALUE"
