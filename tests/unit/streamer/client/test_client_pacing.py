"""When a lost connection is tried for again: the pauses, computed without waiting for any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.client.link import RESTARTING_SECONDS, Pacing, Reconnect

POLICY = Reconnect(base_seconds=0.25, most_seconds=20)


def longest_pauses(code: int | None, count: int, *, lived: float = 3600.0) -> list[float]:
    """The longest that each of so many pauses can be, after a connection that lived for so long; each is waited for."""
    pacing = Pacing(POLICY)
    now = lived
    pacing.lost(code, began=0.0, now=now)
    pauses = []
    for _ in range(count):
        pauses.append(pacing.pause_seconds(1.0, now=now))
        now += pauses[-1]
    return pauses


@pytest.mark.parametrize(
    ("code", "most"),
    [
        pytest.param(1001, 1.0, id="going away"),
        pytest.param(1012, 1.0, id="service restart"),
        pytest.param(None, 20.0, id="broken off"),
        pytest.param(1011, 20.0, id="internal error"),
        pytest.param(1000, 20.0, id="closed by @connections"),
    ],
)
def test_a_service_that_goes_away_in_order_is_looked_for_each_second(code: int | None, most: float) -> None:
    pauses = longest_pauses(code, 12)

    assert pauses[:3] == [0.25, 0.5, 1.0]
    assert pauses[8:] == [most] * 4


def test_a_service_that_is_not_back_within_a_minute_is_given_time() -> None:
    pauses = longest_pauses(1001, 80)

    assert sum(pauses[:60]) < RESTARTING_SECONDS
    assert pauses[-1] == 20.0


def test_the_policy_may_ask_for_shorter_pauses() -> None:
    policy = Reconnect(base_seconds=0.01, most_seconds=0.02)

    assert policy.wait_seconds(9, 1.0, is_restarting=True) == 0.02


@given(st.lists(st.tuples(st.sampled_from([1001, 1012, None]), st.floats(0, 9.9), st.integers(0, 5)), max_size=60))
def test_a_service_that_hangs_up_soon_is_not_pressed_however_it_does_it(
    losses: list[tuple[int | None, float, int]],
) -> None:
    pacing = Pacing(POLICY)
    now, attempts = 100.0, 0
    pacing.lost(1001, began=0.0, now=now)
    ends_at = now + RESTARTING_SECONDS
    for code, lived, refusals in losses:
        for _ in range(refusals + 1):
            pause = pacing.pause_seconds(1.0, now=now)
            assert pause == min(1.0 if now < ends_at else 20.0, 0.25 * 2**attempts)
            now, attempts = now + pause, attempts + 1
        pacing.lost(code, began=now, now=now + lived)
        now += lived


def test_a_connection_that_lived_begins_anew() -> None:
    pacing = Pacing(POLICY)
    pacing.lost(None, began=0.0, now=100.0)
    assert [pacing.pause_seconds(1.0, now=100.0) for _ in range(8)][-1] == 20.0
    pacing.lost(1001, began=200.0, now=210.0)

    assert [pacing.pause_seconds(1.0, now=210.0) for _ in range(4)] == [0.25, 0.5, 1.0, 1.0]
