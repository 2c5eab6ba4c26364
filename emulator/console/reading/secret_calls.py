"""Calls of services that keep secrets, as they may be told: without what was given to them or handed out. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ...foundation.json_bytes import parsed_json
from ..recording.masking import DEPTH, HIDDEN, without_values
from ..recording.meaning import answer_header, plain_answer, what_was_called
from ..recording.records import Call

_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "kms": frozenset({"plaintext", "privatekeyplaintext", "sharedsecret"}),
    "secretsmanager": frozenset({"secretstring", "secretbinary", "randompassword"}),
    "ssm": frozenset({"value"}),
}
"""By service the members that hold secrets, in lower case. [DOC] ``sensitive`` in botocore's models"""
_SECURE: Final = "SecureString"
"""The type of parameters of SSM whose values are secret."""
_XML: Final = re.compile(r"(<(?:SecretAccessKey|SessionToken)>)[^<]*")
_FORM: Final = re.compile(r"((?:^|&)Parameters\.member\.\d+\.ParameterValue=)[^&]*")
"""A value that a stack's template may declare with ``NoEcho``."""


def without_secrets(record: Call) -> Call:
    """The call with notes in place of secrets, and its answer as it was before it was compressed."""
    service, _, _ = what_was_called(record)
    headers = record.answer_headers
    if answer_header(record, "content-encoding"):
        headers = tuple(each for each in headers if each[0].lower() != "content-encoding")
    body, answer = _told(service, record.body), _told(service, plain_answer(record))
    return replace(record, body=body, answer=answer, answer_headers=headers)


def _told(service: str, content: bytes) -> bytes:
    if service in ("sts", "cloudformation"):
        text = content.decode("utf-8", "surrogateescape")
        told = _FORM.sub(rf"\g<1>{HIDDEN}", _XML.sub(rf"\g<1>{HIDDEN}", text))
        return told.encode("utf-8", "surrogateescape")
    names = _MEMBERS.get(service)
    if names is None:
        return content
    try:
        value = parsed_json(content)
    except ValueError:  # it was cut
        text = content.decode("utf-8", "surrogateescape")
        return without_values(text, lambda name: name.lower() in names).encode("utf-8", "surrogateescape")
    return json.dumps(_without(value, names, is_typed=service == "ssm", depth=DEPTH)).encode()


def _without(value: Any, names: frozenset[str], *, is_typed: bool, depth: int) -> Any:
    if depth == 0:
        return "…"
    if isinstance(value, list):
        return [_without(each, names, is_typed=is_typed, depth=depth - 1) for each in value]
    if not isinstance(value, dict):
        return value
    is_open = is_typed and value.get("Type") != _SECURE
    return {
        name: HIDDEN
        if name.lower() in names and item is not None and not is_open
        else _without(item, names, is_typed=is_typed, depth=depth - 1)
        for name, item in value.items()
    }
