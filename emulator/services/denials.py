"""How a service refuses what a function's role does not allow, in the form that its clients read. Pure.

[DOC] s3-docs:troubleshoot-403-errors, sns-docs:CommonErrors, sts-docs:CommonErrors
"""

from __future__ import annotations

import json
from typing import Final

from ..iam.encryption import OF_KEYS
from ..port.http import HttpRequest, HttpResponse
from ..port.xml_errors import xml_error

_WITH_KEYS: Final = ("kinesis", "sns")


def denial(service: str, request: HttpRequest, message: str) -> HttpResponse:
    """The answer to a request that is not allowed; ``message`` is in AWS's words.

    [DOC] sns-api:API_Publish, kinesis-api:API_PutRecord, KMSAccessDenied: what the key of a resource does not allow.
    """
    if service in _WITH_KEYS and OF_KEYS in message:
        return error(service, request, "KMSAccessDenied", message, 400)
    return error(service, request, "AuthorizationError" if service == "sns" else "AccessDenied", message, 403)


def error(service: str, request: HttpRequest, code: str, message: str, status: int) -> HttpResponse:
    """An error of a service."""
    if service != "s3" and ("x-amz-target" in request.fields or service == "scheduler"):
        named = f"{code}Exception"
        content = json.dumps({"__type": named, "message": message, "Message": message}).encode()
        headers = (("content-type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", named))
        return HttpResponse(400 if status < 500 else status, content, headers)
    return xml_error(service, code, message, status)


def readable(answer: HttpResponse, request: HttpRequest) -> HttpResponse:
    """The same, also for the page of another origin that asked: S3 tells pages why a link is refused. [INF]"""
    origin = request.fields.get("origin")
    if origin is None:
        return answer
    return HttpResponse(answer.status, answer.body, (*answer.headers, ("access-control-allow-origin", origin)))
