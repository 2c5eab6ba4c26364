"""Reaches connections of a tenant: one, those of a user, all, or the subscribers of a topic.

Every method is given the tenant and finds nobody outside of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from streamer.errors import GoneError, StoreError
from streamer.observability import Logger
from streamer.protocol import messages
from streamer.protocol.parts import in_parts
from streamer.protocol.topics import Topic, current, topic_target
from streamer.records import ConnectionRecord, Listener, owner_of
from streamer.sending.publisher import Delivery, Publisher
from streamer.sending.sender import Sender, send_pieces
from streamer.stores.protocols import ConnectionStore, SubscriptionStore

HANDSHAKE_SECONDS: Final = 30.0
"""A connection's row is there before its handshake is over, and until then API Gateway says that it is gone; so the
rows of connections younger than this are left alone. ``$connect`` takes at most 29 s. [DOC] apigw-docs quotas"""
FORGETTING_THREADS: Final = 8


class Hub:
    """The way to the connections of tenants; one per execution environment. Safe to share between threads."""

    def __init__(
        self,
        *,
        connections: ConnectionStore,
        subscriptions: SubscriptionStore,
        publisher: Publisher,
        sender_at: Callable[[str], Sender],
        log: Logger,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connections = connections
        self._subscriptions = subscriptions
        self._publisher = publisher
        self._sender_at = sender_at
        self._log = log
        self._clock = clock

    def to_topic(self, tenant_id: str, topic: Topic, data_json: str, *, seconds: float) -> Delivery:
        """Send to the subscribers of a topic: one query, and a send for each.

        Raises:
            PayloadTooLargeError: the data cannot be delivered, not even in parts.
            StoreError: the subscribers are not known.
        """
        pieces = self._pieces(topic.name, data_json)
        found = self._subscriptions.of_target(topic_target(tenant_id, topic))
        return self._delivered(current(found, now=self._clock()), pieces, seconds, young=frozenset())

    def to_user(self, tenant_id: str, user_id: str, data_json: str, *, seconds: float) -> Delivery:
        """Send to all connections of a user; as `to_topic`."""
        pieces = self._pieces(None, data_json)
        return self._to_rows(self._connections.of_user(owner_of(tenant_id, user_id)), pieces, seconds)

    def to_tenant(self, tenant_id: str, data_json: str, *, seconds: float) -> Delivery:
        """Send to all connections of a tenant; as `to_topic`."""
        pieces = self._pieces(None, data_json)
        return self._to_rows(self._connections.of_tenant(tenant_id), pieces, seconds)

    def to_connection(self, tenant_id: str, connection_id: str, data_json: str) -> None:
        """Send to one connection: one read, and the send.

        Raises:
            GoneError: it closed, or is none of this tenant's.
            PayloadTooLargeError: the data cannot be delivered, not even in parts.
            SendError: it could not be delivered, though the connection may be open.
            StoreError: the connection could not be looked up.
        """
        pieces = self._pieces(None, data_json)
        record = self._of_tenant(tenant_id, connection_id)
        if record is None:
            raise GoneError(connection_id)
        sender = self._sender_at(record.endpoint)
        try:
            send_pieces(sender, connection_id, pieces)
        except GoneError:
            self._forget(frozenset({connection_id}) - self._young([record]))
            raise

    def is_active(self, tenant_id: str, connection_id: str) -> bool:
        """Ask API Gateway whether a connection of the tenant is open; False too for one of another tenant.

        Raises:
            SendError: API Gateway did not answer.
            StoreError: the connection could not be looked up.
        """
        record = self._of_tenant(tenant_id, connection_id)
        if record is None:
            return False
        is_active = self._sender_at(record.endpoint).is_active(connection_id)
        if not is_active:
            self._forget(frozenset({connection_id}) - self._young([record]))
        return is_active

    def _of_tenant(self, tenant_id: str, connection_id: str) -> ConnectionRecord | None:
        record = self._connections.get(connection_id)
        return record if record is not None and record.tenant_id == tenant_id else None

    def _pieces(self, topic: str | None, data_json: str) -> list[str]:
        now = self._clock()
        return in_parts(messages.published(topic, data_json, now=now), None, now=now)

    def _to_rows(self, found: Iterable[ConnectionRecord], pieces: Sequence[str], seconds: float) -> Delivery:
        now = self._clock()
        rows = [row for row in found if row.expires_at >= now]
        recipients = [Listener(row.connection_id, row.endpoint) for row in rows]
        return self._delivered(recipients, pieces, seconds, young=self._young(rows))

    def _young(self, rows: Iterable[ConnectionRecord]) -> frozenset[str]:
        latest = self._clock() - HANDSHAKE_SECONDS
        return frozenset(row.connection_id for row in rows if row.connected_at > latest)

    def _delivered(
        self, recipients: Sequence[Listener], pieces: Sequence[str], seconds: float, *, young: frozenset[str]
    ) -> Delivery:
        delivery = self._publisher.deliver(recipients, pieces, seconds=seconds)
        for connection_id, reason in delivery.failed.items():
            self._log.warning("a message could not be delivered", recipient=connection_id, reason=reason)
        # Afterwards, so that nobody waits for it.
        self._forget(delivery.gone - young)
        return delivery

    def _forget(self, connection_ids: frozenset[str]) -> None:
        """Remove the rows of connections that are gone, and their subscriptions."""
        if len(connection_ids) <= 1:
            for connection_id in connection_ids:
                self._forget_one(connection_id)
            return
        with ThreadPoolExecutor(min(FORGETTING_THREADS, len(connection_ids))) as pool:
            list(pool.map(self._forget_one, connection_ids))

    def _forget_one(self, connection_id: str) -> None:
        try:
            self._connections.remove(connection_id)
            self._subscriptions.remove_connection(connection_id)
        except StoreError as exc:
            self._log.warning("rows of a gone connection stay until they expire", recipient=connection_id, error=exc)
