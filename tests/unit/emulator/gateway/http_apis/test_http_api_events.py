"""Events in AWS's shape, compared with the examples of its documentation: the same keys in the same order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_api_requests import TRACE, api, asked

from emulator.gateway.http_apis.events import authorizer_event, event_of
from streamer.topology.http_apis import HttpApi, HttpKind, HttpRoute

CLIENT = (
    ("Host", "r3pmxmplak.execute-api.us-east-2.amazonaws.com"),
    ("User-Agent", "Mozilla/5.0"),
    ("Accept", "text/html"),
    ("Cookie", "s_fid=7AABXMPL; other=1"),
)
FORWARDED = {"x-amzn-trace-id": TRACE, "x-forwarded-for": "205.255.255.176", "x-forwarded-port": "443"}

NODE_EXAMPLE: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "ANY /nodejs-apig-function",
    "rawPath": "/default/nodejs-apig-function",
    "rawQueryString": "",
    "cookies": ["s_fid=7AABXMPL", "other=1"],
    "headers": {
        "accept": "text/html",
        "content-length": "0",
        "host": "r3pmxmplak.execute-api.us-east-2.amazonaws.com",
        "user-agent": "Mozilla/5.0",
        **FORWARDED,
        "x-forwarded-proto": "https",
    },
    "requestContext": {
        "accountId": "123456789012",
        "apiId": "r3pmxmplak",
        "domainName": "r3pmxmplak.execute-api.us-east-2.amazonaws.com",
        "domainPrefix": "r3pmxmplak",
        "http": {
            "method": "GET",
            "path": "/default/nodejs-apig-function",
            "protocol": "HTTP/1.1",
            "sourceIp": "205.255.255.176",
            "userAgent": "Mozilla/5.0",
        },
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": "ANY /nodejs-apig-function",
        "stage": "default",
        "time": "10/Mar/2020:05:16:23 +0000",
        "timeEpoch": 1583817383220,
    },
    "isBase64Encoded": False,
}
"""[REC] lambda-docs:services-apigateway, the event of an HTTP API"""


def shape(value: Any) -> Any:
    """Keys in their order, all the way down; a list stands for what compares them."""
    return [(key, shape(each)) for key, each in value.items()] if isinstance(value, dict) else None


def test_payload_2_is_the_event_that_awss_pages_show() -> None:
    web = api(HttpRoute(path="/nodejs-apig-function", function="answer"), stage="default")

    event = event_of(asked(web, "/default/nodejs-apig-function", headers=CLIENT))

    assert event == NODE_EXAMPLE
    assert shape(event) == shape(NODE_EXAMPLE)


def test_payload_2_with_everything_has_the_keys_of_the_documented_structure() -> None:
    web = api(HttpRoute(path="/{parameter1}", method="POST", function="answer"), stage_variables={"a": "b"})
    headers = (("Header1", "value1"), ("Header2", "value1"), ("header2", "value2"), ("Content-Type", "text/plain"))
    target = "/value1?parameter1=value1&parameter1=value2&parameter2=a%20b"

    event = event_of(
        asked(web, target, method="POST", headers=headers, body=b"Hello"), {"jwt": {"claims": {}, "scopes": None}}
    )

    assert list(event) == [
        *("version", "routeKey", "rawPath", "rawQueryString", "headers", "queryStringParameters", "requestContext"),
        *("body", "pathParameters", "isBase64Encoded", "stageVariables"),
    ]
    assert list(event["requestContext"])[:4] == ["accountId", "apiId", "authorizer", "domainName"]
    assert event["headers"]["header2"] == "value1,value2"
    assert event["queryStringParameters"] == {"parameter1": "value1,value2", "parameter2": "a b"}
    assert event["rawQueryString"] == "parameter1=value1&parameter1=value2&parameter2=a%20b"
    assert (event["body"], event["pathParameters"]) == ("Hello", {"parameter1": "value1"})
    assert event["stageVariables"] == {"a": "b"}


def test_payload_1_is_the_documented_structure_with_null_for_what_is_empty() -> None:
    web = api(HttpRoute(path="/my/path", function="answer", payload="1.0"))

    event = event_of(asked(web, "/my/path", headers=CLIENT))

    assert list(event) == [
        *("version", "resource", "path", "httpMethod", "headers", "multiValueHeaders", "queryStringParameters"),
        *("multiValueQueryStringParameters", "requestContext", "pathParameters", "stageVariables", "body"),
        "isBase64Encoded",
    ]
    assert list(event["requestContext"]) == [
        *("accountId", "apiId", "domainName", "domainPrefix", "extendedRequestId", "httpMethod", "identity", "path"),
        *("protocol", "requestId", "requestTime", "requestTimeEpoch", "resourceId", "resourcePath", "stage"),
    ]
    assert event["headers"]["cookie"] == "s_fid=7AABXMPL; other=1"
    assert event["multiValueHeaders"]["User-Agent"] == ["Mozilla/5.0"]
    assert [event[key] for key in ("queryStringParameters", "pathParameters", "stageVariables", "body")] == [None] * 4
    assert event["requestContext"]["resourceId"] == "ANY /my/path"


def test_payload_1_spells_headers_as_an_http_api_does_and_sorts_them_so() -> None:
    """[USR] events that were logged, of Postman and curl; names of its own stay as the client has them."""
    web = api(HttpRoute(path="/", method="POST", function="answer", payload="1.0"))
    headers = (
        *(("content-type", "text/plain"), ("user-agent", "PostmanRuntime/7.36.0"), ("Accept", "*/*")),
        *(("Postman-Token", "1"), ("host", "a.b"), ("Accept-Encoding", "gzip"), ("x-own", "2")),
    )

    event = event_of(asked(web, method="POST", headers=headers, body=b"a"), {"claims": {}, "scopes": None})

    assert list(event["headers"]) == [
        *("Content-Length", "Content-Type", "Host", "Postman-Token", "User-Agent", "X-Amzn-Trace-Id"),
        *("X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "accept", "accept-encoding", "x-own"),
    ]
    assert list(event["multiValueHeaders"]) == list(event["headers"])
    assert event["requestContext"]["authorizer"] == {"claims": {}, "scopes": None}


REST_CONTEXT = [
    *("resourceId", "resourcePath", "httpMethod", "extendedRequestId", "requestTime", "path", "accountId", "protocol"),
    *("stage", "domainPrefix", "requestTimeEpoch", "requestId", "identity", "domainName"),
    *("deploymentId", "apiId"),
]
REST_IDENTITY = [
    *("cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "sourceIp", "principalOrgId", "accessKey"),
    *("cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "userAgent", "user"),
]
"""[REC] lambda-docs:services-apigateway, the event of a REST API"""


def test_the_event_of_a_rest_api_is_the_one_that_awss_pages_show() -> None:
    rest = api(HttpRoute(path="/{proxy+}", function="answer"), kind=HttpKind.REST, stage="Prod")

    event = event_of(asked(rest, "/Prod/a%20b?x=1&x=2", headers=CLIENT))

    assert list(event) == [
        *("resource", "path", "httpMethod", "headers", "multiValueHeaders", "queryStringParameters"),
        *("multiValueQueryStringParameters", "pathParameters", "stageVariables", "requestContext", "body"),
        "isBase64Encoded",
    ]
    context = event["requestContext"]
    assert list(context) == REST_CONTEXT
    assert list(context["identity"]) == REST_IDENTITY
    assert (event["path"], context["path"]) == ("/a%20b", "/Prod/a%20b")
    assert event["pathParameters"] == {"proxy": "a%20b"}
    assert (event["queryStringParameters"], event["multiValueQueryStringParameters"]) == ({"x": "2"}, {"x": ["1", "2"]})
    assert event["headers"]["User-Agent"] == "Mozilla/5.0"
    assert (context["requestId"], context["extendedRequestId"]) == (
        "77375676-xmpl-4b79-853a-f982474efe18",
        "JKJaXmPLvHcESHA=",
    )


def test_a_path_of_a_rest_api_is_told_without_the_second_slash_behind_the_stage() -> None:
    """[REC] ls-snap test_lambda_aws_proxy_integration."""
    rest = api(HttpRoute(path="/{proxy+}", function="answer"), kind=HttpKind.REST, stage="Prod")

    event = event_of(asked(rest, "/Prod//a//b", headers=CLIENT))

    assert (event["path"], event["requestContext"]["path"]) == ("/a//b", "/Prod//a//b")
    assert event["pathParameters"] == {"proxy": "a//b"}


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        pytest.param(HttpKind.REST, {"a": "1", "b": "2", "c": ";"}, id="split by a REST API"),
        pytest.param(HttpKind.HTTP, {"a": "1;b=2", "c": ";"}, id="part of the value elsewhere"),
    ],
)
def test_a_semicolon_in_a_query(kind: HttpKind, seen: dict[str, str]) -> None:
    of = api(
        HttpRoute(path="/{proxy+}", function="answer"), kind=kind, stage="Prod" if kind is HttpKind.REST else "$default"
    )

    event = event_of(asked(of, f"{of.base_path}/x?a=1;b=2&c=%3B"))

    assert event["queryStringParameters"] == seen


def test_a_function_url_has_an_account_only_for_signed_requests() -> None:
    url = api(kind=HttpKind.URL)

    event = event_of(asked(url, "/a%20b", headers=CLIENT))
    signed = event_of(asked(url, "/"), {"iam": {"accountId": "123456789012"}})

    assert event["rawPath"] == "/a%20b"
    assert (event["routeKey"], event["requestContext"]["stage"]) == ("$default", "$default")
    assert event["requestContext"]["accountId"] == "anonymous"
    assert event["requestContext"]["domainName"] == "r3pmxmplak.lambda-url.us-east-2.on.aws"
    assert signed["requestContext"]["accountId"] == "123456789012"


@pytest.mark.parametrize(
    ("kind", "content_type", "body", "expected"),
    [
        (HttpKind.HTTP, "application/json", b"{}", ("{}", False)),
        (HttpKind.HTTP, "text/csv; charset=utf-8", b"a,b", ("a,b", False)),
        (HttpKind.HTTP, "application/x-www-form-urlencoded", b"a=b", ("YT1i", True)),
        (HttpKind.HTTP, "image/png", b"\x89PNG", ("iVBORw==", True)),
        (HttpKind.HTTP, "", b"plain", ("plain", False)),
        (HttpKind.HTTP, "text/plain", b"\xff", ("/w==", True)),
        (HttpKind.REST, "application/x-www-form-urlencoded", b"a=b", ("a=b", False)),
        (HttpKind.REST, "image/png", b"\x89PNG", ("iVBORw==", True)),
        (HttpKind.REST, "image/gif", b"GIF", ("GIF", False)),
        (HttpKind.URL, "application/octet-stream", b"a", ("YQ==", True)),
        (HttpKind.HTTP, "text/plain", b"", (None, False)),
    ],
)
def test_bodies_are_text_or_base64(
    kind: HttpKind, content_type: str, body: bytes, expected: tuple[str | None, bool]
) -> None:
    web = api(kind=kind, binary_types=("image/png",))
    headers = (("Content-Type", content_type),) if content_type else ()

    event = event_of(asked(web, "/", method="POST", headers=headers, body=body))

    assert (event.get("body"), event["isBase64Encoded"]) == expected


def test_the_events_of_authorizers_are_the_documented_ones() -> None:
    web = api(HttpRoute(path="/request", function="answer"), stage="test", stage_variables={"a": "b"})
    request = asked(web, "/test/request?q=1", headers=CLIENT)

    second = authorizer_event(request, "2.0", ["user1", "123"])
    first = authorizer_event(request, "1.0", ["user1", "123"])

    arn = "arn:aws:execute-api:us-east-2:123456789012:r3pmxmplak/test/GET/request"
    assert list(second) == [
        *("version", "type", "routeArn", "identitySource", "routeKey", "rawPath", "rawQueryString", "cookies"),
        *("headers", "queryStringParameters", "requestContext", "stageVariables"),
    ]
    assert (second["routeArn"], second["identitySource"]) == (arn, ["user1", "123"])
    assert list(first)[:6] == ["version", "type", "methodArn", "identitySource", "authorizationToken", "resource"]
    assert (first["methodArn"], first["identitySource"]) == (arn, "user1,123")
    assert (first["pathParameters"], first["stageVariables"]) == ({}, {"a": "b"})
    assert first["headers"]["User-Agent"] == "Mozilla/5.0"
    assert "body" not in first
    assert "body" not in second


def test_the_authorizer_of_a_rest_api_gets_empty_objects_for_what_is_not_there() -> None:
    rest = api(HttpRoute(path="/request", function="answer"), kind=HttpKind.REST, stage="test")

    event = authorizer_event(asked(rest, "/test/request", headers=CLIENT), "1.0", ["x"])

    assert list(event) == [
        *("type", "methodArn", "resource", "path", "httpMethod", "headers", "multiValueHeaders"),
        *("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"),
        "requestContext",
    ]
    assert event["pathParameters"] == event["stageVariables"] == event["queryStringParameters"] == {}
    assert json.dumps(event)


@pytest.mark.parametrize("of", [api(), api(HttpRoute(path="$default", function="answer", payload="1.0"))])
def test_how_a_body_was_sent_is_not_told_but_its_length(of: HttpApi) -> None:
    sent = (("Transfer-Encoding", "chunked"), ("Expect", "100-continue"), ("TE", "trailers"), ("X-A", "1"))

    headers = event_of(asked(of, method="POST", headers=sent, body=b"abc"))["headers"]

    lower = {name.lower(): value for name, value in headers.items()}
    assert {name: value for name, value in lower.items() if not name.startswith("x-forwarded")} == {
        "content-length": "3",
        "x-a": "1",
        "x-amzn-trace-id": TRACE,
    }
