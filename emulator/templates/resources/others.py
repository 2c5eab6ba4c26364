"""Types of resources that change nothing about how a service behaves here. Pure data."""

from __future__ import annotations

from typing import Final

from .kind import Kind, Meaning

_IAM: Final = "arn:{partition}:iam::{account}:"

KINDS: Final = (
    Kind(
        type="AWS::IAM::Role",
        meaning=Meaning.IGNORED,
        noun="IAM role",
        attributes={"Arn": _IAM + "role{path}{name}", "RoleId": "AROA{id}"},
        name_property="RoleName",
    ),
    Kind(
        type="AWS::IAM::ManagedPolicy",
        meaning=Meaning.IGNORED,
        noun="IAM policy",
        ref=_IAM + "policy{path}{name}",
        attributes={"PolicyArn": _IAM + "policy{path}{name}", "PolicyId": "ANPA{id}"},
        name_property="ManagedPolicyName",
    ),
    Kind(
        type="AWS::Logs::LogGroup",
        meaning=Meaning.IGNORED,
        noun="log group",
        attributes={"Arn": "arn:{partition}:logs:{region}:{account}:log-group:{name}:*"},
        name_property="LogGroupName",
        longest=512,
    ),
    Kind(
        type="AWS::ECR::Repository",
        meaning=Meaning.IGNORED,
        noun="image repository",
        attributes={
            "Arn": "arn:{partition}:ecr:{region}:{account}:repository/{name}",
            "RepositoryUri": "{account}.dkr.ecr.{region}.{suffix}/{name}",
        },
        name_property="RepositoryName",
        longest=256,
        is_lower=True,
    ),
    Kind(
        type="AWS::CloudFormation::Stack",
        meaning=Meaning.KNOWN,
        noun="nested stack",
        ref="arn:{partition}:cloudformation:{region}:{account}:stack/{name}/{uuid}",
    ),
    Kind(type="Custom::S3BucketNotifications", meaning=Meaning.KNOWN, noun="bucket notification"),
    Kind(
        type="AWS::CertificateManager::Certificate",
        meaning=Meaning.IGNORED,
        noun="certificate",
        ref="arn:{partition}:acm:{region}:{account}:certificate/{uuid}",
    ),
    # What invokes functions is no setting that changes nothing.
    *(
        Kind(type=name, meaning=Meaning.MISSING, noun=name)
        for name in ("AWS::Logs::SubscriptionFilter", "AWS::SecretsManager::RotationSchedule")
    ),
)

NOUNS: Final = {
    "AWS::IAM::": "IAM policy",
    "AWS::Logs::": "log setting",
    "AWS::CloudWatch::": "alarm",
    "AWS::XRay::": "X-Ray setting",
    "AWS::EC2::": "EC2 resource",
    "AWS::Route53::": "DNS record",
    "AWS::CertificateManager::": "certificate",
    "AWS::WAFv2::": "WAF resource",
    "AWS::CloudFront::": "CloudFront resource",
    "AWS::CDK::": "CDK note",
    "AWS::ApplicationAutoScaling::": "scaling setting",
    "AWS::CodeDeploy::": "deployment setting",
    "AWS::KMS::": "key",
    "AWS::SQS::QueuePolicy": "queue policy",
    "AWS::SNS::TopicPolicy": "topic policy",
    "AWS::Events::EventBusPolicy": "event bus policy",
    "AWS::Kinesis::ResourcePolicy": "stream policy",
    "AWS::S3::BucketPolicy": "bucket policy",
    "AWS::CloudFormation::WaitCondition": "wait condition",
    "AWS::SecretsManager::": "secret setting",
    "Custom::S3AutoDeleteObjects": "clean-up",
    "Custom::LogRetention": "log setting",
    "Custom::CDKBucketDeployment": "CDK clean-up",
    "Custom::ApiGatewayAccountRole": "API Gateway account",
}
"""Beginnings of types that are ignored, and what one is called."""
