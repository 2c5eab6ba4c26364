"""What SQS refuses of messages and of a queue's attributes, each as code and text. Pure.

[DOC] sqs-api:API_SendMessage, API_SetQueueAttributes; [REC] ls-snap test_sqs.py for the words
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ...foundation.json_bytes import parsed_json, text_of

Refusal = tuple[str, str]
"""Code and message of an error."""

REDRIVE: Final = "RedrivePolicy"
MOST_ENTRIES: Final = 10
"""How many a batch may have."""
_VALUE: Final = "InvalidParameterValue"
_NO_TEXT: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_DIGITS: Final = 18
"""Of any number that an attribute of a queue may have, and more."""
_NUMBER: Final = re.compile(r"[+-]?(\d++\.?\d*|\.\d+)([eE][+-]?\d+)?")
_RESERVED: Final = re.compile(r"(?i)(aws|amazon)\.")
_NAME: Final = re.compile(r"[\w-]{1,80}", re.ASCII)
_FIFO_NAME: Final = re.compile(r"[\w-]{1,75}\.fifo", re.ASCII)
_ENTRY: Final = re.compile(r"[\w-]{1,80}", re.ASCII)
_MOST_ATTRIBUTES: Final = 10
_CHARACTERS: Final = "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
_INVALID: Final = f"Invalid characters found. Valid unicode characters are {_CHARACTERS}"
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


GONE: Final = "Message does not exist or is not available for visibility timeout change."
EXPIRED: Final = "The receipt handle has expired."
NO_BODY: Final = "MissingParameter", "The request must contain the parameter MessageBody."


def invalid(value: object, parameter: str, why: str) -> Refusal:
    """How a parameter's value is refused."""
    return _VALUE, f"Value {value} for parameter {parameter} is invalid. Reason: {why}"


def of_name(name: str, *, is_fifo: bool) -> Refusal | None:
    """What is wrong with the name of a queue that is made; None: nothing.

    [USR] boto/botocore #3058, mapbox/cloudfriend #94
    """
    if is_fifo and _FIFO_NAME.fullmatch(name) is None:
        only = "can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix"
        return _VALUE, f"The name of a FIFO queue {only} and be 1 to 80 in length."
    if not is_fifo and _NAME.fullmatch(name) is None:
        return _VALUE, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    return None


def of_message(
    body: str | None, attributes: Mapping[str, Mapping[str, Any]], *, group: str | None, same: str | None, is_fifo: bool
) -> Refusal | None:
    """What is wrong with a message; None: nothing. ``same`` is its deduplication id."""
    if not body:
        return NO_BODY
    if _NO_TEXT.search(body) is not None:
        return "InvalidMessageContents", _INVALID
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
    if not kind.startswith("Binary") and _NO_TEXT.search(str(value)) is not None:
        return _VALUE, _INVALID
    if kind.startswith("Number") and _NUMBER.fullmatch(str(value)) is None:
        return _VALUE, f"Can't cast the value of message (user) attribute '{name}' to a number."
    return None


def of_fifo(*, group: str | None, same: str | None, is_by_content: bool) -> Refusal | None:
    """What a message for a FIFO queue lacks; None: nothing. ``is_by_content`` where its body may tell doubles."""
    if group is None:
        return "MissingParameter", "The request must contain the parameter MessageGroupId."
    if same is None and not is_by_content:
        ways = "ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
        return _VALUE, f"The queue should either have {ways}"
    return None


def of_seconds(seconds: int, parameter: str) -> Refusal | None:
    """Why a message is not delayed or hidden for so long; None: it is. [INF] the words of the latter"""
    low, high = _RANGES[parameter]
    if low <= seconds <= high:
        return None
    must = "Must be" if parameter == "VisibilityTimeout" else f"{parameter} must be"
    end = ", if provided." if parameter == "VisibilityTimeout" else "."
    return invalid(seconds, parameter, f"{must} >= {low} and <= {high}{end}")


def of_batch(ids: Sequence[str], kind: str) -> Refusal | None:
    """What is wrong with a batch of entries of these ids; None: nothing. ``kind`` is what is done: ``SendMessage``."""
    if not ids:
        text = f"There should be at least one {kind}BatchRequestEntry in the request."
        return "AWS.SimpleQueueService.EmptyBatchRequest", text
    if len(ids) > MOST_ENTRIES:
        most = f"Maximum number of entries per request are {MOST_ENTRIES}."
        return "TooManyEntriesInBatchRequest", f"{most} You have sent {len(ids)}."
    if not all(_ENTRY.fullmatch(each) for each in ids):
        only = "can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
        return "InvalidBatchEntryId", f"A batch entry id {only}"
    if (double := next((each for each in ids if ids.count(each) > 1), None)) is not None:
        return "BatchEntryIdsNotDistinct", f"Id {double} repeated."
    return None


def of_batch_bytes(total: int) -> Refusal | None:
    """Whether so many bytes of messages are too many for a batch; None: they are not."""
    most = _RANGES["MaximumMessageSize"][1]
    if total <= most:
        return None
    return "BatchRequestTooLong", f"Batch requests cannot be longer than {most} bytes. You have sent {total} bytes."


def of_visibility(handle: str, seconds: int, *, worked_on_seconds: float | None) -> Refusal | None:
    """Why a message cannot be hidden for so long from now on; None: it can.

    ``worked_on_seconds`` is how long ago it was received, from which on it may be hidden for 12 hours, None of one that
    was deleted. [DOC] sqs-api:API_ChangeMessageVisibility; [USR] aws-sdk-net #794
    """
    if (refused := of_seconds(seconds, "VisibilityTimeout")) is not None:
        return refused
    if worked_on_seconds is None:
        return invalid(handle, "ReceiptHandle", GONE)
    most = _RANGES["VisibilityTimeout"][1]
    if worked_on_seconds + seconds <= most:
        return None
    return invalid(
        seconds, "VisibilityTimeout", f"Total VisibilityTimeout for the message is beyond the limit [{most} seconds]"
    )


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
        if name in _WORDS and not is_fifo:
            return "InvalidAttributeName", f"You can specify the {name} only when FifoQueue is set to true."
        if not is_known or (name in _OF_FIFO and not is_fifo):
            return "InvalidAttributeName", f"Unknown Attribute {name}."
        if name == "FifoQueue" and str(value).lower() == "false":
            why = "Modifying queue type is not supported."
            return "InvalidAttributeValue", f"Invalid value for the parameter FifoQueue. Reason: {why}"
        if not _is_right(name, str(value)):
            return "InvalidAttributeValue", f"Invalid value for the parameter {name}."
    return None


def _is_right(name: str, value: str) -> bool:
    if name in _RANGES:
        low, high = _RANGES[name]
        return value.isascii() and value.isdigit() and len(value) <= _DIGITS and low <= int(value) <= high
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
