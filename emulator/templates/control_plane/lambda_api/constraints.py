"""What Lambda's model says of parameters, in the words in which AWS refuses them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..query import ApiError


def flaw(name: str, value: Any, must: str) -> str:
    """What is wrong with a parameter, by the API's name with a small letter; None for a value: it is missing."""
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{name}' failed to satisfy constraint: Member must {must}"


def refused(flaws: Sequence[str]) -> ApiError:
    """For all that is wrong with a request. [REC] ls-snap test_layer_exceptions: several at once"""
    plural = "" if len(flaws) == 1 else "s"
    return ApiError("ValidationException", f"{len(flaws)} validation error{plural} detected: {'; '.join(flaws)}")


def violated(name: str, value: Any, must: str) -> ApiError:
    """For one parameter that is not what it must be."""
    return refused([flaw(name, value, must)])
