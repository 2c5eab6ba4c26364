"""What a rule's target gets of an event: the event, a part of it, a constant, or a text made of it. Pure.

[DOC] eb-docs:eb-transform-target-input
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from ...foundation.json_bytes import json_text, parsed_json
from ...foundation.times import iso_seconds

_STEP: Final = re.compile(r"\.([\w/-]+)|\[(\d+)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]")
_VARIABLE: Final = re.compile(r"<([\w.-]+)>")
_PREDEFINED: Final = (
    *("aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time"),
    *("aws.events.event", "aws.events.event.json"),
)
_REQUEST_BYTES: Final = 1024 * 1024
"""All events of a request are less. [DOC] eb-api:PutEvents, botocore's model of 2026"""
_TIME_BYTES: Final = 14
"""What the time of an event counts. [DOC] eb-docs:eb-putevent-size"""
_HEAD: Final = ("id", "account", "detailType", "time", "source", "region", "resources", "version")
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


def are_too_large(entries: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the events of one request are more than EventBridge takes. [DOC] eb-docs:eb-putevent-size"""
    total = 0
    for each in entries:
        texts = [each.get(name) or "" for name in ("Source", "DetailType", "Detail")]
        total += sum(len(str(text).encode()) for text in (*texts, *(each.get("Resources") or ())))
        total += _TIME_BYTES if each.get("Time") else 0
    return total >= _REQUEST_BYTES


def refused_target(target: Mapping[str, Any]) -> str | None:
    """Why a rule does not take a target for what it is to get; None: it does. [REC] ls-snap test_events_inputs.py"""
    if sum(target.get(name) is not None for name in ("Input", "InputPath", "InputTransformer")) > 1:
        return f"Only one of Input, InputPath, or InputTransformer must be provided for target {target.get('Id')}."
    if str(target.get("Arn")).endswith(".fifo") and ":sqs:" in str(target["Arn"]) and not target.get("SqsParameters"):
        return f"Parameter(s) SqsParameters must be specified for target: {target.get('Id')}."  # [USR] moto, its words
    transformer = target.get("InputTransformer")
    if not isinstance(transformer, Mapping):
        return None
    known = {*(transformer.get("InputPathsMap") or {}), *_PREDEFINED}
    for match in _VARIABLE.finditer(str(transformer.get("InputTemplate", ""))):
        if match[1] not in known:
            return f"InputTemplate for target {target.get('Id')} contains invalid placeholder {match[1]}."
    return None


def target_input(target: Mapping[str, Any], sent: Mapping[str, Any], rule: Rule, ingested: datetime) -> str:
    """The text that a target gets.

    Raises:
        ValueError: its template gives no JSON, so that EventBridge sends nothing.
    """
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
    predefined = (rule.arn, rule.name, iso_seconds(ingested), _head(sent), sent)
    return filled(str(transformer["InputTemplate"]), values | dict(zip(_PREDEFINED, predefined, strict=True)))


def _head(sent: Mapping[str, Any]) -> dict[str, Any]:
    """An event without its detail. [REC] ls-snap test_input_transformer_predefined_variables: names and order"""
    renamed = {**sent, "detailType": sent.get("detail-type")}
    return {name: renamed[name] for name in _HEAD if name in renamed}


def filled(template: str, values: Mapping[str, Any]) -> str:
    """A template with its variables replaced.

    Outside of quotation marks all is JSON. Within them a text stands as it is; of anything else a template that is a
    text has the JSON without its quotation marks, and one that is an object has them, so that it mostly is none any
    more. A variable whose path leads nowhere is an empty text. [REC] ls-snap test_events_inputs.py; [?] a text with
    quotation marks, which are escaped.

    Raises:
        ValueError: an object is none any more; EventBridge then sends nothing. [REC] likewise
    """
    found, position, is_quoted, is_text = [], 0, False, template.lstrip().startswith('"')
    for match in _VARIABLE.finditer(template):
        if match[1] not in values:
            continue
        before = template[position : match.start()]
        is_quoted ^= _marks(before) % 2 == 1
        found += [before, _inserted(values[match[1]], is_quoted=is_quoted, is_text=is_text)]
        position = match.end()
    made = "".join([*found, template[position:]])
    if not is_text:
        try:
            parsed_json(made)
        except ValueError as error:
            raise ValueError(f"its input template gives no JSON, which EventBridge does not send: {error}") from error
    return made


def _inserted(value: Any, *, is_quoted: bool, is_text: bool) -> str:
    if value is _MISSING:
        return "" if is_quoted else '""'
    text = json_text(value)
    if not is_quoted:
        return text
    if isinstance(value, str):
        return text[1:-1]
    return text.replace('\\"', '"').replace('"', "") if is_text else text


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
    """What is at a JSON path of names, indexes and stars, such as ``$.detail.items[0]``; nothing else is understood.

    A star is each element of a list; what is found is then a list. [DOC] as above, for what is understood; [INF] a list
    """
    found, position = content, 1
    while position < len(path):
        if path.startswith("[*]", position):
            each = [at_path(one, "$" + path[position + 3 :]) for one in found] if isinstance(found, list) else []
            return [one for one in each if one is not _MISSING]
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
