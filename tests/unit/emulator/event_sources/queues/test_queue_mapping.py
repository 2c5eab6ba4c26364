"""A mapping and its queue: what a function is given, and what becomes of a queue that goes and comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from emulator.event_sources.queues.batches import QueueMessage
from emulator.event_sources.queues.embedded import EmbeddedQueues
from emulator.event_sources.queues.mapping import QueueMappings
from emulator.functions.limits import EVENT_BYTES
from emulator.functions.outcome import Failed, Outcome, Refused, Returned
from emulator.port.http import HttpRequest
from streamer.topology import Api, Function, Queue, QueueMapping, Topology

SIGNED = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=x"
MEBIBYTE = 1024 * 1024


class World:
    """Queues of SQS, read for a function that answers as told."""

    def __init__(
        self,
        name: str,
        answer: Callable[[int], Outcome] = lambda _: Returned(b"null", "id"),
        queues: type[EmbeddedQueues] = EmbeddedQueues,
        **mapping: Any,
    ) -> None:
        queue = Queue(name=name, deduplicates_by_content=name.endswith(".fifo"))
        self.name = name
        self.queues = queues("us-east-1", "123456789012")
        self.queues.create([queue])
        self.events: list[bytes] = []
        self._answer = answer
        topology = Topology(
            api=Api(name="queues", routes=()),
            functions=(Function(name="worker", handler="worker.handle"),),
            queues=(queue,),
            queue_mappings=(QueueMapping(function="worker", queue=name, report_batch_item_failures=True, **mapping),),
        )
        self.mappings = QueueMappings(topology, self, lambda: self.queues)

    def invoke(self, function: str, payload: bytes, **_: Any) -> asyncio.Future[Outcome]:
        self.events.append(payload)
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        answered.set_result(self._answer(len(self.events)))
        return answered

    def call(self, action: str, **parameters: Any) -> Any:
        headers = {"x-amz-target": f"AmazonSQS.{action}", "content-type": "application/x-amz-json-1.0"}
        headers |= {"host": "localhost", "authorization": SIGNED}
        body = json.dumps(parameters).encode()
        answer = self.queues.handle(HttpRequest("POST", "/", tuple(headers.items()), body, "127.0.0.1", headers))
        assert answer.status == 200, answer.body
        return json.loads(answer.body or b"{}")

    def url(self) -> str:
        return str(self.call("GetQueueUrl", QueueName=self.name)["QueueUrl"])

    def fill(self, count: int) -> None:
        """Messages of a mebibyte, as large as there are."""
        body = "x" * (MEBIBYTE - 1)
        for number in range(count):
            self.queues.send(self.name, f"{number}{body}", group="g" if self.name.endswith(".fifo") else None)

    def bodies(self) -> list[list[str]]:
        """How the messages of each event begin."""
        return [[record["body"][0] for record in json.loads(event)["Records"]] for event in self.events]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - there is nothing to wait for but that it has come true
                await asyncio.sleep(0.01)

    def left(self) -> int:
        """Messages that are not done."""
        found = self.call("GetQueueAttributes", QueueUrl=self.url(), AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])


@pytest.mark.parametrize("name", ["jobs", "jobs.fifo"])
async def test_no_event_is_larger_than_lambda_takes(name: str) -> None:
    world = World(name)
    world.fill(10)

    async with world.mappings:
        await world.until(lambda: world.left() == 0)

    assert world.bodies() == [["0", "1", "2", "3", "4"], ["5", "6", "7", "8", "9"]]
    assert max(map(len, world.events)) <= EVENT_BYTES


async def test_an_event_that_is_as_large_as_lambda_takes_does_not_wait_for_the_batching_window() -> None:
    world = World("jobs", batch_size=100, batching_window_seconds=300)
    world.fill(10)

    async with world.mappings:
        await world.until(lambda: world.left() == 0)

    assert len(world.events) == 2
    assert b'"md5OfMessageAttributes":null' in world.events[0]


async def test_what_follows_a_failure_in_its_group_waits() -> None:
    world = World("jobs.fifo", lambda number: Failed(b"{}", "id") if number == 1 else Returned(b"null", "id"))
    world.fill(10)

    async with world.mappings:
        await world.until(lambda: len(world.events) == 1)
        await asyncio.sleep(0.1)

    assert world.bodies() == [["0", "1", "2", "3", "4"]]
    assert world.left() == 10


async def test_a_batch_of_a_fifo_queue_may_have_several_groups_each_in_order() -> None:
    world = World("jobs.fifo")
    for body, group in ("a", "g"), ("b", "h"), ("c", "g"):
        world.queues.send("jobs.fifo", body, group=group)

    async with world.mappings:
        await world.until(lambda: world.left() == 0)

    assert world.bodies() == [["a", "c", "b"]]


async def test_a_failure_of_one_group_is_one_of_all_in_its_batch() -> None:
    world = World("jobs.fifo", lambda _: Failed(b"{}", "id"))
    world.queues.send("jobs.fifo", "a", group="g")
    world.queues.send("jobs.fifo", "b", group="h")

    async with world.mappings:
        await world.until(lambda: len(world.events) == 1)
        await asyncio.sleep(0.05)

    assert (world.bodies(), world.left()) == ([["a", "b"]], 2)


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        pytest.param(Failed(b'{"errorMessage": "no"}', "id", "ValueError"), "ValueError: no", id="it fails"),
        pytest.param(Refused(500, "ServiceException", "no room"), "ServiceException: no room", id="it is not run"),
        pytest.param(Returned(b'{"batchItemFailures": [{}]}', "id"), "its batchItemFailures", id="it reports"),
    ],
)
async def test_why_messages_come_again_is_told(outcome: Outcome, why: str, caplog: pytest.LogCaptureFixture) -> None:
    world = World("jobs", lambda _: outcome)
    world.queues.send("jobs", "a")

    async with world.mappings:
        await world.until(lambda: "messages stay in their queue" in caplog.text)

    assert {vars(each)["fields"]["reason"] for each in caplog.records} == {why}


async def test_what_overtakes_a_failure_in_its_group_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def names_the_first(_: int) -> Outcome:
        first = json.loads(world.events[-1])["Records"][0]["messageId"]
        return Returned(json.dumps({"batchItemFailures": [{"itemIdentifier": first}]}).encode(), "id")

    world = World("jobs.fifo", names_the_first)
    for body in "abc":
        world.queues.send("jobs.fifo", body, group="g")

    async with world.mappings:
        await world.until(lambda: world.left() == 1)

    told = "messages are done before one of their group that failed: batchItemFailures has to name them, too"
    assert [vars(each)["fields"]["messages"] for each in caplog.records if each.message == told] == [2]


async def test_what_follows_a_failure_in_a_queue_without_groups_does_not() -> None:
    world = World("jobs", lambda number: Failed(b"{}", "id") if number == 1 else Returned(b"null", "id"))
    world.fill(10)

    async with world.mappings:
        await world.until(lambda: world.left() == 5)

    assert len(world.events) == 2


async def test_a_queue_that_is_deleted_and_made_again_is_read_on() -> None:
    world = World("jobs")

    async with world.mappings:
        world.call("DeleteQueue", QueueUrl=world.url())
        await asyncio.sleep(0.05)
        world.call("CreateQueue", QueueName="jobs")
        world.queues.send("jobs", "after")
        await world.until(lambda: len(world.events) == 1)
        await world.until(lambda: world.left() == 0)

    assert world.bodies() == [["a"]]


async def test_a_queue_that_goes_while_a_function_runs_takes_its_messages_along(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def delete(_: int) -> Outcome:
        world.call("DeleteQueue", QueueUrl=world.url())
        return Returned(b"null", "id")

    world = World("jobs", delete)

    async with world.mappings:
        world.queues.send("jobs", "last")
        await world.until(lambda: len(world.events) == 1)

    assert caplog.messages == []


async def test_an_error_of_ours_while_reading_ends_nothing_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(EmbeddedQueues):
        reads = 0

        def receive(self, queue: str, count: int) -> Sequence[QueueMessage]:
            self.reads += 1
            if self.reads in (1, 2):
                raise ZeroDivisionError
            return super().receive(queue, count)

    world = World("jobs", queues=Broken)

    async with world.mappings:
        world.queues.send("jobs", "first")
        await world.until(lambda: len(world.events) == 1)
        await world.until(lambda: world.left() == 0)

    assert caplog.messages == ["a queue cannot be read, which is tried again"]
