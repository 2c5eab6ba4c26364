"""What SQS refuses of a request before it does anything, by its model. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...foundation.modelled import Fault, fault_of
from ...foundation.shapes import Shape, model_of
from . import checks
from .checks import Refusal

SERVICE: Final = "sqs"
_ENTRY: Final = re.compile(r"entries\.(\d+)\.member\.(\w+)")
_FIELD_OF_ENTRY: Final = re.compile(r"(?P<kind>\w+)RequestEntry\.(?P<at>\d+)\.(?P<name>\w+)")
_TYPE: Final = re.compile(r"(?:.+\.)?message(?:System)?Attributes\.(.*)\.member\.dataType", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"((?:.+\.)?Message(?:System)?Attribute\.\d+)\.(.+)")
_NUMBERS: Final = ("integer", "long")
_TOLD_ELSEWHERE: Final = frozenset({"MessageBody", "QueueUrl"})
"""Told with the queue's own rules, which also refuse what is empty; a queue's URL may be the request's path."""
_OTHER_NAMES: Final = {"ReceiptHandle": "MessageHandle"}
"""[USR] aws/aws-sdk-js-v3 #5478"""


def is_known(operation: str) -> bool:
    """Whether SQS has an operation of that name."""
    return operation in model_of(SERVICE).operation_names


def of_json(operation: str, given: Any) -> Fault | Refusal | None:
    """What is wrong with a request of the JSON protocol: it cannot be read, or lacks something; None: nothing.

    Members of ``given`` that are null are taken out.
    """
    fault = fault_of(SERVICE, operation, given)
    if fault is None or fault.text:
        return fault
    return next(filter(None, (_lacking(operation, each) for each in fault.missing)), None)


def _lacking(operation: str, path: str) -> Refusal | None:
    """[USR] aws/aws-sdk-js #2388: how a member of an entry is called."""
    if (typeless := _TYPE.fullmatch(path)) is not None:
        return _without_type(typeless[1])
    entry = _ENTRY.fullmatch(path)
    name = path if entry is None else entry[2]
    name = name[:1].upper() + name[1:]
    if name in _TOLD_ELSEWHERE or name == "Entries" or "." in name:
        return None
    return _missing(_OTHER_NAMES.get(name, name) if entry is None else f"{operation}RequestEntry.{entry[1]}.{name}")


def of_action(form: Sequence[tuple[str, str]]) -> Refusal | None:
    """What is wrong with how a request of the query protocol names its operation; None: nothing.

    [DOC] sqs-api:CommonErrors
    """
    named = [value for name, value in form if name == "Action"]
    if not any(named):
        return "MissingAction", "The request must contain the parameter Action."
    return None if len(named) == 1 else ("MalformedQueryString", "The query string contains a syntax error.")


def of_form(operation: str, form: Sequence[tuple[str, str]]) -> Refusal | None:
    """What is wrong with a request of the query protocol; None: nothing.

    [DOC] sqs-api:CommonErrors: the codes; [INF] the words for a number that is none
    """
    shape = model_of(SERVICE).input_shape(operation)
    members = {} if shape is None else shape.members
    entry = members["Entries"].member if "Entries" in members else None
    of_entry = {} if entry is None else entry.members
    named: dict[str, set[str]] = {}
    for name, value in form:
        field = _FIELD_OF_ENTRY.fullmatch(name)
        kind = members.get(name) if field is None else of_entry.get(field["name"])
        if kind is not None and kind.type_name in _NUMBERS and not _is_whole(value):
            return checks.invalid(value, name, "Must be an integer.")
        if field is not None:
            named.setdefault(f"{field['kind']}RequestEntry.{field['at']}", set()).add(field["name"])
    present = {name for name, value in form if value}
    lacking = [_OTHER_NAMES.get(name, name) for name in _texts(shape, members) if name not in present]
    for prefix, found in named.items():
        lacking += [f"{prefix}.{name}" for name in _texts(entry, of_entry) if name not in found]
    return _missing(lacking[0]) if lacking else _typeless(form)


def _typeless(form: Sequence[tuple[str, str]]) -> Refusal | None:
    """What is wrong with attributes of messages that have no type; None: all have one."""
    told: dict[str, dict[str, str]] = {}
    for name, value in form:
        if (match := _ATTRIBUTE.fullmatch(name)) is not None:
            told.setdefault(match[1], {})[match[2]] = value
    lacking = [each.get("Name", "") for each in told.values() if not each.get("Value.DataType")]
    return _without_type(lacking[0]) if lacking else None


def _without_type(attribute: str) -> Refusal:
    return (
        "InvalidParameterValue",
        f"The message attribute '{attribute}' must contain non-empty message attribute type.",
    )


def _texts(shape: Shape | None, members: Mapping[str, Shape]) -> list[str]:
    """Names of what must be there, of what one parameter says."""
    required = [] if shape is None else shape.required_members
    return [
        name for name in required if name not in _TOLD_ELSEWHERE and members[name].type_name in ("string", *_NUMBERS)
    ]


def _missing(name: str) -> Refusal:
    return "MissingParameter", f"The request must contain the parameter {name}."


def _is_whole(value: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]{1,10}", value) is not None
