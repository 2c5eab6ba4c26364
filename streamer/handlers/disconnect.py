"""The ``$disconnect`` function: removes what hangs on a connection that closed.

Nobody sees its result, and API Gateway calls it on a best-effort basis, so the rows also expire by themselves.
[DOC] apigw-docs:apigateway-websocket-api-route-keys-connect-disconnect
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamer.errors import StoreError
from streamer.handlers.events import LambdaContext, Origin, closing_of, origin_of
from streamer.handlers.setup import Environment, Once
from streamer.observability import CONNECTION_DISCONNECTED, CONNECTION_DURATION, Logger, Metrics
from streamer.records import ConnectionRecord

if TYPE_CHECKING:
    from streamer.stores.protocols import ConnectionStore, SubscriptionStore


class DisconnectHandler:
    """Removes a connection and its subscriptions: one delete, one query, and the deletes that follow from it."""

    def __init__(
        self, *, connections: ConnectionStore, subscriptions: SubscriptionStore, log: Logger, metrics: Metrics
    ) -> None:
        self._connections = connections
        self._subscriptions = subscriptions
        self._log = log
        self._metrics = metrics

    def __call__(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Always status 200: there is nobody left to tell."""
        origin = origin_of(event)
        closing = closing_of(event)
        log = self._log.bind(
            request_id=origin.gateway_request_id,
            connection_id=origin.connection_id,
            invocation_id=context.aws_request_id,
        )
        record = self._remove_connection(origin, log)
        if record is not None:
            log = log.bind(user_id=record.user_id, tenant_id=record.tenant_id)
        removed = self._remove_subscriptions(origin, log)
        connected_at = record.connected_at if record is not None else origin.connected_at
        duration_seconds = max(0.0, round(origin.occurred_at - connected_at, 3))
        log.info(
            "connection closed",
            disconnect_code=closing.status_code,
            disconnect_reason=closing.reason,
            duration_seconds=duration_seconds,
            subscriptions_removed=removed,
            was_known=record is not None,
        )
        self._metrics.count(CONNECTION_DISCONNECTED)
        self._metrics.put(CONNECTION_DURATION, duration_seconds)
        self._metrics.flush(request_id=origin.gateway_request_id)
        return {"statusCode": 200}

    def _remove_connection(self, origin: Origin, log: Logger) -> ConnectionRecord | None:
        try:
            return self._connections.remove(origin.connection_id)
        except StoreError as exc:
            log.error("the connection's row could not be removed; it will expire", error=exc)
            return None

    def _remove_subscriptions(self, origin: Origin, log: Logger) -> int | None:
        try:
            return self._subscriptions.remove_connection(origin.connection_id)
        except StoreError as exc:
            log.error("the connection's subscriptions could not be removed; they will expire", error=exc)
            return None


def _build() -> DisconnectHandler:
    environment = Environment()
    environment.prepare()
    return DisconnectHandler(
        connections=environment.connections,
        subscriptions=environment.subscriptions,
        log=environment.log,
        metrics=environment.metrics,
    )


_handler = Once(_build)
_handler.in_init()


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The Lambda function."""
    return _handler()(event, context)
