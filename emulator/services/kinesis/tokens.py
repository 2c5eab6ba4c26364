"""Iterators, and where lists go on, as texts that clients give back. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ...foundation.json_bytes import json_text, parsed_json
from .errors import invalid


def token(content: Mapping[str, Any]) -> str:
    """An iterator, or where a list goes on, as clients get it."""
    return base64.urlsafe_b64encode(json_text(content).encode()).decode()


def untoken(text: Any, what: str) -> dict[str, Any]:
    """What a token says; raises KinesisError."""
    try:
        found = parsed_json(base64.urlsafe_b64decode(str(text)))
    except ValueError as error:
        raise invalid(f"Invalid {what}.") from error
    if not isinstance(found, dict):
        raise invalid(f"Invalid {what}.")
    return found
