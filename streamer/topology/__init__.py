"""What a WebSocket service consists of, as frozen data: functions, routes, tables, streams.

The emulator runs it and ``deploy`` turns it into CloudFormation; both are interpreters of this one
description, so nothing can exist locally that is missing on AWS, or the other way round. Pure: no I/O.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from streamer.errors import TopologyError
from streamer.topology.integrations import Integration
from streamer.topology.kinesis import KinesisMapping
from streamer.topology.throttles import Throttle as Throttle

if TYPE_CHECKING:
    from streamer.topology.http_apis import HttpApi

CONNECT: Final = "$connect"
"""Route key of the handshake. [DOC] apigw-docs:apigateway-websocket-api-route-keys-connect-disconnect"""
DISCONNECT: Final = "$disconnect"
"""Route key that runs after a connection closed."""
DEFAULT: Final = "$default"
"""Route key for messages that match no other route."""


LOG_LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""[DOC] lambda-docs:monitoring-cloudwatchlogs-log-level"""
SYSTEM_LOG_LEVELS: Final = ("DEBUG", "INFO", "WARN")


class StreamView(enum.StrEnum):
    """Which images of an item its stream records carry. [DOC] ddb-docs:Streams"""

    KEYS_ONLY = "KEYS_ONLY"
    NEW_IMAGE = "NEW_IMAGE"
    OLD_IMAGE = "OLD_IMAGE"
    NEW_AND_OLD_IMAGES = "NEW_AND_OLD_IMAGES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The primary key of a table or index: attribute names, all of DynamoDB type ``types[name]``."""

    partition: str
    sort: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    """Attribute name to ``S``, ``N`` or ``B``; names that are absent are ``S``."""

    def attributes(self) -> dict[str, str]:
        """Attribute name to DynamoDB type, partition key first."""
        names = [self.partition] if self.sort is None else [self.partition, self.sort]
        return {name: self.types.get(name, "S") for name in names}

    def schema(self) -> list[dict[str, str]]:
        """``KeySchema``, as CreateTable and CloudFormation take it. [DOC] ddb-api:KeySchemaElement"""
        kinds = zip(self.attributes(), ("HASH", "RANGE"), strict=False)
        return [{"AttributeName": name, "KeyType": kind} for name, kind in kinds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A secondary index."""

    name: str
    key: Key
    projection: str = "ALL"
    """``ALL``, ``KEYS_ONLY`` or ``INCLUDE``."""
    include: tuple[str, ...] = ()
    """Attributes besides the keys that an ``INCLUDE`` projection has."""
    is_local: bool = False
    """Whether it is a local index, of the table's own partition key; otherwise it is global."""

    def definition(self) -> dict[str, Any]:
        """Itself as CreateTable and CloudFormation take it."""
        projection: dict[str, Any] = {"ProjectionType": self.projection}
        if self.include:
            projection["NonKeyAttributes"] = list(self.include)
        return {"IndexName": self.name, "KeySchema": self.key.schema(), "Projection": projection}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A DynamoDB table, billed on demand."""

    name: str
    """Full name, prefix included."""
    key: Key
    indexes: tuple[Index, ...] = ()
    ttl_attribute: str | None = None
    stream: StreamView | None = None

    def attribute_definitions(self) -> list[dict[str, str]]:
        """``AttributeDefinitions`` of all its keys, as CreateTable and CloudFormation take them."""
        keys = (self.key, *(index.key for index in self.indexes))
        types = {name: kind for key in keys for name, kind in key.attributes().items()}
        return [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]

    def index_properties(self) -> dict[str, list[dict[str, Any]]]:
        """``GlobalSecondaryIndexes`` and ``LocalSecondaryIndexes``, those there are, as both take them."""
        found: dict[str, list[dict[str, Any]]] = {}
        for index in self.indexes:
            name = "LocalSecondaryIndexes" if index.is_local else "GlobalSecondaryIndexes"
            found.setdefault(name, []).append(index.definition())
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """An SQS queue: where what was given up goes, or what a `QueueMapping` reads. [DOC] sqs-docs:CreateQueue"""

    name: str
    """That of a FIFO queue ends in ``.fifo``."""
    visibility_timeout_seconds: int = 30
    delay_seconds: int = 0
    receive_wait_seconds: int = 0
    """How long a reader waits for a message that does not say so itself."""
    retention_seconds: int = 1_209_600
    """How long a message stays that nobody deletes; two weeks are the most."""
    maximum_message_bytes: int = 1_048_576
    deduplicates_by_content: bool = False
    """Whether a FIFO queue takes the hash of a body where a message has no deduplication id."""
    deduplicates_by_group: bool = False
    dead_letter_queue: str | None = None
    """Name of the queue that gets what was received ``maximum_receives`` times and never deleted."""
    maximum_receives: int = 10

    @property
    def is_fifo(self) -> bool:
        """Whether it keeps the order of each message group."""
        return self.name.endswith(".fifo")


class Access(enum.StrEnum):
    """How something is used."""

    READ = "read"
    WRITE = "write"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A private S3 bucket, as for what clients upload or functions write."""

    name: str
    """As functions know it; on AWS CloudFormation makes a name of its own up, since buckets share theirs worldwide."""
    page_origins: tuple[str, ...] = ("*",)
    """Origins of web pages that may put objects with a link, such as ``https://app.example.com``; ``*``: any.

    Empty: none."""
    kept_days: int | None = None
    """Days after which an object is deleted, from 1. None: it stays. [DOC] s3-docs:object-lifecycle-mgmt"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAccess:
    """What one function does with one table: the DynamoDB actions its role must allow, and no more."""

    table: str
    actions: tuple[str, ...]
    """IAM action names without the ``dynamodb:`` prefix, such as ``PutItem``."""
    indexes: tuple[str, ...] = ()
    """Indexes that ``Query`` is used on, and ``Scan`` if it is among the actions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a function's role allows beyond what follows from the topology, as a statement of an IAM policy.

    [DOC] iam-docs:reference_policies_elements
    """

    actions: Sequence[str]
    """Such as ``s3:GetObject``; ``*`` and ``?`` stand for parts of names."""
    resources: Sequence[str]
    """``*`` or ARNs; ``${AWS::Partition}``, ``${AWS::Region}`` and ``${AWS::AccountId}`` stand for where it runs."""
    conditions: Mapping[str, Mapping[str, str | Sequence[str]]] = field(default_factory=dict)
    """Operator to condition key to values, such as ``{"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}``; in
    values the same names stand for where it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A Lambda function in Python (or, with ``runtime``, another language)."""

    name: str
    handler: str
    """``module.attribute``; the module path may be dotted (``streamer.handlers.router.handler``) or, as on
    Lambda, written with slashes."""
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 3.0
    """At most 900. [DOC] lambda-docs:configuration-timeout. 3 is Lambda's own default. AWS knows whole seconds only: a
    deployment gives a function that has 2.5 here 3."""
    memory_mb: int = 128
    ephemeral_storage_mb: int = 512
    """Room below ``/tmp``; on AWS only. [DOC] lambda-docs:configuration-ephemeral-storage"""
    layers: tuple[str, ...] = ()
    """ARNs of layer versions, at most 5; on AWS only. [DOC] lambda-docs:chapter-layers"""
    reserved_concurrency: int | None = None
    """Most executions at once; None leaves it to the account (on AWS) or the emulator's setting."""
    provisioned_concurrency: int | None = None
    """Environments that are started before anybody asks; of functions that API Gateway calls, on AWS only."""
    snap_start: bool = False
    """Whether environments go on from a snapshot taken after init; of the same functions, on AWS only."""
    log_format: str = "JSON"
    """``JSON`` or ``Text``; on AWS only. [DOC] lambda-docs:monitoring-cloudwatchlogs-logformat"""
    log_level: str | None = None
    """Least level of the function's lines that CloudWatch keeps, one of `LOG_LEVELS`; None: all. On AWS only."""
    system_log_level: str | None = None
    """Likewise of Lambda's own lines, one of `SYSTEM_LOG_LEVELS`; None: all."""
    code_root: str | None = None
    """Folder put first on the import path and used as the working directory; None: the project's folder."""
    runtime: str | None = None
    """None: Python in this interpreter. Otherwise the name of a Lambda runtime, such as ``nodejs20.x``, or a command
    line that speaks the Lambda Runtime API."""
    search_paths: tuple[str, ...] = ()
    """Folders with further code, after the function's own: its layers, and what was built for it."""
    qualifiers: Mapping[str, str] = field(default_factory=dict)
    """Versions and aliases by which it can be invoked too, each with its version; all are the code that there is."""
    unavailable: str | None = None
    """Why it cannot run here; each invocation fails like an init, and says so. None: it can."""
    tables: tuple[TableAccess, ...] = ()
    posts_to_connections: bool = False
    """Whether it calls ``@connections``."""
    invokes: tuple[str, ...] = ()
    """Names of functions it invokes itself."""
    sends_to: tuple[str, ...] = ()
    """Names of queues it sends to; the variables of `queue_url_variable` hold their URLs."""
    buckets: tuple[str, ...] = ()
    """Names of buckets whose objects it puts, reads and deletes; the variables of `stores.names.bucket_variable` hold
    their names on S3."""
    bucket_access: Mapping[str, Access] = field(default_factory=dict)
    """Bucket to what is done with its objects, of those where that is not both: to write is to put and to delete."""
    permissions: tuple[Permission, ...] = ()
    """Whatever else it may do."""
    secrets: tuple[str, ...] = ()
    """Environment variables whose value is a secret: never printed, and kept in Secrets Manager on AWS. They are filled
    before the handler's module is imported."""

    @property
    def is_published(self) -> bool:
        """Whether it has a version of its own on AWS, which is what API Gateway calls."""
        return self.snap_start or self.provisioned_concurrency is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizer:
    """A Lambda REQUEST authorizer, for ``$connect`` only. [DOC] apigw-docs:apigateway-websocket-api-lambda-auth"""

    name: str
    function: str
    identity_sources: tuple[str, ...] = ()
    """Such as ``route.request.header.Auth``, ``route.request.querystring.token``, ``stageVariables.x``,
    ``context.identity.sourceIp``. One that is missing or empty refuses the client without calling the function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route key and what it is integrated with: a function (Lambda proxy integration), as a rule."""

    route_key: str
    function: str = ""
    """Empty where ``integration`` says what else it is. Here and wherever something invokes one, a name may be followed
    by a colon and a version or alias, which is emulated only."""
    integration: Integration | None = None
    """MOCK, an action of a service or an HTTP endpoint; all but MOCK are emulated only."""
    authorizer: str | None = None
    """Name of an authorizer of the API; only on ``$connect``."""
    iam: bool = False
    """``AWS_IAM`` authorization: the upgrade must carry a SigV4 signature; only on ``$connect``."""
    api_key_required: bool = False
    """Only on ``$connect``."""
    route_response: bool = False
    """Whether the ``body`` of the function's result is sent back to the client (route response ``$default``)."""
    required_parameters: tuple[str, ...] = ()
    """What an upgrade must carry, else it is answered with 400; such as ``route.request.querystring.room``. Only on
    ``$connect``."""
    model: Mapping[str, Any] | None = None
    """JSON schema (draft 4) that a message must satisfy, else it is answered with "Bad request body"."""
    model_selection: str | None = None
    """Model selection expression; None: the model applies to every message of the route."""
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Model key, as ``model_selection`` gives it, to JSON schema; ``model`` is the one for all other keys."""
    integration_timeout_seconds: float = 29.0
    """0.05 to 29. [DOC] apigw-docs quotas"""
    throttle: Throttle | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """An API Gateway WebSocket API with one stage."""

    name: str
    routes: tuple[Route, ...]
    route_selection_expression: str = "$request.body.action"
    stage: str = "dev"
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    authorizers: tuple[Authorizer, ...] = ()
    api_keys: tuple[str, ...] = ()
    """Values of the API keys that a route with ``api_key_required`` accepts."""
    api_key_selection_expression: str = "$request.header.x-api-key"
    throttle: Throttle | None = None
    """The stage's default throttle; None: the account's."""
    api_id: str | None = None
    """10 lower-case letters and digits; None: made from the name, and on AWS by API Gateway."""

    def route(self, route_key: str) -> Route | None:
        """The route with exactly this key, or None."""
        return next((route for route in self.routes if route.route_key == route_key), None)

    def authorizer(self, name: str) -> Authorizer:
        """The authorizer of that name; `validate` has made sure that it exists."""
        return next(authorizer for authorizer in self.authorizers if authorizer.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSourceMapping:
    """A table's stream read by a function. Defaults are AWS's. [DOC] lambda-docs:services-ddb-params"""

    function: str
    table: str
    batch_size: int = 100
    batching_window_seconds: int = 0
    parallelization_factor: int = 1
    starting_position: str = "TRIM_HORIZON"
    """``TRIM_HORIZON`` or ``LATEST``."""
    filters: tuple[Mapping[str, Any], ...] = ()
    """Filter patterns, OR-ed; a record that matches none never reaches the function."""
    maximum_retry_attempts: int = -1
    """-1: until the record expires."""
    maximum_record_age_seconds: int = -1
    """-1: the stream's retention (24 h)."""
    bisect_on_error: bool = False
    report_batch_item_failures: bool = False
    on_failure: str | None = None
    """Queue that gets a document for each batch that was given up; or a topic's ARN, which is emulated only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMapping:
    """A queue read by a function. Defaults are AWS's. [DOC] lambda-docs:services-sqs-parameters"""

    function: str
    queue: str
    batch_size: int = 10
    batching_window_seconds: int = 0
    filters: tuple[Mapping[str, Any], ...] = ()
    """Filter patterns, OR-ed; a message that matches none is deleted and never reaches the function."""
    maximum_concurrency: int | None = None
    """Most invocations at once, 2 to 1000; None: as many as the function has."""
    report_batch_item_failures: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncInvocation:
    """How asynchronous invocations of a function are retried, by a qualifier those of its version or alias.

    [DOC] lambda-docs:invocation-async-error-handling
    """

    function: str
    maximum_retry_attempts: int = 2
    maximum_event_age_seconds: int = 21_600
    on_failure: str | None = None
    """Queue that is told of what was given up; or the ARN of a function, topic or bus, which is emulated only."""
    on_success: str | None = None
    dead_letters: str | None = None  # a queue, or a topic's ARN, that gets the event itself when it is given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """An EventBridge rule that invokes a function asynchronously, at a fixed rate or at given times.

    [DOC] eb-docs:eb-create-rule-schedule
    """

    name: str
    function: str
    event: Mapping[str, Any] | None = None
    """What the function is invoked with; None: EventBridge's own event, which says when it is."""
    rate_minutes: int | None = None
    """From 1, the shortest that there is; None: ``cron`` says when."""
    cron: str | None = None
    """Six fields, in UTC: minutes, hours, day of month, month, day of week, year. [DOC] eb-docs:eb-cron-expressions"""

    def expression(self) -> str:
        """As EventBridge writes it; a single unit in the singular. [DOC] eb-docs:eb-scheduled-rule-pattern"""
        if self.cron is not None:
            return f"cron({self.cron})"
        return f"rate({self.rate_minutes} minute{'' if self.rate_minutes == 1 else 's'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """A whole service."""

    api: Api
    functions: tuple[Function, ...]
    tables: tuple[Table, ...] = ()
    event_source_mappings: tuple[EventSourceMapping, ...] = ()
    queues: tuple[Queue, ...] = ()
    async_invocations: tuple[AsyncInvocation, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    queue_mappings: tuple[QueueMapping, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    more_apis: tuple[Api, ...] = ()
    """Further WebSocket APIs, each at an address of its own."""
    http_apis: tuple[HttpApi, ...] = ()
    """HTTP APIs, REST APIs and function URLs beside them; emulated only."""
    kinesis_mappings: tuple[KinesisMapping, ...] = ()
    """Streams of Kinesis that functions read, of templates and resources beside a service; emulated only."""
    found_tables: tuple[Table, ...] = ()
    """Tables that are there already and are not made with it, which functions read; emulated only."""
    found_queues: tuple[str, ...] = ()
    """Names of queues likewise, which functions read or which are told of what is given up."""

    def all_apis(self) -> tuple[Api, ...]:
        """All WebSocket APIs, the first one first."""
        return (self.api, *self.more_apis)

    def function(self, name: str) -> Function:
        """The function of that name, with or without a qualifier; raises TopologyError where there is none."""
        for function in self.functions:
            if function.name == name.partition(":")[0]:
                return function
        raise TopologyError(f"there is no function {name!r}; there are: {names_of(self.functions)}")

    def table(self, name: str) -> Table:
        """The table of that name, also one that is there already; raises TopologyError where there is none."""
        for table in (*self.tables, *self.found_tables):
            if table.name == name:
                return table
        raise TopologyError(f"there is no table {name!r}; there are: {names_of(self.tables)}")


def queue_url_variable(queue: str) -> str:
    """The environment variable in which whoever sends to a queue finds its URL: ``jobs`` is in ``JOBS_QUEUE_URL``."""
    return re.sub(r"[^A-Za-z0-9]+", "_", queue).upper() + "_QUEUE_URL"


def names_of(things: Sequence[Any]) -> str:
    """Names of functions, tables, queues or buckets for a message."""
    return ", ".join(sorted(thing.name for thing in things)) or "none"
