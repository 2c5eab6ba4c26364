"""What a client is answered where an API itself refuses a request, or a gateway response says so. Pure.

[DOC] apigw-docs:api-gateway-gatewayResponse-definition, supported-gateway-response-types
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from streamer.topology.http_kinds import HttpKind

from ...foundation.json_bytes import json_bytes
from ...functions.limits import EVENT_BYTES
from ..rules.effects import HttpAnswer
from ..rules.mapping import parameter_value
from ..rules.signature import DENIED, MISSING, Flaw, parse
from .events import Asked, Event, event_of
from .headers import CONTENT_TYPE, TRACE, MalformedError, own_headers, sendable
from .identity import Refused

if TYPE_CHECKING:
    from streamer.topology.http_apis import GatewayResponse

_REST_ERRORS: Final = {
    400: "BadRequestException",
    401: "UnauthorizedException",
    403: "ForbiddenException",
    429: "TooManyRequestsException",
    502: "InternalServerErrorException",
    504: "InternalServerErrorException",
}
_LARGEST: Final = {
    HttpKind.HTTP: (10 * 1024 * 1024, "Request Entity Too Large"),
    HttpKind.REST: (10 * 1024 * 1024, "HTTP content length exceeded 10485760 bytes."),
    HttpKind.URL: (EVENT_BYTES, "Request must be smaller than 6291456 bytes for the InvokeFunction operation"),
}
"""Bytes of a body, and what a client hears of more: [USR] of REST APIs, [?] of the others."""
_MOST_PER_BYTE: Final = 6
"""Bytes of JSON that a byte of a body becomes at most."""
_HEADER_BYTES: Final = 10_240
"""Of all values of headers, of HTTP APIs with the request line. [DOC] apigw-docs:limits; [?] what is said of more"""
_WITH_BLANK: Final = frozenset({400, 415, 500, 502, 504})
"""Statuses of REST APIs whose JSON has a blank after the colon: of refused bodies, and of what integrations did.

[USR] content-length: 35 of "Invalid request body", 26 of "Unauthorized", 23 of "Forbidden" in what curl showed
"""


_UNTRACED: Final = frozenset({401, 403})
"""Statuses of REST APIs' refusals without a trace id. [USR] what curl showed of these, and of 400 with one"""
BAD_BODY: Final = "BAD_REQUEST_BODY"
BAD_PARAMETERS: Final = "BAD_REQUEST_PARAMETERS"
FAILED: Final = "INTEGRATION_FAILURE"
LATE: Final = "INTEGRATION_TIMEOUT"
_TYPES: Final = {
    "AuthorizerConfigurationException": "AUTHORIZER_CONFIGURATION_ERROR",
    DENIED: "ACCESS_DENIED",
    "ForbiddenException": "INVALID_API_KEY",
    "InvalidSignatureException": "INVALID_SIGNATURE",
    "LimitExceededException": "QUOTA_EXCEEDED",
    "MissingAuthenticationTokenException": "MISSING_AUTHENTICATION_TOKEN",
    "UnauthorizedException": "UNAUTHORIZED",
}
"""Error type to the type of the gateway response that is for it."""
_TYPES_OF_STATUSES: Final = {413: "REQUEST_TOO_LARGE", 415: "UNSUPPORTED_MEDIA_TYPE", 429: "THROTTLED"}
_JSON: Final = "application/json"
_VARIABLE: Final = re.compile(r"\$\{?((?:context|stageVariables|method\.request)(?:\.[\w-]+)+)\}?")


def error(
    asked: Asked,
    status: int,
    message: str | None,
    error_type: str | None = None,
    kind: str = "",
    *,
    details: str | None = None,
) -> HttpAnswer:
    """The answer to a request that the API refuses, or whose integration failed.

    Args:
        asked: The request.
        status: The answer's, unless a gateway response has another.
        message: What its body says.
        error_type: Of REST APIs and function URLs; None: the status's.
        kind: The type of a REST API's gateway response; empty: that of the error type, or the status.
        details: What a model finds wrong with a body.
    """
    plain = _plain(asked, status, message, error_type)
    if not asked.api.gateway_responses:
        return plain
    kind = kind or _TYPES.get(error_type or _REST_ERRORS.get(status, ""), _TYPES_OF_STATUSES.get(status, ""))
    for each in (kind, "DEFAULT_4XX" if status < 500 else "DEFAULT_5XX"):
        if (response := asked.api.gateway_responses.get(each)) is not None:
            told = {"message": message, "messageString": json.dumps(message, ensure_ascii=False)}
            told |= {"responseType": kind or each, "validationErrorString": details}
            return _by_response(asked, plain, response, told)
    return plain


def _plain(asked: Asked, status: int, message: str | None, error_type: str | None = None) -> HttpAnswer:
    """``{"message": ...}`` with the headers of each kind of API; of REST APIs with an error type."""
    is_rest = asked.api.kind is HttpKind.REST
    # Of policies, an authorizer's or IAM's: [REC] ASFHyP3/hyp3 #2283; of function URLs [USR] awslabs/aws-sdk-rust #515
    key = "Message" if asked.api.kind is HttpKind.URL or (is_rest and error_type == DENIED) else "message"
    has_blank = is_rest and status in _WITH_BLANK and message is not None
    body = json.dumps({key: message}, separators=(",", ": " if has_blank else ":")).encode()
    own = own_headers(asked)
    if is_rest and status in _UNTRACED:
        own = tuple(each for each in own if each[0] != TRACE)
    headers = (*own, (CONTENT_TYPE, _JSON))
    if asked.api.kind is not HttpKind.HTTP and (named := error_type or _REST_ERRORS.get(status)):
        headers = (*headers, ("x-amzn-ErrorType", named))
    return HttpAnswer(status, headers, body)


def _by_response(
    asked: Asked, plain: HttpAnswer, response: GatewayResponse, told: Mapping[str, str | None]
) -> HttpAnswer:
    """An answer as a gateway response would have it; ``told`` is what ``$context.error`` says.

    It is 500 where a header cannot be sent, such as one with a line break that the client sent in its query. [?]
    """
    event = event_of(asked)
    around = {**event, "requestContext": {**event["requestContext"], "error": told}}
    values = {name: parameter_value(source, around) for name, source in response.headers.items()}
    headers = {name.lower(): (name, value) for name, value in plain.headers}
    body = plain.body
    if response.templates:
        media_type = _JSON if _JSON in response.templates else next(iter(response.templates))
        headers[CONTENT_TYPE] = (CONTENT_TYPE, media_type)
        text = response.templates[media_type]
        # [DOC] only variables are replaced, which is no mapping template's language
        body = _VARIABLE.sub(lambda found: parameter_value(found[1], around) or "", text).encode("utf-8", "replace")
    try:
        headers |= {name.lower(): sendable(name, value) for name, value in values.items() if value is not None}
    except MalformedError:
        return _plain(asked, 500, "Internal server error")
    return HttpAnswer(response.status or plain.status, tuple(headers.values()), body)


def refused(asked: Asked, verdict: Refused) -> HttpAnswer:
    """The answer to a request that may not pass."""
    answer = error(asked, verdict.status, verdict.message, verdict.error_type)
    if verdict.challenge is None:
        return answer
    return HttpAnswer(answer.status, (*answer.headers, ("www-authenticate", verdict.challenge)), answer.body)


def too_large(asked: Asked) -> HttpAnswer | None:
    """The refusal of headers or a body that are larger than any; None: they are not. [DOC] the quotas of each"""
    line = f"{asked.method} {asked.raw_path}{'?' if asked.query else ''}{asked.query} HTTP/1.1"
    head_bytes = sum(len(value) for _, value in asked.headers) + (len(line) if asked.api.kind is HttpKind.HTTP else 0)
    if asked.api.kind is not HttpKind.URL and head_bytes > _HEADER_BYTES:
        return error(asked, 431, "Request Header Fields Too Large")
    most, text = _LARGEST[asked.api.kind]
    if len(asked.body) <= most:
        return None
    if asked.api.kind is HttpKind.REST:
        # [USR] tests of clients: no JSON, and no gateway response
        return HttpAnswer(413, (*own_headers(asked), (CONTENT_TYPE, "text/plain")), text.encode())
    return error(asked, 413, text)


def too_long(asked: Asked, event: Event) -> HttpAnswer | None:
    """The refusal of an event that Lambda does not take; None: it does. [DOC] lambda-docs:gettingstarted-limits"""
    if len(asked.body) * _MOST_PER_BYTE < EVENT_BYTES or len(json_bytes(event)) <= EVENT_BYTES:
        return None
    if asked.api.kind is HttpKind.HTTP:
        return error(asked, 500, "Internal Server Error")  # [INF] as whatever Lambda refuses
    text = "Request Too Long" if asked.api.kind is HttpKind.REST else _LARGEST[asked.api.kind][1]  # [USR] of REST APIs
    return error(asked, 413, text)


def not_found(asked: Asked) -> HttpAnswer:
    """For a path or method that the API does not have.

    A REST API takes such a request for one that IAM has to allow, so that it reads a signature out of whatever stands
    in ``Authorization``. [USR] Braintrust's and other clients' notes: "Invalid key=value pair" means a wrong path
    """
    if asked.api.kind is not HttpKind.REST:
        return error(asked, 404, "Not Found")
    if not f"{asked.raw_path}/".startswith(f"{asked.api.base_path}/"):
        return _plain(asked, 403, "Forbidden")  # [USR] a stage that there is not, or none at all
    found = parse(asked.fields, parse_qsl(asked.query, keep_blank_values=True))
    flaw = found if isinstance(found, Flaw) else MISSING
    return error(asked, 403, flaw.message, flaw.error_type)
