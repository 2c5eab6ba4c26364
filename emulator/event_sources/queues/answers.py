"""Where moto's answers in JSON differ from SQS's, and answers to what moto is not asked. Pure.

[REC] ls-snap test_sqs.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ...foundation.json_bytes import parsed_json
from ...port.http import HttpRequest, HttpResponse
from ...port.xml_errors import queue_error
from .batches import md5_of

_DONE: Final = 200
_REFUSED: Final = 400
_SYSTEM: Final = "MessageSystemAttributes"
_BATCHES: Final = ("ChangeMessageVisibilityBatch", "DeleteMessageBatch", "SendMessageBatch")
_LISTS: Final = ("Failed", "Successful", "Tags")
"""Left out where there is nothing in them."""
_SHAPES: Final = (b'InvalidParameterValue"', b'InvalidParameterValueException"')
"""How a refused value is called without and with the header for clients of the query protocol."""


def corrected(operation: str, asked: bytes, status: int, content: bytes) -> bytes:
    """What is answered instead of ``content``, both JSON."""
    if status == _REFUSED:
        return content.replace(*_SHAPES, 1) if b"#" + _SHAPES[0] in content else content
    if status != _DONE or operation not in ("SendMessage", "ListQueueTags", *_BATCHES):
        return content
    system = _SYSTEM.encode() in asked
    if operation == "SendMessage" and not system:
        return content
    told = parsed_json(content)
    if system:
        request = parsed_json(asked)
        given = {each["Id"]: each for each in request.get("Entries", ())}
        told = _with_digest(told, request)
        if "Successful" in told:
            told["Successful"] = [_with_digest(each, given.get(each["Id"], {})) for each in told["Successful"]]
    return json.dumps({name: value for name, value in told.items() if value or name not in _LISTS}).encode()


def _with_digest(told: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, Any]:
    system = message.get(_SYSTEM)
    return {**told, **({"MD5OfMessageSystemAttributes": md5_of(system)} if system else {})}


def unread(why: str) -> HttpResponse:
    """The answer to a request whose JSON cannot be read. [USR] async-aws/aws #1667"""
    return _of_json(_REFUSED, "SerializationException", why)


def failure(request: HttpRequest) -> HttpResponse:
    """The answer to a request at which the emulator failed. [DOC] sqs-api:CommonErrors"""
    if "x-amz-target" in request.fields:
        return _of_json(500, "InternalFailure", "Internal failure")
    return queue_error("InternalFailure", "Internal failure", 500)


def _of_json(status: int, code: str, text: str) -> HttpResponse:
    """An error of the protocol itself, whose message has a capital."""
    told = {"__type": f"com.amazon.coral.service#{code}", "Message": text}
    return HttpResponse.of_json(status, told, kind="application/x-amz-json-1.0")
