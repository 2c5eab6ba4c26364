"""Who hears about what. Pure.

Connections hear about two things: a *topic* of their tenant, which is a row in the subscriptions table, and a
*request* of their own user, whose listeners are kept with the request (``docs/decisions/0007-listeners.md``).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

from streamer.errors import ActionError, ErrorCode
from streamer.protocol.messages import REQUEST_ID
from streamer.records import Listener, RequestRecord, escaped

TOPIC: Final = re.compile(r"[A-Za-z0-9._:/-]{1,128}")
"""What a topic may be called."""
PUBLISH_PERMISSION: Final = "topics:publish"
"""What a client needs to publish, unless the App decides it otherwise."""
LISTENERS: Final = 100
"""Most connections that hear about one request besides the one that sent it; they share its item's 400 KB."""
_TARGET_BYTES: Final = 1024
"""Longest sort key of DynamoDB, in bytes. [DOC] ddb-docs:ServiceQuotas"""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the client's own tenant."""

    name: str


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """A request of the client's own user."""

    request_id: str


def subject_of(payload: Any) -> Topic | OwnRequest:
    """What a ``subscribe`` or ``unsubscribe`` is about.

    Raises:
        ActionError: the payload names neither a topic nor a request, or both.
    """
    fields = payload if isinstance(payload, dict) else {}
    match fields.get("topic"), fields.get("request_id"):
        case str(name), None if TOPIC.fullmatch(name):
            return Topic(name)
        case None, str(request_id) if REQUEST_ID.fullmatch(request_id):
            return OwnRequest(request_id)
        case _:
            raise ActionError(
                'the payload must be {"topic": "<1 to 128 letters, digits and ._:/->"} '
                'or {"request_id": "<id of the request>"}',
                code=ErrorCode.VALIDATION_ERROR,
                details={"field": "payload"},
            )


def topic_of(name: Any) -> Topic:
    """A topic by its name.

    Raises:
        ActionError: it is no name of a topic.
    """
    if not isinstance(name, str) or TOPIC.fullmatch(name) is None:
        raise ActionError(
            'a topic takes 1 to 128 letters, digits and "._:/-"',
            code=ErrorCode.VALIDATION_ERROR,
            details={"field": "payload.topic"},
        )
    return Topic(name)


def topic_target(tenant_id: str, topic: Topic) -> str:
    """The key of a topic of a tenant; different pairs never give the same, whatever characters the ids contain."""
    target = f"topic#{escaped(tenant_id)}#{topic.name}"
    if len(target.encode()) <= _TARGET_BYTES:
        return target
    return f"long#{hashlib.sha256(target.encode()).hexdigest()}"


def audience_of(record: RequestRecord) -> tuple[Listener, ...]:
    """Everyone who hears about a request: first the connection it came from, which always does."""
    own = Listener(record.connection_id, record.endpoint)
    others = (one for one in record.listeners if one.connection_id != own.connection_id)
    return (own, *sorted(others, key=lambda one: one.connection_id))


def hears(record: RequestRecord, connection_id: str) -> bool:
    """Whether a connection hears about a request."""
    return any(one.connection_id == connection_id for one in audience_of(record))
