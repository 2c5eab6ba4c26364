"""API Gateway's WebSocket events, parsed at the border. Pure.

Their shape: [REC] FIDELITY B1-B23, and the samples under ``tests/events``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class LambdaContext(Protocol):
    """What the handlers need of Lambda's context object. [DOC] lambda-docs:python-context"""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which connection an event belongs to."""

    connection_id: str
    endpoint: str
    """Where the connection's ``@connections`` API is. [REC] FIDELITY G2"""
    gateway_request_id: str
    connected_at: float
    """Unix seconds."""
    occurred_at: float
    """Unix seconds, by API Gateway's clock."""
    source_ip: str
    user_agent: str | None
    """None when the client sent none."""


@dataclass(frozen=True, slots=True)
class Closing:
    """How a connection ended."""

    status_code: int | None
    """The close code, 1005 when the client gave none, 1006 when the connection was lost."""
    reason: str


def origin_of(event: Mapping[str, Any]) -> Origin:
    """The connection of any WebSocket event."""
    context = event["requestContext"]
    identity = context["identity"]
    return Origin(
        connection_id=context["connectionId"],
        endpoint=f"https://{context['domainName']}/{context['stage']}",
        gateway_request_id=context["requestId"],
        connected_at=context["connectedAt"] / 1000,
        occurred_at=context["requestTimeEpoch"] / 1000,
        source_ip=identity["sourceIp"],
        user_agent=identity.get("userAgent"),
    )


def body_of(event: Mapping[str, Any]) -> str:
    """What the client sent; an empty message may come without a body. [?] FIDELITY B24"""
    return event.get("body") or ""


def closing_of(event: Mapping[str, Any]) -> Closing:
    """How the connection of a ``$disconnect`` event ended."""
    context = event["requestContext"]
    return Closing(context.get("disconnectStatusCode"), context.get("disconnectReason", ""))
