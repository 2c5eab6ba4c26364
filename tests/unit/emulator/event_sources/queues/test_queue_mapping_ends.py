"""The tasks of queue mappings end when they are told to, whatever happens at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from emulator.event_sources.queues.batches import QueueMessage
from emulator.event_sources.queues.mapping import QueueMappings
from streamer.topology import Api, Function, Queue, QueueMapping, Topology

TOPOLOGY = Topology(
    api=Api(name="queues", routes=()),
    functions=(Function(name="worker", handler="worker.handle"),),
    queues=(Queue(name="jobs"),),
    queue_mappings=(QueueMapping(function="worker", queue="jobs"),),
)
STEPS = range(6)
"""Turns of the loop between a sign of life from the queue and the end: in one of them the wait has just ended."""


class EmptyQueues:
    """Queues with nothing in them, whose listener the test can call."""

    def __init__(self) -> None:
        self.wake: Callable[[], None] = lambda: None
        self.is_listened_to = False
        self.looks = 0
        """How often something was asked for."""

    def has(self, name: str) -> bool:
        return name == "jobs"

    def send(self, name: str, body: str, **told: Any) -> None:
        raise AssertionError("nobody sends anything")

    def receive(self, queue: str, count: int) -> Sequence[QueueMessage]:
        self.looks += 1
        return []

    def delete(self, queue: str, message: QueueMessage) -> None:
        raise AssertionError("there is nothing to delete")

    def arn(self, queue: str) -> str:
        return f"arn:aws:sqs:us-east-1:000000000000:{queue}"

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        self.wake, self.is_listened_to = listener, True

        def end() -> None:
            self.is_listened_to = False

        return end


@pytest.mark.parametrize("steps", STEPS)
async def test_an_end_just_after_a_request_to_a_queue_is_not_lost(steps: int) -> None:
    queues = EmptyQueues()
    functions: Any = None

    async with asyncio.timeout(60):
        async with QueueMappings(TOPOLOGY, functions, lambda: queues):
            await asyncio.sleep(0)
            queues.wake()
            for _ in range(steps):
                await asyncio.sleep(0)


async def test_a_queue_is_looked_at_whenever_something_was_asked_of_it_and_never_after_the_end() -> None:
    queues = EmptyQueues()
    functions: Any = None

    async with QueueMappings(TOPOLOGY, functions, lambda: queues):
        for looks in range(1, 4):
            await turns()
            assert queues.looks == looks
            queues.wake()
    queues.wake()
    await turns()

    assert (queues.looks, queues.is_listened_to) == (3, False)


async def turns() -> None:
    """As many of the loop as one look takes, and many more."""
    for _ in range(50):
        await asyncio.sleep(0)
