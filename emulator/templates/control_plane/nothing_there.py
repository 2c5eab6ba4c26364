"""What deployment tools ask of services that are not emulated, where the true answer is that there is nothing. Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from ...port.elsewhere import operation_of
from ...port.http import HttpRequest, HttpResponse
from . import query

_ALARMS: Final = ("CompositeAlarms", "MetricAlarms")
_CBOR: Final = "rpc-v2-cbor"
"""What AWS's newer SDKs speak to CloudWatch. [DOC] smithy:smithy-rpc-v2-cbor, RFC 8949"""


def is_asked(service: str | None, request: HttpRequest) -> bool:
    """Whether a request can be answered so: for CloudWatch's alarms, or for a repository of images."""
    if service == "monitoring":
        return _operation(request) == "DescribeAlarms"
    return service == "ecr" and "ContainerRegistry" in request.fields.get("x-amz-target", "")


def answer(service: str | None, request: HttpRequest, request_id: str) -> HttpResponse:
    """No alarm, and no repository: those of stacks are ignored."""
    if service != "monitoring":
        told = {"__type": "RepositoryNotFoundException", "message": "The repository does not exist in the registry"}
        return HttpResponse.of_json(400, told, kind="application/x-amz-json-1.1")
    known = ("x-amzn-RequestId", request_id)
    if request.fields.get("smithy-protocol") == _CBOR:
        pairs = b"".join(_text(name) + b"\x80" for name in _ALARMS)
        headers = (("smithy-protocol", _CBOR), ("content-type", "application/cbor"), known)
        return HttpResponse(200, bytes([0xA0 + len(_ALARMS)]) + pairs, headers)
    if request.fields.get("x-amz-target"):
        return HttpResponse.of_json(200, {name: [] for name in _ALARMS}, known)
    body = query.answer("DescribeAlarms", {name: [] for name in _ALARMS}, request_id)
    return HttpResponse(200, body, (("content-type", "text/xml"), known))


def _operation(request: HttpRequest) -> str:
    if request.fields.get("smithy-protocol") == _CBOR:
        return request.raw_path.rpartition("/")[2]
    form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
    return form.get("Action") or operation_of(request)


def _text(text: str) -> bytes:
    """A text of at most 23 bytes in CBOR."""
    return bytes([0x60 + len(text)]) + text.encode()
