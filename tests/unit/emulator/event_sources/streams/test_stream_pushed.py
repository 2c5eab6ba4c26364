"""Reading a stream that the engine pushes: at once while we keep up, from the history when we lag."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_fakes import ARN, FAST, FakeApi, FakeShard, raw, sequence_numbers

from emulator.event_sources.streams.checkpoints import OLDEST, Checkpoint, MappingCheckpoint
from emulator.event_sources.streams.endpoint import StreamsApiError, TrimmedError
from emulator.event_sources.streams.pushed import PushedRecord, PushedShard, PushedSource
from emulator.event_sources.streams.source import Shard, Stream


@dataclass
class Pushed:
    content: Mapping[str, Any]


class FakeEngine:
    """Keeps a history, as far as it is asked to, and pushes."""

    def __init__(self) -> None:
        self.api = FakeApi(s={})
        self.listeners: list[Callable[[PushedRecord], None]] = []

    def subscribe(self, table_name: str, listener: Callable[[PushedRecord], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def write(self, *numbers: int) -> None:
        for number in numbers:
            self.api.write(number)
            for listener in self.listeners:
                listener(Pushed(raw(number)))

    def open(
        self, position: str = "LATEST", buffered_records: int = 10, saved: MappingCheckpoint | None = None
    ) -> AbstractAsyncContextManager[Stream]:
        source = PushedSource(self, self.api, pace=FAST, buffered_records=buffered_records)
        return source.open("items", position, saved)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the engine is driven step by step
        await asyncio.sleep(0)


async def pushed_shard(stream: Stream) -> PushedShard:
    shard = await anext(stream.shards())
    assert isinstance(shard, PushedShard)
    return shard


async def read_all(shard: Shard, count: int) -> list[int]:
    found: list[int] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            found += sequence_numbers(await shard.read() or ())
    return found


async def test_pushed_records_are_read_without_asking_the_history() -> None:
    engine = FakeEngine()
    engine.write(1)
    async with engine.open() as stream:
        shard = await anext(stream.shards())
        engine.write(2, 3)

        assert await read_all(shard, 2) == [2, 3]
    assert engine.api.opened == []


async def test_a_waiting_reader_is_woken() -> None:
    engine = FakeEngine()
    async with engine.open() as stream:
        shard = await anext(stream.shards())
        reading = asyncio.create_task(read_all(shard, 1))
        await asyncio.sleep(0)
        engine.write(1)

        assert await reading == [1]


async def test_trim_horizon_reads_the_history_first_and_then_what_is_pushed() -> None:
    engine = FakeEngine()
    engine.write(1, 2)
    async with engine.open("TRIM_HORIZON") as stream:
        shard = await pushed_shard(stream)
        engine.write(3)
        assert await read_all(shard, 3) == [1, 2, 3]
        reading = asyncio.create_task(read_all(shard, 1))
        await until(lambda: not shard.lags)
        engine.write(4)

        assert await reading == [4]
    assert len(engine.api.opened) == 1


async def test_a_mapping_that_lags_buffers_no_more_than_its_share_and_loses_nothing() -> None:
    engine = FakeEngine()
    total = 5_000
    async with engine.open() as stream:
        shard = await pushed_shard(stream)
        engine.write(*range(1, total + 1))

        assert shard.lags
        assert await read_all(shard, total) == list(range(1, total + 1))


async def test_a_record_written_while_the_history_is_asked_is_not_missed() -> None:
    engine = FakeEngine()
    written = iter(range(1, 4))
    engine.api.on_records = lambda: engine.write(*[n for n in [next(written, None)] if n])
    async with engine.open("TRIM_HORIZON") as stream:
        shard = await anext(stream.shards())

        assert await read_all(shard, 3) == [1, 2, 3]


@pytest.mark.parametrize("error", [StreamsApiError("broken"), TrimmedError("gone")], ids=["broken", "trimmed"])
async def test_errors_of_the_history_are_tried_again(error: StreamsApiError) -> None:
    engine = FakeEngine()
    engine.write(1)
    async with engine.open("TRIM_HORIZON") as stream:
        shard = await anext(stream.shards())
        engine.api.errors = [error]

        assert await read_all(shard, 1) == [1]


async def test_a_table_that_was_deleted_and_created_again_is_read_on() -> None:
    engine = FakeEngine()
    async with engine.open() as stream:
        shard = await anext(stream.shards())
        engine.write(1)
        assert await read_all(shard, 1) == [1]
        engine.api.arn = None
        engine.api.streams["arn:new"] = {"s": FakeShard()}
        engine.api.arn = "arn:new"
        numbers = range(10_001, 10_031)
        engine.write(*numbers)

        assert await read_all(shard, len(numbers)) == list(numbers)


async def test_a_table_that_is_created_again_while_a_mapping_lags_is_read_from_its_beginning() -> None:
    engine = FakeEngine()
    async with engine.open(buffered_records=2) as stream:
        shard = await anext(stream.shards())
        engine.write(1, 2, 3)
        assert await read_all(shard, 2) == [1, 2]
        engine.api.streams["arn:new"] = {"s": FakeShard()}
        engine.api.arn = "arn:new"
        engine.write(10_001, 10_002)

        assert await read_all(shard, 2) == [10_001, 10_002]
    # What its last stream was left at is no place in this one: DynamoDB calls it trimmed.
    assert engine.api.opened == [("s", "TRIM_HORIZON", None)]


@pytest.mark.parametrize("position", ["LATEST", "TRIM_HORIZON"])
async def test_a_mapping_goes_on_after_its_checkpoint_and_then_with_what_is_pushed(position: str) -> None:
    engine = FakeEngine()
    engine.write(1, 2, 3)
    saved = MappingCheckpoint(identity="mapping", stream_arn=ARN, shards={"s": Checkpoint(after="1")})
    async with engine.open(position, saved=saved) as stream:
        shard = await anext(stream.shards())
        engine.write(4)

        assert await read_all(shard, 3) == [2, 3, 4]
    assert stream.checkpoints == saved.shards


@pytest.mark.parametrize(
    ("written", "position", "checkpoint"),
    [
        pytest.param([1, 2], "TRIM_HORIZON", OLDEST, id="all that is there"),
        pytest.param([1, 2], "LATEST", Checkpoint(after="2"), id="what is written from now on"),
        pytest.param([], "LATEST", OLDEST, id="what is written from now on, where nothing is"),
    ],
)
async def test_where_a_new_mapping_begins_is_known_before_it_reads(
    written: list[int], position: str, checkpoint: Checkpoint
) -> None:
    engine = FakeEngine()
    engine.write(*written)

    async with engine.open(position) as stream:
        assert stream.checkpoints == {"s": checkpoint}


async def test_the_checkpoint_of_a_table_that_was_created_again_is_of_its_new_stream() -> None:
    engine = FakeEngine()
    async with engine.open() as stream:
        engine.api.arn = None
        gone = await stream.current_arn()
        engine.api.streams["arn:new"] = {"s": FakeShard()}
        engine.api.arn = "arn:new"
        engine.write(10_001, 10_002)

    assert (gone, await stream.current_arn()) == (None, "arn:new")
    # The last record of the old stream is before the first of the new one, all of which is left to do.
    saved = MappingCheckpoint(identity="mapping", stream_arn="arn:new", shards={"s": Checkpoint(after="7")})
    async with engine.open(saved=saved) as stream:
        assert await read_all(await anext(stream.shards()), 2) == [10_001, 10_002]


async def test_closing_unsubscribes() -> None:
    engine = FakeEngine()

    async with engine.open():
        assert len(engine.listeners) == 1

    assert engine.listeners == []


@given(steps=st.lists(st.one_of(st.integers(1, 12), st.just("read"), st.just("yield")), max_size=40), data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_record_is_read_exactly_once_and_in_order_however_pushes_and_reads_interleave(
    steps: list[int | str], data: st.DataObject
) -> None:
    position = data.draw(st.sampled_from(["LATEST", "TRIM_HORIZON"]))

    async def run() -> None:
        engine, written = FakeEngine(), 0
        found: list[int] = []
        engine.api.page_records = 3
        async with engine.open(position, buffered_records=5) as stream:
            shard = await anext(stream.shards())

            async def reader() -> None:
                while True:
                    found.extend(sequence_numbers(await shard.read() or ()))

            reading = None
            for step in steps:
                if step == "read" and reading is None:
                    reading = asyncio.create_task(reader())
                elif isinstance(step, int):
                    engine.write(*range(written + 1, written + step + 1))
                    written += step
                else:
                    await asyncio.sleep(0)
            reading = reading or asyncio.create_task(reader())
            async with asyncio.timeout(60):
                await until(lambda: len(found) == written)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        assert found == list(range(1, written + 1))

    asyncio.run(run())
