"""The state of an event source mapping, in the words of the Lambda API. Pure."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from ...foundation.place import arn_of
from ...functions.variables import name_and_qualifier
from .source import StreamMapping

NO_RECORDS: Final = "No records processed"
"""``LastProcessingResult`` before the first invocation. [REC] I20"""
PROCESSED: Final = "OK"
"""``LastProcessingResult`` after a batch was processed. [REC] I20"""
CALL_FAILED: Final = "PROBLEM: Function call failed"
"""``LastProcessingResult`` after a batch failed. [REC] I20"""


class MappingStatus(Struct, frozen=True, kw_only=True):
    """What GetEventSourceMapping tells about a mapping."""

    mapping: StreamMapping
    stream_arn: str
    state: str
    """``Creating``, ``Enabled`` or ``Disabled``."""
    last_processing_result: str

    @property
    def function_arn(self) -> str:
        """ARN of the function, in the account and region of the stream."""
        region, account = self.stream_arn.split(":")[3:5]
        return arn_of("lambda", region, account, f"function:{name_and_qualifier(self.mapping.function)[0]}")


class LaneProgress(Struct, frozen=True, kw_only=True):
    """How far one lane of a shard is. Times are Unix seconds."""

    waiting: int
    """Records that wait."""
    flying: int
    """Records that the function works on."""
    attempts: int
    """Invocations of the batch in flight, or of the one to be retried, that used up retries."""
    failures: int
    """Everything that went wrong with it."""
    retry_at: float | None
    """When it is tried again; None: nothing is to be retried."""
    oldest_at: float | None
    """When the earliest record was written that is not done; None: all are."""


class ShardProgress(Struct, frozen=True, kw_only=True):
    """How far a mapping is in a shard."""

    shard_id: str
    settled: str | None
    """Sequence number up to which all is done; None: not even the first record that was read."""
    read: str | None
    """Sequence number of the record that was read last; None: none was."""
    lanes: tuple[LaneProgress, ...]
