"""What a service's model says of requests."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from emulator.foundation.modelled import Fault, fault_of

LENGTH = "Member must have length"
BROKEN = "failed to satisfy constraint:"


@pytest.mark.parametrize(
    ("service", "operation", "given", "fault"),
    [
        ("sqs", "ReceiveMessage", {"QueueUrl": "x", "MaxNumberOfMessages": 1}, None),
        ("sqs", "ReceiveMessage", {"QueueUrl": "x", "MaxNumberOfMessages": None, "Unknown": 1}, None),
        ("sqs", "RotateQueue", {"QueueUrl": 1}, None),
        ("sqs", "SendMessage", {"DelaySeconds": "1"}, Fault("STRING_VALUE can not be converted to an Integer")),
        ("sqs", "SendMessage", {"DelaySeconds": True}, Fault("TRUE_VALUE can not be converted to an Integer")),
        ("sqs", "SendMessage", {"MessageBody": 1}, Fault("NUMBER_VALUE can not be converted to a String")),
        ("sqs", "SendMessage", {"MessageBody": []}, Fault("Start of list found where not expected")),
        ("sqs", "SendMessage", {"MessageAttributes": "x"}, Fault("Unexpected field type")),
        ("sqs", "SendMessage", [], Fault("Start of list found where not expected")),
        ("sqs", "SendMessageBatch", {"Entries": {}}, Fault("Start of structure or map found where not expected")),
        ("sqs", "SendMessageBatch", {"Entries": [None]}, Fault("Unexpected value type in payload")),
        (
            "sqs",
            "SendMessageBatch",
            {"QueueUrl": "x", "Entries": [{"Id": "1"}]},
            Fault("", ("entries.1.member.messageBody",)),
        ),
        ("kms", "Decrypt", {"CiphertextBlob": "ü"}, Fault("The value is not valid base64")),
        ("events", "PutEvents", {"Entries": [{"Time": "x"}]}, Fault("STRING_VALUE can not be converted to a Date")),
        (
            "kinesis",
            "ListStreams",
            {"Limit": -1},
            Fault("", outside=(f"Value '-1' at 'limit' {BROKEN} Member must have value greater than or equal to 1",)),
        ),
        (
            "ssm",
            "GetParameters",
            {"Names": ["a", "b"] * 6},
            Fault(
                "",
                outside=(
                    f"Value '[{', '.join(['a', 'b'] * 6)}]' at 'names' {BROKEN} {LENGTH} less than or equal to 10",
                ),
            ),
        ),
        (
            "kms",
            "Encrypt",
            {"KeyId": "", "Plaintext": base64.b64encode(b"x" * 4_097).decode()},
            Fault(
                "",
                outside=(
                    f"Value '' at 'keyId' {BROKEN} {LENGTH} greater than or equal to 1",
                    f"Value at 'plaintext' {BROKEN} {LENGTH} less than or equal to 4096",
                ),
            ),
        ),
        ("kms", "Encrypt", {"KeyId": "x", "Plaintext": base64.b64encode(b"x" * 4_096).decode()}, None),
        (
            "secretsmanager",
            "CreateSecret",
            {"Name": "x", "SecretString": "secret" * 11_000},
            Fault("", outside=(f"Value at 'secretString' {BROKEN} {LENGTH} less than or equal to 65536",)),
        ),
        (
            "events",
            "PutEvents",
            {"Entries": []},
            Fault("", outside=(f"Value '[]' at 'entries' {BROKEN} {LENGTH} greater than or equal to 1",)),
        ),
        ("events", "PutEvents", {"Entries": [{}] * 11}, None),
        ("ssm", "GetParameter", {"WithDecryption": 1}, Fault("NUMBER_VALUE can not be converted to a Boolean")),
        ("ssm", "GetParameter", {"Name": None}, Fault("", ("name",))),
        ("kinesis", "GetShardIterator", {"Timestamp": {}}, Fault("Start of structure or map found where not expected")),
    ],
)
def test_a_request_has_the_shapes_of_its_model(service: str, operation: str, given: Any, fault: Fault | None) -> None:
    assert fault_of(service, operation, given) == fault


def test_what_is_null_is_as_good_as_missing() -> None:
    given = {"Name": "x", "WithDecryption": None}

    assert fault_of("ssm", "GetParameter", given) is None
    assert given == {"Name": "x"}


def test_what_is_wrong_is_told_in_one_text() -> None:
    missing = f"Value null at 'name' {BROKEN} Member must not be null"

    assert Fault("", ("name",)).validation == f"1 validation error detected: {missing}"
    assert Fault("", ("name",), ("x",)).validation == f"2 validation errors detected: x; {missing}"
