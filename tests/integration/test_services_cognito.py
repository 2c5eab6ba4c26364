"""User pools asked by an unmodified boto3: users, functions of pools, tokens that verify where AWS publishes keys."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from services_world import ACCOUNT, World, until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from emulator.services.calls import Call
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.app import App
from streamer.topology import Api, Authorizer, Function, Key, Permission, Route, Table, TableAccess, Topology
from streamer.topology.http_apis import HttpApi, HttpAuthorizer, HttpKind, HttpRoute

POOL, CLIENT = "us-east-1_madebefor", "clientmade"
ISSUER = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL}"
PASSWORD = "Passw0rd!"
HANDLER = """
import boto3, json, jwt, os

keys = jwt.PyJWKClient(os.environ.get("ISSUER", "https://none") + "/.well-known/jwks.json")

def authorize(event, context):
    token = event["queryStringParameters"]["token"]
    key = keys.get_signing_key_from_jwt(token).key
    try:
        wanted = {"audience": os.environ["CLIENT"], "issuer": os.environ["ISSUER"]}
        claims = jwt.decode(token, key, algorithms=["RS256"], **wanted)
    except jwt.PyJWTError:
        raise Exception("Unauthorized")
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": claims["sub"], "policyDocument": policy, "context": {"name": claims["cognito:username"]}}

def tell(event, context):
    about = event["requestContext"]
    if about.get("routeKey") == "$connect":
        return {"statusCode": 200}
    return {"statusCode": 200, "body": json.dumps(about.get("authorizer"))}

def trigger(event, context):
    item = {"id": event["triggerSource"], "event": json.dumps(event)}
    boto3.resource("dynamodb").Table("seen").put_item(Item=item)
    if event["userName"].startswith("nobody"):
        raise ValueError("not you" if event["userName"] == "nobody" else "あなたではない\\r\\nX: y")
    if event["triggerSource"] == "PreSignUp_SignUp":
        event["response"]["autoConfirmUser"] = event["userName"].startswith("auto")
    return event

def call(event, context):
    client = boto3.client("cognito-idp")
    answer = getattr(client, event["operation"])(**event["parameters"])
    answer.pop("ResponseMetadata")
    return json.loads(json.dumps(answer, default=str))
"""
ALLOWED = Permission(
    actions=("cognito-idp:AdminGetUser",),
    resources=("arn:aws:cognito-idp:${AWS::Region}:${AWS::AccountId}:userpool/" + POOL,),
)


def call(operation: str, **parameters: Any) -> Call:
    return Call(service="cognito-idp", operation=operation, parameters=parameters, resource="Users")


TRIGGER = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:trigger"
CALLS = (
    call(
        "CreateUserPool",
        PoolName="made",
        UserPoolId=POOL,
        AutoVerifiedAttributes=["email"],
        LambdaConfig={"PreSignUp": TRIGGER, "PostConfirmation": TRIGGER},
    ),
    call(
        "CreateUserPoolClient",
        UserPoolId=POOL,
        ClientName="web",
        ClientId=CLIENT,
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
    ),
)


def topology() -> Topology:
    verifies = {"ISSUER": ISSUER, "CLIENT": CLIENT}
    access = (TableAccess(table="seen", actions=("PutItem",)),)
    web = HttpApi(
        name="Web",
        kind=HttpKind.HTTP,
        api_id="webwebweb0",
        routes=(HttpRoute(path="/me", method="GET", function="tell", authorizer="jwt", payload="2.0"),),
        authorizers=(
            HttpAuthorizer(
                name="jwt",
                kind="JWT",
                identity_sources=("$request.header.Authorization",),
                issuers=(ISSUER,),
                audience=(CLIENT,),
            ),
        ),
    )
    return Topology(
        api=Api(
            name="chat",
            routes=(
                Route(route_key="$connect", function="tell", authorizer="verifies"),
                Route(route_key="$default", function="tell", route_response=True),
            ),
            authorizers=(
                Authorizer(
                    name="verifies", function="authorize", identity_sources=("route.request.querystring.token",)
                ),
            ),
        ),
        functions=(
            Function(name="authorize", handler="functions.authorize", environment=verifies, timeout_seconds=20),
            Function(name="tell", handler="functions.tell", timeout_seconds=20),
            Function(name="trigger", handler="functions.trigger", tables=access, timeout_seconds=20),
            Function(name="caller", handler="functions.call", permissions=(ALLOWED,), timeout_seconds=20),
        ),
        tables=(Table(name="seen", key=Key(partition="id")),),
        http_apis=(web,),
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cognito")
    (folder / "functions.py").write_text(HANDLER)
    config = EmulatorConfig(
        project_folder=folder, state_folder=folder / ".streamer", region="us-east-1", services=CALLS, aws_domain=True
    )
    with EmulatorThread(topology(), config) as emulator:
        yield World(emulator)


def client(world: World, service: str) -> Any:
    """The account's owner, in the pool's Region."""
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=world.url,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )


@pytest.fixture(scope="module")
def cognito(world: World) -> Any:
    return client(world, "cognito-idp")


def signed_in(cognito: Any, name: str) -> dict[str, str]:
    """The tokens of a user who is made for it."""
    cognito.sign_up(ClientId=CLIENT, Username=name, Password=PASSWORD)
    said = {"USERNAME": name, "PASSWORD": PASSWORD}
    answer = cognito.initiate_auth(ClientId=CLIENT, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=said)
    tokens: dict[str, str] = answer["AuthenticationResult"]
    return tokens


def seen(world: World, source: str) -> Any:
    """What the function of a pool was run with."""
    table = client(world, "dynamodb")
    found = until(lambda: table.get_item(TableName="seen", Key={"id": {"S": source}}).get("Item"), bool)
    return json.loads(found["event"]["S"])


def test_functions_of_a_pool_run_when_users_sign_up(world: World, cognito: Any) -> None:
    made = cognito.sign_up(ClientId=CLIENT, Username="auto-eve", Password=PASSWORD, ClientMetadata={"from": "test"})

    assert made["UserConfirmed"] is True
    before, after = seen(world, "PreSignUp_SignUp"), seen(world, "PostConfirmation_ConfirmSignUp")
    assert (before["userPoolId"], before["callerContext"]["clientId"]) == (POOL, CLIENT)
    assert before["request"]["clientMetadata"] == {"from": "test"}
    assert after["request"]["userAttributes"] == {"cognito:user_status": "CONFIRMED", "sub": made["UserSub"]}
    with pytest.raises(ClientError, match=r"PreSignUp failed with error not you\.") as refused:
        cognito.sign_up(ClientId=CLIENT, Username="nobody", Password=PASSWORD)
    assert refused.value.response["Error"]["Code"] == "UserLambdaValidationException"
    with pytest.raises(ClientError, match=r"PreSignUp failed with error あなたではない\r\nX: y\.") as refused:
        cognito.sign_up(ClientId=CLIENT, Username="nobody-else", Password=PASSWORD)
    assert "x" not in refused.value.response["ResponseMetadata"]["HTTPHeaders"]


def test_the_code_that_nobody_is_sent_is_told(cognito: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        attributes = [{"Name": "email", "Value": "kim@example.com"}]
        cognito.sign_up(ClientId=CLIENT, Username="kim", Password=PASSWORD, UserAttributes=attributes)
    (record,) = [each for each in caplog.records if each.message == "Cognito would send a code"]
    fields: dict[str, str] = vars(record)["fields"]
    assert fields["to"] == "kim@example.com"

    cognito.confirm_sign_up(ClientId=CLIENT, Username="kim", ConfirmationCode=fields["code"])
    assert cognito.admin_get_user(UserPoolId=POOL, Username="kim")["UserStatus"] == "CONFIRMED"


def test_an_authorizer_verifies_tokens_at_awss_address(world: World, cognito: Any) -> None:
    tokens = signed_in(cognito, "auto-ann")

    with connect(f"{world.emulator.websocket_url}?token={tokens['IdToken']}", open_timeout=60) as opened:
        opened.send("{}")
        assert json.loads(opened.recv(timeout=60))["name"] == "auto-ann"
    for token in (tokens["AccessToken"], tokens["IdToken"][:-8] + "AAAAAAAA"):
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(f"{world.emulator.websocket_url}?token={token}", open_timeout=60),
        ):
            pytest.fail("connected")
        assert refused.value.response.status_code == 401


def test_an_http_api_lets_in_whom_the_pool_knows(world: World, cognito: Any) -> None:
    def ask(token: str) -> Any:
        url = f"{world.url}/me"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": token})) as answer:
            return json.loads(answer.read())

    tokens = signed_in(cognito, "auto-bob")
    assert ask(f"Bearer {tokens['IdToken']}")["jwt"]["claims"]["cognito:username"] == "auto-bob"
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        ask("Bearer no")
    refused.value.close()


def test_an_app_lets_in_whom_a_pool_knows(tmp_path: Path) -> None:
    environment = {
        "JWT_JWKS_URL": f"{ISSUER}/.well-known/jwks.json",
        "JWT_ISSUER": ISSUER,
        "JWT_AUDIENCE": CLIENT,
        "JWT_TENANT_CLAIM": "custom:tenant",
    }
    described = App().topology(target="streamer.demo:app", environment=environment)
    plain = [call("CreateUserPool", PoolName="made", UserPoolId=POOL, Schema=[{"Name": "tenant"}]), CALLS[1]]
    config = EmulatorConfig(
        project_folder=tmp_path, state_folder=tmp_path / "state", region="us-east-1", services=tuple(plain)
    )
    with EmulatorThread(described, config) as emulator:
        url = str(emulator.aws("lambda")["endpoint_url"])
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        cognito = boto3.client("cognito-idp", region_name="us-east-1", endpoint_url=url, **keys)
        cognito.admin_create_user(
            UserPoolId=POOL,
            Username="auto-app",
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": "custom:tenant", "Value": "acme"}],
        )
        cognito.admin_set_user_password(UserPoolId=POOL, Username="auto-app", Password=PASSWORD, Permanent=True)
        said = {"USERNAME": "auto-app", "PASSWORD": PASSWORD}
        answer = cognito.initiate_auth(ClientId=CLIENT, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=said)
        token = answer["AuthenticationResult"]["IdToken"]
        with connect(f"{emulator.websocket_url}?Authorization={token}", open_timeout=60):
            pass
        with (
            pytest.raises(InvalidStatus),
            connect(f"{emulator.websocket_url}?Authorization={token[:-8]}AAAAAAAA", open_timeout=60),
        ):
            pytest.fail("connected")


def test_a_function_is_held_to_its_role_where_aws_asks_for_one(world: World, cognito: Any) -> None:
    signed_in(cognito, "auto-role")

    def called(operation: str, **parameters: Any) -> Any:
        asked = json.dumps({"operation": operation, "parameters": parameters})
        return json.loads(client(world, "lambda").invoke(FunctionName="caller", Payload=asked)["Payload"].read())

    assert called("admin_get_user", UserPoolId=POOL, Username="auto-role")["Username"] == "auto-role"
    said = {"USERNAME": "auto-role", "PASSWORD": PASSWORD}
    tokens = called("initiate_auth", ClientId=CLIENT, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=said)
    assert "IdToken" in tokens["AuthenticationResult"]
    refused = called("admin_delete_user", UserPoolId=POOL, Username="auto-role")
    assert "is not authorized to perform: cognito-idp:AdminDeleteUser" in refused["errorMessage"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost:3000", 200), ("https://evil.example", 404)],
    ids=["of this machine", "of another"],
)
@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_pages_of_this_machine_sign_users_in(world: World, method: str, origin: str, status: int) -> None:
    headers = {"Origin": origin, "Content-Type": "application/x-amz-json-1.1"}
    body = None
    if method == "POST":
        headers["X-Amz-Target"] = "AWSCognitoIdentityProviderService.RevokeToken"
        body = json.dumps({"ClientId": CLIENT, "Token": "none"}).encode()
    else:
        headers |= {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-amz-target"}
    asked = urllib.request.Request(world.url, body, headers, method=method)
    try:
        with urllib.request.urlopen(asked) as answer:
            found = (answer.status, answer.headers["access-control-allow-origin"])
    except urllib.error.HTTPError as error:
        with error:
            found = (error.code, error.headers["access-control-allow-origin"])
    assert found == (status, "*" if status == 200 else None)


def test_no_page_does_what_only_owners_do(world: World) -> None:
    headers = {
        "Origin": "http://localhost:3000",
        "X-Amz-Target": "AWSCognitoIdentityProviderService.ListUsers",
        "Content-Type": "application/x-amz-json-1.1",
    }
    asked = urllib.request.Request(world.url, json.dumps({"UserPoolId": POOL}).encode(), headers)
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        urllib.request.urlopen(asked)
    refused.value.close()


def test_what_is_not_emulated_is_refused_in_words(cognito: Any) -> None:
    with pytest.raises(ClientError, match="is not emulated"):
        cognito.list_devices(AccessToken="x")
    with pytest.raises(ClientError, match="User pool us-east-1_none does not exist"):
        cognito.describe_user_pool(UserPoolId="us-east-1_none")
