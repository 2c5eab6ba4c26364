from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer import Limits
from streamer.errors import ConfigurationError
from streamer.limits import Buckets


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"messages_per_second_per_user": 0}, id="nothing"),
        pytest.param({"messages_per_second_per_connection": -1.0}, id="negative"),
        pytest.param({"messages_per_second_per_user": float("nan")}, id="not a number"),
        pytest.param({"concurrent_requests_per_user": 0}, id="no request"),
        pytest.param({"concurrent_requests_per_connection": 1001}, id="more than an item should hold"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_with_its_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(fields))):
        Limits(**fields)


def test_two_seconds_worth_may_come_at_once_and_then_the_rate() -> None:
    buckets = Buckets()

    assert [buckets.take("c", 2.0, now=0) for _ in range(5)] == [None, None, None, None, 0.5]
    assert buckets.take("c", 2.0, now=0.5) is None
    assert buckets.take("c", 2.0, now=0.5) == 0.5


def test_a_rate_below_one_lets_one_message_through() -> None:
    buckets = Buckets()

    assert buckets.take("c", 0.1, now=0) is None
    assert buckets.take("c", 0.1, now=0) == pytest.approx(10)


def test_names_have_buckets_of_their_own() -> None:
    buckets = Buckets()
    buckets.take("one", 0.5, now=0)

    assert buckets.take("other", 0.5, now=0) is None


def test_only_so_many_are_remembered() -> None:
    buckets = Buckets(capacity=2)
    for name in ("a", "b", "a", "c"):
        buckets.take(name, 0.5, now=0)

    assert buckets.take("a", 0.5, now=0) is not None
    assert buckets.take("b", 0.5, now=0) is None


@given(rate=st.floats(0.1, 1000), pauses=st.lists(st.floats(0, 5), max_size=200))
def test_no_client_gets_more_than_its_rate_and_the_burst(rate: float, pauses: list[float]) -> None:
    buckets, now, passed = Buckets(), 0.0, 0
    for pause in pauses:
        now += pause
        passed += buckets.take("c", rate, now=now) is None

    assert passed <= max(1.0, 2 * rate) + now * rate + 1e-6


@given(rate=st.floats(0.1, 1000))
def test_who_waits_as_long_as_told_gets_through(rate: float) -> None:
    buckets, now = Buckets(), 0.0
    while (wait := buckets.take("c", rate, now=now)) is None:
        pass

    assert buckets.take("c", rate, now=now + wait + 1e-9) is None
