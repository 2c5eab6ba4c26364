"""Event source mappings from stream to function, over fakes."""

from __future__ import annotations

import asyncio

import pytest
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

from emulator.functions.outcome import Refused, Returned
from emulator.streams.mapping import EventSourceMappings
from emulator.streams.poller import PolledSource
from streamer.errors import TopologyError

NOW = 1_000_000_000.0


def mappings(api, functions, *declared, destinations=None, stop_seconds=5.0):
    return EventSourceMappings(
        topology(*(declared or (mapping(),))),
        functions,
        PolledSource(api, pace=FAST, clock=lambda: NOW),
        destinations or FakeDestinations(),
        lambda: NOW,
        retry_seconds=(0.0,),
        destination_seconds=(0.0, 0.0),
        stop_seconds=stop_seconds,
    )


def messages(caplog):
    return [record.message for record in caplog.records]


async def test_records_reach_the_function():
    api, functions = FakeApi(s={}), FakeFunctions()

    async with mappings(api, functions):
        api.write(1, 2)
        await functions.until(lambda: functions.seen == [1, 2])

    assert functions.invocations[0][0]["eventSourceARN"] == ARN


async def test_filtered_records_never_reach_the_function_and_do_not_stop_the_rest():
    api, functions = FakeApi(s={}), FakeFunctions()
    wanted = mapping(filters=({"dynamodb": {"Keys": {"id": {"S": ["b"]}}}},))
    api.write(1, item="a")
    api.write(2, item="b")
    api.write(3, item="a")

    async with mappings(api, functions, wanted):
        await functions.until(lambda: functions.seen == [2])


async def test_a_failing_batch_is_retried_before_what_comes_after_it():
    outcomes = iter([FAILED, Refused(429, "TooManyRequestsException", ""), Returned(b"null", "r")])
    api, functions = FakeApi(s={}), FakeFunctions(lambda _: next(outcomes, Returned(b"null", "r")))
    api.write(1, 2)

    async with mappings(api, functions, mapping(batch_size=1)):
        await functions.until(lambda: 2 in functions.seen)

    assert functions.seen == [1, 1, 1, 2]


async def test_an_error_of_ours_while_invoking_loses_no_record(caplog):
    def answer(_):
        if len(functions.invocations) == 1:
            raise RuntimeError("bug")
        return Returned(b"null", "r")

    api, functions = FakeApi(s={}), FakeFunctions(answer)
    api.write(1)

    async with mappings(api, functions):
        await functions.until(lambda: functions.seen == [1, 1])

    assert "invoking a function failed" in messages(caplog)


async def test_poison_goes_to_the_destination_and_the_rest_goes_on():
    api, destinations = FakeApi(s={}), FakeDestinations(failures=1)
    functions = FakeFunctions(lambda records: FAILED if 2 in sequence_numbers(records) else Returned(b"null", "r"))
    api.write(1, 2, 3)
    careful = mapping(maximum_retry_attempts=1, bisect_on_error=True, on_failure="dead-letters")

    async with mappings(api, functions, careful, destinations=destinations):
        await functions.until(lambda: 3 in functions.seen and functions.seen[-1] == 3)
        async with asyncio.timeout(5):
            await destinations.arrived.wait()

    ((queue, document),) = destinations.sent
    assert queue == "dead-letters"
    assert document["requestContext"]["functionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:processor"
    assert document["DDBStreamBatchInfo"]["shardId"] == "s"
    assert document["DDBStreamBatchInfo"]["startSequenceNumber"] == "2"
    assert document["DDBStreamBatchInfo"]["batchSize"] == 1


async def test_a_document_that_cannot_be_delivered_is_in_the_log(caplog):
    api = FakeApi(s={})
    functions = FakeFunctions(lambda records: FAILED if 1 in sequence_numbers(records) else Returned(b"null", "r"))
    api.write(1, 2)
    settings = mapping(maximum_retry_attempts=0, batch_size=1, on_failure="dead-letters")

    async with mappings(api, functions, settings, destinations=FakeDestinations(failures=9)):
        await functions.until(lambda: functions.seen == [1, 2])

    (lost,) = [r for r in caplog.records if r.message == "a document could not be delivered"]
    assert lost.fields["document"]["DDBStreamBatchInfo"]["startSequenceNumber"] == "1"


async def test_children_wait_until_their_parents_records_are_processed():
    hold = asyncio.Event()

    async def answer(records):
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


async def test_shards_that_appear_while_running_are_processed():
    api, functions = FakeApi(s={}), FakeFunctions()

    async with mappings(api, functions, mapping(starting_position="LATEST")):
        api.all["s"].closed = True
        api.all["child"] = FakeShard(parent="s")
        api.write(1, shard="child")
        await functions.until(lambda: functions.seen == [1])


async def test_a_blocked_partition_key_does_not_hold_up_those_of_other_lanes():
    hold = asyncio.Event()

    async def answer(records):
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


async def test_one_invocation_at_a_time_without_a_parallelization_factor():
    running = most = 0

    async def answer(_):
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


async def test_reading_stops_while_the_function_lags():
    hold = asyncio.Event()

    async def answer(_):
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


async def test_status_follows_the_mapping():
    results = []

    def answer(_):
        results.append(running.statuses[0].last_processing_result)
        return FAILED if len(results) == 1 else Returned(b"null", "r")

    api, functions = FakeApi(s={}), FakeFunctions(answer)
    api.write(1, 2)

    async with mappings(api, functions, mapping(batch_size=1)) as running:
        await functions.until(lambda: len(results) == 3)
        response = running.statuses[0].as_response()

    assert results == ["No records processed", "PROBLEM: Function call failed", "OK"]
    assert response["State"] == "Enabled"
    assert response["StateTransitionReason"] == "User action"
    assert response["DestinationConfig"] == {"OnFailure": {}}
    assert response["EventSourceArn"] == ARN
    assert running.statuses[0].state == "Disabled"


# refusals


def test_the_same_stream_and_function_twice_is_a_conflict():
    with pytest.raises(TopologyError, match="twice"):
        mappings(FakeApi(s={}), FakeFunctions(), mapping(), mapping(batch_size=1))


def test_a_bad_filter_is_refused_at_once():
    with pytest.raises(TopologyError, match=r"^Invalid filter pattern definition\."):
        mappings(FakeApi(s={}), FakeFunctions(), mapping(filters=({"a": "b"},)))


# stopping


async def test_a_function_that_runs_may_finish_when_the_mappings_stop():
    started, finished = asyncio.Event(), []

    async def answer(records):
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


async def test_a_function_that_does_not_finish_is_reported(caplog):
    api, functions = FakeApi(s={}), FakeFunctions(lambda _: asyncio.Event().wait())
    api.write(1)

    async with mappings(api, functions, stop_seconds=0.01):
        await functions.until(lambda: functions.seen == [1])

    assert "stopped while a function was working on stream records" in messages(caplog)


async def test_an_error_inside_the_block_comes_out_as_it_is():
    with pytest.raises(ValueError, match="mine"):
        async with mappings(FakeApi(s={}), FakeFunctions()):
            raise ValueError("mine")


async def test_no_task_is_left_behind():
    before = asyncio.all_tasks()
    api, functions = FakeApi(s={}, t={}), FakeFunctions(lambda _: FAILED)
    api.write(1)

    async with mappings(api, functions, mapping(parallelization_factor=3)):
        await functions.until(lambda: len(functions.seen) > 3)

    assert asyncio.all_tasks() == before
