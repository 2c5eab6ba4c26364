"""What a streamer service consists of, as a topology: four functions, three routes, three tables, one stream. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamer.errors import ConfigurationError
from streamer.records import Status
from streamer.requests.runs import SWEEP_EVENT
from streamer.stores.names import (
    BY_DUE,
    BY_OWNER,
    BY_TARGET,
    BY_TENANT,
    connections_table,
    requests_table,
    subscriptions_table,
)
from streamer.topology import (
    CONNECT,
    DEFAULT,
    DISCONNECT,
    Api,
    AsyncInvocation,
    EventSourceMapping,
    Function,
    Index,
    Key,
    Queue,
    Route,
    Schedule,
    StreamView,
    Table,
    TableAccess,
    Topology,
)
from streamer.topology.checks import validate

CONNECT_FUNCTION: Final = "connect"
DISCONNECT_FUNCTION: Final = "disconnect"
ROUTER_FUNCTION: Final = "router"
PROCESSOR_FUNCTION: Final = "processor"

DEAD_LETTERS: Final = "dead-letters"
"""The queue of stream records and invocations that were given up."""

CONNECT_SETTINGS: Final = (
    "JWT_SECRET",
    "JWT_PUBLIC_KEY",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "ALLOWED_TENANTS",
    "CONNECTION_TTL_SECONDS",
)
"""Variables that only ``$connect`` gets: the fewer functions hold the secret, the better."""

COMMON_SETTINGS: Final = ("STREAMER_ENV", "STREAMER_SERVICE", "LOG_LEVEL")
"""Variables that every function gets."""

ACTION_SETTINGS: Final = ("REQUEST_TTL_SECONDS", "QUEUE_THRESHOLD_SECONDS")
"""Variables that the functions get that run actions."""

GATEWAY_TIMEOUT_SECONDS: Final = 29.0
"""API Gateway waits no longer for a function. [DOC] apigw-docs quotas"""
PROCESSOR_TIMEOUT_SECONDS: Final = 900.0
"""Lambda's maximum. [DOC] lambda-docs:configuration-timeout"""


def describe(
    *, target: str, table_prefix: str, stage: str, needed: tuple[str, ...], environment: Mapping[str, str]
) -> Topology:
    """The topology of the service of the App that ``target`` names and that needs these variables.

    See `streamer.app.App.topology`.
    """
    topology = Topology(
        api=Api(
            name="streamer",
            stage=stage,
            routes=(
                Route(route_key=CONNECT, function=CONNECT_FUNCTION),
                Route(route_key=DISCONNECT, function=DISCONNECT_FUNCTION),
                Route(route_key=DEFAULT, function=ROUTER_FUNCTION),
            ),
        ),
        functions=_functions(target, table_prefix, stage, needed, environment),
        tables=tables(table_prefix),
        event_source_mappings=(_requests_mapping(table_prefix),),
        queues=(Queue(name=DEAD_LETTERS),),
        async_invocations=(AsyncInvocation(function=PROCESSOR_FUNCTION, on_failure=DEAD_LETTERS),),
        schedules=(Schedule(name="sweep", function=PROCESSOR_FUNCTION, rate_minutes=1, event=SWEEP_EVENT),),
    )
    validate(topology)
    return topology


def tables(table_prefix: str) -> tuple[Table, ...]:
    """The three tables."""
    return (
        Table(
            name=connections_table(table_prefix),
            key=Key(partition="connection_id"),
            indexes=(
                Index(name=BY_OWNER, key=Key(partition="owner", sort="connection_id")),
                Index(name=BY_TENANT, key=Key(partition="tenant_id", sort="connection_id")),
            ),
            ttl_attribute="ttl",
        ),
        Table(
            name=requests_table(table_prefix),
            key=Key(partition="owner", sort="request_id"),
            indexes=(
                Index(
                    name=BY_DUE,
                    key=Key(partition="shard", sort="due_at", types={"due_at": "N"}),
                    projection="KEYS_ONLY",
                ),
            ),
            ttl_attribute="ttl",
            stream=StreamView.NEW_AND_OLD_IMAGES,
        ),
        Table(
            name=subscriptions_table(table_prefix),
            key=Key(partition="connection_id", sort="target"),
            indexes=(Index(name=BY_TARGET, key=Key(partition="target", sort="connection_id")),),
            ttl_attribute="ttl",
        ),
    )


def _requests_mapping(table_prefix: str) -> EventSourceMapping:
    return EventSourceMapping(
        function=PROCESSOR_FUNCTION,
        table=requests_table(table_prefix),
        # What waits for an attempt, and cancellations, to tell of them; progress and results never come back.
        filters=(_status_filter(Status.PENDING), _status_filter(Status.RETRYING), _status_filter(Status.CANCELLED)),
        # Dispatching is quick and idempotent; what cannot be dispatched for this long is kept as a dead letter.
        maximum_retry_attempts=10,
        bisect_on_error=True,
        report_batch_item_failures=True,
        on_failure=DEAD_LETTERS,
    )


def _status_filter(status: Status) -> dict[str, Any]:
    return {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"status": {"S": [str(status)]}}}}


def _functions(
    target: str, table_prefix: str, stage: str, needed: tuple[str, ...], environment: Mapping[str, str]
) -> tuple[Function, ...]:
    given = {name: environment[name] for name in COMMON_SETTINGS if name in environment}
    common = given | {"TABLE_PREFIX": table_prefix, "STREAMER_STAGE": stage}
    connecting = {name: environment[name] for name in CONNECT_SETTINGS if name in environment}
    acting = {name: environment[name] for name in ACTION_SETTINGS if name in environment}
    acting |= {"STREAMER_APP": target} | _values(needed, environment)
    return (
        _connect(table_prefix, common | connecting),
        _disconnect(table_prefix, common),
        _router(table_prefix, common | acting, needed),
        _processor(table_prefix, common | acting, needed),
    )


def _connect(table_prefix: str, environment: Mapping[str, str]) -> Function:
    return Function(
        name=CONNECT_FUNCTION,
        handler="streamer.handlers.connect.handler",
        environment=environment,
        timeout_seconds=GATEWAY_TIMEOUT_SECONDS,
        memory_mb=256,
        tables=(TableAccess(table=connections_table(table_prefix), actions=("PutItem",)),),
        secrets=("JWT_SECRET",),
    )


def _disconnect(table_prefix: str, environment: Mapping[str, str]) -> Function:
    return Function(
        name=DISCONNECT_FUNCTION,
        handler="streamer.handlers.disconnect.handler",
        environment=environment,
        timeout_seconds=GATEWAY_TIMEOUT_SECONDS,
        memory_mb=256,
        tables=(
            TableAccess(table=connections_table(table_prefix), actions=("DeleteItem",)),
            TableAccess(table=subscriptions_table(table_prefix), actions=("BatchWriteItem", "Query")),
        ),
    )


def _router(table_prefix: str, environment: Mapping[str, str], secrets: tuple[str, ...]) -> Function:
    return Function(
        name=ROUTER_FUNCTION,
        handler="streamer.handlers.router.handler",
        environment=environment,
        timeout_seconds=GATEWAY_TIMEOUT_SECONDS,
        memory_mb=512,
        tables=(
            TableAccess(
                table=connections_table(table_prefix), actions=("DeleteItem", "GetItem"), indexes=(BY_OWNER, BY_TENANT)
            ),
            TableAccess(
                table=requests_table(table_prefix), actions=("BatchGetItem", "GetItem", "PutItem", "UpdateItem")
            ),
            TableAccess(
                table=subscriptions_table(table_prefix),
                actions=("BatchWriteItem", "DeleteItem", "PutItem", "Query"),
                indexes=(BY_TARGET,),
            ),
        ),
        posts_to_connections=True,
        secrets=secrets,
    )


def _processor(table_prefix: str, environment: Mapping[str, str], secrets: tuple[str, ...]) -> Function:
    return Function(
        name=PROCESSOR_FUNCTION,
        handler="streamer.handlers.processor.handler",
        environment=environment,
        timeout_seconds=PROCESSOR_TIMEOUT_SECONDS,
        memory_mb=512,
        tables=(
            # Actions may broadcast, which takes looking connections up and forgetting those that are gone.
            TableAccess(
                table=connections_table(table_prefix), actions=("DeleteItem", "GetItem"), indexes=(BY_OWNER, BY_TENANT)
            ),
            TableAccess(table=requests_table(table_prefix), actions=("GetItem", "UpdateItem"), indexes=(BY_DUE,)),
            TableAccess(
                table=subscriptions_table(table_prefix), actions=("BatchWriteItem", "Query"), indexes=(BY_TARGET,)
            ),
        ),
        posts_to_connections=True,
        invokes=(PROCESSOR_FUNCTION,),
        secrets=secrets,
    )


def _values(needed: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, str]:
    missing = [name for name in needed if not environment.get(name)]
    if missing:
        raise ConfigurationError(f"the app needs {', '.join(missing)}; set it in the environment and try again")
    return {name: environment[name] for name in needed}
