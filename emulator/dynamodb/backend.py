"""The tables of the embedded DynamoDB and everything that writes to them: streams, transactions, expiry.

There is no lock: all of it runs on one thread, one request after the other, which is the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from ..foundation import log
from .definitions import shown_schema
from .descriptions import describe
from .errors import not_found
from .items import StoredItem
from .stream_records import RETENTION_SECONDS, SERVICE_IDENTITY, Listener, StreamRecord, TableStream
from .table import Table

CLOSED_STREAMS: Final = 100
"""Streams of deleted tables that are kept; the oldest are forgotten first. Chosen by us, to bound memory."""

Change = tuple[Table, StoredItem | None, StoredItem | None]
JournaledChange = tuple[Table, StoredItem | None, StoredItem | None, StreamRecord | None]


class EmbeddedBackend:
    """All tables and streams of one engine."""

    def __init__(
        self,
        region: str,
        account_id: str,
        *,
        clock: Callable[[], float],
        new_event_id: Callable[[], str],
        history_records: int,
    ) -> None:
        self.region_name = region
        self.account_id = account_id
        self.tables: dict[str, Table] = {}
        self.streams: dict[str, TableStream] = {}
        """By ARN, those of deleted tables and closed ones included, until their records are too old."""
        self.listeners: dict[str, list[Listener]] = {}
        self.now = clock
        """The time, in Unix seconds."""
        self.new_id = new_event_id
        """A new id of 32 hexadecimal digits."""
        self._history_records = history_records
        self.journal: Callable[[Sequence[JournaledChange]], None] | None = None
        """Is told what was changed together, and of the records of it; None: nobody keeps it."""
        self._pending: list[Change] | None = None
        self._user_identity: Mapping[str, str] | None = None

    def wrote(self, table: Table, old: StoredItem | None, new: StoredItem | None) -> None:
        """Journal a write: at once, or when the transaction that it belongs to succeeds."""
        if self._pending is not None:
            self._pending.append((table, old, new))
        elif self.journal is not None:
            self.journal(((table, old, new, self._record(table, old, new)),))
        elif table.stream is not None:
            self._record(table, old, new)

    def redo(
        self,
        table: Table,
        old: StoredItem | None,
        new: StoredItem | None,
        *,
        event_id: str,
        created_seconds: float,
        user_identity: Mapping[str, str] | None,
    ) -> None:
        """Make a change as an earlier run made it, and the same record of it."""
        now, new_id = self.now, self.new_id
        self.now, self.new_id, self._user_identity = (lambda: created_seconds), (lambda: event_id), user_identity
        try:
            table.replace(old, new)
        finally:
            self.now, self.new_id, self._user_identity = now, new_id, None

    def open_stream(
        self,
        table: Table,
        view_type: str,
        *,
        label: str | None = None,
        created_seconds: float | None = None,
        first_sequence: int | None = None,
    ) -> TableStream:
        """Switch a table's stream on, or, with its label, go on with one from a saved state."""
        if created_seconds is None:
            created_seconds = self._stream_time(table.name)
        if label is None:
            # [REC] the label is the time of creation in milliseconds, without a zone
            moment = datetime.fromtimestamp(created_seconds, UTC).replace(tzinfo=None)
            label = moment.isoformat(timespec="milliseconds")
        stream = TableStream(
            arn=f"{table.arn}/stream/{label}",
            label=label,
            table_name=table.name,
            key_schema=shown_schema(table.key),
            view_type=view_type,
            created_seconds=created_seconds,
            history_records=self._history_records,
            first_sequence=first_sequence,
        )
        table.stream = table.latest_stream = stream
        self._forget_streams()
        self.streams[stream.arn] = stream
        return stream

    def close_stream(self, table: Table) -> None:
        """Switch a table's stream off; it stays readable for a day."""
        if table.stream is not None:
            table.stream.closed = True
            table.stream = None

    def _forget_streams(self) -> None:
        """Forget closed streams that are a day old, or the oldest of too many."""
        horizon = self.now() - RETENTION_SECONDS
        closed = [other for other in self.streams.values() if other.closed]
        for position, other in enumerate(closed, start=1):
            if other.last_change_seconds < horizon or position <= len(closed) - CLOSED_STREAMS:
                del self.streams[other.arn]

    def _stream_time(self, table_name: str) -> float:
        """When a stream that is switched on now was created: Unix seconds, later than all before of that table.

        Its label, and its sequence numbers, are made of it.
        """
        before = [stream.created_seconds for stream in self.streams.values() if stream.table_name == table_name]
        milliseconds = int(self.now() * 1000)
        if before:
            milliseconds = max(milliseconds, round(max(before) * 1000) + 1)
        return milliseconds / 1000

    def _record(self, table: Table, old: StoredItem | None, new: StoredItem | None) -> StreamRecord | None:
        stream = table.stream
        if stream is None or (old is new is None):
            return None
        if old is not None and new is not None and old.same_as(new):
            return None  # [DOC] ddb-docs:Streams: a write that changes nothing makes no record
        record = StreamRecord(
            event_id=self.new_id(),
            region=self.region_name,
            arn=stream.arn,
            view_type=stream.view_type,
            sequence=stream.next_sequence,
            created_seconds=self.now(),
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
        return record

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
            recorded = [(*change, self._record(*change)) for change in changes]
            if self.journal is not None and recorded:
                self.journal(recorded)
        finally:
            self._pending = None

    def expire(self, now: float, most: int | None = None) -> int:
        """Delete the items whose TTL has passed, at most so many of a table, as DynamoDB itself; returns how many."""
        deleted = 0
        self._user_identity = SERVICE_IDENTITY
        try:
            for table in self.tables.values():
                if table.expiry is None:
                    continue
                for item in islice(table.expiry.due(now, table.primary.get), most):
                    table.replace(item, None)
                    deleted += 1
        finally:
            self._user_identity = None
        return deleted

    def find_table(self, name: str) -> Table | None:
        """The table with this name or ARN, or None."""
        table = self.tables.get(name)
        if table is None and name.startswith("arn:"):
            table = self.tables.get(name.rpartition("/")[2])
            return table if table is not None and table.arn == name else None
        return table

    def get_table(self, name: str) -> Table:
        """The table with this name or ARN.

        Raises:
            ApiError: there is none.
        """
        table = self.find_table(name)
        if table is None:
            raise not_found()
        return table

    def table_to_manage(self, name: str) -> Table:
        """As `get_table`, with the message of the operations that look after tables."""
        table = self.find_table(name)
        if table is None:
            raise not_found(f"Requested resource not found: Table: {name} not found")
        return table

    def describe_table(self, name: str) -> dict[str, Any]:
        """DescribeTable.

        Raises:
            ApiError: there is no such table.
        """
        return {"Table": describe(self.table_to_manage(name))}

    def stream_named(self, arn: str) -> TableStream:
        """The stream with this ARN.

        Raises:
            ApiError: there is none.
        """
        try:
            return self.streams[arn]
        except KeyError:
            raise not_found(f"Requested resource not found: Stream: {arn} not found") from None
