"""One least-privilege role per function: what its part of the topology names, and nothing more. Pure.

The only ``*`` resources are those for which IAM knows no resource: X-Ray and ``dynamodb:ListStreams``.
[DOC] service-authorization:list_awsx-ray, list_amazondynamodb
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from streamer.topology import AsyncInvocation, EventSourceMapping, Function, TableAccess, Topology

from .names import att, function_id, log_group_id, queue_id, ref, sub, table_id
from .settings import StackSettings, secret_parameter

_STREAM_ACTIONS: Final = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
_QUEUE_ACTIONS: Final = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
"""What Lambda's pollers do with the function's role. [DOC] lambda-docs:services-sqs-configure"""
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
    for access in function.tables:
        found.extend(_table(topology, access))
    found += _sources(topology, function)
    if function.posts_to_connections:
        found.append(_connections(topology))
    if function.invokes:
        found.append(_invokes(function))
    queues = sorted({*function.sends_to, *_destinations(topology, function)})
    if queues:
        found.append(_allow("Queues", ("sqs:SendMessage",), [att(queue_id(queue)) for queue in queues]))
    secrets = secret_references(settings, function)
    if secrets:
        found.append(_allow("Secrets", ("secretsmanager:GetSecretValue",), list(secrets.values())))
    return found


def secret_references(settings: StackSettings, function: Function) -> dict[str, Any]:
    """Secret's environment variable to its secret's ARN: of an existing secret, or of the one in this stack."""
    return {
        variable: settings.secret_arns.get(variable) or att(f"{secret_parameter(variable)}Store", "Id")
        for variable in function.secrets
        if variable not in settings.environment and not (variable == "JWT_SECRET" and settings.jwt_public_key)
    }


def _allow(sid: str, actions: Iterable[str], resources: list[Any]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resources}


def _logs(function: Function) -> Statement:
    # The attribute Arn of a log group ends with ":*", which is what its streams match.
    return _allow("OwnLogs", ("logs:CreateLogStream", "logs:PutLogEvents"), [att(log_group_id(function.name))])


def _table(topology: Topology, access: TableAccess) -> list[Statement]:
    table = table_id(topology, access.table)
    found = []
    if access.actions:
        found.append(_allow(table, (f"dynamodb:{action}" for action in access.actions), [att(table)]))
    if access.indexes:
        indexes = [sub(f"${{{table}.Arn}}/index/{name}") for name in sorted(access.indexes)]
        found.append(_allow(f"{table}Indexes", ("dynamodb:Query",), indexes))
    return found


def _stream(topology: Topology, mapping: EventSourceMapping) -> list[Statement]:
    table = table_id(topology, mapping.table)
    return [
        _allow(f"{table}Stream", _STREAM_ACTIONS, [att(table, "StreamArn")]),
        _allow(f"{table}Streams", ("dynamodb:ListStreams",), ["*"]),
    ]


def _sources(topology: Topology, function: Function) -> list[Statement]:
    found = []
    for mapping in topology.event_source_mappings:
        if mapping.function == function.name:
            found += _stream(topology, mapping)
    for source in topology.queue_mappings:
        if source.function == function.name:
            queue = queue_id(source.queue)
            found.append(_allow(f"{queue}Source", _QUEUE_ACTIONS, [att(queue)]))
    return found


def _connections(topology: Topology) -> Statement:
    # The stage is named, not referenced: it comes after the routes, which come after the functions and their roles.
    stage = topology.api.stage
    api = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}"
    # POST sends, GET asks whether a connection is open; closing connections of others (DELETE) is nobody's business.
    paths = [sub(f"{api}/{stage}/{method}/@connections/*") for method in ("GET", "POST")]
    return _allow("Connections", ("execute-api:ManageConnections",), paths)


def _invokes(function: Function) -> Statement:
    resources = []
    for name in function.invokes:
        # A role that named its own function by reference would be a circle: the function needs its role first.
        arn = f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:${{AWS::StackName}}-{name}"
        resources.append(sub(arn))
    return _allow("Invoke", ("lambda:InvokeFunction",), resources)


def _destinations(topology: Topology, function: Function) -> set[str]:
    """Queues that Lambda itself writes to with the function's role."""
    sources: list[EventSourceMapping | AsyncInvocation] = [*topology.event_source_mappings, *topology.async_invocations]
    return {source.on_failure for source in sources if source.function == function.name and source.on_failure}


def invoke_permission(
    function: str, source_arn: dict[str, Any], *, principal: str = "apigateway.amazonaws.com"
) -> dict[str, Any]:
    """A service's permission to call a function, for one route, authorizer or rule only."""
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": ref(function_id(function)),
            "Principal": principal,
            "SourceArn": source_arn,
        },
    }
