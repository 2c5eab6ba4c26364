"""Alarms and the dashboard. Pure.

Metrics of the functions are taken from the runtime's own catalogue, names, units and dimensions included: an alarm on
a metric that nobody emits stays green for ever.
"""

from __future__ import annotations

import json
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
    Metric,
)
from streamer.settings import Settings
from streamer.topology import Topology

from .names import att, function_id, pascal, queue_id, ref, sub, table_id
from .settings import StackSettings

PERIOD_SECONDS: Final = 300
ITERATOR_AGE_MS: Final = 60_000
"""A stream that is read more than a minute late holds up every queued request behind it."""
AUTHENTICATION_FAILURES: Final = 100
"""Refused handshakes in a period that are no longer mistyped tokens."""


def service_dimensions(topology: Topology) -> dict[str, str]:
    """The dimensions that every metric of the functions has, as the functions read them from their environment."""
    environment = {k: v for function in topology.functions for k, v in function.environment.items()}
    chosen: dict[str, str] = {
        name: environment[name] for name in ("STREAMER_SERVICE", "STREAMER_STAGE") if name in environment
    }
    return Settings.from_environ(chosen).metric_dimensions


def alarms(topology: Topology, settings: StackSettings) -> dict[str, dict[str, Any]]:
    """Logical id to alarm."""
    found: dict[str, dict[str, Any]] = {}
    for function in topology.functions:
        name, dimensions = pascal(function.name), {"FunctionName": ref(function_id(function.name))}
        found[f"{name}ErrorsAlarm"] = _alarm(f"{function.name} failed", "AWS/Lambda", "Errors", dimensions)
        found[f"{name}ThrottlesAlarm"] = _alarm(
            f"{function.name} was not run for lack of concurrency", "AWS/Lambda", "Throttles", dimensions
        )
    for mapping in topology.event_source_mappings:
        found[f"{table_id(topology, mapping.table)}LagAlarm"] = _alarm(
            f"{mapping.function} reads the stream late",
            "AWS/Lambda",
            "IteratorAge",
            {"FunctionName": ref(function_id(mapping.function))},
            statistic="Maximum",
            threshold=ITERATOR_AGE_MS,
        )
    for queue in topology.queues:
        found[f"{queue_id(queue.name)}Alarm"] = _alarm(
            f"records or invocations were given up; look into {queue.name}",
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            {"QueueName": att(queue_id(queue.name), "QueueName")},
            statistic="Maximum",
        )
    found |= _api_alarms(topology) | _service_alarms(topology, settings)
    if settings.alarm_topic_arn is not None:
        for alarm in found.values():
            alarm["Properties"]["AlarmActions"] = alarm["Properties"]["OKActions"] = [settings.alarm_topic_arn]
    return found


def _api_alarms(topology: Topology) -> dict[str, dict[str, Any]]:
    dimensions = {"ApiId": ref("Api"), "Stage": topology.api.stage}
    return {
        "IntegrationErrorsAlarm": _alarm(
            "functions failed or ran out of time behind API Gateway", "AWS/ApiGateway", "IntegrationError", dimensions
        ),
        "ExecutionErrorsAlarm": _alarm(
            "API Gateway could not call its integration", "AWS/ApiGateway", "ExecutionError", dimensions
        ),
    }


def _service_alarms(topology: Topology, settings: StackSettings) -> dict[str, dict[str, Any]]:
    if not _is_app(topology):
        return {}
    dimensions = service_dimensions(topology)
    found = {
        "AuthenticationFailedAlarm": _alarm(
            "many handshakes were refused",
            NAMESPACE,
            AUTHENTICATION_FAILED.name,
            dimensions,
            threshold=AUTHENTICATION_FAILURES,
        ),
    }
    for action in sorted(settings.actions):
        found[f"{pascal(action)}ActionErrorsAlarm"] = _alarm(
            f"the action {action} failed", NAMESPACE, ACTION_ERRORS.name, {**dimensions, "Action": action}
        )
    return found


def _is_app(topology: Topology) -> bool:
    """Whether the functions are the runtime's own, which emit the catalogue's metrics."""
    return any(function.handler.startswith("streamer.handlers.") for function in topology.functions)


def _alarm(
    what: str, namespace: str, metric: str, dimensions: dict[str, Any], *, statistic: str = "Sum", threshold: int = 1
) -> dict[str, Any]:
    properties = {
        "AlarmDescription": sub(f"${{AWS::StackName}}: {what}"),
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "Statistic": statistic,
        "Period": PERIOD_SECONDS,
        **_condition(threshold),
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def _condition(threshold: int) -> dict[str, Any]:
    return {
        "EvaluationPeriods": 1,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        # No traffic is no fault.
        "TreatMissingData": "notBreaching",
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
