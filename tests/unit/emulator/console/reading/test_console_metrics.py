"""Series of numbers out of what functions print in the Embedded Metric Format, and out of messages."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from console_records import SECOND_NS, World

from emulator.console.reading.metrics import BUCKETS, SECONDS, metrics
from emulator.gateway.rules.effects import Replied


def emf(value: Any, *, unit: str = "Milliseconds", **dimensions: str) -> str:
    directive = {
        "Namespace": "Shop",
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": "Took", "Unit": unit}],
    }
    return json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [directive]}, "Took": value, **dimensions})


def test_a_metric_is_one_series_for_each_of_its_dimensions() -> None:
    world = World()
    for value, stage in ((1, "dev"), (3, "dev"), (5, "prod")):
        world.recorder.line("router", "r1", emf(value, Stage=stage))

    dev, prod = metrics(world.ring, now_ns=world.now_ns)["metrics"]

    assert (dev["namespace"], dev["name"], dev["unit"], dev["dimensions"]) == (
        "Shop", "Took", "Milliseconds", {"Stage": "dev"},
    )  # fmt: skip
    assert (dev["count"], dev["sum"], dev["p50"], dev["p99"]) == (2, 4.0, 1.0, 3.0)
    assert prod["count"] == 1


def test_values_stand_where_they_were_in_time() -> None:
    world = World()
    world.recorder.line("router", "r1", emf([1, 2], Stage="dev"))

    (series,) = metrics(world.ring, now_ns=world.now_ns + (SECONDS - 1) * SECOND_NS)["metrics"]

    assert (len(series["sums"]), series["sums"][0], sum(series["counts"])) == (BUCKETS, 3.0, 2)
    assert metrics(world.ring, now_ns=world.now_ns + (SECONDS + 1) * SECOND_NS)["metrics"] == []


@pytest.mark.parametrize(
    "line",
    [
        '{"_aws": 1}',
        '{"_aws": {"CloudWatchMetrics": [1]}}',
        '{"_aws": {"CloudWatchMetrics": [{"Metrics": [{}]}]}}',
        emf("no number"),
        emf(True),
        emf(math.nan),
        emf([math.inf]),
        '{"_aws"',
    ],
)
def test_what_is_no_metric_is_none(line: str) -> None:
    world = World()
    world.recorder.line("router", "r1", line)

    told = metrics(world.ring, now_ns=world.now_ns)
    assert [each for each in told["metrics"] if each["count"]] == []
    assert json.dumps(told, allow_nan=False)


def test_actions_are_counted_with_the_errors_that_their_clients_were_told_of() -> None:
    world = World()
    for request in ("a", "b"):
        invoke = world.receives({"action": "greet", "id": request})
        world.passes(10)
        world.recorder.answered(invoke, Replied(b"{}"), [])
    root = world.runs({})
    world.posts(root, {"type": "error", "request_id": "b"})

    (told,) = metrics(world.ring, now_ns=world.now_ns)["actions"]

    assert (told["name"], told["count"], told["errors"], told["p50"]) == ("greet", 2, 1, 10.0)
