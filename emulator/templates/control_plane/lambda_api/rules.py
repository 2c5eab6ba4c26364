"""What Lambda refuses of a function that calls make or change. Pure.

[REC] ls-snap test_lambda_api.py for the words, where nothing else is said; [DOC] lambda-docs:gettingstarted-limits
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from streamer.aws_limits import VARIABLES_BYTES
from streamer.topology.variables import RESERVED, VARIABLE

from ....functions.runtime_names import LISTED, NO_MORE, is_runtime, measured, size_of
from ..query import ApiError
from .constraints import flaw, refused

_RANGES: Final = (
    (("EphemeralStorage", "Size"), 512, 10_240),
    (("MemorySize",), 128, 10_240),
    (("Timeout",), 1, 900),
)
_LENGTHS: Final = (("Description", 256), ("Handler", 128))
_PATTERNS: Final = (
    ("Handler", r"[^\s]+"),
    ("Role", r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"),
)
_CHOICES: Final = (
    (("LoggingConfig", "LogFormat"), ("JSON", "Text")),
    (("PackageType",), ("Image", "Zip")),
    (("SnapStart", "ApplyOn"), ("PublishedVersions", "None")),
    (("TracingConfig", "Mode"), ("Active", "PassThrough")),
)
_ARCHITECTURES: Final = ("x86_64", "arm64")
_NAME: Final = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
_LONGEST_NAME, _LONGEST_ARN = 64, 140
_LAYERS: Final = 5
_TAGS: Final = 50
"""[DOC] lambda-docs:configuration-tags"""
CONCURRENCY: Final = 1000
"""Executions at once of an account. [DOC] lambda-docs:gettingstarted-limits"""
UNRESERVED: Final = 100
"""How many of them cannot be reserved. [DOC] lambda-docs:configuration-concurrency"""


def refuse(content: Mapping[str, Any]) -> None:
    """Refuse settings as CreateFunction and UpdateFunctionConfiguration have them; raises ApiError."""
    flaws = list(_flaws(content))
    if flaws:
        raise refused(flaws)
    for text in _refusals(content):
        raise ApiError("InvalidParameterValueException", text)


def refuse_new(content: Mapping[str, Any]) -> None:
    """Refuse a function that is to be made, whose name is text; raises ApiError."""
    name = content["FunctionName"]
    if len(name) > _LONGEST_ARN:
        raise refused([flaw("functionName", name, f"have length less than or equal to {_LONGEST_ARN}")])
    if re.fullmatch(_NAME, name) is None:
        raise refused([flaw("functionName", name, f"satisfy regular expression pattern: {_NAME}")])
    if len(name.rpartition(":")[2]) > _LONGEST_NAME:
        text = flaw("functionName", name, f"have length less than or equal to {_LONGEST_NAME}")
        raise ApiError("InvalidParameterValueException", f"1 validation error detected: {text}")
    refuse(content)
    refuse_tags(content.get("Tags") or {})
    if content.get("PackageType", "Zip") == "Zip" and not (content.get("Runtime") and content.get("Handler")):
        # [USR] pipecd #1400
        text = "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        raise ApiError("InvalidParameterValueException", text)


def refuse_tags(tags: Mapping[str, Any]) -> None:
    """Refuse more tags than a function has; raises ApiError."""
    if len(tags) > _TAGS:
        raise ApiError("InvalidParameterValueException", "Number of tags exceeds resource tag limit.")


def refuse_reservation(wanted: int, others: int) -> None:
    """Refuse to reserve so many executions, where other functions have reserved ``others``; raises ApiError."""
    if wanted < 0:
        raise refused([flaw("reservedConcurrentExecutions", wanted, "have value greater than or equal to 0")])
    if wanted + others > CONCURRENCY - UNRESERVED:
        text = "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution"
        text = f"{text} below its minimum value of [{UNRESERVED}]."
        raise ApiError("InvalidParameterValueException", text)


def _flaws(content: Mapping[str, Any]) -> Iterator[str]:
    """What the model refuses."""
    for path, low, high in _RANGES:
        value = _at(content, path)
        if isinstance(value, int) and value < low:
            yield flaw(_shown(path), value, f"have value greater than or equal to {low}")
        if isinstance(value, int) and value > high:
            yield flaw(_shown(path), value, f"have value less than or equal to {high}")
    for name, longest in _LENGTHS:
        value = content.get(name)
        if isinstance(value, str) and len(value) > longest:
            yield flaw(_shown((name,)), value, f"have length less than or equal to {longest}")
    for name, pattern in _PATTERNS:
        value = content.get(name)
        if isinstance(value, str) and value and re.fullmatch(pattern, value) is None:
            yield flaw(_shown((name,)), value, f"satisfy regular expression pattern: {pattern}")
    for path, choices in _CHOICES:
        value = _at(content, path)
        if value is not None and value not in choices:
            yield flaw(_shown(path), value, f"satisfy enum value set: [{', '.join(choices)}]")
    yield from _of_architectures(content.get("Architectures"))
    yield from _of_names(_variables(content))


def _of_architectures(given: Any) -> Iterator[str]:
    if not isinstance(given, list):
        return
    shown = f"[{', '.join(map(str, given))}]"
    if len(given) > 1:
        yield flaw("architectures", shown, "have length less than or equal to 1")
    elif any(each not in _ARCHITECTURES for each in given):
        values = f"Member must satisfy enum value set: [{', '.join(_ARCHITECTURES)}]"
        yield flaw("architectures", shown, f"satisfy constraint: [{values}, Member must not be null]")


def _of_names(variables: Mapping[str, Any]) -> Iterator[str]:
    """Names that no variable has; values are nobody's to see. [USR] serverless-secrets #39: the words"""
    if any(VARIABLE.fullmatch(name) is None for name in variables if name not in RESERVED):
        pattern = "Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+"
        where = "Value at 'environment.variables' failed to satisfy constraint"
        yield f"{where}: Map keys must satisfy constraint: [{pattern}]"


def _refusals(content: Mapping[str, Any]) -> Iterator[str]:
    """What the service refuses, apart from its model."""
    runtime = content.get("Runtime")
    if runtime in NO_MORE:
        yield (
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    elif runtime is not None and not is_runtime(str(runtime)):
        values = f"Member must satisfy enum value set: [{', '.join(LISTED)}] or be a valid ARN"
        yield f"Value {runtime} at 'runtime' failed to satisfy constraint: {values}"
    variables = _variables(content)
    unable = "Lambda was unable to configure your environment variables because the environment variables you have"
    reserved = [name for name in variables if name in RESERVED]
    if reserved:
        # [USR] serverless-dotenv-plugin #28
        text = "provided contains reserved keys that are currently not supported for modification."
        yield f"{unable} {text} Reserved keys used in this request: {', '.join(reserved)}"
    text = measured(variables)
    if size_of(text) > VARIABLES_BYTES:
        yield f"{unable} provided exceeded the 4KB limit. String measured: {text}"
    if len(content.get("Layers") or ()) > _LAYERS:
        yield f"Cannot reference more than {_LAYERS} layers."


def _variables(content: Mapping[str, Any]) -> Mapping[str, Any]:
    found = _at(content, ("Environment", "Variables"))
    return found if isinstance(found, dict) else {}


def _at(content: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = content
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _shown(path: tuple[str, ...]) -> str:
    return ".".join(each[:1].lower() + each[1:] for each in path)
