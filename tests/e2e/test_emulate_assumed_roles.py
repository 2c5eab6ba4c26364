"""Functions that assume roles of their template: what their credentials may do then."""

from __future__ import annotations

import base64
import json
import textwrap
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from running_command import Emulate, aws_client

TEMPLATE = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Api:
        Type: AWS::ApiGatewayV2::Api
        Properties: {Name: notes, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
      Stage:
        Type: AWS::ApiGatewayV2::Stage
        Properties: {ApiId: !Ref Api, StageName: dev, AutoDeploy: true}
      Tell:
        Type: AWS::Serverless::Function
        Properties:
          FunctionName: tell
          Handler: tell.handler
          Runtime: python3.12
          Timeout: 60
          CodeUri: .
          Environment: {Variables: {TENANT_ROLE: !GetAtt TenantRole.Arn, ROOTED_ROLE: !GetAtt Rooted.Arn}}
          Policies:
            - Statement:
                - {Effect: Allow, Action: ['sts:AssumeRole', 'sts:TagSession'], Resource: !GetAtt Rooted.Arn}
      TenantRole:
        Type: AWS::IAM::Role
        Properties:
          RoleName: tenant
          AssumeRolePolicyDocument:
            Version: '2012-10-17'
            Statement:
              - {Effect: Allow, Principal: {AWS: !GetAtt TellRole.Arn}, Action: ['sts:AssumeRole', 'sts:TagSession']}
          Policies:
            - PolicyName: items
              PolicyDocument:
                Version: '2012-10-17'
                Statement:
                  - Effect: Allow
                    Action: dynamodb:*Item
                    Resource: !GetAtt Notes.Arn
                    Condition: {'ForAllValues:StringEquals': {dynamodb:LeadingKeys: ['${aws:PrincipalTag/Tenant}']}}
      Rooted:
        Type: AWS::IAM::Role
        Properties:
          RoleName: rooted
          AssumeRolePolicyDocument:
            Version: '2012-10-17'
            Statement:
              - {Effect: Allow, Principal: {AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root'}, Action: sts:AssumeRole}
              - Effect: Allow
                Principal: {Federated: !Sub 'arn:aws:iam::${AWS::AccountId}:oidc-provider/id.example'}
                Action: sts:AssumeRoleWithWebIdentity
                Condition: {StringEquals: {id.example:sub: ada}}
          Policies:
            - PolicyName: items
              PolicyDocument:
                Version: '2012-10-17'
                Statement: [{Effect: Allow, Action: 'dynamodb:*', Resource: '*'}]
      Notes:
        Type: AWS::DynamoDB::Table
        Properties:
          TableName: notes
          BillingMode: PAY_PER_REQUEST
          AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
          KeySchema: [{AttributeName: id, KeyType: HASH}]
"""
HANDLER = """
    import os

    import boto3


    def handler(event, context):
        try:
            asked = {"RoleArn": os.environ[event["role"]], "RoleSessionName": "for-ada", **event["asked"]}
            taken = boto3.client("sts").assume_role(**asked)["Credentials"]
            session = boto3.Session(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])
            answer = getattr(session.client(event["service"]), event["operation"])(**event["parameters"])
        except Exception as error:
            return str(error)
        answer.pop("ResponseMetadata")
        return answer
"""
TAGGED = {"Tags": [{"Key": "Tenant", "Value": "ada"}]}
READING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}],
}


def item(key: str) -> dict[str, Any]:
    return {"TableName": "notes", "Key": {"id": {"S": key}}}


@pytest.fixture(scope="module", params=["process", "inline"])
def emulate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulate]:
    folder = tmp_path_factory.mktemp("assumed")
    (folder / "template.yaml").write_text(textwrap.dedent(TEMPLATE))
    (folder / "tell.py").write_text(textwrap.dedent(HANDLER))
    arguments = ("template.yaml", "--iam", "enforce", "--isolation", request.param)
    with Emulate(*arguments, folder=folder) as emulate:
        emulate.aws("dynamodb").put_item(TableName="notes", Item={"id": {"S": "ada"}})
        yield emulate


def told(emulate: Emulate, operation: str, parameters: Any, asked: Any, role: str = "TENANT_ROLE") -> Any:
    service = "sts" if operation == "get_caller_identity" else "dynamodb"
    event = {"role": role, "asked": asked, "service": service, "operation": operation, "parameters": parameters}
    answer = aws_client("lambda", str(emulate.ready["dynamodb_url"])).invoke(
        FunctionName="tell", Payload=json.dumps(event)
    )
    return json.loads(answer["Payload"].read())


def test_session_tags_confine_a_function_to_the_items_of_a_tenant(emulate: Emulate) -> None:
    own = told(emulate, "get_item", item("ada"), TAGGED)
    others = told(emulate, "get_item", item("bob"), TAGGED)
    why = emulate.log.wait_for("may not dynamodb:GetItem on Notes")
    untagged = told(emulate, "get_item", item("ada"), {})

    assert own == {"Item": {"id": {"S": "ada"}}}
    assert why.endswith(
        "the role tenant, assumed as for-ada, may not dynamodb:GetItem on Notes: a statement allows it, but its "
        'condition ForAllValues:StringEquals {dynamodb:LeadingKeys: ["ada"]} is not met by ["bob"]'
    )
    for refused in (others, untagged):
        assert refused.endswith(
            "User: arn:aws:sts::123456789012:assumed-role/tenant/for-ada is not authorized to perform: "
            "dynamodb:GetItem on resource: arn:aws:dynamodb:us-east-1:123456789012:table/notes "
            "because no identity-based policy allows the dynamodb:GetItem action"
        )


def test_an_inline_session_policy_takes_away_what_it_does_not_allow(emulate: Emulate) -> None:
    asked = {**TAGGED, "Policy": json.dumps(READING)}

    assert told(emulate, "get_item", item("ada"), asked) == {"Item": {"id": {"S": "ada"}}}
    refused = told(emulate, "delete_item", item("ada"), asked)
    assert refused.endswith("because no session policy allows the dynamodb:DeleteItem action")


def test_a_session_is_told_who_it_is(emulate: Emulate) -> None:
    assert told(emulate, "get_caller_identity", {}, {}) == {
        "UserId": "AROAEXAMPLE:for-ada",
        "Account": "123456789012",
        "Arn": "arn:aws:sts::123456789012:assumed-role/tenant/for-ada",
    }


def test_tags_need_a_permission_that_the_trust_policy_gives(emulate: Emulate) -> None:
    assert told(emulate, "get_item", item("ada"), {}, "ROOTED_ROLE") == {"Item": {"id": {"S": "ada"}}}
    refused = told(emulate, "get_item", item("ada"), TAGGED, "ROOTED_ROLE")

    assert refused.startswith(
        "An error occurred (AccessDenied) when calling the AssumeRole operation: User: arn:aws:sts::"
    )
    assert refused.endswith(
        "/tell is not authorized to perform: sts:TagSession on resource: arn:aws:iam::123456789012:role/rooted"
    )


def test_a_token_of_an_identity_provider_gives_a_session_of_a_role_that_trusts_it(emulate: Emulate) -> None:
    def token(subject: str) -> str:
        claims = json.dumps({"iss": "https://id.example", "aud": "shop", "sub": subject}).encode()
        return f"e30.{base64.urlsafe_b64encode(claims).decode()}.c2ln"

    url, role = str(emulate.ready["dynamodb_url"]), "arn:aws:iam::123456789012:role/rooted"
    sts = aws_client("sts", url)
    given = sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="web", WebIdentityToken=token("ada"))
    with pytest.raises(ClientError, match="Not authorized to perform sts:AssumeRoleWithWebIdentity"):
        sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="web", WebIdentityToken=token("bob"))

    taken = given["Credentials"]
    session = boto3.Session(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"], "us-east-1")
    assert (given["SubjectFromWebIdentityToken"], given["Audience"]) == ("ada", "shop")
    assert given["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/rooted/web"
    assert session.client("dynamodb", endpoint_url=url).get_item(**item("ada"))["Item"] == {"id": {"S": "ada"}}
    with pytest.raises(ClientError, match="assumed-role/rooted/web is not authorized to perform: s3:ListAllMyBuckets"):
        session.client("s3", endpoint_url=url).list_buckets()


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"Policy": "{}"}, "MalformedPolicyDocument"),
        ({"DurationSeconds": 900, "RoleSessionName": "ada lovelace"}, "ValidationError"),
        ({"DurationSeconds": 3_601}, "ValidationError"),
    ],
)
def test_what_sts_would_not_take_it_refuses(emulate: Emulate, asked: dict[str, Any], error: str) -> None:
    assert told(emulate, "get_caller_identity", {}, asked).startswith(f"An error occurred ({error})")


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("dynamodb", "get_item", item("ada"), "ExpiredTokenException"),
        ("sqs", "list_queues", {}, "ExpiredToken"),
        ("lambda", "invoke", {"FunctionName": "tell"}, "ExpiredTokenException"),
        ("sts", "get_caller_identity", {}, "ExpiredToken"),
        ("s3", "list_buckets", {}, "ExpiredToken"),
    ],
)
def test_credentials_of_a_session_that_is_over_are_refused_by_every_service(
    emulate: Emulate, service: str, operation: str, parameters: Any, code: str
) -> None:
    over = boto3.Session("ASIAOFANOTHERRUN", "secret", "session.of-another-run", region_name="us-east-1")
    client = over.client(service, endpoint_url=str(emulate.ready["dynamodb_url"]))

    with pytest.raises(client.exceptions.ClientError) as refused:
        getattr(client, operation)(**parameters)
    assert refused.value.response["Error"]["Code"] == code
