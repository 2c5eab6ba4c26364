"""What asks a service whether it has something of a name. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote, urlencode

from msgspec import Struct


class Lookup(Struct, frozen=True, kw_only=True):
    """A request that is answered with 200 if the thing is there, and refused if it is not."""

    service: str
    """``dynamodb``, ``sqs``, or a service as requests are signed for it."""
    method: str = "POST"
    path: str = "/"
    target: str = ""
    """For ``X-Amz-Target``; empty: none."""
    body: bytes = b""


def _json(service: str, target: str, name: str) -> Callable[[str, str], Lookup]:
    def make(value: str, arn: str) -> Lookup:
        said = value if not name.endswith("Arn") else arn
        return Lookup(service=service, target=target, body=json.dumps({name: said}).encode())

    return make


def _bucket(name: str, arn: str) -> Lookup:
    return Lookup(service="s3", method="HEAD", path=f"/{quote(name)}")


def _topic(name: str, arn: str) -> Lookup:
    asked = {"Action": "GetTopicAttributes", "TopicArn": arn, "Version": "2010-03-31"}
    return Lookup(service="sns", body=urlencode(asked).encode())


_TABLE: Final = _json("dynamodb", "DynamoDB_20120810.DescribeTable", "TableName")
_LOOKUPS: Final[Mapping[str, Callable[[str, str], Lookup]]] = {
    "AWS::DynamoDB::Table": _TABLE,
    "AWS::DynamoDB::GlobalTable": _TABLE,
    "AWS::SQS::Queue": _json("sqs", "AmazonSQS.GetQueueUrl", "QueueName"),
    "AWS::S3::Bucket": _bucket,
    "AWS::SNS::Topic": _topic,
    "AWS::Kinesis::Stream": _json("kinesis", "Kinesis_20131202.DescribeStreamSummary", "StreamName"),
    "AWS::SSM::Parameter": _json("ssm", "AmazonSSM.GetParameter", "Name"),
    "AWS::SecretsManager::Secret": _json("secretsmanager", "secretsmanager.DescribeSecret", "SecretId"),
    "AWS::Events::EventBus": _json("events", "AWSEvents.DescribeEventBus", "Name"),
    "AWS::StepFunctions::StateMachine": _json("states", "AWSStepFunctions.DescribeStateMachine", "stateMachineArn"),
}
"""Types of which an account has one of a name, and keeps it without a stack."""


def lookup(kind: str, name: str, arn: str = "") -> Lookup | None:
    """What asks for a thing of a type; ``arn`` is for those that are asked for by it. None: nothing asks for such."""
    make = _LOOKUPS.get(kind)
    return None if make is None else make(name, arn)


def stream(arn: str) -> Lookup:
    """What asks for a table's stream, which is another one each time that it is switched on."""
    return Lookup(
        service="dynamodb",
        target="DynamoDBStreams_20120810.DescribeStream",
        body=json.dumps({"StreamArn": arn}).encode(),
    )
