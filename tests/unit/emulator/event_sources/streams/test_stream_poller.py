"""Reading shards by polling: positions, expired iterators, errors, splits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import pytest
from stream_fakes import ARN, FAST, FakeApi, FakeShard, sequence_numbers

from emulator.event_sources.streams.checkpoints import ENDED, Checkpoint, MappingCheckpoint
from emulator.event_sources.streams.endpoint import StreamNotFoundError, StreamsApiError, TrimmedError
from emulator.event_sources.streams.poller import PolledSource
from emulator.event_sources.streams.source import Shard, Stream

BROKEN = StreamsApiError("InternalServerError")


async def read(shard: Shard) -> list[int] | None:
    async with asyncio.timeout(60):
        records = await shard.read()
        return None if records is None else sequence_numbers(records)


async def first_shard(stream: Stream) -> Shard:
    return await anext(stream.shards())


def source(api: FakeApi, now: float = 1_000_000_000.0) -> PolledSource:
    return PolledSource(api, pace=FAST, clock=lambda: now)


async def test_trim_horizon_reads_from_the_oldest_record() -> None:
    api = FakeApi(s={})
    api.write(1, 2)

    async with source(api).open("items", "TRIM_HORIZON") as stream:
        shard = await first_shard(stream)

        assert stream.arn == ARN
        assert await read(shard) == [1, 2]


async def test_latest_reads_only_what_is_written_after_opening() -> None:
    api = FakeApi(old={"closed": True}, s={"parent": "old"})
    api.write(1)

    async with source(api).open("items", "LATEST") as stream:
        api.write(2)
        shard = await first_shard(stream)

        assert shard.shard_id == "s"
        assert await read(shard) == [2]


async def test_an_expired_iterator_is_reopened_after_the_last_record_read() -> None:
    api = FakeApi(s={})
    api.write(1)
    async with source(api).open("items", "TRIM_HORIZON") as stream:
        shard = await first_shard(stream)
        await read(shard)
        api.valid.clear()
        api.write(2)

        assert await read(shard) == [2]
    assert api.opened[-1] == ("s", "AFTER_SEQUENCE_NUMBER", "1")


async def test_a_latest_iterator_that_expires_before_its_first_record_loses_nothing() -> None:
    api = FakeApi(s={})
    api.write(1, created_at=999_999_998.0)
    async with source(api, now=1_000_000_000.5).open("items", "LATEST") as stream:
        api.valid.clear()
        api.write(2, created_at=1_000_000_000.0)

        assert await read(await first_shard(stream)) == [2]


@pytest.mark.parametrize("errors", [1, 5])
async def test_errors_are_logged_and_tried_again(errors: int, caplog: pytest.LogCaptureFixture) -> None:
    api = FakeApi(s={})
    api.write(1)
    async with source(api).open("items", "TRIM_HORIZON") as stream:
        shard = await first_shard(stream)
        api.errors = [BROKEN] * errors

        assert await read(shard) == [1]
    warnings = [r for r in caplog.records if r.message == "reading a stream failed; trying again"]
    assert [vars(r)["fields"]["problem"] for r in warnings] == ["InternalServerError"] * errors


async def test_records_that_were_trimmed_unread_are_an_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    api = FakeApi(s={})
    api.write(7)
    async with source(api).open("items", "TRIM_HORIZON") as stream:
        shard = await first_shard(stream)
        api.errors = [TrimmedError("too old")]

        assert await read(shard) == [7]
    assert "ERROR" in {r.levelname for r in caplog.records}


async def test_a_closed_shard_ends_after_its_last_record() -> None:
    api = FakeApi(s={"closed": True})
    api.write(1)
    async with source(api).open("items", "TRIM_HORIZON") as stream:
        shard = await first_shard(stream)

        assert await read(shard) == [1]
        assert await read(shard) is None


async def test_shards_that_appear_later_are_read_from_their_first_record_even_with_latest() -> None:
    api = FakeApi(s={})
    async with source(api).open("items", "LATEST") as stream:
        shards = stream.shards()
        first = await anext(shards)
        api.all["child"] = FakeShard(parent="s")
        api.write(5, shard="child")
        api.errors = [BROKEN]

        async with asyncio.timeout(60):
            child = await anext(shards)

        assert (first.shard_id, child.shard_id, child.parent_ids) == ("s", "child", ("s",))
        assert await read(child) == [5]


async def test_opening_waits_for_an_endpoint_that_does_not_answer_yet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    api = FakeApi(s={})
    api.errors = [BROKEN, BROKEN]

    async with source(api).open("items", "TRIM_HORIZON") as stream:
        assert stream.arn == ARN


async def test_a_table_without_a_stream_cannot_be_opened() -> None:
    api = FakeApi(s={})
    api.arn = None

    with pytest.raises(StreamNotFoundError, match=r"^Stream not found"):
        async with source(api).open("items", "TRIM_HORIZON"):
            pass


# going on after a restart


def saved(shards: Mapping[str, Checkpoint], arn: str = ARN) -> MappingCheckpoint:
    return MappingCheckpoint(identity="mapping", stream_arn=arn, shards=shards)


@pytest.mark.parametrize("position", ["LATEST", "TRIM_HORIZON"])
async def test_a_mapping_goes_on_after_its_checkpoint_whatever_its_starting_position(position: str) -> None:
    api = FakeApi(s={})
    api.write(1, 2, 3)

    async with source(api).open("items", position, saved({"s": Checkpoint(after="2")})) as stream:
        assert await read(await first_shard(stream)) == [3]
        assert stream.checkpoints == {"s": Checkpoint(after="2")}


async def test_a_mapping_goes_on_with_shards_that_appeared_while_it_was_away_and_without_those_that_ended() -> None:
    api = FakeApi(old={"closed": True}, s={"closed": True, "parent": "old"}, child={"parent": "s"})
    api.write(1, shard="old")
    api.write(2, 3, shard="s")
    api.write(4, shard="child")

    gone = Checkpoint(after="0")
    before = saved({"old": ENDED, "s": Checkpoint(after="2"), "gone": gone})
    async with source(api).open("items", "LATEST", before) as stream:
        shards = stream.shards()
        rest, child = await anext(shards), await anext(shards)

        assert (await read(rest), await read(child)) == ([3], [4])
    assert set(stream.checkpoints) == {"old", "s", "child"}


async def test_a_mapping_at_latest_that_read_nothing_goes_on_from_when_it_was_created() -> None:
    api = FakeApi(closed={"closed": True}, s={})
    api.write(0, shard="closed")
    api.write(1, created_at=999_999_999.0)
    async with source(api).open("items", "LATEST") as stream:
        first = stream.checkpoints
    api.write(2)

    async with source(api, now=2_000_000_000.0).open("items", "LATEST", saved(first)) as stream:
        assert await read(await first_shard(stream)) == [2]


async def test_the_checkpoint_of_another_stream_does_not_count() -> None:
    api = FakeApi(s={})
    api.write(1, 2)

    async with source(api).open("items", "TRIM_HORIZON", saved({"s": Checkpoint(after="1")}, arn=ARN + "9")) as stream:
        assert await read(await first_shard(stream)) == [1, 2]


async def test_a_trimmed_checkpoint_goes_on_at_the_oldest_record(caplog: pytest.LogCaptureFixture) -> None:
    api = FakeApi(s={})
    api.write(7)
    async with source(api).open("items", "LATEST", saved({"s": Checkpoint(after="2")})) as stream:
        api.errors = [TrimmedError("too old")]

        assert await read(await first_shard(stream)) == [7]
    assert "a stream lost records before they were read" in [r.message for r in caplog.records]
