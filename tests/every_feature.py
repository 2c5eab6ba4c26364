"""A topology in which every field of every class of `streamer.topology` says something: none has its default.

Each kind of thing that has a name stands in it a second time as ``spare``, which nothing refers to, so that a test can
rename that one alone.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from streamer import topology as described
from streamer.topology import (
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
    QueueMapping,
    Route,
    Schedule,
    StreamView,
    Table,
    TableAccess,
    Throttle,
    Topology,
)
from streamer.topology.integrations import Integration, IntegrationResponse

SCHEMA = {"$schema": "http://json-schema.org/draft-04/schema#", "type": "object"}
KINDS = {
    name: kind
    for name, kind in inspect.getmembers(described, inspect.isclass)
    if dataclasses.is_dataclass(kind) and kind.__module__ == described.__name__
}
FIELDS = sorted((kind, field.name) for kind, each in KINDS.items() for field in dataclasses.fields(each))
"""Name of each class and of each of its fields."""


def every_feature(kinds: Mapping[str, Any] = KINDS) -> Topology:
    """The topology; ``kinds`` has subclasses of the classes for a test that wants to know who reads them."""
    made: Topology = _rebuilt(_topology(), kinds)
    return made


def _rebuilt(value: Any, kinds: Mapping[str, Any]) -> Any:
    """The same of other classes."""
    if isinstance(value, tuple):
        return tuple(_rebuilt(each, kinds) for each in value)
    if not dataclasses.is_dataclass(value) or type(value).__name__ not in kinds:
        return value
    fields = {field.name: _rebuilt(getattr(value, field.name), kinds) for field in dataclasses.fields(value)}
    return kinds[type(value).__name__](**fields)


def things(value: Any) -> Iterator[Any]:
    """The value, and everything below it, that is of a class of `streamer.topology`."""
    if isinstance(value, tuple):
        for each in value:
            yield from things(each)
    elif dataclasses.is_dataclass(value):
        yield value
        for field in dataclasses.fields(value):
            yield from things(getattr(value, field.name))


def _topology() -> Topology:
    return Topology(
        api=_api(),
        functions=(
            Function(
                name="answer",
                handler="handlers.answer",
                environment={"TABLE_PREFIX": "shop_", "COLOUR": "blue", "JWT_SECRET": "s" * 40},
                timeout_seconds=20.0,
                memory_mb=256,
                ephemeral_storage_mb=1024,
                layers=("arn:aws:lambda:eu-central-1:123456789012:layer:tools:3",),
                reserved_concurrency=4,
                provisioned_concurrency=2,
                log_level="INFO",
                system_log_level="WARN",
                tables=(TableAccess(table="shop_orders", actions=("PutItem",), indexes=("by-day",)),),
                posts_to_connections=True,
                invokes=("answer",),
                sends_to=("given-up",),
                buckets=("pictures",),
                bucket_access={"pictures": Access.READ},
                permissions=(
                    Permission(
                        actions=("s3:GetObject",),
                        resources=("arn:${AWS::Partition}:s3:::reports/*",),
                        conditions={"Bool": {"aws:SecureTransport": "true"}},
                    ),
                ),
                secrets=("JWT_SECRET",),
            ),
            Function(name="authorize", handler="handlers.authorize", snap_start=True),
            Function(name="told", handler="handlers.answer", log_format="Text"),
            Function(name="spare", handler="handlers.answer"),
        ),
        tables=(
            Table(
                name="shop_orders",
                key=Key(partition="shop", sort="number", types={"number": "N"}),
                indexes=(
                    Index(name="by-day", key=Key(partition="day", sort="at"), projection="INCLUDE", include=("note",)),
                    Index(name="by-name", key=Key(partition="name"), projection="KEYS_ONLY"),
                    Index(name="by-age", key=Key(partition="shop", sort="age"), is_local=True),
                ),
                ttl_attribute="gone_at",
                stream=StreamView.NEW_IMAGE,
            ),
            Table(name="shop_spare", key=Key(partition="id"), stream=StreamView.KEYS_ONLY),
        ),
        event_source_mappings=(
            EventSourceMapping(
                function="answer",
                table="shop_orders",
                batch_size=7,
                batching_window_seconds=1,
                parallelization_factor=2,
                starting_position="LATEST",
                filters=({"eventName": ["INSERT"]},),
                maximum_retry_attempts=0,
                maximum_record_age_seconds=600,
                bisect_on_error=True,
                report_batch_item_failures=True,
                on_failure="given-up",
            ),
        ),
        queues=(
            Queue(name="given-up"),
            Queue(
                name="jobs.fifo",
                visibility_timeout_seconds=45,
                delay_seconds=1,
                receive_wait_seconds=5,
                deduplicates_by_content=True,
                deduplicates_by_group=True,
                dead_letter_queue="given-up.fifo",
                maximum_receives=3,
            ),
            Queue(name="given-up.fifo"),
            Queue(name="jobs", visibility_timeout_seconds=45, retention_seconds=86_400, maximum_message_bytes=65_536),
            Queue(name="spare"),
            Queue(name="spare.fifo"),
        ),
        buckets=(
            Bucket(name="pictures", page_origins=("https://shop.example.com",), kept_days=3),
            Bucket(name="spare"),
        ),
        queue_mappings=(
            QueueMapping(
                function="answer",
                queue="jobs",
                batch_size=5,
                batching_window_seconds=1,
                filters=({"body": {"kind": ["job"]}},),
                maximum_concurrency=3,
                report_batch_item_failures=True,
            ),
        ),
        async_invocations=(
            AsyncInvocation(
                function="answer",
                maximum_retry_attempts=0,
                maximum_event_age_seconds=900,
                on_failure="given-up",
                on_success="given-up",
                dead_letters="given-up",
            ),
            AsyncInvocation(function="authorize", maximum_event_age_seconds=900),
        ),
        schedules=(
            Schedule(name="spare", function="answer", rate_minutes=5, event={"sweep": True}),
            Schedule(name="at-noon", function="answer", cron="0 12 * * ? *", event={"sweep": True}),
        ),
    )


def _api() -> Api:
    return Api(
        name="shop",
        routes=(
            Route(
                route_key="$connect",
                function="answer",
                authorizer="tokens",
                api_key_required=True,
                required_parameters=("route.request.header.Auth",),
            ),
            Route(
                route_key="order",
                function="answer",
                route_response=True,
                model=SCHEMA,
                model_selection="$request.body.kind",
                models={"large": {**SCHEMA, "required": ["size"]}},
                integration_timeout_seconds=12.5,
                throttle=Throttle(rate=1.0, burst=2),
            ),
            Route(
                route_key="hello",
                integration=Integration(
                    kind="MOCK",
                    templates={"$default": '{"statusCode": 200}'},
                    responses=(IntegrationResponse(templates={"$default": "hello"}),),
                ),
                route_response=True,
            ),
        ),
        route_selection_expression="$request.body.verb",
        stage="prod",
        stage_variables={"colour": "blue"},
        authorizers=(
            Authorizer(name="tokens", function="authorize", identity_sources=("route.request.header.Auth",)),
            Authorizer(name="spare", function="authorize", identity_sources=("route.request.header.Auth",)),
        ),
        api_keys=("a-key-of-at-least-20-characters",),
        api_key_selection_expression="$context.authorizer.usageIdentifierKey",
        throttle=Throttle(rate=10.0, burst=20),
    )
