"""What an organisation asks of every stack: its network, its keys, a boundary of roles. Pure.

It changes resources that are described elsewhere, so that each of those says what a service is and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .names import Resources
from .settings import StackSettings

_NETWORK: Final = {
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
"""What Lambda needs of a function's role to put it into a VPC. [DOC] lambda-docs:configuration-vpc"""


def organised(resources: Mapping[str, dict[str, Any]], settings: StackSettings) -> Resources:
    """The same resources, as the settings ask for them."""
    changes: list[tuple[str, Callable[[dict[str, Any]], None]]] = []
    if settings.subnets:
        changes += _network(settings)
    if settings.permissions_boundary is not None:
        boundary = settings.permissions_boundary
        changes.append(("AWS::IAM::Role", lambda role: role.update(PermissionsBoundary=boundary)))
    if settings.kms_key_arn is not None:
        changes += _encryption(settings.kms_key_arn)
    found = {
        name: {**resource, "Properties": {**resource.get("Properties", {})}} for name, resource in resources.items()
    }
    for resource in found.values():
        for kind, change in changes:
            if resource["Type"] == kind:
                change(resource["Properties"])
    return found


def _network(settings: StackSettings) -> list[tuple[str, Callable[[dict[str, Any]], None]]]:
    network: dict[str, Any] = {
        "SubnetIds": list(settings.subnets),
        "SecurityGroupIds": list(settings.security_groups),
    }
    if settings.dual_stack:
        network["Ipv6AllowedForDualStack"] = True
    return [
        ("AWS::Lambda::Function", lambda function: function.update(VpcConfig=network)),
        ("AWS::IAM::Role", lambda role: _allow(role, _NETWORK)),
    ]


def _encryption(key: str) -> list[tuple[str, Callable[[dict[str, Any]], None]]]:
    """One key for everything at rest. Its policy must let CloudWatch Logs use it.

    [DOC] ddb-docs:encryption.usagenotes, cwl-docs:encrypt-log-data-kms, sqs-docs:sqs-key-management
    """
    use = {
        "Sid": "Key",
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": [key],
    }
    table = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}

    by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    objects = {
        "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": by_key, "BucketKeyEnabled": True}]
    }

    def encrypt_queue(queue: dict[str, Any]) -> None:
        del queue["SqsManagedSseEnabled"]
        queue["KmsMasterKeyId"] = key

    return [
        ("AWS::DynamoDB::Table", lambda properties: properties.update(SSESpecification=table)),
        ("AWS::Lambda::Function", lambda properties: properties.update(KmsKeyArn=key)),
        ("AWS::Logs::LogGroup", lambda properties: properties.update(KmsKeyId=key)),
        ("AWS::SecretsManager::Secret", lambda properties: properties.update(KmsKeyId=key)),
        ("AWS::S3::Bucket", lambda properties: properties.update(BucketEncryption=objects)),
        ("AWS::SQS::Queue", encrypt_queue),
        ("AWS::IAM::Role", lambda role: _allow(role, use)),
    ]


def _allow(role: dict[str, Any], statement: Mapping[str, Any]) -> None:
    """Add a statement to a function's role; the role with which API Gateway writes logs has no policy of ours."""
    policies = role.get("Policies")
    if not policies:
        return
    first = policies[0]
    document = first["PolicyDocument"]
    changed = {**document, "Statement": [*document["Statement"], dict(statement)]}
    role["Policies"] = [{**first, "PolicyDocument": changed}, *policies[1:]]
