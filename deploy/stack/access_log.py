"""The access log of a WebSocket API: its variables, its log group, the role that writes it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .names import STACK, Resources, att, sub
from .settings import StackSettings

LOGGING_ROLE_PARAMETER: Final = "MakesLoggingRole"
"""Parameter that is ``true`` where the stack gives API Gateway the account's role for logs."""
_CONDITION: Final = "MakesLoggingRole"
_OF_THE_ACCOUNT: Final = frozenset({"GatewayLoggingRole", "GatewayAccount"})

_ACCESS_LOG: Final = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "connectionId": "$context.connectionId",
    "eventType": "$context.eventType",
    "routeKey": "$context.routeKey",
    "status": "$context.status",
    "sourceIp": "$context.identity.sourceIp",
    "integrationLatency": "$context.integrationLatency",
    "integrationError": "$context.integrationErrorMessage",
    "error": "$context.error.message",
}
"""Fields of an access log line; no query string, since tokens travel there.
[DOC] apigw-docs:apigateway-websocket-api-logging"""


def access_log_format() -> str:
    """What API Gateway writes of each request: one JSON object."""
    return "{" + ",".join(f'"{name}":"{variable}"' for name, variable in _ACCESS_LOG.items()) + "}"


def access_log(settings: StackSettings) -> Resources:
    """Where it writes, and, if the settings say so, the role with which it does."""
    found: Resources = {
        "AccessLogs": {
            "Type": "AWS::Logs::LogGroup",
            **settings.end_of_logs,
            "Properties": {
                "LogGroupName": settings.log_group(f"/aws/apigateway/{STACK}"),
                "RetentionInDays": settings.log_retention_days,
            },
        },
    }
    if settings.logging_role:
        found |= _logging_role()
    return found


def with_choice(document: Mapping[str, Any]) -> dict[str, Any]:
    """A template that makes the account's role only where whoever deploys says so: where there is none yet."""
    parameter = {
        "Type": "String",
        "AllowedValues": ["true", "false"],
        "Default": "true",
        "Description": "Whether this stack gives API Gateway its role for logs, as no other has",
    }
    resources = {
        name: {**resource, "Condition": _CONDITION} if name in _OF_THE_ACCOUNT else resource
        for name, resource in document["Resources"].items()
    }
    found = {key: value for key, value in document.items() if key not in ("Resources", "Outputs")}
    return {
        **found,
        "Parameters": {**document["Parameters"], LOGGING_ROLE_PARAMETER: parameter},
        "Conditions": {_CONDITION: {"Fn::Equals": [{"Ref": LOGGING_ROLE_PARAMETER}, "true"]}},
        "Resources": resources,
        "Outputs": document["Outputs"],
    }


def after_the_role() -> dict[str, Any]:
    """A description that makes CloudFormation wait for the role, if the stack makes it: DependsOn knows no "if"."""
    waiting = sub("Logs by ${GatewayAccount}")
    return {"Fn::If": [_CONDITION, waiting, {"Ref": "AWS::NoValue"}]}


def _logging_role() -> Resources:
    """The account's role for logs of API Gateway. Every API of the region uses it, so it outlives this stack."""
    retained = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    managed = "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    trust = {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "GatewayLoggingRole": {
            "Type": "AWS::IAM::Role",
            **retained,
            "Properties": {
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                "ManagedPolicyArns": [sub(managed)],
            },
        },
        "GatewayAccount": {
            "Type": "AWS::ApiGateway::Account",
            **retained,
            "Properties": {"CloudWatchRoleArn": att("GatewayLoggingRole")},
        },
    }
