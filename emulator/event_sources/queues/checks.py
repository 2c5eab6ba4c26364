"""What SQS refuses of messages and of a queue's attributes, each as code and text. Pure.

[DOC] sqs-api:API_SendMessage, API_SetQueueAttributes; [REC] ls-snap test_sqs.py for the words
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ...foundation.json_bytes import parsed_json, text_of

Refusal = tuple[str, str]
"""Code and message of an error."""

REDRIVE: Final = "RedrivePolicy"
_VALUE: Final = "InvalidParameterValue"
_NO_TEXT: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_RESERVED: Final = re.compile(r"(?i)(aws|amazon)\.")
_MOST_ATTRIBUTES: Final = 10
_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "DelaySeconds": (0, 900),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
_FLAGS: Final = ("ContentBasedDeduplication", "FifoQueue", "SqsManagedSseEnabled")
_WORDS: Final = {
    "DeduplicationScope": ("messageGroup", "queue"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_MAPS: Final = ("Policy", "RedriveAllowPolicy")
_OTHERS: Final = ("KmsMasterKeyId", REDRIVE, *_MAPS)
_OF_FIFO: Final = ("ContentBasedDeduplication", "FifoQueue", *_WORDS)
_MOST_RECEIVES: Final = 1000


def invalid(value: object, parameter: str, why: str) -> Refusal:
    """How a parameter's value is refused."""
    return _VALUE, f"Value {value} for parameter {parameter} is invalid. Reason: {why}"


def of_message(
    body: str | None, attributes: Mapping[str, Mapping[str, Any]], *, group: str | None, same: str | None, is_fifo: bool
) -> Refusal | None:
    """What is wrong with a message; None: nothing. ``same`` is its deduplication id."""
    if not body:
        return "MissingParameter", "The request must contain the parameter MessageBody."
    if _NO_TEXT.search(body) is not None:
        valid = "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
        return "InvalidMessageContents", f"Invalid characters found. Valid unicode characters are {valid}"
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", same)):
        if value is not None and _ID.fullmatch(value) is None:
            why = f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            return invalid(value, name, why)
    if same is not None and not is_fifo:
        why = "The request includes a parameter that is not valid for this queue type."
        return invalid(same, "MessageDeduplicationId", why)
    if len(attributes) > _MOST_ATTRIBUTES:
        most = f"exceeds the allowed maximum [{_MOST_ATTRIBUTES}]"
        return _VALUE, f"Number of message attributes [{len(attributes)}] {most}."
    return next(filter(None, (_of_attribute(name, each) for name, each in attributes.items())), None)


def _of_attribute(name: str, attribute: Mapping[str, Any]) -> Refusal | None:
    kind = str(attribute.get("DataType", ""))
    value = attribute.get("BinaryValue" if kind.startswith("Binary") else "StringValue")
    if _RESERVED.match(name) is not None:
        why = "must not begin with AWS. or Amazon., which are reserved."
        return _VALUE, f"Message (user) attribute name '{name}' {why}"
    if not value:
        base = kind.partition(".")[0]
        return _VALUE, f"Message (user) attribute '{name}' must contain a non-empty value of type '{base}'."
    if kind.startswith("Number") and _NUMBER.fullmatch(str(value)) is None:
        return _VALUE, f"Can't cast the value of message (user) attribute '{name}' to a number."
    return None


def message_bytes(body: str, attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """How long a message is: its body, and names, types and values of its attributes. [DOC] sqs-docs:quotas-messages"""
    total = len(body.encode(errors="replace"))
    for name, each in attributes.items():
        value = each.get("BinaryValue", each.get("StringValue", ""))
        for part in (name, each.get("DataType", ""), value):
            total += len(part) if isinstance(part, bytes) else len(str(part).encode(errors="replace"))
    return total


def of_attributes(given: Mapping[str, Any], *, is_fifo: bool) -> Refusal | None:
    """What is wrong with attributes of a queue, apart from its redrive policy; None: nothing."""
    for name, value in given.items():
        is_known = name in (*_RANGES, *_FLAGS, *_WORDS, *_OTHERS)
        if not is_known or (name in _OF_FIFO and not is_fifo):
            return "InvalidAttributeName", f"Unknown Attribute {name}."
        if not _is_right(name, str(value)):
            return "InvalidAttributeValue", f"Invalid value for the parameter {name}."
    return None


def _is_right(name: str, value: str) -> bool:
    if name in _RANGES:
        low, high = _RANGES[name]
        return value.isascii() and value.isdigit() and low <= int(value) <= high
    if name in _FLAGS:
        return value.lower() in ("true", "false")
    if name in _MAPS and value:
        return _is_map(value)
    return name not in _WORDS or value in _WORDS[name]


def _is_map(value: str) -> bool:
    """Whether it is a JSON object. [USR] terraform-provider-aws #42209: the words for a policy that SQS cannot read."""
    try:
        return isinstance(parsed_json(value), dict)
    except ValueError:
        return False


def of_redrive(policy: Any, *, is_fifo: bool, is_there: Callable[[str], bool]) -> Refusal | tuple[str, int] | None:
    """Where dead letters go and after how many receives, or what is wrong; None: they stay.

    ``is_there`` says whether there is a queue of a name, in this Region and account.
    """
    if policy in ("", {}, None, "{}"):
        return None
    text = text_of(policy)
    try:
        content = parsed_json(text)
        target, times = str(content["deadLetterTargetArn"]), int(content["maxReceiveCount"])
    except (ValueError, TypeError, KeyError):
        return invalid(text, REDRIVE, "Redrive policy is not a valid JSON map.")
    name = target.rpartition(":")[2]
    if not 1 <= times <= _MOST_RECEIVES:
        why = f"Invalid value for maxReceiveCount: {times}, valid values are from 1 to {_MOST_RECEIVES} both inclusive."
    elif not is_there(name):
        why = "Dead letter target does not exist."
    elif name.endswith(".fifo") is not is_fifo:
        why = "Dead-letter queue must be same type of queue as the source."
    else:
        return name, times
    return invalid(text, REDRIVE, why)
