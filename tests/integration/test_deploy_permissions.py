"""What CloudFormation needs of IAM, against what AWS's own schemas of resources say; cfn-lint brings those."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Final

import boto3
import pytest
from botocore.loaders import create_loader
from cfn_lint_data import SCHEMAS
from deployed_topologies import FULL, of_an_app
from every_feature import every_feature

from deploy.permissions import EVERYWHERE, MANAGED_POLICY, Where, cloudformation, deployer, needs_of
from deploy.stack.settings import StackSettings
from deploy.stack.template import template, to_json
from streamer.aws_limits import url_suffix

EVERYTHING: Final = StackSettings(
    stack_name="chat-dev",
    logging_role=True,
    subnets=("subnet-0123456789abcdef0",),
    security_groups=("sg-0123456789abcdef0",),
    kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/0123",
    domain="ws.example.com",
    hosted_zone_id="Z0123456789",
)
WHERE: Final = Where(stack_name="chat-dev", service="chat", table_prefix="chat-dev_")

UNUSED: Final[Mapping[str, tuple[str, ...]]] = {
    "code signing, capacity providers, file systems": (
        "lambda:AssociateRuntimeAlias",
        "lambda:DeleteFunctionCodeSigningConfig",
        "lambda:GetCodeSigningConfig",
        "lambda:PassCapacityProvider",
        "lambda:PutFunctionCodeSigningConfig",
        "lambda:PutFunctionScalingConfig",
        "elasticfilesystem:",
        "s3files:",
    ),
    "replicas, imports, resource policies and Kinesis streams of tables": (
        "dynamodb:AssociateTableReplica",
        "dynamodb:BatchWriteItem",
        "dynamodb:CreateTableReplica",
        "dynamodb:DeleteItem",
        "dynamodb:DeleteResourcePolicy",
        "dynamodb:DescribeImport",
        "dynamodb:DisableKinesisStreamingDestination",
        "dynamodb:EnableKinesisStreamingDestination",
        "dynamodb:GetItem",
        "dynamodb:ImportTable",
        "dynamodb:PutItem",
        "dynamodb:PutResourcePolicy",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
        "dynamodb:UpdateKinesisStreamingDestination",
        "iam:CreateServiceLinkedRole",
        "kinesis:",
    ),
    "log groups for deliveries, with policies, indexes, deletion protection": (
        "firehose:",
        "logs:CreateLogDelivery",
        "logs:CreateLogStream",
        "logs:DeleteDataProtectionPolicy",
        "logs:DeleteIndexPolicy",
        "logs:DeleteResourcePolicy",
        "logs:DescribeLogStreams",
        "logs:DescribeResourcePolicies",
        "logs:PutBearerTokenAuthentication",
        "logs:PutDataProtectionPolicy",
        "logs:PutIndexPolicy",
        "logs:PutLogEvents",
        "logs:PutLogGroupDeletionProtection",
        "logs:PutResourcePolicy",
    ),
    "APIs from a body in S3, certificates of a private authority, replicated secrets": (
        "acm-pca:",
        "secretsmanager:RemoveRegionsFromReplication",
        "secretsmanager:ReplicateSecretToRegions",
    ),
    "what our buckets have not, and their objects": (
        "s3:CreateBucketMetadataTableConfiguration",
        "s3:DeleteBucketAnalyticsConfiguration",
        "s3:DeleteBucketCors",
        "s3:DeleteBucketEncryption",
        "s3:DeleteBucketLifecycle",
        "s3:DeleteBucketMetadataTableConfiguration",
        "s3:DeleteBucketMetricsConfiguration",
        "s3:DeleteBucketReplication",
        "s3:DeleteBucketWebsite",
        "s3:DeleteObject",
        "s3:PutAccelerateConfiguration",
        "s3:PutAnalyticsConfiguration",
        "s3:PutBucketAbac",
        "s3:PutBucketAcl",
        "s3:PutBucketLogging",
        "s3:PutBucketNotification",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketReplication",
        "s3:PutBucketVersioning",
        "s3:PutBucketWebsite",
        "s3:PutIntelligentTieringConfiguration",
        "s3:PutInventoryConfiguration",
        "s3:PutMetricsConfiguration",
        "s3:PutObject",
        "s3:PutReplicationConfiguration",
        "s3:UpdateBucketMetadata",
        "s3tables:",
    ),
    "listing a type, which only resource explorers do": (
        "acm:ListCertificates",
        "cloudwatch:ListDashboards",
        "dynamodb:ListTables",
        "events:ListRules",
        "iam:ListRoles",
        "s3:ListAllMyBuckets",
        "kms:ListAliases",
        "secretsmanager:ListSecrets",
        "sqs:ListQueues",
    ),
    "given for the stack and not by type": ("ec2:", "iam:PassRole", "kms:", "lambda:GetLayerVersion"),
    "for aliases that CodeDeploy leads to another version by and by": ("codedeploy:",),
    "given by the function, which publishes no version": ("lambda:PublishVersion",),
}


def schemas() -> dict[str, set[str]]:
    """Type to all that its handlers need."""
    found: dict[str, set[str]] = {}
    for path in SCHEMAS.glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        handlers = schema.get("handlers", {}).values()
        found[schema["typeName"]] = {action for each in handlers for action in each.get("permissions", ())}
    return found


def everything() -> list[dict[str, Any]]:
    topologies = [of_an_app(), FULL, every_feature()]
    return [template(each, dataclasses.replace(EVERYTHING)) for each in topologies]


def test_what_a_type_needs_is_what_its_schema_says() -> None:
    kinds = {resource["Type"] for each in everything() for resource in each["Resources"].values()}
    unused = tuple(start for starts in UNUSED.values() for start in starts)
    says = schemas()

    for kind in sorted(kinds):
        needed = {action for _, action in needs_of(kind)} | {*EVERYWHERE.get(kind, ())}
        wanted = {action for action in says[kind] if not action.startswith(unused)}
        if kind != "AWS::Logs::LogGroup":  # the logs of imports
            wanted = {action for action in wanted if not action.startswith("logs:")}
        if not kind.startswith("AWS::S3::"):  # bodies of APIs and imports
            wanted = {action for action in wanted if not action.startswith("s3:")}
        assert wanted - needed == set(), kind


def allowed(policy: Mapping[str, Any]) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def test_what_is_beyond_the_schemas_has_a_reason() -> None:
    says = {action for actions in schemas().values() for action in actions}
    granted = {action for each in everything() for action in allowed(cloudformation(each, WHERE))}

    assert {action for action in granted if action not in says} == set()


def test_a_policy_fits_into_a_managed_one() -> None:
    described = template(of_an_app(), StackSettings(stack_name="chat-dev"))

    assert len("".join(to_json(deployer(described, WHERE)).split())) <= MANAGED_POLICY


@pytest.mark.parametrize("name", [None, "arn:aws:iam::123456789012:role/cloudformation"], ids=["alone", "with a role"])
def test_only_whoever_works_without_a_role_may_make_things(name: str | None) -> None:
    described = template(of_an_app(), StackSettings(stack_name="chat-dev"))

    may = allowed(deployer(described, dataclasses.replace(WHERE, role_arn=name)))

    assert ("iam:CreateRole" in may) is (name is None)
    assert {"iam:PassRole", "cloudformation:CreateChangeSet"} <= may


def test_nothing_but_lists_and_mappings_is_allowed_everywhere() -> None:
    described = template(of_an_app(), StackSettings(stack_name="chat-dev"))
    statements = deployer(described, WHERE)["Statement"]

    everywhere = {action for each in statements if each["Resource"] == "*" for action in each["Action"]}

    assert {each for each in everywhere if ":Describe" not in each and ":List" not in each} == {
        "lambda:CreateEventSourceMapping",
        "lambda:DeleteEventSourceMapping",
        "lambda:GetEventSourceMapping",
        "lambda:TagResource",
        "lambda:UntagResource",
        "lambda:UpdateEventSourceMapping",
        "secretsmanager:GetRandomPassword",
        "xray:BatchGetTraces",
        "xray:GetTraceSummaries",
    }


def test_the_partition_of_a_region_is_the_sdks() -> None:
    session = boto3.session.Session()
    told = create_loader().load_data("partitions")["partitions"]
    ends = {each["id"]: each["outputs"]["dnsSuffix"] for each in told}
    partitions = session.get_available_partitions()
    regions = {r: p for p in partitions for r in session.get_available_regions("dynamodb", p)}

    assert {region: dataclasses.replace(WHERE, region=region).partition for region in regions} == regions
    assert {"aws", "aws-cn", "aws-us-gov", "aws-eusc"} <= set(regions.values())
    assert {region: url_suffix(region) for region in regions} == {region: ends[p] for region, p in regions.items()}
