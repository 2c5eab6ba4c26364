"""One least-privilege role per function: what its part of the topology names, and nothing more. Pure.

What the topology grants stands in `streamer.topology.grants`, which the emulator enforces too; this adds what only
AWS has. The only ``*`` resources are those for which IAM knows no resource: X-Ray and
``dynamodb:ListStreams``.
[DOC] service-authorization:list_awsx-ray, list_amazondynamodb
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from streamer.topology import Function, Topology
from streamer.topology.grants import Grant, Kind, Place, Resource, arn, grants
from streamer.topology.logical_ids import bucket_id, function_id, log_group_id, queue_id, table_id

from .names import STACK, att, ref, sub
from .settings import StackSettings, secret_parameter

_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}

Statement = dict[str, Any]
"""A statement of a policy document, with CloudFormation's intrinsics in its resources."""


def role(topology: Topology, settings: StackSettings, function: Function) -> dict[str, Any]:
    """The function's role as a resource of the template."""
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": _TRUST,
            "Policies": [
                {
                    "PolicyName": function.name,
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": statements(topology, settings, function),
                    },
                }
            ],
        },
    }


def statements(topology: Topology, settings: StackSettings, function: Function) -> list[Statement]:
    """Everything the function, and Lambda on its behalf, may do."""
    found = [_logs(function)]
    if settings.tracing:
        found.append(_allow("Tracing", ("xray:PutTelemetryRecords", "xray:PutTraceSegments"), ["*"]))
    found += [_granted(topology, grant) for grant in grants(topology, function)]
    secrets = secret_references(settings, function)
    if secrets:
        found.append(_allow("Secrets", ("secretsmanager:GetSecretValue",), list(secrets.values())))
    return found


def secret_references(settings: StackSettings, function: Function) -> dict[str, Any]:
    """Secret's environment variable to its secret's ARN: of an existing secret, or of the one in this stack."""
    return {
        variable: settings.secret_arns.get(variable) or att(f"{secret_parameter(variable)}Store", "Id")
        for variable in function.secrets
        if variable not in settings.environment
        and variable not in settings.environment_from
        and not (variable == "JWT_SECRET" and settings.verifies_by_public_keys)
    }


def _allow(sid: str, actions: Iterable[str], resources: list[Any]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resources}


def _logs(function: Function) -> Statement:
    # The attribute Arn of a log group ends with ":*", which is what its streams match.
    return _allow("OwnLogs", ("logs:CreateLogStream", "logs:PutLogEvents"), [att(log_group_id(function.name))])


def _granted(topology: Topology, grant: Grant) -> Statement:
    sid = f"{_subject(topology, grant.subject)}{grant.topic}"
    statement = _allow(sid, grant.actions, [_resource(topology, resource) for resource in grant.resources])
    if grant.conditions:
        statement["Condition"] = {
            operator: {key: _values(values) for key, values in keys.items()}
            for operator, keys in grant.conditions.items()
        }
    return statement


def _subject(topology: Topology, subject: Resource | None) -> str:
    if subject is None:
        return ""
    return queue_id(subject.name) if subject.kind is Kind.QUEUE else table_id(topology, subject.name)


def _resource(topology: Topology, resource: Resource) -> Any:
    match resource.kind:
        case Kind.TABLE:
            return att(table_id(topology, resource.name))
        case Kind.INDEX:
            return sub(f"${{{table_id(topology, resource.name)}.Arn}}/index/{resource.detail}")
        case Kind.STREAM:
            return att(table_id(topology, resource.name), "StreamArn")
        case Kind.QUEUE:
            return att(queue_id(resource.name))
        case Kind.BUCKET if resource.detail:
            return sub(f"${{{bucket_id(resource.name)}.Arn}}/{resource.detail}")
        case Kind.BUCKET:
            return att(bucket_id(resource.name))
        case Kind.FUNCTION | Kind.CONNECTIONS:
            return sub(arn(resource, _place(topology)))
        case Kind.ARN:
            return _elsewhere(resource.name)
        case Kind.ANYTHING:
            return "*"


def _values(values: Any) -> Any:
    """What a condition compares with, of which texts may have names for where it runs."""
    if isinstance(values, list | tuple):
        return [_values(each) for each in values]
    return _elsewhere(values) if isinstance(values, str) else values


def _elsewhere(text: str) -> Any:
    """A text of the user's, in which only CloudFormation's own names are replaced, not IAM's policy variables."""
    escaped = re.sub(r"\$\{(?!AWS::)", "${!", text)
    return sub(escaped) if "${AWS::" in text else text


def _place(topology: Topology) -> Place:
    """Where CloudFormation knows it to be."""
    return Place(
        partition="${AWS::Partition}",
        region="${AWS::Region}",
        account_id="${AWS::AccountId}",
        # The stage is named, not referenced: it comes after the routes, which come after the functions and their roles.
        apis={topology.api.name: ("${Api}", topology.api.stage)},
        # A role that named its own function by reference would be a circle: the function needs its role first.
        function_prefix=f"{STACK}-",
    )


def invoke_permission(
    function: str,
    source_arn: dict[str, Any],
    *,
    principal: str = "apigateway.amazonaws.com",
    called: str | None = None,
) -> dict[str, Any]:
    """A service's permission to call a function, for one route, authorizer or rule only.

    ``called`` is the logical id of its alias, if that is what is called.
    """
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": ref(function_id(function) if called is None else called),
            "Principal": principal,
            "SourceArn": source_arn,
        },
    }
