"""Requests for services of AWS that are not emulated: refused in words that help, or passed on if the user says so."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from typing import Any, Final, Protocol

from ..foundation import log
from ..foundation.json_bytes import json_of
from .command_names import COMMANDS
from .http import Answer, HttpRequest, HttpResponse
from .signed import service_wanted
from .xml_errors import xml_error

OURS: Final = frozenset({"execute-api", "dynamodb", "sqs", "lambda"})
"""Services that are emulated, as hosts and signatures name them."""
_LAMBDA: Final = "lambda"
_VERSION: Final = re.compile(r"/20\d\d-\d\d-\d\d/")
_INVOKE: Final = re.compile(r"/20\d\d-\d\d-\d\d/functions/[^/]+/(?:response-streaming-)?invocations")
"""The paths of what Lambda is asked without a control plane. [DOC] lambda-api:Invoke, InvokeWithResponseStream"""
_DEPLOYING: Final = ("cloudformation", "apigateway", _LAMBDA)
"""Services that are here with the control plane."""
_XML: Final = ("cloudfront", "route53", "s3")
"""Services whose errors are XML, whatever is asked. [DOC] the SDK's models, ``rest-xml``"""
_LONGEST: Final = 200
"""Most characters of an operation's name: clients may write what they like in its place."""
_UNKNOWN: Final = 501
"""SDKs do not repeat a request that is answered with it. [INF] their standard retries repeat 500, 502, 503 and 504"""


def is_lambdas(request: HttpRequest) -> bool:
    """Whether a request has a path of Lambda's API, all of which begin with a date."""
    return _VERSION.match(request.raw_path) is not None


class Real(Protocol):
    """Passes requests on to AWS."""

    def wants(self, host: str) -> bool:
        """Whether a name of AWS's is one of a service that the user named."""
        ...

    def forward(self, request: HttpRequest) -> Awaitable[HttpResponse]:
        """AWS's own answer."""
        ...


class Hosted(Protocol):
    """Has services that are not embedded."""

    def has(self, service: str) -> bool:
        """Whether a service is one of them."""
        ...

    def opens(self, request: HttpRequest, service: str) -> bool:
        """Whether a web page of another origin may make a request."""
        ...

    async def answer(self, request: HttpRequest, service: str) -> HttpResponse | None:
        """The answer of a service; None: it does not know the operation."""
        ...


class Elsewhere:
    """Knows what is not embedded, and tells once of each operation that somebody wanted and nobody has."""

    def __init__(self, real: Real | None = None, *, is_deployed_to: bool = False) -> None:
        """``is_deployed_to``: there is a control plane."""
        self._real = real
        self._is_deployed_to = is_deployed_to
        self._told: set[str] = set()
        self.hosted: Hosted | None = None
        """Services in a process of their own, once there are any."""

    def service(self, request: HttpRequest) -> str | None:
        """The service that a request is for; None: one of ours, or none at all.

        What Lambda is asked and nobody here knows is told like a service that is not here, instead of being taken for a
        request to an HTTP API at the root, whose function would answer it.
        """
        found = service_wanted(request)
        if found == _LAMBDA and _INVOKE.fullmatch(request.raw_path) is None:
            return found
        return None if found in OURS else found

    def opens(self, request: HttpRequest, service: str) -> bool:
        """Whether a web page of another origin may make a request."""
        return self.hosted is not None and self.hosted.has(service) and self.hosted.opens(request, service)

    def answer(self, request: HttpRequest, service: str) -> Answer:
        """AWS's answer, if the user named the service; else that of a process of ours, or a refusal."""
        if self._real is not None and self._real.wants(request.fields.get("host", "")):
            return self._real.forward(request)
        if self.hosted is not None and self.hosted.has(service):
            return self._hosted(self.hosted, request, service)
        return self._refuse(request, service)

    async def _hosted(self, hosted: Hosted, request: HttpRequest, service: str) -> HttpResponse:
        answer = await hosted.answer(request, service)
        return self._refuse(request, service) if answer is None else answer

    def _refuse(self, request: HttpRequest, service: str) -> HttpResponse:
        operation = operation_of(request)
        if f"{service} {operation}" not in self._told and len(self._told) < 1000:
            self._told.add(f"{service} {operation}")
            log.warning("what was called is not emulated", service=service, operation=operation)
        is_known = service == _LAMBDA or (self.hosted is not None and self.hosted.has(service))
        return refusal(request, service, operation, is_known=is_known, is_deployed_to=self._is_deployed_to)


def operation_of(request: HttpRequest) -> str:
    """The operation's name where the request says it, else method and path; of very long ones the beginning."""
    target = request.fields.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2][:_LONGEST]
    action = dict(request.form if request.has_form else request.query).get("Action")
    return (action or f"{request.method} {request.raw_path}")[:_LONGEST]


def parameters_of(request: HttpRequest) -> Mapping[str, Any]:
    """An operation's parameters, those of a query as they are written; nothing where they cannot be read."""
    if not request.has_form:
        try:
            content = json_of(request.body or b"{}")
        except ValueError:
            return dict(request.query)
        return content if isinstance(content, dict) else {}
    return dict(request.form)


def refusal(
    request: HttpRequest, service: str, operation: str, *, is_known: bool = False, is_deployed_to: bool = False
) -> HttpResponse:
    """501, in the form that the service's clients read.

    Args:
        request: what was asked.
        service: whom.
        operation: as it is told.
        is_known: the service is here, without the operation.
        is_deployed_to: there is a control plane.
    """
    code = "NotImplementedException"
    missing, undone = (f"{operation} of {service}", "it") if is_known else (service, operation)
    others = []
    if service not in OURS:
        others.append(f"--real {COMMANDS.get(service, service)} to have it asked, with your credentials")
    if service in _DEPLOYING and not is_deployed_to:
        others.append("--control-plane to deploy to it")
    text = f"{missing} is not emulated, so {undone} was not done and AWS was not asked"
    if others:
        text += f"; start streamer emulate with {' or with '.join(others)}"
    if service in _XML or request.has_form:
        return xml_error(service, code, text, _UNKNOWN)
    return HttpResponse.of_json(_UNKNOWN, {"__type": code, "message": text}, ("x-amzn-ErrorType", code))
