"""What SQS refuses."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.event_sources.queues.checks import (
    message_bytes,
    of_attributes,
    of_batch,
    of_batch_bytes,
    of_fifo,
    of_message,
    of_name,
    of_redrive,
    of_seconds,
    of_visibility,
)

TEXT = {"DataType": "String", "StringValue": "x"}
LONG_NUMBER = {"DataType": "Number", "StringValue": "1" * 250_000 + "x"}
"""As much as a message may hold: it must take no longer than any other."""


@pytest.mark.parametrize(
    ("body", "attributes", "more", "code", "why"),
    [
        ("", {}, {}, "MissingParameter", "MessageBody"),
        (None, {}, {}, "MissingParameter", "MessageBody"),
        ("a\x00b", {}, {}, "InvalidMessageContents", "Invalid characters found"),
        ("\ufffe", {}, {}, "InvalidMessageContents", "Invalid characters found"),
        ("a", {}, {"group": "a b"}, "InvalidParameterValue", "MessageGroupId can only include"),
        ("a", {}, {"group": "x" * 129}, "InvalidParameterValue", "MessageGroupId can only include"),
        ("a", {}, {"same": "\u00fc", "is_fifo": True}, "InvalidParameterValue", "MessageDeduplicationId can only"),
        ("a", {}, {"same": "x"}, "InvalidParameterValue", "not valid for this queue type"),
        ("a", {f"n{n}": TEXT for n in range(11)}, {}, "InvalidParameterValue", "[11] exceeds the allowed maximum [10]"),
        ("a", {"aws.x": TEXT}, {}, "InvalidParameterValue", "reserved"),
        ("a", {"x": {"DataType": "String", "StringValue": ""}}, {}, "InvalidParameterValue", "value of type 'String'"),
        ("a", {"x": {"DataType": "Binary.png"}}, {}, "InvalidParameterValue", "value of type 'Binary'"),
        ("a", {"x": {"DataType": "String", "StringValue": "\x08"}}, {}, "InvalidParameterValue", "Invalid characters"),
        ("a", {"x": {"DataType": "Number", "StringValue": "1x"}}, {}, "InvalidParameterValue", "to a number"),
        pytest.param("a", {"x": LONG_NUMBER}, {}, "InvalidParameterValue", "to a number", id="nearly a number"),
    ],
)
def test_a_message_is_refused(body: Any, attributes: Any, more: Any, code: str, why: str) -> None:
    refused = of_message(body, attributes, **{"group": None, "same": None, "is_fifo": False, **more})

    assert refused is not None
    assert refused[0] == code
    assert why in refused[1]


@pytest.mark.parametrize(
    ("body", "attributes", "more"),
    [
        ("a\tb\r\n\u00fc\U0001f600", {}, {}),
        ("a", {"x": TEXT, "b": {"DataType": "Binary", "BinaryValue": b"\0"}}, {}),
        ("a", {"x": {"DataType": "Number.int", "StringValue": "-1.5e3"}}, {}),
        ("a", {}, {"group": "fair"}),
        ("a", {}, {"group": "a", "same": "!~", "is_fifo": True}),
    ],
)
def test_a_message_is_taken(body: str, attributes: Any, more: Any) -> None:
    assert of_message(body, attributes, **{"group": None, "same": None, "is_fifo": False, **more}) is None


@pytest.mark.parametrize(
    ("refused", "code", "why"),
    [
        (
            of_name("jobs", is_fifo=True),
            "InvalidParameterValue",
            "must end with .fifo suffix and be 1 to 80 in length.",
        ),
        (of_name("jobs.fifo", is_fifo=False), "InvalidParameterValue", "Can only include alphanumeric characters"),
        (of_name("x" * 81, is_fifo=False), "InvalidParameterValue", "1 to 80 in length"),
        (of_fifo(group=None, same="x", is_by_content=True), "MissingParameter", "the parameter MessageGroupId."),
        (of_fifo(group="g", same=None, is_by_content=False), "InvalidParameterValue", "provided explicitly"),
        (
            of_batch([], "SendMessage"),
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "one SendMessageBatchRequestEntry in",
        ),
        (of_batch(["x"] * 11, "x"), "TooManyEntriesInBatchRequest", "You have sent 11."),
        (of_batch(["a:b"], "x"), "InvalidBatchEntryId", "hyphens and underscores."),
        (of_batch(["a", "b", "a"], "x"), "BatchEntryIdsNotDistinct", "Id a repeated."),
        (of_batch_bytes(1_048_577), "BatchRequestTooLong", "longer than 1048576 bytes. You have sent 1048577 bytes."),
        (of_seconds(-1, "DelaySeconds"), "InvalidParameterValue", "Reason: DelaySeconds must be >= 0 and <= 900."),
        (
            of_visibility("h", -1, worked_on_seconds=1),
            "InvalidParameterValue",
            "Must be >= 0 and <= 43200, if provided.",
        ),
        (of_visibility("h", 1, worked_on_seconds=None), "InvalidParameterValue", "Value h for parameter ReceiptHandle"),
        (of_visibility("h", 3_601, worked_on_seconds=39_600), "InvalidParameterValue", "the limit [43200 seconds]"),
        (of_name("jobs.fifo", is_fifo=True), None, ""),
        (of_fifo(group="g", same=None, is_by_content=True), None, ""),
        (of_batch([str(number) for number in range(10)], "x"), None, ""),
        (of_batch_bytes(1_048_576), None, ""),
        (of_visibility("h", 3_600, worked_on_seconds=39_600), None, ""),
    ],
)
def test_what_is_asked_of_a_queue_is_taken_or_refused(refused: Any, code: str | None, why: str) -> None:
    assert (refused or (None, ""))[0] == code
    assert why in (refused or (None, ""))[1]


def test_a_message_is_as_long_as_its_bytes_and_attributes() -> None:
    attributes: dict[str, dict[str, Any]] = {"x": TEXT, "b": {"DataType": "Binary", "BinaryValue": b"123"}}
    assert message_bytes("\u00fc", attributes) == 2 + len("xStringx") + len("bBinary123")


@pytest.mark.parametrize(
    ("given", "is_fifo", "refused"),
    [
        ({"VisibilityTimeout": "0", "DelaySeconds": 900, "Policy": "", "SqsManagedSseEnabled": "true"}, False, None),
        ({"FifoQueue": "true", "DeduplicationScope": "messageGroup"}, True, None),
        ({"VisibilityTimeout": "43201"}, False, ("InvalidAttributeValue", "VisibilityTimeout")),
        ({"VisibilityTimeout": "9" * 5000}, False, ("InvalidAttributeValue", "VisibilityTimeout")),
        ({"ReceiveMessageWaitTimeSeconds": "x"}, False, ("InvalidAttributeValue", "ReceiveMessageWaitTimeSeconds")),
        ({"ContentBasedDeduplication": "1"}, True, ("InvalidAttributeValue", "ContentBasedDeduplication")),
        ({"DeduplicationScope": "all"}, True, ("InvalidAttributeValue", "DeduplicationScope")),
        ({"Policy": '{"Version":"2012-10-17"}'}, False, None),
        ({"Policy": "{"}, False, ("InvalidAttributeValue", "Invalid value for the parameter Policy.")),
        ({"RedriveAllowPolicy": "[]"}, False, ("InvalidAttributeValue", "RedriveAllowPolicy")),
        ({"Foo": "1"}, False, ("InvalidAttributeName", "Unknown Attribute Foo.")),
        ({"ContentBasedDeduplication": "true"}, False, ("InvalidAttributeName", "ContentBasedDeduplication")),
        ({"DeduplicationScope": "queue"}, False, ("InvalidAttributeName", "only when FifoQueue is set to true.")),
        ({"FifoQueue": "false"}, False, ("InvalidAttributeName", "Unknown Attribute FifoQueue.")),
        ({"FifoQueue": "false"}, True, ("InvalidAttributeValue", "Modifying queue type is not supported.")),
    ],
)
def test_attributes_are_taken_or_refused(given: Any, is_fifo: bool, refused: Any) -> None:
    found = of_attributes(given, is_fifo=is_fifo)

    assert (found is None) == (refused is None)
    if found is not None:
        assert found[0] == refused[0]
        assert refused[1] in found[1]


TARGET = "arn:aws:sqs:us-east-1:123456789012:lost"


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ("", None),
        ({}, None),
        (f'{{"deadLetterTargetArn":"{TARGET}","maxReceiveCount":"3"}}', ("lost", 3)),
        ({"deadLetterTargetArn": TARGET, "maxReceiveCount": 3}, ("lost", 3)),
        ("{", "not a valid JSON map"),
        ({"deadLetterTargetArn": TARGET}, "not a valid JSON map"),
        ({"deadLetterTargetArn": TARGET, "maxReceiveCount": 1001}, "valid values are from 1 to 1000"),
        ({"deadLetterTargetArn": f"{TARGET}x", "maxReceiveCount": 3}, "does not exist"),
        ({"deadLetterTargetArn": f"{TARGET}.fifo", "maxReceiveCount": 3}, "must be same type of queue"),
    ],
)
def test_dead_letters_go_somewhere_or_the_policy_is_refused(policy: Any, found: Any) -> None:
    is_there = {"lost", "lost.fifo"}.__contains__
    told = of_redrive(policy, is_fifo=False, is_there=is_there)
    if isinstance(found, str):
        assert told is not None
        assert told[0] == "InvalidParameterValue"
        assert found in str(told[1])
    else:
        assert told == found
