"""What a client is answered: a function's result, or the gateway's own word. Pure.

[DOC] apigw-docs:http-api-develop-integrations-lambda, set-up-lambda-proxy-integrations; lambda-docs:urls-invocation
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from streamer.topology.http_kinds import HttpKind

from ...foundation.json_bytes import parsed_json
from ..rules.effects import HttpAnswer, NotInvoked, Raised, Replied, Result, TimedOut
from .events import Asked, accepts_binary, is_binary_type
from .headers import CONTENT_TYPE, Headers, MalformedError, own_headers, sendable
from .refusals import LATE, error

_WRITTEN_BY_US: Final = frozenset({"content-length", "connection", "transfer-encoding", "keep-alive", "upgrade"})
"""Headers of a function's that say how its answer is sent, which is ours to say."""
_REMAPPED: Final = frozenset(
    {
        *("authorization", "connection", "content-length", "content-md5", "date", "max-forwards", "server"),
        *("user-agent", "www-authenticate", "x-amzn-requestid"),
    }
)
"""Headers that clients of a REST API or a function URL see under another name: `remapped`."""
_DROPPED: Final = frozenset(
    {"expect", "host", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Those that they do not see at all. [DOC] apigw-docs:api-gateway-known-issues, [INF] of function URLs"""
_DEFAULT_TYPES: Final = {
    HttpKind.HTTP: "text/plain; charset=utf-8",
    HttpKind.REST: "application/json",
    HttpKind.URL: "application/json",
}
"""Where the function says none. [INF] as seen in clients of each"""


def answered(asked: Asked, result: Result) -> tuple[HttpAnswer, str | None]:
    """The answer for what came of the function, and what the developer should hear of it."""
    kind = asked.api.kind
    match result:
        case Replied(payload):
            try:
                return _replied(asked, payload), None
            except MalformedError as wrong:
                return malformed(asked, wrong)
        case Raised():
            return failure(asked, "failed"), None
        case NotInvoked(reason):
            return failure(asked, "refused"), f"Lambda did not run the function: {reason}"
        case TimedOut():
            return failure(asked, "late"), f"the {kind.value} waits no longer than its integration's timeout"


def malformed(asked: Asked, wrong: MalformedError) -> tuple[HttpAnswer, str]:
    """The answer where the function's is none, and what the developer should hear of it."""
    return failure(asked, "malformed"), f"malformed response of the function: {wrong}"


def begun(asked: Asked, content_type: str, payload: bytes) -> HttpAnswer | None:
    """The answer of a function that has streamed so much, with what is there of its body; None: its head is not whole.

    Args:
        asked: The request.
        content_type: What the function says that it streams.
        payload: What has come.

    Raises:
        MalformedError: what came is no answer.
    """
    if asked.api.kind is HttpKind.URL and content_type != _HTTP_TYPE:
        return HttpAnswer(200, (*own_headers(asked), (CONTENT_TYPE, content_type)), payload)  # [INF]
    end = payload.find(_END_OF_PRELUDE, 0, PRELUDE_BYTES)
    if end >= 0:
        return _headed(asked, payload[:end], payload[end + len(_END_OF_PRELUDE) :])
    if len(payload) >= PRELUDE_BYTES:
        raise MalformedError(f"its first {PRELUDE_BYTES} bytes have no eight NUL bytes, which end what is not the body")
    return None


_FAILURES: Final[Mapping[tuple[HttpKind, str], tuple[int, str]]] = {
    (HttpKind.HTTP, "late"): (503, "Service Unavailable"),  # [REC] cortexlabs/cortex #1225
    (HttpKind.REST, "late"): (504, "Endpoint request timed out"),  # [REC] DataBiosphere/azul PR #7502
    (HttpKind.REST, "refused"): (500, "Internal server error"),  # [DOC] lambda-docs:services-apigateway
    (HttpKind.REST, "failed"): (502, "Internal server error"),
    (HttpKind.REST, "malformed"): (502, "Internal server error"),
    (HttpKind.URL, "refused"): (429, "Too Many Requests"),
}


def failure(asked: Asked, what: str) -> HttpAnswer:
    """The gateway's word for a function that failed. An HTTP API says 500. [DOC] http-api-troubleshooting-lambda"""
    if asked.api.kind is HttpKind.URL and what in ("failed", "malformed"):
        # [DOC] lambda-docs:urls-monitoring, the status; [INF] that both have the same text
        return HttpAnswer(502, (*own_headers(asked), (CONTENT_TYPE, "text/plain")), b"Internal Server Error")
    status, message = _FAILURES.get((asked.api.kind, what), (500, "Internal Server Error"))
    return error(asked, status, message, kind=LATE if what == "late" else "")


_HTTP_TYPE: Final = "application/vnd.awslambda.http-integration-response"
_END_OF_PRELUDE: Final = bytes(8)
PRELUDE_BYTES: Final = 16 * 1024
"""Longest head of a stream, with what ends it. [DOC] apigw-docs:response-transfer-mode-lambda, [INF] of URLs"""


def _replied(asked: Asked, payload: bytes) -> HttpAnswer:
    if asked.match.route.streamed:
        streamed = _streamed(asked, payload)
        if streamed is not None:
            return streamed
    try:
        result = parsed_json(payload)
    except ValueError as wrong:
        raise MalformedError("it is not JSON") from wrong
    is_second = asked.api.kind is HttpKind.URL or (
        asked.api.kind is HttpKind.HTTP and asked.match.route.payload == "2.0"
    )
    if is_second and not (isinstance(result, dict) and "statusCode" in result):
        return _guessed(asked, result)
    if not isinstance(result, dict):
        raise MalformedError(f"it is {'None' if result is None else type(result).__name__}, not an object")
    return _written(asked, result, is_second=is_second)


def _streamed(asked: Asked, payload: bytes) -> HttpAnswer | None:
    """What is whole, where answers are streamed; None: the function of a URL answers as others do."""
    head, mark, body = payload.partition(_END_OF_PRELUDE)
    if mark:
        return _headed(asked, head, body)
    if asked.api.kind is HttpKind.REST:
        raise MalformedError("a streamed answer is JSON, eight NUL bytes and the body")
    try:
        parsed_json(payload)
    except ValueError:
        headers = (*own_headers(asked), (CONTENT_TYPE, "application/octet-stream"))  # [INF]
        return HttpAnswer(200, headers, payload)
    return None


def _headed(asked: Asked, head: bytes, body: bytes) -> HttpAnswer:
    """An answer whose head is JSON.

    [DOC] apigw-docs:response-transfer-mode-lambda, lambda-docs:configuration-response-streaming
    """
    try:
        said = parsed_json(head)
    except ValueError as wrong:
        raise MalformedError("what stands before its eight NUL bytes is not JSON") from wrong
    if not isinstance(said, dict):
        raise MalformedError("what stands before its eight NUL bytes is no object")
    sent = [*_headers(asked, {**said, "cookies": None}, is_second=asked.api.kind is HttpKind.URL)]
    sent += _headers(asked, {"cookies": said.get("cookies")}, is_second=True)
    if not any(name.lower() == CONTENT_TYPE for name, _ in sent):
        sent.append((CONTENT_TYPE, "application/octet-stream"))  # [INF]
    return HttpAnswer(_status(said.get("statusCode", 200)), (*sent, *own_headers(asked)), body)


_REST_KEYS: Final = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
"""What a REST API takes from a function, all of it optional. [REC] ls test_lambda_aws_proxy_response_format"""


def _guessed(asked: Asked, result: Any) -> HttpAnswer:
    """Without a ``statusCode`` the result is the body. [DOC] apigw-docs:http-api-develop-integrations-lambda"""
    text = result if isinstance(result, str) else json.dumps(result, separators=(",", ":"), ensure_ascii=False)
    return HttpAnswer(200, (*own_headers(asked), (CONTENT_TYPE, "application/json")), text.encode("utf-8", "replace"))


def _written(asked: Asked, result: Mapping[str, Any], *, is_second: bool) -> HttpAnswer:
    status, is_rest = result.get("statusCode"), asked.api.kind is HttpKind.REST
    if is_rest and (unknown := sorted(result.keys() - _REST_KEYS)):
        raise MalformedError(f"it has keys that are not allowed: {', '.join(unknown)}")
    status = 200 if is_rest and status is None else _status(status)
    headers = list(_headers(asked, result, is_second=is_second))
    body = _body(asked, result, headers)
    if not any(name.lower() == CONTENT_TYPE for name, _ in headers):
        headers.append((CONTENT_TYPE, _DEFAULT_TYPES[asked.api.kind]))
    return HttpAnswer(status, (*headers, *own_headers(asked)), body)


def _status(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:
        raise MalformedError(f"statusCode must be an integer from 200 to 599, not {value!r}")
    return value


def _body(asked: Asked, result: Mapping[str, Any], headers: Headers | list[tuple[str, str]]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedError(f"body must be a string, not {type(body).__name__}; use json.dumps")
    if not result.get("isBase64Encoded") or not _decodes(asked, headers):
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise MalformedError("isBase64Encoded is true, and body is no base64") from wrong


def _decodes(asked: Asked, headers: Iterable[tuple[str, str]]) -> bool:
    """Whether base64 becomes bytes: in REST APIs only for binary types. [DOC] apigw-docs:lambda-proxy-binary-media"""
    if asked.api.kind is not HttpKind.REST:
        return True
    said = next((value for name, value in headers if name.lower() == CONTENT_TYPE), "").partition(";")[0]
    return accepts_binary(asked) or is_binary_type(said, asked.api.binary_types)


def _headers(asked: Asked, result: Mapping[str, Any], *, is_second: bool) -> Headers:
    single, multi, cookies = (result.get(name) for name in ("headers", "multiValueHeaders", "cookies"))
    single, multi = {} if single is None else single, {} if multi is None else multi
    cookies = [] if cookies is None or not is_second else cookies
    if not isinstance(single, dict) or not isinstance(multi, dict) or not isinstance(cookies, list):
        raise MalformedError("headers and multiValueHeaders are objects, cookies a list")
    multi = {} if is_second else multi
    if not all(isinstance(values, list) for values in multi.values()):
        raise MalformedError("multiValueHeaders has lists of values")
    # [REC] ls test_aws_proxy_response_payload_format_validation: of a name in both, whatever its case, all are sent;
    # [DOC] apigw-docs:set-up-lambda-proxy-integrations: a value in both is sent once
    pairs = [(name, value) for name, values in multi.items() for value in values]
    several = [(name.lower(), value) for name, value in pairs]
    pairs += [(name, value) for name, value in single.items() if (name.lower(), value) not in several]
    pairs += [("set-cookie", cookie) for cookie in cookies]
    return remapped(asked, (sendable(name, value) for name, value in pairs))


def remapped(asked: Asked, headers: Iterable[tuple[str, str]]) -> Headers:
    """The headers of a function or a backend as clients see them.

    ``WWW-Authenticate`` comes as ``x-amzn-Remapped-WWW-Authenticate``, so that browsers ask for no password.
    [DOC] apigw-docs:api-gateway-known-issues; of function URLs [USR] CloudFront
    functions that undo it; [INF] that HTTP APIs change no names
    """
    if asked.api.kind is HttpKind.HTTP:
        return tuple(each for each in headers if each[0].lower() not in _WRITTEN_BY_US)
    seen = (each for each in headers if each[0].lower() not in _DROPPED)
    return tuple((f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name, value) for name, value in seen)
