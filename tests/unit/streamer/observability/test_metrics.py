from __future__ import annotations

import io
import json
import math
import threading
from typing import Any

import pytest
from jsonschema import Draft7Validator

from streamer.observability import CATALOG, CONNECTION_DURATION, CONNECTION_ESTABLISHED, Metric, Metrics
from streamer.observability.metrics import GROUPS, VALUES

NOW = 1_767_268_800.345

# The published schema of the format, in own words. [DOC] AmazonCloudWatch: EMF specification
EMF_SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": {"type": "string", "minLength": 1, "maxLength": 1024},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {"type": "array", "maxItems": 30, "items": {"type": "string", "minLength": 1}},
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "properties": {
                                        "Name": {"type": "string", "minLength": 1, "maxLength": 1024},
                                        "Unit": {"enum": ["Count", "Seconds", "Milliseconds", "Bytes", "Percent"]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}


class Emitted:
    """Metrics and the documents they wrote, each checked against the format."""

    def __init__(self, **dimensions: str) -> None:
        self.stream = io.StringIO()
        self.metrics = Metrics(dimensions=dimensions, stream=self.stream, clock=lambda: NOW)

    def flushed(self, **properties: Any) -> list[dict[str, Any]]:
        self.metrics.flush(**properties)
        documents = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        for document in documents:
            Draft7Validator(EMF_SCHEMA).validate(document)
            for directive in document["_aws"]["CloudWatchMetrics"]:
                for name in [metric["Name"] for metric in directive["Metrics"]]:
                    values = document[name] if isinstance(document[name], list) else [document[name]]
                    assert 1 <= len(values) <= 100
                    assert all(isinstance(value, int | float) for value in values)
                for name in directive["Dimensions"][0]:
                    assert isinstance(document[name], str)
        return documents


def count(values: Any) -> int:
    """How many values a document holds for a metric."""
    return len(values) if isinstance(values, list) else 1


def test_metrics_with_the_same_dimensions_share_a_document() -> None:
    emitted = Emitted(Service="shop", Stage="dev")
    emitted.metrics.count(CONNECTION_ESTABLISHED)
    emitted.metrics.put(CONNECTION_DURATION, 603.9)

    assert emitted.flushed(request_id="r") == [
        {
            "_aws": {
                "Timestamp": 1_767_268_800_345,
                "CloudWatchMetrics": [
                    {
                        "Namespace": "Streamer",
                        "Dimensions": [["Service", "Stage"]],
                        "Metrics": [
                            {"Name": "ConnectionEstablished", "Unit": "Count"},
                            {"Name": "ConnectionDuration", "Unit": "Seconds"},
                        ],
                    }
                ],
            },
            "request_id": "r",
            "Service": "shop",
            "Stage": "dev",
            "ConnectionEstablished": 1,
            "ConnectionDuration": 603.9,
        }
    ]


def test_each_action_has_a_document_with_count_latency_and_errors() -> None:
    emitted = Emitted(Stage="dev")
    emitted.metrics.action("echo", latency_seconds=0.0042, failed=False)
    emitted.metrics.action("fail", latency_seconds=1.5, failed=True)

    echo, fail = emitted.flushed()
    assert (echo["Action"], echo["ActionCount"], echo["ActionLatency"], echo["ActionErrors"]) == ("echo", 1, 4.2, 0)
    assert (fail["Action"], fail["ActionCount"], fail["ActionLatency"], fail["ActionErrors"]) == ("fail", 1, 1500, 1)
    assert echo["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Stage", "Action"]]


def test_several_values_of_a_metric_become_a_list() -> None:
    emitted = Emitted()
    for seconds in (1, 2, 3):
        emitted.metrics.put(CONNECTION_DURATION, seconds)

    assert emitted.flushed()[0]["ConnectionDuration"] == [1, 2, 3]


def test_nothing_recorded_writes_nothing() -> None:
    emitted = Emitted()

    assert emitted.flushed() == []


def test_a_second_flush_writes_nothing_again() -> None:
    emitted = Emitted()
    emitted.metrics.count(CONNECTION_ESTABLISHED)
    emitted.metrics.flush()

    assert len(emitted.flushed()) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_cloudwatch_refuses_is_refused_here(value: float) -> None:
    with pytest.raises(ValueError, match="ConnectionDuration"):
        Emitted().metrics.put(CONNECTION_DURATION, value)


def test_dimensions_other_than_declared_are_refused_since_no_alarm_would_see_them() -> None:
    with pytest.raises(ValueError, match="dimensions"):
        Emitted().metrics.count(CONNECTION_ESTABLISHED, Action="echo")


def test_properties_cannot_break_the_document() -> None:
    emitted = Emitted(Stage="dev")
    emitted.metrics.count(CONNECTION_ESTABLISHED)

    (document,) = emitted.flushed(_aws="x", Stage=1, ConnectionEstablished="many", other=math.nan, token="abc")
    assert (document["Stage"], document["ConnectionEstablished"]) == ("dev", 1)
    assert (document["other"], document["token"]) == ("nan", "[redacted]")


def test_a_long_batch_is_written_in_documents_of_the_allowed_size() -> None:
    emitted = Emitted()
    for _ in range(VALUES * 2 + 1):
        emitted.metrics.count(CONNECTION_ESTABLISHED)

    assert sum(count(document["ConnectionEstablished"]) for document in emitted.flushed()) == VALUES * 2 + 1


def test_many_actions_are_written_before_they_pile_up() -> None:
    emitted = Emitted()
    for number in range(GROUPS):
        emitted.metrics.action(f"a{number}", latency_seconds=0, failed=False)

    assert emitted.stream.getvalue()
    assert sum(document.get("ActionCount", 0) for document in emitted.flushed()) == GROUPS


def test_threads_lose_no_value() -> None:
    emitted = Emitted()

    def emit() -> None:
        for _ in range(250):
            emitted.metrics.count(CONNECTION_ESTABLISHED)

    threads = [threading.Thread(target=emit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(count(document["ConnectionEstablished"]) for document in emitted.flushed()) == 2000


def test_by_default_documents_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics()
    metrics.count(Metric("Sold"))
    metrics.flush()

    assert json.loads(capsys.readouterr().out)["Sold"] == 1


def test_names_in_the_catalogue_are_unique() -> None:
    assert len({metric.name for metric in CATALOG}) == len(CATALOG)
