"""The ``$connect`` function: lets a client in, or not.

API Gateway holds the handshake until it returns, and passes on only its status and ``Sec-WebSocket-Protocol``.
[REC] FIDELITY A7-A11, A18
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jwt  # noqa: F401 - `streamer.auth` uses it later; Lambda gives a start more CPU than the first client

from streamer.auth import KeysById, authenticate
from streamer.context import Principal
from streamer.errors import AuthError, ConfigurationError, StoreError
from streamer.handlers.events import LambdaContext, Origin, origin_of
from streamer.handlers.setup import Environment, Once
from streamer.observability import AUTHENTICATION_FAILED, CONNECTION_ESTABLISHED, Logger, Metrics
from streamer.records import ConnectionRecord, is_owner
from streamer.settings import Settings

if TYPE_CHECKING:
    from streamer.stores.protocols import ConnectionStore


class ConnectHandler:
    """Authenticates a client and stores its connection: one write."""

    def __init__(
        self,
        *,
        settings: Settings,
        connections: ConnectionStore,
        log: Logger,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
        published: KeysById | None = None,
    ) -> None:
        self._settings = settings
        self._published = published
        self._connections = connections
        self._log = log
        self._metrics = metrics
        self._clock = clock

    def __call__(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Status 200 lets the client in; 401, 403 and 500 reach it as the status of the failed handshake."""
        origin = origin_of(event)
        log = self._log.bind(
            request_id=origin.gateway_request_id,
            connection_id=origin.connection_id,
            invocation_id=context.aws_request_id,
        )
        try:
            return self._admit(event, origin, log)
        except AuthError as exc:
            # The reason stays here: telling it would help whoever is guessing.
            log.warning("connection refused", reason=exc.reason, status=exc.status, source_ip=origin.source_ip)
            self._metrics.count(AUTHENTICATION_FAILED)
            return {"statusCode": exc.status}
        except (StoreError, ConfigurationError) as exc:
            log.error("connection could not be accepted", error=exc)
            return {"statusCode": 500}
        finally:
            self._metrics.flush(request_id=origin.gateway_request_id)

    def _admit(self, event: Mapping[str, Any], origin: Origin, log: Logger) -> dict[str, Any]:
        now = self._clock()
        authenticated = authenticate(event, self._settings, now, self._published)
        principal = authenticated.principal
        record = self._record(principal, origin, now)
        if not is_owner(record.owner):
            raise AuthError("identity_too_long")
        self._connections.put(record)
        log.info("connection established", user_id=principal.user_id, tenant_id=principal.tenant_id)
        self._metrics.count(CONNECTION_ESTABLISHED)
        if authenticated.subprotocol is None:
            return {"statusCode": 200}
        return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": authenticated.subprotocol}}

    def _record(self, principal: Principal, origin: Origin, now: float) -> ConnectionRecord:
        return ConnectionRecord(
            connection_id=origin.connection_id,
            tenant_id=principal.tenant_id,
            user_id=principal.user_id,
            permissions=principal.permissions,
            endpoint=origin.endpoint,
            source_ip=origin.source_ip,
            user_agent=origin.user_agent,
            connected_at=origin.connected_at,
            expires_at=int(now) + self._settings.connection_ttl_seconds,
        )


def _build() -> ConnectHandler:
    environment = Environment()
    environment.prepare()
    published = None
    if environment.settings.jwt_jwks_url is not None:
        # Only here: whoever verifies by a secret needs no HTTP client.
        from streamer.handlers.jwks import PublishedKeys  # noqa: PLC0415

        published = PublishedKeys(environment.settings.jwt_jwks_url, monotonic=time.monotonic)
    return ConnectHandler(
        settings=environment.settings,
        connections=environment.connections,
        log=environment.log,
        metrics=environment.metrics,
        published=published,
    )


_handler = Once(_build)
_handler.in_init()


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The Lambda function."""
    return _handler()(event, context)
