"""Asks the backends of routes that are answered neither by a function's proxy nor as they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http.client import HTTPException
from typing import Any, Final

from streamer.topology.http_apis import Backend, HttpKind, HttpRoute

from ...foundation import log
from ...foundation.json_bytes import json_bytes, parsed_json
from ...functions.outcome import error_message, unparsed
from ...functions.variables import Endpoints
from ..integrations import Reply, ask
from ..rules.effects import HttpAnswer, NotInvoked, Raised, Replied, Result, TimedOut
from ..rules.mapping import MappingError, mock_status, no_override
from . import answers, http_backends, refusals, rest_backends
from .events import Asked, Event
from .headers import MalformedError

Invoke = Callable[[str, Any], Awaitable[Result]]
"""Runs a function with an event."""
FAULT: Final = 400
"""From this status on a backend's answer is told: the client may not hear of it."""


async def backed(asked: Asked, event: Event, endpoints: Endpoints, invoke: Invoke) -> HttpAnswer:
    """The answer of a route's backend, or why there is none."""
    route = asked.match.route
    backend = route.backend
    assert backend is not None
    try:
        if asked.api.kind is HttpKind.REST:
            return await _rest(backend, asked, event, endpoints, invoke)
        return await _http(backend, asked, event, endpoints)
    except rest_backends.UnsupportedError:
        return refusals.error(asked, 415, "Unsupported Media Type", "BadRequestException")
    except (MappingError, MalformedError) as error:
        log.warning(f"the {backend.kind} integration failed: {error}", route=route.key)
        return refusals.error(asked, 500, "Internal server error", "InternalServerErrorException")
    except TimeoutError:
        answer, warning = answers.answered(asked, TimedOut())
        log.warning(str(warning), route=route.key)
        return answer
    except (OSError, HTTPException) as error:
        log.warning(f"the endpoint of the integration does not answer: {error}", route=route.key)
        status = 504 if asked.api.kind is HttpKind.REST else 503  # [INF]
        message = "Network error communicating with endpoint" if status == 504 else "Service Unavailable"
        return refusals.error(asked, status, message, kind=refusals.FAILED)


async def _rest(backend: Backend, asked: Asked, event: Event, endpoints: Endpoints, invoke: Invoke) -> HttpAnswer:
    route = asked.match.route
    override = no_override()
    body = rest_backends.body_of(backend, asked, event, override)
    if backend.function is not None:
        refusal = unparsed(body or b"{}")
        if refusal is not None:
            log.warning(f"Lambda takes no event that is no JSON: {refusal}", route=route.key)
            content = json_bytes({"message": refusal})
            return rest_backends.answer_of(backend, asked, event, override, said="", headers={}, body=content)
        result = await invoke(backend.function, parsed_json(body or b"{}"))
        if isinstance(result, NotInvoked | TimedOut):
            return answers.answered(asked, result)[0]
        assert isinstance(result, Replied | Raised)
        said = error_message(result.payload) if isinstance(result, Raised) else ""
        return rest_backends.answer_of(backend, asked, event, override, said=said, headers={}, body=result.payload)
    if backend.kind == "MOCK":
        said = str(mock_status(body.decode("utf-8", "replace")))
        return rest_backends.answer_of(backend, asked, event, override, said=said, headers={}, body=b"")
    request = rest_backends.request_for(backend, body, asked, event, override)
    reply = await asyncio.to_thread(ask, request, body, endpoints, seconds=route.timeout_seconds)
    _tell(reply, route)
    if backend.kind == "HTTP_PROXY":
        return rest_backends.passed_on(asked, reply.status, reply.headers, reply.body)
    return rest_backends.answer_of(
        backend,
        asked,
        event,
        override,
        said=str(reply.status),
        headers={name.lower(): value for name, value in reply.headers},
        body=reply.body,
    )


async def _http(backend: Backend, asked: Asked, event: Event, endpoints: Endpoints) -> HttpAnswer:
    route = asked.match.route
    if backend.subtype is not None:
        request = http_backends.action_request(backend, event, asked.region)
        body = request.body.encode("utf-8", "replace")
    else:
        request, body = http_backends.proxy_request(backend, asked, event), asked.body
    reply = await asyncio.to_thread(ask, request, body, endpoints, seconds=route.timeout_seconds)
    _tell(reply, route)
    if backend.subtype is not None:
        return http_backends.action_answer(asked, reply.status, reply.body)
    return rest_backends.passed_on(asked, reply.status, reply.headers, reply.body)


def _tell(reply: Reply, route: HttpRoute) -> None:
    if reply.status >= FAULT:
        log.warning(f"the backend of the integration answered {reply.status}", route=route.key)
