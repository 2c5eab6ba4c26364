"""Tags of a template's resources, of those whose service lets conditions see them. Pure.

[DOC] service-authorization: resource types with ``aws:ResourceTag/${TagKey}``; cfn-docs, a page per type
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from streamer.topology.grants import Place

from ..catalogue import Catalogue
from ..stack import Resource

_ARNS: Final = {
    "AWS::Cognito::UserPool": "cognito-idp:{region}:{account}:userpool/{ref}",
    "AWS::DynamoDB::GlobalTable": "dynamodb:{region}:{account}:table/{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/{name}",
    "AWS::IAM::Role": "iam::{account}:role{path}{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{ref}",
    "AWS::Kinesis::Stream": "kinesis:{region}:{account}:stream/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::SSM::Parameter": "ssm:{region}:{account}:parameter/{bare}",
    "AWS::Scheduler::ScheduleGroup": "scheduler:{region}:{account}:schedule-group/{name}",
    "AWS::SecretsManager::Secret": "{secret}",
    "AWS::StepFunctions::StateMachine": "states:{region}:{account}:stateMachine:{name}",
}
_STACK_NAME: Final = "aws:cloudformation:stack-name"
_LOGICAL_ID: Final = "aws:cloudformation:logical-id"
_PROPERTIES: Final = {"AWS::Cognito::UserPool": "UserPoolTags"}
"""Where a type has its tags, if not in ``Tags``."""


def tags(catalogue: Catalogue, place: Place) -> dict[str, dict[str, str]]:
    """Of resources that have some, by their ARNs; what CloudFormation gives all of a stack among them.

    [DOC] cfn-docs:aws-properties-resource-tags; [?] whether roles get those, of which none is known here
    """
    found = {}
    for stack, each in catalogue.all:
        own = dict(_tags(each, place))
        if each.type != "AWS::IAM::Role":
            own |= {_STACK_NAME: stack.name, _LOGICAL_ID: each.logical_id}
        found[arn_of(each, place)] = own
    return {arn: each for arn, each in found.items() if arn is not None and each}


def arn_of(resource: Resource, place: Place) -> str | None:
    """Its ARN; None: conditions see no tags of its type."""
    if resource.type not in _ARNS:
        return None
    filled = _ARNS[resource.type].format(
        region=place.region,
        account=place.account_id,
        name=resource.name,
        bare=resource.name.lstrip("/"),
        ref=resource.ref,
        path=resource.properties.get("Path") or "/",
        secret=str(resource.ref).partition(":")[2].partition(":")[2],
    )
    return f"arn:{place.partition}:{filled}"


def _tags(resource: Resource, place: Place) -> Iterator[tuple[str, str]]:
    written: Any = resource.properties.get(_PROPERTIES.get(resource.type, "Tags"))
    if resource.type == "AWS::DynamoDB::GlobalTable":
        given = resource.properties.get("Replicas")
        replicas = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
        written = next((each.get("Tags") for each in replicas if each.get("Region") == place.region), None)
    if isinstance(written, Mapping):
        yield from ((str(key), str(value)) for key, value in written.items())
    for each in written if isinstance(written, list) else ():
        if isinstance(each, Mapping):
            yield str(each.get("Key")), str(each.get("Value", ""))
