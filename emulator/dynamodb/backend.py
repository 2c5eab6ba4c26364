"""The tables of the embedded DynamoDB and everything that writes to them: streams, transactions, expiry.

There is no lock: all of it runs on one thread, one request after the other, which is the lock. moto has none either,
but serves from many threads, and so loses updates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from moto.dynamodb.models import DynamoDBBackend

from .. import log
from .errors import ApiError, invalid_parameter, not_found
from .items import StoredItem
from .records import RETENTION_SECONDS, SERVICE_IDENTITY, Listener, Stream, StreamRecord
from .table import EmbeddedTable

CLOSED_STREAMS: Final = 100
"""Streams of deleted tables that are kept; the oldest are forgotten first. Chosen by us, to bound memory."""

Change = tuple[EmbeddedTable, StoredItem | None, StoredItem | None]


class EmbeddedBackend(DynamoDBBackend):  # type: ignore[misc] # moto publishes no types
    """moto's backend with our tables."""

    tables: dict[str, EmbeddedTable]

    def __init__(
        self,
        region: str,
        account_id: str,
        *,
        clock: Callable[[], float],
        new_event_id: Callable[[], str],
        history_records: int,
    ) -> None:
        super().__init__(region, account_id)
        self.history_records = history_records
        self.streams: dict[str, Stream] = {}
        """By ARN, those of deleted tables and closed ones included, until their records are too old."""
        self.listeners: dict[str, list[Listener]] = {}
        self._clock = clock
        self._new_event_id = new_event_id
        self._pending: list[Change] | None = None
        self._user_identity: Mapping[str, str] | None = None

    # what tables tell

    def now(self) -> float:
        """The time, in Unix seconds."""
        return self._clock()

    def wrote(self, table: EmbeddedTable, old: StoredItem | None, new: StoredItem | None) -> None:
        """Journal a write: at once, or when the transaction that it belongs to succeeds."""
        if self._pending is not None:
            self._pending.append((table, old, new))
        else:
            self._record(table, old, new)

    def opened(self, stream: Stream) -> None:
        """Keep a stream, and forget closed ones that are a day old, or the oldest of too many."""
        horizon = self.now() - RETENTION_SECONDS
        closed = [other for other in self.streams.values() if other.closed]
        for position, other in enumerate(closed, start=1):
            if other.last_change_seconds < horizon or position <= len(closed) - CLOSED_STREAMS:
                del self.streams[other.arn]
        self.streams[stream.arn] = stream

    def stream_time(self, table_name: str) -> float:
        """When a stream that is switched on now was created: Unix seconds, later than all before of that table.

        Its label, and its sequence numbers, are made of it.
        """
        before = [stream.created_seconds for stream in self.streams.values() if stream.table_name == table_name]
        milliseconds = int(self.now() * 1000)
        if before:
            milliseconds = max(milliseconds, round(max(before) * 1000) + 1)
        return milliseconds / 1000

    def _record(self, table: EmbeddedTable, old: StoredItem | None, new: StoredItem | None) -> None:
        stream = table.stream
        if stream is None or (old is new is None):
            return
        if old is not None and new is not None and old.same_as(new):
            return  # [DOC] ddb-docs:Streams: a write that changes nothing makes no record
        record = StreamRecord(
            event_id=self._new_event_id(),
            region=self.region_name,
            arn=stream.arn,
            view_type=stream.view_type,
            sequence=stream.next_sequence,
            created_seconds=self._clock(),
            key_names=stream.key_names,
            old=old,
            new=new,
            user_identity=self._user_identity,
        )
        stream.append(record)
        for listener in tuple(self.listeners.get(table.name, ())):
            try:
                listener(record)
            except Exception as error:  # noqa: BLE001 - the write succeeded; its client must not pay for a listener
                log.error("stream listener failed", error=error, table=table.name)

    # transactions and expiry

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside happen, or, if an exception leaves the block, none: no item, no stream record."""
        assert self._pending is None
        changes: list[Change] = []
        self._pending = changes
        try:
            yield
        except BaseException:
            self._pending = []  # what undoing writes is nobody's business
            for table, old, new in reversed(changes):
                table.replace(new, old)
            raise
        else:
            self._pending = None
            for change in changes:
                self._record(*change)
        finally:
            self._pending = None

    def expire(self, now: float) -> int:
        """Delete the items whose TTL has passed, as DynamoDB itself; returns how many."""
        deleted = 0
        self._user_identity = SERVICE_IDENTITY
        try:
            for table in self.tables.values():
                if table.expiry is None:
                    continue
                for item in table.expiry.due(now, table.primary.get):
                    table.replace(item, None)
                    deleted += 1
        finally:
            self._user_identity = None
        return deleted

    # tables

    def get_table(self, table_name: str) -> EmbeddedTable:
        """The table with this name or ARN."""
        table = self.tables.get(table_name)
        if table is not None:
            return table
        if table_name.startswith("arn:"):
            table = self.tables.get(table_name.rpartition("/")[2])
            if table is not None and table.table_arn == table_name:
                return table
        raise not_found()

    def create_table(self, name: str, **description: Any) -> EmbeddedTable:
        """Create a table; it is active at once."""
        if name in self.tables:
            raise ApiError("ResourceInUseException", f"Table already exists: {name}")
        table = EmbeddedTable(name, self, account_id=self.account_id, region=self.region_name, **description)
        self.tables[name] = table
        return table

    def describe_table(self, name: str) -> dict[str, Any]:
        """Moto's description, with the message AWS gives if there is no such table."""
        try:
            return dict(self.get_table(name).describe(base_key="Table"))
        except ApiError:
            raise not_found(f"Requested resource not found: Table: {name} not found") from None

    def delete_table(self, name: str) -> EmbeddedTable:
        """Delete a table; its stream stays readable for a day."""
        try:
            table = self.get_table(name)
        except ApiError:
            raise not_found(f"Requested resource not found: Table: {name} not found") from None
        if table.deletion_protection_enabled:
            raise invalid_parameter(
                f"Resource cannot be deleted as it is currently protected against deletion. "
                f"Disable deletion protection first. Table: {name}"
            )
        if table.stream is not None:
            table.stream.closed = True
        del self.tables[table.name]
        return table

    def update_table(self, name: str, **changes: Any) -> EmbeddedTable:
        """Change a table; its indexes are filled at once."""
        table: EmbeddedTable = super().update_table(name, **changes)
        if changes.get("attr_definitions") or changes.get("global_index"):
            table.reindex()
        return table

    def update_table_streams(self, table: EmbeddedTable, stream_specification: dict[str, Any]) -> None:
        """Switch a stream on or off."""
        enable = bool(stream_specification.get("StreamEnabled") or stream_specification.get("StreamViewType"))
        if enable and table.stream is not None:
            raise ApiError("ResourceInUseException", "Table already has an enabled stream")
        table.set_stream_specification(stream_specification)

    def update_time_to_live(self, table_name: str, ttl_spec: dict[str, Any]) -> None:
        """Switch expiry on or off."""
        table = self.get_table(table_name)
        enabled, attribute = ttl_spec["Enabled"], ttl_spec["AttributeName"]
        if enabled is (table.expiry is not None):
            raise invalid_parameter(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
        if not enabled and table.ttl.get("AttributeName") != attribute:
            raise invalid_parameter("TimeToLive is active on a different AttributeName")
        table.ttl = (
            {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute} if enabled else {"TimeToLiveStatus": "DISABLED"}
        )
        table.set_expiry(attribute if enabled else None)
