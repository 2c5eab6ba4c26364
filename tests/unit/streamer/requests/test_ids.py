import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.requests.ids import RANDOM_BYTES, uuid7

TIMES = st.integers(0, (1 << 48) - 1)
NOISE = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


@given(TIMES, NOISE)
def test_it_is_a_uuid_of_version_7_that_carries_its_time(now_ms: int, noise: bytes) -> None:
    made = uuid.UUID(uuid7(now_ms, noise))

    assert str(made) == uuid7(now_ms, noise)
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == now_ms


@given(TIMES, TIMES, NOISE, NOISE)
def test_later_ids_sort_later(one_ms: int, other_ms: int, noise: bytes, more: bytes) -> None:
    if one_ms < other_ms:
        assert uuid7(one_ms, noise) < uuid7(other_ms, more)


@given(TIMES, NOISE, NOISE)
def test_74_of_the_random_bits_tell_ids_of_one_millisecond_apart(now_ms: int, one: bytes, other: bytes) -> None:
    def used(noise: bytes) -> tuple[int, int]:
        number = int.from_bytes(noise, "big")
        return number >> 68, number & ((1 << 62) - 1)

    assert (uuid7(now_ms, one) == uuid7(now_ms, other)) == (used(one) == used(other))


@pytest.mark.parametrize(
    ("now_ms", "noise"),
    [
        pytest.param(-1, bytes(10), id="before 1970"),
        pytest.param(1 << 48, bytes(10), id="after the year 10889"),
        pytest.param(0, bytes(9), id="too little noise"),
    ],
)
def test_what_does_not_fit_is_refused(now_ms: int, noise: bytes) -> None:
    with pytest.raises(ValueError, match=r"must fit|random bytes"):
        uuid7(now_ms, noise)
