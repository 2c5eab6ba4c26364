"""What SNS does not take as a message, each as code and text. Pure.

[DOC] sns-api:API_Publish, API_PublishBatch; [REC] ls-snap test_sns.py for the words
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...event_sources.queues.checks import message_bytes
from ...foundation.json_bytes import parsed_json

Refusal = tuple[str, str]
"""Code and message of an error."""

BATCH: Final = 10
"""How many messages are published with one request at most."""
_LONGEST: Final = 256 * 1024
"""Bytes of a message with its attributes, and of all that one request has."""
_LONGEST_SUBJECT: Final = 100
_LONGEST_NAME: Final = 256
_LONGEST_ID: Final = 80
_CONTROLS: Final = re.compile("[\0-\x1f\x7f-\x9f]")
_NO_NAME: Final = re.compile(r"[^\w.-]", re.ASCII)
_NO_ID: Final = re.compile(r"[^\w-]", re.ASCII)
_FIELDS: Final = {"String": "String", "Number": "String", "Binary": "Binary"}
"""Types of attributes, and the field that has their values."""
_ATTRIBUTE: Final = "ParameterValueInvalid"


def _parameter(why: str) -> Refusal:
    return "InvalidParameter", f"Invalid parameter: {why}"


def refused_message(given: Mapping[str, Any]) -> Refusal | None:
    """What is wrong with the message of a request, or of an entry of a batch, as the API has it; None: nothing."""
    text, subject, attributes = (
        str(given.get("Message") or ""),
        given.get("Subject"),
        given.get("MessageAttributes") or {},
    )
    if not text:
        return _parameter("Empty message")
    if subject is not None and (not 0 < len(subject) <= _LONGEST_SUBJECT or _CONTROLS.search(subject) is not None):
        return _parameter("Subject")
    for name, each in attributes.items():
        if (why := _refused_attribute(str(name), each)) is not None:
            return _ATTRIBUTE, why
    if message_bytes(text, attributes) > _LONGEST:
        return _parameter("Message too long")
    return _refused_structure(text) if given.get("MessageStructure") == "json" else None


def _refused_structure(text: str) -> Refusal | None:
    try:
        content = parsed_json(text)
    except ValueError:
        return _parameter("Message Structure - JSON message body failed to parse")
    if isinstance(content, dict) and isinstance(content.get("default"), str):
        return None
    return _parameter("Message Structure - No default entry in JSON message body")


def _refused_attribute(name: str, given: object) -> str | None:
    if (why := _refused_name(name)) is not None:
        return why
    attribute = given if isinstance(given, Mapping) else {}  # as one without a value
    kind = str(attribute.get("DataType") or "").partition(".")[0]
    who = f"The message attribute '{name}'"
    if kind not in _FIELDS:
        supported = "the set of supported type prefixes is Binary, Number, and String."
        return f"{who} has an invalid message attribute type, {supported}"
    field, other = _FIELDS[kind], "String" if kind == "Binary" else "Binary"
    if attribute.get(f"{other}Value"):
        return f"{who} with type '{kind}' must use field '{field}'."
    value = attribute.get(f"{field}Value")
    if not value:
        return f"{who} must contain non-empty message attribute value for message attribute type '{kind}'."
    if kind == "Number":
        try:
            float(value)
        except ValueError:
            return f"Could not cast message attribute '{name}' value to number."
    return None


def _refused_name(name: str) -> str | None:
    if len(name.encode()) > _LONGEST_NAME:
        return "Length of message attribute name must be less than 256 bytes."
    if (sign := _NO_NAME.search(name)) is not None:
        allowed = "Can only include alphanumeric characters, hyphens, underscores, or dots."
        found = f"Invalid non-alphanumeric character '#x{ord(sign[0]):X}' was found in the message attribute name."
        return f"{found} {allowed}"
    if name.startswith("."):
        return "Invalid message attribute name starting with character '.' was found."
    if name.endswith("."):
        return "Invalid message attribute name ending with character '.' was found."
    return "Message attribute name can not have successive '.' character." if ".." in name else None


def refused_order(*, is_fifo: bool, group: str | None, is_told_apart: bool) -> Refusal | None:
    """What a message of a topic that is FIFO lacks; None: nothing.

    ``is_told_apart``: it has a deduplication id, or its topic makes one of the content.
    """
    if is_fifo and not group:
        return _parameter("The MessageGroupId parameter is required for FIFO topics")
    if is_fifo and not is_told_apart:
        either = "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
        return _parameter(f"{either} explicitly")
    return None


def refused_batch(entries: Sequence[Mapping[str, Any]]) -> Refusal | None:
    """What is wrong with a batch as a whole, or with one of its messages, so that none is published; None: nothing."""
    if len(entries) > BATCH:
        return "TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible."
    names = [str(each.get("Id") or "") for each in entries]
    for name in names:
        of = "The Id of a batch entry in the batch request"
        if len(name) > _LONGEST_ID:
            return "InvalidBatchEntryId", f"{of} is too long: {name}"
        if not name or _NO_ID.search(name) is not None:
            return "InvalidBatchEntryId", f"{of} contains an impermissible character: {name}"
    if len(set(names)) < len(names):
        return "BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id."
    total = sum(message_bytes(str(each.get("Message") or ""), each.get("MessageAttributes") or {}) for each in entries)
    if total > _LONGEST:
        return "BatchRequestTooLong", "The length of all the messages put together is more than the limit."
    return next(filter(None, map(refused_message, entries)), None)
