"""Wiring: one async context manager that starts every part of the emulator, owns it, and stops it in order."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, Self

from streamer.errors import ConfigurationError
from streamer.topology import Topology
from streamer.topology.checks import validate

from ..console.access import STAGE
from ..dynamodb.endpoints.opening import open_database
from ..dynamodb.endpoints.protocol import Database
from ..event_sources.readers import Readers
from ..event_sources.streams.mapping import EventSourceMappings
from ..foundation import log
from ..foundation.recording import Recording
from ..functions.factory import RunningFunctions, create_functions
from ..functions.logs import Fanout, LogSink, Recorded, Tails
from ..functions.service import LambdaService
from ..functions.variables import HOSTED, Endpoints
from ..gateway.http_apis.service import HttpApis, read_apis
from ..gateway.rules.stage import Stage
from ..iam.guard import Guard
from ..iam.keys import KeyRing
from ..iam.roles import Roles
from ..port.elsewhere import Elsewhere
from ..port.http import Answer, HttpRequest
from ..port.real_aws import VARIABLE, RealAws, endpoint_variables, real_services
from ..port.tls import Authority, authority
from ..port.tunnel import Tunnels
from ..services.calls import Call
from ..services.deliveries import Outside
from ..services.host import Services
from ..services.onward import Onward
from ..services.s3 import buckets
from ..services.web import Web, post
from .config import DEFAULT_ISOLATION, EmulatorConfig, guarding_mode
from .guarding import guarding, place_of
from .served_api import ServedApi, following, listening, verifier
from .switchboard import Switchboard
from .topology_changes import read_by, refuse_moves

if TYPE_CHECKING:
    from ..console.service import Console
    from ..templates.control_plane.service import ControlPlane

DISCONNECT_SECONDS: Final = 10.0
"""How long ``$disconnect`` functions may take in all when the emulator stops."""
CHECKPOINT_SECONDS: Final = 2.0
"""How often it is noted how far streams were read, where that is kept."""


__all__ = ("Emulator", "EmulatorConfig")


class Emulator:
    """A running service: enter it to start, leave it to stop.

    Leaving closes every connection with 1001, runs every ``$disconnect``, stops the event source mappings and ends
    all processes.
    """

    def __init__(self, topology: Topology, config: EmulatorConfig, *, log_sink: LogSink) -> None:
        """Describe what to run; raises TopologyError when AWS would refuse it."""
        validate(topology)
        if any(api.stage == STAGE for api in topology.all_apis()):
            raise ConfigurationError(f"a stage cannot be called {STAGE} here: its path is the console's")
        self.topology, self.config = topology, config
        self._iam, self._recording = guarding_mode(config), Recording()
        self._console: Console | None = None
        self._control: ControlPlane | None = None
        self._real = real_services(config.real, config.region)
        real = RealAws(self._real, config.region) if self._real else None
        self._elsewhere = Elsewhere(real, is_deployed_to=config.provide is not None)
        self._tails = Tails()
        recorded = (Recorded(self._recording),) if config.console else ()
        self._log_sink = Fanout(*recorded, log_sink, self._tails)
        self._stack = AsyncExitStack()
        self._apis: list[ServedApi] = []
        self._functions: RunningFunctions
        self._http_apis: HttpApis
        self._lambda: LambdaService
        self._guard: Guard
        self._database: Database
        self._services: Services
        self._switchboard: Switchboard
        self._tunnels: Tunnels
        self._readers: Readers
        self.authority: Authority

    @property
    def mappings(self) -> EventSourceMappings:
        """What reads streams now."""
        return self._readers.mappings

    # addresses

    @property
    def port(self) -> int:
        """The port that serves everything."""
        return self._apis[0].port

    @property
    def address(self) -> str:
        """Host and port."""
        return self._apis[0].address

    @property
    def _home(self) -> tuple[str, int]:
        """Where AWS's names lead."""
        return self.address.rpartition(":")[0].strip("[]"), self.port

    @property
    def websocket_url(self) -> str:
        """What clients connect to."""
        return self.websocket_urls[0]

    @property
    def websocket_urls(self) -> tuple[str, ...]:
        """What clients of each API connect to, in the topology's order."""
        return tuple(served.url for served in self._apis)

    @property
    def http_urls(self) -> dict[str, str]:
        """Where each HTTP API, REST API and function URL is found, by name."""
        return self._http_apis.urls()

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
    def console_url(self) -> str | None:
        """The console's page, with the token that opens it; None: there is no console."""
        return None if self._console is None else self._console.page_url(self.url)

    async def record_count(self) -> int:
        """How many records the console has made so far; 0: there is no console."""
        if self._console is None:
            return 0
        await self._console.answered()
        return self._console.count

    async def recorded(self, after: int = 0) -> dict[str, Any] | None:
        """What was recorded after so many records, as the console exports it; None: there is no console."""
        if self._console is None:
            return None
        await self._console.answered()
        return self._console.recorded(after)

    @property
    def connection_count(self) -> int:
        """How many WebSocket connections are open."""
        return sum(served.gateway.connection_count for served in self._apis)

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

    async def apply(self, topology: Topology, services: tuple[Call, ...] = (), roles: Roles | None = None) -> None:
        """Go by another description: functions, routes, authorizers, sources and tables change, connections stay open.

        Tables are never removed, nor what keeps something in ``services``. What reads streams, queues and the clock
        goes on where it was. ``roles``: what functions run as now; None: what the topology grants them.

        Raises:
            ConfigurationError: the description is wrong, or needs a start of its own; everything stays as it was.
        """
        validate(topology)
        if self._control is None:
            refuse_moves(self.topology, topology)
        served, known = following(self._apis, topology.all_apis()), list(self._apis)
        # What is wrong is refused before anything changes.
        web, reading = read_apis(topology.http_apis), self._readers.read(topology)
        for each, api in served:
            if each in known:
                Stage(api, each.stage.facts, each.stage.ids)
            else:
                self._open(each)
        async with self._services.applied(services, buckets.calls(topology.buckets, self.config.region)):
            await self._database.apply(topology)
        for each, api in served:
            each.change(api)
        self._apis[:] = [each for each, _ in served]
        await self._stop_gateways([each for each in known if each not in self._apis])
        self._guard.change(topology, place_of(self._apis, self.endpoints), roles)
        await self._functions.apply(topology)
        self._lambda.apply(topology)
        self._http_apis.change(web)
        before, self.topology = self.topology, topology
        if self._readers.have_begun and read_by(before) != read_by(topology):
            await self._readers.stop()
            await self._readers.start(reading)

    def cut_all(self) -> int:
        """Cut every WebSocket as a network that fails does, ``$disconnect`` with 1006 included; answers how many."""
        return sum(served.gateway.cut_all() for served in self._apis)

    def warm(self) -> None:
        """Prepare for the first event of each function, in the background."""
        self._functions.warm()

    def hold(self, *, is_held: bool) -> None:
        """Whether accepted events that fail wait to be tried again, because the functions' code does not load."""
        self._lambda.hold(is_held=is_held)

    async def _start(self, stack: AsyncExitStack) -> None:
        config = self.config
        names, folder = config.domain_names, config.state_folder
        self.authority = await asyncio.to_thread(authority, folder, host=config.host, region=config.region, names=names)
        self._tunnels = Tunnels(lambda: self._home, names)
        stack.push_async_callback(self._tunnels.close)
        self._apis = listening(
            self.topology.all_apis(),
            config,
            self.authority,
            stack,
            answer=self._answer,
            upgrade=self._upgrade,
            connect=self._tunnels.open,
        )
        endpoints = self.endpoints = self._endpoints()
        place = place_of(self._apis, endpoints)
        self._guard = stack.enter_context(guarding(self.topology, place, endpoints, self.config, self._log_sink))
        self._database = await stack.enter_async_context(
            open_database(
                self.topology,
                endpoints,
                url=config.dynamodb,
                state_file=config.state_file,
                state_folder=config.state_folder,
            )
        )
        self._make_functions(endpoints)
        self._open_apis(endpoints)
        web = await stack.enter_async_context(Web(post))
        self._services = await stack.enter_async_context(self._hosting(endpoints, web))
        self._elsewhere.hosted = self._services
        if config.console:
            await self._open_console(stack)
        if config.provide is not None:
            self._control = self._controlled(config.provide)
        self._switchboard = self._switchboard_of_parts()
        for served in self._apis:
            await stack.enter_async_context(served.front)
        await stack.enter_async_context(self._functions)
        await stack.enter_async_context(self._lambda)
        await self._services.ready()
        self._readers = self._reading()
        stack.push_async_callback(self._readers.stop)
        stack.push_async_callback(self._stop_gateways, self._apis)
        stack.push_async_callback(self._http_apis.close)
        if self._control is not None:  # with the last run's stacks, whose mappings go on where they were
            await stack.enter_async_context(self._control)
        await self._readers.start(self._readers.read(self.topology))
        lost = sum(served.gateway.end_lost() for served in self._apis)
        if lost:
            log.info("running $disconnect of connections that were open when the last emulator ended", connections=lost)

    def _make_functions(self, endpoints: Endpoints) -> None:
        self._functions = create_functions(
            self.topology,
            self.config.isolation or DEFAULT_ISOLATION,
            endpoints=endpoints,
            project_folder=self.config.project_folder,
            log_sink=self._log_sink,
            concurrency=self.config.concurrency,
            is_debugged=self.config.is_debugged,
            inspected=self.config.inspected,
            recording=self._recording,
            launched=self.config.launched,
        )
        self._destinations = Onward(self._database.destinations, lambda: self._lambda.accept, lambda: self._services)
        self._lambda = LambdaService(
            self.topology,
            self._functions,
            endpoints=endpoints,
            destinations=self._destinations,
            tails=self._tails,
            notes=self._database.notes,
        )

    def _open_apis(self, endpoints: Endpoints) -> None:
        apis, aws_domain = self.topology.http_apis, self.config.aws_domain
        notes, known = self._database.notes, verifier(self._guard, endpoints)
        self._http_apis = HttpApis(
            apis, self._lambda, endpoints, verifier=known, address=self.address, aws_domain=aws_domain, notes=notes
        )
        for served in self._apis:
            self._open(served)

    def _open(self, served: ServedApi) -> None:
        notes, recording = self._database.notes, self._recording
        served.open(self._lambda, self.endpoints, self.config, guard=self._guard, recording=recording, notes=notes)

    async def _open_console(self, stack: AsyncExitStack) -> None:
        # Only who wants it pays for its import.
        from ..console.around import Around  # noqa: PLC0415
        from ..console.service import Console  # noqa: PLC0415
        from ..console.settings import ConsoleSettings  # noqa: PLC0415
        from ..console.token import console_token  # noqa: PLC0415

        config = self.config
        around = Around(
            settings=config.console if isinstance(config.console, ConsoleSettings) else ConsoleSettings(),
            topology=lambda: self.topology,
            gateways=lambda: [served.gateway for served in self._apis],
            functions=self._functions,
            accept=self._lambda.accept,
            database=self._database,
            mappings=lambda: self.mappings,
            kinesis=lambda: self._services.streams,
            role_arn=lambda function: self._readers.role_arn(function),  # noqa: PLW0108 - they come later
            limits=config.limits,
            assumptions=config.assumptions,
            isolation=config.isolation or DEFAULT_ISOLATION,
            websocket_urls=lambda: self.websocket_urls,
            http_urls=lambda: self.http_urls,
            management_url=self.management_url,
            dynamodb_url=self.dynamodb_url,
            url=self.url,
            ca_file=str(self.authority.ca_file.absolute()),
            project_folder=config.project_folder,
        )
        token = await asyncio.to_thread(console_token, config.state_folder)
        self._console = await stack.enter_async_context(Console(around, self._recording, token=token))

    def _controlled(self, provide: Callable[[Topology], Topology]) -> ControlPlane:
        # Templates take some 50 ms to import, for those who deploy to here.
        from ..templates.control_plane.service import ControlPlane  # noqa: PLC0415
        from ..templates.control_plane.world import EmulatedWorld  # noqa: PLC0415

        world = EmulatedWorld(
            endpoints=self.endpoints,
            services=self._services,
            database=self._database,
            asks_for_rights=self._iam != "off",
            tables_outlive_stacks=self.config.dynamodb != "embedded",
            applying=self.apply,
        )
        return ControlPlane(
            world,
            self.config.state_folder,
            provide,
            address=self.address,
            ids=lambda: self._switchboard.ids,
            notes=self._database.notes,
        )

    async def _stop_gateways(self, apis: Iterable[ServedApi]) -> None:
        stops = [served.gateway.stop(timeout_seconds=DISCONNECT_SECONDS) for served in apis]
        await asyncio.gather(*stops)

    def _reading(self) -> Readers:
        return Readers(
            self._functions,
            self._lambda.accept,
            self._database,
            self._recording,
            kinesis=lambda: self._services.streams,
            place=(self.config.region, self.config.account_id),
            checkpoint_seconds=CHECKPOINT_SECONDS if self._database.checkpoints.are_kept else None,
            destinations=self._destinations,
        )

    def _endpoints(self) -> Endpoints:
        services = {"LAMBDA": self.url, "SQS": self.url, "APIGATEWAYMANAGEMENTAPI": self.management_url}
        services |= {"DYNAMODB": self.dynamodb_url, "DYNAMODB_STREAMS": self.dynamodb_url}
        services |= dict.fromkeys(HOSTED, self.url)
        services |= {name.removeprefix(VARIABLE): url for name, url in endpoint_variables(self._real).items()}
        return Endpoints(
            services=services,
            ca_bundle=str(self.authority.bundle_file.absolute()),
            ca_file=str(self.authority.ca_file.absolute()),
            home=self._home,
            names=self.config.domain_names,
            region=self.config.region,
            account_id=self.config.account_id,
            keys={} if self._iam == "off" else KeyRing(secrets.token_bytes(32)),
        )

    def _hosting(self, endpoints: Endpoints, web: Web) -> Services:
        def names() -> set[str]:
            return {function.name for function in self.topology.functions}

        outside = Outside(names, self._lambda.accept, lambda: self._database.queues, web)
        return Services(
            self.config.services,
            later=buckets.calls(self.topology.buckets, endpoints.region),
            endpoints=endpoints,
            guard=self._guard,
            deliver=outside.deliver,
            functions=self._functions,
            forgets=self.config.state_file is not None,
        )

    def recorded_grants(self) -> str | None:
        """The grants that the functions needed so far, ready to paste; None: nothing was recorded."""
        return self._guard.recorded()

    # the ports

    def _switchboard_of_parts(self) -> Switchboard:
        return Switchboard(
            apis=self._apis,
            http_apis=self._http_apis,
            functions=self._lambda,
            database=self._database,
            elsewhere=self._elsewhere,
            guard=self._guard,
            recording=self._recording,
            names=self.config.domain_names,
            console=self._console,
            control=self._control,
            pages=self.config.pages,
            aws_domain=self.config.aws_domain,
        )

    def _answer(self, served: ServedApi, request: HttpRequest) -> Answer:
        return self._switchboard.answer(served, request)

    def _upgrade(self, served: ServedApi, request: HttpRequest, transport: asyncio.Transport, rest: bytes) -> None:
        self._switchboard.upgrade(served, request, transport, rest)
