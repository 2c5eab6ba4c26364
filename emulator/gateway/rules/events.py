"""The events that functions receive, to AWS's key order. Pure.

Parts that stay the same for the life of a connection are made once (`Session`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from .domains import Domain
from .stage import Stage

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HIDDEN: Final = frozenset({"connection", "upgrade", "content-length"})
"""Request headers that CONNECT events lack. [REC] serverless-offline #753, powertools samples"""
_AUTHORIZER_HEADERS: Final = (("Connection", "upgrade"), ("content-length", "0"), ("Upgrade", "websocket"))
"""What the authorizer sees in their place. [REC] powertools apiGatewayAuthorizerWebSocketEvent.json"""
_OURS: Final = frozenset({"x-forwarded-port", "x-forwarded-proto"})

Event = dict[str, Any]
Headers = Iterable[tuple[str, str]]


@functools.lru_cache(maxsize=16)
def clf_time(epoch_seconds: int) -> str:
    """``dd/MMM/yyyy:HH:mm:ss +0000``, always in English. [REC]"""
    at = datetime.fromtimestamp(epoch_seconds, UTC)
    return f"{at.day:02d}/{_MONTHS[at.month - 1]}/{at.year}:{at.hour:02d}:{at.minute:02d}:{at.second:02d} +0000"


def gateway_headers(headers: Headers, peer: str, trace_root: str) -> list[tuple[str, list[str]]]:
    """The headers of a CONNECT event: name to all values, sorted by name whatever its case, with the gateway's own.

    The client's casing stays; ``Connection``, ``Upgrade`` and ``Content-Length`` go. [REC] serverless-offline #753
    """
    grouped: dict[str, tuple[str, list[str]]] = {}
    for name, value in headers:
        lower = name.lower()
        if lower not in _HIDDEN and lower not in _OURS:
            grouped.setdefault(lower, (name, []))[1].append(value)
    forwarded = [value for value in grouped.pop("x-forwarded-for", ("", []))[1] if value]
    grouped["x-forwarded-for"] = ("X-Forwarded-For", [", ".join([*forwarded, peer])])
    grouped["x-forwarded-port"] = ("X-Forwarded-Port", ["443"])
    grouped["x-forwarded-proto"] = ("X-Forwarded-Proto", ["https"])
    grouped.setdefault("x-amzn-trace-id", ("X-Amzn-Trace-Id", [trace_root]))
    return [grouped[lower] for lower in sorted(grouped)]


def domain_headers(headers: Iterable[tuple[str, list[str]]], domain: Domain) -> list[tuple[str, list[str]]]:
    """The headers of a CONNECT event that came by a domain: they name it, whatever leads there from here."""
    told = [(name, [domain.name] if name.lower() == "host" else values) for name, values in headers]
    return [(name.lower(), values) for name, values in told] if domain.has_levels else told


def authorizer_headers(connect_headers: Iterable[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """The headers of an authorizer's event: those of CONNECT and the three that CONNECT lacks. [REC] powertools"""
    added = [(name, [value]) for name, value in _AUTHORIZER_HEADERS]
    return sorted([*connect_headers, *added], key=lambda header: header[0].lower())


def grouped_query(query: str) -> dict[str, list[str]]:
    """A query string decoded: name to all its values, in the order of first appearance."""
    grouped: dict[str, list[str]] = {}
    if not query:
        return grouped
    for name, value in parse_qsl(query, keep_blank_values=True):
        grouped.setdefault(name, []).append(value)
    return grouped


def single_and_multi(pairs: Iterable[tuple[str, list[str]]]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Both maps of an event: the last value of each name, and all of them. [USR] serverless-offline #510"""
    multi = {name: list(values) for name, values in pairs}
    return {name: values[-1] for name, values in multi.items()}, multi


class Session:
    """What all events of one connection have in common."""

    __slots__ = ("authorizer", "connected_at_ms", "connection_id", "domain_name", "identity", "stage")

    def __init__(
        self, stage: Stage, connection_id: str, connected_at_ms: int, source_ip: str, user_agent: str | None
    ) -> None:
        """Start a session; ``user_agent`` is None when the client sent none: the identity then has no such key."""
        self.stage = stage
        self.connection_id = connection_id
        self.connected_at_ms = connected_at_ms
        self.domain_name = stage.facts.domain_name
        """By which the client came: all events name a custom domain, beside the real stage. [USR] chalice #1503"""
        self.identity = {"sourceIp": source_ip}
        if user_agent is not None:
            self.identity = {"userAgent": user_agent, "sourceIp": source_ip}
        self.authorizer: Mapping[str, str | None] | None = None
        """The authorizer's context and ``principalId``; None: ``$connect`` has no authorizer."""

    def authorize_event(
        self, headers: Iterable[tuple[str, list[str]]], query: Mapping[str, list[str]], request_id: str, now_ms: int
    ) -> Event:
        """The event of the REQUEST authorizer. [REC] powertools apiGatewayAuthorizerWebSocketEvent.json"""
        single, multi = single_and_multi(authorizer_headers(headers))
        query_single, query_multi = single_and_multi(query.items())
        return {
            "type": "REQUEST",
            "methodArn": f"{self.stage.arn}/$connect",
            "headers": single,
            "multiValueHeaders": multi,
            "queryStringParameters": query_single,
            "multiValueQueryStringParameters": query_multi,
            "stageVariables": dict(self.stage.variables),
            "requestContext": self._context({"routeKey": "$connect"}, {"eventType": "CONNECT"}, request_id, now_ms),
        }

    def connect_event(
        self,
        headers: Iterable[tuple[str, list[str]]],
        query: Mapping[str, list[str]],
        request_id: str,
        now_ms: int,
        integration_latency_ms: int | None,
    ) -> Event:
        """The event of ``$connect``; the latency is the authorizer's, None without one. [REC] powertools, chalice"""
        event: Event = {}
        event["headers"], event["multiValueHeaders"] = single_and_multi(headers)
        if query:
            event["queryStringParameters"], event["multiValueQueryStringParameters"] = single_and_multi(query.items())
        self._add_stage_variables(event)
        first: Event = {"routeKey": "$connect"}
        if self.authorizer is not None:
            first["authorizer"] = dict(self.authorizer)
            if integration_latency_ms is not None:
                first["authorizer"]["integrationLatency"] = integration_latency_ms
        event["requestContext"] = self._context(first, {"eventType": "CONNECT"}, request_id, now_ms)
        event["isBase64Encoded"] = False
        return event

    def message_event(self, route_key: str, message_id: str, request_id: str, now_ms: int, body: str | None) -> Event:
        """The event of a message's route. It has neither headers nor query. [REC] powertools"""
        event: Event = {}
        self._add_stage_variables(event)
        first: Event = {"routeKey": route_key}
        if self.authorizer is not None:
            first["authorizer"] = self.authorizer
        first["messageId"] = message_id
        event["requestContext"] = self._context(first, {"eventType": "MESSAGE"}, request_id, now_ms)
        event["body"] = body
        event["isBase64Encoded"] = False
        return event

    def disconnect_event(self, code: int, reason: str, request_id: str, now_ms: int) -> Event:
        """The event of ``$disconnect``. [REC] powertools, boto3 #3789"""
        headers = {"Host": self.domain_name, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
        event: Event = {
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
        }
        self._add_stage_variables(event)
        first: Event = {"routeKey": "$disconnect", "disconnectStatusCode": code}
        if self.authorizer is not None:
            first["authorizer"] = self.authorizer
        context = self._context(first, {"eventType": "DISCONNECT"}, request_id, now_ms, {"disconnectReason": reason})
        event["requestContext"] = context
        event["isBase64Encoded"] = False
        return event

    def _add_stage_variables(self, event: Event) -> None:
        if self.stage.variables:
            event["stageVariables"] = dict(self.stage.variables)

    def _context(self, first: Event, kind: Event, request_id: str, now_ms: int, extra: Event | None = None) -> Event:
        facts = self.stage.facts
        context = {
            **first,
            **kind,
            "extendedRequestId": request_id,
            "requestTime": clf_time(now_ms // 1000),
            "messageDirection": "IN",
        }
        if extra is not None:
            context.update(extra)
        context["stage"] = self.stage.api.stage
        context["connectedAt"] = self.connected_at_ms
        context["requestTimeEpoch"] = now_ms
        context["identity"] = self.identity
        context["requestId"] = request_id
        context["domainName"] = self.domain_name
        context["connectionId"] = self.connection_id
        context["apiId"] = facts.api_id
        return context


def late(event: Event, stage: Stage, request_id: str, now_ms: int) -> Event:
    """The event of ``$disconnect`` that another gateway made, as this one sends it: now, and from its own address."""
    came_by = event["requestContext"]["domainName"]
    is_custom = any(domain.name == came_by for domain in stage.facts.domains)
    host = came_by if is_custom else stage.facts.domain_name
    moment = {"requestTime": clf_time(now_ms // 1000), "requestTimeEpoch": now_ms}
    own = {"requestId": request_id, "extendedRequestId": request_id, "domainName": host, "apiId": stage.facts.api_id}
    return {
        **event,
        "headers": {**event["headers"], "Host": host},
        "multiValueHeaders": {**event["multiValueHeaders"], "Host": [host]},
        "requestContext": {**event["requestContext"], **moment, **own},
    }
