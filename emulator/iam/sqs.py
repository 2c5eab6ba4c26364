"""Refuses requests of SQS clients, in both of SQS's protocols. Pure.

[USR] aws/serverless-application-model #3633: ``AccessDenied``, with the action in lower case. The JSON protocol has its
code in a header for clients that knew the older one. [DOC] smithy: aws.protocols#awsQueryCompatible
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ..foundation.json_bytes import json_of
from ..port.http import HttpRequest, HttpResponse
from ..port.xml_errors import queue_error
from .caller import Caller
from .encryption import OF_KEYS

_TARGET: Final = "AmazonSQS."


def refused(request: HttpRequest, caller: Caller) -> HttpResponse | None:
    """The refusal of a function's request; None: its role allows it."""
    target = request.fields.get("x-amz-target", "")
    if target.startswith(_TARGET):
        message = caller.sqs(target.removeprefix(_TARGET), _json(request.body))
        if message is None:
            return None
        status, kind, code = _refusal(message)
        return HttpResponse(
            status,
            json.dumps({"__type": kind, "message": message}).encode(),
            (("content-type", "application/x-amz-json-1.0"), ("x-amzn-query-error", f"{code};Sender")),
        )
    parameters = dict(request.form)
    if "QueueUrl" not in parameters and "QueueName" not in parameters:
        parameters["QueueUrl"] = request.path
    message = caller.sqs(parameters.get("Action", ""), parameters)
    if message is None:
        return None
    status, _, code = _refusal(message)
    return queue_error(code, message, status)


def _refusal(message: str) -> tuple[int, str, str]:
    """Status, type and code; others for what the key of a queue does not allow. [DOC] sqs-api:API_SendMessage"""
    if OF_KEYS in message:
        return 400, "com.amazonaws.sqs#KmsAccessDenied", "KMS.AccessDeniedException"
    return 403, "com.amazon.coral.service#AccessDeniedException", "AccessDenied"


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        content = json_of(body or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
