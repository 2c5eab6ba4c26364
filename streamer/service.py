"""What a streamer service consists of, as a topology: four functions, five routes, three tables, one stream. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from streamer.aws_limits import FUNCTION_SECONDS, INTEGRATION_SECONDS
from streamer.errors import ConfigurationError
from streamer.protocol.pings import KEEP_ALIVE, PING
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
    Access,
    Api,
    AsyncInvocation,
    Authorizer,
    Bucket,
    EventSourceMapping,
    Function,
    Index,
    Key,
    Permission,
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
DISPATCHER_FUNCTION: Final = "dispatcher"
"""Only where the processor's concurrency is reserved; see `separated`."""
_PROCESSOR_HANDLER: Final = "streamer.handlers.processor.handler"

DEAD_LETTERS: Final = "dead-letters"
"""The queue of stream records and invocations that were given up."""

CONNECT_SETTINGS: Final = (
    "JWT_SECRET",
    "JWT_PUBLIC_KEY",
    "JWT_JWKS_URL",
    "JWT_USER_CLAIM",
    "JWT_TENANT_CLAIM",
    "JWT_PERMISSIONS_CLAIM",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "ALLOWED_TENANTS",
    "CONNECTION_TTL_SECONDS",
)
"""Variables that only ``$connect`` gets: the fewer functions hold the secret, the better."""

_OF_TOKENS: Final = ("JWT_SECRET", "JWT_PUBLIC_KEY", "JWT_JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE")
"""Those of them that are about tokens, which not every App verifies itself."""

COMMON_SETTINGS: Final = ("STREAMER_ENV", "STREAMER_SERVICE", "LOG_LEVEL")
"""Variables that every function gets."""

ACTION_SETTINGS: Final = ("REQUEST_TTL_SECONDS", "QUEUE_THRESHOLD_SECONDS")
"""Variables that the functions get that run actions."""


_READING: Final = frozenset({"BatchGetItem", "ConditionCheckItem", "DescribeTable", "GetItem", "Query", "Scan"})
_WRITING: Final = frozenset(
    {"BatchWriteItem", "ConditionCheckItem", "DeleteItem", "DescribeTable", "PutItem", "UpdateItem"}
)
ITEM_ACTIONS: Final[Mapping[Access, tuple[str, ...]]] = {
    Access.READ: tuple(sorted(_READING)),
    Access.WRITE: tuple(sorted(_WRITING)),
    Access.BOTH: tuple(sorted(_READING | _WRITING)),
}
"""What actions may do with the App's own tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What an App has besides what every service has; names are without the prefix."""

    tables: tuple[Table, ...] = ()
    queues: tuple[Queue, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    access: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    """Name of a table, queue or bucket to how the actions use it, or function to that; of the others: as they like."""
    permissions: tuple[Permission, ...] = ()
    authorizer: Function | None = None
    identity_sources: tuple[str, ...] = ()
    iam: bool = False

    @property
    def authorization(self) -> str:
        """Who lets clients in, as `Settings.authorization` has it."""
        return "iam" if self.iam else "token" if self.authorizer is None else "authorizer"

    def variables(self, table_prefix: str) -> dict[str, str]:
        """By which the actions find the tables; the functions get the queues' URLs from whoever runs them.

        Raises:
            ConfigurationError: two tables would be found by one variable.
        """
        found: dict[str, str] = {}
        for table in self.tables:
            name = table_variable(table.name)
            if name in found:
                raise ConfigurationError(f"two tables of the app would be found by {name}; rename one of them")
            found[name] = f"{table_prefix}{table.name}"
        return found

    def used(self, name: str, function: str) -> Access | None:
        """How a function uses something of the App's; None: not at all."""
        said = self.access.get(name, Access.BOTH)
        if not isinstance(said, str):
            said = said.get(function, "")
        return Access(said) if said else None

    def check_access(self) -> None:
        """Look whether ``access`` makes sense.

        Raises:
            ConfigurationError: it does not; the message says what it takes.
        """
        queues = {each.name for each in self.queues}
        named = {*(each.name for each in self.tables), *queues, *(each.name for each in self.buckets)}
        for name, said in self.access.items():
            if name not in named:
                raise ConfigurationError(
                    f"access: the app has no {name!r}; it has {', '.join(sorted(named)) or 'none'}"
                )
            by_function = {"": said} if isinstance(said, str) else said
            for function, how in by_function.items():
                if function not in ("", ROUTER_FUNCTION, PROCESSOR_FUNCTION):
                    raise ConfigurationError(
                        f"access: actions run in {ROUTER_FUNCTION} and {PROCESSOR_FUNCTION}, not in {function!r}"
                    )
                takes = [Access.WRITE] if name in queues else list(Access)
                if how not in takes:
                    raise ConfigurationError(f"access: {name!r} takes {' or '.join(takes)}, not {how!r}")

    def for_function(self, function: Function, table_prefix: str) -> Function:
        """One of the service's functions, with what it may do and know besides."""
        if function.name in (ROUTER_FUNCTION, PROCESSOR_FUNCTION):
            return self.for_actions(function, table_prefix)
        if function.name == CONNECT_FUNCTION and self.authorization != "token":
            variables = {name: each for name, each in function.environment.items() if name not in _OF_TOKENS}
            variables["STREAMER_AUTHORIZATION"] = self.authorization
            return replace(function, environment=variables, secrets=())
        return function

    def for_actions(self, function: Function, table_prefix: str) -> Function:
        """A function that runs actions, with what they may do and know."""
        access = [
            TableAccess(
                table=f"{table_prefix}{table.name}",
                actions=ITEM_ACTIONS[how],
                indexes=() if how is Access.WRITE else tuple(index.name for index in table.indexes),
            )
            for table in self.tables
            if (how := self.used(table.name, function.name)) is not None
        ]
        buckets = {each.name: how for each in self.buckets if (how := self.used(each.name, function.name)) is not None}
        queues = (each.name for each in self.queues if self.used(each.name, function.name) is not None)
        return replace(
            function,
            environment={**function.environment, **self.variables(table_prefix)},
            tables=(*function.tables, *access),
            sends_to=(*function.sends_to, *queues),
            buckets=tuple(buckets),
            bucket_access={name: how for name, how in buckets.items() if how is not Access.BOTH},
            permissions=self.permissions,
        )


def _authorizer(function: Function, identity_sources: tuple[str, ...]) -> Authorizer:
    return Authorizer(name=function.name, function=function.name, identity_sources=identity_sources)


def separated(topology: Topology, reserved: Mapping[str, int] = MappingProxyType({})) -> Topology:
    """The topology with a function that only dispatches, if the processor's concurrency is reserved.

    Work that takes all of a reserved concurrency would otherwise keep out the stream and the sweep, which start work.

    Args:
        topology: Of an App; one of plain handlers is left as it is.
        reserved: Function to a reserved concurrency that wins over that of the topology.
    """
    processor = next((each for each in topology.functions if each.handler == _PROCESSOR_HANDLER), None)
    if processor is None or reserved.get(processor.name, processor.reserved_concurrency) is None:
        return topology
    read = {each.table for each in topology.event_source_mappings if each.function == processor.name}
    dispatcher = replace(
        processor,
        name=DISPATCHER_FUNCTION,
        handler="streamer.handlers.dispatcher.handler",
        environment={name: each for name, each in processor.environment.items() if name not in processor.secrets},
        timeout_seconds=60.0,
        ephemeral_storage_mb=512,
        layers=(),
        reserved_concurrency=None,
        tables=tuple(each for each in processor.tables if each.table in read),
        posts_to_connections=False,
        sends_to=(),
        buckets=(),
        bucket_access={},
        permissions=(),
        secrets=(),
    )

    def moved(name: str) -> str:
        return DISPATCHER_FUNCTION if name == processor.name else name

    return replace(
        topology,
        functions=(*topology.functions, dispatcher),
        event_source_mappings=tuple(replace(e, function=moved(e.function)) for e in topology.event_source_mappings),
        schedules=tuple(replace(e, function=moved(e.function)) for e in topology.schedules),
    )


def table_variable(table: str) -> str:
    """The environment variable that actions find a table of the App by: ``orders`` is in ``ORDERS_TABLE``."""
    return re.sub(r"[^A-Za-z0-9]+", "_", table).upper() + "_TABLE"


def describe(
    *,
    target: str,
    table_prefix: str,
    stage: str,
    needed: tuple[str, ...],
    environment: Mapping[str, str],
    own: Own = Own(),
) -> Topology:
    """The topology of the service of the App that ``target`` names and that needs these variables.

    See `streamer.app.App.topology`.
    """
    functions = _functions(target, table_prefix, stage, needed, environment)
    authorizers = () if own.authorizer is None else (own.authorizer,)
    if own.authorizer is not None and own.authorizer.name in {each.name for each in functions}:
        raise ConfigurationError(f"the authorizer is called {own.authorizer.name!r}, as a function of every service is")
    own.check_access()
    topology = Topology(
        api=Api(
            name="streamer",
            stage=stage,
            routes=(
                Route(
                    route_key=CONNECT,
                    function=CONNECT_FUNCTION,
                    authorizer=None if own.authorizer is None else own.authorizer.name,
                    iam=own.iam,
                ),
                Route(route_key=DISCONNECT, function=DISCONNECT_FUNCTION),
                Route(route_key=DEFAULT, function=ROUTER_FUNCTION),
                # What idle connections send costs no function; where these routes are not, the router does the same.
                Route(route_key="ping", integration=PING, route_response=True),
                Route(route_key="keep-alive", integration=KEEP_ALIVE),
            ),
            authorizers=() if own.authorizer is None else (_authorizer(own.authorizer, own.identity_sources),),
        ),
        functions=(*(own.for_function(each, table_prefix) for each in functions), *authorizers),
        tables=(*tables(table_prefix), *(replace(each, name=f"{table_prefix}{each.name}") for each in own.tables)),
        event_source_mappings=(_requests_mapping(table_prefix),),
        queues=(Queue(name=DEAD_LETTERS), *own.queues),
        buckets=own.buckets,
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
        timeout_seconds=INTEGRATION_SECONDS,
        memory_mb=256,
        tables=(TableAccess(table=connections_table(table_prefix), actions=("PutItem",)),),
        secrets=("JWT_SECRET",),
    )


def _disconnect(table_prefix: str, environment: Mapping[str, str]) -> Function:
    return Function(
        name=DISCONNECT_FUNCTION,
        handler="streamer.handlers.disconnect.handler",
        environment=environment,
        timeout_seconds=INTEGRATION_SECONDS,
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
        timeout_seconds=INTEGRATION_SECONDS,
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
        # It delivers what is left of a message to many.
        invokes=(PROCESSOR_FUNCTION,),
        secrets=secrets,
    )


def _processor(table_prefix: str, environment: Mapping[str, str], secrets: tuple[str, ...]) -> Function:
    return Function(
        name=PROCESSOR_FUNCTION,
        handler=_PROCESSOR_HANDLER,
        environment=environment,
        timeout_seconds=FUNCTION_SECONDS,
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
        where = "in the shell or .env, or, if it is no secret, below [environment] of streamer.toml"
        raise ConfigurationError(f"the app needs {', '.join(missing)}; set it {where}")
    return {name: environment[name] for name in needed}
