"""What a WebSocket service consists of, as frozen data: functions, routes, tables, streams.

The emulator runs it and ``deploy`` turns it into CloudFormation; both are interpreters of this one
description, so nothing can exist locally that is missing on AWS, or the other way round. Pure: no I/O.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamer.errors import TopologyError

CONNECT: Final = "$connect"
"""Route key of the handshake. [DOC] apigw-docs:apigateway-websocket-api-route-keys-connect-disconnect"""
DISCONNECT: Final = "$disconnect"
"""Route key that runs after a connection closed."""
DEFAULT: Final = "$default"
"""Route key for messages that match no other route."""


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
    """A global secondary index."""

    name: str
    key: Key
    projection: str = "ALL"
    """``ALL`` or ``KEYS_ONLY``."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """An SQS queue, the destination of records and invocations that were given up."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAccess:
    """What one function does with one table: the DynamoDB actions its role must allow, and no more."""

    table: str
    actions: tuple[str, ...]
    """IAM action names without the ``dynamodb:`` prefix, such as ``PutItem``."""
    indexes: tuple[str, ...] = ()
    """Indexes that ``Query`` is used on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A Lambda function in Python (or, with ``runtime``, another language)."""

    name: str
    handler: str
    """``module.attribute``; the module path may be dotted (``streamer.handlers.router.handler``) or, as on
    Lambda, written with slashes."""
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 3.0
    """At most 900. [DOC] lambda-docs:configuration-timeout. 3 is Lambda's own default."""
    memory_mb: int = 128
    reserved_concurrency: int | None = None
    """Most executions at once; None leaves it to the account (on AWS) or the emulator's setting."""
    code_root: str | None = None
    """Folder put first on the import path and used as the working directory; None: the project's folder."""
    runtime: str | None = None
    """None: Python in this interpreter. Otherwise a command line that speaks the Lambda Runtime API."""
    tables: tuple[TableAccess, ...] = ()
    posts_to_connections: bool = False
    """Whether it calls ``@connections``."""
    invokes: tuple[str, ...] = ()
    """Names of functions it invokes itself."""
    sends_to: tuple[str, ...] = ()
    """Names of queues it sends to."""
    secrets: tuple[str, ...] = ()
    """Environment variables whose value is a secret: never printed, and a secret's reference on AWS."""


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
    """A route key and the function integrated with it (Lambda proxy integration)."""

    route_key: str
    function: str
    authorizer: str | None = None
    """Name of an authorizer of the API; only on ``$connect``."""
    iam: bool = False
    """``AWS_IAM`` authorization: the upgrade must carry a SigV4 signature; only on ``$connect``."""
    api_key_required: bool = False
    """Only on ``$connect``."""
    route_response: bool = False
    """Whether the ``body`` of the function's result is sent back to the client (route response ``$default``)."""
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
class Throttle:
    """A token bucket: ``rate`` requests a second on average, ``burst`` at once."""

    rate: float
    burst: int


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
    batching_window_seconds: float = 0.0
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
    """Name of the queue that gets a document for each batch that was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncInvocation:
    """How asynchronous invocations of a function are retried. [DOC] lambda-docs:invocation-async-error-handling"""

    function: str
    maximum_retry_attempts: int = 2
    maximum_event_age_seconds: int = 21_600
    on_failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """An EventBridge rule that invokes a function asynchronously at a fixed rate.

    [DOC] eb-docs:eb-create-rule-schedule
    """

    name: str
    function: str
    rate_minutes: int
    """From 1, the shortest that there is."""
    event: Mapping[str, Any]
    """What the function is invoked with."""


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

    def function(self, name: str) -> Function:
        """The function of that name.

        Raises:
            TopologyError: there is none.
        """
        for function in self.functions:
            if function.name == name:
                return function
        raise TopologyError(f"there is no function {name!r}; there are: {_names(self.functions)}")

    def table(self, name: str) -> Table:
        """The table of that name.

        Raises:
            TopologyError: there is none.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise TopologyError(f"there is no table {name!r}; there are: {_names(self.tables)}")


def _names(things: Sequence[Any]) -> str:
    return ", ".join(sorted(thing.name for thing in things)) or "none"


def validate(topology: Topology) -> None:
    """Check what AWS would refuse at deployment, so that it is refused locally too.

    Raises:
        TopologyError: the first mistake found, saying what to change.
    """
    for kind, things in (
        ("function", topology.functions),
        ("table", topology.tables),
        ("queue", topology.queues),
        ("authorizer", topology.api.authorizers),
        ("schedule", topology.schedules),
    ):
        _require_unique(kind, [thing.name for thing in things])
    _require_unique("route", [route.route_key for route in topology.api.routes])
    for route in topology.api.routes:
        _validate_route(topology, route)
    for authorizer in topology.api.authorizers:
        topology.function(authorizer.function)
    for function in topology.functions:
        _validate_function(topology, function)
    for mapping in topology.event_source_mappings:
        _validate_mapping(topology, mapping)
    for invocation in topology.async_invocations:
        topology.function(invocation.function)
        _require_queue(topology, invocation.on_failure)
    for schedule in topology.schedules:
        topology.function(schedule.function)
        if schedule.rate_minutes < 1:
            raise TopologyError(f"schedule {schedule.name!r}: rate_minutes must be 1 or more")


def _require_unique(kind: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise TopologyError(f"{kind} {name!r} is declared {names.count(name)} times; names must be unique")


def _validate_route(topology: Topology, route: Route) -> None:
    key = route.route_key
    topology.function(route.function)
    if key.startswith("$") and key not in (CONNECT, DISCONNECT, DEFAULT):
        # [DOC] apigw-docs:websocket-api-develop-routes: custom keys must not start with "$".
        raise TopologyError(
            f"route key {key!r} starts with '$', which is reserved for {CONNECT}, {DISCONNECT}, {DEFAULT}"
        )
    if key != CONNECT and (route.authorizer is not None or route.iam or route.api_key_required):
        # [DOC] apigw-docs:apigateway-websocket-api-control-access: access is decided at $connect.
        raise TopologyError(f"route {key!r} cannot have an authorizer, IAM or API key; only {CONNECT} can")
    if route.authorizer is not None and route.authorizer not in [a.name for a in topology.api.authorizers]:
        raise TopologyError(f"route {key!r} names authorizer {route.authorizer!r}, which the API does not have")
    if not 0.05 <= route.integration_timeout_seconds <= 29:
        raise TopologyError(f"route {key!r}: integration_timeout_seconds must be 0.05 to 29")


def _validate_function(topology: Topology, function: Function) -> None:
    if not 0 < function.timeout_seconds <= 900:
        raise TopologyError(f"function {function.name!r}: timeout_seconds must be above 0 and at most 900")
    if not 128 <= function.memory_mb <= 10_240:
        raise TopologyError(f"function {function.name!r}: memory_mb must be 128 to 10240")
    for access in function.tables:
        topology.table(access.table)
    for name in function.invokes:
        topology.function(name)
    for queue in function.sends_to:
        _require_queue(topology, queue)


def _validate_mapping(topology: Topology, mapping: EventSourceMapping) -> None:
    topology.function(mapping.function)
    table = topology.table(mapping.table)
    where = f"event source mapping of {mapping.table!r} to {mapping.function!r}"
    if table.stream is None:
        raise TopologyError(f"{where}: the table has no stream")
    if mapping.starting_position not in ("TRIM_HORIZON", "LATEST"):
        raise TopologyError(f"{where}: starting_position must be TRIM_HORIZON or LATEST")
    for name, value, low, high in (
        ("batch_size", mapping.batch_size, 1, 10_000),
        ("batching_window_seconds", mapping.batching_window_seconds, 0, 300),
        ("parallelization_factor", mapping.parallelization_factor, 1, 10),
        ("maximum_retry_attempts", mapping.maximum_retry_attempts, -1, 10_000),
        ("number of filters", len(mapping.filters), 0, 10),
    ):
        if not low <= value <= high:
            raise TopologyError(f"{where}: {name} must be {low} to {high}, not {value}")
    if mapping.maximum_record_age_seconds != -1 and not 60 <= mapping.maximum_record_age_seconds <= 604_800:
        raise TopologyError(f"{where}: maximum_record_age_seconds must be -1 or 60 to 604800")
    _require_queue(topology, mapping.on_failure)


def _require_queue(topology: Topology, name: str | None) -> None:
    if name is not None and name not in [queue.name for queue in topology.queues]:
        raise TopologyError(f"there is no queue {name!r}; there are: {_names(topology.queues)}")
