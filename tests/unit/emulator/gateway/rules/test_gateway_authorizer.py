from __future__ import annotations

import json
from typing import Any

import pytest
from gateway_world import returned
from hypothesis import given
from hypothesis import strategies as st

from emulator.gateway.rules.authorizer import Authorized, Broken, Denied, Unauthorized, has_identity, judge
from emulator.gateway.rules.effects import NotInvoked, Raised, Replied, TimedOut

ARN = "arn:aws:execute-api:eu-west-1:210987654321:z9y8x7w6v5/dev/$connect"
EVENT = {
    "headers": {"X-Token": "t", "Empty": ""},
    "queryStringParameters": {"token": "q", "a.b": "dots"},
    "stageVariables": {"mode": "on"},
    "requestContext": {"stage": "dev", "identity": {"sourceIp": "192.0.2.1"}},
}


def statement(effect: str = "Allow", **changes: Any) -> dict[str, Any]:
    base = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": ARN}
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def reply(*statements: dict[str, Any], **changes: Any) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return {"principalId": "user-7", "policyDocument": document, **changes}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("route.request.header.X-Token", True, id="header"),
        pytest.param("route.request.header.x-token", True, id="header in any case"),
        pytest.param("route.request.header.Empty", False, id="empty header"),
        pytest.param("route.request.header.Other", False, id="missing header"),
        pytest.param("route.request.querystring.token", True, id="query"),
        pytest.param("route.request.querystring.a.b", True, id="query name with a dot"),
        pytest.param("route.request.querystring.Token", False, id="query names have a case"),
        pytest.param("stageVariables.mode", True, id="stage variable"),
        pytest.param("stageVariables.other", False, id="missing stage variable"),
        pytest.param("context.stage", True, id="context"),
        pytest.param("context.identity.sourceIp", True, id="nested context"),
        pytest.param("context.identity.sourceIp.x", False, id="too deep in the context"),
        pytest.param("method.request.header.X-Token", False, id="a REST source"),
    ],
)
def test_identity_sources_are_looked_up(source: str, expected: bool) -> None:
    assert has_identity(source, EVENT) is expected


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        pytest.param([statement()], Authorized, id="exact ARN"),
        pytest.param([statement(Resource="*")], Authorized, id="everything"),
        pytest.param([statement(Resource=["x", ARN])], Authorized, id="list of resources"),
        pytest.param([statement(Resource=ARN.replace("$connect", "*"))], Authorized, id="the whole stage"),
        pytest.param([statement(Resource=ARN.replace("dev", "d?v"))], Authorized, id="question mark"),
        pytest.param([statement(Action="EXECUTE-API:*")], Authorized, id="actions have no case"),
        pytest.param([statement(Action=["s3:*", "execute-api:Inv*"])], Authorized, id="list of actions"),
        pytest.param([statement(Action=None, NotAction="s3:*")], Authorized, id="NotAction"),
        pytest.param([statement(Resource=None, NotResource="arn:x")], Authorized, id="NotResource"),
        pytest.param([statement("Deny")], Denied, id="explicit deny"),
        pytest.param([statement(), statement("Deny", Resource="*")], Denied, id="deny wins over allow"),
        pytest.param([statement(Resource=ARN.replace("/dev/", "/prod/"))], Denied, id="another stage"),
        pytest.param([statement(Resource=ARN.replace("z9y8", "a1b2"))], Denied, id="another API"),
        pytest.param([statement(Resource=ARN.upper())], Denied, id="resources have a case"),
        pytest.param([statement(Action="execute-api:ManageConnections")], Denied, id="another action"),
        pytest.param([statement(Action=None, NotAction="execute-api:*")], Denied, id="NotAction excludes it"),
        pytest.param([], Denied, id="no statement"),
        pytest.param([statement(Condition={"x": {}})], Denied, id="an allow under a condition"),
        pytest.param([statement(), statement("Deny", Condition={"x": {}})], Denied, id="a deny under a condition"),
        pytest.param([statement("allow")], Broken, id="unknown effect"),
        pytest.param([statement(Action=None)], Broken, id="no action"),
        pytest.param([statement(Resource=None)], Broken, id="no resource"),
        pytest.param([statement(Resource=[1])], Broken, id="a resource that is a number"),
        pytest.param(["x"], Broken, id="a statement that is a string"),
    ],
)
def test_the_policy_is_evaluated_against_the_method_arn(statements: list[dict[str, Any]], verdict: type) -> None:
    assert isinstance(judge(returned(reply(*statements)), ARN), verdict)


def test_a_single_statement_need_not_be_in_a_list() -> None:
    result = reply(policyDocument={"Statement": statement()})

    assert isinstance(judge(returned(result), ARN), Authorized)


def test_context_values_become_strings_and_the_principal_comes_last() -> None:
    context = {"n": 1, "f": 1.5, "yes": True, "s": "x", "nothing": None, "principalId": "overwritten"}

    verdict = judge(returned(reply(statement(), context=context, usageIdentifierKey="key-1")), ARN)

    assert verdict == Authorized(
        {"n": "1", "f": "1.5", "yes": "true", "s": "x", "nothing": None, "principalId": "user-7"},
        usage_identifier_key="key-1",
    )


def test_the_principal_is_the_last_of_the_authorizer_data() -> None:
    verdict = judge(returned(reply(statement(), context={"a": "1", "b": "2"})), ARN)

    assert isinstance(verdict, Authorized)
    assert list(verdict.context) == ["a", "b", "principalId"]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(None, id="None"),
        pytest.param("Allow", id="string"),
        pytest.param({}, id="empty"),
        pytest.param({"isAuthorized": True}, id="an answer for HTTP APIs"),
        pytest.param({"principalId": "p"}, id="no policy"),
        pytest.param({"policyDocument": {"Statement": [statement()]}}, id="no principal"),
        pytest.param(reply(statement(), context={"a": {"b": 1}}), id="nested object in the context"),
        pytest.param(reply(statement(), context={"a": [1]}), id="list in the context"),
        pytest.param(reply(statement(), context=[1]), id="context is a list"),
        pytest.param(reply(statement(), context={"a": "x" * 8192}), id="over 8 KB"),
        pytest.param(reply(policyDocument="x"), id="policy is a string"),
    ],
)
def test_an_unusable_answer_is_the_authorizers_fault(result: Any) -> None:
    assert isinstance(judge(returned(result), ARN), Broken)


@pytest.mark.parametrize(
    ("failure", "verdict"),
    [
        pytest.param(b'{"errorMessage": "Unauthorized", "errorType": "Exception"}', Unauthorized, id="Unauthorized"),
        pytest.param(b'{"errorMessage": "unauthorized"}', Broken, id="another case"),
        pytest.param(b'{"errorMessage": "Unauthorized: expired"}', Broken, id="more than that"),
        pytest.param(b'{"errorMessage": "boom"}', Broken, id="another message"),
        pytest.param(b"\xff", Broken, id="no JSON"),
        pytest.param(b"[]", Broken, id="no object"),
    ],
)
def test_only_the_message_unauthorized_means_401(failure: bytes, verdict: type) -> None:
    assert isinstance(judge(Raised(failure), ARN), verdict)


def test_an_authorizer_that_does_not_answer_is_broken() -> None:
    assert isinstance(judge(TimedOut(), ARN), Broken)
    assert isinstance(judge(NotInvoked("throttled"), ARN), Broken)


@given(
    st.binary(max_size=30)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["principalId", "policyDocument", "Statement", "Effect", "Action", "Resource", "context"]
                ),
                inner,
                max_size=4,
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_answer_gets_a_verdict(payload: bytes) -> None:
    assert isinstance(judge(Replied(payload), ARN), Authorized | Denied | Broken)
