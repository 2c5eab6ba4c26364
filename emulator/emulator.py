"""Wiring: one async context manager that starts every part of the emulator, owns it, and stops it in order."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import secrets
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from streamer.topology import Topology, validate

from .database.opening import open_database
from .database.protocol import Database
from .functions.factory import Isolation, RunningFunctions, create_functions
from .functions.logs import LogSink, Tails
from .functions.service import LambdaService
from .functions.variables import Endpoints
from .gateway.rules import management
from .gateway.rules.ids import IdSource
from .gateway.rules.limits import Assumptions, Limits
from .gateway.rules.stage import Facts, Stage
from .gateway.shell import Gateway
from .gateway.verifier import Verifier
from .port.front import Front
from .port.http import REQUEST_SECONDS, HttpProtocol, HttpRequest
from .port.origin import foreign_origin
from .port.tls import Authority, authority
from .schedules import Schedules
from .streams.mapping import EventSourceMappings

DISCONNECT_SECONDS: Final = 10.0
"""How long ``$disconnect`` functions may take in all when the emulator stops."""
DEFAULT_ISOLATION: Final[Isolation] = "process"
"""As on Lambda; docs/decisions/0004 has the measurements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorConfig:
    """How a topology is emulated; the defaults are those of a test."""

    host: str = "127.0.0.1"
    port: int = 0
    """0: a free one."""
    project_folder: Path = field(default_factory=Path.cwd)
    """Where functions without a ``code_root`` find their code."""
    state_folder: Path = Path(".streamer")
    """Keeps the certificate authority."""
    isolation: Isolation | None = None
    """Where functions run; None: `DEFAULT_ISOLATION`."""
    concurrency: int | None = None
    """Executions of one function at once; None: the isolation's default."""
    dynamodb: str = "embedded"
    """``embedded``, or the URL of a DynamoDB."""
    state_file: Path | None = None
    """Keeps the embedded tables across restarts; None: they are gone in the end."""
    limits: Limits = field(default_factory=Limits)
    assumptions: Assumptions = field(default_factory=Assumptions)
    region: str = "us-east-1"
    account_id: str = "123456789012"
    request_seconds: float = REQUEST_SECONDS
    """How long a client may take to send its first byte, and a request from its first byte to its last."""


class Emulator:
    """A running service: enter it to start, leave it to stop.

    Leaving closes every connection with 1001, runs every ``$disconnect``, stops the event source mappings and ends
    all processes.
    """

    def __init__(self, topology: Topology, config: EmulatorConfig, *, log_sink: LogSink) -> None:
        """Describe what to run; raises TopologyError when AWS would refuse it."""
        validate(topology)
        self.topology = topology
        self.config = config
        self._tails = Tails(log_sink)
        self._stack = AsyncExitStack()
        self._front: Front
        self._gateway: Gateway
        self._functions: RunningFunctions
        self._lambda: LambdaService
        self._database: Database
        self.mappings: EventSourceMappings
        self.authority: Authority

    # addresses

    @property
    def port(self) -> int:
        """The port that serves everything."""
        return int(self._front.port)

    @functools.cached_property
    def address(self) -> str:
        """Host and port, as they stand in events as ``domainName``."""
        host = "127.0.0.1" if self.config.host in ("0.0.0.0", "::") else self.config.host  # noqa: S104 - compared only
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def websocket_url(self) -> str:
        """What clients connect to."""
        return f"ws://{self.address}/{self.topology.api.stage}"

    @property
    def management_url(self) -> str:
        """The ``endpoint_url`` of ``apigatewaymanagementapi`` clients."""
        return f"http://{self.address}/{self.topology.api.stage}"

    @property
    def url(self) -> str:
        """The ``endpoint_url`` of ``lambda`` clients."""
        return f"http://{self.address}"

    @property
    def dynamodb_url(self) -> str:
        """The ``endpoint_url`` of ``dynamodb`` clients."""
        return self.url if self.config.dynamodb == "embedded" else self.config.dynamodb

    @property
    def connection_count(self) -> int:
        """How many WebSocket connections are open."""
        return self._gateway.connection_count

    # start and stop

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def reload(self) -> None:
        """Let the next events run the functions' code as it is on disk now; connections stay open."""
        await self._functions.reload()

    def warm(self) -> None:
        """Prepare for the first event of each function, in the background."""
        self._functions.warm()

    async def _start(self, stack: AsyncExitStack) -> None:
        config = self.config
        self.authority = await asyncio.to_thread(authority, config.state_folder, host=config.host)
        self._front = Front(
            self._protocol,
            host=config.host,
            port=config.port,
            tls=self.authority.server_context(),
            first_byte_seconds=config.request_seconds,
        )
        endpoints = self._endpoints()
        stack.callback(self._front.close)
        self._database = await stack.enter_async_context(
            open_database(
                self.topology,
                endpoints,
                url=config.dynamodb,
                state_file=config.state_file,
                state_folder=config.state_folder,
            )
        )
        self._functions = create_functions(
            self.topology,
            config.isolation or DEFAULT_ISOLATION,
            endpoints=endpoints,
            project_folder=config.project_folder,
            log_sink=self._tails,
            concurrency=config.concurrency,
        )
        self._lambda = LambdaService(
            self.topology,
            self._functions,
            endpoints=endpoints,
            destinations=self._database.destinations,
            tails=self._tails,
        )
        self._gateway = Gateway(self._stage(endpoints), self._functions, self._verifier(endpoints))
        self.mappings = EventSourceMappings(
            self.topology,
            self._functions,
            self._database.source,
            self._database.destinations,
            checkpoints=self._database.checkpoints,
        )
        await stack.enter_async_context(self._front)
        await stack.enter_async_context(self._functions)
        await stack.enter_async_context(self._lambda)
        await stack.enter_async_context(self.mappings)
        await stack.enter_async_context(Schedules(self.topology, self._lambda.accept))
        stack.push_async_callback(self._gateway.stop, timeout_seconds=DISCONNECT_SECONDS)

    def _endpoints(self) -> Endpoints:
        services = {"LAMBDA": self.url, "SQS": self.url, "APIGATEWAYMANAGEMENTAPI": self.management_url}
        services |= {"DYNAMODB": self.dynamodb_url, "DYNAMODB_STREAMS": self.dynamodb_url}
        return Endpoints(
            services=services,
            ca_bundle=str(self.authority.bundle_file.absolute()),
            region=self.config.region,
            account_id=self.config.account_id,
        )

    def _stage(self, endpoints: Endpoints) -> Stage:
        api = self.topology.api
        facts = Facts(
            region=endpoints.region,
            account_id=endpoints.account_id,
            api_id=hashlib.blake2b(api.name.encode(), digest_size=5).hexdigest(),
            domain_name=self.address,
        )
        ids = IdSource(endpoints.region, secrets.randbits(64))
        return Stage(api, facts, ids, limits=self.config.limits, assumptions=self.config.assumptions)

    def _verifier(self, endpoints: Endpoints) -> Verifier:
        return Verifier(
            access_key_id=endpoints.access_key_id, secret_access_key=endpoints.secret_access_key, clock=time.time
        )

    # the port

    def _protocol(self, is_tls: bool) -> HttpProtocol:
        return HttpProtocol(
            self._answer,
            upgrade=self._gateway.upgrade,
            is_tls=is_tls,
            request_seconds=self.config.request_seconds,
        )

    def _answer(self, request: HttpRequest) -> Any:
        target = management.parse_path(request.raw_path)
        if target is None and request.method == "GET":
            return self._gateway.refuse(request)
        if (refusal := foreign_origin(request, self.address)) is not None:
            return refusal
        if target is not None:
            return self._gateway.manage(request, target)
        if self._lambda.handles(request):
            return self._lambda.handle(request)
        return self._database.handle(request) or self._gateway.refuse(request)
