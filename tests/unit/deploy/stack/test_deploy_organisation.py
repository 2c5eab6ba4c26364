"""What an organisation asks of a stack reaches everything that it is about, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from deployed_topologies import chat

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
        assert "ec2:CreateNetworkInterface" in statements(role)["Network"]["Action"]


def test_every_role_has_the_boundary_that_of_api_gateway_too() -> None:
    made = stack(permissions_boundary=BOUNDARY, logging_role=True)

    roles = of_kind(made, "AWS::IAM::Role")
    assert len(roles) == len(of_kind(made, "AWS::Lambda::Function")) + 1
    assert {role["PermissionsBoundary"] for role in roles} == {BOUNDARY}


def test_one_key_encrypts_all_that_is_kept_and_the_functions_may_use_it() -> None:
    made = stack(kms_key_arn=KEY)

    assert {each["SSESpecification"]["KMSMasterKeyId"] for each in of_kind(made, "AWS::DynamoDB::Table")} == {KEY}
    assert {each["KmsKeyArn"] for each in of_kind(made, "AWS::Lambda::Function")} == {KEY}
    assert {each["KmsKeyId"] for each in of_kind(made, "AWS::Logs::LogGroup")} == {KEY}
    assert {each["KmsKeyId"] for each in of_kind(made, "AWS::SecretsManager::Secret")} == {KEY}
    for queue in of_kind(made, "AWS::SQS::Queue"):
        assert queue["KmsMasterKeyId"] == KEY
        assert "SqsManagedSseEnabled" not in queue
    for role in of_kind(made, "AWS::IAM::Role"):
        assert statements(role)["Key"]["Resource"] == [KEY]


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
    ("keeps", "policies"),
    [
        pytest.param(False, {("Delete", "Delete")}, id="not said"),
        pytest.param(True, {("RetainExceptOnCreate", "Retain")}, id="kept"),
    ],
)
def test_logs_outlive_the_stack_where_the_file_says_so(policies: set[tuple[str, str]], *, keeps: bool) -> None:
    resources = stack(keep_logs=keeps)["Resources"].values()
    groups = [each for each in resources if each["Type"] == "AWS::Logs::LogGroup"]

    assert len(groups) == 5
    assert {(each["DeletionPolicy"], each["UpdateReplacePolicy"]) for each in groups} == policies


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
