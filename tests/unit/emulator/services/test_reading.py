"""What is refused of a request to a service before anybody looks at it, and what is changed in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.port.http import HttpRequest, HttpResponse
from emulator.services.reading import readable_request


def asked(service: str, operation: str, body: bytes) -> HttpRequest | HttpResponse:
    fields = {"x-amz-target": f"{service}.{operation}"}
    return readable_request(HttpRequest("POST", "/", (), body, "127.0.0.1", fields), service)


@pytest.mark.parametrize(
    ("service", "operation", "body", "code", "text"),
    [
        ("ssm", "GetParameter", b"{", "SerializationException", "the body is no JSON object"),
        ("ssm", "GetParameter", b"[]", "SerializationException", "the body is no JSON object"),
        ("ssm", "GetParameter", rb'{"Name": "\ud800"}', "SerializationException", "the body is no JSON object"),
        ("cognito-idp", "SignUp", b"x", "SerializationException", "the body is no JSON object"),
        ("events", "PutEvents", b'{"Entries": {}}', "SerializationException", "Start of structure or map found"),
        ("states", "StartExecution", b"", "ValidationException", "Value null at 'stateMachineArn'"),
        ("secretsmanager", "GetSecretValue", b'{"SecretId": null}', "ValidationException", "Value null at 'secretId'"),
        ("kms", "Encrypt", b'{"KeyId": 1}', "SerializationException", "NUMBER_VALUE can not be converted to a String"),
    ],
)
def test_what_has_not_the_shapes_of_its_model_is_refused(
    service: str, operation: str, body: bytes, code: str, text: str
) -> None:
    answer = asked(service, operation, body)

    assert isinstance(answer, HttpResponse)
    assert (answer.status, json.loads(answer.body)["__type"]) == (400, code)
    assert text in json.loads(answer.body)["message"]


@pytest.mark.parametrize(
    ("body", "read"),
    [(b'{"Name": "x", "WithDecryption": null}', {"Name": "x"}), (b'{"Name": "null"}', {"Name": "null"})],
)
def test_the_rest_is_asked_without_what_is_null(body: bytes, read: Any) -> None:
    request = asked("ssm", "GetParameter", body)

    assert isinstance(request, HttpRequest)
    assert json.loads(request.body) == read


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("POST", b"{}", 400),
        ("PUT", b'{"ScheduleExpression": 1}', 400),
        ("POST", b'{"ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"}}', 400),
        ("GET", b"\xff", None),
    ],
)
def test_schedules_name_themselves_in_the_path(method: str, body: bytes, status: int | None) -> None:
    answer = readable_request(HttpRequest(method, "/schedules/x", (), body, "127.0.0.1", {}), "scheduler")

    assert (answer.status if isinstance(answer, HttpResponse) else None) == status
    assert b"'name'" not in answer.body
