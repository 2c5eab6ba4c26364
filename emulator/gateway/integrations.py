"""Performs integrations that are no Lambda proxy, and answers as a function with a proxy integration would.

So whatever is true of the time they take, of route responses and of failures is true of both.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from streamer.sending.signer import TIMESTAMP, Signer, SigningKeys
from streamer.topology import Api
from streamer.topology.integrations import Integration

from ..foundation import log
from ..functions.admission import throttled
from ..functions.outcome import Failed, Invocable, Outcome, Refused, Returned, unparsed
from ..functions.variables import Endpoints
from ..port.aws_names import is_aws
from .rules.effects import UNREACHABLE
from .rules.mapping import (
    ACCEPTED,
    JSON,
    Answer,
    MappingError,
    Request,
    body_for,
    is_only_given,
    lacks_response,
    mock_status,
    no_override,
    request_of,
    response_of,
    with_caller,
)
from .rules.query_answers import in_json
from .rules.stage import INTEGRATION

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from socket import socket

TIMEOUT_SECONDS: Final = 29.0
"""Longest that a backend is waited for. [DOC] apigw-docs:limits"""
RESPONSE_BYTES: Final = 10 * 1024 * 1024
"""Largest answer of a backend; a larger one is an error of the integration. [DOC] apigw-docs:limits, [INF] the error"""
PIECE_BYTES: Final = 64 * 1024
"""How much of it is read at once."""


FAULT: Final = 400
"""From this status on a backend's answer is told: the client seldom hears of it."""
SHOWN: Final = 500
"""Characters of such an answer that are told."""


class Reply(Struct, frozen=True):
    """A backend's answer, as it came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def ask(request: Request, body: bytes, endpoints: Endpoints, *, seconds: float = TIMEOUT_SECONDS) -> Reply:
    """The answer of an endpoint; services of AWS are asked at the emulator, so nothing reaches AWS itself.

    Those that answer in XML here answer in JSON where that is accepted, as on AWS; but for S3.

    Raises:
        MappingError: there is no such address, a header cannot be sent, or the answer is too large.
        OSError: nothing answers; TimeoutError: not in time, however often it sends a piece of it.
        HTTPException: what answers is no HTTP.
    """
    try:
        reply = _ask(request, body, endpoints, seconds)
        if request.service in (None, "s3") or request.headers.get("accept") != JSON or reply.body[:1] != b"<":
            return reply
        content = in_json(reply.body)
        if content is None:
            return reply
        kept = (
            (name, value) for name, value in reply.headers if name.lower() not in ("content-type", "content-length")
        )
        return Reply(reply.status, (*kept, ("content-type", JSON)), content)
    except MappingError:
        raise
    except ValueError as error:  # of a client's text in the address or a header, mostly
        raise MappingError(f"{request.url} cannot be asked: {error}") from error


def _ask(request: Request, body: bytes, endpoints: Endpoints, seconds: float) -> Reply:
    from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415 - it imports email's parser

    parts = urlsplit(request.url)
    headers = dict(request.headers)
    url = request.url
    if is_aws(parts.netloc):
        headers["host"] = parts.netloc
        if request.service is not None:
            headers = _signed(request, body, headers, endpoints)
        host, port = endpoints.home or ("127.0.0.1", 0)
        home = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        url = f"{home}{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    where = urlsplit(url)
    kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
    # [INF] a redirect is an answer, which API Gateway does not follow; nor does this client.
    connection = kind(where.hostname or "", where.port, timeout=seconds)
    try:
        target = f"{where.path or '/'}{'?' if where.query else ''}{where.query}"
        sent = {name: _encoded(value) for name, value in headers.items()}
        until = time.monotonic() + seconds
        connection.request(request.method, target, body=body, headers=sent)
        read_from = connection.sock  # the connection forgets it before the answer is read
        read_from.settimeout(_left(until))
        answer = connection.getresponse()
        return Reply(answer.status, tuple(answer.getheaders()), _read(answer, read_from, until))
    finally:
        connection.close()


def _read(answer: HTTPResponse, read_from: socket, until: float) -> bytes:
    content = bytearray()
    while not answer.isclosed():
        read_from.settimeout(_left(until))
        piece = answer.read1(PIECE_BYTES)
        content += piece
        if len(content) > RESPONSE_BYTES:
            raise MappingError(f"the answer has more than {RESPONSE_BYTES:,} bytes")
        if not piece:
            break
    return bytes(content)


def _left(until: float) -> float:
    """How long may still be waited; raises TimeoutError if it is over."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the endpoint did not answer in time")
    return left


def _encoded(value: str) -> bytes:
    """A header's value: its bytes as they came, or a text of a message. [INF] in UTF-8"""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")


def _signed(request: Request, body: bytes, headers: Mapping[str, str], endpoints: Endpoints) -> dict[str, str]:
    """With a signature of the account's owner: the role of an integration is not read."""
    owner = endpoints.owner
    keys = SigningKeys(owner.access_key_id, owner.secret_access_key, owner.session_token)
    signer = Signer(keys, request.service or "", request.region)
    timestamp = time.strftime(TIMESTAMP, time.gmtime())
    return signer.sign(request.method, request.url, body, headers, timestamp=timestamp)


class Integrations:
    """Stands before the functions of an API: implements `Functions`, and has the integrations of its routes."""

    def __init__(self, functions: Invocable, api: Callable[[], Api], endpoints: Endpoints) -> None:
        self._functions = functions
        self._api = api
        self._endpoints = endpoints

    def invoke(
        self,
        function: str,
        payload: bytes,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        source: str | None = None,
    ) -> asyncio.Future[Outcome]:
        """Run a function, or the integration of a route whose name `INTEGRATION` begins."""
        route = self._api().route(function.removeprefix(INTEGRATION)) if function.startswith(INTEGRATION) else None
        if route is None or route.integration is None:
            return self._functions.invoke(
                function, payload, request_id=request_id, client_context=client_context, source=source
            )
        if lacks_response(route.integration, is_two_way=route.route_response):
            text = (
                f"the {route.integration.kind} integration has no integration response: AWS needs one, such as $default"
            )
            log.warning(text, route=route.route_key)
        return asyncio.ensure_future(self._answer(route.integration, json.loads(payload), source))

    async def _answer(self, integration: Integration, event: Mapping[str, Any], source: str | None) -> Outcome:
        from http.client import HTTPException  # noqa: PLC0415 - as `ask`

        request_id = str(event["requestContext"]["requestId"])
        try:
            override = no_override()
            body = body_for(integration, event, override)
            backend = await self._backend(integration, body, event, source)
            if isinstance(backend, Refused):
                return backend
            if backend.status >= FAULT:
                said = backend.body[:SHOWN]
                log.warning(f"the backend of the integration answered {backend.status}: {said}", route=_route(event))
            answer = response_of(integration, backend, event, override)
        except MappingError as error:
            return _failed(integration, str(error), event, request_id)
        except (OSError, HTTPException) as error:
            return _failed(integration, f"the endpoint does not answer: {error}", event, request_id, UNREACHABLE)
        result = {"statusCode": min(max(answer.status, 200), 599), "body": answer.body}
        return Returned(json.dumps(result).encode(), request_id)

    async def _backend(
        self, integration: Integration, body: str, event: Mapping[str, Any], source: str | None
    ) -> Answer | Refused:
        if integration.kind == "MOCK":
            return Answer(mock_status(body), "")
        if integration.function is not None:
            payload = body.encode("utf-8", "replace") or b"{}"
            said = unparsed(payload)
            if said is not None:
                return Answer(400, json.dumps({"message": said}), is_function=True)  # [INF] Lambda's own status
            if is_only_given(integration.parameters, event):
                is_taken = self._functions.accept(integration.function, payload, str(uuid.uuid4()))
                return Answer(ACCEPTED, "", is_function=True) if is_taken else throttled("CallerRateLimitExceeded")
            outcome = await self._functions.invoke(integration.function, payload, source=source)
            # [INF] Lambda's own answer is 200, whether the function failed or not
            if isinstance(outcome, Refused):
                return outcome
            return Answer(200, outcome.payload.decode("utf-8", "replace"), is_function=True)
        request = request_of(integration, body, event)
        if request.service is None:
            request = with_caller(request, integration.kind, event)
        content = request.body.encode("utf-8", "replace")  # a message's JSON can have half a surrogate pair
        reply = await asyncio.to_thread(ask, request, content, self._endpoints)
        return Answer(reply.status, reply.body.decode("utf-8", "replace"), reply.headers)


def _failed(
    integration: Integration,
    text: str,
    event: Mapping[str, Any],
    request_id: str,
    error_type: str = "IntegrationError",
) -> Failed:
    log.warning(f"the {integration.kind} integration failed: {text}", route=_route(event))
    error = {"errorMessage": text, "errorType": error_type}
    return Failed(json.dumps(error).encode(), request_id, error_type)


def _route(event: Mapping[str, Any]) -> str:
    return str(event["requestContext"].get("routeKey"))
