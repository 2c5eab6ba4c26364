"""What a Lambda proxy integration returned: parsed once, or malformed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, field

from ...foundation.json_bytes import parsed_json

_KEYS: Final = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
"""A result with any other key is malformed. [USR] middy #1219"""
_SCALARS: Final = (str, int, float, bool)
_FAILURE: Final = 400
"""The least status of an answer that failed."""
_SAID_CHARACTERS: Final = 200
"""So much of a body is told to the developer."""


class ProxyResponse(Struct, frozen=True):
    """A well-formed result."""

    status: int
    body: str | None = None
    """None: the result had none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case name to value; the last one where it was repeated."""


class Malformed(Struct, frozen=True):
    """A result that is no proxy response."""

    reason: str
    is_none: bool = False
    """Whether the function returned None, the most frequent mistake."""


def parse_proxy_response(payload: bytes, *, needs_status: bool = True) -> ProxyResponse | Malformed:
    """Read a function's result. [INF] apigw-docs on proxy errors; [USR] middy #1219

    Args:
        payload: What the function returned, as JSON.
        needs_status: Whether an object without a ``statusCode`` is malformed, rather than one of 200.
    """
    try:
        result = parsed_json(payload.decode())  # of bytes, it would look for UTF-16 first
    except ValueError:
        return Malformed("the result is not JSON")
    if result is None:
        return Malformed('the result is None; return {"statusCode": 200}', is_none=True)
    if not isinstance(result, dict):
        return Malformed(f"the result is a {type(result).__name__}, not an object with a statusCode")
    if not needs_status and result.get("statusCode") is None:
        result = {**result, "statusCode": 200}
    return _read(result)


def failure_said(response: ProxyResponse) -> str | None:
    """What a function says failed: its status and the beginning of its body; None: nothing, the status is below 400.

    AWS counts these in ``IntegrationError``. [DOC] apigw-docs:apigateway-websocket-api-logging
    """
    if response.status < _FAILURE:
        return None
    words = " ".join((response.body or "")[: 2 * _SAID_CHARACTERS].split())[:_SAID_CHARACTERS]
    return f"{response.status}: {words}" if words else str(response.status)


def _read(result: dict[str, Any]) -> ProxyResponse | Malformed:
    unknown = sorted(result.keys() - _KEYS)
    if unknown:
        return Malformed(f"the result has keys that are not allowed: {', '.join(unknown)}")
    status = _status(result.get("statusCode"))
    if result.get("statusCode") is None:
        return Malformed(
            "the result has no statusCode; if AWS takes it, as REST APIs do: --assume missing_status_is_error=false"
        )
    if status is None:
        return Malformed(f"statusCode must be an integer from 200 to 599, not {result.get('statusCode')!r}")
    body = result.get("body")
    if body is not None and not isinstance(body, str):
        return Malformed(f"body must be a string, not {type(body).__name__}; use json.dumps")
    headers = _headers(result.get("headers"), result.get("multiValueHeaders"))
    if headers is None:
        return Malformed("headers must map names to values, multiValueHeaders names to lists of values")
    return ProxyResponse(status, body, headers)


def _status(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == 3:
        value = int(value)  # [INF] numeric strings pass on REST APIs
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not value.is_integer():  # nor is Infinity, which JSON's parser lets through
        return None
    return int(value) if 200 <= value <= 599 else None


def _headers(single: Any, multi: Any) -> dict[str, str] | None:
    headers: dict[str, str] = {}
    if single is None and multi is None:
        return headers
    if not isinstance(single, dict | None) or not isinstance(multi, dict | None):
        return None
    for name, values in (multi or {}).items():
        if not isinstance(values, list) or not all(isinstance(value, _SCALARS) for value in values):
            return None
        headers.update({name.lower(): _text(value) for value in values})
    for name, value in (single or {}).items():
        if value is not None and not isinstance(value, _SCALARS):
            return None
        headers[name.lower()] = _text(value)
    return headers


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)
