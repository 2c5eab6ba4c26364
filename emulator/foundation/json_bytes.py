"""JSON on its way out. Pure."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode


def json_bytes(value: Any) -> bytes:
    """A tree of dictionaries, lists, texts, numbers, True, False and None as JSON, without blanks.

    In UTF-8; escaped where that cannot be: JSON may carry half a surrogate pair.
    """
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
