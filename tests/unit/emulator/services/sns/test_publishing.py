"""What SNS takes as a message, and what as a batch. [REC] ls-snap test_sns.py, for the words."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.services.sns.publishing import refused_batch, refused_message, refused_order

STRUCTURE = "Invalid parameter: Message Structure - "
NON_EMPTY = "The message attribute 'a' must contain non-empty message attribute value for message attribute type "
NAMES = "Can only include alphanumeric characters, hyphens, underscores, or dots."


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, None),
        ({"Subject": "about \u00fc"}, None),
        ({"Message": ""}, "Invalid parameter: Empty message"),
        ({"Subject": ""}, "Invalid parameter: Subject"),
        ({"Subject": "two\nlines"}, "Invalid parameter: Subject"),
        ({"Subject": "x" * 101}, "Invalid parameter: Subject"),
        ({"Message": "x" * 262_145}, "Invalid parameter: Message too long"),
        ({"Message": "x" * 262_144}, None),
        ({"Message": "x", "MessageStructure": "json"}, f"{STRUCTURE}JSON message body failed to parse"),
        ({"Message": '{"sqs": "x"}', "MessageStructure": "json"}, f"{STRUCTURE}No default entry in JSON message body"),
        (
            {"Message": '{"default": {}}', "MessageStructure": "json"},
            f"{STRUCTURE}No default entry in JSON message body",
        ),
        ({"Message": '{"default": "x"}', "MessageStructure": "json"}, None),
    ],
)
def test_a_message_is_taken_or_refused(given: dict[str, Any], why: str | None) -> None:
    assert refused_message({"Message": "a", **given}) == (None if why is None else ("InvalidParameter", why))


@pytest.mark.parametrize(
    ("name", "attribute", "why"),
    [
        ("a", {"DataType": "String", "StringValue": "x"}, None),
        ("a", {"DataType": "String.Array", "StringValue": "[]"}, None),
        ("a", {"DataType": "Number", "StringValue": "-1.5e3"}, None),
        ("a", {"DataType": "Binary", "BinaryValue": b"x"}, None),
        ("a", {"DataType": "String", "StringValue": ""}, f"{NON_EMPTY}'String'."),
        ("a", {"DataType": "Binary", "BinaryValue": b""}, f"{NON_EMPTY}'Binary'."),
        (
            "a",
            {"DataType": "String", "BinaryValue": b"x"},
            "The message attribute 'a' with type 'String' must use field 'String'.",
        ),
        (
            "a",
            {"DataType": "Number", "BinaryValue": b"x"},
            "The message attribute 'a' with type 'Number' must use field 'String'.",
        ),
        (
            "a",
            {"DataType": "Binary", "StringValue": "x"},
            "The message attribute 'a' with type 'Binary' must use field 'Binary'.",
        ),
        ("a", {"DataType": "Number", "StringValue": "x"}, "Could not cast message attribute 'a' value to number."),
        (
            "a",
            {"DataType": "Text", "StringValue": "x"},
            "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is "
            "Binary, Number, and String.",
        ),
        (".a", {}, "Invalid message attribute name starting with character '.' was found."),
        ("a.", {}, "Invalid message attribute name ending with character '.' was found."),
        ("a..b", {}, "Message attribute name can not have successive '.' character."),
        ("a" * 257, {}, "Length of message attribute name must be less than 256 bytes."),
        (
            "a^",
            {},
            f"Invalid non-alphanumeric character '#x5E' was found in the message attribute name. {NAMES}",
        ),
    ],
)
def test_an_attribute_is_taken_or_refused(name: str, attribute: dict[str, Any], why: str | None) -> None:
    found = refused_message({"Message": "a", "MessageAttributes": {name: attribute}})
    assert found == (None if why is None else ("ParameterValueInvalid", why))


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([("1", "a"), ("2", "b")], None),
        ([("1", "a"), ("1", "b")], "BatchEntryIdsNotDistinct"),
        ([(str(each), "a") for each in range(11)], "TooManyEntriesInBatchRequest"),
        ([("a.b", "a")], "InvalidBatchEntryId"),
        ([("a" * 81, "a")], "InvalidBatchEntryId"),
        ([(str(each), "x" * 60_000) for each in range(5)], "BatchRequestTooLong"),
        ([("1", "a"), ("2", "")], "InvalidParameter"),
    ],
)
def test_a_batch_is_taken_or_refused_as_a_whole(entries: list[tuple[str, str]], code: str | None) -> None:
    found = refused_batch([{"Id": name, "Message": text} for name, text in entries])
    assert (None if found is None else found[0]) == code


def test_a_fifo_topic_wants_a_group_and_something_that_tells_messages_apart() -> None:
    assert refused_order(is_fifo=False, group=None, is_told_apart=False) is None
    assert refused_order(is_fifo=True, group="g", is_told_apart=True) is None
    lacks_group = refused_order(is_fifo=True, group=None, is_told_apart=True)
    assert lacks_group == (
        "InvalidParameter",
        "Invalid parameter: The MessageGroupId parameter is required for FIFO topics",
    )
    lacks_id = refused_order(is_fifo=True, group="g", is_told_apart=False)
    assert lacks_id is not None
    assert "ContentBasedDeduplication enabled or MessageDeduplicationId" in lacks_id[1]
