from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.foundation.notes import EVENTS, Notes
from emulator.functions.asynchronous import (
    QUEUED_BYTES,
    AsyncInvocations,
    EventHistory,
    GiveUp,
    Retry,
    dead_letter_attributes,
    invocation_record,
    next_step,
)
from emulator.functions.destinations import DestinationError
from emulator.functions.outcome import Failed, Outcome, Refused, Returned
from streamer.topology import Api, AsyncInvocation, Function, Queue, Topology

RETURNED = Returned(b"1", "id")
FAILED = Failed(b'{"errorType": "ValueError"}', "id", "ValueError")
THROTTLED = Refused(429, "TooManyRequestsException", "Rate Exceeded.")
BROKEN = Refused(500, "ServiceException", "the environment cannot be started")
MISSING = Refused(404, "ResourceNotFoundException", "gone")
RULES = AsyncInvocation(function="f", maximum_retry_attempts=2, maximum_event_age_seconds=60)


def progress(failures: int = 0, refusals: int = 0, age_seconds: float = 0, *, is_stopped: bool = False) -> EventHistory:
    return EventHistory(failures=failures, refusals=refusals, age_seconds=age_seconds, is_stopped=is_stopped)


STOPPED = progress(0, 1, is_stopped=True)


@pytest.mark.parametrize(
    ("outcome", "so_far", "step"),
    [
        pytest.param(RETURNED, progress(), None, id="success"),
        pytest.param(FAILED, progress(1), Retry(after_seconds=10), id="first failure"),
        pytest.param(FAILED, progress(2), Retry(after_seconds=20), id="second failure"),
        pytest.param(FAILED, progress(3), GiveUp(condition="RetriesExhausted"), id="third failure"),
        pytest.param(FAILED, progress(1, age_seconds=51), GiveUp(condition="EventAgeExceeded"), id="too old to retry"),
        pytest.param(THROTTLED, progress(0, 1), Retry(after_seconds=1), id="throttled"),
        pytest.param(THROTTLED, progress(2, 5), Retry(after_seconds=16), id="throttled again: not a retry, but later"),
        pytest.param(THROTTLED, progress(0, 9), GiveUp(condition="EventAgeExceeded"), id="throttled for too long"),
        pytest.param(THROTTLED, STOPPED, GiveUp(condition="ZeroReservedConcurrency"), id="it may not run at all"),
        pytest.param(BROKEN, progress(0, 1), Retry(after_seconds=1), id="Lambda itself failed"),
        pytest.param(MISSING, progress(0, 1), GiveUp(condition="RetriesExhausted"), id="the function is gone"),
    ],
)
def test_an_asynchronous_event_is_retried_or_given_up(
    outcome: Outcome, so_far: EventHistory, step: Retry | GiveUp | None
) -> None:
    assert next_step(outcome, so_far, RULES, (10.0, 20.0)) == step


def record_of(outcome: Outcome) -> dict[str, Any]:
    return invocation_record(
        function_arn="arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
        request_id="id",
        payload=b'{"a": 1}',
        outcome=outcome,
        condition="RetriesExhausted",
        attempts=3,
        now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


def test_a_destination_is_given_an_invocation_record() -> None:
    assert record_of(FAILED) == {
        "version": "1.0",
        "timestamp": "2026-01-02T03:04:05.000Z",
        "requestContext": {
            "requestId": "id",
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"a": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "ValueError"},
    }


def test_what_is_no_json_stands_in_the_document_as_a_text() -> None:
    """Custom runtimes post what they like, and the event must reach its destination all the same."""
    assert record_of(Failed(b"it broke \xff", "id"))["responsePayload"] == "it broke \ufffd"


class World:
    """A function that answers as told, a clock that does not wait, and a destination."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.request_ids: list[str | None] = []
        self.slept: list[float] = []
        self.documents: list[tuple[str, Mapping[str, Any] | str]] = []
        self.attributes: list[Mapping[str, Any] | None] = []
        self.arrivals = asyncio.Semaphore(0)
        self.settled = asyncio.Event()
        self.gone: set[str] = set()
        """Destinations that are not there."""

    def invoke(
        self,
        function: str,
        payload: bytes,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        source: str | None = None,
    ) -> asyncio.Future[Outcome]:
        self.request_ids.append(request_id)
        outcome = self.outcomes.pop(0)
        if not self.outcomes and isinstance(outcome, Returned):
            self.settled.set()
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        done.set_result(outcome)
        return done

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def send(
        self, queue_name: str, document: Mapping[str, Any] | str, attributes: Mapping[str, Any] | None = None
    ) -> None:
        if queue_name in self.gone:
            raise DestinationError(f"{queue_name} is not there")
        self.documents.append((queue_name, document))
        self.attributes.append(attributes)
        self.arrivals.release()
        self.settled.set()

    async def documents_are(self, count: int) -> None:
        for _ in range(count):
            await asyncio.wait_for(self.arrivals.acquire(), 60)

    def invocations(
        self, *rules: AsyncInvocation, notes: Notes | None = None, concurrency: int | None = None
    ) -> AsyncInvocations:
        topology = Topology(
            api=Api(name="a", routes=()),
            functions=(Function(name="f", handler="a.b", reserved_concurrency=concurrency),),
            queues=(Queue(name="dead"),),
            async_invocations=rules,
        )
        return AsyncInvocations(
            topology,
            self,
            destinations=self,
            function_arn=lambda name: f"arn:{name}",
            retry_seconds=(60.0, 120.0),
            sleep=self.sleep,
            notes=notes,
        )


async def test_an_event_that_fails_twice_and_then_succeeds_is_done() -> None:
    world = World(FAILED, FAILED, RETURNED)

    async with world.invocations(AsyncInvocation(function="f", on_failure="dead")) as invocations:
        assert invocations.accept("f", b"{}", "one")
        await asyncio.wait_for(world.settled.wait(), 60)

    assert world.request_ids == ["one", "one", "one"]
    assert world.slept == [60.0, 120.0]
    assert world.documents == []


async def test_an_event_that_fails_while_the_code_does_not_load_waits_until_it_does() -> None:
    world = World(FAILED, FAILED, RETURNED)

    async with world.invocations(AsyncInvocation(function="f")) as invocations:
        invocations.hold(is_held=True)
        assert invocations.accept("f", b"{}", "one")
        for _ in range(10):  # turns of the loop, of which an attempt takes two
            await asyncio.sleep(0)
        assert world.request_ids == ["one"]
        invocations.hold(is_held=False)
        await asyncio.wait_for(world.settled.wait(), 60)

    assert world.request_ids == ["one", "one", "one"]
    assert world.slept == [60.0], "what failed meanwhile does not count"


async def test_an_event_that_fails_three_times_goes_to_the_destination() -> None:
    world = World(FAILED, FAILED, FAILED)

    async with world.invocations(AsyncInvocation(function="f", on_failure="dead")) as invocations:
        invocations.accept("f", b"{}", "one")
        await asyncio.wait_for(world.settled.wait(), 60)

    ((queue, document),) = world.documents
    assert queue == "dead"
    assert isinstance(document, Mapping)
    assert document["requestContext"]["approximateInvokeCount"] == 3


async def test_an_event_of_a_function_without_concurrency_goes_to_the_destination_at_once() -> None:
    world = World(THROTTLED)

    async with world.invocations(AsyncInvocation(function="f", on_failure="dead"), concurrency=0) as invocations:
        invocations.accept("f", b"{}", "one")
        await world.documents_are(1)

    ((_, document),) = world.documents
    assert isinstance(document, Mapping)
    assert document["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert document["requestContext"]["approximateInvokeCount"] == 0
    assert world.slept == []


@pytest.mark.parametrize(("invoked", "version"), [("f", "$LATEST"), ("f:live", "live")])
async def test_an_event_that_succeeds_is_told_to_its_own_destination(invoked: str, version: str) -> None:
    world = World(FAILED, Returned(b'{"done":1}', "one"))
    rules = AsyncInvocation(function=invoked, on_failure="arn:aws:sns:us-east-1:123456789012:bad", on_success="dead")

    async with world.invocations(rules) as invocations:
        invocations.accept(invoked, b'{"a":1}', "one")
        await world.documents_are(1)

    ((queue, document),) = world.documents
    assert queue == "dead"
    assert isinstance(document, Mapping)
    assert document["requestContext"]["functionArn"].endswith(f":{version}")
    assert document["requestContext"]["condition"] == "Success"
    assert document["requestContext"]["approximateInvokeCount"] == 2
    assert document["requestPayload"] == {"a": 1}
    assert document["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert document["responsePayload"] == {"done": 1}


@pytest.mark.parametrize(
    ("invoked", "told"),
    [
        pytest.param("f", ["of-latest", "dead"], id="a function"),
        pytest.param("f:$LATEST", ["of-latest", "dead"], id="its latest version"),
        pytest.param("f:live", ["of-alias", "dead"], id="an alias"),
        pytest.param("f:1", ["dead"], id="a version without rules"),
    ],
)
async def test_an_event_goes_by_the_rules_of_the_version_that_is_invoked(invoked: str, told: list[str]) -> None:
    world = World(FAILED, FAILED, FAILED)
    of_latest = AsyncInvocation(function="f", on_failure="of-latest", dead_letters="dead")
    of_alias = AsyncInvocation(function="f:live", on_failure="of-alias")

    async with world.invocations(of_latest, of_alias) as invocations:
        invocations.accept(invoked, b"{}", "one")
        await world.documents_are(len(told))

    assert [queue for queue, _ in world.documents] == told


async def test_a_dead_letter_queue_gets_nothing_of_an_event_that_succeeds() -> None:
    world = World(RETURNED, RETURNED)

    async with world.invocations(AsyncInvocation(function="f", dead_letters="dead")) as invocations:
        invocations.accept("f", b"{}", "one")
        invocations.accept("f", b"{}", "two")
        await asyncio.wait_for(world.settled.wait(), 60)
        for _ in range(5):
            await asyncio.sleep(0)

    assert world.documents == []


async def test_an_event_of_a_function_without_rules_is_tried_three_times_and_forgotten() -> None:
    world = World(FAILED, FAILED, FAILED, RETURNED)

    async with world.invocations(AsyncInvocation(function="another", on_failure="dead")) as invocations:
        invocations.accept("f", b"{}", "one")
        for _ in range(20):
            await asyncio.sleep(0)

    assert (world.request_ids, world.slept, world.documents) == (["one"] * 3, [60.0, 120.0], [])


def test_an_error_without_a_message_has_none_as_a_dead_letter() -> None:
    assert set(dead_letter_attributes(FAILED, "id")) == {"RequestID", "ErrorCode"}


async def test_a_dead_letter_queue_gets_the_event_as_it_came_and_why() -> None:
    failed = Failed(b'{"errorMessage":"' + b"x" * 2000 + b'"}', "one", "ValueError")
    world = World(failed, failed, failed)
    rules = AsyncInvocation(function="f", on_failure="dead", dead_letters="dead")

    async with world.invocations(rules) as invocations:
        invocations.accept("f", b'{"a": 1.0}', "one")
        await world.documents_are(2)

    assert world.documents[1] == ("dead", '{"a": 1.0}')
    assert world.attributes[1] == {
        "RequestID": {"DataType": "String", "StringValue": "one"},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "x" * 1024},
    }


async def test_a_dead_letter_queue_gets_the_event_though_its_destination_is_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(FAILED, FAILED, FAILED)
    world.gone = {"gone"}

    async with world.invocations(AsyncInvocation(function="f", on_failure="gone", dead_letters="dead")) as invocations:
        invocations.accept("f", b"{}", "one")
        await world.documents_are(1)

    assert world.documents == [("dead", "{}")]
    (line,) = [each for each in caplog.records if each.message == "a document could not be delivered"]
    told = line.__dict__["fields"]
    assert (told["destination"], told["problem"]) == ("gone", "gone is not there")
    assert told["document"]["requestContext"]["requestId"] == "one"


def test_an_event_that_lambda_refused_to_run_has_its_status_as_a_dead_letter() -> None:
    found = dead_letter_attributes(THROTTLED, "id")

    assert (found["ErrorCode"]["StringValue"], found["ErrorMessage"]["StringValue"]) == ("429", THROTTLED.message)


async def test_what_was_accepted_and_not_done_is_done_by_the_next_run_under_the_same_id() -> None:
    kept: list[bytes] = []
    before, after = World(RETURNED), World(RETURNED, RETURNED)
    notes = Notes({EVENTS: {"of-a-function-that-is-gone": ["gone", "{}"]}}, kept.append)
    async with before.invocations(RULES, notes=notes) as invocations:
        invocations.accept("f", b"{}", "done")
        await asyncio.wait_for(before.settled.wait(), 60)
        await asyncio.sleep(0)
        invocations.accept("f", b'{"a":1}', "waits")
        invocations.accept("f", b"{}", "waits too")

    left = Notes(notes.content, kept.append)
    async with after.invocations(RULES, notes=left):
        await asyncio.wait_for(after.settled.wait(), 60)
        await asyncio.sleep(0)

    assert before.request_ids == ["done"]
    assert after.request_ids == ["waits", "waits too"]
    assert left.of(EVENTS) == {}
    assert json.loads(kept[-1]) == ["note", "events", "waits too", None]


async def test_a_burst_of_events_is_accepted_and_what_no_memory_holds_is_not() -> None:
    world = World(*[RETURNED] * 20_000)
    async with world.invocations(RULES) as invocations:
        assert all(invocations.accept("f", b"{}", str(number)) for number in range(20_000))
        taken = [invocations.accept("f", bytes(64 * 1024 * 1024), "large") for _ in range(5)]

    assert taken == [True, True, True, True, False]


async def test_events_that_are_done_make_room_for_others() -> None:
    world = World(RETURNED, RETURNED)
    async with world.invocations(RULES) as invocations:
        assert invocations.accept("f", bytes(QUEUED_BYTES // 2), "large")
        assert not invocations.accept("f", b"{}", "small")
        for _ in range(5):
            await asyncio.sleep(0)
        assert invocations.accept("f", b"{}", "small")


async def test_without_a_place_for_notes_nothing_is_kept() -> None:
    world, notes = World(), Notes()
    async with world.invocations(RULES, notes=notes) as invocations:
        invocations.accept("f", b"{}", "one")

    assert notes.content == {}
