"""Event source mappings from stream to function, over fakes."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_fakes import (
    ARN,
    FAILED,
    FAST,
    FakeApi,
    FakeDestinations,
    FakeFunctions,
    FakeShard,
    mapping,
    sequence_numbers,
    topology,
)

from emulator.event_sources.streams.batching import Rules
from emulator.event_sources.streams.checkpoints import ENDED, Checkpoint, Checkpoints, MappingCheckpoint
from emulator.event_sources.streams.endpoint import Page
from emulator.event_sources.streams.filters import Filter
from emulator.event_sources.streams.mapping import EventSourceMappings
from emulator.event_sources.streams.poller import PolledSource
from emulator.event_sources.streams.processor import ShardProcessor, Work
from emulator.event_sources.streams.source import RawRecord
from emulator.foundation.recording import Recording
from emulator.functions.outcome import Outcome, Refused, Returned
from streamer.errors import ConfigurationError, TopologyError
from streamer.testing import FakeClock
from streamer.topology import EventSourceMapping

NOW = 1_000_000_000.0


def mappings(
    api: FakeApi,
    functions: FakeFunctions,
    *declared: EventSourceMapping,
    destinations: FakeDestinations | None = None,
    stop_seconds: float = 5.0,
    checkpoints: Checkpoints | None = None,
    clock: Callable[[], float] = lambda: NOW,
    retry_seconds: tuple[float, ...] = (0.0,),
) -> EventSourceMappings:
    return EventSourceMappings(
        topology(*(declared or (mapping(),))),
        functions,
        PolledSource(api, pace=FAST, clock=lambda: NOW),
        destinations or FakeDestinations(),
        clock,
        retry_seconds=retry_seconds,
        destination_seconds=(0.0, 0.0),
        stop_seconds=stop_seconds,
        checkpoints=checkpoints,
    )


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records]


async def test_records_reach_the_function() -> None:
    api, functions = FakeApi(s={}), FakeFunctions()

    async with mappings(api, functions):
        api.write(1, 2)
        await functions.until(lambda: functions.seen == [1, 2])

    assert functions.invocations[0][0]["eventSourceARN"] == ARN


async def test_filtered_records_never_reach_the_function_and_do_not_stop_the_rest() -> None:
    api, functions = FakeApi(s={}), FakeFunctions()
    wanted = mapping(filters=({"dynamodb": {"Keys": {"id": {"S": ["b"]}}}},))
    api.write(1, item="a")
    api.write(2, item="b")
    api.write(3, item="a")
    api.write(4, item="b")

    async with mappings(api, functions, wanted):
        await functions.until(lambda: functions.seen == [2, 4])


async def test_a_failing_batch_is_retried_before_what_comes_after_it(caplog: pytest.LogCaptureFixture) -> None:
    failures: list[Outcome] = [FAILED, Refused(500, "ServiceException", "no room")]
    outcomes = itertools.chain(failures, itertools.repeat(Returned(b"null", "r")))
    api, functions = FakeApi(s={}), FakeFunctions(lambda _: next(outcomes))
    api.write(1, 2)

    async with mappings(api, functions, mapping(batch_size=1)):
        await functions.until(lambda: 2 in functions.seen)

    assert functions.seen == [1, 1, 1, 2]
    assert [vars(each)["fields"]["reason"] for each in caplog.records] == [
        "Unhandled: boom",
        "ServiceException: no room",
    ]


@pytest.mark.parametrize("jump_seconds", [3 * 86_400.0, -3600.0], ids=["it slept for days", "it is set back"])
async def test_a_batch_is_tried_again_in_time_whatever_the_clock_does_meanwhile(jump_seconds: float) -> None:
    clock = FakeClock(NOW)

    def answer(_: object) -> Outcome:
        asyncio.get_running_loop().call_soon(clock.advance, jump_seconds)
        return FAILED if len(functions.invocations) < 3 else Returned(b"null", "r")

    api, functions, given_up = FakeApi(s={}), FakeFunctions(answer), FakeDestinations()
    api.write(1)
    limited = mapping(maximum_record_age_seconds=60, on_failure="dead-letters")

    async with mappings(api, functions, limited, destinations=given_up, clock=clock, retry_seconds=(0.01,)):
        await functions.until(lambda: functions.seen == [1, 1, 1])

    assert given_up.sent == []


async def test_an_error_of_ours_while_invoking_loses_no_record(caplog: pytest.LogCaptureFixture) -> None:
    def answer(_: object) -> Outcome:
        if len(functions.invocations) == 1:
            raise RuntimeError("bug")
        return Returned(b"null", "r")

    api, functions = FakeApi(s={}), FakeFunctions(answer)
    api.write(1)

    async with mappings(api, functions):
        await functions.until(lambda: functions.seen == [1, 1])

    assert "invoking a function failed" in messages(caplog)


async def test_poison_goes_to_the_destination_and_the_rest_goes_on() -> None:
    api, destinations = FakeApi(s={}), FakeDestinations(failures=1)
    functions = FakeFunctions(lambda records: FAILED if 2 in sequence_numbers(records) else Returned(b"null", "r"))
    api.write(1, 2, 3)
    careful = mapping(maximum_retry_attempts=1, bisect_on_error=True, on_failure="dead-letters")

    async with mappings(api, functions, careful, destinations=destinations):
        await functions.until(lambda: 3 in functions.seen and functions.seen[-1] == 3)
        async with asyncio.timeout(60):
            await destinations.arrived.wait()

    ((queue, document),) = destinations.sent
    assert queue == "dead-letters"
    assert document["requestContext"]["functionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:processor"
    assert document["DDBStreamBatchInfo"]["shardId"] == "s"
    assert document["DDBStreamBatchInfo"]["startSequenceNumber"] == "2"
    assert document["DDBStreamBatchInfo"]["batchSize"] == 1


async def test_a_document_that_cannot_be_delivered_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    api = FakeApi(s={})
    functions = FakeFunctions(lambda records: FAILED if 1 in sequence_numbers(records) else Returned(b"null", "r"))
    api.write(1, 2)
    settings = mapping(maximum_retry_attempts=0, batch_size=1, on_failure="dead-letters")

    async with mappings(api, functions, settings, destinations=FakeDestinations(failures=9)):
        await functions.until(lambda: functions.seen == [1, 2])

    (lost,) = [r for r in caplog.records if r.message == "a document could not be delivered"]
    assert vars(lost)["fields"]["document"]["DDBStreamBatchInfo"]["startSequenceNumber"] == "1"


async def test_an_error_of_ours_while_delivering_a_document_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeDestinations):
        async def send(self, queue_name: str, document: Mapping[str, Any]) -> None:
            raise ZeroDivisionError

    api = FakeApi(s={})
    functions = FakeFunctions(lambda records: FAILED if 1 in sequence_numbers(records) else Returned(b"null", "r"))
    api.write(1, 2)
    settings = mapping(maximum_retry_attempts=0, batch_size=1, on_failure="dead-letters")

    async with mappings(api, functions, settings, destinations=Broken()):
        await functions.until(lambda: functions.seen == [1, 2])

    assert "a document could not be delivered" in messages(caplog)


async def test_an_error_of_ours_while_reading_ends_nothing_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeApi):
        reads = 0

        async def records(self, iterator: str) -> Page:
            self.reads += 1
            if self.reads in (1, 2):
                raise ZeroDivisionError
            return await super().records(iterator)

    api, functions = Broken(s={}), FakeFunctions()
    api.write(1, 2)

    async with mappings(api, functions):
        await functions.until(lambda: functions.seen == [1, 2])

    assert messages(caplog).count("a stream cannot be read, which is tried again") == 1


async def test_children_wait_until_their_parents_records_are_processed() -> None:
    hold = asyncio.Event()

    async def answer(records: list[RawRecord]) -> Outcome:
        if sequence_numbers(records) == [1]:
            await hold.wait()
        return Returned(b"null", "r")

    api = FakeApi(child={"parent": "parent"}, parent={"closed": True}, other={})
    functions = FakeFunctions(answer)
    api.write(1, shard="parent")
    api.write(2, shard="child")
    api.write(3, shard="other")

    async with mappings(api, functions):
        await functions.until(lambda: set(functions.seen) == {1, 3})
        hold.set()
        await functions.until(lambda: 2 in functions.seen)


async def test_shards_that_appear_while_running_are_processed() -> None:
    api, functions = FakeApi(s={}), FakeFunctions()

    async with mappings(api, functions, mapping(starting_position="LATEST")):
        api.all["s"].closed = True
        api.all["child"] = FakeShard(parent="s")
        api.write(1, shard="child")
        await functions.until(lambda: functions.seen == [1])


async def test_a_blocked_partition_key_does_not_hold_up_those_of_other_lanes() -> None:
    hold = asyncio.Event()

    async def answer(records: list[RawRecord]) -> Outcome:
        if records[0]["dynamodb"]["Keys"]["id"]["S"] == "blocked":
            await hold.wait()
        return Returned(b"null", "r")

    api, functions = FakeApi(s={}), FakeFunctions(answer)
    api.write(1, 2, item="blocked")
    for number in range(3, 30):
        api.write(number, item=str(number))

    async with mappings(api, functions, mapping(parallelization_factor=10, batch_size=1)):
        await functions.until(lambda: len(functions.seen) > 20)
        assert 2 not in functions.seen
        hold.set()
        await functions.until(lambda: 2 in functions.seen)


async def test_one_invocation_at_a_time_without_a_parallelization_factor() -> None:
    running = most = 0

    async def answer(_: object) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return Returned(b"null", "r")

    api, functions = FakeApi(s={}), FakeFunctions(answer)
    api.write(*range(50))

    async with mappings(api, functions, mapping(batch_size=2)):
        await functions.until(lambda: len(functions.seen) == 50)

    assert most == 1


async def test_reading_stops_while_the_function_lags() -> None:
    hold = asyncio.Event()

    async def answer(_: object) -> Outcome:
        await hold.wait()
        return Returned(b"null", "r")

    api, functions = FakeApi(s={}), FakeFunctions(answer)
    api.page_records = 10
    api.write(*range(500))
    pages = []
    api.on_records = lambda: pages.append(1)

    async with mappings(api, functions, mapping(batch_size=10)):
        await functions.until(lambda: functions.seen)
        for _ in range(100):
            await asyncio.sleep(0)
        read_while_blocked = len(pages)
        hold.set()
        await functions.until(lambda: len(functions.seen) == 500)

    assert read_while_blocked <= 4
    assert functions.seen == list(range(500))


# status


async def test_status_follows_the_mapping() -> None:
    results = []

    def answer(_: object) -> Outcome:
        results.append(running.statuses[0].last_processing_result)
        return FAILED if len(results) == 1 else Returned(b"null", "r")

    api, functions = FakeApi(s={}), FakeFunctions(answer)
    api.write(1, 2)

    async with mappings(api, functions, mapping(batch_size=1)) as running:
        await functions.until(lambda: len(results) == 3)
        status = running.statuses[0]

    assert results == ["No records processed", "PROBLEM: Function call failed", "OK"]
    assert status.state == "Enabled"
    assert status.stream_arn == ARN
    assert running.statuses[0].state == "Disabled"


# refusals


def test_the_same_stream_and_function_twice_is_a_conflict() -> None:
    with pytest.raises(TopologyError, match="twice"):
        mappings(FakeApi(s={}), FakeFunctions(), mapping(), mapping(batch_size=1))


def test_a_bad_filter_is_refused_at_once() -> None:
    with pytest.raises(TopologyError, match=r"^Invalid filter pattern definition\."):
        mappings(FakeApi(s={}), FakeFunctions(), mapping(filters=({"a": "b"},)))


# stopping


async def test_a_function_that_runs_may_finish_when_the_mappings_stop() -> None:
    started, finished = asyncio.Event(), []

    async def answer(records: list[RawRecord]) -> Outcome:
        started.set()
        for _ in range(5):
            await asyncio.sleep(0)
        finished.extend(sequence_numbers(records))
        return Returned(b"null", "r")

    api, functions = FakeApi(s={}), FakeFunctions(answer)
    api.write(1)

    async with mappings(api, functions):
        await started.wait()

    assert finished == [1]


async def test_a_function_that_does_not_finish_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    api, functions = FakeApi(s={}), FakeFunctions(lambda _: asyncio.Future())
    api.write(1)

    async with mappings(api, functions, stop_seconds=0.01):
        await functions.until(lambda: functions.seen == [1])

    assert "stopped while a function was working on stream records" in messages(caplog)


# checkpoints


def saved(checkpoints: Checkpoints, of: EventSourceMapping | None = None) -> MappingCheckpoint:
    found = checkpoints.of(of or mapping())
    assert found is not None
    return found


def checkpoint(checkpoints: Checkpoints, shard_id: str = "s", of: EventSourceMapping | None = None) -> Checkpoint:
    return saved(checkpoints, of).shards[shard_id]


async def test_what_is_done_given_up_or_filtered_out_is_behind_the_checkpoint() -> None:
    wanted = mapping(
        batch_size=1, maximum_retry_attempts=0, filters=({"dynamodb": {"Keys": {"id": {"S": ["a", "poison"]}}}},)
    )
    api, checkpoints = FakeApi(s={}), Checkpoints()
    functions = FakeFunctions(lambda records: FAILED if 2 in sequence_numbers(records) else Returned(b"null", "r"))
    api.write(1, item="a")
    api.write(2, item="poison")
    api.write(3, item="a")
    api.write(4, item="b")

    async with mappings(api, functions, wanted, checkpoints=checkpoints):
        await functions.until(lambda: 3 in functions.seen)

    assert checkpoint(checkpoints, of=wanted) == Checkpoint(after="4")


@pytest.mark.parametrize(
    ("settings", "answer", "after"),
    [
        pytest.param({}, lambda _: FAILED, None, id="the batch fails"),
        pytest.param({"batch_size": 2}, lambda r: FAILED if 3 in r else Returned(b"", "r"), "2", id="the second does"),
        pytest.param(
            {"bisect_on_error": True}, lambda r: FAILED if 3 in r else Returned(b"", "r"), "2", id="it is bisected"
        ),
        pytest.param(
            {"report_batch_item_failures": True},
            lambda _: Returned(json.dumps({"batchItemFailures": [{"itemIdentifier": "4"}]}).encode(), "r"),
            "3",
            id="it reports one",
        ),
        pytest.param({}, lambda _: Refused(429, "TooManyRequestsException", ""), None, id="it is throttled"),
    ],
)
async def test_the_checkpoint_is_before_the_first_record_that_is_retried(
    settings: dict[str, Any], answer: Callable[[list[int]], Outcome], after: str | None
) -> None:
    api, checkpoints = FakeApi(s={}), Checkpoints()
    functions = FakeFunctions(lambda records: answer(sequence_numbers(records)))
    api.write(1, 2, 3, 4)

    async with mappings(api, functions, mapping(**settings), checkpoints=checkpoints):
        await functions.until(lambda: len(functions.invocations) > 8)

    assert checkpoint(checkpoints, of=mapping(**settings)) == Checkpoint(after=after)


async def test_the_checkpoint_is_before_what_a_function_did_not_finish() -> None:
    api, checkpoints = FakeApi(s={}), Checkpoints()
    functions = FakeFunctions(lambda r: asyncio.Future() if 2 in sequence_numbers(r) else Returned(b"", "r"))
    api.write(1, 2, 3)

    async with mappings(api, functions, mapping(batch_size=1), stop_seconds=0.01, checkpoints=checkpoints):
        await functions.until(lambda: 2 in functions.seen)

    assert checkpoint(checkpoints) == Checkpoint(after="1")


async def test_the_checkpoint_is_before_what_was_given_up_until_its_document_is_delivered() -> None:
    class Stuck(FakeDestinations):
        async def send(self, queue_name: str, document: Mapping[str, Any]) -> None:
            self.arrived.set()
            await asyncio.Event().wait()

    settings = mapping(batch_size=1, maximum_retry_attempts=0, on_failure="dead-letters")
    api, checkpoints, destinations = FakeApi(s={}), Checkpoints(), Stuck()
    functions = FakeFunctions(lambda r: FAILED if 2 in sequence_numbers(r) else Returned(b"", "r"))
    api.write(1, 2, 3)

    async with mappings(
        api, functions, settings, destinations=destinations, stop_seconds=0.01, checkpoints=checkpoints
    ):
        await destinations.arrived.wait()

    assert checkpoint(checkpoints) == Checkpoint(after="1")


async def test_a_slow_lane_holds_the_checkpoint_of_the_shard() -> None:
    parallel = mapping(parallelization_factor=10, batch_size=1)
    api, checkpoints = FakeApi(s={}), Checkpoints()
    functions = FakeFunctions(lambda r: FAILED if 5 in sequence_numbers(r) else Returned(b"", "r"))
    for number in range(1, 30):
        api.write(number, item=str(number))

    async with mappings(api, functions, parallel, checkpoints=checkpoints):
        await functions.until(lambda: {1, 2, 3, 4} < set(functions.seen) and max(functions.seen) > 20)

    assert checkpoint(checkpoints, of=parallel) == Checkpoint(after="4")


async def test_every_shard_has_its_checkpoint() -> None:
    api, checkpoints = FakeApi(parent={"closed": True}, child={"parent": "parent"}, other={}, blocked={}), Checkpoints()
    functions = FakeFunctions(lambda records: FAILED if 4 in sequence_numbers(records) else Returned(b"", "r"))
    for number, shard in enumerate(("parent", "child", "other", "blocked"), start=1):
        api.write(number, shard=shard)

    async with mappings(api, functions, checkpoints=checkpoints):
        await functions.until(lambda: {1, 2, 3, 4} <= set(functions.seen))

    assert saved(checkpoints).shards == {
        "parent": ENDED,
        "child": Checkpoint(after="2"),
        "other": Checkpoint(after="3"),
        "blocked": Checkpoint(),
    }


async def test_a_start_that_fails_keeps_the_checkpoints() -> None:
    api, checkpoints = FakeApi(s={}), Checkpoints()
    api.write(1)
    functions = FakeFunctions()
    async with mappings(api, functions, checkpoints=checkpoints):
        await functions.until(lambda: functions.seen == [1])
    api.arn = None

    with pytest.raises(ConfigurationError):
        await mappings(api, functions, checkpoints=checkpoints).__aenter__()

    assert checkpoint(checkpoints) == Checkpoint(after="1")


ANSWERS: dict[str, Callable[[list[int]], Outcome]] = {
    "done": lambda _: Returned(b"null", "r"),
    "failed": lambda _: FAILED,
    "throttled": lambda _: Refused(429, "TooManyRequestsException", ""),
    "reported": lambda numbers: Returned(
        json.dumps({"batchItemFailures": [{"itemIdentifier": str(numbers[-1])}]}).encode(), "r"
    ),
}


@given(
    runs=st.lists(
        st.tuples(st.lists(st.sampled_from(sorted(ANSWERS)), max_size=6), st.integers(0, 5)), min_size=1, max_size=4
    ),
    batch_size=st.integers(1, 4),
    lanes=st.sampled_from([1, 3]),
    bisects=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_restarts_lose_no_record_and_repeat_none_that_is_behind_the_checkpoint(
    runs: list[tuple[list[str], int]], batch_size: int, lanes: int, bisects: bool
) -> None:
    careful = mapping(
        batch_size=batch_size,
        parallelization_factor=lanes,
        bisect_on_error=bisects,
        report_batch_item_failures=True,
    )
    api, checkpoints, written = FakeApi(s={}), Checkpoints(), 0
    handled: set[int] = set()

    async def run(answers: list[str], count: int) -> None:
        nonlocal written
        before = checkpoints.of(careful)
        settled = int((before.shards["s"].after if before else None) or 0)
        for number in range(written + 1, written + count + 1):
            api.write(number, item=str(number))
        written += count
        script = iter(answers)

        def answer(records: list[RawRecord]) -> Outcome:
            numbers = sequence_numbers(records)
            outcome = ANSWERS[name := next(script, "failed")](numbers)
            handled.update({"done": numbers, "reported": numbers[:-1]}.get(name, ()))
            return outcome

        functions = FakeFunctions(answer)
        async with mappings(api, functions, careful, checkpoints=checkpoints):
            if settled < written:
                await functions.until(lambda: len(functions.invocations) > len(answers) or handled >= todo())
        assert all(number > settled for number in functions.seen)

    def todo() -> set[int]:
        return set(range(1, written + 1))

    async def all_runs() -> None:
        for answers, count in runs:
            await run(answers, count)
        await run(["done"] * (written + 1), 1)
        after = int(checkpoint(checkpoints, of=careful).after or 0)
        assert set(range(1, after + 1)) <= handled
        assert handled == todo()

    asyncio.run(all_runs())


async def test_an_error_inside_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(ValueError, match="mine"):
        async with mappings(FakeApi(s={}), FakeFunctions()):
            raise ValueError("mine")


async def test_no_task_is_left_behind() -> None:
    before = asyncio.all_tasks()
    api, functions = FakeApi(s={}, t={}), FakeFunctions(lambda _: FAILED)
    api.write(1)

    async with mappings(api, functions, mapping(parallelization_factor=3)):
        await functions.until(lambda: len(functions.seen) > 3)

    assert asyncio.all_tasks() == before


class Silent:
    """A shard to which nothing is written."""

    shard_id = "s"
    parent_ids = ()

    async def read(self) -> Sequence[RawRecord] | None:
        await asyncio.Event().wait()
        return None


async def test_a_shard_that_is_stopped_before_it_begins_ends_all_the_same() -> None:
    def never(*_: object) -> Any:
        raise AssertionError

    work = Work(
        function="f",
        source="items",
        shape=never,
        lanes=1,
        rules=Rules(),
        filter=Filter(()),
        functions=FakeFunctions(),
        give_up=never,
        note=never,
        clock=lambda: NOW,
        monotonic=lambda: 0.0,
        recording=Recording(),
    )
    processor = ShardProcessor(Silent(), work)
    processor.stop()

    async with asyncio.timeout(30):
        await processor.run()
