"""HTTP answers of the gateway itself: refused upgrades and ``@connections``. Pure."""

from __future__ import annotations

import http
from typing import Final

from ...foundation.json_bytes import json_text
from .effects import HttpAnswer
from .error_frames import INTERNAL_SERVER_ERROR, error_frame
from .ids import IdSource

_MESSAGES: Final = {401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}
_ERROR_TYPES: Final = {
    400: "BadRequestException",
    401: "UnauthorizedException",
    403: "ForbiddenException",
    410: "GoneException",
    413: "PayloadTooLargeException",
    429: "TooManyRequestsException",
}

MISSING_TOKEN: Final = ("Missing Authentication Token", "MissingAuthenticationTokenException")
"""Message and error type of a request that is not signed, or of a method AWS lacks. [DOC] gateway responses"""


def answer(
    ids: IdSource, now_ms: int, status: int, body: bytes = b"", error_type: str | None = None, *extra: tuple[str, str]
) -> HttpAnswer:
    """An answer with the headers that every one of execute-api has. [REC] aws-sdk issues on the management API"""
    headers = [
        ("x-amzn-RequestId", ids.uuid()),
        ("x-amz-apigw-id", ids.request_id(now_ms)),
        ("Content-Type", "application/json"),
    ]
    if error_type is not None:
        headers.append(("x-amzn-ErrorType", error_type))
    return HttpAnswer(status, (*headers, *extra), body)


def error(
    ids: IdSource, now_ms: int, status: int, message: str | None = None, error_type: str | None = None
) -> HttpAnswer:
    """A refusal whose body is ``{"message": ...}``; message and type default to what AWS says for the status."""
    text = message or _MESSAGES.get(status) or _phrase(status)
    body = b"" if status == 304 else json_text({"message": text}).encode()
    return answer(ids, now_ms, status, body, error_type or _ERROR_TYPES.get(status))


def failed_handshake(ids: IdSource, now_ms: int, status: int, connection_id: str, request_id: str) -> HttpAnswer:
    """A handshake that failed on the service's side (5xx). The body is assumed. [?]"""
    body = error_frame(INTERNAL_SERVER_ERROR, connection_id, request_id).encode()
    return answer(ids, now_ms, status, body, "InternalServerErrorException")


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Refused"
