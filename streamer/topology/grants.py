"""What each function of a topology may do: the statements of its role, before they are placed anywhere. Pure.

The deployer writes them into a template, the emulator places them in its own account and evaluates them, so that a
function may do the same here as there. All of them allow.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from streamer.aws_limits import partition_of
from streamer.topology import Access, AsyncInvocation, EventSourceMapping, Function, Permission, TableAccess, Topology

QUEUE_ACTIONS: Final = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
"""What Lambda's pollers do with the function's role. [DOC] lambda-docs:services-sqs-configure"""
SENDER_ACTIONS: Final = ("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage")
"""What whoever sends to a queue does with it: look for it, look at it, send."""
STREAM_ACTIONS: Final = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
"""What Lambda does with a stream, with the function's role. [DOC] lambda-docs:services-dynamodb-eventsourcemapping"""
CONNECTION_METHODS: Final = ("GET", "POST")
"""POST sends, GET asks whether a connection is open; closing connections of others (DELETE) is nobody's business."""


OBJECT_ACTIONS: Final[Mapping[Access, tuple[str, ...]]] = {
    Access.BOTH: ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"),
    Access.READ: ("s3:GetObject",),
    Access.WRITE: ("s3:DeleteObject", "s3:PutObject"),
}
"""What functions do with the objects of a bucket."""
_OBJECTS: Final[Mapping[Access, str]] = {
    Access.BOTH: "Objects", Access.READ: "ObjectsRead", Access.WRITE: "ObjectsWritten",
}  # fmt: skip


class Kind(enum.StrEnum):
    """What a resource is."""

    TABLE = "table"
    INDEX = "index"
    STREAM = "stream"
    QUEUE = "queue"
    BUCKET = "bucket"
    FUNCTION = "function"
    CONNECTIONS = "connections"
    ANYTHING = "*"
    """For actions that know no resource."""
    ARN = "arn"
    """Something outside the topology; its name is its ARN, with CloudFormation's names for where it is."""


class Resource(NamedTuple):
    """Something that an action is allowed on, or asked for, wherever it is."""

    kind: Kind
    name: str = ""
    """Of the table, the queue, the bucket or the function; of ``@connections``, the HTTP method."""
    detail: str = ""
    """The index; the label of the stream, ``*`` for all; the qualifier of the function; the API of ``@connections``;
    ``*`` for the objects of the bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A statement: these actions on these resources are allowed."""

    topic: str
    """What its ``Sid`` ends with."""
    subject: Resource | None = None
    """The table or queue that its ``Sid`` begins with."""
    actions: tuple[str, ...]
    """In order."""
    resources: tuple[Resource, ...]
    conditions: Mapping[str, Mapping[str, str | Sequence[str]]] = field(default_factory=dict)
    """As in the topology; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a topology runs: what its ARNs consist of besides names, or what CloudFormation puts there."""

    partition: str
    region: str
    account_id: str
    apis: Mapping[str, tuple[str, str]]
    """Name of an API to its id and its stage."""
    function_prefix: str = ""
    """What the functions' names begin with there."""

    @classmethod
    def of(cls, region: str, account_id: str, apis: Mapping[str, tuple[str, str]] | None = None) -> Self:
        """In the partition of a Region; ``apis`` None: they are not known."""
        return cls(region=region, account_id=account_id, apis=apis or {}, partition=partition_of(region))


ANYTHING: Final = Resource(Kind.ANYTHING)


def grants(topology: Topology, function: Function) -> tuple[Grant, ...]:
    """What a function, and Lambda on its behalf, may do according to the topology."""
    found: list[Grant] = []
    found += _tables(function.tables)
    for mapping in topology.event_source_mappings:
        if mapping.function == function.name:
            found += _stream(mapping)
    for source in topology.queue_mappings:
        if source.function == function.name:
            queue = Resource(Kind.QUEUE, source.queue)
            found.append(Grant(topic="Source", subject=queue, actions=QUEUE_ACTIONS, resources=(queue,)))
    if function.posts_to_connections:
        connections = tuple(
            Resource(Kind.CONNECTIONS, method, api.name) for api in topology.all_apis() for method in CONNECTION_METHODS
        )
        found.append(Grant(topic="Connections", actions=("execute-api:ManageConnections",), resources=connections))
    if function.invokes:
        functions = tuple(Resource(Kind.FUNCTION, name) for name in function.invokes)
        found.append(Grant(topic="Invoke", actions=("lambda:InvokeFunction",), resources=functions))
    sent_to = set(function.sends_to)
    destinations = _destinations(topology, function) - sent_to
    for topic, actions, names in (
        ("Queues", SENDER_ACTIONS, sent_to),
        ("Destinations", ("sqs:SendMessage",), destinations),
    ):
        if names:
            resources = tuple(Resource(Kind.QUEUE, name) for name in sorted(names))
            found.append(Grant(topic=topic, actions=actions, resources=resources))
    found += _buckets({name: function.bucket_access.get(name, Access.BOTH) for name in sorted(function.buckets)})
    found += [_permission(number, each) for number, each in enumerate(function.permissions, 1)]
    return tuple(found)


def _buckets(used: Mapping[str, Access]) -> list[Grant]:
    found = []
    for access, topic in _OBJECTS.items():
        objects = tuple(Resource(Kind.BUCKET, name, "*") for name, how in used.items() if how is access)
        if objects:
            found.append(Grant(topic=topic, actions=OBJECT_ACTIONS[access], resources=objects))
    read = tuple(Resource(Kind.BUCKET, name) for name, how in used.items() if how is not Access.WRITE)
    if read:
        # Without it S3 answers 403 instead of 404 for an object that there is not. [DOC] s3-api:GetObject
        found.append(Grant(topic="Buckets", actions=("s3:ListBucket",), resources=read))
    return found


def _permission(number: int, permission: Permission) -> Grant:
    resources = [ANYTHING if each == "*" else Resource(Kind.ARN, each) for each in permission.resources]
    return Grant(
        topic=f"Permission{number}",
        actions=tuple(sorted(permission.actions)),
        resources=tuple(resources),
        conditions=permission.conditions,
    )


def _tables(accesses: Sequence[TableAccess]) -> list[Grant]:
    """Each table's actions once, and tables of the same actions together: a role takes 10,240 characters.

    [DOC] iam-docs:reference_iam-quotas; iam-docs:reference_policies_elements_sid: a Sid is there once.
    """
    of_tables: dict[str, set[str]] = {}
    of_indexes: dict[Resource, set[str]] = {}
    for access in accesses:
        of_tables.setdefault(access.table, set()).update(access.actions)
        for index in access.indexes:
            of_indexes.setdefault(Resource(Kind.INDEX, access.table, index), set()).add("Query")
            if "Scan" in access.actions:
                of_indexes[Resource(Kind.INDEX, access.table, index)].add("Scan")
    by_table = [(Resource(Kind.TABLE, name), actions) for name, actions in of_tables.items()]
    by_index = sorted(of_indexes.items(), key=lambda each: list(of_tables).index(each[0].name))
    return [*_together(by_table, "", "Tables"), *_together(by_index, "Indexes", "Indexes")]


def _together(allowed: Sequence[tuple[Resource, set[str]]], of_one: str, of_many: str) -> Iterator[Grant]:
    """A grant for each set of actions, named after its table if there is one, else by a number."""
    by_actions: dict[tuple[str, ...], list[Resource]] = {}
    for resource, names in allowed:
        if names:
            by_actions.setdefault(tuple(sorted(f"dynamodb:{name}" for name in names)), []).append(resource)
    named: set[str] = set()
    for number, (actions, resources) in enumerate(by_actions.items(), 1):
        tables = {resource.name for resource in resources}
        if len(tables) == 1 and tables.isdisjoint(named):
            named |= tables
            subject = Resource(Kind.TABLE, resources[0].name)
            yield Grant(topic=of_one, subject=subject, actions=actions, resources=tuple(sorted(resources)))
        else:
            yield Grant(topic=f"{of_many}{number}", actions=actions, resources=tuple(sorted(resources)))


def _stream(mapping: EventSourceMapping) -> list[Grant]:
    table, stream = Resource(Kind.TABLE, mapping.table), Resource(Kind.STREAM, mapping.table, "*")
    return [
        Grant(topic="Stream", subject=table, actions=STREAM_ACTIONS, resources=(stream,)),
        Grant(topic="Streams", subject=table, actions=("dynamodb:ListStreams",), resources=(ANYTHING,)),
    ]


def _destinations(topology: Topology, function: Function) -> set[str]:
    """Queues that Lambda itself writes to with the function's role."""
    sources: list[EventSourceMapping | AsyncInvocation] = [*topology.event_source_mappings, *topology.async_invocations]
    found = [source.on_failure for source in sources if source.function == function.name]
    for each in topology.async_invocations:
        if each.function == function.name:
            found += [each.on_success, each.dead_letters]
    return {name for name in found if name and not name.startswith("arn:")}


def arn(resource: Resource, place: Place) -> str:
    """The ARN of a resource.

    [DOC] service-authorization: list_amazondynamodb, list_awslambda, list_amazons3, list_amazonsqs.
    That of ``@connections``, whichever the connection, is in apigw-docs:apigateway-websocket-control-access-iam.
    """
    kind, name, detail = resource
    where = f"{place.region}:{place.account_id}"
    match kind:
        case Kind.TABLE:
            return f"arn:{place.partition}:dynamodb:{where}:table/{name}"
        case Kind.INDEX:
            return f"arn:{place.partition}:dynamodb:{where}:table/{name}/index/{detail}"
        case Kind.STREAM:
            return f"arn:{place.partition}:dynamodb:{where}:table/{name}/stream/{detail}"
        case Kind.QUEUE:
            return f"arn:{place.partition}:sqs:{where}:{name}"
        case Kind.BUCKET:
            return f"arn:{place.partition}:s3:::{name}{f'/{detail}' if detail else ''}"
        case Kind.FUNCTION:
            qualifier = f":{detail}" if detail else ""
            return f"arn:{place.partition}:lambda:{where}:function:{place.function_prefix}{name}{qualifier}"
        case Kind.CONNECTIONS:
            path = f"{'/'.join(place.apis[detail])}/{name}/@connections/*"
            return f"arn:{place.partition}:execute-api:{where}:{path}"
        case Kind.ARN:
            return placed(name, place)
        case Kind.ANYTHING:
            return "*"


def placed(text: str, place: Place) -> str:
    """A text with CloudFormation's names for where it runs filled in."""
    for parameter, value in (("Partition", place.partition), ("Region", place.region), ("AccountId", place.account_id)):
        text = text.replace(f"${{AWS::{parameter}}}", value)
    return text
