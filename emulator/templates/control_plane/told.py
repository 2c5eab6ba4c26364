"""Stacks, events, resources and change sets as CloudFormation's answers have them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...port.aws_names import domain_name
from .query import Time
from .records import Change, ChangeSet, Event, Output, Proposed, ResourceRecord, StackRecord

HIDDEN: Final = "****"
"""Stands for the value of a ``NoEcho`` parameter. [DOC] cfn-docs:parameters-section-structure"""
_API_OF_STAGE: Final = {"AWS::ApiGatewayV2::Stage": "ApiId", "AWS::ApiGateway::Stage": "RestApiId"}
"""The property of a stage that names its API, by the stage's type."""


def stack(found: StackRecord, address: Any) -> dict[str, Any]:
    """A stack as ``DescribeStacks`` tells of it; ``address`` makes what its outputs say reachable from here."""
    current = found.current
    return {
        "StackId": found.stack_id,
        "StackName": found.name,
        "ParentId": found.parent_id,
        "Description": None if current is None else current.description,
        "Parameters": [] if current is None else parameters(current),
        "CreationTime": Time(found.created_at),
        "DeletionTime": _time(found.deleted_at),
        "LastUpdatedTime": _time(found.updated_at),
        "RollbackConfiguration": {},
        "StackStatus": found.status,
        "StackStatusReason": found.reason,
        "DisableRollback": found.disable_rollback,
        "NotificationARNs": [],
        "Capabilities": [] if current is None else list(current.capabilities),
        "Outputs": [] if current is None or found.is_gone else [output(each, address) for each in current.outputs],
        "Tags": [] if current is None else tags(current.tags),
        "EnableTerminationProtection": found.is_protected,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def summary(found: StackRecord) -> dict[str, Any]:
    """A stack as ``ListStacks`` tells of it."""
    return {
        "StackId": found.stack_id,
        "StackName": found.name,
        "ParentId": found.parent_id,
        "TemplateDescription": None if found.current is None else found.current.description,
        "CreationTime": Time(found.created_at),
        "LastUpdatedTime": _time(found.updated_at),
        "DeletionTime": _time(found.deleted_at),
        "StackStatus": found.status,
        "StackStatusReason": found.reason,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def parameters(proposed: Proposed) -> list[dict[str, str]]:
    """Names and values."""
    return [
        {"ParameterKey": name, "ParameterValue": HIDDEN if name in proposed.hidden else value}
        for name, value in proposed.parameters.items()
    ]


def tags(found: Mapping[str, str]) -> list[dict[str, str]]:
    """Keys and values."""
    return [{"Key": key, "Value": value} for key, value in found.items()]


def output(found: Output, address: Any) -> dict[str, Any]:
    """An output."""
    return {
        "OutputKey": found.name,
        "OutputValue": address(found.value),
        "Description": found.description,
        "ExportName": found.export,
    }


def event(found: Event, stack: StackRecord) -> dict[str, Any]:
    """An event."""
    return {
        "StackId": stack.stack_id,
        "EventId": found.event_id,
        "StackName": stack.name,
        "LogicalResourceId": found.logical_id,
        "PhysicalResourceId": found.physical_id,
        "ResourceType": found.type,
        "Timestamp": Time(found.at),
        "ResourceStatus": found.status,
        "ResourceStatusReason": found.reason,
        "ClientRequestToken": found.token,
    }


def resource(found: ResourceRecord, stack: StackRecord) -> dict[str, Any]:
    """A resource as ``DescribeStackResources`` tells of it."""
    return {
        "StackName": stack.name,
        "StackId": stack.stack_id,
        "LogicalResourceId": found.logical_id,
        "PhysicalResourceId": found.physical_id,
        "ResourceType": found.type,
        "Timestamp": Time(found.at),
        "ResourceStatus": found.status,
        "ResourceStatusReason": found.reason,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def listed_resource(found: ResourceRecord) -> dict[str, Any]:
    """A resource as ``ListStackResources`` tells of it, and ``DescribeStackResource``."""
    return {
        "LogicalResourceId": found.logical_id,
        "PhysicalResourceId": found.physical_id,
        "ResourceType": found.type,
        "LastUpdatedTimestamp": Time(found.at),
        "ResourceStatus": found.status,
        "ResourceStatusReason": found.reason,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def change_set(found: ChangeSet, stack: StackRecord) -> dict[str, Any]:
    """A change set."""
    return {
        **change_set_summary(found, stack),
        "Parameters": parameters(found.proposed),
        "NotificationARNs": [],
        "RollbackConfiguration": {},
        "Capabilities": list(found.proposed.capabilities),
        "Tags": tags(found.proposed.tags),
        "Changes": [change(each) for each in found.changes],
        "OnStackFailure": found.on_failure,
        "ImportExistingResources": found.takes_over,
    }


def change_set_summary(found: ChangeSet, stack: StackRecord) -> dict[str, Any]:
    """A change set as ``ListChangeSets`` tells of it."""
    return {
        "ChangeSetName": found.name,
        "ChangeSetId": found.change_set_id,
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "Description": found.description,
        "CreationTime": Time(found.at),
        "ExecutionStatus": found.execution,
        "Status": found.status,
        "StatusReason": found.reason,
        "IncludeNestedStacks": False,
    }


def change(found: Change) -> dict[str, Any]:
    """One change of a resource."""
    told: dict[str, Any] = {
        "Action": found.action,
        "LogicalResourceId": found.logical_id,
        "PhysicalResourceId": found.physical_id,
        "ResourceType": found.type,
    }
    if found.action == "Modify":
        told["Replacement"] = "True" if found.replaced else "False"
    changed = ["Properties"] if found.properties or found.replaced or not found.attributes else []
    told["Scope"] = [*changed, *found.attributes] if found.action == "Modify" else []
    recreated = "Always" if found.replaced else "Never"
    told["Details"] = [
        {
            "Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreated},
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        }
        for name in found.properties
    ] + [
        {
            "Target": {"Attribute": name, "RequiresRecreation": "Never"},
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        }
        for name in found.attributes
    ]
    return {"Type": "Resource", "ResourceChange": told}


def processed(proposed: Proposed) -> str:
    """A template after its transforms, as JSON."""
    return json.dumps(proposed.processed)


def _time(at: float | None) -> Time | None:
    return None if at is None else Time(at)


def addresses(resources: Iterable[ResourceRecord], everything: Iterable[ResourceRecord], region: str) -> dict[str, str]:
    """AWS's address of each stage among the resources, by logical id; ``everything`` says of which kind APIs are."""
    of_http = {
        each.physical_id
        for each in everything
        if each.type == "AWS::ApiGatewayV2::Api" and each.properties.get("ProtocolType") != "WEBSOCKET"
    }
    found = {}
    for each in resources:
        if each.type not in _API_OF_STAGE:
            continue
        api = each.properties.get(_API_OF_STAGE[each.type])
        scheme = "https" if each.type == "AWS::ApiGateway::Stage" or api in of_http else "wss"
        path = "" if each.physical_id == "$default" else f"/{each.physical_id}"
        found[each.logical_id] = f"{scheme}://{domain_name(str(api), region)}{path}"
    return found
