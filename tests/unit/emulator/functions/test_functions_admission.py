from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.functions.admission import (
    AT_ONCE,
    ENDLESS_SECONDS,
    LATE_SECONDS,
    PATIENCE_SECONDS,
    RETRY_SECONDS,
    SLOW_START_SECONDS,
    STARVED_SECONDS,
    WAITING_BYTES,
    Limit,
    Load,
    bytes_held,
    environments_wanted,
)
from streamer.topology import Function


def load(**changes: float) -> Load:
    values: dict[str, float] = {
        "environments": 1,
        "starting": 0,
        "at_work": 1,
        "limit": 10,
        "waiting": 5,
        "waited_seconds": PATIENCE_SECONDS,
        "still_seconds": 0,
        "looked_seconds": PATIENCE_SECONDS,
        "busy_share": 0.1,
        "cores": 2,
        "has_space": True,
        "failed_seconds": math.inf,
    }
    return Load(**(values | changes))  # type: ignore[arg-type]


ASLEEP = {"environments": 2, "at_work": 0, "still_seconds": PATIENCE_SECONDS}


@pytest.mark.parametrize(
    ("situation", "wanted"),
    [
        pytest.param(load(environments=0, waited_seconds=0), 1, id="the first event starts the first environment"),
        pytest.param(load(waiting=0), 0, id="nothing waits"),
        pytest.param(load(waiting=1, starting=1), 0, id="one is starting for the one that waits"),
        pytest.param(load(waited_seconds=0), 1, id="an event that comes while the only one is busy"),
        pytest.param(load(waited_seconds=0, has_space=False), 0, id="the same, but many others have something to do"),
        pytest.param(load(has_space=False), 0, id="it waited, and many others have something to do"),
        pytest.param(load(waited_seconds=0, environments=2), 0, id="one of several may be free at once"),
        pytest.param(load(environments=3), 1, id="they compute, or wait for what they sent"),
        pytest.param(load(environments=4), 0, id="they compute, and there are two for each core"),
        pytest.param(load(environments=2, busy_share=0.9), 0, id="they compute, and so does the emulator"),
        pytest.param(load(environments=2, has_space=False), 0, id="they compute, and so do many others"),
        pytest.param(load(**ASLEEP), 5, id="all sleep"),
        pytest.param(load(**ASLEEP, has_space=False), 5, id="all sleep, and many others have something to do"),
        pytest.param(load(**ASLEEP, limit=3), 1, id="all sleep, up to the limit"),
        pytest.param(load(**ASLEEP, limit=2), 0, id="at the limit"),
        pytest.param(load(**ASLEEP, looked_seconds=LATE_SECONDS, has_space=False), 0, id="the machine stood still"),
        pytest.param(
            load(**ASLEEP | {"still_seconds": STARVED_SECONDS}, looked_seconds=LATE_SECONDS, busy_share=0.9),
            5,
            id="the look is late since the emulator is busy, and all sleep for long",
        ),
        pytest.param(load(**ASLEEP, starting=1), 0, id="one is about to be ready"),
        pytest.param(load(**ASLEEP, busy_share=0.9), 0, id="they may wait for the emulator"),
        pytest.param(load(**ASLEEP | {"still_seconds": STARVED_SECONDS}, busy_share=0.9), 5, id="they do not"),
        pytest.param(load(environments=4, still_seconds=ENDLESS_SECONDS - 1), 0, id="they compute for long"),
        pytest.param(load(environments=4, still_seconds=ENDLESS_SECONDS), 1, id="they compute for very long"),
        pytest.param(
            load(environments=1, starting=1, at_work=0, still_seconds=SLOW_START_SECONDS), 4, id="a start that waits"
        ),
        pytest.param(load(failed_seconds=RETRY_SECONDS - 0.1), 0, id="the machine had no room for another just now"),
        pytest.param(load(**ASLEEP, failed_seconds=RETRY_SECONDS - 0.1), 0, id="the same, and all sleep"),
        pytest.param(load(failed_seconds=RETRY_SECONDS), 1, id="it had none a while ago"),
        pytest.param(load(environments=0, failed_seconds=0), 1, id="it had no room just now, and there is none at all"),
        pytest.param(load(environments=1, starting=1, still_seconds=SLOW_START_SECONDS), 0, id="a start that computes"),
    ],
)
def test_environments_are_started_for_what_waits_and_the_machine_bears(situation: Load, wanted: int) -> None:
    assert environments_wanted(situation) == wanted


def test_over_its_reserved_concurrency_a_function_is_throttled() -> None:
    limit = Limit.of(Function(name="f", handler="a.b", reserved_concurrency=2), default=10)

    assert limit.refusal(running=1, waiting=0, waiting_bytes=0) is None
    refusal = limit.refusal(running=1, waiting=1, waiting_bytes=1)
    assert refusal is not None
    assert (refusal.status, refusal.error_type, refusal.message, refusal.reason) == (
        429,
        "TooManyRequestsException",
        "Rate Exceeded.",
        "ReservedFunctionConcurrentInvocationLimitExceeded",
    )


def test_a_reserved_concurrency_of_zero_switches_a_function_off() -> None:
    limit = Limit.of(Function(name="f", handler="a.b", reserved_concurrency=0), default=10)

    assert limit.refusal(running=0, waiting=0, waiting_bytes=0) is not None


def test_over_the_emulators_own_limit_events_wait_up_to_a_bound() -> None:
    limit = Limit.of(Function(name="f", handler="a.b"), default=10)

    assert limit.refusal(running=10, waiting=10**6, waiting_bytes=WAITING_BYTES - 1) is None
    refusal = limit.refusal(running=10, waiting=1, waiting_bytes=WAITING_BYTES)
    assert refusal is not None
    assert refusal.reason == "ConcurrentInvocationLimitExceeded"


def test_fifty_thousand_clients_that_leave_at_once_each_have_their_disconnect() -> None:
    assert 50_000 * bytes_held(b"." * 1000) < WAITING_BYTES / 2


@given(
    environments=st.integers(AT_ONCE, 12),
    starting=st.integers(0, 2),
    waiting=st.integers(1, 50),
    still=st.floats(0, ENDLESS_SECONDS, exclude_max=True),
    space=st.booleans(),
)
def test_an_event_that_has_just_come_starts_none_where_there_are_several(
    environments: int, starting: int, waiting: int, still: float, space: bool
) -> None:
    came = {"waited_seconds": still, "still_seconds": still, "busy_share": 1.0, "has_space": space}

    assert environments_wanted(load(environments=environments, starting=starting, waiting=waiting, **came)) == 0
