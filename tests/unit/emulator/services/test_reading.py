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
        (
            "cognito-idp",
            "ListUsers",
            b'{"UserPoolId": "x", "Limit": 61}',
            "InvalidParameterException",
            "Value '61' at 'limit'",
        ),
        (
            "cognito-idp",
            "SignUp",
            b'{"ClientId": "x", "Username": ""}',
            "InvalidParameterException",
            "Value at 'username'",
        ),
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


@pytest.mark.parametrize(
    ("service", "form", "code", "text"),
    [
        ("sns", "TopicArn=x", "MissingAction", "the parameter Action."),
        (
            "sns",
            "Action=Subscribe&Protocol=sqs",
            "InvalidParameter",
            "TopicArn Reason: no value for required parameter",
        ),
        ("sns", "Action=Publish&Message=x", "InvalidParameter", "TopicArn or TargetArn Reason: no value for required"),
        ("sns", "Action=GetTopicAttributes&TopicArn=t%26", "InvalidParameter", "at least 6 elements, not 1"),
        ("sts", "Action=AssumeRole&RoleArn=x", "ValidationError", "Value null at 'roleSessionName'"),
        (
            "sts",
            "Action=GetSessionToken&DurationSeconds=%3C",
            "MalformedInput",
            "&lt; can not be converted to an Integer",
        ),
        ("sts", "Action=Whatever", None, ""),
        ("sts", "Action=GetSessionToken&DurationSeconds=900", None, ""),
        ("sns", "Action=PublishBatch&TopicArn=a:b:c:d:e:f&PublishBatchRequestEntries.member.1.Id=1", None, ""),
    ],
)
def test_a_form_has_what_its_operation_needs(service: str, form: str, code: str | None, text: str) -> None:
    answer = readable_request(HttpRequest("POST", "/", (), form.encode(), "127.0.0.1", {}), service)

    if code is None:
        assert isinstance(answer, HttpRequest)
    else:
        assert f"<Code>{code}</Code>" in answer.body.decode()
        assert text in answer.body.decode()


@pytest.mark.parametrize(
    ("method", "target", "body", "code"),
    [
        ("PUT", "/bucket?cors", b"<a>", b"MalformedXML"),
        ("POST", "/bucket?delete", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"MalformedXML"),
        ("POST", "/bucket?delete", b"<a></b>", b"MalformedXML"),
        ("POST", "/bucket?delete", b"<Delete>" + b"<Key>k</Key>" * 1_001 + b"</Delete>", b"MalformedXML"),
        ("POST", "/bucket?delete", b"<Delete>" + b"<Key>k</Key>" * 1_000 + b"</Delete>", None),
        ("POST", "/bucket/key?uploadId=x", b"no XML", b"MalformedXML"),
        ("PUT", "/bucket?tagging", b"", b"MissingRequestBodyError"),
        ("PUT", "/bucket?acl", b"", None),
        ("PUT", "/bucket?cors", b"<a/>", None),
        ("PUT", "/bucket/key?uploadId=x&partNumber=1", b"no XML", None),
        ("PUT", "/bucket/key", b"<a>", None),
        ("GET", "/bucket?cors", b"", None),
    ],
)
def test_what_s3_is_told_in_xml_is_xml(method: str, target: str, body: bytes, code: bytes | None) -> None:
    answer = readable_request(HttpRequest(method, target, (), body, "127.0.0.1", {}), "s3")

    assert (code is None) == isinstance(answer, HttpRequest)
    assert (code or b"") in answer.body
