"""Tables and queues of a stack, as the topology describes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamer.topology import Index, Key, Queue, StreamView, Table

from ...event_sources.queues.checks import of_name
from ...foundation.json_bytes import parsed_json
from ..catalogue import Catalogue
from ..errors import Problem
from ..intrinsics import is_true
from ..stack import Resource
from ..values import at, boolean, items, mapping, whole

RETENTION_SECONDS: Final = 345_600
"""How long messages stay in a queue that does not say so: four days. [DOC] sqs-api:CreateQueue"""
TABLES: Final = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")


_NOT_HERE: Final = {
    "ImportSourceSpecification": "nothing is imported from S3 here: the table is empty",
    "KinesisStreamSpecification": "its changes are not sent to a stream of Kinesis here",
}
"""What a table does without. [DOC] cfn-docs:AWS_DynamoDB_Table"""


def table(catalogue: Catalogue, resource: Resource) -> Table:
    """A table with all its indexes, its expiry and its stream."""
    for name, missing in _NOT_HERE.items():
        if resource.properties.get(name):
            catalogue.warn(resource, f"{name}: {missing}")
    types = {}
    for position, each in enumerate(items(resource, "AttributeDefinitions")):
        if not isinstance(each, dict) or not {"AttributeName", "AttributeType"} <= set(each):
            raise Problem(
                at(resource, "AttributeDefinitions", position), "AttributeName and AttributeType are expected"
            )
        types[str(each["AttributeName"])] = str(each["AttributeType"])
    indexes = []
    for name, is_local in (("GlobalSecondaryIndexes", False), ("LocalSecondaryIndexes", True)):
        for position, each in enumerate(items(resource, name)):
            indexes.append(_index(resource, name, position, each, types, is_local=is_local))
    key = _key(resource, resource.properties.get("KeySchema"), types, "KeySchema")
    unused = set(types).difference(*(each.attributes() for each in (key, *(index.key for index in indexes))))
    if unused:
        names = ", ".join(sorted(unused))
        raise Problem(at(resource, "AttributeDefinitions"), f"no key has {names}: only attributes of keys are defined")
    _require_throughput(resource)
    expiry = mapping(resource, "TimeToLiveSpecification")
    is_expiring = is_true(expiry.get("Enabled")) and isinstance(expiry.get("AttributeName"), str)
    return Table(
        name=resource.name,
        key=key,
        indexes=tuple(indexes),
        ttl_attribute=str(expiry["AttributeName"]) if is_expiring else None,
        stream=_stream(resource),
    )


def _require_throughput(resource: Resource) -> None:
    """Refuse a table whose throughput does not fit how it is paid. [DOC] ddb-api:CreateTable"""
    if not resource.type.endswith("::Table"):
        return
    is_on_demand = resource.properties.get("BillingMode") == "PAY_PER_REQUEST"
    if is_on_demand is ("ProvisionedThroughput" in resource.properties):
        problem = "with BillingMode PAY_PER_REQUEST there is none" if is_on_demand else "it is missing"
        raise Problem(
            at(resource, "ProvisionedThroughput"),
            f"{problem}; a table has ProvisionedThroughput, or BillingMode PAY_PER_REQUEST",
        )


def _stream(resource: Resource) -> StreamView | None:
    specification = mapping(resource, "StreamSpecification")
    if not specification:
        # A global table has a stream even where it is not asked for. [DOC] ddb-docs:V2globaltables
        return (
            StreamView.NEW_AND_OLD_IMAGES if resource.type.endswith("GlobalTable") and _has_replicas(resource) else None
        )
    view = specification.get("StreamViewType")
    try:
        return StreamView(str(view))
    except ValueError as error:
        views = ", ".join(StreamView)
        raise Problem(
            at(resource, "StreamSpecification", "StreamViewType"), f"{view!r} is not one of {views}"
        ) from error


def _has_replicas(resource: Resource) -> bool:
    return len(items(resource, "Replicas")) > 1


def _key(resource: Resource, schema: Any, types: Mapping[str, str], *where: str | int) -> Key:
    names: dict[str, str] = {}
    for each in schema if isinstance(schema, list) else []:
        if isinstance(each, dict):
            names[str(each.get("KeyType"))] = str(each.get("AttributeName"))
    if "HASH" not in names:
        raise Problem(at(resource, *where), "a key has an attribute of KeyType HASH")
    for name in names.values():
        if name not in types:
            raise Problem(at(resource, *where), f"the key attribute {name!r} is not in AttributeDefinitions")
    own = {name: types[name] for name in names.values() if types[name] != "S"}
    return Key(partition=names["HASH"], sort=names.get("RANGE"), types=own)


def _index(
    resource: Resource, section: str, position: int, each: Any, types: Mapping[str, str], *, is_local: bool
) -> Index:
    if not isinstance(each, dict) or "IndexName" not in each:
        raise Problem(at(resource, section, position), "an index has an IndexName")
    projection = each.get("Projection") or {}
    return Index(
        name=str(each["IndexName"]),
        key=_key(resource, each.get("KeySchema"), types, section, position, "KeySchema"),
        projection=str(projection.get("ProjectionType", "ALL")),
        include=tuple(str(name) for name in projection.get("NonKeyAttributes") or ()),
        is_local=is_local,
    )


def queue(catalogue: Catalogue, resource: Resource) -> Queue:
    """A queue; where its dead letters go is told by its redrive policy."""
    check_fifo(resource, "QueueName", "FifoQueue")
    if (refused := of_name(queue_name(resource), is_fifo=boolean(resource, "FifoQueue"))) is not None:
        raise Problem(at(resource, "QueueName"), refused[1])
    policy = resource.properties.get("RedrivePolicy") or {}
    if isinstance(policy, str):
        try:
            policy = parsed_json(policy)
        except ValueError as error:
            raise Problem(at(resource, "RedrivePolicy"), "a mapping is expected") from error
    if not isinstance(policy, dict):
        raise Problem(at(resource, "RedrivePolicy"), "a mapping is expected")
    if policy and not {"deadLetterTargetArn", "maxReceiveCount"} <= policy.keys():
        # [DOC] sqs-docs:API_SetQueueAttributes, [REC] ls-snap test_sqs.py: SQS takes both or refuses the policy
        raise Problem(at(resource, "RedrivePolicy"), "it has a deadLetterTargetArn and a maxReceiveCount")
    letters = str(policy.get("deadLetterTargetArn", "")).rpartition(":")[2] or None
    if letters is not None and letters not in queue_names(catalogue):
        catalogue.warn(resource, f"its dead letter queue {letters} is none of this project: messages stay")
        letters = None
    return Queue(
        name=queue_name(resource),
        visibility_timeout_seconds=whole(resource, "VisibilityTimeout", 30),
        delay_seconds=whole(resource, "DelaySeconds", 0),
        receive_wait_seconds=whole(resource, "ReceiveMessageWaitTimeSeconds", 0),
        retention_seconds=whole(resource, "MessageRetentionPeriod", RETENTION_SECONDS),
        maximum_message_bytes=whole(resource, "MaximumMessageSize", 1_048_576),
        deduplicates_by_content=boolean(resource, "ContentBasedDeduplication"),
        deduplicates_by_group=resource.properties.get("DeduplicationScope") == "messageGroup",
        dead_letter_queue=letters,
        maximum_receives=int(policy.get("maxReceiveCount", 10)),
    )


def check_fifo(resource: Resource, name: str, fifo: str) -> None:
    """Refuse a name that does not end as that of its kind; ``name`` and ``fifo`` are properties.

    [USR] aws-marketplace-serverless-saas-integration #1, botocore #3058; [DOC] sns-docs:fifo-topic-message-ordering
    """
    given, is_fifo = resource.properties.get(name), boolean(resource, fifo)
    if isinstance(given, str) and given.endswith(".fifo") is not is_fifo:
        text = "it ends with .fifo, since it is FIFO" if is_fifo else f"it ends with .fifo only with {fifo}"
        raise Problem(at(resource, name), text)


def queue_names(catalogue: Catalogue) -> set[str]:
    """Names of all queues, those beside the templates included."""
    return {*(queue_name(each) for each in catalogue.of("AWS::SQS::Queue")), *catalogue.beside.queues}


def table_names(catalogue: Catalogue) -> set[str]:
    """Names of all tables, likewise."""
    return {*(each.name for each in catalogue.of(*TABLES)), *(each.name for each in catalogue.beside.tables)}


def queue_name(resource: Resource) -> str:
    """The name of a queue, as its ``Ref`` has it."""
    return str(resource.ref).rpartition("/")[2]
