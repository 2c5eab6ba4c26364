"""What services refuse of a request that is not as their models say, before they look at it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.parsers import expat

from msgspec import structs

from ..foundation.json_bytes import json_of
from ..foundation.modelled import Fault, fault_of
from ..foundation.shapes import Shape, model_of
from ..port.http import HttpRequest, HttpResponse
from .denials import error

_POOLS: Final = "cognito-idp"
_MODELS: Final[Mapping[str, str]] = {
    _POOLS: _POOLS,
    "events": "events",
    "kinesis": "kinesis",
    "kms": "kms",
    "secretsmanager": "secretsmanager",
    "ssm": "ssm",
    "states": "stepfunctions",
}
"""Where botocore has the model of each service of the JSON protocol."""
_FORMS: Final = ("sns", "sts")
"""Services of the query protocol, whose models are called as they are."""
_WHERE: Final = frozenset({"PhoneNumber", "TargetArn", "TopicArn"})
_NOWHERE: Final = "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter"
"""[USR] sul-dlss/dlme #432: of a message that says none of these."""
_ARNS: Final = ("TopicArn", "SubscriptionArn", "ResourceArn")
_PARTS: Final = frozenset(
    {
        *("accelerate", "acl", "cors", "delete", "encryption", "legal-hold", "lifecycle", "logging", "notification"),
        *("object-lock", "ownershipControls", "publicAccessBlock", "replication", "retention", "tagging"),
        *("uploadId", "versioning", "website"),
    }
)
"""What S3 is told of in XML, by what the query names. [DOC] s3-api"""
_EMPTY: Final = "Request Body is empty"
_MALFORMED: Final = "The XML you provided was not well-formed or did not validate against our published schema"
_MOST_KEYS: Final = 1_000
"""Objects that one request deletes. [DOC] s3-api:API_DeleteObjects"""
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
    if service == "s3":
        return _with_xml(request)
    target = request.fields.get("x-amz-target")
    if target is None:
        return _form(request, service) if service in _FORMS else request
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
    # [USR] boto/boto3 #1356, of user pools
    return _refused(request, service, "InvalidParameter" if service == _POOLS else "Validation", fault.validation)


def _with_xml(request: HttpRequest) -> HttpRequest | HttpResponse:
    """[DOC] s3-api:ErrorResponses: the codes and words."""
    names = {name for name, _ in request.query} & _PARTS
    is_part = request.method == "PUT" and "uploadId" in names
    if not names or is_part or request.method not in ("POST", "PUT"):
        return request
    if not request.body:
        return request if names & {"acl", "uploadId"} else _refused(request, "s3", "MissingRequestBodyError", _EMPTY)
    if "delete" in names and request.body.count(b"<Key") > _MOST_KEYS:
        return _refused(request, "s3", "MalformedXML", _MALFORMED)
    parser = expat.ParserCreate()
    parser.EntityDeclHandler = _no_entity
    try:
        parser.Parse(request.body, True)
    except expat.ExpatError:
        return _refused(request, "s3", "MalformedXML", _MALFORMED)
    return request


def _no_entity(name: str, *_: Any) -> None:
    """Documents of S3 declare none, and a page of them can stand for gigabytes. [INF]"""
    raise expat.ExpatError(f"the document declares the entity {name}")


def _form(request: HttpRequest, service: str) -> HttpRequest | HttpResponse:
    """[DOC] sns-api:CommonErrors, sts-api:CommonErrors; [USR] sul-dlss/dlme #432, [INF] a number that is none."""
    form = dict([*request.query, *parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True)])
    operation = form.get("Action")
    if not operation:
        return _refused(request, service, "MissingAction", "The request must contain the parameter Action.")
    model = model_of(service)
    shape = model.input_shape(operation) if operation in model.operation_names else None
    if shape is None:
        return request
    members = shape.members
    for name, member in members.items():
        if member.type_name == "integer" and re.fullmatch(r"[+-]?\d{1,9}", form.get(name, "0"), re.ASCII) is None:
            return _refused(request, service, "MalformedInput", f"{form[name]} can not be converted to an Integer")
    begun = {name.partition(".")[0] for name in form if "." in name}
    if operation == "Publish" and not form.keys() & _WHERE:
        return _refused(request, service, "InvalidParameter", _NOWHERE)
    missing = [each for each in shape.required_members if each not in (form if _is_one(members[each]) else begun)]
    if not missing:
        wrong = next(
            (each for each in _ARNS if service == "sns" and form.get(each, "").count(":") < 5 and each in form), None
        )
        return request if wrong is None else _refused(request, service, "InvalidParameter", _no_arn(wrong, form[wrong]))
    if service == "sns":
        text = f"Invalid parameter: {missing[0]} Reason: no value for required parameter"
        return _refused(request, service, "InvalidParameter", text)
    lacking = Fault("", tuple(name[:1].lower() + name[1:] for name in missing))
    return _refused(request, service, "ValidationError", lacking.validation)


def _no_arn(name: str, given: str) -> str:
    """[USR] prometheus/alertmanager #4107"""
    return f"Invalid parameter: {name} Reason: An ARN must have at least 6 elements, not {given.count(':') + 1}"


def _is_one(member: Shape) -> bool:
    return member.type_name not in ("list", "map", "structure")


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
