"""A DynamoDB of the user's own (DynamoDB Local, a moto server, AWS): tables, streams, and a file for queues."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from streamer.errors import ConfigurationError
from streamer.topology import Topology

from ..functions.destinations import Destinations, FileDestinations
from ..functions.variables import Endpoints
from ..iam.guard import Caller
from ..notes import Notes
from ..port.http import HttpRequest, HttpResponse
from ..queues.mapping import Queues
from ..streams.api import connect_streams
from ..streams.checkpoints import Checkpoints
from ..streams.poller import PolledSource
from ..streams.source import Source
from .tables import ensure_tables


@dataclass(frozen=True, slots=True)
class RemoteDatabase:
    """Tables and streams behind a URL."""

    source: Source
    destinations: Destinations
    checkpoints: Checkpoints
    notes: Notes
    url: str
    settings: Mapping[str, Any]

    @property
    def queues(self) -> Queues:
        """None; raises ConfigurationError."""
        raise ConfigurationError(
            "functions read queues of this service, and those come with the embedded DynamoDB only"
        )

    async def apply(self, topology: Topology) -> None:
        """Make what is new; raises ConfigurationError."""
        await _prepare(topology, self.url, self.settings)

    def handle(self, request: HttpRequest, caller: Caller | None = None) -> HttpResponse | None:
        """Nothing: DynamoDB clients talk to the URL itself."""
        return None


@asynccontextmanager
async def open_remote(
    topology: Topology, endpoints: Endpoints, url: str, *, dead_letters: Path, checkpoints: Checkpoints, notes: Notes
) -> AsyncIterator[RemoteDatabase]:
    """Create what is missing, and poll the streams.

    Raises:
        ConfigurationError: nothing answers there, it refuses, or a table differs.
    """
    settings = _client_settings(endpoints)
    await _prepare(topology, url, settings)
    async with connect_streams(url, **settings) as api:
        yield RemoteDatabase(PolledSource(api), FileDestinations(dead_letters), checkpoints, notes, url, settings)


def _client_settings(endpoints: Endpoints) -> dict[str, Any]:
    return {
        "region_name": endpoints.region,
        "aws_access_key_id": endpoints.owner.access_key_id,
        "aws_secret_access_key": endpoints.owner.secret_access_key,
    }


async def _prepare(topology: Topology, url: str, settings: Mapping[str, Any]) -> None:
    config = AioConfig(retries={"max_attempts": 2}, connect_timeout=3, read_timeout=10)
    try:
        async with get_session().create_client("dynamodb", endpoint_url=url, config=config, **settings) as client:
            await ensure_tables(client, topology.tables)
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        raise ConfigurationError(f"the DynamoDB at {url} cannot be used: {error}") from error
