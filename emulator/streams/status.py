"""What the Lambda API tells about an event source mapping. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from streamer.topology import EventSourceMapping

NO_RECORDS: Final = "No records processed"
"""``LastProcessingResult`` before the first invocation. [REC] I20"""
PROCESSED: Final = "OK"
"""``LastProcessingResult`` after a batch was processed. [REC] I20"""
CALL_FAILED: Final = "PROBLEM: Function call failed"
"""``LastProcessingResult`` after a batch failed. [REC] I20"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingStatus:
    """What GetEventSourceMapping tells about a mapping."""

    mapping: EventSourceMapping
    mapping_id: str
    stream_arn: str
    state: str
    """``Creating``, ``Enabled`` or ``Disabled``."""
    last_processing_result: str

    def as_response(self) -> dict[str, Any]:
        """The API's JSON. [REC] I14, I20"""
        mapping = self.mapping
        on_failure = {} if mapping.on_failure is None else {"Destination": self._arn("sqs", mapping.on_failure)}
        return {
            "UUID": self.mapping_id,
            "StartingPosition": mapping.starting_position,
            "BatchSize": mapping.batch_size,
            "MaximumBatchingWindowInSeconds": int(mapping.batching_window_seconds),
            "ParallelizationFactor": mapping.parallelization_factor,
            "EventSourceArn": self.stream_arn,
            "FunctionArn": self.function_arn,
            "LastProcessingResult": self.last_processing_result,
            "State": self.state,
            "StateTransitionReason": "User action",
            "DestinationConfig": {"OnFailure": on_failure},
            "MaximumRecordAgeInSeconds": mapping.maximum_record_age_seconds,
            "BisectBatchOnFunctionError": mapping.bisect_on_error,
            "MaximumRetryAttempts": mapping.maximum_retry_attempts,
            "TumblingWindowInSeconds": 0,
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if mapping.report_batch_item_failures else [],
        }

    @property
    def function_arn(self) -> str:
        """ARN of the function, in the account and region of the stream."""
        return self._arn("lambda", f"function:{self.mapping.function}")

    def _arn(self, service: str, name: str) -> str:
        region, account = self.stream_arn.split(":")[3:5]
        return f"arn:aws:{service}:{region}:{account}:{name}"
