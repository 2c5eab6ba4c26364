"""Records for tests."""

from typing import Any

from streamer.records import ConnectionRecord, Failure, RequestRecord, Status, SubscriptionRecord

NOW = 1_767_268_800.5


def failure_of(record: RequestRecord) -> Failure:
    """Why it failed."""
    assert record.error is not None
    return record.error


def request_record(**fields: Any) -> RequestRecord:
    """A request that was just accepted, unless ``fields`` say otherwise."""
    defaults: dict[str, Any] = {
        "tenant_id": "acme",
        "user_id": "ada",
        "request_id": "r-1",
        "action": "report",
        "payload_json": '{"pages":3}',
        "metadata_json": "{}",
        "permissions": frozenset({"reports"}),
        "connection_id": "c-1",
        "endpoint": "https://api.example.com/dev",
        "status": Status.PENDING,
        "attempt": 0,
        "max_attempts": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "expires_at": int(NOW) + 604_800,
    }
    return RequestRecord(**{**defaults, **fields})


def connection_record(**fields: Any) -> ConnectionRecord:
    """A connection that was just opened, unless ``fields`` say otherwise."""
    defaults: dict[str, Any] = {
        "connection_id": "c-1",
        "tenant_id": "acme",
        "user_id": "ada",
        "permissions": frozenset({"reports"}),
        "endpoint": "https://api.example.com/dev",
        "source_ip": "203.0.113.7",
        "user_agent": "tests",
        "connected_at": NOW,
        "expires_at": int(NOW) + 86_400,
    }
    return ConnectionRecord(**{**defaults, **fields})


def subscription_record(**fields: Any) -> SubscriptionRecord:
    """A subscription, unless ``fields`` say otherwise of a connection to a topic."""
    defaults: dict[str, Any] = {
        "connection_id": "c-1",
        "target": "topic#news",
        "endpoint": "https://api.example.com/dev",
        "expires_at": int(NOW) + 86_400,
    }
    return SubscriptionRecord(**{**defaults, **fields})
