"""Shards: who takes a record, in what order it is read, and what splitting and merging keep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.services.kinesis.shards import HASH_KEYS, Shards, hash_key

NOW = 1_790_000_000.0
keys = st.text(min_size=1, max_size=20)


def test_sequence_numbers_have_awss_56_digits_and_ascend_into_the_children() -> None:
    shards = Shards(1, NOW)
    (parent,) = shards.all
    before = [parent.put(b"x", "k", NOW).number for _ in range(3)]
    shards.split(parent, HASH_KEYS // 2, NOW)
    after = [child.put(b"x", "k", NOW).number for child in shards.children(parent)]

    assert {len(str(number)) for number in before + after} == {56}
    assert before == sorted(before)
    assert max(before) < min(after)


@given(st.integers(1, 7), st.lists(st.integers(1, 9), max_size=4), keys)
def test_open_shards_always_cover_every_hash_key_once(count: int, sizes: list[int], key: str) -> None:
    shards = Shards(count, NOW)
    for size in sizes:
        shards.resize(size, NOW)

    opened = shards.open
    assert [each.first_key for each in opened] == [0, *(each.last_key + 1 for each in opened[:-1])]
    assert opened[-1].last_key == HASH_KEYS - 1
    assert len(opened) == (sizes[-1] if sizes else count)
    assert shards.of_key(hash_key(key)) in opened


def test_a_hash_key_is_the_md5_of_the_partition_key() -> None:
    assert hash_key("a") == int("0cc175b9c0f1b6a831c399e269772661", 16)


@pytest.mark.parametrize(
    ("after", "found"),
    [
        pytest.param(0, [b"0", b"1"], id="from the oldest"),
        pytest.param(1, [b"1", b"2"], id="after one"),
        pytest.param(4, [b"4"], id="the last"),
        pytest.param(5, [], id="after the last"),
    ],
)
def test_records_are_read_after_a_number(after: int, found: list[bytes]) -> None:
    (shard,) = Shards(1, NOW).all
    for number in range(5):
        shard.put(str(number).encode(), "k", NOW + number)

    assert [each.data for each in shard.after(shard.start + after if after else 0, 2)] == found


def test_what_is_too_old_is_gone_and_the_rest_is_read_on() -> None:
    shards = Shards(1, NOW)
    (shard,) = shards.all
    for number in range(5):
        shard.put(str(number).encode(), "k", NOW + number)
    shards.forget(NOW + 3)

    assert [each.data for each in shard.after(shard.start + 1, 10)] == [b"3", b"4"]
    assert shard.size_bytes == 2


def test_a_time_leads_to_the_first_record_that_is_not_older() -> None:
    (shard,) = Shards(1, NOW).all
    for number in range(3):
        shard.put(str(number).encode(), "k", NOW + number)

    assert [each.data for each in shard.after(shard.before(NOW + 1), 10)] == [b"1", b"2"]
    assert shard.before(NOW + 9) == shard.last


def test_a_shard_holds_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.services.kinesis.shards.KEPT_BYTES", 10)
    (shard,) = Shards(1, NOW).all
    for number in range(5):
        shard.put(b"%04d" % number, "k", NOW)

    assert [each.data for each in shard.records] == [b"0003", b"0004"]


def test_only_open_neighbours_are_merged_and_only_open_shards_split() -> None:
    shards = Shards(3, NOW)
    first, second, third = shards.all
    with pytest.raises(ValueError, match="not next to each other"):
        shards.merge(first, third, NOW)
    shards.merge(second, first, NOW)

    assert shards.all[-1].parents == (first.shard_id, second.shard_id)
    with pytest.raises(ValueError, match="is closed"):
        shards.split(first, 5, NOW)
    with pytest.raises(ValueError, match="not within"):
        shards.split(third, 5, NOW)
