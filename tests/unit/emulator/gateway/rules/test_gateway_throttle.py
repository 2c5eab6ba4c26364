from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.gateway.rules.throttle import TokenBucket, bucket
from streamer.topology import Throttle


def test_a_burst_passes_and_then_the_rate() -> None:
    tokens = TokenBucket(Throttle(rate=2, burst=3))

    assert [tokens.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert [tokens.take(10.5), tokens.take(10.5)] == [True, False]


def test_tokens_never_exceed_the_burst() -> None:
    tokens = TokenBucket(Throttle(rate=100, burst=2))
    tokens.take(0.0)

    assert [tokens.take(1000.0) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("throttle", [Throttle(rate=0, burst=0), Throttle(rate=100, burst=0)])
def test_a_throttle_without_burst_refuses_everything(throttle: Throttle) -> None:
    tokens = TokenBucket(throttle)

    assert not any(tokens.take(float(now)) for now in range(10))


def test_no_throttle_is_no_bucket() -> None:
    assert bucket(None) is None


@given(
    st.lists(st.floats(0, 5, allow_nan=False), max_size=60),
    st.integers(0, 10),
    st.integers(0, 10),
)
@settings(max_examples=60)
def test_never_more_than_burst_plus_rate_times_time(gaps: list[float], rate: int, burst: int) -> None:
    tokens = TokenBucket(Throttle(rate=rate, burst=burst))
    now = passed = 0.0
    for gap in gaps:
        now += gap
        passed += tokens.take(now)

    assert passed <= burst + rate * now + 1e-6
