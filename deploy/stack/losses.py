"""What is lost with a resource that is replaced or removed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

BUCKET: Final = "AWS::S3::Bucket"
_DOMAIN: Final = "AWS::ApiGatewayV2::DomainName"
_ADDRESSES: Final = frozenset({"AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage", _DOMAIN})
_HOLD_DATA: Final = frozenset({
    "AWS::Backup::BackupVault", "AWS::CloudFormation::Stack", "AWS::Cognito::UserPool", "AWS::DocDB::DBCluster",
    "AWS::DocDB::DBInstance", "AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table", "AWS::EC2::Volume",
    "AWS::ECR::Repository", "AWS::EFS::FileSystem", "AWS::EMR::Cluster", "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup", "AWS::Elasticsearch::Domain", "AWS::FSx::FileSystem", "AWS::KMS::Key",
    "AWS::Kinesis::Stream", "AWS::MemoryDB::Cluster", "AWS::Neptune::DBCluster", "AWS::Neptune::DBInstance",
    "AWS::OpenSearchService::Domain", "AWS::Organizations::Account", "AWS::QLDB::Ledger", "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance", "AWS::Redshift::Cluster",
    BUCKET, "AWS::SDB::Domain", "AWS::SQS::Queue", "AWS::SecretsManager::Secret",
})  # fmt: skip
"""Types that hold what no template brings back: those that cfn-lint calls stateful (I3011) and neighbours of them, but
for log groups, which come and go with the functions."""


def is_precious(resource_type: str) -> bool:
    """Whether replacing or removing a resource of this type needs an explicit word."""
    return resource_type in _ADDRESSES or resource_type in _HOLD_DATA


def holds_data(resource_type: str) -> bool:
    """Whether a resource of this type holds what no template brings back."""
    return resource_type in _HOLD_DATA


def stays(resource: Mapping[str, Any], policy: str = "DeletionPolicy") -> bool:
    """Whether a resource of a template outlives the stack; ``policy``: in which of the two cases.

    [DOC] cfn-docs:aws-attribute-deletionpolicy: what says nothing is deleted, or a snapshot is made of it.
    """
    return str(resource.get(policy, "")).startswith("Retain")


def of_replacement(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What is lost when a precious resource is replaced, as it stands in the old and the new template."""
    if new.get("Type") in _ADDRESSES:
        return "clients must be told a new address"
    # Which of the two counts is not documented, so both have to keep it.
    if stays(old, "UpdateReplacePolicy") and stays(new, "UpdateReplacePolicy"):
        return "the new one is empty; the old one stays with its data, outside of the stack"
    return f"the new one is empty; the old one {_deleted(new, 'UpdateReplacePolicy')}"


def of_removal(old: Mapping[str, Any]) -> str:
    """What is lost when a precious resource is removed, as it stands in the template of the stack."""
    if old.get("Type") == _DOMAIN:
        return "clients that know its address reach nothing any more"
    if old.get("Type") in _ADDRESSES:
        return "clients have no address any more"
    if stays(old):
        return "it stays with its data, outside of the stack, and nothing of the service knows it any more"
    return f"it {_deleted(old, 'DeletionPolicy')}"


def _deleted(resource: Mapping[str, Any], policy: str) -> str:
    if resource.get("Type") == BUCKET:  # [DOC] cfn-docs:AWS_S3_Bucket: CloudFormation deletes none that holds something
        return "is deleted if it is empty, and else stays outside of the stack"
    if resource.get(policy) == "Snapshot":
        return "is deleted once a snapshot was made of it"
    return "is deleted with all in it" + ("" if resource.get(policy) else f"; {policy}: Retain would keep it")
