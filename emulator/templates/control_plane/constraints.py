"""What Lambda's model says of parameters, in the words in which AWS refuses them. Pure."""

from __future__ import annotations

from typing import Any

from .query import ApiError


def violated(name: str, value: Any, must: str) -> ApiError:
    """A parameter, called as in the API but for its first letter, is not what it must be; None: it is missing."""
    shown = "null" if value is None else f"'{value}'"
    text = f"1 validation error detected: Value {shown} at '{name}' failed to satisfy constraint: Member must {must}"
    return ApiError("ValidationException", text)
