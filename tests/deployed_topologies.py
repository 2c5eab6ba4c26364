"""Topologies that are deployed in tests: of a service, of an app, and with what a service has none of."""

from __future__ import annotations

from streamer.app import App
from streamer.topology import (
    Api,
    AsyncInvocation,
    Authorizer,
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
    Throttle,
    Topology,
)

FULL = Topology(
    api=Api(
        name="everything",
        stage="prod",
        stage_variables={"colour": "blue"},
        authorizers=(Authorizer(name="tokens", function="authorize", identity_sources=("route.request.header.Auth",)),),
        api_keys=("a-key-of-at-least-20-characters",),
        throttle=Throttle(rate=10, burst=20),
        routes=(
            Route(route_key="$connect", function="echo", authorizer="tokens", api_key_required=True),
            Route(route_key="connect", function="echo", route_response=True),
            Route(
                route_key="join/room",
                function="echo",
                model={"$schema": "http://json-schema.org/draft-04/schema#", "type": "object"},
                throttle=Throttle(rate=1, burst=2),
                integration_timeout_seconds=5.5,
            ),
        ),
    ),
    schedules=(
        Schedule(name="sweep", function="echo", rate_minutes=1, event={"sweep": True}),
        Schedule(name="tidy-up", function="echo", rate_minutes=90, event={}),
    ),
    functions=(
        Function(name="echo", handler="app.echo", reserved_concurrency=7),
        Function(name="authorize", handler="app.authorize"),
    ),
)


def chat() -> Topology:
    """A service with a queue and a stream."""
    env = {"TABLE_PREFIX": "chat-dev_", "STREAMER_STAGE": "dev"}
    connections, requests = "chat-dev_connections", "chat-dev_requests"
    return Topology(
        api=Api(
            name="chat",
            routes=(
                Route(route_key="$connect", function="connect"),
                Route(route_key="$disconnect", function="disconnect"),
                Route(route_key="$default", function="router"),
            ),
        ),
        functions=(
            Function(
                name="connect",
                handler="streamer.handlers.connect.handler",
                environment=env,
                tables=(TableAccess(table=connections, actions=("PutItem",)),),
                secrets=("JWT_SECRET",),
            ),
            Function(
                name="disconnect",
                handler="streamer.handlers.disconnect.handler",
                environment=env,
                tables=(TableAccess(table=connections, actions=("DeleteItem",)),),
            ),
            Function(
                name="router",
                handler="streamer.handlers.router.handler",
                environment=env,
                tables=(
                    TableAccess(table=connections, actions=("GetItem",), indexes=("by-user",)),
                    TableAccess(table=requests, actions=("PutItem",)),
                ),
                posts_to_connections=True,
            ),
            Function(
                name="processor",
                handler="streamer.handlers.processor.handler",
                environment=env,
                timeout_seconds=900,
                memory_mb=512,
                tables=(TableAccess(table=requests, actions=("UpdateItem", "GetItem")),),
                posts_to_connections=True,
                invokes=("processor",),
            ),
        ),
        tables=(
            Table(
                name=connections,
                key=Key(partition="connection_id"),
                indexes=(
                    Index(
                        name="by-user", key=Key(partition="user_id", sort="connected_at", types={"connected_at": "N"})
                    ),
                ),
                ttl_attribute="ttl",
            ),
            Table(
                name=requests,
                key=Key(partition="owner", sort="id"),
                ttl_attribute="ttl",
                stream=StreamView.NEW_AND_OLD_IMAGES,
            ),
        ),
        event_source_mappings=(
            EventSourceMapping(
                function="processor",
                table=requests,
                filters=({"eventName": ["INSERT"]},),
                maximum_retry_attempts=5,
                bisect_on_error=True,
                report_batch_item_failures=True,
                on_failure="dead-letters",
            ),
        ),
        queues=(Queue(name="dead-letters"),),
        async_invocations=(AsyncInvocation(function="processor", on_failure="dead-letters"),),
    )


def of_an_app() -> Topology:
    """What a user's app becomes."""
    app = App(environment=("DATABASE_URL",))
    return app.topology(target="app:app", table_prefix="chat-dev_", environment={"DATABASE_URL": "db-password"})
