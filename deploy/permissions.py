"""What whoever deploys needs of IAM, and what CloudFormation needs on their behalf, as policies. Pure.

What CloudFormation needs follows from the types in the template: each type's handlers say it in AWS's own schemas of
resources, and a test holds this table against those that cfn-lint brings. [DOC] cfn-docs:resource-type-schema, handlers
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamer.aws_limits import partition_of

Statement = dict[str, Any]

MANAGED_POLICY: Final = 6144
"""Characters of a managed policy, white space not counted. [DOC] iam-docs:reference_iam-quotas"""
_NAME_KEPT: Final = 20
"""Letters of a stack's name that are surely left in the names which CloudFormation makes up. [INF]"""

_VERBS: Final = ("DELETE", "GET", "PATCH", "POST", "PUT", "TagResource", "UntagResource")

NEEDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "AWS::ApiGatewayV2::": ("apis", "apigateway", " ".join(_VERBS)),
    "AWS::ApiGatewayV2::DomainName": ("domains", "apigateway", "AddCertificateToDomain RemoveCertificateFromDomain"),
    "AWS::ApiGateway::": ("keys", "apigateway", " ".join(_VERBS)),
    "AWS::Lambda::Function": (
        "functions",
        "lambda",
        "CreateFunction DeleteFunction DeleteFunctionConcurrency GetFunction GetFunctionCodeSigningConfig "
        "GetFunctionRecursionConfig GetFunctionScalingConfig GetRuntimeManagementConfig PutFunctionConcurrency "
        "PutFunctionRecursionConfig PutRuntimeManagementConfig TagResource UntagResource UpdateFunctionCode "
        "UpdateFunctionConfiguration",
    ),
    "AWS::Lambda::Version": (
        "functions",
        "lambda",
        "DeleteFunction GetFunctionConfiguration GetFunctionScalingConfig GetProvisionedConcurrencyConfig "
        "GetRuntimeManagementConfig ListVersionsByFunction PublishVersion PutProvisionedConcurrencyConfig "
        "PutRuntimeManagementConfig",
    ),
    "AWS::Lambda::Alias": (
        "functions",
        "lambda",
        "CreateAlias DeleteAlias DeleteProvisionedConcurrencyConfig GetAlias GetProvisionedConcurrencyConfig "
        "ListAliases PutProvisionedConcurrencyConfig UpdateAlias",
    ),
    "AWS::Lambda::Permission": ("functions", "lambda", "AddPermission GetPolicy RemovePermission"),
    "AWS::Lambda::EventInvokeConfig": (
        "functions",
        "lambda",
        "DeleteFunctionEventInvokeConfig GetFunctionEventInvokeConfig ListFunctionEventInvokeConfigs "
        "PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig",
    ),
    "AWS::Lambda::EventSourceMapping": (
        "any",
        "lambda",
        "CreateEventSourceMapping DeleteEventSourceMapping GetEventSourceMapping ListEventSourceMappings ListTags "
        "TagResource UntagResource UpdateEventSourceMapping",
    ),
    "AWS::IAM::Role": (
        "roles",
        "iam",
        "AttachRolePolicy CreateRole DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy DetachRolePolicy "
        "GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies PutRolePermissionsBoundary PutRolePolicy "
        "TagRole UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription",
    ),
    "AWS::Logs::LogGroup": (
        "logs",
        "logs",
        "AssociateKmsKey CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DescribeIndexPolicies DescribeLogGroups "
        "DisassociateKmsKey GetDataProtectionPolicy ListTagsForResource PutRetentionPolicy TagResource UntagResource",
    ),
    "AWS::DynamoDB::Table": (
        "tables",
        "dynamodb",
        "CreateTable DeleteTable DescribeContinuousBackups DescribeContributorInsights "
        "DescribeKinesisStreamingDestination DescribeTable DescribeTimeToLive GetResourcePolicy ListTagsOfResource "
        "TagResource UntagResource UpdateContinuousBackups UpdateContributorInsights UpdateTable UpdateTimeToLive",
    ),
    "AWS::SQS::Queue": (
        "queues",
        "sqs",
        "CreateQueue DeleteQueue GetQueueAttributes GetQueueUrl ListQueueTags SetQueueAttributes TagQueue UntagQueue",
    ),
    "AWS::SQS::QueuePolicy": ("queues", "sqs", "SetQueueAttributes"),
    "AWS::S3::Bucket": (
        "buckets",
        "s3",
        "CreateBucket DeleteBucket GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketAcl "
        "GetBucketCORS GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification "
        "GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPublicAccessBlock GetBucketTagging "
        "GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration "
        "GetInventoryConfiguration GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration "
        "ListBucket ListTagsForResource PutBucketCORS PutBucketOwnershipControls PutBucketPublicAccessBlock "
        "PutBucketTagging PutEncryptionConfiguration PutLifecycleConfiguration TagResource UntagResource",
    ),
    "AWS::S3::BucketPolicy": ("buckets", "s3", "DeleteBucketPolicy GetBucketPolicy PutBucketPolicy"),
    "AWS::SecretsManager::Secret": (
        "secrets",
        "secretsmanager",
        "CreateSecret DeleteSecret DescribeSecret GetSecretValue TagResource UntagResource UpdateSecret",
    ),
    "AWS::Events::Rule": (
        "rules",
        "events",
        "DeleteRule DescribeRule ListTagsForResource ListTargetsByRule PutRule PutTargets RemoveTargets TagResource "
        "UntagResource",
    ),
    "AWS::CloudWatch::Alarm": (
        "alarms",
        "cloudwatch",
        "DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource",
    ),
    "AWS::CloudWatch::Dashboard": (
        "dashboards",
        "cloudwatch",
        "DeleteDashboards GetDashboard ListTagsForResource PutDashboard TagResource UntagResource",
    ),
    "AWS::CertificateManager::Certificate": (
        "any",
        "acm",
        "AddTagsToCertificate DeleteCertificate DescribeCertificate ListTagsForCertificate RemoveTagsFromCertificate "
        "RequestCertificate UpdateCertificateOptions",
    ),
    "AWS::Route53::RecordSet": (
        "zones",
        "route53",
        "ChangeResourceRecordSets GetChange GetHostedZone ListResourceRecordSets",
    ),
}
"""Type, or how types begin, to the place of its resources, its service, and what its handlers need there."""

EVERYWHERE: Final[Mapping[str, tuple[str, ...]]] = {
    "AWS::Logs::LogGroup": ("logs:DescribeLogGroups",),
    "AWS::Lambda::Function": ("lambda:ListFunctions",),
    "AWS::CloudWatch::Alarm": ("cloudwatch:DescribeAlarms",),
    "AWS::Route53::RecordSet": ("route53:ListHostedZones",),
    "AWS::SecretsManager::Secret": ("secretsmanager:GetRandomPassword",),
}
"""What IAM knows no resource for, or lists."""

_KEY: Final = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
_VPC: Final = (
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
_STACK: Final = (
    "CreateChangeSet DeleteChangeSet DeleteStack DescribeChangeSet DescribeEvents DescribeStackEvents DescribeStacks "
    "ExecuteChangeSet GetTemplate ListChangeSets ListStackResources TagResource UntagResource "
    "UpdateTerminationProtection"
)
_NEIGHBOURS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "AWS::ApiGatewayV2::DomainName": {"domains": tuple(f"apigateway:{verb}" for verb in _VERBS)},
    "AWS::ApiGateway::Account": {"roles": ("iam:GetRole",)},
    "AWS::CertificateManager::Certificate": {"zones": ("route53:ChangeResourceRecordSets",)},
}
"""What a type needs at another place, too."""

_OWN: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("apigateway:GET",),
    "alarms": ("cloudwatch:DisableAlarmActions", "cloudwatch:EnableAlarmActions"),
    "any": (
        "cloudwatch:DescribeAlarms",
        "dynamodb:ListTables",
        "lambda:GetEventSourceMapping",
        "lambda:UpdateEventSourceMapping",
        "logs:DescribeLogGroups",
        "xray:BatchGetTraces",
        "xray:GetTraceSummaries",
    ),
    "apis": ("apigateway:GET", "apigateway:PATCH"),
    "functions": (
        "lambda:DeleteFunctionConcurrency",
        "lambda:DeleteProvisionedConcurrencyConfig",
        "lambda:GetAlias",
        "lambda:GetFunction",
        "lambda:GetFunctionConfiguration",
        "lambda:GetFunctionEventInvokeConfig",
        "lambda:GetPolicy",
        "lambda:GetProvisionedConcurrencyConfig",
        "lambda:PutFunctionConcurrency",
        "lambda:PutProvisionedConcurrencyConfig",
        "lambda:UpdateAlias",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "lambda:UpdateFunctionEventInvokeConfig",
    ),
    "logs": ("logs:FilterLogEvents", "logs:PutRetentionPolicy"),
    "queues": ("sqs:GetQueueAttributes",),
    "roles": ("iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"),
    "rules": ("events:DescribeRule", "events:DisableRule", "events:EnableRule", "events:ListTargetsByRule"),
    "secrets": ("secretsmanager:DescribeSecret", "secretsmanager:RestoreSecret"),
    "tables": (
        "dynamodb:DeleteTable",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateTimeToLive",
    ),
}
"""Place to what the commands call there themselves."""
_BUCKET: Final = (
    "s3:CreateBucket",
    "s3:GetBucketPolicy",
    "s3:ListBucket",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutLifecycleConfiguration",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What the names in a policy are made of."""

    stack_name: str
    service: str
    table_prefix: str
    region: str | None = None
    """None: any."""
    account_id: str | None = None
    """None: any, that is the account whose policy it is."""
    bucket: str | None = None
    role_arn: str | None = None
    """With which CloudFormation works; None: with the permissions of whoever deploys."""
    kms_key_arn: str | None = None

    @property
    def partition(self) -> str:
        """Of AWS."""
        return partition_of(self.region or "")

    def arn(self, service: str, rest: str, *, region: str | None = None, account: str | None = None) -> str:
        """The ARN of something, or of several things."""
        region = self.region or "*" if region is None else region
        account = self.account_id or "*" if account is None else account
        return f"arn:{self.partition}:{service}:{region}:{account}:{rest}"


def deployer(template: Mapping[str, Any], where: Where) -> dict[str, Any]:
    """All that ``deploy``, ``rollback``, ``status``, ``logs``, ``tail``, ``trace`` and ``destroy`` need for a stack."""
    own = {place: [*actions] for place, actions in _OWN.items()}
    statements = list(_own(where))
    if where.role_arn is None:
        for place, actions in _made(template).items():
            own.setdefault(place, []).extend(actions)
        statements += _besides(template, where)
    else:
        condition = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
        statements.append(_allow("PassRole", ["iam:PassRole"], [where.role_arn], condition))
    return _document([*statements, *_placed(own, where)])


def cloudformation(template: Mapping[str, Any], where: Where) -> dict[str, Any]:
    """What CloudFormation needs to make, change and delete the stack: for `cloudformation_role`."""
    return _document([*_placed(_made(template), where), *_besides(template, where)])


def _document(statements: list[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: list[str], resources: list[str], condition: Any = None) -> Statement:
    found: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(set(actions)),
        "Resource": resources if len(resources) > 1 else resources[0],
    }
    return found if condition is None else found | {"Condition": condition}


def _named(service: str, words: str) -> list[str]:
    return [f"{service}:{word}" for word in words.split()]


def _own(where: Where) -> Iterator[Statement]:
    """What the commands call themselves."""
    bucket = f"arn:{where.partition}:s3:::{where.bucket or 'streamer-code-*'}"
    yield _allow(
        "Stack", _named("cloudformation", _STACK), [where.arn("cloudformation", f"stack/{where.stack_name}/*")]
    )
    yield _allow("CodeBucket", list(_BUCKET), [bucket])
    yield _allow("Code", _named("s3", "GetObject PutObject"), [f"{bucket}/{where.service}/*"])


def _places(where: Where) -> dict[str, list[str]]:
    """Where the resources of a stack are, by names that the template gives or CloudFormation makes up."""
    stack, made_up = where.stack_name, where.stack_name[:_NAME_KEPT]
    return {
        "any": ["*"],
        "apis": [where.arn("apigateway", path, account="") for path in ("/apis", "/apis/*", "/tags/*")],
        "domains": [where.arn("apigateway", "/domainnames*", account="")],
        "account": [where.arn("apigateway", "/account", account="")],
        "keys": [
            where.arn("apigateway", path, account="") for path in ("/account", "/apikeys*", "/usageplans*", "/tags/*")
        ],
        "functions": [where.arn("lambda", f"function:{stack}-*")],
        "roles": [where.arn("iam", f"role/{made_up}*", region="")],
        "logs": [
            where.arn("logs", f"log-group:{path}*") for path in (f"/aws/lambda/{stack}-", f"/aws/apigateway/{stack}")
        ],
        "tables": [where.arn("dynamodb", f"table/{where.table_prefix}*")],
        # CloudFormation writes these in lower case. [DOC] cfn-docs:AWS_S3_Bucket, BucketName
        "buckets": [f"arn:{where.partition}:s3:::{made_up.lower()}*"],
        "queues": [where.arn("sqs", f"{stack}-*")],
        "secrets": [where.arn("secretsmanager", "secret:*Store-*")],
        "rules": [where.arn("events", f"rule/{made_up}*")],
        "alarms": [where.arn("cloudwatch", f"alarm:{made_up}*")],
        "dashboards": [where.arn("cloudwatch", f"dashboard/{made_up}*", region="")],
        "zones": [f"arn:{where.partition}:route53:::{kind}/*" for kind in ("hostedzone", "change")],
    }


def needs_of(kind: str) -> list[tuple[str, str]]:
    """What a type's handlers need: places and actions.

    Raises:
        KeyError: nobody has looked at that type yet.
    """
    found = [
        (place, action)
        for start, (place, service, words) in NEEDS.items()
        if kind == start or (start.endswith("::") and kind.startswith(start))
        for action in _named(service, words)
    ]
    if not found:
        raise KeyError(kind)
    return found + [(place, action) for place, actions in _NEIGHBOURS.get(kind, {}).items() for action in actions]


def unknown_types(template: Mapping[str, Any]) -> list[str]:
    """Types of the user's own resources, whose needs nobody has looked at."""
    return [kind for kind in _kinds(template) if not _known(kind)]


def _kinds(template: Mapping[str, Any]) -> list[str]:
    return sorted({resource["Type"] for resource in template["Resources"].values()})


def _known(kind: str) -> bool:
    return any(kind == start or (start.endswith("::") and kind.startswith(start)) for start in NEEDS)


def _made(template: Mapping[str, Any]) -> dict[str, list[str]]:
    """Place to what CloudFormation calls there for the resources of a template."""
    kinds = [kind for kind in _kinds(template) if _known(kind)]
    found: dict[str, list[str]] = {}
    for kind in kinds:
        for place, action in needs_of(kind):
            found.setdefault(place, []).append(action)
        found.setdefault("any", []).extend(EVERYWHERE.get(kind, ()))
    if any("VpcConfig" in each for each in _functions(template)):
        found["any"] += _VPC
    return found


def _placed(by_place: Mapping[str, list[str]], where: Where) -> Iterator[Statement]:
    places = _places(where)
    for place, actions in sorted(by_place.items()):
        if actions:
            yield _allow(place.capitalize(), actions, places[place])


def _besides(template: Mapping[str, Any], where: Where) -> Iterator[Statement]:
    """What CloudFormation needs for a stack beside what its types say."""
    services = ["lambda.amazonaws.com", "apigateway.amazonaws.com"]
    condition = {"StringEquals": {"iam:PassedToService": services}}
    yield _allow("PassRoles", ["iam:PassRole"], _places(where)["roles"], condition)
    if where.role_arn is not None:
        yield _allow("ReadCode", ["s3:GetObject"], [f"{_bucket(where)}/{where.service}/*"])
    named = (layer for each in _functions(template) for layer in each.get("Layers", ()))
    layers = sorted({layer for layer in named if isinstance(layer, str)})
    if layers:
        yield _allow("Layers", ["lambda:GetLayerVersion"], layers)
    if where.kms_key_arn is not None:
        yield _allow("Key", list(_KEY), [where.kms_key_arn])


def _functions(template: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Properties of each function."""
    resources = template["Resources"].values()
    return [each.get("Properties", {}) for each in resources if each["Type"] == "AWS::Lambda::Function"]


def _bucket(where: Where) -> str:
    return f"arn:{where.partition}:s3:::{where.bucket or 'streamer-code-*'}"
