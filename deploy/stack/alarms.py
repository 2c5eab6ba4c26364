"""Alarms and the dashboard. Pure.

Metrics of the functions are taken from the runtime's own catalogue, names, units and dimensions included: an alarm on
a metric that nobody emits stays green for ever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamer.observability.metrics import (
    ACTION_COUNT,
    ACTION_ERRORS,
    ACTION_LATENCY,
    AUTHENTICATION_FAILED,
    CONNECTION_DISCONNECTED,
    CONNECTION_DURATION,
    CONNECTION_ESTABLISHED,
    NAMESPACE,
    REQUEST_WAIT,
    Metric,
)
from streamer.service import PROCESSOR_FUNCTION
from streamer.settings import Settings
from streamer.topology import Function, Topology
from streamer.topology.logical_ids import function_id, pascal, queue_id, table_id

from ..errors import DeployError
from .names import Resources, att, merge, ref, sub
from .settings import StackSettings

PERIOD_SECONDS: Final = 300

THRESHOLDS: Final[Mapping[str, int]] = {
    "errors": 1,
    "throttles": 1,
    "duration": 90,  # percent of the function's time-out
    "lag": 60_000,  # ms; a stream that is read late holds up every queued request behind it
    "dead_letters": 1,
    "queue_age": 3_600,  # s; a message that nobody took in an hour
    "event_age": 300_000,  # ms; asynchronous events, such as runs of requests
    "events_dropped": 1,
    "table_throttles": 1,
    "execution_errors": 1,
    "client_errors": 100,  # messages that API Gateway refused, throttled ones among them
    "authentication": 100,  # refused handshakes that are no longer mistyped tokens
    "request_wait": 60_000,  # ms until a queued request begins
    "action_errors": 1,
}
"""Kind of alarm to its threshold in a period, unless the settings say otherwise."""

WAITING_MS: Final = 3_600_000
"""The threshold for work that waits where a reserved concurrency has it wait: an hour of the six after which Lambda
gives an event up. [DOC] lambda-docs:invocation-async"""


def service_dimensions(topology: Topology) -> dict[str, str]:
    """The dimensions that every metric of the functions has, as the functions read them from their environment."""
    environment = {k: v for function in topology.functions for k, v in function.environment.items()}
    chosen: dict[str, str] = {
        name: environment[name] for name in ("STREAMER_SERVICE", "STREAMER_STAGE") if name in environment
    }
    return Settings.from_environ(chosen).metric_dimensions


def alarms(topology: Topology, settings: StackSettings) -> Resources:
    """Logical id to alarm. What clients are rightly refused rings none: no refused token, no refusal, no cancellation.

    Raises:
        DeployError: a threshold is for an alarm that there is not, or two alarms have one id.
    """
    found = merge(
        (_function_alarms(topology, settings, function) for function in topology.functions),
        [_stream_alarms(topology), _queue_alarms(topology), _table_alarms(topology)],
        [_api_alarms(topology), _service_alarms(topology, settings)],
    )
    _require_known(settings, found)
    chosen = {name: settings.alarms.get(name, settings.alarms.get(alarm.kind)) for name, alarm in found.items()}
    made = {name: alarm.resource(chosen[name]) for name, alarm in found.items() if chosen[name] != 0}
    if settings.alarm_topic_arn is not None:
        for resource in made.values():
            resource["Properties"]["AlarmActions"] = resource["Properties"]["OKActions"] = [settings.alarm_topic_arn]
    return made


def _stream_alarms(topology: Topology) -> dict[str, _Alarm]:
    found: dict[str, _Alarm] = {}
    for mapping in topology.event_source_mappings:
        dimensions: dict[str, Any] = {"FunctionName": ref(function_id(mapping.function))}
        what = f"{mapping.function} reads the stream late"
        table = table_id(topology, mapping.table)
        # Two functions may read one stream. The first one's alarm keeps the id that it has had alone.
        name = f"{table}LagAlarm" if f"{table}LagAlarm" not in found else f"{table}To{pascal(mapping.function)}LagAlarm"
        found[name] = _Alarm("lag", what, "AWS/Lambda", "IteratorAge", dimensions, statistic="Maximum")
    return found


def _table_alarms(topology: Topology) -> dict[str, _Alarm]:
    ids = [table_id(topology, each.name) for each in topology.tables]
    return {
        f"{logical_id}{kind}ThrottlesAlarm": _Alarm(
            "table_throttles",
            f"DynamoDB throttled {kind.lower()}s of {logical_id}",
            "AWS/DynamoDB",
            f"{kind}ThrottleEvents",
            {"TableName": ref(logical_id)},
        )
        for logical_id in ids
        for kind in ("Read", "Write")
    }


def _require_known(settings: StackSettings, found: Mapping[str, object]) -> None:
    for name, threshold in settings.alarms.items():
        if name not in THRESHOLDS and name not in found:
            raise DeployError(
                f"alarms: there is no {name!r}; kinds are {', '.join(THRESHOLDS)}, or an alarm's logical id"
            )
        if threshold < 0:
            raise DeployError(f"alarms: {name} is {threshold}; a threshold is above 0, or 0 for no alarm")
        if threshold > 100 and (name == "duration" or name.endswith("DurationAlarm")):
            raise DeployError(f"alarms: {name} is {threshold}; it is a percentage of the time-out, at most 100")


def _function_alarms(topology: Topology, settings: StackSettings, function: Function) -> dict[str, _Alarm]:
    name, dimensions = pascal(function.name), {"FunctionName": ref(function_id(function.name))}

    def of(kind: str, what: str, metric: str, **options: Any) -> _Alarm:
        return _Alarm(kind, f"{function.name} {what}", "AWS/Lambda", metric, dimensions, **options)

    found = {f"{name}ErrorsAlarm": of("errors", "failed", "Errors")}
    # With a reserved concurrency being turned away and waiting is what was asked for; what waits for hours is not.
    is_reserved = _is_reserved(settings, function)
    if not is_reserved:
        found[f"{name}ThrottlesAlarm"] = of("throttles", "was not run for lack of concurrency", "Throttles")
    found[f"{name}DurationAlarm"] = of(
        "duration",
        f"ran for nearly its {function.timeout_seconds:g} s",
        "Duration",
        statistic="Maximum",
        factor=function.timeout_seconds * 10,
    )
    if any(invocation.function == function.name for invocation in topology.async_invocations):
        found[f"{name}EventAgeAlarm"] = of(
            "event_age",
            "is late with events",
            "AsyncEventAge",
            statistic="Maximum",
            default=WAITING_MS if is_reserved else None,
        )
        found[f"{name}EventsDroppedAlarm"] = of("events_dropped", "lost events", "AsyncEventsDropped")
    return found


def _queue_alarms(topology: Topology) -> dict[str, _Alarm]:
    """A message among dead letters is one too many; in a queue of work it is one that was sent.

    [DOC] sqs-docs:sqs-available-cloudwatch-metrics
    """
    given_up_to = _dead_letter_queues(topology)
    found = {}
    for queue in topology.queues:
        dimensions = {"QueueName": att(queue_id(queue.name), "QueueName")}
        if queue.name in given_up_to:
            what = f"records or invocations were given up; look into {queue.name}"
            kind, metric, name = "dead_letters", "ApproximateNumberOfMessagesVisible", f"{queue_id(queue.name)}Alarm"
        else:
            what = f"messages wait long in {queue.name}"
            kind, metric, name = "queue_age", "ApproximateAgeOfOldestMessage", f"{queue_id(queue.name)}AgeAlarm"
        found[name] = _Alarm(kind, what, "AWS/SQS", metric, dimensions, statistic="Maximum")
    return found


def _dead_letter_queues(topology: Topology) -> set[str | None]:
    """Names of the queues that something is given up to."""
    return {
        *(each.on_failure for each in topology.event_source_mappings),
        *(each.on_failure for each in topology.async_invocations),
        *(each.dead_letters for each in topology.async_invocations),
        *(each.dead_letter_queue for each in topology.queues),
    }


def _is_reserved(settings: StackSettings, function: Function) -> bool:
    return settings.reserved_concurrency.get(function.name, function.reserved_concurrency) is not None


def _api_alarms(topology: Topology) -> dict[str, _Alarm]:
    # Not IntegrationError: every refused token is one. [DOC] apigw-docs:apigateway-websocket-api-logging (4XX/5XX)
    dimensions = {"ApiId": ref("Api"), "Stage": topology.api.stage}
    return {
        "ExecutionErrorsAlarm": _Alarm(
            "execution_errors",
            "API Gateway could not call its integration",
            "AWS/ApiGateway",
            "ExecutionError",
            dimensions,
        ),
        "ClientErrorsAlarm": _Alarm(
            "client_errors",
            "API Gateway refused or throttled many messages",
            "AWS/ApiGateway",
            "ClientError",
            dimensions,
        ),
    }


def _service_alarms(topology: Topology, settings: StackSettings) -> dict[str, _Alarm]:
    if not _is_app(topology):
        return {}
    dimensions = service_dimensions(topology)
    found = {
        "AuthenticationFailedAlarm": _Alarm(
            "authentication", "many handshakes were refused", NAMESPACE, AUTHENTICATION_FAILED.name, dimensions
        ),
        "RequestWaitAlarm": _Alarm(
            "request_wait",
            "queued requests wait long before they begin",
            NAMESPACE,
            REQUEST_WAIT.name,
            dimensions,
            statistic="Maximum",
            default=WAITING_MS if any(_is_reserved(settings, each) for each in _processors(topology)) else None,
        ),
    }
    for action in sorted(settings.actions):
        found[f"{pascal(action)}ActionErrorsAlarm"] = _Alarm(
            "action_errors",
            f"the action {action} failed",
            NAMESPACE,
            ACTION_ERRORS.name,
            {**dimensions, "Action": action},
        )
    return found


def _processors(topology: Topology) -> list[Function]:
    return [each for each in topology.functions if each.name == PROCESSOR_FUNCTION]


def _is_app(topology: Topology) -> bool:
    """Whether the functions are the runtime's own, which emit the catalogue's metrics."""
    return any(function.handler.startswith("streamer.handlers.") for function in topology.functions)


@dataclass(frozen=True, slots=True)
class _Alarm:
    kind: str
    what: str
    namespace: str
    metric: str
    dimensions: dict[str, Any]
    statistic: str = "Sum"
    factor: float = 1
    """What the metric's unit is of the threshold's."""
    default: int | None = None
    """The threshold unless the settings say otherwise; None: that of its kind."""

    def resource(self, threshold: int | None) -> dict[str, Any]:
        """The alarm in a template."""
        default = THRESHOLDS[self.kind] if self.default is None else self.default
        chosen = (default if threshold is None else threshold) * self.factor
        return {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmDescription": sub(f"${{AWS::StackName}}: {self.what}"),
                "Namespace": self.namespace,
                "MetricName": self.metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions.items()],
                "Statistic": self.statistic,
                "Period": PERIOD_SECONDS,
                "EvaluationPeriods": 1,
                "Threshold": round(chosen),
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                # No traffic is no fault.
                "TreatMissingData": "notBreaching",
            },
        }


def _query(topology: Topology, metric: Metric, statistic: str = "SUM", group: str = "") -> str:
    """A Metrics Insights query over all actions: their names are not known here, and may change with the code."""
    dimensions = service_dimensions(topology)
    schema = ", ".join([f'"{NAMESPACE}"', *dimensions, *metric.dimensions])
    where = " AND ".join(f"{name} = '{value}'" for name, value in dimensions.items())
    return f"SELECT {statistic}({metric.name}) FROM SCHEMA({schema}) WHERE {where}{group}"  # noqa: S608 - not SQL


def dashboard(topology: Topology) -> dict[str, Any]:
    """Traffic, functions, stream and dead letters on one page."""
    rows = [_api_widgets(topology), _function_widgets(topology)]
    if _is_app(topology):
        rows.insert(1, _service_widgets(topology))
    placed = [
        {"type": "metric", "x": 8 * column, "y": 6 * row, "width": 8, "height": 6, "properties": properties}
        for row, widgets in enumerate(rows)
        for column, properties in enumerate(widgets)
    ]
    return {
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {
            "DashboardName": sub("${AWS::StackName}-${AWS::Region}"),
            "DashboardBody": sub(json.dumps({"widgets": placed}, separators=(",", ":"))),
        },
    }


def _widget(title: str, metrics: list[Any], statistic: str = "Sum") -> dict[str, Any]:
    return {
        "title": title,
        "region": "${AWS::Region}",
        "view": "timeSeries",
        "stat": statistic,
        "period": PERIOD_SECONDS,
        "metrics": metrics,
    }


def _api_widgets(topology: Topology) -> list[dict[str, Any]]:
    def of(*names: str) -> list[Any]:
        return [["AWS/ApiGateway", name, "ApiId", "${Api}", "Stage", topology.api.stage] for name in names]

    return [
        _widget("Connections and messages", of("ConnectCount", "MessageCount")),
        _widget("Errors of the API", of("ClientError", "IntegrationError", "ExecutionError")),
        _widget("Time in integrations", of("IntegrationLatency"), "p99"),
    ]


def _service_widgets(topology: Topology) -> list[dict[str, Any]]:
    service = [part for pair in service_dimensions(topology).items() for part in pair]

    def of(*metrics: Metric) -> list[Any]:
        return [[NAMESPACE, metric.name, *service] for metric in metrics]

    def by_action(metric: Metric, statistic: str) -> list[Any]:
        query = _query(topology, metric, statistic, " GROUP BY Action")
        return [[{"expression": query, "id": metric.name.lower(), "label": metric.name}]]

    return [
        _widget("Clients", of(CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED, AUTHENTICATION_FAILED)),
        _widget("How long they stay", of(CONNECTION_DURATION), "Average"),
        _widget("Actions", by_action(ACTION_COUNT, "SUM") + by_action(ACTION_LATENCY, "AVG")),
    ]


def _function_widgets(topology: Topology) -> list[dict[str, Any]]:
    functions = [f"${{{function_id(function.name)}}}" for function in topology.functions]

    def of(*names: str) -> list[Any]:
        return [["AWS/Lambda", name, "FunctionName", function] for name in names for function in functions]

    lag = [
        ["AWS/Lambda", "IteratorAge", "FunctionName", f"${{{function_id(mapping.function)}}}"]
        for mapping in topology.event_source_mappings
    ]
    dead = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", f"${{{queue_id(queue.name)}.QueueName}}"]
        for queue in topology.queues
    ]
    return [
        _widget("Functions: runs, errors, throttles", of("Invocations", "Errors", "Throttles")),
        _widget("Functions: duration", of("Duration"), "p99"),
        _widget("Stream lag and dead letters", lag + dead, "Maximum"),
    ]
