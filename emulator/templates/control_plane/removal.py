"""How what a resource keeps is removed with its stack. Pure. [DOC] cfn-docs:aws-attribute-deletionpolicy"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from ...services.calls import EMPTY_BUCKET
from .records import ResourceRecord

_EMPTIES: Final = "Custom::S3AutoDeleteObjects"
"""What CDK makes of ``autoDeleteObjects``: it empties a bucket that is to go. [DOC] cdk-docs:aws_s3.BucketProps"""


class Removal(Struct, frozen=True, kw_only=True):
    """An operation that removes something."""

    service: str
    """``dynamodb``, ``sqs``, or a service as boto3 calls it."""
    operation: str
    """As AWS's API calls it for services of this process, as boto3 does for the others."""
    parameters: Mapping[str, Any]
    resource: str
    """Logical id."""


_Make = Callable[[ResourceRecord], tuple[str, str, Mapping[str, Any]]]


def _schedule(resource: ResourceRecord) -> Mapping[str, Any]:
    group = resource.properties.get("GroupName")
    return {"Name": resource.physical_id, **({} if group is None else {"GroupName": str(group)})}


_REMOVALS: Final[Mapping[str, _Make]] = {
    "AWS::DynamoDB::Table": lambda each: ("dynamodb", "DeleteTable", {"TableName": each.physical_id}),
    "AWS::DynamoDB::GlobalTable": lambda each: ("dynamodb", "DeleteTable", {"TableName": each.physical_id}),
    "AWS::SQS::Queue": lambda each: ("sqs", "DeleteQueue", {"QueueUrl": each.physical_id}),
    "AWS::S3::Bucket": lambda each: ("s3", "delete_bucket", {"Bucket": each.physical_id}),
    "AWS::SNS::Topic": lambda each: ("sns", "delete_topic", {"TopicArn": each.physical_id}),
    "AWS::Kinesis::Stream": lambda each: ("kinesis", "delete_stream", {"StreamName": each.physical_id}),
    "AWS::SSM::Parameter": lambda each: ("ssm", "DeleteParameter", {"Name": each.physical_id}),
    "AWS::SecretsManager::Secret": lambda each: (
        "secretsmanager",
        "delete_secret",
        {"SecretId": each.physical_id, "ForceDeleteWithoutRecovery": True},
    ),
    "AWS::Cognito::UserPool": lambda each: ("cognito-idp", "DeleteUserPool", {"UserPoolId": each.physical_id}),
    "AWS::KMS::Alias": lambda each: ("kms", "delete_alias", {"AliasName": each.physical_id}),
    "AWS::Scheduler::Schedule": lambda each: ("scheduler", "delete_schedule", _schedule(each)),
    "AWS::Scheduler::ScheduleGroup": lambda each: ("scheduler", "delete_schedule_group", {"Name": each.physical_id}),
    "AWS::StepFunctions::StateMachine": lambda each: (
        "states",
        "DeleteStateMachine",
        {"stateMachineArn": each.physical_id},
    ),
    "AWS::Events::EventBus": lambda each: ("events", "delete_event_bus", {"Name": each.physical_id}),
}
"""Types of resources that keep something; the others are gone with the description that they are part of."""


def all_removals(resources: Iterable[ResourceRecord]) -> Iterator[tuple[ResourceRecord, tuple[Removal, ...]]]:
    """Resources that go together, each with what removes its contents, in order."""
    going = tuple(resources)
    emptied = {str(each.properties.get("BucketName")) for each in going if each.type == _EMPTIES}
    for each in going:
        yield each, removals(each, is_emptied=each.physical_id in emptied)


def removals(resource: ResourceRecord, *, is_emptied: bool = False) -> tuple[Removal, ...]:
    """What removes a resource's contents, in order; nothing: it has none. ``is_emptied``: of a bucket, objects too."""
    if resource.inner is not None:
        kept = [each for each in resource.inner.resources.values() if not each.retained]
        return tuple(found for _, several in all_removals(kept) for found in several)
    name = resource.logical_id
    if resource.type == "AWS::Events::Rule":
        return _of_rule(resource)
    make = _REMOVALS.get(resource.type)
    if make is None:
        return ()
    service, operation, parameters = make(resource)
    operations = [EMPTY_BUCKET, operation] if is_emptied else [operation]
    return tuple(Removal(service=service, operation=each, parameters=parameters, resource=name) for each in operations)


def _of_rule(resource: ResourceRecord) -> tuple[Removal, ...]:
    """A rule that has targets cannot be deleted. [DOC] events-api:DeleteRule"""
    targets = resource.properties.get("Targets")
    ids = [str(each["Id"]) for each in (targets if isinstance(targets, list) else ()) if "Id" in each]
    bus = resource.properties.get("EventBusName")
    where = {} if bus is None else {"EventBusName": str(bus)}
    name = resource.physical_id.rpartition("|")[2]
    wanted: list[tuple[str, Mapping[str, Any]]] = [("delete_rule", {"Name": name, **where})]
    if ids:
        wanted.insert(0, ("remove_targets", {"Rule": name, "Ids": ids, **where}))
    return tuple(
        Removal(service="events", operation=operation, parameters=parameters, resource=resource.logical_id)
        for operation, parameters in wanted
    )
