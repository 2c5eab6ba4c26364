"""Functions that read queues: each mapping receives, invokes, and deletes what is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, Self

from streamer.topology import QueueMapping, Topology

from ...foundation import log
from ...foundation.recording import Recording
from ...foundation.tasks import end, happens
from ...functions.limits import EVENT_BYTES
from ...functions.outcome import Functions, why_not_done
from ..streams.batching import REPORTED
from ..streams.filters import BODY, compile_filters
from .batches import QueueMessage, done, events, filtered_record, overtaking, record
from .waiting import LOOK_SECONDS

CONCURRENCY: Final = 5
"""Invocations at once where a mapping does not say: AWS starts with as many. [DOC] lambda-docs:services-sqs-scaling"""
STOP_SECONDS: Final = 5.0
"""How long functions that are running may go on when the mappings stop."""


class Inbox(Protocol):
    """Queues that take messages."""

    def has(self, name: str) -> bool:
        """Whether there is a queue of that name."""
        ...

    def send(
        self,
        name: str,
        body: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        group: str | None = None,
        deduplication: str | None = None,
    ) -> None:
        """Put a message into a queue; groups and deduplication ids are for FIFO queues.

        Raises:
            MessageRefusedError: the queue does not take it, or there is none.
        """
        ...


class Queues(Inbox, Protocol):
    """What mappings need of the queues."""

    def receive(self, queue: str, count: int) -> Sequence[QueueMessage]:
        """At most so many visible messages, which become invisible for the queue's timeout."""
        ...

    def delete(self, queue: str, message: QueueMessage) -> None:
        """Forget a message that was received."""
        ...

    def arn(self, queue: str) -> str:
        """The queue's ARN."""
        ...

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a listener after every request to the queues; returns what ends that."""
        ...


class QueueMappings:
    """All mappings of queues of a topology, as an async context manager that owns their tasks."""

    def __init__(
        self,
        topology: Topology,
        functions: Functions,
        queues: Callable[[], Queues],
        recording: Recording | None = None,
    ) -> None:
        """``queues`` makes them when they are first needed; raises InvalidFilterPatternError for a wrong filter."""
        self._mappings = [(mapping, compile_filters(mapping.filters, BODY)) for mapping in topology.queue_mappings]
        self._functions = functions
        self._recording = recording or Recording()
        self._make = queues
        self._events: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._working: set[asyncio.Task[None]] = set()
        self._unlisten: Callable[[], None] | None = None

    async def __aenter__(self) -> Self:
        if self._mappings:
            self._queues = self._make()
            self._unlisten = self._queues.listen(self._wake)
            self._events = [asyncio.Event() for _ in self._mappings]
            self._tasks = [asyncio.create_task(self._run(index)) for index in range(len(self._mappings))]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._unlisten is not None:
            self._unlisten()
        await end(self._tasks)
        if self._working:
            await asyncio.wait(self._working, timeout=STOP_SECONDS)
        await end(self._working)

    def _wake(self) -> None:
        for event in self._events:
            event.set()

    async def _run(self, index: int) -> None:
        mapping, event = self._mappings[index][0], self._events[index]
        free = asyncio.Semaphore(mapping.maximum_concurrency or CONCURRENCY)
        is_behind = False
        while True:
            event.clear()
            try:
                async with free:
                    lot = await self._receive(mapping, event)
            except Exception as error:  # noqa: BLE001 - top of a task: told once, and tried again
                if not is_behind:
                    log.error("a queue cannot be read, which is tried again", error=error, queue=mapping.queue)
                lot, is_behind = [], True
            else:
                is_behind = False
            if lot:
                await free.acquire()
                self._start(index, lot, free)
            else:
                await happens(event, LOOK_SECONDS)

    async def _receive(self, mapping: QueueMapping, event: asyncio.Event) -> list[QueueMessage]:
        """At most a batch, of a FIFO queue of whatever groups; waits for more for the batching window after the first.

        [DOC] sqs-docs:FIFO-queues-understanding-logic, lambda-docs:with-sqs; [USR] powertools' FIFO batch processor
        """
        loop = asyncio.get_running_loop()
        until: float | None = None
        found: list[QueueMessage] = []
        # One that was deleted may be made again: it is then the same to its mapping, which knows its ARN alone. [INF]
        while len(found) < mapping.batch_size and self._queues.has(mapping.queue):
            found += self._queues.receive(mapping.queue, min(10, mapping.batch_size - len(found)))
            if not found or mapping.batching_window_seconds == 0:
                break
            if sum(len(each.body) for each in found) >= EVENT_BYTES:
                break
            until = loop.time() + mapping.batching_window_seconds if until is None else until
            left = until - loop.time()
            if left <= 0:
                break
            event.clear()
            await happens(event, min(left, LOOK_SECONDS))
        return found

    def _start(self, index: int, lot: list[QueueMessage], free: asyncio.Semaphore) -> None:
        task = asyncio.create_task(self._work(index, lot))
        self._working.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            free.release()
            self._working.discard(task)
            self._events[index].set()
            if not task.cancelled() and (error := task.exception()) is not None:
                words = "working on a batch of messages failed; they come again when they are visible"
                log.error(words, error=error, queue=self._mappings[index][0].queue)

        task.add_done_callback(ended)

    async def _work(self, index: int, lot: list[QueueMessage]) -> None:
        mapping, filters = self._mappings[index]
        if not self._queues.has(mapping.queue):  # deleted, and the messages with it
            return
        arn = self._queues.arn(mapping.queue)
        region = arn.split(":")[3]
        wanted = []
        for message in lot:
            made = record(message, queue_arn=arn, region=region, has_window=mapping.batching_window_seconds > 0)
            if filters.matches(filtered_record(made)):
                wanted.append((message, made))
            else:
                self._queues.delete(mapping.queue, message)
        for payload, messages in events(wanted):
            are_done = await self._invoke(mapping, payload, messages)
            if not are_done and lot[0].group is not None:  # what comes after it in its group would overtake it
                return

    async def _invoke(self, mapping: QueueMapping, payload: bytes, messages: list[QueueMessage]) -> bool:
        """Have one event worked on; whether all of its messages are done."""
        outcome = await self._functions.invoke(mapping.function, payload)
        if (recorder := self._recording.now) is not None:
            recorder.batch((mapping.function, mapping.queue), [each.message_id for each in messages], 1, outcome, "")
        finished = done(outcome, messages, reports_failures=mapping.report_batch_item_failures)
        for message in finished:
            self._queues.delete(mapping.queue, message)
        if count := overtaking(messages, finished):
            words = "messages are done before one of their group that failed: batchItemFailures has to name them, too"
            log.warning(words, queue=mapping.queue, function=mapping.function, messages=count)
        if len(finished) < len(messages):
            fields = {"queue": mapping.queue, "function": mapping.function, "messages": len(messages) - len(finished)}
            why = why_not_done(outcome) or REPORTED
            log.warning("messages stay in their queue until they are visible again", reason=why, **fields)
        return len(finished) == len(messages)
