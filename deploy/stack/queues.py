"""Queues as resources of the template: the service's own, and those for dead letters, which Lambda gave up. Pure."""

from __future__ import annotations

from typing import Any, Final

from streamer.topology import Queue
from streamer.topology.logical_ids import queue_id

from .names import att, sub

LONGEST: Final = 1_048_576
"""What SQS itself has for a queue that does not say how long its messages may be. [DOC] sqs-api:CreateQueue"""


def queue(described: Queue) -> dict[str, Any]:
    """A queue as its description has it. [DOC] sqs-docs:quotas-messages"""
    properties: dict[str, Any] = {
        "QueueName": sub(f"${{AWS::StackName}}-{described.name}"),
        "MessageRetentionPeriod": described.retention_seconds,
        "SqsManagedSseEnabled": True,
        "VisibilityTimeout": described.visibility_timeout_seconds,
        "DelaySeconds": described.delay_seconds,
    }
    if described.receive_wait_seconds:
        properties["ReceiveMessageWaitTimeSeconds"] = described.receive_wait_seconds
    if described.maximum_message_bytes != LONGEST:
        properties["MaximumMessageSize"] = described.maximum_message_bytes
    if described.is_fifo:
        properties |= {"FifoQueue": True, "ContentBasedDeduplication": described.deduplicates_by_content}
        if described.deduplicates_by_group:
            properties |= {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    if described.dead_letter_queue is not None:
        properties["RedrivePolicy"] = {
            "deadLetterTargetArn": att(queue_id(described.dead_letter_queue)),
            "maxReceiveCount": described.maximum_receives,
        }
    return {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": properties,
    }
