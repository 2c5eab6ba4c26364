"""Lambda's own API, as far as clients invoke functions with it: ``POST /2015-03-31/functions/NAME/invocations``."""

from __future__ import annotations

import asyncio
import base64
import binascii
import functools
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final, Self
from urllib.parse import unquote

from streamer.topology import Topology

from ..foundation.json_bytes import parsed_json
from ..foundation.notes import Notes
from ..iam.caller import Caller
from ..port.http import HttpRequest, HttpResponse
from ..port.streaming import Rest
from .admission import DIFFERENT_QUALIFIERS, missing, throttled
from .asynchronous import RETRY_SECONDS, AsyncInvocations
from .destinations import EventDestinations
from .factory import RunningFunctions
from .limits import ASYNC_EVENT_BYTES, EVENT_BYTES
from .logs import Tail, Tails
from .outcome import Failed, Outcome, Refused, Returned, unparsed
from .response_stream import CONTENT_TYPE as STREAM_TYPE
from .response_stream import chunks, complete
from .streaming import ResponseStream
from .target import FunctionTarget, flaws, target
from .variables import VERSION, Endpoints, function_arn, name_and_qualifier, version_of

_PREFIXES: Final = ("/2015-03-31/functions/", "/2021-11-15/functions/")
_INVOKE: Final = re.compile(
    r"/(?:2015-03-31/functions/(?P<name>[^/]+)/invocations"
    r"|2021-11-15/functions/(?P<streaming>[^/]+)/response-streaming-invocations)"
)
"""[DOC] lambda-api:API_Invoke, API_InvokeWithResponseStream"""
_TYPES: Final = ("DryRun", "RequestResponse", "Event")
_STREAMING_TYPES: Final = ("DryRun", "RequestResponse")
_REMAPPED: Final = ("x-amzn-Remapped-Content-Length", "0")
"""Has every answer of a function. [USR] boto3 #3843"""


class LambdaService:
    """Answers invocations of a topology's functions. An async context manager, which owns the asynchronous ones."""

    def __init__(
        self,
        topology: Topology,
        functions: RunningFunctions,
        *,
        endpoints: Endpoints,
        destinations: EventDestinations | None = None,
        tails: Tails | None = None,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        notes: Notes | None = None,
    ) -> None:
        self._qualifiers = _qualifiers(topology)
        self._functions = functions
        self._endpoints = endpoints
        self._tails = tails
        self._settle = (notes or Notes()).settle
        self._asynchronous = AsyncInvocations(
            topology,
            functions,
            destinations=destinations,
            function_arn=self._arn,
            retry_seconds=retry_seconds,
            notes=notes,
        )

    async def __aenter__(self) -> Self:
        await self._asynchronous.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._asynchronous.__aexit__(*error)

    def apply(self, topology: Topology) -> None:
        """Go by another description from the next event on."""
        self._qualifiers = _qualifiers(topology)
        self._asynchronous.apply(topology)

    def hold(self, *, is_held: bool) -> None:
        """Whether accepted events that fail wait, because the code does not load; see `AsyncInvocations.hold`."""
        self._asynchronous.hold(is_held=is_held)

    def handles(self, request: HttpRequest) -> bool:
        """Whether the request is for Lambda's API."""
        return request.target.startswith(_PREFIXES)

    async def handle(self, request: HttpRequest, caller: Caller | None = None) -> HttpResponse:
        """Answer a request that `handles` accepted; without a caller, the account's owner makes it."""
        request_id = str(uuid.uuid4())
        found = _INVOKE.fullmatch(request.raw_path)
        if request.method != "POST" or found is None:
            operation = f"{request.method} {request.raw_path}"
            return _error(404, "UnknownOperationException", f"{operation} is not emulated", request_id)
        name, qualifier = unquote(found["name"] or found["streaming"]), dict(request.query).get("Qualifier")
        streams = found["streaming"] is not None
        invocation_type = request.fields.get("x-amz-invocation-type", "RequestResponse")
        wrong = flaws(name, qualifier, invocation_type, _STREAMING_TYPES if streams else _TYPES)
        named = target(name, qualifier)
        if wrong is not None or named is None:
            return _error(400, "ValidationException", wrong or "", request_id)
        denial = None if caller is None else caller.invoke(named.function, named.qualifier)
        if denial is not None:
            return _error(403, "AccessDeniedException", denial, request_id)
        if (refusal := self._refusal(named, request, request_id)) is not None:
            return refusal
        payload = request.body or b"{}"
        match invocation_type:
            case "DryRun":
                return HttpResponse(204, headers=(("x-amzn-RequestId", request_id),))
            case "Event":
                return self._accept(named.qualified, payload, request_id)
            case _:
                return await self._invoke(named.qualified, payload, request, request_id, streams=streams)

    def _refusal(self, named: FunctionTarget, request: HttpRequest, request_id: str) -> HttpResponse | None:
        """Why the request is turned away before anything runs; None: it is not."""
        if dict(request.query).get("Qualifier", named.qualifier) != named.qualifier:
            return _error(400, "InvalidParameterValueException", DIFFERENT_QUALIFIERS, request_id)
        if named.qualifier not in self._qualifiers.get(named.function, ()):
            # [REC] ls-snap test_lambda.py, test_invoke_exceptions, November 2025
            return _refused(missing(f"{self._arn(named.function)}:{named.qualifier or VERSION}"), request_id)
        is_event = request.fields.get("x-amz-invocation-type") == "Event"
        limit_bytes = ASYNC_EVENT_BYTES if is_event else EVENT_BYTES
        if len(request.body) > limit_bytes:
            message = f"Request must be smaller than {limit_bytes} bytes for the InvokeFunction operation"
            return _error(413, "RequestTooLargeException", message, request_id)
        reason = unparsed(request.body or b"{}")
        return None if reason is None else _error(400, "InvalidRequestContentException", reason, request_id)

    def invoke(self, function: str, payload: bytes, **around: Any) -> asyncio.Future[Outcome]:
        """Run a function as `Functions` do: with this and `accept` it is `Invocable`."""
        return self._functions.invoke(function, payload, **around)

    def accept(self, function: str, payload: bytes, request_id: str) -> bool:
        """Run an event in the background, as other services of AWS make Lambda do; False: there are too many."""
        return self._asynchronous.accept(function, payload, request_id)

    def _accept(self, function: str, payload: bytes, request_id: str) -> HttpResponse:
        if not self.accept(function, payload, request_id):
            return _refused(throttled("CallerRateLimitExceeded"), request_id)
        return HttpResponse(202, headers=(("x-amzn-RequestId", request_id),))

    async def _invoke(
        self, function: str, payload: bytes, request: HttpRequest, request_id: str, *, streams: bool
    ) -> HttpResponse:
        try:
            context = _client_context(request.fields.get("x-amz-client-context"))
        except ValueError as error:
            return _error(400, "InvalidRequestContentException", f"Client context: {error}", request_id)
        headers = [("x-amzn-RequestId", request_id), ("X-Amz-Executed-Version", self._version(function))]
        with ExitStack() as stack:
            tail = None
            if self._tails is not None and request.fields.get("x-amz-log-type") == "Tail":
                tail = stack.enter_context(self._tails.keep(request_id))
            invoke = functools.partial(
                self._functions.invoke, function, payload, request_id=request_id, client_context=context
            )
            if streams:
                return await self._streamed(invoke, tail, (("content-type", STREAM_TYPE), *headers), stack.pop_all())
            outcome: Outcome = await invoke()
            self._settle()
        if isinstance(outcome, Refused):
            return _refused(outcome, request_id)
        if isinstance(outcome, Failed):
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        if tail is not None:
            headers.append(("X-Amz-Log-Result", _encoded(tail)))
        return HttpResponse(200, outcome.payload, (("content-type", "application/json"), _REMAPPED, *headers))

    async def _streamed(
        self,
        invoke: Callable[..., asyncio.Future[Outcome]],
        tail: Tail | None,
        headers: tuple[tuple[str, str], ...],
        owned: ExitStack,
    ) -> HttpResponse:
        """The response as a stream, sent while it is made. ``owned`` is let go of with it."""
        stream = ResponseStream()
        owned.callback(stream.abandon)
        try:
            outcome = invoke(stream=stream)
            begun = await stream.read()
            refusal = None if begun else await outcome
        except BaseException:  # the client is gone
            owned.close()
            raise
        if isinstance(refusal, Refused):
            owned.close()
            return _refused(refusal, dict(headers)["x-amzn-RequestId"])
        return HttpResponse(200, b"", headers, Rest(self._events(begun, stream, outcome, tail), owned.close))

    async def _events(
        self, begun: bytes, stream: ResponseStream, outcome: asyncio.Future[Outcome], tail: Tail | None
    ) -> AsyncIterator[bytes]:
        part = begun
        while part:
            self._settle()
            yield chunks(part)
            part = await stream.read()
        ended = await outcome
        self._settle()
        whole = ended.payload if isinstance(ended, Returned) and stream.content_type is None else b""
        yield chunks(whole) + complete(ended, None if tail is None else _encoded(tail))

    def _version(self, function: str) -> str:
        name, qualifier = name_and_qualifier(function)
        return self._qualifiers[name].get(qualifier, VERSION)

    def _arn(self, function: str) -> str:
        return function_arn(function, self._endpoints)


def _encoded(tail: Tail) -> str:
    return base64.b64encode(bytes(tail)).decode()


def _client_context(header: str | None) -> str | None:
    """The client context as JSON in ASCII, as it is passed on in a header; None: there is none.

    Raises:
        ValueError: it is not base64 of JSON.
    """
    if header is None:
        return None
    try:
        return json.dumps(parsed_json(base64.b64decode(header, validate=True)))
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def _refused(refusal: Refused, request_id: str) -> HttpResponse:
    return _error(refusal.status, refusal.error_type, refusal.message, request_id, refusal.reason)


def _error(status: int, error_type: str, message: str, request_id: str, reason: str = "") -> HttpResponse:
    # [REC] ls-snap: some errors spell the key "Message"; clients accept both.
    body = {"Type": "User" if status < 500 else "Service", "message": message, "Message": message}
    if reason:
        body["Reason"] = reason
    return HttpResponse.of_json(status, body, ("x-amzn-ErrorType", error_type), ("x-amzn-RequestId", request_id))


def _qualifiers(topology: Topology) -> dict[str, dict[str | None, str]]:
    """By which qualifiers each function can be invoked, and the version of each; None: without one."""
    return {
        function.name: {each: version_of(function, each) for each in (None, VERSION, *function.qualifiers)}
        for function in topology.functions
    }
