"""The buckets of a topology, as resources of the template. Pure."""

from __future__ import annotations

from typing import Any, Final

from streamer.topology import Bucket, Topology
from streamer.topology.logical_ids import bucket_id

from .names import Resources, att, ref, sub

_PRIVATE: Final = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


def bucket_resources(topology: Topology) -> Resources:
    """The buckets, and what keeps them from being reached without TLS."""
    found: Resources = {}
    for described in topology.buckets:
        found[bucket_id(described.name)] = _bucket(described)
        found[f"{bucket_id(described.name)}Policy"] = _policy(bucket_id(described.name))
    return found


def _bucket(described: Bucket) -> dict[str, Any]:
    """A private bucket, which may empty itself.

    CloudFormation cannot delete a bucket that holds something, so it outlives the stack, and the next stack makes one
    of another name. [DOC] cfn-docs:AWS_S3_Bucket
    """
    expires = {} if described.kept_days is None else {"ExpirationInDays": described.kept_days}
    rule = {
        "Id": "expire",
        "Status": "Enabled",
        **expires,
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    pages = {
        "AllowedMethods": ["PUT"],
        "AllowedOrigins": list(described.page_origins),
        "AllowedHeaders": ["*"],
        "MaxAge": 3600,
    }
    return {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            **({"CorsConfiguration": {"CorsRules": [pages]}} if described.page_origins else {}),
            "LifecycleConfiguration": {"Rules": [rule]},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "PublicAccessBlockConfiguration": _PRIVATE,
        },
    }


def _policy(name: str) -> dict[str, Any]:
    """[DOC] s3-docs:security-best-practices, "Enforce encryption of data in transit"."""
    refused = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [att(name), sub(f"${{{name}.Arn}}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {
        "Type": "AWS::S3::BucketPolicy",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"Bucket": ref(name), "PolicyDocument": {"Version": "2012-10-17", "Statement": [refused]}},
    }
