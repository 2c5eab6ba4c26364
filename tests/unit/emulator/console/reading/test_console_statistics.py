"""Numbers of functions, and their environments over time, out of records."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from console_records import SECOND_NS, World
from hypothesis import given
from hypothesis import strategies as st

from emulator.console.reading.asked import Asked
from emulator.console.reading.book import Book
from emulator.console.reading.statistics import LANE_SECONDS, batches, by_function, lanes, percentile, summary
from emulator.foundation.recording import Change
from emulator.functions.outcome import EnvironmentNow, Failed, Returned


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
    world.recorder.environment("router", 0, 77, "retired", "the code changed")
    world.recorder.environment("router", 0, 78, "started")
    world.runs({}, ms=10)

    first, second = lanes("router", world.ring, now_ns=world.now_ns)["lanes"]

    assert (first["pid"], first["ready"] - first["started"], len(first["runs"])) == (77, 100, 1)
    assert (first["state"], first["end"], first["why"]) == ("ended", "retired", "the code changed")
    assert (second["pid"], second["ended"], len(second["runs"])) == (78, second["worked"], 1)  # it is not there now


def test_a_start_that_is_told_after_its_function_is_ready_is_of_the_same_lane() -> None:
    world = World()
    world.recorder.environment("router", 0, 77, "ready")
    world.recorder.environment("router", 0, 77, "started")
    world.runs({}, ms=10)

    (lane,) = lanes("router", world.ring, now_ns=world.now_ns)["lanes"]

    assert (lane["pid"], lane["started"] is None, len(lane["runs"])) == (77, False, 1)


def frozen(lane: dict[str, Any], begin: float) -> list[tuple[float, float]]:
    return [(round(each["begin"] - begin), round(each["end"] - begin)) for each in lane["frozen"]]


def test_an_environment_is_frozen_until_its_next_event_or_its_end() -> None:
    world = World()
    begin = world.now_ns / 1e6
    changes: tuple[Change, ...] = ("started", "ready", "frozen")
    for change in changes:
        world.recorder.environment("router", 0, 77, change)
    world.passes(100)
    world.runs({}, ms=10)
    world.recorder.environment("router", 0, 77, "frozen")
    world.passes(40)
    world.recorder.environment("router", 0, 77, "killed", "it exited")

    (lane,) = lanes("router", world.ring, now_ns=world.now_ns)["lanes"]

    assert frozen(lane, begin) == [(0, 90), (100, 140)]
    assert (lane["state"], lane["end"]) == ("ended", "killed")


@pytest.mark.parametrize(
    ("state", "seconds", "expected"),
    [("frozen", 0.3, [(0, 400)]), ("running", 0.3, [(0, 100)])],
    ids=["still frozen", "thawed for the event that runs"],
)
def test_what_an_environment_does_now_is_known_without_records(
    state: Literal["frozen", "running"], seconds: float, expected: list[tuple[float, float]]
) -> None:
    world = World()
    begin = world.now_ns / 1e6
    world.recorder.environment("router", 0, 77, "started")
    world.recorder.environment("router", 0, 77, "frozen")
    world.passes(400)
    now = [EnvironmentNow(number=0, pid=77, state=state, seconds=seconds)]

    (lane,) = lanes("router", world.ring, now_ns=world.now_ns, environments=now)["lanes"]

    assert (lane["state"], lane["seconds"], lane["ended"]) == (state, seconds, None)
    assert frozen(lane, begin) == expected


def test_an_environment_that_began_while_nothing_was_recorded_has_a_lane_of_its_own() -> None:
    world = World()
    world.recorder.environment("router", 0, 77, "started")
    world.runs({}, ms=10)
    now = [EnvironmentNow(number=0, pid=78, state="idle", seconds=1.0)]

    before, after = lanes("router", world.ring, now_ns=world.now_ns, environments=now)["lanes"]

    assert (before["pid"], before["state"], before["ended"]) == (77, "ended", before["worked"])
    assert (after["pid"], after["state"], after["started"]) == (78, "idle", None)


def test_what_ended_long_ago_is_no_lane() -> None:
    world = World()
    world.recorder.environment("router", 0, 77, "started")
    world.recorder.environment("router", 0, 77, "retired", "it had nothing to do")

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


def test_of_the_batches_of_a_mapping_the_last_error_is_told() -> None:
    world = World()
    mapping = ("processor", "orders")
    failed = Failed(b'{"errorType": "KeyError", "errorMessage": "\'cocoa\'"}', "r1", "KeyError")
    world.recorder.batch(mapping, ["1"], 1, failed, "")
    world.recorder.batch(mapping, ["1"], 2, failed, "RetryAttemptsExhausted")
    world.recorder.batch(mapping, ["2", "3"], 1, Returned(b"null", "r2"), "")

    told = batches(world.ring)[mapping]

    assert (told["batches"], told["records"], told["failed"], told["given_up"]) == (3, 4, 2, 1)
    assert (told["last_error"], told["end"]) == ("KeyError: 'cocoa'", "RetryAttemptsExhausted")


def test_the_last_so_many_that_have_a_line_are_so_many_lines() -> None:
    world = World()
    changes: tuple[Change, ...] = ("started", "ready", "frozen")
    for change in changes:
        world.recorder.environment("router", 0, 1, change)
    book = Book.of(world.ring)

    numbers = {
        lines: [each.number for each in book.page(Asked({"limit": "2", "lines": lines}, b""))().records]
        for lines in ("", "1")
    }

    assert numbers == {"": [2, 3], "1": [1, 2]}
