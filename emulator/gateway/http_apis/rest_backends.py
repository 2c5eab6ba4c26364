"""Methods of REST APIs that ask a service, an HTTP endpoint or a function by templates. Pure.

[DOC] apigw-docs:how-to-integration-settings, integration-passthrough-behaviors, request-response-data-mappings
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from msgspec import structs

from streamer.topology.http_apis import Backend, BackendResponse, HttpKind
from streamer.topology.integrations import Integration

from ..rules.effects import HttpAnswer
from ..rules.mapping import (
    NOT_PASSED,
    MappingError,
    Override,
    Request,
    parameter_value,
    rendered,
    request_of,
    told_of_api,
    value_of_body,
)
from ..vtl.methods import shown
from .answers import remapped
from .events import Asked, accepts_binary, is_binary_type
from .headers import own_headers, sendable

_JSON: Final = "application/json"
_PATH: Final = "integration.request.path."
_OF_PATHS: Final = "/%:@!$&'()*+,;="
"""What may stand in a path as it is (RFC 3986, 3.3), besides letters, digits and ``-._~``."""
_OVERRIDDEN: Final = ("header", "path", "querystring")
"""What a template may set of a request. [DOC] apigw-docs:apigateway-override-request-response-parameters"""
_FROM_ANSWER: Final = "integration.response."


class UnsupportedError(Exception):
    """The body's media type has no template, and may not pass as it is: 415."""


def body_of(backend: Backend, asked: Asked, event: Mapping[str, Any], override: Override) -> bytes:
    """What the backend gets; ``override`` takes what the template sets of the request.

    Raises:
        UnsupportedError: neither by a template nor as it is.
        MappingError: the template is wrong.
    """
    template = backend.templates.get(asked.media_type)
    if backend.kind == "HTTP_PROXY":
        return asked.body
    if template is not None:
        made = rendered(template, asked.body.decode("utf-8", "replace"), event, override)
        return made.encode("utf-8", "replace")  # JSON can have half a surrogate pair
    passes = backend.passthrough == "WHEN_NO_MATCH" or (
        backend.passthrough == "WHEN_NO_TEMPLATES" and not backend.templates
    )
    if not passes:
        raise UnsupportedError
    return asked.body


def request_for(backend: Backend, body: bytes, asked: Asked, event: Mapping[str, Any], override: Override) -> Request:
    """What is asked over HTTP; raises MappingError."""
    given = dict(backend.parameters)
    for kind in _OVERRIDDEN:
        given |= {f"integration.request.{kind}.{name}": f"'{shown(each)}'" for name, each in override[kind].items()}
    uri = backend.uri
    for name, source in given.items():
        if name.startswith(_PATH):
            value = parameter_value(source, event) or ""
            # A variable of the client's path is still encoded, and is not encoded again. [USR] proxies such as fireprox
            safe = _OF_PATHS if source.startswith("method.request.path.") else "/"
            uri = uri.replace(f"{{{name.removeprefix(_PATH)}}}", quote(value, safe=safe, errors="replace"))
    method = asked.method if backend.method == "ANY" else backend.method
    made = request_of(
        Integration(kind=backend.kind, uri=uri, method=method, parameters=given), body.decode("utf-8", "replace"), event
    )
    told = told_of_api(asked.api.api_id, asked.trace_root)
    if backend.kind == "HTTP":
        return structs.replace(made, headers={"accept": _JSON, **told, **made.headers})
    if backend.kind != "HTTP_PROXY":
        return made
    passed = {name.lower(): value for name, value in asked.headers if name.lower() not in NOT_PASSED}
    said = {name: value for name, value in made.headers.items() if name != "content-type" or name not in passed}
    url = made.url if not asked.query else f"{made.url}{'&' if '?' in made.url else '?'}{asked.query}"
    return structs.replace(made, url=url, headers={**told, **passed, **said})


def passed_on(asked: Asked, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> HttpAnswer:
    """A proxy's answer: the backend's."""
    is_rest = asked.api.kind is HttpKind.REST
    kept = [(name, value) for name, value in headers if is_rest or name.lower() not in NOT_PASSED]
    return HttpAnswer(status, (*remapped(asked, kept), *own_headers(asked)), body)


def answer_of(
    backend: Backend,
    asked: Asked,
    event: Mapping[str, Any],
    override: Override,
    *,
    said: str,
    headers: Mapping[str, str],
    body: bytes,
) -> HttpAnswer:
    """What becomes of a backend's answer.

    Args:
        backend: Whose responses are looked through.
        asked: The request.
        event: The same as a function would get it.
        override: What the request's template set.
        said: What patterns are compared with: the backend's status, or a function's error message, empty if none.
        headers: The backend's, in lower case.
        body: The backend's.

    Raises:
        MappingError: no response is for it, or a template is wrong.
        MalformedError: a header cannot be sent.
    """
    response = _response(backend.responses, said)
    text = body.decode("utf-8", "replace")
    set_by: dict[str, Any] = {"header": {}}
    around = {**event, "requestContext": {**event["requestContext"], "responseOverride": set_by}}
    kind = _kind(response.templates, asked.fields.get("accept", ""))
    template = response.templates.get(kind)
    is_mock = backend.kind == "MOCK"  # [USR] CDK's CORS reads parameters in the templates of such answers
    made = None
    if template:
        made = rendered(template, text, around, override, with_parameters=is_mock).encode("utf-8", "replace")
    named = {name: _value(source, event, headers, text) for name, source in response.headers.items()}
    named |= {str(name): shown(value) for name, value in set_by["header"].items()}
    found = {name: value for name, value in named.items() if value is not None}
    if "content-type" not in {name.lower() for name in found}:
        found["Content-Type"] = kind
    status = set_by.get("status", response.status)
    return HttpAnswer(
        status if isinstance(status, int) and 200 <= status <= 599 else response.status,
        (*(sendable(*each) for each in found.items()), *own_headers(asked)),
        _unchanged(asked, headers.get("content-type", ""), body, text) if made is None else made,
    )


def _kind(templates: Mapping[str, str], accepted: str) -> str:
    """The media type of an answer: the first that the client accepts, if it has a template, else JSON, else any.

    [DOC] apigw-docs:request-response-data-mappings, cited by localstack #10381; [INF] that of several the first counts
    """
    first = accepted.partition(",")[0].partition(";")[0].strip().lower()
    return next((each for each in (first, _JSON) if each in templates), next(iter(templates), _JSON))


def _unchanged(asked: Asked, content_type: str, body: bytes, text: str) -> bytes:
    """What no template changes of a backend's answer: what is binary, as it is or in base64, as the client accepts it.

    [DOC] apigw-docs:api-gateway-payload-encodings-workflow, without ``contentHandling``
    """
    if not is_binary_type(content_type.partition(";")[0].strip().lower(), asked.api.binary_types):
        return text.encode("utf-8", "replace")
    return body if accepts_binary(asked) else base64.b64encode(body)


def _response(responses: tuple[BackendResponse, ...], said: str) -> BackendResponse:
    default = None
    for each in responses:
        if not each.pattern:
            default = each
            continue
        try:
            if re.fullmatch(each.pattern, said, re.DOTALL):
                return each
        except re.error as error:
            raise MappingError(f"the selection pattern {each.pattern!r} is no regular expression") from error
    if default is None:
        raise MappingError("no integration response is for this answer")
    return default


def _value(source: str, event: Mapping[str, Any], headers: Mapping[str, str], body: str) -> str | None:
    if not source.startswith(_FROM_ANSWER):
        return parameter_value(source, event)
    start, _, rest = source.removeprefix(_FROM_ANSWER).partition(".")
    if start == "header":
        return headers.get(rest.lower())
    return value_of_body(rest, body) if start == "body" else None
