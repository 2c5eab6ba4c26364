"""Probes of FIDELITY section A, access: REQUEST authorizers, IAM and API keys on ``$connect``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.credentials import Credentials
from fidelity_world import AUTHORIZER, CONNECT, DEFAULT, DISCONNECT, OWN, MakeWorld, World

from streamer.errors import TopologyError
from streamer.topology import Authorizer

ARN = "arn:aws:execute-api:us-east-1:123456789012:"


@pytest.fixture
def guarded(make_world: MakeWorld) -> World:
    """A service whose ``$connect`` has an authorizer."""
    return make_world(authorizer=AUTHORIZER)


# A27-A29: what is asked, and when


def test_only_connect_can_have_an_authorizer(make_world: MakeWorld) -> None:
    with pytest.raises(TopologyError, match="only \\$connect"):
        make_world(CONNECT, replace(DEFAULT, authorizer="gatekeeper"), authorizers=(AUTHORIZER,))


@pytest.mark.parametrize(
    ("source", "target", "headers"),
    [
        pytest.param("route.request.header.Auth", "/dev", [("Auth", "x")], id="header"),
        pytest.param("route.request.header.auth", "/dev", [("AUTH", "x")], id="header of another case"),
        pytest.param("route.request.querystring.token", "/dev?token=x", [], id="query string"),
        pytest.param("context.identity.sourceIp", "/dev", [], id="context"),
        pytest.param("stageVariables.colour", "/dev", [], id="stage variable"),
    ],
)
def test_an_identity_source_that_is_there_leads_to_the_authorizer(
    make_world: MakeWorld, source: str, target: str, headers: list[tuple[str, str]]
) -> None:
    world = make_world(authorizer=replace(AUTHORIZER, identity_sources=(source,)), stage_variables={"colour": "blue"})

    world.open(*headers, target=target)

    assert len(world.events("authorize")) == 1


@pytest.mark.parametrize(
    ("sources", "target", "headers"),
    [
        pytest.param(["route.request.header.Auth"], "/dev", [], id="no header"),
        pytest.param(["route.request.header.Auth"], "/dev", [("Auth", "")], id="empty header"),
        pytest.param(["route.request.querystring.token"], "/dev", [], id="no query"),
        pytest.param(["route.request.querystring.token"], "/dev?token=", [], id="empty query"),
        pytest.param(["route.request.querystring.token"], "/dev?Token=x", [], id="query of another case"),
        pytest.param(["stageVariables.missing"], "/dev", [], id="no stage variable"),
        pytest.param(
            ["route.request.header.Auth", "route.request.querystring.token"], "/dev?token=x", [], id="one of two"
        ),
    ],
)
def test_a_missing_identity_source_is_401_and_the_authorizer_is_not_called(
    make_world: MakeWorld, sources: list[str], target: str, headers: list[tuple[str, str]]
) -> None:
    world = make_world(authorizer=replace(AUTHORIZER, identity_sources=tuple(sources)))

    answer = world.refused(target, *headers)

    assert (answer.status, answer.body) == (401, b'{"message":"Unauthorized"}')
    assert not world.events("authorize")
    assert not world.events("connect")


# A30-A31, A36: the verdict


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param({"Effect": "Deny"}, id="deny"),
        pytest.param({"Resource": ARN + "otherapi00/dev/$connect"}, id="another api"),
        pytest.param({"Resource": ARN + "*/prod/*"}, id="another stage"),
        pytest.param({"Resource": ARN + "*/dev/$default"}, id="another route"),
        pytest.param({"Action": "execute-api:ManageConnections"}, id="another action"),
    ],
)
def test_a_policy_that_does_not_allow_is_403(guarded: World, statement: dict[str, str]) -> None:
    assert guarded.refused(guarded.authorized(statement=statement)).status == 403
    assert not guarded.events("connect")


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param({}, id="the method arn"),
        pytest.param({"Resource": "*"}, id="everything"),
        pytest.param({"Resource": ARN + "*/dev/*"}, id="wildcards"),
        pytest.param({"Resource": ["arn:aws:s3:::x", "arn:aws:execute-api:*"]}, id="one of a list"),
        pytest.param({"Action": "execute-api:*"}, id="all actions"),
        pytest.param({"Action": ["execute-api:invoke"]}, id="actions have no case"),
    ],
)
def test_a_policy_that_allows_the_method_arn_opens(guarded: World, statement: dict[str, str]) -> None:
    guarded.open(target=guarded.authorized(statement=statement)).pinged()


@pytest.mark.parametrize(
    ("order", "status"),
    [
        pytest.param({"raise": "Unauthorized"}, 401, id="raises Unauthorized"),
        pytest.param({"raise": "unauthorized"}, 500, id="raises unauthorized"),
        pytest.param({"raise": "Unauthorized user"}, 500, id="raises Unauthorized and more"),
        pytest.param({"raise": "boom"}, 500, id="raises"),
        pytest.param({"return": None}, 500, id="returns None"),
        pytest.param({"return": {"principalId": "ada"}}, 500, id="no policy"),
        pytest.param({"reply": {"policyDocument": {"Statement": [{"Effect": "Allow"}]}}}, 500, id="half a policy"),
        pytest.param({"return": {"isAuthorized": True}}, 500, id="the simple format of HTTP APIs"),
        pytest.param({"reply": {"principalId": None}}, 500, id="no principal"),
        pytest.param({"reply": {"context": {"list": [1]}}}, 500, id="nested context"),
    ],
)
def test_a_failing_authorizer_decides_the_status(guarded: World, order: dict[str, Any], status: int) -> None:
    assert guarded.refused(guarded.authorized(**order)).status == status


def test_an_authorizers_result_has_at_most_8_kb(make_world: MakeWorld) -> None:
    big = '{"return": {"principalId": "ada", "context": {"long": "' + "x" * 8192 + '"}}}'
    world = make_world(authorizer=AUTHORIZER, functions={"authorize": {"environment": {"DO": big}}})

    assert world.refused().status == 500


def test_an_authorizer_that_is_too_slow_is_500(make_world: MakeWorld) -> None:
    world = make_world(authorizer=AUTHORIZER, limits={"integration_timeout_seconds": 0.05})
    gate = world.gate()

    assert world.refused(world.authorized(gate=gate.path)).status == 500


def test_every_attempt_asks_the_authorizer_again(guarded: World) -> None:
    for _ in range(3):
        guarded.open(("Auth", "same"))

    assert len(guarded.events("authorize")) == 3


# A32-A35: what the authorizer sees and leaves behind


def test_the_authorizers_event_to_the_key_order(guarded: World) -> None:
    guarded.open()
    event = guarded.event("authorize")

    assert list(event) == [
        "type",
        "methodArn",
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "stageVariables",
        "requestContext",
    ]
    assert event["type"] == "REQUEST"
    assert event["methodArn"] == f"{ARN}{event['requestContext']['apiId']}/dev/$connect"
    assert [event[key] for key in list(event)[4:7]] == [{}, {}, {}]
    assert event["requestContext"]["routeKey"] == "$connect"
    assert event["requestContext"]["eventType"] == "CONNECT"
    assert "authorizer" not in event["requestContext"]


def test_the_authorizer_sees_the_query_and_the_stage_variables(make_world: MakeWorld) -> None:
    world = make_world(authorizer=AUTHORIZER, stage_variables={"colour": "blue"})
    world.open(target="/dev?a=1&a=2&b=%20x")
    event = world.event("authorize")

    assert event["queryStringParameters"] == {"a": "2", "b": " x"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [" x"]}
    assert event["stageVariables"] == {"colour": "blue"}


def test_only_the_authorizer_sees_the_upgrade_headers(guarded: World) -> None:
    guarded.open()
    seen = guarded.event("authorize")["headers"]
    connect = guarded.event("connect")["headers"]

    assert (seen["Connection"], seen["content-length"], seen["Upgrade"]) == ("upgrade", "0", "websocket")
    assert list(seen) == sorted(seen, key=str.lower)
    assert not {"connection", "content-length", "upgrade"} & {name.lower() for name in connect}


def test_the_context_is_strings_and_then_the_principal_in_every_event(guarded: World) -> None:
    context = {"text": "x", "number": 1, "fraction": 1.5, "yes": True, "no": False}
    client = guarded.open(target=guarded.authorized(reply={"context": context}))
    client.text("hi")
    guarded.event("message")
    client.close(1000)

    expected = {"text": "x", "number": "1", "fraction": "1.5", "yes": "true", "no": "false", "principalId": "ada"}
    for name in ("message", "disconnect"):
        seen = guarded.event(name)["requestContext"]["authorizer"]
        assert list(seen.items()) == list(expected.items())
    seen = guarded.event("connect")["requestContext"]["authorizer"]
    assert isinstance(seen.pop("integrationLatency"), int)
    assert list(seen.items()) == list(expected.items())


def test_a_principal_alone_is_a_context(guarded: World) -> None:
    client = guarded.open()
    client.text("hi")

    assert guarded.event("message")["requestContext"]["authorizer"] == {"principalId": "ada"}


def test_what_was_allowed_holds_for_every_route(guarded: World) -> None:
    """The policy allows $connect alone, and is not asked again."""
    client = guarded.open(target=guarded.authorized(statement={"Resource": ARN + "*/dev/$connect"}))
    client.text("hi")

    guarded.event("message")


# A38, signed upgrades


@pytest.fixture
def signed_only(make_world: MakeWorld) -> World:
    return make_world(replace(CONNECT, iam=True), DISCONNECT, DEFAULT)


def test_an_unsigned_upgrade_is_403(signed_only: World) -> None:
    answer = signed_only.refused()

    assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"})


def test_an_upgrade_signed_in_its_headers_opens(signed_only: World) -> None:
    signed_only.open(*signed_only.signature("GET", "/dev")).pinged()


def test_an_upgrade_with_a_presigned_url_opens(signed_only: World) -> None:
    """What browsers must do, which cannot set headers."""
    signed_only.open(target=signed_only.presigned("/dev?x=1")).pinged()


@pytest.mark.parametrize("where", ["header", "url"])
def test_a_signature_made_with_another_secret_is_403(signed_only: World, where: str) -> None:
    stolen = Credentials(OWN.access_key, "wrong secret")
    headers = signed_only.signature("GET", "/dev", b"", stolen) if where == "header" else []
    target = "/dev" if where == "header" else signed_only.presigned("/dev", stolen)

    answer = signed_only.refused(target, *headers)

    assert answer.status == 403
    assert answer.header("x-amzn-ErrorType") == "InvalidSignatureException"


def test_a_presigned_url_expires(signed_only: World) -> None:
    target = signed_only.presigned("/dev", expires=-10)

    answer = signed_only.refused(target)

    assert answer.status == 403


def test_a_presigned_url_cannot_be_changed(signed_only: World) -> None:
    assert signed_only.refused(signed_only.presigned("/dev?user=ada").replace("ada", "bob")).status == 403


# A39: API keys


@pytest.fixture
def keyed(make_world: MakeWorld) -> World:
    return make_world(replace(CONNECT, api_key_required=True), DISCONNECT, DEFAULT, api_keys=("k1", "k2"))


@pytest.mark.parametrize("key", ["k1", "k2"])
def test_an_api_key_opens(keyed: World, key: str) -> None:
    keyed.open(("x-api-key", key)).pinged()


@pytest.mark.parametrize("headers", [[], [("x-api-key", "")], [("x-api-key", "K1")]], ids=["missing", "empty", "wrong"])
def test_without_a_valid_api_key_it_is_403(keyed: World, headers: list[tuple[str, str]]) -> None:
    assert keyed.refused(None, *headers).status == 403
    assert not keyed.events("connect")


@pytest.mark.parametrize(("key", "status"), [("k1", 101), ("k3", 403)])
def test_the_authorizer_may_name_the_api_key(make_world: MakeWorld, key: str, status: int) -> None:
    world = make_world(
        replace(CONNECT, api_key_required=True, authorizer="gatekeeper"),
        authorizers=(Authorizer(name="gatekeeper", function="authorize"),),
        api_keys=("k1",),
        api_key_selection_expression="$context.authorizer.usageIdentifierKey",
    )

    answer = world.upgrading(world.authorized(reply={"usageIdentifierKey": key})).answer(has_body=False)

    assert answer.status == status
