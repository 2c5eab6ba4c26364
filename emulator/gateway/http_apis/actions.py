"""Actions of services that HTTP APIs ask without a function. Pure data.

[DOC] apigw-docs:http-api-develop-integrations-aws-services-reference
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ACTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "EventBridge-PutEvents": ("events", "AWSEvents.PutEvents"),
    "Kinesis-PutRecord": ("kinesis", "Kinesis_20131202.PutRecord"),
    "SQS-DeleteMessage": ("sqs", "AmazonSQS.DeleteMessage"),
    "SQS-PurgeQueue": ("sqs", "AmazonSQS.PurgeQueue"),
    "SQS-ReceiveMessage": ("sqs", "AmazonSQS.ReceiveMessage"),
    "SQS-SendMessage": ("sqs", "AmazonSQS.SendMessage"),
    "StepFunctions-StartExecution": ("states", "AWSStepFunctions.StartExecution"),
    "StepFunctions-StartSyncExecution": ("states", "AWSStepFunctions.StartSyncExecution"),
    "StepFunctions-StopExecution": ("states", "AWSStepFunctions.StopExecution"),
}
"""Subtypes, each with the service and what its clients name the action. AppConfig's is not emulated."""
SUBTYPES: Final = frozenset(ACTIONS)
