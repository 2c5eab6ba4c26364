"""The stream of a table: its records, bounded, with iterators that are positions. Pure but for the ids it is given.

[DOC] ddb-docs:Streams; [REC] shapes as a Lambda function receives them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from msgspec import Struct

from streamer.aws_limits import attributes_bytes

from .items import StoredItem
from .values import wire_attributes

HISTORY_BYTES: Final = 64 * 1024 * 1024
"""Bytes of items that the records of one stream hold at most. Chosen by us, to bound memory."""
RETENTION_SECONDS: Final = 24 * 3600.0
"""How long AWS keeps a record. [DOC] ddb-docs:Streams"""
SHARD_ID: Final = "shardId-00000001541626099285-f35f62ef"
"""The one shard of a stream; AWS's ids have this form, and botocore wants at least 28 characters."""
SERVICE_IDENTITY: Final = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
"""Who deleted an expired item. [DOC] ddb-docs:time-to-live-ttl-streams"""


class StreamRecord(Struct, frozen=True, kw_only=True):
    """One change of one item."""

    event_id: str
    """32 lower-case hexadecimal digits."""
    region: str
    arn: str
    """The stream's ARN."""
    view_type: str
    sequence: int
    created_seconds: float
    key_names: tuple[str, ...]
    old: StoredItem | None
    new: StoredItem | None
    user_identity: Mapping[str, str] | None = None
    """`SERVICE_IDENTITY` if DynamoDB itself deleted an expired item, else None."""

    @property
    def event_name(self) -> str:
        """``INSERT``, ``MODIFY`` or ``REMOVE``."""
        if self.old is None:
            return "INSERT"
        return "REMOVE" if self.new is None else "MODIFY"

    @property
    def sequence_number(self) -> str:
        """22 digits or more, ascending within the stream."""
        return str(self.sequence)

    @property
    def image_bytes(self) -> int:
        """Size of both items, whether the view shows them or not."""
        return (0 if self.old is None else self.old.size_bytes) + (0 if self.new is None else self.new.size_bytes)

    @property
    def content(self) -> dict[str, Any]:
        """The record as GetRecords sends it: plain JSON, binary in base64; a new object each time."""
        record: dict[str, Any] = {
            "eventID": self.event_id,
            "eventName": self.event_name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": self.region,
            "dynamodb": self._change(),
        }
        if self.user_identity is not None:
            record["userIdentity"] = dict(self.user_identity)
        return record

    def _change(self) -> dict[str, Any]:
        item = self.new or self.old
        assert item is not None
        keys = {name: item.attrs[name] for name in self.key_names}
        size_bytes = attributes_bytes(keys)
        change: dict[str, Any] = {
            # [REC] whole seconds
            "ApproximateCreationDateTime": float(int(self.created_seconds)),
            "Keys": wire_attributes(keys),
        }
        if self.new is not None and self.view_type in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
            change["NewImage"] = wire_attributes(self.new.attrs)
            size_bytes += self.new.size_bytes
        if self.old is not None and self.view_type in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
            change["OldImage"] = wire_attributes(self.old.attrs)
            size_bytes += self.old.size_bytes
        change["SequenceNumber"] = self.sequence_number
        change["SizeBytes"] = size_bytes
        change["StreamViewType"] = self.view_type
        return change


Listener = Callable[[StreamRecord], None]
"""Gets each record of a table as it is written, on the thread that wrote it; must return soon."""


class TableStream:
    """A table's stream: one shard, whose records are kept up to a number and an age."""

    def __init__(
        self,
        *,
        arn: str,
        label: str,
        table_name: str,
        key_schema: list[dict[str, str]],
        view_type: str,
        created_seconds: float,
        history_records: int,
        first_sequence: int | None = None,
    ) -> None:
        self.arn = arn
        self.label = label
        self.table_name = table_name
        self.key_schema = key_schema
        self.key_names = tuple([element["AttributeName"] for element in key_schema])
        """Names of the key attributes, partition key first."""
        self.view_type = view_type
        self.created_seconds = created_seconds
        # Milliseconds first, so that a stream made later, or after a restart, always counts on from a higher number.
        self.first_sequence = round(created_seconds * 1000) * 10**9 if first_sequence is None else first_sequence
        self.next_sequence = self.first_sequence
        self.closed = False
        self.records: deque[StreamRecord] = deque()
        self._history_records = history_records
        self._history_bytes = 0

    @property
    def oldest_sequence(self) -> int:
        """Sequence number of the oldest record kept, or of the next one."""
        return self.records[0].sequence if self.records else self.next_sequence

    @property
    def last_change_seconds(self) -> float:
        """When the newest record was made, or the stream."""
        return self.records[-1].created_seconds if self.records else self.created_seconds

    def append(self, record: StreamRecord) -> None:
        """Add the newest record; the oldest go when there are too many, too large, or over a day old."""
        self.records.append(record)
        self.next_sequence = record.sequence + 1
        self._history_bytes += record.image_bytes
        horizon = record.created_seconds - RETENTION_SECONDS
        while len(self.records) > 1 and (
            len(self.records) > self._history_records
            or self._history_bytes > HISTORY_BYTES
            or self.records[0].created_seconds < horizon
        ):
            self._history_bytes -= self.records.popleft().image_bytes

    def since(self, sequence: int, limit: int) -> Iterator[StreamRecord]:
        """At most ``limit`` records from this sequence number on."""
        skipped = max(0, sequence - self.oldest_sequence)
        return islice(self.records, skipped, skipped + limit)

    def shard(self) -> dict[str, Any]:
        """The shard as DescribeStream shows it."""
        numbers = {"StartingSequenceNumber": str(self.first_sequence)}
        if self.closed:
            numbers["EndingSequenceNumber"] = str(max(self.first_sequence, self.next_sequence - 1))
        return {"ShardId": SHARD_ID, "SequenceNumberRange": numbers}
