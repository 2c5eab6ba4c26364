"""Integrations that are no Lambda proxy: what their backend is asked, and what becomes of its answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.gateway.rules.mapping import (
    Answer,
    MappingError,
    Request,
    body_for,
    is_only_given,
    lacks_response,
    mock_status,
    parameter_value,
    request_of,
    response_of,
    with_caller,
)
from streamer.topology.integrations import Integration, IntegrationResponse

EVENT: dict[str, Any] = {
    "stageVariables": {"host": "shop.example"},
    "requestContext": {"connectionId": "abc=", "authorizer": {"tenant": "t1"}, "routeKey": "send"},
    "body": '{"action": "send", "kind": "big", "text": "hi"}',
}
FORM = "application/x-www-form-urlencoded"
SQS = "arn:aws:apigateway:us-east-1:sqs:path/123456789012/jobs"


def integration(kind: str = "MOCK", **said: Any) -> Integration:
    return Integration(kind=kind, **said)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({}, EVENT["body"], id="without templates the body passes"),
        pytest.param({"templates": {"$default": "x"}}, "x", id="$default"),
        pytest.param({"templates": {"application/json": "x"}}, "x", id="a message is JSON"),
        pytest.param({"templates": {"200": "x"}, "template_selection": "200"}, "x", id="a constant selects"),
        pytest.param({"templates": {"200": "x"}, "template_selection": "\\$default"}, EVENT["body"], id="none matches"),
        pytest.param(
            {"templates": {"big": "x", "$default": "y"}, "template_selection": "$request.body.kind"}, "x", id="by body"
        ),
        pytest.param(
            {"templates": {"small": "x", "$default": "y"}, "template_selection": "$request.body.kind"}, "y", id="else"
        ),
        pytest.param({"passthrough": "WHEN_NO_TEMPLATES"}, EVENT["body"], id="there are no templates"),
        pytest.param(
            {"templates": {"$default": '{"id": "$context.connectionId", "t": $input.json("$.text")}'}},
            '{"id": "abc=", "t": "hi"}',
            id="with values",
        ),
    ],
)
def test_the_body_of_a_request(said: dict[str, Any], expected: str) -> None:
    assert body_for(integration(**said), EVENT) == expected


@pytest.mark.parametrize(
    "said",
    [
        {"passthrough": "NEVER"},
        {"templates": {"other": "x"}, "passthrough": "WHEN_NO_TEMPLATES"},
        {"templates": {"$default": "#if"}},
    ],
)
def test_a_body_that_may_not_pass_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(MappingError):
        body_for(integration(**said), EVENT)


def test_a_mock_says_its_status() -> None:
    for said in ('{"statusCode": 201}', "{statusCode:201}", '{ statusCode: 201, "a": "b" }', '{"statusCode": "201"}'):
        assert mock_status(said) == 201
    assert mock_status('{"statusCode": 201, "a": "{b: 1, c: 2}"}') == 201
    for wrong in ("", "{}", "[]", '{"statusCode": 99}', '{"statusCode": "x"}', '{"statusCode": 1e999}', "not JSON"):
        with pytest.raises(MappingError):
            mock_status(wrong)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(200, "fine"), (204, "fine"), (404, "not there: {}"), (500, "otherwise")],
)
def test_an_integration_response_is_chosen_by_the_status(status: int, expected: str) -> None:
    responses = (
        IntegrationResponse(key="$default", templates={"$default": "otherwise"}),
        IntegrationResponse(key="/2\\d\\d/", templates={"$default": "fine"}),
        IntegrationResponse(key="/404/", templates={"$default": "not there: $input.body"}),
    )

    assert response_of(integration(responses=responses), Answer(status, "{}"), EVENT) == Answer(status, expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"errorMessage": "[404] nobody\\nhere", "errorType": "Exception"}', "not there"),
        ('{"errorMessage": "luck ran out", "errorType": "ValueError"}', "otherwise"),
        ('{"statusCode": 200}', "otherwise"),
        ("null", "otherwise"),
    ],
)
def test_an_integration_response_of_a_function_is_chosen_by_its_error_message(body: str, expected: str) -> None:
    responses = (
        IntegrationResponse(key="$default", templates={"$default": "otherwise"}),
        IntegrationResponse(key="/200/", templates={"$default": "by the status"}),
        IntegrationResponse(key="/\\[404\\].*/", templates={"$default": "not there"}),
    )

    found = response_of(integration("AWS", responses=responses), Answer(200, body, is_function=True), EVENT)

    assert found == Answer(200, expected)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        pytest.param("${request.body.kind}", "big", id="the request's body"),
        pytest.param("$integration.response.statuscode", "404", id="the status"),
        pytest.param("${integration.response.header.x-kind}-${request.body.kind}", "b-big", id="a header, and more"),
        pytest.param("${integration.response.multivalueheader.X-Kind}", "[a, b]", id="all values of a header"),
        pytest.param("${integration.response.header.missing}", "else", id="no such header"),
        pytest.param("\\${integration.response.statuscode}", "else", id="a dollar sign"),
        pytest.param("big", "big", id="a constant"),
        pytest.param(None, "else", id="none"),
    ],
)
def test_the_template_of_a_response_is_chosen_by_the_request_and_by_the_answer(
    selection: str | None, expected: str
) -> None:
    keys = ("big", "404", "b-big", "[a, b]", "small")
    templates = {**{key: key for key in keys}, "$default": "else"}
    responses = (IntegrationResponse(templates=templates, template_selection=selection),)
    backend = Answer(404, '{"kind": "small"}', (("X-Kind", "a"), ("X-Kind", "b")))

    assert response_of(integration("HTTP", responses=responses), backend, EVENT) == Answer(404, expected)


def test_without_a_template_the_answer_passes() -> None:
    assert response_of(integration(), Answer(200, "x"), EVENT) == Answer(200, "x")
    assert response_of(integration(responses=(IntegrationResponse(),)), Answer(200, "x"), EVENT) == Answer(200, "x")


def test_a_key_that_is_no_expression_is_refused() -> None:
    with pytest.raises(MappingError, match="no regular expression"):
        response_of(integration(responses=(IntegrationResponse(key="/(/"),)), Answer(200, ""), EVENT)


@pytest.mark.parametrize(
    ("said", "request_"),
    [
        pytest.param(
            {
                "uri": SQS,
                "parameters": {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
            },
            Request(
                method="POST",
                url="https://sqs.us-east-1.amazonaws.com/123456789012/jobs",
                body="B",
                headers={"accept": "application/json", "content-type": FORM},
                service="sqs",
                region="us-east-1",
            ),
            id="a path of a service",
        ),
        pytest.param(
            {"uri": "arn:aws:apigateway:eu-west-1:dynamodb:action/PutItem"},
            Request(
                method="POST",
                url="https://dynamodb.eu-west-1.amazonaws.com/",
                body="B",
                headers={
                    "accept": "application/json",
                    "content-type": "application/x-amz-json-1.0",
                    "x-amz-target": "DynamoDB_20120810.PutItem",
                },
                service="dynamodb",
                region="eu-west-1",
            ),
            id="an action in JSON",
        ),
        pytest.param(
            {
                "uri": "arn:aws:apigateway:us-east-1:sns:action/Publish",
                "parameters": {
                    "integration.request.querystring.Message": "route.request.body.text",
                    "integration.request.querystring.Gone": "route.request.body.missing",
                },
            },
            Request(
                method="POST",
                url="https://sns.us-east-1.amazonaws.com/",
                body="Action=Publish&Message=hi",
                headers={"accept": "application/json", "content-type": FORM},
                service="sns",
                region="us-east-1",
            ),
            id="an action with parameters in the query",
        ),
        pytest.param(
            {
                "uri": "arn:aws:apigateway:us-east-1:sqs:action/SendMessage",
                "parameters": {"integration.request.header.Content-Type": f"'{FORM}'"},
            },
            Request(
                method="POST",
                url="https://sqs.us-east-1.amazonaws.com/",
                body="Action=SendMessage&B",
                headers={"accept": "application/json", "content-type": FORM},
                service="sqs",
                region="us-east-1",
            ),
            id="an action with parameters in a form",
        ),
        pytest.param(
            {
                "kind": "HTTP",
                "method": "PUT",
                "uri": "https://${stageVariables.host}/{tenant}/x",
                "parameters": {
                    "integration.request.path.tenant": "context.authorizer.tenant",
                    "integration.request.header.Connection-Id": "context.connectionId",
                },
            },
            Request(
                method="PUT",
                url="https://shop.example/t1/x",
                body="B",
                headers={"content-type": "application/json", "connection-id": "abc="},
            ),
            id="an HTTP endpoint",
        ),
    ],
)
def test_what_a_backend_is_asked(said: dict[str, Any], request_: Request) -> None:
    assert request_of(integration(**{"kind": "AWS", **said}), "B", EVENT) == request_


@pytest.mark.parametrize(
    ("kind", "responses", "is_two_way", "lacks"),
    [
        ("MOCK", (), True, True),
        ("AWS", (), True, True),
        ("HTTP", (), True, True),
        ("HTTP_PROXY", (), True, False),
        ("HTTP", (), False, False),
        ("HTTP", (IntegrationResponse(),), True, False),
    ],
)
def test_what_answers_a_client_without_being_a_proxy_needs_an_integration_response(
    kind: str, responses: tuple[IntegrationResponse, ...], *, is_two_way: bool, lacks: bool
) -> None:
    assert lacks_response(integration(kind, responses=responses), is_two_way=is_two_way) is lacks


@pytest.mark.parametrize(
    ("source", "query", "header"),
    [
        ("multivaluequerystring.room", "?to=1&to=2%26", "1, 2&"),
        ("querystring.room", "?to=2%26", "2&"),
        ("multivalueheader.x-user", "?to=a&to=b", "a, b"),
        ("header.x-user", "?to=b", "b"),
        ("multivaluequerystring.none", "", None),
        ("multivalueheader.none", "", None),
    ],
)
def test_a_parameter_may_have_several_values(source: str, query: str, header: str | None) -> None:
    event = {
        "requestContext": {},
        "headers": {"X-User": "b"},
        "multiValueHeaders": {"X-User": ["a", "b"]},
        "queryStringParameters": {"room": "2&"},
        "multiValueQueryStringParameters": {"room": ["1", "2&"]},
    }
    parameters = {f"integration.request.{kind}.to": f"route.request.{source}" for kind in ("querystring", "header")}

    asked = request_of(integration("HTTP", uri="https://shop.example/", parameters=parameters), "", event)

    assert asked.url == f"https://shop.example/{query}"
    assert asked.headers.get("to") == header


ASKED = Request(method="POST", url="https://shop.example/x?own=1", body="", headers={"connectionid": "abc="})


def test_an_endpoint_hears_which_api_asks() -> None:
    context = {"apiId": "u6eodn2kg7", "requestId": "Gto5mE7jDoEFj7Q=", "requestTimeEpoch": 1579714621380}

    asked = with_caller(ASKED, "HTTP_PROXY", {"requestContext": context})

    assert asked.url == ASKED.url
    headers = dict(asked.headers)
    assert headers.pop("x-amzn-trace-id").startswith("Root=1-5e28883d-")
    assert headers == {
        "accept": "application/json",
        "user-agent": "AmazonAPIGateway_u6eodn2kg7",
        "x-amzn-apigateway-api-id": "u6eodn2kg7",
        "connectionid": "abc=",
    }


@pytest.mark.parametrize(("kind", "is_told"), [("HTTP_PROXY", True), ("HTTP", False)])
def test_a_proxy_of_connect_hears_what_the_client_said(kind: str, *, is_told: bool) -> None:
    said = {
        "Cookie": ["a=1"],
        "Expect": ["100-continue"],
        "Host": ["ws.example"],
        "Transfer-Encoding": ["chunked"],
        "User-Agent": ["Firefox"],
        "X-Amzn-Trace-Id": ["Root=1-5e288839-4"],
    }
    context = {
        "apiId": "u6",
        "requestId": "Gto47E5bjoEFp6A=",
        "requestTimeEpoch": 1579714617049,
        "routeKey": "$connect",
    }
    event = {
        "requestContext": context,
        "multiValueHeaders": said,
        "multiValueQueryStringParameters": {"to": ["1", "2&"]},
    }

    asked = with_caller(ASKED, kind, event)

    assert asked.url == ("https://shop.example/x?own=1&to=1&to=2%26" if is_told else ASKED.url)
    assert asked.headers.get("cookie") == ("a=1" if is_told else None)
    assert asked.headers["user-agent"] == ("Firefox" if is_told else "AmazonAPIGateway_u6")
    assert (asked.headers["x-amzn-trace-id"] == "Root=1-5e288839-4") is is_told
    assert asked.headers.keys().isdisjoint({"expect", "host", "transfer-encoding"})


@pytest.mark.parametrize(("kind", "uri"), [("AWS", "arn:aws:sqs:us-east-1:1:jobs"), ("HTTP", "file:///etc/passwd")])
def test_an_address_that_is_none_is_refused(kind: str, uri: str) -> None:
    with pytest.raises(MappingError):
        request_of(integration(kind, uri=uri), "", EVENT)


def test_a_handshake_has_headers_and_a_query() -> None:
    event = {"requestContext": {}, "headers": {"Auth": "me"}, "queryStringParameters": {"room": "1"}}
    template = '{"who": "$input.params(\'Auth\')", "room": "$input.params().querystring.room"}'

    found = body_for(integration(templates={"$default": template}), event)

    assert json.loads(found) == {"who": "me", "room": "1"}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("route.request.body.items[1].id", "b"),
        ("route.request.body.items[*].id", "[a, b]"),
        ("route.request.body['a b']", "1"),
        ("route.request.body.none.such", None),
        ("route.request.body.items[x]", None),
    ],
)
def test_a_parameter_is_found_by_a_jsonpath(source: str, value: str | None) -> None:
    event = {"requestContext": {}, "body": '{"items": [{"id": "a"}, {"id": "b"}], "a b": 1}'}

    assert parameter_value(source, event) == value


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, False),
        ({"integration.request.header.X-Amz-Invocation-Type": "'Event'"}, True),
        ({"integration.request.header.x-amz-invocation-type": "route.request.body.how"}, True),
        ({"integration.request.header.X-Amz-Invocation-Type": "'RequestResponse'"}, False),
        ({"integration.request.header.X-Other": "'Event'"}, False),
    ],
)
def test_a_function_may_only_be_given_its_event(parameters: dict[str, str], expected: bool) -> None:
    assert is_only_given(parameters, {"body": '{"how": "Event"}'}) is expected
