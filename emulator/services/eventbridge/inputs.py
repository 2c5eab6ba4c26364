"""What a rule's target gets of an event: the event, a part of it, a constant, or a text made of it. Pure.

[DOC] eb-docs:eb-transform-target-input
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from ...foundation.json_bytes import json_text, parsed_json, text_of

_STEP: Final = re.compile(r"\.([\w-]+)|\[(\d+)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]")
_VARIABLE: Final = re.compile(r"<([\w.-]+)>")
_MISSING: Final = object()


class Rule(NamedTuple):
    """The rule on whose behalf it is sent."""

    name: str
    arn: str


def refused(given: Mapping[str, Any]) -> tuple[str, str] | None:
    """Code and text for an event that is put and that EventBridge does not take; None: it may.

    [DOC] eb-api:API_PutEventsResultEntry; [REC] LocalStack's tests of PutEvents, for the words of a wrong detail
    """
    if not all(given.get(name) for name in ("Source", "DetailType", "Detail")):
        return None  # moto has the words for what is missing
    if str(given["Source"]).startswith("aws."):
        return "NotAuthorizedForSourceException", "Not authorized for the source."
    try:
        is_object = isinstance(parsed_json(given["Detail"]), dict)
    except ValueError:
        is_object = False
    return None if is_object else ("MalformedDetail", "Detail is malformed.")


def target_input(target: Mapping[str, Any], sent: Mapping[str, Any], rule: Rule, ingested: datetime) -> str:
    """The text that a target gets."""
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath") is not None:
        found = at_path(sent, str(target["InputPath"]))
        return json_text(None if found is _MISSING else found)
    transformer = target.get("InputTransformer")
    if not transformer:
        return json_text(sent)
    paths = transformer.get("InputPathsMap") or {}
    values = {name: at_path(sent, str(path)) for name, path in paths.items()}
    values |= {
        "aws.events.rule-arn": rule.arn,
        "aws.events.rule-name": rule.name,
        "aws.events.event.ingestion-time": f"{ingested:%Y-%m-%dT%H:%M:%SZ}",
        "aws.events.event": {name: value for name, value in sent.items() if name != "detail"},
        "aws.events.event.json": sent,
    }
    return filled(str(transformer["InputTemplate"]), values)


def filled(template: str, values: Mapping[str, Any]) -> str:
    """A template with its variables replaced.

    Within quotation marks a text stands as it is, and anything else as JSON with its own marks escaped; outside of them
    all is JSON. A variable whose path leads nowhere is an empty text. [?]
    """
    found, position, is_quoted = [], 0, False
    for match in _VARIABLE.finditer(template):
        if match[1] not in values:
            continue
        before = template[position : match.start()]
        is_quoted ^= _marks(before) % 2 == 1
        found += [before, _inserted(values[match[1]], is_quoted=is_quoted)]
        position = match.end()
    return "".join([*found, template[position:]])


def _inserted(value: Any, *, is_quoted: bool) -> str:
    if value is _MISSING:
        return "" if is_quoted else '""'
    if not is_quoted:
        return json_text(value)
    return json_text(text_of(value))[1:-1]


def _marks(text: str) -> int:
    """Quotation marks that are not escaped."""
    return len(re.findall(r'(?<!\\)(?:\\\\)*"', text))


def partition_key(target: Mapping[str, Any], sent: Mapping[str, Any]) -> str:
    """Of what goes to a stream: the text at the target's path, else the event's id.

    [DOC] eb-api:API_KinesisParameters
    """
    path = (target.get("KinesisParameters") or {}).get("PartitionKeyPath")
    found = None if path is None else at_path(sent, str(path))
    return found if isinstance(found, str) and found else str(sent["id"])


def at_path(content: Any, path: str) -> Any:
    """What is at a JSON path of names and indexes, such as ``$.detail.items[0]``; nothing else is understood."""
    found, position = content, 1
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return _MISSING
        name = next((each for each in (step[1], step[3], step[4]) if each is not None), None)
        if name is not None:
            found = found.get(name, _MISSING) if isinstance(found, Mapping) else _MISSING
        else:
            index = int(step[2])
            found = found[index] if isinstance(found, list) and index < len(found) else _MISSING
        position = step.end()
    return found
