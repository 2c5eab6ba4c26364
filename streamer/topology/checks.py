"""What AWS would refuse in a topology. Pure: no I/O."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Final

from streamer.aws_limits import (
    FUNCTION_SECONDS,
    GLOBAL_INDEXES,
    INTEGRATION_SECONDS,
    LEAST_INTEGRATION_SECONDS,
    LOCAL_INDEXES,
    PROJECTED_ATTRIBUTES,
)
from streamer.errors import TopologyError
from streamer.topology import (
    CONNECT,
    DEFAULT,
    DISCONNECT,
    LOG_LEVELS,
    SYSTEM_LOG_LEVELS,
    Api,
    AsyncInvocation,
    Bucket,
    EventSourceMapping,
    Function,
    Index,
    Queue,
    QueueMapping,
    Route,
    Schedule,
    Table,
    Topology,
    names_of,
    queue_url_variable,
)
from streamer.topology.cron import parse_cron
from streamer.topology.kinesis import KinesisMapping
from streamer.topology.permissions import validate_permission
from streamer.topology.variables import VARIABLE
from streamer.topology.whole_numbers import require_whole_numbers

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]")
"""What is also left when CloudFormation puts the stack's name before it. [DOC] s3-docs:bucketnamingrules"""
_QUEUE: Final = re.compile(r"(?=.{1,80}$)[\w-]+(\.fifo)?", re.ASCII)  # [DOC] sqs-api:API_CreateQueue
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.*-]+(:\d{1,5})?")


def validate(topology: Topology) -> None:
    """Check what AWS would refuse at deployment, so that it is refused locally too.

    Raises:
        TopologyError: the first mistake found, saying what to change.
    """
    for kind, things in (
        ("function", topology.functions),
        ("table", topology.tables),
        ("queue", topology.queues),
        ("bucket", topology.buckets),
        ("schedule", topology.schedules),
    ):
        _require_unique(kind, [thing.name for thing in things])
    require_whole_numbers(topology)
    for api in topology.all_apis():
        _validate_api(topology, api)
    for http_api in topology.http_apis:
        named = [*(each.function for each in http_api.routes), *(each.function for each in http_api.authorizers)]
        for function_name in filter(None, named):
            topology.function(function_name)
    for table in topology.tables:
        _validate_table(table)
    for queue in topology.queues:
        _validate_queue(topology, queue)
    for bucket in topology.buckets:
        _validate_bucket(bucket)
    for function in topology.functions:
        _validate_function(topology, function)
    _validate_sources(topology)


def _validate_sources(topology: Topology) -> None:
    for mapping in topology.event_source_mappings:
        _validate_mapping(topology, mapping)
    for kinesis_mapping in topology.kinesis_mappings:
        _validate_kinesis(topology, kinesis_mapping)
    for queue_mapping in topology.queue_mappings:
        _validate_queue_mapping(topology, queue_mapping)
    for invocation in topology.async_invocations:
        _validate_async(topology, invocation)
    for schedule in topology.schedules:
        topology.function(schedule.function)
        _validate_schedule(schedule)


def _validate_schedule(schedule: Schedule) -> None:
    if (schedule.rate_minutes is None) is (schedule.cron is None):
        raise TopologyError(f"schedule {schedule.name!r} has either rate_minutes or cron")
    if schedule.rate_minutes is not None and schedule.rate_minutes < 1:
        raise TopologyError(f"schedule {schedule.name!r}: rate_minutes must be 1 or more")
    if schedule.cron is not None:
        parse_cron(schedule.cron)
    if schedule.event is not None and _characters(schedule.event) > EVENT_CHARACTERS:
        raise TopologyError(f"schedule {schedule.name!r}: its event may have {EVENT_CHARACTERS:,} characters as JSON")


EVENT_CHARACTERS: Final = 8192
"""Longest constant input of a rule's target. [DOC] eb-api:Target, Input"""


def _validate_async(topology: Topology, invocation: AsyncInvocation) -> None:
    topology.function(invocation.function)
    where = f"asynchronous events of {invocation.function!r}"
    # [DOC] lambda-api:PutFunctionEventInvokeConfig
    if not 0 <= invocation.maximum_retry_attempts <= 2:
        raise TopologyError(f"{where}: maximum_retry_attempts must be 0 to 2")
    if not 60 <= invocation.maximum_event_age_seconds <= 21_600:
        raise TopologyError(f"{where}: maximum_event_age_seconds must be 60 to 21600")
    for target in (invocation.on_failure, invocation.on_success, invocation.dead_letters):
        if target is None or not target.startswith("arn:"):
            _require_queue(topology, target)
    for target in (invocation.on_failure, invocation.on_success):
        if target is not None and target.endswith(".fifo"):
            # [DOC] cfn-docs:aws-properties-lambda-eventinvokeconfig-destinationconfig
            raise TopologyError(f"{where}: Lambda takes nothing FIFO as their destination, as {target!r} is")


def _require_unique(kind: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise TopologyError(f"{kind} {name!r} is declared {names.count(name)} times; names must be unique")


_STAGE_VARIABLE: Final = re.compile(r"[A-Za-z0-9_]+")
_STAGE_VALUE: Final = re.compile(r"[A-Za-z0-9._~:/?#&=,-]+")
"""[DOC] apigwv2-api:CreateStage, StageVariables"""


def _validate_api(topology: Topology, api: Api) -> None:
    _require_unique("authorizer", [authorizer.name for authorizer in api.authorizers])
    _require_unique("route", [route.route_key for route in api.routes])
    for name, value in api.stage_variables.items():
        if _STAGE_VARIABLE.fullmatch(name) is None or _STAGE_VALUE.fullmatch(value) is None:
            raise TopologyError(
                f"stage variable {name!r}: its name takes letters, digits and '_', and its value letters, digits and "
                f"-._~:/?#&=, but it is {value!r}"
            )
    for throttle in filter(None, (api.throttle, *(route.throttle for route in api.routes))):
        if not (0 <= throttle.rate < math.inf and throttle.burst >= 0):
            said = f"not {throttle.rate:g} and {throttle.burst}"
            raise TopologyError(f"API {api.name!r}: rate and burst of a throttle must be 0 or more, {said}")
    for route in api.routes:
        _validate_route(topology, api, route)
    for authorizer in api.authorizers:
        topology.function(authorizer.function)


_KEY_TYPES: Final = ("S", "N", "B")
_PROJECTIONS: Final = ("ALL", "KEYS_ONLY", "INCLUDE")
INCLUDED: Final = 20
"""Most attributes that one index includes. [DOC] ddb-api:Projection"""


def _validate_table(table: Table) -> None:
    """[DOC] ddb-api:CreateTable, ddb-docs:LSI"""
    where = f"table {table.name!r}"
    _require_unique(f"{where}: index", [index.name for index in table.indexes])
    types: dict[str, str] = {}
    for key in (table.key, *(index.key for index in table.indexes)):
        if key.partition == key.sort:
            raise TopologyError(f"{where}: {key.sort!r} is partition key and sort key at once; they are two attributes")
        for name, kind in key.attributes().items():
            if kind not in _KEY_TYPES:
                raise TopologyError(f"{where}: the key {name!r} is of type {kind!r}; keys are S, N or B")
            if types.setdefault(name, kind) != kind:
                raise TopologyError(f"{where}: the key {name!r} is of type {types[name]} and {kind}; it has one type")
    for index in table.indexes:
        _validate_index(table, index, f"{where}: index {index.name!r}")
    if sum(len(index.include) for index in table.indexes) > PROJECTED_ATTRIBUTES:
        raise TopologyError(f"{where}: its indexes may include {PROJECTED_ATTRIBUTES} attributes together")
    local = sum(index.is_local for index in table.indexes)
    if local > LOCAL_INDEXES or len(table.indexes) - local > GLOBAL_INDEXES:
        raise TopologyError(f"{where} may have {GLOBAL_INDEXES} global indexes and {LOCAL_INDEXES} local ones")


def _validate_index(table: Table, index: Index, where: str) -> None:
    if index.projection not in _PROJECTIONS:
        raise TopologyError(f"{where}: its projection is {index.projection!r}, not {', '.join(_PROJECTIONS)}")
    if (index.projection == "INCLUDE") is not bool(index.include):
        raise TopologyError(f"{where}: include names attributes if the projection is INCLUDE, and only then")
    if len(index.include) > INCLUDED:
        raise TopologyError(f"{where}: it may include {INCLUDED} attributes, not {len(index.include)}")
    if not index.is_local:
        return
    if table.key.sort is None or index.key.sort is None:
        raise TopologyError(f"{where}: a local index, and its table, have a sort key")
    if index.key.partition != table.key.partition:
        raise TopologyError(f"{where}: the partition key of a local index is its table's, {table.key.partition!r}")


def _validate_queue(topology: Topology, queue: Queue) -> None:
    if _QUEUE.fullmatch(queue.name) is None:
        raise TopologyError(f"queue {queue.name!r}: its name takes 1 to 80 letters, digits, hyphens and underscores")
    _require_queue(topology, queue.dead_letter_queue)
    if queue.dead_letter_queue is not None and queue.dead_letter_queue.endswith(".fifo") is not queue.is_fifo:
        # [DOC] sqs-docs:sqs-dead-letter-queues
        raise TopologyError(
            f"queue {queue.name!r}: {queue.dead_letter_queue!r} cannot have its dead letters; those of a FIFO queue go "
            "to a FIFO queue, those of a standard queue to a standard one"
        )
    for name, value, low, high in (
        ("visibility_timeout_seconds", queue.visibility_timeout_seconds, 0, 43_200),
        ("delay_seconds", queue.delay_seconds, 0, 900),
        ("receive_wait_seconds", queue.receive_wait_seconds, 0, 20),
        ("retention_seconds", queue.retention_seconds, 60, 1_209_600),
        ("maximum_message_bytes", queue.maximum_message_bytes, 1024, 1_048_576),
        ("maximum_receives", queue.maximum_receives, 1, 1000),
    ):
        if not low <= value <= high:
            raise TopologyError(f"queue {queue.name!r}: {name} must be {low} to {high}, not {value}")


def _validate_bucket(bucket: Bucket) -> None:
    if _BUCKET.fullmatch(bucket.name) is None:
        raise TopologyError(
            f"bucket {bucket.name!r}: its name takes 3 to 40 lower-case letters, digits and hyphens, "
            "letters and digits at both ends"
        )
    if bucket.kept_days is not None and bucket.kept_days < 1:
        raise TopologyError(f"bucket {bucket.name!r}: kept_days must be 1 or more")
    for origin in bucket.page_origins:
        # [DOC] s3-docs:ManageCorsUsing: an origin with at most one "*"
        if origin != "*" and _ORIGIN.fullmatch(origin) is None:
            raise TopologyError(
                f"bucket {bucket.name!r}: {origin!r} is no origin of pages; write it as https://app.example.com, "
                "without a path, or * for any"
            )


def _validate_queue_mapping(topology: Topology, mapping: QueueMapping) -> None:
    seconds = topology.function(mapping.function).timeout_seconds
    _require_queue(topology, mapping.queue)
    where = f"event source mapping of {mapping.queue!r} to {mapping.function!r}"
    own = next((queue for queue in topology.queues if queue.name == mapping.queue), None)
    if own is not None and (visibility := own.visibility_timeout_seconds) < seconds:
        # [USR] Lambda's InvalidParameterValueException of CreateEventSourceMapping, in these words
        raise TopologyError(
            f"{where}: Queue visibility timeout: {visibility} seconds is less than Function timeout: {seconds:g} "
            "seconds; give the queue at least as long"
        )
    is_fifo = mapping.queue.endswith(".fifo")
    if is_fifo and mapping.batching_window_seconds > 0:
        # [DOC] lambda-docs:services-sqs-parameters, in these words
        raise TopologyError(f"{where}: Batching window is not supported for FIFO queues; leave it out")
    # [DOC] lambda-docs:services-sqs-configure
    most = 10 if is_fifo or mapping.batching_window_seconds == 0 else 10_000
    if not 1 <= mapping.batch_size <= most:
        hint = "" if is_fifo or most > 10 else "; with a window of a second or more, up to 10000"
        raise TopologyError(f"{where}: batch_size must be 1 to {most}, not {mapping.batch_size}{hint}")
    if not 0 <= mapping.batching_window_seconds <= 300:
        raise TopologyError(f"{where}: batching_window_seconds must be 0 to 300")
    _require_filters(mapping.filters, where)
    if mapping.maximum_concurrency is not None and not 2 <= mapping.maximum_concurrency <= 1000:
        raise TopologyError(f"{where}: maximum_concurrency must be 2 to 1000")


def _validate_route(topology: Topology, api: Api, route: Route) -> None:
    key = route.route_key
    if route.integration is None:
        topology.function(route.function)
    elif route.integration.function is not None:
        topology.function(route.integration.function)
    if key.startswith("$") and key not in (CONNECT, DISCONNECT, DEFAULT):
        # [DOC] apigw-docs:websocket-api-develop-routes: custom keys must not start with "$".
        raise TopologyError(
            f"route key {key!r} starts with '$', which is reserved for {CONNECT}, {DISCONNECT}, {DEFAULT}"
        )
    if key != CONNECT and (route.authorizer is not None or route.iam or route.api_key_required):
        # [DOC] apigw-docs:apigateway-websocket-api-control-access: access is decided at $connect.
        raise TopologyError(f"route {key!r} cannot have an authorizer, IAM or API key; only {CONNECT} can")
    if route.authorizer is not None and route.authorizer not in [a.name for a in api.authorizers]:
        raise TopologyError(f"route {key!r} names authorizer {route.authorizer!r}, which the API does not have")
    if key != CONNECT and route.required_parameters:
        raise TopologyError(f"route {key!r} cannot require parameters; only {CONNECT} has any")
    if not LEAST_INTEGRATION_SECONDS <= route.integration_timeout_seconds <= INTEGRATION_SECONDS:
        raise TopologyError(f"route {key!r}: integration_timeout_seconds must be 0.05 to 29")


def _validate_function(topology: Topology, function: Function) -> None:
    if not 0 < function.timeout_seconds <= FUNCTION_SECONDS:
        raise TopologyError(f"function {function.name!r}: timeout_seconds must be above 0 and at most 900")
    if not 128 <= function.memory_mb <= 10_240:
        raise TopologyError(f"function {function.name!r}: memory_mb must be 128 to 10240")
    if not 512 <= function.ephemeral_storage_mb <= 10_240:
        raise TopologyError(f"function {function.name!r}: ephemeral_storage_mb must be 512 to 10240")
    if function.reserved_concurrency is not None and function.reserved_concurrency < 0:
        # [DOC] lambda-api:PutFunctionConcurrency
        raise TopologyError(f"function {function.name!r}: reserved_concurrency must be 0 or more")
    _validate_layers(function)
    _validate_logging(function)
    _validate_start(topology, function)
    for access in function.tables:
        topology.table(access.table)
    for name in function.invokes:
        topology.function(name)
    for queue in function.sends_to:
        _require_queue(topology, queue)
    _require_buckets(topology, function)
    _validate_names(function)


def _require_buckets(topology: Topology, function: Function) -> None:
    for bucket in function.buckets:
        if bucket not in [each.name for each in topology.buckets]:
            raise TopologyError(f"there is no bucket {bucket!r}; there are: {names_of(topology.buckets)}")
    for bucket in function.bucket_access:
        if bucket not in function.buckets:
            raise TopologyError(f"function {function.name!r} has an access to bucket {bucket!r}, which it does not use")


_LAYER: Final = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:[A-Za-z0-9_-]+:\d+")


def _validate_logging(function: Function) -> None:
    where = f"function {function.name!r}"
    for value, allowed in (
        (function.log_format, ("JSON", "Text")),
        (function.log_level, (None, *LOG_LEVELS)),
        (function.system_log_level, (None, *SYSTEM_LOG_LEVELS)),
    ):
        if value not in allowed:
            raise TopologyError(f"{where}: {value!r} is none of {', '.join(each for each in allowed if each)}")
    if function.log_format != "JSON" and (function.log_level or function.system_log_level):
        # [DOC] lambda-docs:monitoring-cloudwatchlogs-log-level
        raise TopologyError(
            f"{where}: Lambda knows the levels of lines in JSON only; leave out log_format or the level"
        )


def _validate_start(topology: Topology, function: Function) -> None:
    """Provisioned concurrency and SnapStart. [DOC] lambda-docs:snapstart, lambda-docs:provisioned-concurrency"""
    if not function.is_published:
        return
    where = f"function {function.name!r}"
    called = {route.function for api in topology.all_apis() for route in api.routes}
    called |= {each.function for api in topology.all_apis() for each in api.authorizers}
    if function.name not in called:
        raise TopologyError(
            f"{where}: provisioned concurrency and SnapStart are for functions that a client waits for, of routes and "
            "authorizers"
        )
    number, reserved = function.provisioned_concurrency, function.reserved_concurrency
    if number is not None and function.snap_start:
        raise TopologyError(
            f"{where}: a function with SnapStart takes no provisioned concurrency; leave out one of them"
        )
    if number is not None and number < 1:
        raise TopologyError(f"{where}: provisioned_concurrency must be 1 or more, not {number}")
    if number is not None and reserved is not None and number > reserved:
        raise TopologyError(
            f"{where}: provisioned_concurrency {number} is more than its reserved_concurrency {reserved}"
        )
    if function.snap_start and function.ephemeral_storage_mb > 512:
        raise TopologyError(f"{where}: a function with SnapStart has 512 MB below /tmp, not more")


def _validate_layers(function: Function) -> None:
    if len(function.layers) > 5:
        raise TopologyError(f"function {function.name!r} has {len(function.layers)} layers; Lambda takes 5")
    for layer in function.layers:
        if _LAYER.fullmatch(layer) is None:
            raise TopologyError(
                f"function {function.name!r}: layer {layer!r} is not the ARN of a layer's version, such as "
                f"arn:aws:lambda:eu-central-1:123456789012:layer:tools:3"
            )


def _validate_names(function: Function) -> None:
    variables = [queue_url_variable(queue) for queue in function.sends_to]
    for variable in variables:
        if variables.count(variable) > 1:
            raise TopologyError(f"function {function.name!r} sends to two queues whose URLs would be in {variable}")
    for secret in function.secrets:
        if VARIABLE.fullmatch(secret) is None:
            raise TopologyError(f"function {function.name!r}: secret {secret!r} is not the name of a variable")
    for permission in function.permissions:
        validate_permission(function, permission)


def _validate_mapping(topology: Topology, mapping: EventSourceMapping) -> None:
    topology.function(mapping.function)
    table = topology.table(mapping.table)
    where = f"event source mapping of {mapping.table!r} to {mapping.function!r}"
    if table.stream is None:
        raise TopologyError(f"{where}: the table has no stream")
    if mapping.starting_position not in ("TRIM_HORIZON", "LATEST"):
        raise TopologyError(f"{where}: starting_position must be TRIM_HORIZON or LATEST")
    _validate_batches(topology, mapping, where)


def _validate_kinesis(topology: Topology, mapping: KinesisMapping) -> None:
    topology.function(mapping.function)
    where = f"event source mapping of stream {mapping.stream!r} to {mapping.function!r}"
    if mapping.starting_position not in ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"):
        raise TopologyError(f"{where}: starting_position must be TRIM_HORIZON, LATEST or AT_TIMESTAMP")
    if (mapping.starting_position == "AT_TIMESTAMP") is (mapping.starting_timestamp is None):
        raise TopologyError(f"{where}: AT_TIMESTAMP needs a starting_timestamp, and nothing else has one")
    _validate_batches(topology, mapping, where)


FILTER_CHARACTERS: Final = 4096
"""Longest pattern of an event source mapping. [DOC] lambda-api:Filter"""


def _require_filters(filters: Sequence[object], where: str) -> None:
    if any(_characters(pattern) > FILTER_CHARACTERS for pattern in filters):
        raise TopologyError(f"{where}: a filter may have {FILTER_CHARACTERS:,} characters as JSON")


def _characters(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str))


def _validate_batches(topology: Topology, mapping: EventSourceMapping | KinesisMapping, where: str) -> None:
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
    _require_filters(mapping.filters, where)
    if ":sns:" not in (mapping.on_failure or ""):
        _require_queue(topology, mapping.on_failure)


def _require_queue(topology: Topology, name: str | None) -> None:
    if name is not None and name not in [*(queue.name for queue in topology.queues), *topology.found_queues]:
        raise TopologyError(f"there is no queue {name!r}; there are: {names_of(topology.queues)}")
