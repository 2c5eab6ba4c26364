"""What handlers need of a store. Memory and DynamoDB implement it, and pass one suite of contract tests.

Every method is one DynamoDB call unless it says otherwise, and raises `StoreError` when the store does not answer or
refuses. All of them may be called from several threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streamer.records import (
    PAGE,
    ConnectionRecord,
    Page,
    RequestKey,
    RequestRecord,
    Slots,
    Status,
    SubscriptionRecord,
)
from streamer.requests.lifecycle import Applied, Change, Created, Duplicate, Full, Refused


class ConnectionStore(Protocol):
    """Open connections."""

    def put(self, record: ConnectionRecord) -> None:
        """Store a connection, or replace it: a repeated ``$connect`` changes nothing."""
        ...

    def get(self, connection_id: str) -> ConnectionRecord | None:
        """A connection as it was last written (never an older state); None: there is none."""
        ...

    def remove(self, connection_id: str) -> ConnectionRecord | None:
        """Remove a connection and return what it was; None: it was not there."""
        ...

    @property
    def shards(self) -> int:
        """Over how many partitions of the index the connections of one tenant are spread."""
        ...

    def of_user(self, owner: str, *, after: str | None = None, limit: int = PAGE) -> Page[ConnectionRecord]:
        """Connections of a user of a tenant (see `owner_of`), by their ids, the first or those after one of them.

        From an index, so one that was opened or closed a moment ago may be missing or still there.
        """
        ...

    def of_tenant(
        self, tenant_id: str, shard: int, *, after: str | None = None, limit: int = PAGE
    ) -> Page[ConnectionRecord]:
        """Connections of a tenant that are in one of its `shards`; as `of_user`."""
        ...


class RequestStore(Protocol):
    """Queued requests."""

    def create(self, record: RequestRecord, *, now: float, slots: Sequence[Slots] = ()) -> Created | Duplicate | Full:
        """Store a new request, unless its owner already has one of that id that has not expired by ``now``.

        With ``slots`` it takes one of each, all or nothing; who has one already needs no other. A large payload is
        stored apart, by a call before (``streamer.stores.payloads``), and is in no record but those of `whole`.

        Raises:
            ItemTooLargeError: it is larger than the store can hold.
        """
        ...

    def get(self, key: RequestKey) -> RequestRecord | None:
        """A request as it was last written (never an older state); None: there is none."""
        ...

    def whole(self, record: RequestRecord) -> RequestRecord:
        """A request with its payload and metadata: one read if they are kept apart, else none.

        They stay None if they are not kept any more, long after the request ended.
        """
        ...

    def apply(self, key: RequestKey, change: Change) -> Applied | Refused:
        """Make a change if the request is in a state that admits it: atomically, all of it or nothing.

        Raises:
            ItemTooLargeError: the request would become larger than the store can hold.
        """
        ...

    def due(self, shard: str, *, now: float, limit: int) -> list[RequestKey]:
        """Requests of a shard (`RequestKey.shard`) that have been due by ``now``, longest first, at most ``limit``.

        A moment old: it may name a request that is not due any more, and miss one for now.
        """
        ...

    def misdated(self, shard: str, *, now: float, limit: int) -> list[RequestKey]:
        """Requests of a shard that seem to be due later than anything can be (`lifecycle.FAR_SECONDS`)."""
        ...

    def statuses(self, keys: Sequence[RequestKey]) -> dict[RequestKey, Status | None]:
        """The statuses of requests as they were last written; None: there is none. A call per 100 keys."""
        ...

    def release(self, owner: str, slots: Slots, request_ids: frozenset[str]) -> None:
        """Give back the slots of requests; which have none does not matter."""
        ...


class SubscriptionStore(Protocol):
    """Which connection wants to hear about what."""

    def add(self, record: SubscriptionRecord) -> None:
        """Store a subscription; a repeated one changes nothing."""
        ...

    def remove(self, connection_id: str, target: str) -> None:
        """Remove a subscription, if it is there."""
        ...

    @property
    def shards(self) -> int:
        """Over how many partitions of the index the subscribers of one target are spread."""
        ...

    def of_target(
        self, target: str, shard: int, *, after: str | None = None, limit: int = PAGE
    ) -> Page[SubscriptionRecord]:
        """Who wants to hear about a target, of one of its `shards`; by connections, as `ConnectionStore.of_user`."""
        ...

    def remove_connection(self, connection_id: str) -> int:
        """Remove all subscriptions of a connection and return how many there were.

        One query per megabyte of subscriptions, and one call per 25 of them.
        """
        ...
