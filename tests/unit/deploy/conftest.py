"""Services to deploy."""

import pytest

from deploy.stack.settings import StackSettings
from streamer.topology import (
    Api,
    AsyncInvocation,
    EventSourceMapping,
    Function,
    Index,
    Key,
    Queue,
    Route,
    StreamView,
    Table,
    TableAccess,
    Topology,
)


@pytest.fixture
def topology() -> Topology:
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


@pytest.fixture
def settings() -> StackSettings:
    return StackSettings(stack_name="chat-dev")
