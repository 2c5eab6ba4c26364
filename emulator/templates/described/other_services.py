"""What a stack's resources are in the services that are not embedded: operations that make them. Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ...services.calls import Call
from ...services.s3.buckets import location
from ...services.s3.events import Told, refused_configuration, told_of
from ..catalogue import Catalogue
from ..errors import Path, Problem
from ..stack import Resource
from ..values import at, items, mapping
from . import event_rules, state_machines, stores, topics, user_pools

_NOTIFICATIONS: Final = (
    ("LambdaConfigurations", "LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
    ("QueueConfigurations", "QueueConfigurations", "Queue", "QueueArn"),
    ("TopicConfigurations", "TopicConfigurations", "Topic", "TopicArn"),
)
"""Lists of a template and of the API, and who is told in each. [DOC] cfn-docs:aws-properties-s3-bucket"""


def calls(catalogue: Catalogue, region: str, *, may_leave_out: bool = False) -> tuple[Call, ...]:
    """All that is to be made, in an order in which nothing is named before it is there.

    ``may_leave_out``: what cannot be emulated is told and not made, so that the rest runs; else it is refused.
    """
    machine = functools.partial(state_machines.machine, catalogue, may_be_left_out=may_leave_out)
    steps: tuple[tuple[str, Callable[[Resource], list[Call]]], ...] = (
        ("AWS::SSM::Parameter", stores.parameter),
        ("AWS::SecretsManager::Secret", stores.secret),
        (user_pools.POOL, lambda each: user_pools.pool(catalogue, each)),
        (f"{user_pools.POOL}Client", lambda each: user_pools.client(catalogue, each)),
        (f"{user_pools.POOL}Domain", lambda each: user_pools.domain(catalogue, each)),
        (f"{user_pools.POOL}Group", lambda each: user_pools.group(catalogue, each)),
        (f"{user_pools.POOL}User", lambda each: user_pools.user(catalogue, each)),
        (f"{user_pools.POOL}UserToGroupAttachment", lambda each: user_pools.member(catalogue, each)),
        ("AWS::StepFunctions::StateMachine", machine),
        ("AWS::Kinesis::Stream", stores.stream),
        ("AWS::KMS::Key", stores.key),
        ("AWS::KMS::Alias", stores.alias),
        ("AWS::SNS::Topic", topics.topic),
        ("AWS::Events::EventBus", event_rules.bus),
        ("AWS::Events::Rule", lambda each: event_rules.bus_of_others(catalogue, each) if may_leave_out else []),
        ("AWS::S3::Bucket", lambda each: _bucket(each, region)),
        ("AWS::SNS::Topic", lambda each: topics.subscribers(catalogue, each)),
        ("AWS::SNS::Subscription", lambda each: topics.subscription(catalogue, each)),
        ("AWS::Events::Rule", lambda each: event_rules.rule(catalogue, each)),
        ("AWS::Scheduler::ScheduleGroup", event_rules.schedule_group),
        ("AWS::Scheduler::Schedule", lambda each: event_rules.schedule(catalogue, each)),
        ("AWS::S3::Bucket", _told),
        ("Custom::S3BucketNotifications", lambda each: _given(catalogue, each)),
    )
    return tuple(
        call for kind, make in steps for each in catalogue.of(kind) for call in catalogue.guard(each, make, each)
    )


def _bucket(resource: Resource, region: str) -> list[Call]:
    found = [_s3(resource, "create_bucket", Bucket=resource.name, **location(region))]
    status = mapping(resource, "VersioningConfiguration").get("Status")
    if status is not None:
        versions = {"Status": str(status)}
        found.append(_s3(resource, "put_bucket_versioning", Bucket=resource.name, VersioningConfiguration=versions))
    rules = mapping(resource, "CorsConfiguration").get("CorsRules") or []
    if rules:
        cors = {"CORSRules": [_cors(resource, position, each) for position, each in enumerate(rules)]}
        found.append(_s3(resource, "put_bucket_cors", Bucket=resource.name, CORSConfiguration=cors))
    tags = items(resource, "Tags")
    if tags:
        tagging = {"TagSet": [{"Key": str(each["Key"]), "Value": str(each["Value"])} for each in tags]}
        found.append(_s3(resource, "put_bucket_tagging", Bucket=resource.name, Tagging=tagging))
    return found


def _cors(resource: Resource, position: int, rule: Any) -> dict[str, Any]:
    if not isinstance(rule, dict):
        raise Problem(at(resource, "CorsConfiguration", "CorsRules", position), "a mapping is expected")
    found = {str(name): value for name, value in rule.items() if name not in ("ExposedHeaders", "Id", "MaxAge")}
    if "ExposedHeaders" in rule:
        found["ExposeHeaders"] = rule["ExposedHeaders"]
    if "MaxAge" in rule:
        found["MaxAgeSeconds"] = int(rule["MaxAge"])
    return found


def _told(resource: Resource) -> list[Call]:
    """Who is told of a bucket's objects; each says one kind of event, as CloudFormation has it."""
    configuration = mapping(resource, "NotificationConfiguration")
    found: dict[str, Any] = {}
    entries: list[Told] = []
    for source, name, who, whom in _NOTIFICATIONS:
        for position, each in enumerate(configuration.get(source) or ()):
            where = at(resource, "NotificationConfiguration", source, position)
            if not isinstance(each, dict) or who not in each or "Event" not in each:
                raise Problem(where, f"{who} and Event are expected")
            rules = ((each.get("Filter") or {}).get("S3Key") or {}).get("Rules") or []
            entries.append(told_of(str(each[who]), [str(each["Event"])], rules))
            _refuse(where, entries[-1:])
            found.setdefault(name, []).append({whom: each[who], "Events": [each["Event"]], **_filter(each)})
    _refuse(at(resource, "NotificationConfiguration"), entries)
    if configuration.get("EventBridgeConfiguration") is not None:
        found["EventBridgeConfiguration"] = {}
    return [_notified(resource, resource.name, found)] if found else []


def _refuse(where: Path, entries: Sequence[Told]) -> None:
    if (why := refused_configuration(entries)) is not None:
        raise Problem(where, f"S3 refuses it: {why}")


def _filter(configuration: Mapping[str, Any]) -> dict[str, Any]:
    rules = ((configuration.get("Filter") or {}).get("S3Key") or {}).get("Rules") or []
    named = [{"Name": str(each["Name"]).lower(), "Value": str(each["Value"])} for each in rules]
    return {"Filter": {"Key": {"FilterRules": named}}} if named else {}


def _given(catalogue: Catalogue, resource: Resource) -> list[Call]:
    """What CDK has a function of its own do: a bucket's whole configuration, as the API takes it."""
    name = resource.properties.get("BucketName")
    if name not in {each.name for each in catalogue.of("AWS::S3::Bucket")}:
        catalogue.warn(resource, f"the bucket {name} is none of this project's: nobody is told of its objects")
        return []
    return [_notified(resource, str(name), mapping(resource, "NotificationConfiguration"))]


def _notified(resource: Resource, bucket: str, configuration: Mapping[str, Any]) -> Call:
    return _s3(
        resource,
        "put_bucket_notification_configuration",
        Bucket=bucket,
        NotificationConfiguration=dict(configuration),
    )


def _s3(resource: Resource, operation: str, **parameters: Any) -> Call:
    return Call(service="s3", operation=operation, parameters=parameters, resource=resource.logical_id)
