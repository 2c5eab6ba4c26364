"""Identity sources and verdicts of authorizers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_api_requests import api, asked

from emulator.gateway.http_apis.events import Asked
from emulator.gateway.http_apis.identity import (
    Allowed,
    Refused,
    Verdict,
    identities,
    is_valid_token,
    judge,
    judge_claims,
)
from emulator.gateway.rules.effects import Raised, Replied, TimedOut
from streamer.topology.http_apis import HttpAuthorizer, HttpKind, HttpRoute

ARN = "arn:aws:execute-api:us-east-2:123456789012:r3pmxmplak"
HTTP = asked(
    api(HttpRoute(path="/a", function="answer"), stage_variables={"colour": "blue"}),
    "/a?key=one&key=two",
    headers=(("Authorization", "Bearer x"), ("Empty", "")),
)
FIRST = asked(api(HttpRoute(path="/a", function="answer", payload="1.0")), "/a")
REST = asked(api(HttpRoute(path="/a", function="answer"), kind=HttpKind.REST, stage="Prod"), "/Prod/a")


def request_authorizer(*sources: str, **said: Any) -> HttpAuthorizer:
    return HttpAuthorizer(name="door", kind="REQUEST", function="door", identity_sources=sources, **said)


@pytest.mark.parametrize(
    ("sources", "values"),
    [
        ((), []),
        (("$request.header.authorization",), ["Bearer x"]),
        (("method.request.header.Authorization",), ["Bearer x"]),
        (("$request.querystring.key",), ["two"]),
        (("$stageVariables.colour", "$context.httpMethod"), ["blue", "GET"]),
        (("context.identity.sourceIp",), ["205.255.255.176"]),
        (("$request.header.Empty",), None),
        (("$request.header.authorization", "$request.header.absent"), None),
        (("$request.querystring.absent",), None),
        (("nonsense",), None),
    ],
)
def test_identity_sources_all_have_a_value_or_the_request_is_refused(
    sources: tuple[str, ...], values: list[str] | None
) -> None:
    assert identities(request_authorizer(*sources), HTTP) == values


def policy(effect: str, resource: str) -> dict[str, Any]:
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def verdict(of: Asked, reply: Any, **said: Any) -> Verdict:
    return judge(request_authorizer(**said), of, Replied(json.dumps(reply).encode()), 3)


def test_a_simple_answer_says_yes_or_no() -> None:
    yes = verdict(HTTP, {"isAuthorized": True, "context": {"age": 7, "tags": ["a"]}}, simple=True)

    assert yes == Allowed({"lambda": {"age": 7, "tags": ["a"]}})
    assert verdict(HTTP, {"isAuthorized": True}, simple=True) == Allowed({"lambda": None})
    for no in (False, None, "true", 1):
        assert verdict(HTTP, {"isAuthorized": no}, simple=True) == Refused(403, "Forbidden")


@pytest.mark.parametrize(
    ("of", "resource"), [(HTTP, f"{ARN}/$default/GET/a"), (REST, f"{ARN}/Prod/GET/a"), (REST, f"{ARN}/*")]
)
def test_a_policy_allows_what_it_names(of: Asked, resource: str) -> None:
    found = verdict(of, {"principalId": "me", "policyDocument": policy("Allow", resource), "context": {"age": 7}})

    told = {"age": "7", "principalId": "me", "integrationLatency": 3}
    assert found == Allowed({"lambda": {"age": 7}} if of is HTTP else told)


def test_payload_1_has_the_context_flat_and_as_texts_beside_what_tokens_would_have() -> None:
    reply = {"principalId": "me", "policyDocument": policy("Allow", "*"), "context": {"vip": True}}

    assert verdict(FIRST, reply) == Allowed({"claims": None, "scopes": None, "vip": "true", "principalId": "me"})


@pytest.mark.parametrize("value", [{"b": 1}, ["b"]])
def test_a_context_of_a_rest_api_has_neither_objects_nor_lists(value: Any) -> None:
    reply = {"principalId": "me", "policyDocument": policy("Allow", "*"), "context": {"a": value}}

    rest, http = verdict(REST, reply), verdict(HTTP, reply)

    assert isinstance(rest, Refused)
    assert (rest.status, rest.error_type) == (500, "AuthorizerConfigurationException")
    assert http == Allowed({"lambda": {"a": value}})


def test_what_is_null_in_a_context_of_a_rest_api_stays_null() -> None:
    found = verdict(REST, {"principalId": "me", "policyDocument": policy("Allow", "*"), "context": {"a": None}})

    assert isinstance(found, Allowed)
    assert found.context["a"] is None


@pytest.mark.parametrize(
    ("of", "document", "message"),
    [
        (HTTP, policy("Deny", "*"), "Forbidden"),
        (HTTP, policy("Allow", "arn:other"), "Forbidden"),
        (
            REST,
            policy("Deny", "*"),
            "User is not authorized to access this resource with an explicit deny in an identity-based policy",
        ),
        (REST, policy("Allow", f"{ARN}/Prod/POST/a"), "User is not authorized to access this resource"),
    ],
)
def test_a_policy_that_does_not_allow_is_403(of: Asked, document: Any, message: str) -> None:
    found = verdict(of, {"principalId": "me", "policyDocument": document})

    assert isinstance(found, Refused)
    assert (found.status, found.message) == (403, message)


@pytest.mark.parametrize("reply", [None, [], {}, {"principalId": "me"}, {"principalId": "me", "context": []}])
@pytest.mark.parametrize(("of", "message"), [(HTTP, "Internal Server Error"), (REST, None)])
def test_an_answer_that_is_none_is_the_services_fault(of: Asked, message: str | None, reply: Any) -> None:
    found = verdict(of, reply)

    assert isinstance(found, Refused)
    assert (found.status, found.message) == (500, message)


def test_an_authorizer_of_a_rest_api_refuses_by_failing_with_unauthorized() -> None:
    failed = Raised(b'{"errorMessage": "Unauthorized", "errorType": "Exception"}')

    rest, http = judge(request_authorizer(), REST, failed, 0), judge(request_authorizer(), HTTP, failed, 0)

    assert isinstance(rest, Refused)
    assert isinstance(http, Refused)
    assert (rest.status, http.status) == (401, 500)


def test_an_error_that_is_nested_too_deeply_to_be_read_is_none_of_unauthorized() -> None:
    found = judge(request_authorizer(), REST, Raised(b"[" * 100_000), 0)

    assert isinstance(found, Refused)
    assert found.status == 500


def test_an_authorizer_that_does_not_answer_is_the_services_fault() -> None:
    found = judge(request_authorizer(), HTTP, TimedOut(), 0)

    assert isinstance(found, Refused)
    assert found.status == 500


@pytest.mark.parametrize(
    ("validation", "token", "expected"),
    [(None, "x", True), ("Bearer .+", "Bearer x", True), ("Bearer .+", "x", False), ("(", "x", False)],
)
def test_a_token_has_the_form_that_is_asked_for(validation: str | None, token: str, expected: bool) -> None:
    authorizer = HttpAuthorizer(name="t", kind="TOKEN", function="door", validation=validation)

    assert is_valid_token(authorizer, token) is expected


JWT = HttpAuthorizer(name="j", kind="JWT", issuers=("https://id.example/",), audience=("shop", "desk"))
CLAIMS = {"iss": "https://id.example/", "aud": "shop", "exp": 200, "nbf": 50, "iat": 50, "scope": "read write"}


def claims(**changed: Any) -> dict[str, Any]:
    return {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}


@pytest.mark.parametrize(
    ("changed", "scopes", "status"),
    [
        pytest.param({}, (), None, id="as it should be"),
        pytest.param({"aud": ["other", "desk"]}, (), None, id="one of several audiences"),
        pytest.param({"aud": None, "client_id": "shop"}, (), None, id="client_id stands for aud"),
        pytest.param({}, ("write", "admin"), None, id="one of the scopes"),
        pytest.param({"scope": None, "scp": ["admin"]}, ("admin",), None, id="scp stands for scope"),
        pytest.param({}, ("admin",), 403, id="none of the scopes"),
        pytest.param({"iss": "https://id.example"}, (), 401, id="another issuer"),
        pytest.param({"aud": "other"}, (), 401, id="another audience"),
        pytest.param({"aud": [{"for": "desk"}]}, (), 401, id="an audience that is no text"),
        pytest.param({"exp": 100}, (), 401, id="expired"),
        pytest.param({"exp": None}, (), 401, id="never expires"),
        pytest.param({"nbf": 101}, (), 401, id="not yet valid"),
        pytest.param({"iat": 101}, (), 401, id="issued in future"),
        pytest.param({"exp": "200"}, (), 401, id="no number"),
    ],
)
def test_claims_are_checked_as_awss_page_lists_it(
    changed: dict[str, Any], scopes: tuple[str, ...], status: int | None
) -> None:
    of = asked(api(HttpRoute(path="/a", function="answer", scopes=scopes)), "/a")

    found = judge_claims(JWT, of, claims(**changed), now=100)

    assert (found.status if isinstance(found, Refused) else None) == status


@pytest.mark.parametrize(
    ("kind", "scopes", "used", "status"),
    [
        ("COGNITO_USER_POOLS", (), "id", None),
        ("COGNITO_USER_POOLS", (), "access", 401),
        ("COGNITO_USER_POOLS", ("read",), "access", None),
        ("COGNITO_USER_POOLS", ("admin",), "access", 403),
        ("COGNITO_USER_POOLS", ("read",), "id", 401),
        ("JWT", (), "access", None),
    ],
)
def test_of_a_user_pools_tokens_methods_with_scopes_take_access_tokens_and_others_id_tokens(
    kind: str, scopes: tuple[str, ...], used: str, status: int | None
) -> None:
    pool = HttpAuthorizer(name="pool", kind=kind, issuers=("https://id.example/",))
    rest = api(HttpRoute(path="/a", function="answer", scopes=scopes), kind=HttpKind.REST, stage="Prod")

    found = judge_claims(pool, asked(rest, "/Prod/a"), claims(token_use=used), now=100)

    assert (found.status if isinstance(found, Refused) else None) == status


def test_a_token_that_expired_is_told_so() -> None:
    rest, http = (judge_claims(JWT, of, claims(exp=100), now=100) for of in (REST, HTTP))

    assert isinstance(rest, Refused)
    assert isinstance(http, Refused)
    assert (rest.message, rest.challenge) == ("The incoming token has expired", None)
    assert http.challenge == 'Bearer scope="" error="invalid_token" error_description="the token has expired"'


@pytest.mark.parametrize(
    ("of", "told"),
    [
        pytest.param(
            HTTP, {"jwt": {"claims": {"iss": "us", "exp": "200", "groups": "[a b]"}, "scopes": None}}, id="payload 2.0"
        ),
        pytest.param(
            FIRST, {"claims": {"iss": "us", "exp": "200", "groups": "[a b]"}, "scopes": None}, id="payload 1.0"
        ),
        pytest.param(REST, {"claims": {"iss": "us", "exp": "200", "groups": "[a b]"}}, id="REST"),
    ],
)
def test_claims_are_texts_in_events(of: Asked, told: dict[str, Any]) -> None:
    authorizer = HttpAuthorizer(name="j", kind="JWT", issuers=("us",))

    assert judge_claims(authorizer, of, {"iss": "us", "exp": 200, "groups": ["a", "b"]}, now=100) == Allowed(told)
