"""What backends of HTTP APIs are asked, decided without asking anybody."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from http_api_requests import TRACE, api, asked

from emulator.gateway.http_apis.http_backends import action_request, answer_with, value
from emulator.gateway.http_apis.rest_backends import answer_of, body_of, request_for
from emulator.gateway.rules.effects import HttpAnswer
from emulator.gateway.rules.mapping import MappingError, no_override
from streamer.topology.http_apis import Backend, BackendResponse, HttpKind

EVENT: dict[str, Any] = {
    "path": "/dev/pets/7",
    "headers": {"X-User": "ann", "X-Many": "2"},
    "multiValueHeaders": {"X-User": ["ann"], "X-Many": ["1", "2"]},
    "queryStringParameters": {"q": "1"},
    "pathParameters": {"id": "7"},
    "body": '{"a": {"b": 2}, "text": "t"}',
    "requestContext": {"requestId": "r", "stage": "dev", "identity": {"sourceIp": "127.0.0.1"}},
    "stageVariables": {"bus": "main"},
}


@pytest.mark.parametrize(
    ("written", "found"),
    [
        pytest.param("plain", "plain", id="text"),
        pytest.param("$request.header.x-user", "ann", id="header"),
        pytest.param("$request.querystring.q", "1", id="query"),
        pytest.param("$request.header.x-many", "1,2", id="several headers"),
        pytest.param("$request.path.id", "7", id="path"),
        pytest.param("${request.path}", "/pets/7", id="whole path, without the stage"),
        pytest.param("$request.body.a.b", "2", id="body"),
        pytest.param("$request.body", EVENT["body"], id="whole body"),
        pytest.param("$request.body.none", "", id="nowhere"),
        pytest.param("$context.identity.sourceIp", "127.0.0.1", id="context"),
        pytest.param("$stageVariables.bus", "main", id="stage variable"),
        pytest.param("${request.header.X-User}-${stageVariables.bus}", "ann-main", id="in braces"),
    ],
)
def test_where_a_parameter_is_found(written: str, found: str) -> None:
    assert value(written, EVENT) == found


OURS = "AmazonAPIGateway_r3pmxmplak"
PNG = b"\x89PNG\xff"


@pytest.mark.parametrize(
    ("types", "accepted", "content_type", "sent"),
    [
        pytest.param(("image/*",), "image/png,*/*", "image/png", PNG, id="binary for who accepts it"),
        pytest.param(("*/*",), "*/*", "image/png", PNG, id="all types"),
        pytest.param(("image/*",), "*/*", "image/png", base64.b64encode(PNG), id="binary for who accepts text first"),
        pytest.param(("image/*",), "image/png", "text/plain", PNG.decode(errors="replace").encode(), id="text"),
        pytest.param((), "image/png", "image/png", PNG.decode(errors="replace").encode(), id="no type is binary"),
    ],
)
def test_what_is_binary_comes_as_the_client_accepts_it(
    types: tuple[str, ...], accepted: str, content_type: str, sent: bytes
) -> None:
    request = asked(api(kind=HttpKind.REST, binary_types=types), "/dev/", headers=(("Accept", accepted),))
    backend = Backend(kind="AWS", responses=(BackendResponse(status=200),))
    headers = {"content-type": content_type}

    answer = answer_of(backend, request, EVENT, no_override(), said="200", headers=headers, body=PNG)

    assert answer.body == sent


@pytest.mark.parametrize(
    ("types", "accepted", "kind"),
    [
        pytest.param(("text/html", "application/json"), "", "application/json", id="JSON for who says nothing"),
        pytest.param(("text/html", "application/json"), "*/*", "application/json", id="JSON for who takes anything"),
        pytest.param(("text/html", "application/json"), "text/html;q=1, */*", "text/html", id="what is accepted"),
        pytest.param(("text/html", "text/xml"), "image/png", "text/html", id="else the first"),
    ],
)
def test_an_answer_is_of_the_type_that_its_client_accepts(types: tuple[str, ...], accepted: str, kind: str) -> None:
    request = asked(api(kind=HttpKind.REST), "/dev/", headers=(("Accept", accepted),))
    backend = Backend(kind="AWS", responses=(BackendResponse(templates={each: each for each in types}),))

    answer = answer_of(backend, request, EVENT, no_override(), said="", headers={}, body=b"{}")

    assert (answer.body.decode(), dict(answer.headers)["Content-Type"]) == (kind, kind)


@pytest.mark.parametrize("mapped", [{}, {"integration.request.path.key": "method.request.path.id"}])
@pytest.mark.parametrize(
    ("kind", "uri", "url"),
    [
        ("HTTP", "https://example.com/{key}", "https://example.com/a/b%20c?q=1"),
        (
            "AWS",
            "arn:aws:apigateway:us-east-1:s3:path/bucket/{key}",
            "https://s3.us-east-1.amazonaws.com/bucket/a/b%20c?q=1",
        ),
    ],
)
def test_a_template_sets_parameters_of_its_request(kind: str, uri: str, url: str, mapped: dict[str, str]) -> None:
    sets = "#set($context.requestOverride.path.key = 'a/b c')#set($context.requestOverride.header.x = 'y')"
    more = "#set($context.requestOverride.querystring.q = '1')"
    templates = {"application/json": sets + more}
    backend = Backend(kind=kind, uri=uri, method="PUT", parameters=mapped, templates=templates)
    request, override = asked(api(kind=HttpKind.REST), "/dev/"), no_override()

    body = body_of(backend, request, EVENT, override)
    made = request_for(backend, body, request, EVENT, override)

    assert (made.url, made.headers["x"]) == (url, "y")


def test_half_a_surrogate_pair_reaches_an_endpoint_as_something_else() -> None:
    body = b'{"name": "\\ud83d"}'
    request = asked(api(kind=HttpKind.REST), "/dev/", method="POST", body=body)
    template = Backend(kind="HTTP", uri="http://x/{name}", templates={"application/json": "$input.path('$.name')"})
    named = {"integration.request.path.name": "method.request.body.name"}
    event = {**EVENT, "body": body.decode()}

    assert body_of(template, request, event, no_override()) == b"?"
    made = request_for(replace(template, parameters=named), b"", request, event, no_override())
    assert made.url == "http://x/%3F"


@pytest.mark.parametrize(
    ("kind", "sent", "told"),
    [
        pytest.param("HTTP", (("User-Agent", "u"),), {"user-agent": OURS, "accept": "application/json"}, id="HTTP"),
        pytest.param(
            "HTTP_PROXY", (("User-Agent", "u"), ("Accept", "a/b")), {"user-agent": "u", "accept": "a/b"}, id="proxy"
        ),
        pytest.param("HTTP_PROXY", (), {"user-agent": OURS}, id="proxy of who does not say what asks"),
    ],
)
def test_an_endpoint_hears_which_rest_api_asks(
    kind: str, sent: tuple[tuple[str, str], ...], told: dict[str, str]
) -> None:
    """[REC] ls-snap test_apigateway_header_remapping_http."""
    request = asked(api(kind=HttpKind.REST), "/dev/", headers=sent)

    headers = request_for(Backend(kind=kind, uri="http://x/"), b"", request, EVENT, no_override()).headers

    assert {name: headers.get(name) for name in told} == told
    assert (headers["x-amzn-apigateway-api-id"], headers["x-amzn-trace-id"]) == ("r3pmxmplak", TRACE)


def action(subtype: str, **parameters: str) -> tuple[str, str, Any]:
    made = action_request(Backend(kind="AWS_PROXY", subtype=subtype, parameters=parameters), EVENT, "eu-west-1")
    return made.url, made.headers["x-amz-target"], json.loads(made.body)


@pytest.mark.parametrize(
    ("subtype", "parameters", "target", "content"),
    [
        pytest.param(
            "SQS-SendMessage",
            {"QueueUrl": "u", "MessageBody": "$request.body.text", "DelaySeconds": "3", "MessageAttributes": "{}"},
            "AmazonSQS.SendMessage",
            {"QueueUrl": "u", "MessageBody": "t", "DelaySeconds": 3, "MessageAttributes": {}},
            id="SQS",
        ),
        pytest.param(
            "EventBridge-PutEvents",
            {"Source": "s", "DetailType": "d", "Detail": "$request.body", "Resources": '["r"]'},
            "AWSEvents.PutEvents",
            {"Entries": [{"Source": "s", "DetailType": "d", "Detail": EVENT["body"], "Resources": ["r"]}]},
            id="EventBridge",
        ),
        pytest.param(
            "Kinesis-PutRecord",
            {"StreamName": "s", "Data": "text", "PartitionKey": "$request.path.id"},
            "Kinesis_20131202.PutRecord",
            {"StreamName": "s", "Data": "dGV4dA==", "PartitionKey": "7"},
            id="Kinesis",
        ),
        pytest.param(
            "StepFunctions-StartExecution",
            {"StateMachineArn": "m", "Input": "$request.body"},
            "AWSStepFunctions.StartExecution",
            {"StateMachineArn": "m", "Input": EVENT["body"]},
            id="Step Functions",
        ),
    ],
)
def test_what_a_service_is_asked(subtype: str, parameters: dict[str, str], target: str, content: Any) -> None:
    url, named, made = action(subtype, **parameters)
    assert (url.split(".")[1], named, made) == ("eu-west-1", target, content)


def test_a_service_of_another_region() -> None:
    assert action("SQS-PurgeQueue", QueueUrl="u", Region="us-east-1")[0] == "https://sqs.us-east-1.amazonaws.com/"


def test_what_is_no_json_is_told() -> None:
    with pytest.raises(MappingError, match="DelaySeconds is no JSON"):
        action("SQS-SendMessage", DelaySeconds="soon")


ANSWER = HttpAnswer(200, (("X-A", "1"), ("x-a", "2"), ("X-B", "3")), b'{"code": 404}')


@pytest.mark.parametrize(
    ("parameters", "status", "headers"),
    [
        pytest.param(
            {"append:header.x-a": "$context.requestId"}, 200, ["X-B: 3", "X-A: 1", "x-a: 2", "x-a: r"], id="append"
        ),
        pytest.param({"overwrite:header.X-A": "${response.header.x-a}!"}, 200, ["X-B: 3", "X-A: 1,2!"], id="overwrite"),
        pytest.param({"remove:header.x-b": "''"}, 200, ["X-A: 1", "x-a: 2"], id="remove"),
        pytest.param({"overwrite:statuscode": "$response.body.code"}, 404, ["X-A: 1", "x-a: 2", "X-B: 3"], id="status"),
    ],
)
def test_parameters_change_an_answer(parameters: dict[str, str], status: int, headers: list[str]) -> None:
    found = answer_with(parameters, ANSWER, EVENT)

    assert (found.status, [f"{name}: {each}" for name, each in found.headers]) == (status, headers)


@pytest.mark.parametrize("parameters", [{"overwrite:statuscode": "$response.body.none"}, {"append:body": "x"}])
def test_parameters_of_an_answer_can_be_wrong(parameters: dict[str, str]) -> None:
    with pytest.raises(MappingError):
        answer_with(parameters, ANSWER, EVENT)
