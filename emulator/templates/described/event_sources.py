"""What invokes functions besides an API: streams, queues, schedules, retries. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from streamer.errors import TopologyError
from streamer.topology import AsyncInvocation, EventSourceMapping, QueueMapping, Schedule
from streamer.topology.cron import parse_cron
from streamer.topology.kinesis import KinesisMapping

from ...event_sources.streams.filters import BODY, CHANGE, DATA, InvalidFilterPatternError, compile_filters
from ...foundation.json_bytes import parsed_json
from ...functions.variables import VERSION
from ...services.eventbridge.rule_clock import is_rate, period
from ...services.kinesis.names import stream_name
from ..catalogue import Catalogue
from ..errors import Problem
from ..intrinsics import is_true
from ..stack import Resource
from ..values import at, boolean, items, mapping, number, text, whole
from .event_rules import is_for_the_clock, is_told_by_the_clock
from .lambda_functions import function_name, qualified_name
from .tables_and_queues import queue_names, table_names

_CRON: Final = re.compile(r"cron\((.+)\)")


def stream_mapping(catalogue: Catalogue, resource: Resource) -> EventSourceMapping | None:
    """A table's stream read by a function; None: it is another kind of source, or switched off."""
    arn = str(resource.properties.get("EventSourceArn", ""))
    if ":dynamodb:" not in arn or not _is_enabled(resource):
        return None
    table = re.search(r":table/([^/]+)", arn)
    if table is None or table[1] not in table_names(catalogue):
        catalogue.warn(resource, f"reads {arn}, which is none of this project's tables: it is left out")
        return None
    return EventSourceMapping(table=table[1], **_of_stream(catalogue, resource, CHANGE))


def kinesis_mapping(catalogue: Catalogue, resource: Resource) -> KinesisMapping | None:
    """A stream of Kinesis read by a function; None: it is another kind of source, or switched off."""
    arn = str(resource.properties.get("EventSourceArn", ""))
    if ":kinesis:" not in arn or not _is_enabled(resource):
        return None
    stream = stream_name(arn)
    if stream is None:
        raise Problem(at(resource, "EventSourceArn"), f"{arn!r} is no stream of Kinesis")
    at_time = resource.properties.get("StartingPositionTimestamp")
    return KinesisMapping(
        stream=stream,
        starting_timestamp=None if at_time is None else number(resource, "StartingPositionTimestamp", 0.0),
        **_of_stream(catalogue, resource, DATA),
    )


def _of_stream(catalogue: Catalogue, resource: Resource, content: str) -> dict[str, Any]:
    """What mappings of streams of both kinds have."""
    if resource.properties.get("TumblingWindowInSeconds"):
        catalogue.warn(resource, "tumbling windows are not emulated: batches come without a state")
    return {
        "function": _function(catalogue, resource, resource.properties.get("FunctionName"), "FunctionName"),
        "batch_size": whole(resource, "BatchSize", 100),
        "batching_window_seconds": whole(resource, "MaximumBatchingWindowInSeconds", 0),
        "parallelization_factor": whole(resource, "ParallelizationFactor", 1),
        "starting_position": text(resource, "StartingPosition"),
        "filters": _filters(resource, content),
        "maximum_retry_attempts": whole(resource, "MaximumRetryAttempts", -1),
        "maximum_record_age_seconds": whole(resource, "MaximumRecordAgeInSeconds", -1),
        "bisect_on_error": boolean(resource, "BisectBatchOnFunctionError"),
        "report_batch_item_failures": "ReportBatchItemFailures" in items(resource, "FunctionResponseTypes"),
        "on_failure": _destination(catalogue, resource),
    }


def queue_mapping(catalogue: Catalogue, resource: Resource) -> QueueMapping | None:
    """A queue read by a function; None: it is another kind of source, or switched off."""
    arn = str(resource.properties.get("EventSourceArn", ""))
    if ":sqs:" not in arn:
        if ":dynamodb:" not in arn and ":kinesis:" not in arn:
            catalogue.warn(resource, f"its source {arn or 'is not named and'} is not emulated: it is left out")
        return None
    if "StartingPosition" in resource.properties:  # [USR] node-lambda #466
        raise Problem(at(resource, "StartingPosition"), "StartingPosition is not valid for SQS event sources")
    name = arn.rpartition(":")[2]
    if not _is_enabled(resource):
        return None
    if name not in queue_names(catalogue):
        catalogue.warn(resource, f"reads {arn}, which is none of this project's queues: it is left out")
        return None
    concurrency = mapping(resource, "ScalingConfig").get("MaximumConcurrency")
    return QueueMapping(
        function=_function(catalogue, resource, resource.properties.get("FunctionName"), "FunctionName"),
        queue=name,
        batch_size=whole(resource, "BatchSize", 10),
        batching_window_seconds=whole(resource, "MaximumBatchingWindowInSeconds", 0),
        filters=_filters(resource, BODY),
        maximum_concurrency=None if concurrency is None else int(concurrency),
        report_batch_item_failures="ReportBatchItemFailures" in items(resource, "FunctionResponseTypes"),
    )


def async_invocation(catalogue: Catalogue, resource: Resource) -> AsyncInvocation:
    """How asynchronous invocations of a function are retried, and who is told of them."""
    where = mapping(resource, "DestinationConfig")
    named = _function(catalogue, resource, resource.properties.get("FunctionName"), "FunctionName")
    function, qualifier = named.partition(":")[0], resource.properties.get("Qualifier", VERSION)
    return AsyncInvocation(
        function=function if qualifier == VERSION else f"{function}:{qualifier}",
        maximum_retry_attempts=whole(resource, "MaximumRetryAttempts", 2),
        maximum_event_age_seconds=whole(resource, "MaximumEventAgeInSeconds", 21_600),
        on_failure=_told(catalogue, resource, (where.get("OnFailure") or {}).get("Destination")),
        on_success=_told(catalogue, resource, (where.get("OnSuccess") or {}).get("Destination")),
    )


def dead_letters(catalogue: Catalogue, resource: Resource) -> AsyncInvocation | None:
    """A function's own dead-letter queue; None: it has none. [DOC] lambda-docs:invocation-async-retain-records"""
    target = _told(catalogue, resource, mapping(resource, "DeadLetterConfig").get("TargetArn"))
    return None if target is None else AsyncInvocation(function=resource.name, dead_letters=target)


def async_invocations(
    configured: Iterable[AsyncInvocation], with_dead_letters: Iterable[AsyncInvocation]
) -> tuple[AsyncInvocation, ...]:
    """One description for each function or version, of its configuration and of a function's dead-letter queue."""
    found = {each.function: each for each in configured}
    for each in with_dead_letters:
        found[each.function] = replace(found.get(each.function, each), dead_letters=each.dead_letters)
    return tuple(found.values())


def _told(catalogue: Catalogue, resource: Resource, arn: Any) -> str | None:
    """The queue of the project that an ARN names, or the ARN itself if it is of a function, a topic or a bus."""
    if not arn:
        return None
    written = str(arn)
    if (name := _queue_of(catalogue, written)) is not None:
        return name
    function = function_name(written) if ":lambda:" in written else None
    is_mine = function is not None and function in {each.name for each in catalogue.of("AWS::Lambda::Function")}
    if is_mine or ":sns:" in written or ":event-bus/" in written:
        return written
    catalogue.warn(resource, f"its destination {written} is not reached here: what it should get is logged only")
    return None


def rule_schedules(catalogue: Catalogue, resource: Resource) -> list[Schedule] | None:
    """The functions that a rule invokes by the clock; None: it waits for events, or is switched off.

    What else it sends to, and what it does with events, is made in EventBridge; see `event_rules`.
    """
    if resource.properties.get("State") == "DISABLED":
        return None
    expression = resource.properties.get("ScheduleExpression")
    if not isinstance(expression, str) or resource.properties.get("EventPattern") is not None:
        return None
    if expression.startswith("rate(") and not is_rate(expression):
        where = at(resource, "ScheduleExpression")
        raise Problem(
            where, f"{expression!r} is no rate of a rule: 1 minute, 2 minutes, 1 hour, 2 hours, 1 day, 2 days"
        )
    found = []
    for position, target in enumerate(items(resource, "Targets")):
        if not isinstance(target, dict) or not is_told_by_the_clock(target):
            continue
        found.append(
            Schedule(
                name=resource.name if position == 0 else f"{resource.name}-{position}",
                function=_function(catalogue, resource, target.get("Arn"), "Targets", position, "Arn"),
                event=_input(resource, target.get("Input"), "Targets", position, "Input"),
                **_times(resource, expression),
            )
        )
    return found


def scheduler_schedule(catalogue: Catalogue, resource: Resource) -> Schedule | None:
    """A function that the scheduler invokes; None: it is switched off, or the scheduler of the services has it."""
    target = mapping(resource, "Target")
    arn = str(target.get("Arn", ""))
    expression = text(resource, "ScheduleExpression")
    if resource.properties.get("State") == "DISABLED" or not is_for_the_clock(resource):
        return None
    return Schedule(
        name=resource.name,
        function=_function(catalogue, resource, arn, "Target", "Arn"),
        event=_input(resource, target.get("Input"), "Target", "Input"),
        **_times(resource, expression),
    )


def _times(resource: Resource, expression: str) -> dict[str, Any]:
    if (each := period(expression)) is not None:
        return {"rate_minutes": each // timedelta(minutes=1)}
    cron = _CRON.fullmatch(expression.strip())
    if cron is not None:
        try:
            parse_cron(cron[1])
        except TopologyError as error:
            raise Problem(at(resource, "ScheduleExpression"), str(error)) from error
        return {"cron": cron[1]}
    raise Problem(at(resource, "ScheduleExpression"), f"{expression!r} is neither rate(...) nor cron(...)")


def _input(resource: Resource, value: Any, *where: str | int) -> Mapping[str, Any] | None:
    if value is None:
        return None
    try:
        found: Any = parsed_json(value) if isinstance(value, str) else value
    except ValueError as error:
        raise Problem(at(resource, *where), "the input is not JSON") from error
    if not isinstance(found, dict):
        raise Problem(at(resource, *where), "the input must be a JSON object here")
    return found


def _function(catalogue: Catalogue, resource: Resource, reference: Any, *where: str | int) -> str:
    """The name of a function of the project, and its qualifier."""
    found = qualified_name(reference)
    if found is None or function_name(found) not in {each.name for each in catalogue.of("AWS::Lambda::Function")}:
        raise Problem(at(resource, *where), f"{reference!r} is none of this project's functions")
    return found


def _destination(catalogue: Catalogue, resource: Resource) -> str | None:
    arn = ((mapping(resource, "DestinationConfig").get("OnFailure") or {}).get("Destination")) or None
    if arn is None:
        return None
    written = str(arn)
    if (name := _queue_of(catalogue, written)) is not None or ":sns:" in written:
        return name or written
    catalogue.warn(resource, f"its destination {written} is not reached here: what is given up is logged only")
    return None


def _queue_of(catalogue: Catalogue, arn: str) -> str | None:
    """The queue of the project that an ARN names; None: it is none, such as a topic of the same name."""
    name = arn.rpartition(":")[2]
    return name if ":sqs:" in arn and name in queue_names(catalogue) else None


def _filters(resource: Resource, content: str) -> tuple[Mapping[str, Any], ...]:
    found = []
    for position, each in enumerate(mapping(resource, "FilterCriteria").get("Filters") or ()):
        where = at(resource, "FilterCriteria", "Filters", position)
        pattern = each.get("Pattern") if isinstance(each, dict) else None
        try:
            value = parsed_json(pattern) if isinstance(pattern, str) else pattern
        except ValueError as error:
            raise Problem(where, "the pattern is not JSON") from error
        if not isinstance(value, dict):
            raise Problem(where, "the pattern is no JSON object")
        try:
            compile_filters([value], content)
        except InvalidFilterPatternError as error:
            raise Problem(where, str(error)) from error
        found.append(value)
    return tuple(found)


def _is_enabled(resource: Resource) -> bool:
    return is_true(resource.properties.get("Enabled", True))
