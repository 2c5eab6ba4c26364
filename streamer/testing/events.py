"""The events that AWS sends to a service's functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamer.records import RequestRecord
from streamer.stores.items import request_item, request_key_item
from streamer.testing.doubles import NOW

DOMAIN: Final = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
STAGE: Final = "dev"
STREAM_ARN: Final = "arn:aws:dynamodb:us-east-1:123456789012:table/streamer_requests/stream/2026-01-01T11:59:00.123"


def connect_event(
    *,
    connection_id: str = "WgQ2HdS5oAMCKkw=",
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    now: float = NOW,
) -> dict[str, Any]:
    """The event of a ``$connect``."""
    given = {"Host": DOMAIN, "X-Forwarded-For": "203.0.113.7", **(headers or {})}
    event: dict[str, Any] = {
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
    }
    if query:
        event["queryStringParameters"] = dict(query)
        event["multiValueQueryStringParameters"] = {name: [value] for name, value in query.items()}
    context = _request_context("$connect", "CONNECT", connection_id, now, now)
    return {**event, "requestContext": context, "isBase64Encoded": False}


def message_event(
    message: Any, *, connection_id: str = "WgQ2HdS5oAMCKkw=", connected_at: float = NOW, now: float = NOW
) -> dict[str, Any]:
    """The event of a message; one that is not a string is sent as JSON."""
    body = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    context = _request_context("$default", "MESSAGE", connection_id, connected_at, now)
    return {"requestContext": {**context, "messageId": context["requestId"]}, "body": body, "isBase64Encoded": False}


def disconnect_event(
    *,
    connection_id: str = "WgQ2HdS5oAMCKkw=",
    connected_at: float = NOW,
    now: float = NOW,
    code: int = 1005,
    reason: str = "Client-side close frame status not set",
) -> dict[str, Any]:
    """The event of a ``$disconnect``."""
    headers = {"Host": DOMAIN, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    context = _request_context("$disconnect", "DISCONNECT", connection_id, connected_at, now)
    return {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": {**context, "disconnectStatusCode": code, "disconnectReason": reason},
        "isBase64Encoded": False,
    }


def _request_context(
    route_key: str, event_type: str, connection_id: str, connected_at: float, now: float
) -> dict[str, Any]:
    return {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": "WgQ2HEmnoAMF8qQ=",
        "requestTime": "01/Jan/2026:12:00:00 +0000",
        "messageDirection": "IN",
        "stage": STAGE,
        "connectedAt": round(connected_at * 1000),
        "requestTimeEpoch": round(now * 1000),
        "identity": {"userAgent": "streamer-testing", "sourceIp": "203.0.113.7"},
        "requestId": "WgQ2HEmnoAMF8qQ=",
        "domainName": DOMAIN,
        "connectionId": connection_id,
        "apiId": "a1b2c3d4e5",
    }


def stream_event(changes: Sequence[tuple[RequestRecord | None, RequestRecord | None]]) -> dict[str, Any]:
    """The stream event of changes to the requests table, each as (before, after); None: no row."""
    return {"Records": [_stream_record(*change, number) for number, change in enumerate(changes, start=1)]}


def _stream_record(before: RequestRecord | None, after: RequestRecord | None, number: int) -> dict[str, Any]:
    kept = after or before
    assert kept is not None, "a change has a row before or after it"
    change: dict[str, Any] = {"ApproximateCreationDateTime": float(int(NOW)), "Keys": request_key_item(kept.key)}
    if after is not None:
        change["NewImage"] = request_item(after)
    if before is not None:
        change["OldImage"] = request_item(before)
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT" if before is None else "REMOVE" if after is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {**change, "SequenceNumber": str(10**20 + number), "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "eventSourceARN": STREAM_ARN,
    }
