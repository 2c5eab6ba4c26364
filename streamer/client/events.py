"""Messages from the service, parsed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamer.client.errors import ClientError, GatewayError, RequestCancelledError, RequestFailedError
from streamer.client.topics import TopicMessage

FINAL: Final = frozenset({"response", "complete", "cancelled", "error", "pong"})
"""Types after which nothing more comes for a request."""


@dataclass(frozen=True, slots=True)
class Event:
    """One message from the service; ``docs/protocol.md`` lists the types and their fields."""

    type: str
    request_id: str | None
    """None: it belongs to no request of ours."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The whole message, as it came."""

    @property
    def is_final(self) -> bool:
        """Whether it is the last one of its request."""
        return self.type in FINAL

    @property
    def is_progress(self) -> bool:
        """Whether a later one of the same kind makes it obsolete."""
        return self.type == "progress"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request has come."""

    percentage: float
    """0 to 100; never goes back."""
    message: str = ""
    metadata: Any = None


def parse(text: str | bytes) -> Event | GatewayError | None:
    """A message of the service, API Gateway's own complaint, or None for what is neither."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    type_, request_id = content.get("type"), content.get("request_id")
    if isinstance(type_, str):
        return Event(type_, request_id if isinstance(request_id, str) else None, content)
    message = content.get("message")
    if isinstance(message, str) and "connectionId" in content:
        # [REC] FIDELITY D7, C7, D10: API Gateway's frames have no type; their ids are its own, not the client's.
        return GatewayError(message, content.get("requestId") or content.get("messageId"))
    return None


def progress_of(event: Event) -> Progress:
    """The content of a ``progress`` event."""
    percentage = event.fields.get("percentage")
    is_number = isinstance(percentage, int | float) and not isinstance(percentage, bool)
    return Progress(
        percentage=float(percentage) if is_number and percentage is not None else 0.0,
        message=str(event.fields.get("message") or ""),
        metadata=event.fields.get("metadata"),
    )


def topic_message_of(event: Event) -> TopicMessage:
    """The content of a ``message`` event."""
    topic, timestamp = event.fields.get("topic"), event.fields.get("timestamp")
    return TopicMessage(
        topic=topic if isinstance(topic, str) else None,
        data=event.fields.get("data"),
        timestamp=float(timestamp) if isinstance(timestamp, int | float) else 0.0,
    )


def result_of(event: Event) -> Any:
    """What a final event says: the data or result of the request (None for ``pong``).

    Raises:
        RequestFailedError, RequestCancelledError: it says that there is none.
    """
    error = failure_of(event)
    if error is not None:
        raise error
    return event.fields.get("result" if event.type == "complete" else "data")


def failure_of(event: Event) -> ClientError | None:
    """The error that a final event stands for; None: it is a success."""
    if event.type == "cancelled":
        return RequestCancelledError(event.request_id, str(event.fields.get("reason") or ""))
    if event.type != "error":
        return None
    error = event.fields.get("error")
    content: Mapping[str, Any] = error if isinstance(error, dict) else {}
    return RequestFailedError(
        str(content.get("code") or "INTERNAL_ERROR"),
        str(content.get("message") or "the service gave no reason"),
        request_id=event.request_id,
        details=content.get("details"),
        retryable=content.get("retryable") is True,
    )
