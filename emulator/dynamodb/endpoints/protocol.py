"""What the emulator needs of a database, wherever it is."""

from __future__ import annotations

from typing import Protocol

from streamer.topology import Topology

from ...event_sources.queues.mapping import Queues
from ...event_sources.streams.checkpoints import Checkpoints
from ...event_sources.streams.source import Source
from ...foundation.notes import Notes
from ...functions.destinations import EventDestinations
from ...iam.caller import Caller
from ...port.http import Answer, HttpRequest, HttpResponse


class Database(Protocol):
    """What the emulator needs of either."""

    @property
    def source(self) -> Source:
        """Where event source mappings read."""
        ...

    @property
    def destinations(self) -> EventDestinations:
        """Where given-up records and invocations go."""
        ...

    @property
    def checkpoints(self) -> Checkpoints:
        """Where event source mappings go on; kept as long as the tables are."""
        ...

    @property
    def notes(self) -> Notes:
        """What the next run is to know; kept as long as the tables are."""
        ...

    @property
    def queues(self) -> Queues:
        """What functions that read queues read; raises ConfigurationError where there are none."""
        ...

    async def apply(self, topology: Topology) -> None:
        """Make the tables and queues that are new in a description; none is ever removed.

        Raises:
            ConfigurationError: a table that exists has another key, index or stream now.
        """
        ...

    def handle(self, request: HttpRequest, caller: Caller | None = None) -> Answer | None:
        """Answer a request of a DynamoDB or SQS client, the owner's if there is no caller; None: it is for neither.

        Who waits for messages is answered later.
        """
        ...

    async def ask(self, target: str, body: bytes) -> HttpResponse:
        """Ask as the account's owner; ``target`` is the ``X-Amz-Target`` of DynamoDB, its streams or SQS."""
        ...
