"""JSON on its way out, and in. Pure."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode


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
        return json.dumps(value, separators=(",", ":")).encode()


def json_of(body: bytes) -> Any:
    """What a client's JSON says, in UTF-8.

    NaN and Infinity, which Python writes and reads, are none: Lambda's parser would name them among what it expects.
    [USR] alexcasalboni/aws-lambda-power-tuning #148

    Raises:
        ValueError: it is none, or nested too deeply to be read.
    """
    try:
        return _decoder.decode(body.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def is_object(body: bytes) -> bool:
    """Whether a client's JSON is an object."""
    try:
        return isinstance(json_of(body), dict)
    except ValueError:
        return False
