"""A DynamoDB of the user's own (DynamoDB Local, a moto server, AWS): tables, streams, and a file for queues."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from streamer.errors import ConfigurationError
from streamer.stores.local_clients import SESSION_VARIABLES, proxies
from streamer.topology import Topology

from ...event_sources.queues.mapping import Queues
from ...event_sources.streams.checkpoints import Checkpoints
from ...event_sources.streams.endpoint import connect_streams
from ...event_sources.streams.poller import PolledSource
from ...event_sources.streams.source import Source
from ...foundation.notes import Notes
from ...functions.destinations import EventDestinations, FileDestinations
from ...functions.variables import Endpoints
from ...iam.caller import Caller
from ...port.http import HttpRequest, HttpResponse
from .tables import ensure_tables

ANSWER_SECONDS: Final = 30.0
"""How long the endpoint may take for one answer."""


class RemoteDatabase(Struct, frozen=True):
    """Tables and streams behind a URL."""

    source: Source
    destinations: EventDestinations
    checkpoints: Checkpoints
    notes: Notes
    url: str
    settings: Mapping[str, Any]

    @property
    def queues(self) -> Queues:
        """None; raises ConfigurationError."""
        raise ConfigurationError(
            "functions read queues of this service, which come with the embedded DynamoDB only; leave out --dynamodb"
        )

    async def apply(self, topology: Topology) -> None:
        """Make what is new; raises ConfigurationError."""
        await _prepare(topology, self.url, self.settings)

    def handle(self, request: HttpRequest, caller: Caller | None = None) -> HttpResponse | None:
        """Nothing: DynamoDB clients talk to the URL itself."""
        return None

    async def ask(self, target: str, body: bytes) -> HttpResponse:
        """Ask the URL, signed with what its user gave; queues there are none."""
        if not target.startswith("DynamoDB"):
            return HttpResponse.of_json(400, {"__type": "UnknownOperationException", "message": "there are no queues"})
        try:
            return await asyncio.to_thread(self._send, target, body)
        except (BotoCoreError, OSError, http.client.HTTPException) as error:
            text = f"{self.url} does not answer: {error or type(error).__name__}"
            return HttpResponse.of_json(503, {"__type": "ServiceUnavailable", "message": text})

    def _send(self, target: str, body: bytes) -> HttpResponse:
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
        made = AWSRequest(method="POST", url=self.url, data=body, headers=headers)
        keys = Credentials(self.settings["aws_access_key_id"], self.settings["aws_secret_access_key"])
        SigV4Auth(keys, "dynamodb", self.settings["region_name"]).add_auth(made)
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        with closing(kind(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)) as connection:
            connection.request("POST", parts.path or "/", body, dict(made.headers.items()))
            answer = connection.getresponse()
            return HttpResponse(answer.status, answer.read())


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
    config = AioConfig(retries={"max_attempts": 2}, connect_timeout=3, read_timeout=10, proxies=proxies(url))
    session = get_session(dict(SESSION_VARIABLES))
    try:
        async with session.create_client("dynamodb", endpoint_url=url, config=config, **settings) as client:
            await ensure_tables(client, topology.tables)
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        raise ConfigurationError(f"the DynamoDB at {url} cannot be used: {error}") from error
