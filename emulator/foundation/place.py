"""Where an emulator is, and whose, unless something says otherwise; and the ARNs of what is there. Pure."""

from __future__ import annotations

from typing import Final

from streamer.aws_limits import partition_of

REGION: Final = "us-east-1"
ACCOUNT_ID: Final = "123456789012"
"""The account of AWS's examples, which is nobody's."""


def arn_of(service: str, region: str, account_id: str, rest: str) -> str:
    """The ARN of something in a Region."""
    return f"arn:{partition_of(region)}:{service}:{region}:{account_id}:{rest}"


def iam_arn(region: str, account_id: str, rest: str) -> str:
    """The ARN of something of IAM's, such as ``root``, the account itself; for those who ask from a Region."""
    return f"arn:{partition_of(region)}:iam::{account_id}:{rest}"


def bucket_arn(region: str, bucket: str) -> str:
    """The ARN of a bucket in a Region, which the ARN does not name. [DOC] s3-docs:s3-arn-format"""
    return f"arn:{partition_of(region)}:s3:::{bucket}"
