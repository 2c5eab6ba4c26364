"""What calls functions without a client: mappings of streams and queues, and schedules, as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from msgspec import Struct

from streamer.topology import Topology

from ..foundation.place import iam_arn
from ..foundation.recording import Recording
from ..functions.destinations import Destinations
from ..functions.outcome import AcceptEvent, Functions
from ..functions.variables import name_and_qualifier
from ..iam.texts import role_name
from .queues.mapping import QueueMappings
from .schedules import Schedules
from .streams.kinesis import EngineSource, KinesisEngine
from .streams.mapping import EventSourceMappings

if TYPE_CHECKING:
    from ..dynamodb.endpoints.protocol import Database


class Reading(Struct, frozen=True):
    """What is to be read, of which nothing is wrong."""

    mappings: EventSourceMappings
    queues: QueueMappings
    schedules: Schedules


class Readers:
    """Owns them; `start` and `stop` take turns, each going on where the one before was."""

    mappings: EventSourceMappings
    """Those of streams."""

    def __init__(
        self,
        functions: Functions,
        accept: AcceptEvent,
        database: Database,
        recording: Recording,
        *,
        kinesis: Callable[[], KinesisEngine],
        place: tuple[str, str],
        checkpoint_seconds: float | None,
        destinations: Destinations,
    ) -> None:
        """``place`` is the Region and the account; ``kinesis`` has the streams that are no table's."""
        self._destinations = destinations
        self._functions = functions
        self._accept = accept
        self._database = database
        self._recording = recording
        self._kinesis = kinesis
        self._region, self._account_id = place
        self._checkpoint_seconds = checkpoint_seconds
        self._stack = AsyncExitStack()
        self._turn = asyncio.Lock()
        self.have_begun = False
        """Whether they were started; until then, a mapping that a description lacks keeps the place that it had."""

    def read(self, topology: Topology) -> Reading:
        """What a topology says, before anything changes because of it.

        Raises:
            ConfigurationError: AWS would refuse it, or there are no queues here.
        """
        database, recording = self._database, self._recording
        mappings = EventSourceMappings(
            topology,
            self._functions,
            database.source,
            self._destinations,
            checkpoints=database.checkpoints,
            checkpoint_seconds=self._checkpoint_seconds,
            recording=recording,
            kinesis=lambda: EngineSource(self._kinesis(), self.role_arn),
        )
        if topology.queue_mappings:
            _ = database.queues  # says if there are none here
        queues = QueueMappings(topology, self._functions, lambda: database.queues, recording=recording)
        schedules = Schedules(topology, self._accept, region=self._region, account_id=self._account_id)
        return Reading(mappings, queues, schedules)

    async def start(self, reading: Reading) -> None:
        """Read it."""
        self.have_begun = True
        async with self._turn, AsyncExitStack() as stack:
            self.mappings = await stack.enter_async_context(reading.mappings)
            await stack.enter_async_context(reading.queues)
            await stack.enter_async_context(reading.schedules)
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        """Read no more; functions that run get a little time."""
        async with self._turn:
            await self._stack.aclose()

    def role_arn(self, function: str) -> str:
        """As whom Lambda reads a stream of Kinesis for a function."""
        return iam_arn(self._region, self._account_id, f"role/{role_name(name_and_qualifier(function)[0])}")
