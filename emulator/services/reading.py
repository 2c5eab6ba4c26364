"""What services refuse of a request whose JSON is not as their models say, before they look at it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import structs

from ..foundation.json_bytes import json_of
from ..foundation.modelled import fault_of
from ..port.http import HttpRequest, HttpResponse
from .denials import error

_MODELS: Final[Mapping[str, str]] = {
    "events": "events",
    "kinesis": "kinesis",
    "kms": "kms",
    "secretsmanager": "secretsmanager",
    "ssm": "ssm",
    "states": "stepfunctions",
}
"""Where botocore has the model of each service of the JSON protocol; user pools read what they are asked themselves."""
_SCHEDULER: Final = "scheduler"
_SCHEDULES: Final = re.compile(r"/(?P<kind>schedules|schedule-groups)/(?P<name>[^/]+)")
_OF_SCHEDULES: Final = {
    ("POST", "schedules"): "CreateSchedule",
    ("PUT", "schedules"): "UpdateSchedule",
    ("POST", "schedule-groups"): "CreateScheduleGroup",
}


def readable_request(request: HttpRequest, service: str) -> HttpRequest | HttpResponse:
    """The request, without members that are null, or the error for one that does not have the model's shapes."""
    if service == _SCHEDULER and request.method in ("GET", "DELETE"):
        return structs.replace(request, body=b"")
    schedule = _SCHEDULES.fullmatch(request.raw_path) if service == _SCHEDULER else None
    if schedule is not None:
        operation = _OF_SCHEDULES.get((request.method, schedule["kind"]), "")
        return _checked(request, service, _SCHEDULER, operation, {"Name": schedule["name"]}) if operation else request
    target = request.fields.get("x-amz-target")
    if target is None:
        return request
    model = _MODELS.get(service)
    return _checked(request, service, model, target.rpartition(".")[2], {})


def _checked(
    request: HttpRequest, service: str, model: str | None, operation: str, named: Mapping[str, Any]
) -> HttpRequest | HttpResponse:
    given = _object(request.body)
    if given is None:
        return _refused(request, service, "Serialization", "the body is no JSON object")
    fault = None if model is None else fault_of(model, operation, asked := {**given, **named})
    if fault is None:
        if request.body and (b"null" not in request.body or model is None):
            return request
        kept = {name: each for name, each in (given if model is None else asked).items() if name not in named}
        return structs.replace(request, body=json.dumps(kept).encode())
    if fault.text:
        return _refused(request, service, "Serialization", fault.text)
    return _refused(request, service, "Validation", fault.validation)


def _object(body: bytes) -> dict[str, Any] | None:
    """What a body says; None: it is no object, or has half a surrogate pair, which is no text."""
    try:
        given = json_of(body or b"{}")
        if b"\\u" in body:
            json.dumps(given, ensure_ascii=False).encode()
    except ValueError:
        return None
    return given if isinstance(given, dict) else None


def _refused(request: HttpRequest, service: str, code: str, text: str) -> HttpResponse:
    return error(service, request, code, text, 400)
