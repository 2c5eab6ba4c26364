"""What calls functions without a client: mappings of streams and queues, and schedules, as resources. Pure."""

from __future__ import annotations

import json
from typing import Any

from streamer.topology import EventSourceMapping, QueueMapping, Schedule, Topology
from streamer.topology.logical_ids import function_id, pascal, queue_id, table_id

from .names import Resources, att, ref
from .policy import invoke_permission


def mapping(topology: Topology, source: EventSourceMapping) -> dict[str, Any]:
    """A table's stream read by a function."""
    properties: dict[str, Any] = {
        "FunctionName": ref(function_id(source.function)),
        "EventSourceArn": att(table_id(topology, source.table), "StreamArn"),
        "StartingPosition": source.starting_position,
        "BatchSize": source.batch_size,
        "MaximumBatchingWindowInSeconds": int(source.batching_window_seconds),
        "ParallelizationFactor": source.parallelization_factor,
        "MaximumRetryAttempts": source.maximum_retry_attempts,
        "MaximumRecordAgeInSeconds": source.maximum_record_age_seconds,
        "BisectBatchOnFunctionError": source.bisect_on_error,
    }
    if source.filters:
        patterns = [{"Pattern": json.dumps(pattern, separators=(",", ":"))} for pattern in source.filters]
        properties["FilterCriteria"] = {"Filters": patterns}
    if source.report_batch_item_failures:
        properties["FunctionResponseTypes"] = ["ReportBatchItemFailures"]
    if source.on_failure is not None:
        properties["DestinationConfig"] = {"OnFailure": {"Destination": att(queue_id(source.on_failure))}}
    return {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}


def queue_mapping(source: QueueMapping) -> dict[str, Any]:
    """A queue read by a function."""
    properties: dict[str, Any] = {
        "FunctionName": ref(function_id(source.function)),
        "EventSourceArn": att(queue_id(source.queue)),
        "BatchSize": source.batch_size,
        "MaximumBatchingWindowInSeconds": int(source.batching_window_seconds),
    }
    if source.filters:
        patterns = [{"Pattern": json.dumps(pattern, separators=(",", ":"))} for pattern in source.filters]
        properties["FilterCriteria"] = {"Filters": patterns}
    if source.maximum_concurrency is not None:
        properties["ScalingConfig"] = {"MaximumConcurrency": source.maximum_concurrency}
    if source.report_batch_item_failures:
        properties["FunctionResponseTypes"] = ["ReportBatchItemFailures"]
    return {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}


def schedule(described: Schedule) -> Resources:
    """A function invoked at a fixed rate or at given times, with EventBridge's permission to do so."""
    name = f"{pascal(described.name)}Schedule"
    target = {"Id": described.function, "Arn": att(function_id(described.function))}
    if described.event is not None:
        target["Input"] = json.dumps(described.event, separators=(",", ":"))
    return {
        name: {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "ScheduleExpression": described.expression(),
                "State": "ENABLED",
                "Targets": [target],
            },
        },
        f"{name}Permission": invoke_permission(described.function, att(name), principal="events.amazonaws.com"),
    }
