"""What the console sees of the emulator around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from streamer.topology import Topology

from ..dynamodb.endpoints.protocol import Database
from ..event_sources.streams.kinesis import KinesisEngine
from ..event_sources.streams.mapping import EventSourceMappings
from ..functions.factory import Isolation, RunningFunctions
from ..gateway.rules.assumptions import Assumptions
from ..gateway.rules.limits import Limits
from ..gateway.shell import Gateway
from .settings import ConsoleSettings


class Around(Struct, frozen=True, kw_only=True):
    """Made when all of it runs."""

    settings: ConsoleSettings
    topology: Callable[[], Topology]
    gateways: Callable[[], Sequence[Gateway]]
    functions: RunningFunctions
    accept: Callable[[str, bytes, str], bool]
    """Runs an event in the background: function, payload and request id; False: there are too many."""
    database: Database
    mappings: Callable[[], EventSourceMappings]
    """Those that run now; a change of the service starts others."""
    kinesis: Callable[[], KinesisEngine]
    """The streams of Kinesis."""
    role_arn: Callable[[str], str]
    """As whom a function's records of Kinesis are read."""
    limits: Limits
    assumptions: Assumptions
    isolation: Isolation
    websocket_urls: Callable[[], Sequence[str]]
    http_urls: Callable[[], Mapping[str, str]]
    """Where each HTTP API, REST API and function URL is, by name."""
    management_url: str
    dynamodb_url: str
    url: str
    ca_file: str
    project_folder: Path

    def messages(self) -> int:
        """How many messages clients have sent so far."""
        return sum(gateway.messages for gateway in self.gateways())
