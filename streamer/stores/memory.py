"""Stores in this process's memory, for tests: they keep and refuse what DynamoDB would."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from streamer.aws_limits import ITEM_BYTES, attributes_bytes
from streamer.errors import ItemTooLargeError
from streamer.records import (
    AUDIENCE_SHARDS,
    KEPT_SECONDS,
    PAGE,
    ConnectionRecord,
    Page,
    RequestKey,
    RequestRecord,
    Slots,
    Status,
    SubscriptionRecord,
    audience_shard,
)
from streamer.requests.lifecycle import FAR_SECONDS, Applied, Change, Created, Duplicate, Full, Refused
from streamer.stores.items import Item, request_item
from streamer.stores.payloads import apart, joined


class MemoryStore:
    """Connections, requests and subscriptions in dictionaries.

    ``calls`` lists the DynamoDB operations that the same use would have cost, in order.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._lock = threading.Lock()

    @contextmanager
    def _call(self, operation: str) -> Iterator[None]:
        with self._lock:
            self.calls.append(operation)
            yield


C = TypeVar("C", ConnectionRecord, SubscriptionRecord)


def _page(found: list[C], after: str | None, limit: int) -> Page[C]:
    """What an index has of them: by connection, behind one of them, with a mark where more may follow."""
    behind = sorted((each for each in found if after is None or each.connection_id > after), key=_connection_id)
    page = behind[:limit]
    # DynamoDB stops at the limit without a look behind it.
    return Page(page, page[-1].connection_id if len(page) == limit else None)


def _connection_id(record: ConnectionRecord | SubscriptionRecord) -> str:
    return record.connection_id


class MemoryConnectionStore(MemoryStore):
    """Open connections."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, ConnectionRecord] = {}

    def put(self, record: ConnectionRecord) -> None:
        """See `ConnectionStore.put`."""
        with self._call("PutItem"):
            self.records[record.connection_id] = record

    def get(self, connection_id: str) -> ConnectionRecord | None:
        """See `ConnectionStore.get`."""
        with self._call("GetItem"):
            return self.records.get(connection_id)

    def remove(self, connection_id: str) -> ConnectionRecord | None:
        """See `ConnectionStore.remove`."""
        with self._call("DeleteItem"):
            return self.records.pop(connection_id, None)

    @property
    def shards(self) -> int:
        """See `ConnectionStore.shards`."""
        return AUDIENCE_SHARDS

    def of_user(self, owner: str, *, after: str | None = None, limit: int = PAGE) -> Page[ConnectionRecord]:
        """See `ConnectionStore.of_user`."""
        with self._call("Query"):
            return _page([record for record in self.records.values() if record.owner == owner], after, limit)

    def of_tenant(
        self, tenant_id: str, shard: int, *, after: str | None = None, limit: int = PAGE
    ) -> Page[ConnectionRecord]:
        """See `ConnectionStore.of_tenant`."""
        with self._call("Query"):
            found = [record for record in self.records.values() if record.tenant_id == tenant_id]
            return _page([record for record in found if audience_shard(record.connection_id) == shard], after, limit)


class MemoryRequestStore(MemoryStore):
    """Queued requests."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[RequestKey, RequestRecord] = {}
        self.payloads: dict[tuple[str, str], Item] = {}
        """What is kept apart, by owner and key."""
        self.slots: dict[tuple[str, str], frozenset[str]] = {}

    def create(self, record: RequestRecord, *, now: float, slots: Sequence[Slots] = ()) -> Created | Duplicate | Full:
        """See `RequestStore.create`."""
        record, payload = apart(record, kept_seconds=KEPT_SECONDS)
        if payload is not None:
            with self._call("PutItem"):
                self._require_size(payload.item)
                self.payloads[payload.owner, payload.key] = payload.item
        with self._call("TransactWriteItems" if slots else "PutItem"):
            earlier = self.records.get(record.key)
            if earlier is not None and (earlier.expires_at is None or earlier.expires_at >= now):
                return Duplicate(earlier)
            for one in slots:
                taken = self.slots.get((record.owner, one.item), frozenset())
                if len(taken) >= one.count and record.request_id not in taken:
                    return Full(one, taken)
            self._store(record)
            for one in slots:
                key = (record.owner, one.item)
                self.slots[key] = self.slots.get(key, frozenset()) | {record.request_id}
            return Created()

    def statuses(self, keys: Sequence[RequestKey]) -> dict[RequestKey, Status | None]:
        """See `RequestStore.statuses`."""
        for _ in range(0, len(keys), 100):
            with self._call("BatchGetItem"):
                pass
        found = {key: self.records.get(key) for key in keys}
        return {key: record.status if record is not None else None for key, record in found.items()}

    def release(self, owner: str, slots: Slots, request_ids: frozenset[str]) -> None:
        """See `RequestStore.release`."""
        with self._call("UpdateItem"):
            self.slots[owner, slots.item] = self.slots.get((owner, slots.item), frozenset()) - request_ids

    def get(self, key: RequestKey) -> RequestRecord | None:
        """See `RequestStore.get`."""
        with self._call("GetItem"):
            return self.records.get(key)

    def whole(self, record: RequestRecord) -> RequestRecord:
        """See `RequestStore.whole`."""
        if record.payload_key is None:
            return record
        with self._call("GetItem"):
            return joined(record, self.payloads.get((record.owner, record.payload_key)))

    def apply(self, key: RequestKey, change: Change) -> Applied | Refused:
        """See `RequestStore.apply`."""
        with self._call("UpdateItem"):
            current = self.records.get(key)
            if current is None or not change.admits(current):
                return Refused(current)
            changed = change.applied_to(current)
            self._store(changed)
            return Applied(changed if change.returns_record else None)

    def due(self, shard: str, *, now: float, limit: int) -> list[RequestKey]:
        """See `RequestStore.due`."""
        with self._call("Query"):
            found = [(record.due_at, key) for key, record in self.records.items() if record.due_at is not None]
            found = [(due_at, key) for due_at, key in found if due_at <= now and key.shard == shard]
            found.sort(key=lambda entry: (entry[0], entry[1].owner, entry[1].request_id))
            return [key for _, key in found[:limit]]

    def misdated(self, shard: str, *, now: float, limit: int) -> list[RequestKey]:
        """See `RequestStore.misdated`."""
        with self._call("Query"):
            found = [key for key, record in self.records.items() if (record.due_at or 0.0) > now + FAR_SECONDS]
            return [key for key in found if key.shard == shard][:limit]

    def _store(self, record: RequestRecord) -> None:
        self._require_size(request_item(record))
        self.records[record.key] = record

    def _require_size(self, item: Item) -> None:
        size = attributes_bytes(item)
        if size > ITEM_BYTES:
            raise ItemTooLargeError(f"the request would take {size} bytes; an item holds at most {ITEM_BYTES}")


class MemorySubscriptionStore(MemoryStore):
    """Subscriptions of connections."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[tuple[str, str], SubscriptionRecord] = {}

    def add(self, record: SubscriptionRecord) -> None:
        """See `SubscriptionStore.add`."""
        with self._call("PutItem"):
            self.records[record.connection_id, record.target] = record

    def remove(self, connection_id: str, target: str) -> None:
        """See `SubscriptionStore.remove`."""
        with self._call("DeleteItem"):
            self.records.pop((connection_id, target), None)

    @property
    def shards(self) -> int:
        """See `SubscriptionStore.shards`."""
        return AUDIENCE_SHARDS

    def of_target(
        self, target: str, shard: int, *, after: str | None = None, limit: int = PAGE
    ) -> Page[SubscriptionRecord]:
        """See `SubscriptionStore.of_target`."""
        with self._call("Query"):
            found = [record for record in self.records.values() if record.target == target]
            return _page([record for record in found if audience_shard(record.connection_id) == shard], after, limit)

    def remove_connection(self, connection_id: str) -> int:
        """See `SubscriptionStore.remove_connection`."""
        with self._call("Query"):
            keys = [key for key in self.records if key[0] == connection_id]
            for key in keys:
                del self.records[key]
        for _ in range(0, len(keys), 25):
            with self._call("BatchWriteItem"):
                pass
        return len(keys)
