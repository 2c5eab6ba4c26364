"""AWS's query protocol: parameters of a form as a tree, and answers and errors in XML. Pure.

[DOC] smithy:aws-query-protocol; CloudFormation's model, ``cloudformation-2010-05-15``
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from xml.sax.saxutils import escape

from streamer.errors import StreamerError

from ...foundation.times import iso_time

NAMESPACE: Final = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_LEVELS: Final = 10
"""Deepest nesting that is read; AWS's parameters have four levels at most."""


class ApiError(StreamerError):
    """What is refused, in AWS's words."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class Time(float):
    """Unix seconds that are written as AWS writes a time."""


def tree(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """``Tags.member.1.Key=a`` and its like, as mappings and lists.

    Raises:
        ApiError: names contradict each other, such as a value and a list of the same name.
    """
    root: dict[str, Any] = {}
    for name, value in pairs:
        parts = name.split(".")
        if len(parts) > 2 * _LEVELS:
            raise ApiError("MalformedInput", f"{name[:100]} is too deeply nested")
        node = root
        for part in parts[:-1]:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise ApiError("MalformedInput", f"{name[:100]} is no list or structure")
        if isinstance(node.get(parts[-1]), dict):
            raise ApiError("MalformedInput", f"{name[:100]} is a list or structure")
        node[parts[-1]] = value
    return {name: _plain(each) for name, each in root.items()}


def _plain(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"} and isinstance(node["member"], dict):
        numbered = node["member"]
        return [_plain(numbered[key]) for key in sorted(numbered, key=_position)]
    return {name: _plain(each) for name, each in node.items()}


def _position(key: str) -> int:
    if not key.isdecimal() or len(key) > 6:
        raise ApiError("MalformedInput", f"{key[:100]!r} is no position in a list")
    return int(key)


def answer(operation: str, result: Mapping[str, Any], request_id: str) -> bytes:
    """What an operation answers. Lists, empty ones too, become ``member`` elements; None is left out."""
    content = f"<{operation}Result>{_fields(result)}</{operation}Result>"
    known = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    return f'<{operation}Response xmlns="{NAMESPACE}">{content}{known}</{operation}Response>'.encode()


def error(refused: ApiError, request_id: str) -> bytes:
    """The body of an error."""
    kind = "Sender" if refused.status < 500 else "Receiver"
    content = f"<Type>{kind}</Type><Code>{refused.code}</Code><Message>{_text(str(refused))}</Message>"
    return (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{content}</Error><RequestId>{request_id}</RequestId>'
        "</ErrorResponse>"
    ).encode()


def _fields(fields: Mapping[str, Any]) -> str:
    return "".join(f"<{name}>{_value(each)}</{name}>" for name, each in fields.items() if each is not None)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Time():
            return iso_time(datetime.fromtimestamp(value, UTC))
        case Mapping():
            return _fields(value)
        case list() | tuple():
            return "".join(f"<member>{_value(each)}</member>" for each in value)
    return _text(str(value))


def _text(text: str) -> str:
    # XML 1.0 has no way to write control characters, escaped or not.
    return escape("".join(each if each >= " " or each in "\t\n\r" else "\ufffd" for each in text), {"\r": "&#13;"})
