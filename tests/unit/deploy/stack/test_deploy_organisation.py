"""What an organisation asks of a stack reaches everything that it is about, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from deployed_topologies import chat
from every_feature import every_feature

from deploy.errors import DeployError
from deploy.stack.settings import StackSettings
from deploy.stack.template import template
from streamer.sending.sender import ENDPOINT_VARIABLE

KEY = "arn:aws:kms:us-east-1:123456789012:key/0123"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
NETWORK = {"subnets": ("subnet-0123456789abcdef0",), "security_groups": ("sg-0123456789abcdef0",)}
DOMAIN = {"domain": "ws.example.com", "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}


def stack(**changes: Any) -> dict[str, Any]:
    return template(chat(), StackSettings(stack_name="chat-dev", **changes))


def of_kind(made: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in made["Resources"].values() if each["Type"] == kind]


def statements(role: dict[str, Any]) -> dict[str, Any]:
    return {each["Sid"]: each for each in role["Policies"][0]["PolicyDocument"]["Statement"]}


def test_every_function_is_in_the_network_and_may_be() -> None:
    made = stack(**NETWORK)

    assert {str(each["VpcConfig"]) for each in of_kind(made, "AWS::Lambda::Function")} == {
        "{'SubnetIds': ['subnet-0123456789abcdef0'], 'SecurityGroupIds': ['sg-0123456789abcdef0']}"
    }
    for role in of_kind(made, "AWS::IAM::Role"):
        assert statements(role)["Network"] == {
            "Sid": "Network",
            "Effect": "Allow",
            "Action": [
                "ec2:AssignPrivateIpAddresses",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSubnets",
                "ec2:UnassignPrivateIpAddresses",
            ],
            "Resource": ["*"],
        }


def test_functions_speak_ipv6_in_a_network_that_does() -> None:
    networks = [each["VpcConfig"] for each in of_kind(stack(**NETWORK, dual_stack=True), "AWS::Lambda::Function")]

    assert networks
    assert all(each["Ipv6AllowedForDualStack"] is True for each in networks)


def test_every_role_has_the_boundary_that_of_api_gateway_too() -> None:
    made = stack(permissions_boundary=BOUNDARY, logging_role=True)

    roles = of_kind(made, "AWS::IAM::Role")
    assert len(roles) == len(of_kind(made, "AWS::Lambda::Function")) + 1
    assert {role["PermissionsBoundary"] for role in roles} == {BOUNDARY}


def test_one_key_encrypts_all_that_is_kept_and_the_functions_may_use_it() -> None:
    made = stack(kms_key_arn=KEY)

    for table in of_kind(made, "AWS::DynamoDB::Table"):
        assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}
    assert {each["KmsKeyArn"] for each in of_kind(made, "AWS::Lambda::Function")} == {KEY}
    assert {each["KmsKeyId"] for each in of_kind(made, "AWS::Logs::LogGroup")} == {KEY}
    assert {each["KmsKeyId"] for each in of_kind(made, "AWS::SecretsManager::Secret")} == {KEY}
    for queue in of_kind(made, "AWS::SQS::Queue"):
        assert queue["KmsMasterKeyId"] == KEY
        assert "SqsManagedSseEnabled" not in queue
    for role in of_kind(made, "AWS::IAM::Role"):
        use = {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": [KEY]}
        assert statements(role)["Key"] == {"Sid": "Key", **use}
        assert "OwnLogs" in statements(role)
        assert role["Policies"][0]["PolicyName"]


def test_the_key_encrypts_buckets_with_one_request_for_many_objects() -> None:
    made = template(every_feature(), StackSettings(stack_name="shop-prod", kms_key_arn=KEY))

    buckets = of_kind(made, "AWS::S3::Bucket")
    assert buckets
    for bucket in buckets:
        by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
            {"ServerSideEncryptionByDefault": by_key, "BucketKeyEnabled": True}
        ]


@pytest.mark.parametrize(
    ("logical_id", "kind", "properties"),
    [
        pytest.param(
            "Domain",
            "ApiGatewayV2::DomainName",
            {
                "DomainName": "ws.example.com",
                "DomainNameConfigurations": [
                    {
                        "CertificateArn": {"Ref": "Certificate"},
                        "EndpointType": "REGIONAL",
                        "SecurityPolicy": "TLS_1_2",
                    }
                ],
            },
            id="a domain",
        ),
        pytest.param(
            "Certificate",
            "CertificateManager::Certificate",
            {
                "DomainName": "ws.example.com",
                "ValidationMethod": "DNS",
                "DomainValidationOptions": [{"DomainName": "ws.example.com", "HostedZoneId": "Z0123456789ABC"}],
            },
            id="its certificate",
        ),
        pytest.param(
            "DomainRecord",
            "Route53::RecordSet",
            {
                "HostedZoneId": "Z0123456789ABC",
                "Name": "ws.example.com",
                "Type": "A",
                "AliasTarget": {
                    "DNSName": {"Fn::GetAtt": ["Domain", "RegionalDomainName"]},
                    "HostedZoneId": {"Fn::GetAtt": ["Domain", "RegionalHostedZoneId"]},
                    "EvaluateTargetHealth": False,
                },
            },
            id="its record",
        ),
        pytest.param(
            "GatewayLoggingRole",
            "IAM::Role",
            {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "apigateway.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                "ManagedPolicyArns": [
                    {
                        "Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/"
                        "AmazonAPIGatewayPushToCloudWatchLogs"
                    }
                ],
            },
            id="the role for logs",
        ),
        pytest.param(
            "GatewayAccount",
            "ApiGateway::Account",
            {"CloudWatchRoleArn": {"Fn::GetAtt": ["GatewayLoggingRole", "Arn"]}},
            id="the account",
        ),
    ],
)
def test_aws_is_told_of_what_a_stack_has_by_its_settings(
    logical_id: str, kind: str, properties: dict[str, Any]
) -> None:
    made = stack(domain="ws.example.com", hosted_zone_id="Z0123456789ABC", logging_role=True)

    found = made["Resources"][logical_id]
    assert (found["Type"], found["Properties"]) == (f"AWS::{kind}", properties)


def test_the_role_of_the_whole_account_outlives_the_stack_and_is_made_where_there_is_none() -> None:
    made = stack(logging_role=True)

    for logical_id in ("GatewayLoggingRole", "GatewayAccount"):
        resource = made["Resources"][logical_id]
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert resource["Condition"] == "MakesLoggingRole"
    assert made["Conditions"] == {"MakesLoggingRole": {"Fn::Equals": [{"Ref": "MakesLoggingRole"}, "true"]}}
    parameter = made["Parameters"]["MakesLoggingRole"]
    assert (parameter["AllowedValues"], parameter["Default"]) == (["true", "false"], "true")
    assert made["Resources"]["Stage"]["Properties"]["Description"] == {
        "Fn::If": ["MakesLoggingRole", {"Fn::Sub": "Logs by ${GatewayAccount}"}, {"Ref": "AWS::NoValue"}]
    }


def test_a_stack_of_nobody_in_particular_has_none_of_it() -> None:
    text = str(stack())

    assert not [word for word in ("VpcConfig", "ec2:", "Boundary", "kms:", "Certificate", "Domain") if word in text]


def test_a_domain_leads_to_the_stage_and_is_what_clients_connect_to() -> None:
    made = stack(**DOMAIN, base_path="chat")

    mapping = {"ApiId": {"Ref": "Api"}, "DomainName": {"Ref": "Domain"}, "Stage": {"Ref": "Stage"}}
    assert of_kind(made, "AWS::ApiGatewayV2::ApiMapping") == [{**mapping, "ApiMappingKey": "chat"}]
    assert made["Outputs"]["WebSocketUrl"]["Value"] == "wss://ws.example.com/chat"
    assert not of_kind(made, "AWS::CertificateManager::Certificate")
    assert not of_kind(made, "AWS::Route53::RecordSet")


def test_functions_post_to_the_apis_own_address_behind_a_domain() -> None:
    variables = [each["Environment"]["Variables"] for each in of_kind(stack(**DOMAIN), "AWS::Lambda::Function")]

    assert "ws.example.com" not in str(variables)


@pytest.mark.parametrize(
    ("keeps", "policies", "name"),
    [
        pytest.param(False, {("Delete", "Delete")}, {"Fn::Sub": "/aws/lambda/${AWS::StackName}-router"}, id="not said"),
        pytest.param(True, {("RetainExceptOnCreate", "Retain")}, "/aws/lambda/chat-dev-router", id="kept, and found"),
    ],
)
def test_logs_outlive_the_stack_where_the_file_says_so(
    policies: set[tuple[str, str]], name: Any, *, keeps: bool
) -> None:
    resources = stack(keep_logs=keeps)["Resources"].values()
    groups = [each for each in resources if each["Type"] == "AWS::Logs::LogGroup"]

    assert len(groups) == 5
    assert {(each["DeletionPolicy"], each["UpdateReplacePolicy"]) for each in groups} == policies
    assert name in [each["Properties"]["LogGroupName"] for each in groups]


def test_without_an_address_of_its_own_an_api_is_used_at_its_domain_alone() -> None:
    made = stack(**DOMAIN, base_path="chat", disable_execute_api_endpoint=True)

    assert of_kind(made, "AWS::ApiGatewayV2::Api")[0]["DisableExecuteApiEndpoint"] is True
    variables = [each["Environment"]["Variables"] for each in of_kind(made, "AWS::Lambda::Function")]
    assert {each.get(ENDPOINT_VARIABLE) for each in variables} == {None, "https://ws.example.com/chat"}


def test_without_a_certificate_the_stack_makes_one_that_its_zone_validates() -> None:
    made = stack(domain="ws.example.com", hosted_zone_id="Z1")

    [certificate] = of_kind(made, "AWS::CertificateManager::Certificate")
    assert certificate["DomainValidationOptions"] == [{"DomainName": "ws.example.com", "HostedZoneId": "Z1"}]
    [record] = of_kind(made, "AWS::Route53::RecordSet")
    assert record["AliasTarget"]["DNSName"] == {"Fn::GetAtt": ["Domain", "RegionalDomainName"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"subnets": ("subnet-0123456789abcdef0",)}, "takes both", id="subnets alone"),
        pytest.param(NETWORK | {"subnets": ("net-1",)}, "subnets has 'net-1'", id="no subnet"),
        pytest.param({"dual_stack": True}, "in a VPC", id="dual stack in no network"),
        pytest.param({"permissions_boundary": "boundary"}, "permissions_boundary is 'boundary'", id="boundary"),
        pytest.param({"kms_key_arn": "alias/mine"}, "kms_key_arn is 'alias/mine'", id="key"),
        pytest.param({"domain": "ws.example.com"}, "needs a certificate", id="no certificate"),
        pytest.param(DOMAIN | {"domain": "https://ws.example.com"}, "no name of one", id="a URL as a domain"),
        pytest.param(DOMAIN | {"base_path": "a//b"}, "base_path is 'a//b'", id="an empty level"),
        pytest.param({"base_path": "chat"}, "belongs to a domain", id="path of no domain"),
        pytest.param({"disable_execute_api_endpoint": True}, "no address without a domain", id="no address at all"),
        pytest.param({"hosted_zone_id": "Z1"}, "belongs to a domain", id="zone of no domain"),
    ],
)
def test_what_aws_would_refuse_is_refused_before(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DeployError, match=message):
        stack(**changes)
