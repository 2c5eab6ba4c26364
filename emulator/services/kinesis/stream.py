"""One stream, and positions in its shards. Pure: the time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from .errors import KinesisError, invalid
from .shards import Record, Shard, Shards, hash_key

RECORD_BYTES: Final = 1024 * 1024
"""Most bytes of a record's data. [DOC] kinesis-docs:service-sizes-and-limits"""
PAGE_RECORDS: Final = 10_000
PAGE_BYTES: Final = 10 * 1024 * 1024
"""Most of one GetRecords. [DOC] kinesis-api:API_GetRecords"""
ITERATOR_SECONDS: Final = 300.0
"""How long an iterator is good for. [DOC] kinesis-api:API_GetShardIterator"""


@dataclass(slots=True, kw_only=True)
class Stream:
    """A stream."""

    name: str
    arn: str
    made: float
    shards: Shards
    mode: str = "PROVISIONED"
    retention_hours: int = 24
    encryption: str = "NONE"
    key_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What tells it from another stream of that name before or after it."""
        return f"{self.arn}/{self.made}"

    def put(self, data: bytes, partition_key: str, explicit_key: str | None, now: float) -> tuple[Shard, Record]:
        """Take a record that is none to refuse (see `refuse_record`); answers where it is."""
        shard = self.shards.of_key(hash_key(partition_key) if explicit_key is None else int(explicit_key))
        return shard, shard.put(data, partition_key, now)

    def forget(self, now: float) -> None:
        """Drop what is older than the stream keeps."""
        self.shards.forget(now - 3600 * self.retention_hours)

    def shard(self, shard_id: Any) -> Shard:
        """The shard of an id; raises KinesisError."""
        found = self.shards.named(str(shard_id))
        if found is None:
            account = self.arn.split(":")[4]
            text = f"Could not find shard {shard_id} in stream {self.name} under account {account}."
            raise KinesisError("ResourceNotFoundException", text)
        return found


def refuse_record(data: bytes, partition_key: str, explicit_key: str | None, *, where: str = "") -> None:
    """Refuse what AWS refuses of a record, in its words; ``where`` begins the names of its members in the request.

    [USR] awslabs/aws-fluent-plugin-kinesis #44

    Raises:
        KinesisError: it is too large, or a key of it is wrong.
    """
    if len(data) > RECORD_BYTES:
        raise _violated("Value", f"{where}data", f"Member must have length less than or equal to {RECORD_BYTES}")
    if not 1 <= len(partition_key) <= 256:
        bound = "greater than or equal to 1" if not partition_key else "less than or equal to 256"
        raise _violated(f"Value '{partition_key}'", f"{where}partitionKey", f"Member must have length {bound}")
    if explicit_key is not None and (not explicit_key.isdecimal() or int(explicit_key) >= 2**128):
        raise invalid(f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]: {explicit_key}")


def _violated(value: str, member: str, constraint: str) -> KinesisError:
    text = f"1 validation error detected: {value} at '{member}' failed to satisfy constraint: {constraint}"
    return KinesisError("ValidationException", text)


def position(shard: Shard, kind: Any, number: Any, at: Any) -> int:
    """The sequence number after which an iterator reads.

    Raises:
        KinesisError: the kind is none, or what it needs is missing.
    """
    match kind:
        case "TRIM_HORIZON":
            return 0
        case "LATEST":
            return shard.last
        case "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER":
            if not str(number).isdecimal():
                raise invalid(f"StartingSequenceNumber {number} used in GetShardIterator is invalid.")
            return int(number) - (1 if kind.startswith("AT_") else 0)
        case "AT_TIMESTAMP":
            if not isinstance(at, int | float):
                raise invalid("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.")
            return shard.before(float(at))
    raise invalid(f"ShardIteratorType {kind} is none")


def page(shard: Shard, after: int, count: int) -> list[Record]:
    """What one GetRecords answers with, at least one record if there is any."""
    found: list[Record] = []
    left = PAGE_BYTES
    for record in shard.after(after, min(count, PAGE_RECORDS)):
        left -= len(record.data)
        if found and left < 0:
            break
        found.append(record)
    return found


def shown(shard: Shard) -> dict[str, Any]:
    """As ListShards has it. [DOC] kinesis-api:API_Shard"""
    numbers = {"StartingSequenceNumber": str(shard.start)}
    if not shard.is_open:
        numbers["EndingSequenceNumber"] = str(shard.last + 1)
    found: dict[str, Any] = {
        "ShardId": shard.shard_id,
        "HashKeyRange": {"StartingHashKey": str(shard.first_key), "EndingHashKey": str(shard.last_key)},
        "SequenceNumberRange": numbers,
    }
    found |= dict(zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False))
    return found


def summary(stream: Stream) -> dict[str, Any]:
    """What both descriptions have. [DOC] kinesis-api:API_StreamDescriptionSummary"""
    found = {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": stream.mode},
        "RetentionPeriodHours": stream.retention_hours,
        "StreamCreationTimestamp": stream.made,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": stream.encryption,
    }
    return found if stream.key_id is None else {**found, "KeyId": stream.key_id}
