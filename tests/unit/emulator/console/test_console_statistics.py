"""Numbers of functions, and their environments over time, out of records."""

from __future__ import annotations

import pytest
from console_records import SECOND_NS, World
from hypothesis import given
from hypothesis import strategies as st

from emulator.console.statistics import LANE_SECONDS, by_function, lanes, percentile, summary


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([3.0], 0.5, 3.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0), ([4.0, 1.0, 3.0, 2.0], 0.95, 4.0)],
    ids=["none", "one", "half", "most"],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[float], share: float, expected: float | None) -> None:
    assert percentile(values, share) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_no_smaller_value_covers_the_share(values: list[float], share: float) -> None:
    found = percentile(values, share)

    assert found is not None
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert sum(value < found for value in values) < share * len(values)


def test_runs_are_counted_by_what_came_of_them() -> None:
    world = World()
    world.runs({}, ms=10, init_ms=120.0)
    world.runs({}, ms=30, error={"errorType": "KeyError", "errorMessage": "'name'"}, memory_mb=64)
    world.runs({}, ms=20, function="other")

    told = summary(by_function(world.ring)["router"])

    assert (told["runs"], told["errors"], told["cold_starts"], told["throttles"]) == (2, 1, 1, 0)
    assert (told["p50"], told["p95"], told["init_p50"], told["memory_mb"]) == (10, 30, 120.0, 64)


def test_an_environment_is_a_lane_from_its_start_to_its_end() -> None:
    world = World()
    world.recorder.environment("router", 0, 77, "started")
    world.passes(100)
    world.recorder.environment("router", 0, 77, "ready")
    world.runs({}, ms=10)
    world.recorder.environment("router", 0, 77, "ended", "retired")
    world.recorder.environment("router", 0, 78, "started")
    world.runs({}, ms=10)

    first, second = lanes("router", world.ring, now_ns=world.now_ns)["lanes"]

    assert (first["pid"], first["ready"] - first["started"], first["why"], len(first["runs"])) == (
        77,
        100,
        "retired",
        1,
    )
    assert (second["pid"], second["ended"], len(second["runs"])) == (78, None, 1)


def test_what_ended_long_ago_is_no_lane() -> None:
    world = World()
    world.recorder.environment("router", 0, 77, "started")
    world.recorder.environment("router", 0, 77, "ended", "idle")

    later = world.now_ns + int((LANE_SECONDS + 1) * SECOND_NS)

    assert lanes("router", world.ring, now_ns=later)["lanes"] == []


@pytest.mark.parametrize(
    ("ends", "expected"),
    [([], 0), ([0.0], 1), ([0.0, 10.0], 1), ([0.0, 9.0], 2), ([0.0, 4.0, 8.0, 20.0], 3)],
    ids=["none", "one", "one after another", "overlapping", "three"],
)
def test_how_many_ran_at_once_is_counted(ends: list[float], expected: int) -> None:
    world = World()
    before = 0.0
    for end in ends:
        world.passes(end - before)
        world.runs({}, ms=10)
        before = end

    assert summary(by_function(world.ring)["router"])["at_once"] == expected
