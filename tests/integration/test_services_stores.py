"""The parameter store and Secrets Manager asked by an unmodified boto3, by the owner and by functions."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import services_world
from botocore.exceptions import ClientError
from services_world import ACCOUNT, REGION, World

from emulator.services.calls import Call
from emulator.services.secret_names import suffix
from streamer.topology import Permission

SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop/key-{suffix('shop/key')}"
CALLS = (
    Call(
        service="ssm",
        operation="put_parameter",
        parameters={"Name": "/shop/url", "Type": "String", "Value": "here", "Overwrite": True},
        resource="Url",
    ),
    Call(
        service="secretsmanager",
        operation="create_secret",
        parameters={"Name": "shop/key", "SecretString": '{"user": "a"}'},
        resource="Key",
    ),
)
ALLOWED = (
    Permission(
        actions=("ssm:GetParameter",), resources=("arn:aws:ssm:${AWS::Region}:${AWS::AccountId}:parameter/shop/*",)
    ),
    Permission(actions=("secretsmanager:GetSecretValue",), resources=(f"{SECRET[:-6]}??????",)),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with services_world.running(tmp_path_factory.mktemp("stores"), *CALLS, permissions=ALLOWED) as emulator:
        yield World(emulator)


def test_what_is_described_is_stored(world: World) -> None:
    assert world.client("ssm").get_parameter(Name="/shop/url")["Parameter"]["Value"] == "here"
    found = world.client("secretsmanager").get_secret_value(SecretId="shop/key")
    assert (found["ARN"], found["SecretString"]) == (SECRET, '{"user": "a"}')


def test_functions_read_what_their_roles_allow(world: World) -> None:
    assert world.called("ssm", "get_parameter", Name="/shop/url")["Parameter"]["Value"] == "here"
    assert world.called("secretsmanager", "get_secret_value", SecretId=SECRET)["SecretString"] == '{"user": "a"}'
    for service, operation, named in (
        ("ssm", "get_parameter", {"Name": "/other"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "other"}),
    ):
        refused = world.called(service, operation, **named)
        assert "AccessDeniedException" in refused["errorMessage"]


def test_errors_are_those_of_the_service(world: World) -> None:
    ssm = world.client("ssm")
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="/none")
    with pytest.raises(ssm.exceptions.ParameterAlreadyExists):
        ssm.put_parameter(Name="/shop/url", Value="b", Type="String")
    with pytest.raises(ClientError, match="is not emulated"):
        ssm.send_command(DocumentName="AWS-RunShellScript")


def test_pages_of_parameters_are_followed(world: World) -> None:
    ssm = world.client("ssm")
    for number in range(12):
        ssm.put_parameter(Name=f"/many/{number:02d}", Value="v", Type="SecureString")

    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/many", WithDecryption=True)
    assert [each["Value"] for page in pages for each in page["Parameters"]] == ["v"] * 12


def test_a_secret_keeps_its_value_where_it_cannot_be_rotated(world: World) -> None:
    secrets = world.client("secretsmanager")
    secrets.create_secret(Name="rotated", SecretString="first")
    with pytest.raises(ClientError, match=r"InvalidRequestException.*No Lambda rotation function ARN is associated"):
        secrets.rotate_secret(SecretId="rotated")
    with pytest.raises(ClientError, match=r"RotateSecret of secretsmanager is not emulated"):
        secrets.rotate_secret(SecretId="rotated", RotationLambdaARN=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f")
    assert secrets.get_secret_value(SecretId="rotated")["SecretString"] == "first"
    with pytest.raises(ClientError, match=r"ValidationException.*Invalid name\. Must be a valid name"):
        secrets.create_secret(Name="a name", SecretString="x")


def test_a_secret_is_changed(world: World) -> None:
    secrets = world.client("secretsmanager")
    secrets.create_secret(Name="changing", SecretString="a")
    secrets.put_secret_value(SecretId="changing", SecretString="b")

    assert secrets.get_secret_value(SecretId="changing")["SecretString"] == "b"
    assert secrets.get_secret_value(SecretId="changing", VersionStage="AWSPREVIOUS")["SecretString"] == "a"


@pytest.mark.parametrize("body", [b"[" * 100_000, b"[]", b"\xff"], ids=["deep", "a list", "no text"])
@pytest.mark.parametrize(
    "target",
    [
        *("AmazonSSM.GetParameter", "secretsmanager.GetSecretValue", "AWSStepFunctions.StartExecution"),
        *("Kinesis_20131202.PutRecord", "AWSCognitoIdentityProviderService.InitiateAuth", "AmazonSQS.SendMessage"),
    ],
)
def test_a_body_that_is_no_json_object_is_the_callers_mistake(world: World, target: str, body: bytes) -> None:
    """SDKs repeat what is answered with 500. [DOC] Smithy's AWS JSON protocols: malformed requests"""
    names = {"AmazonSSM": "ssm", "AWSStepFunctions": "states", "AmazonSQS": "sqs", "Kinesis_20131202": "kinesis"}
    service = names.get(target.partition(".")[0], target.partition(".")[0])
    service = "cognito-idp" if service.startswith("AWSCognito") else service
    scope = f"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261129/{REGION}/{service}/aws4_request, Signature=0"
    headers = {"Authorization": scope, "X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}

    with pytest.raises(urllib.error.HTTPError, match="400") as refused:
        urllib.request.urlopen(urllib.request.Request(world.url, body, headers))

    with refused.value as answer:
        assert json.load(answer)["__type"].endswith("SerializationException")
