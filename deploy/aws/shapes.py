"""What CloudFormation answers, as boto3 has it, as the data of `deploy.cloud`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ..cloud import Change, Event, Parameter, Proposal, Replacement, Resource, Stack

TTL: Final = "TimeToLiveSpecification"
RECOVERY: Final = "PointInTimeRecoverySpecification"


def table_settings(expiry: Mapping[str, Any], backups: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What DescribeTimeToLive and DescribeContinuousBackups say, as the properties of a table in a template.

    [DOC] ddb-api:TimeToLiveDescription, PointInTimeRecoveryDescription
    """
    expires = expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    attribute = {name: expiry[name] for name in ("AttributeName",) if expires and name in expiry}
    days = {name: recovery[name] for name in ("RecoveryPeriodInDays",) if name in recovery}
    return {
        TTL: {"Enabled": expires, **attribute},
        RECOVERY: {"PointInTimeRecoveryEnabled": recovery.get("PointInTimeRecoveryStatus") == "ENABLED", **days},
    }


def stack(found: Mapping[str, Any]) -> Stack:
    """A stack of DescribeStacks."""
    changed = found.get("LastUpdatedTime") or found.get("CreationTime")
    return Stack(
        name=found["StackName"],
        stack_id=found["StackId"],
        status=found["StackStatus"],
        reason=found.get("StackStatusReason"),
        outputs={output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])},
        parameters={p["ParameterKey"]: p.get("ParameterValue", "") for p in found.get("Parameters", [])},
        tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
        changed_at=changed.timestamp() if changed is not None else None,
        is_protected=found.get("EnableTerminationProtection", False),
    )


def resource(found: Mapping[str, Any]) -> Resource:
    """A resource of ListStackResources."""
    return Resource(
        logical_id=found["LogicalResourceId"],
        physical_id=found.get("PhysicalResourceId", ""),
        resource_type=found["ResourceType"],
        status=found["ResourceStatus"],
    )


def event(found: Mapping[str, Any]) -> Event:
    """An event of DescribeStackEvents."""
    return Event(
        event_id=found["EventId"],
        at=found["Timestamp"].timestamp(),
        logical_id=found.get("LogicalResourceId", ""),
        physical_id=found.get("PhysicalResourceId", ""),
        resource_type=found.get("ResourceType", ""),
        status=found.get("ResourceStatus", ""),
        reason=found.get("ResourceStatusReason"),
    )


def refusal(found: Mapping[str, Any]) -> str:
    """What an event of DescribeEvents has against a change set; empty: nothing, or it only warns.

    [DOC] cfn-docs:validate-stack-deployments: of names that are taken, and of properties that the type does not have.
    """
    if "WARN" in (found.get("ValidationFailureMode"), found.get("HookFailureMode")):
        return ""
    why = found.get("ValidationStatusReason") or found.get("HookStatusReason") or found.get("ResourceStatusReason", "")
    whose = found.get("LogicalResourceId") or found.get("ValidationPath", "")
    return f"{whose}: {why.rstrip('.')}" if why and whose else why.rstrip(".")


def change(found: Mapping[str, Any], within: str = "") -> Change:
    """A resource's change of DescribeChangeSet; ``within``: begins its logical id."""
    details = found.get("Details", [])
    names = {detail.get("Target", {}).get("Name") or detail.get("Target", {}).get("Attribute") for detail in details}
    return Change(
        action=found["Action"],
        logical_id=f"{within}{found['LogicalResourceId']}",
        resource_type=found["ResourceType"],
        policy=found.get("PolicyAction", ""),
        replacement=Replacement(found.get("Replacement") or "False"),
        properties=tuple(sorted(name for name in names if name)),
    )


def bucket_policy(name: str, partition: str) -> str:
    """The policy of a bucket that nobody uses without TLS."""
    arn = f"arn:{partition}:s3:::{name}"
    statement = {
        "Sid": "OnlyByTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def parameter(parameter: Parameter) -> dict[str, Any]:
    """A parameter for CreateChangeSet."""
    if parameter.value is None:
        return {"ParameterKey": parameter.name, "UsePreviousValue": True}
    return {"ParameterKey": parameter.name, "ParameterValue": parameter.value}


def rollback(proposal: Proposal) -> dict[str, Any]:
    """Which alarms take a change back; no list at all would keep those of the last one.

    [DOC] cfn-api:RollbackConfiguration
    """
    triggers = [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"} for arn in proposal.rollback_alarms]
    return {"RollbackTriggers": triggers, "MonitoringTimeInMinutes": proposal.rollback_minutes}
