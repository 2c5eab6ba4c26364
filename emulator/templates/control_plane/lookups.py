"""What asks a service whether it has something of a name. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
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
_LOOKUPS: Final[Mapping[str, tuple[str, Callable[[str, str], Lookup]]]] = {
    "AWS::DynamoDB::Table": ("TableName", _TABLE),
    "AWS::DynamoDB::GlobalTable": ("TableName", _TABLE),
    "AWS::SQS::Queue": ("QueueName", _json("sqs", "AmazonSQS.GetQueueUrl", "QueueName")),
    "AWS::S3::Bucket": ("BucketName", _bucket),
    "AWS::SNS::Topic": ("TopicName", _topic),
    "AWS::Kinesis::Stream": ("Name", _json("kinesis", "Kinesis_20131202.DescribeStreamSummary", "StreamName")),
    "AWS::SSM::Parameter": ("Name", _json("ssm", "AmazonSSM.GetParameter", "Name")),
    "AWS::SecretsManager::Secret": ("Name", _json("secretsmanager", "secretsmanager.DescribeSecret", "SecretId")),
    "AWS::Events::EventBus": ("Name", _json("events", "AWSEvents.DescribeEventBus", "Name")),
    "AWS::StepFunctions::StateMachine": (
        "StateMachineName",
        _json("states", "AWSStepFunctions.DescribeStateMachine", "stateMachineArn"),
    ),
}
"""Types of which an account has one of a name: the property that gives it, and what asks for it."""


def lookup(kind: str, name: str, arn: str = "") -> Lookup | None:
    """What asks for a thing of a type; ``arn`` is for those that are asked for by it. None: nothing asks for such."""
    found = _LOOKUPS.get(kind)
    return None if found is None else found[1](name, arn)


def stream(arn: str) -> Lookup:
    """What asks for a table's stream, which is another one each time that it is switched on."""
    return Lookup(
        service="dynamodb",
        target="DynamoDBStreams_20120810.DescribeStream",
        body=json.dumps({"StreamArn": arn}).encode(),
    )


def given_name(kind: str, properties: Mapping[str, Any]) -> str | None:
    """The name that a resource says to have, if an account has one of a name; None: it has one that was made for it."""
    found = _LOOKUPS.get(kind)
    name = None if found is None else properties.get(found[0])
    return name if isinstance(name, str) and name else None
