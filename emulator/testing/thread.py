"""An emulator on a thread of its own, for tests: usable from plain functions and from any event loop."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import dataclasses
import itertools
import json
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import quote

from msgspec import Struct

from streamer.auth import mint
from streamer.client import StreamerClient, SyncClient
from streamer.errors import ConfigurationError
from streamer.project import Project
from streamer.service import CONNECT_FUNCTION
from streamer.settings import wanted_of
from streamer.topology import Topology

from ..functions.processes.kept import KeptTemplate
from ..functions.variables import Endpoints
from ..port.loop import loop_factory
from ..wiring.emulator import Emulator, EmulatorConfig

if TYPE_CHECKING:
    from ..command.targets.from_template import TemplateTarget
    from ..command.targets.target import Target

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 60.0
"""How long a plain test waits for a result, or for the next message, unless it says otherwise."""
KEPT_LINES: Final = 100_000
_TEMPLATE: Final = KeptTemplate()
"""From one emulator of this process to the next: what functions are forked from takes longest to start."""
atexit.register(_TEMPLATE.end)

_T = TypeVar("_T")


class LogLine(Struct, frozen=True):
    """One line that a function wrote."""

    function: str
    request_id: str | None
    """Lambda's id of the invocation; None before the first."""
    text: str

    @property
    def record(self) -> dict[str, Any]:
        """The line as JSON; empty if it is not a JSON object."""
        try:
            parsed = json.loads(self.text)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


class LogCapture:
    """Keeps every line (of a very long run, the latest ones); a `LogSink`."""

    platform_lines = False

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self._count = 0
        self._arrived = threading.Condition()

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        """Keep the line."""
        with self._arrived:
            self._lines.append(LogLine(function, request_id, line))
            self._count += 1
            self._arrived.notify_all()

    @property
    def lines(self) -> list[LogLine]:
        """All lines so far."""
        return self.since(0)

    @property
    def count(self) -> int:
        """How many lines were written so far; what `since` takes."""
        with self._arrived:
            return self._count

    def since(self, count: int) -> list[LogLine]:
        """The lines written after the first ``count``."""
        with self._arrived:
            skipped = max(0, count - (self._count - len(self._lines)))
            return list(itertools.islice(self._lines, skipped, None))

    def wait_for(self, wanted: str | Callable[[LogLine], bool], *, timeout_seconds: float = 30.0) -> LogLine:
        """The first line that holds a text, or satisfies a function, now or when it is written.

        Raises:
            AssertionError: none was written in time; the message shows what was.
        """

        def matches(line: LogLine) -> bool:
            return wanted in line.text if isinstance(wanted, str) else wanted(line)

        with self._arrived:
            found = self._arrived.wait_for(
                lambda: next((line for line in self._lines if matches(line)), None), timeout_seconds
            )
        if found is None:
            written = "\n".join(f"{line.function}: {line.text}" for line in self.lines) or "nothing"
            raise AssertionError(f"no such log line within {timeout_seconds:g} s; written was:\n{written}")
        return found


class ConnectedClient(SyncClient):
    """What plain tests get: a client that waits for nothing without end, and draws no bar."""

    def __init__(self, url: str, token: str, *, patience_seconds: float | None) -> None:
        """Waits for so long where a call does not say otherwise; None: without end."""
        super().__init__(url, token, progress=False)
        self._patience_seconds = patience_seconds

    def request(self, action: str, payload: Any = None, **of: Any) -> Any:
        """Run an action and wait for its result; see `StreamerClient.request` for the errors raised."""
        return super().request(action, payload, **{"timeout": self._patience_seconds, **of})

    def resume(self, request_id: str, **of: Any) -> Any:
        """Wait for the result of a request that was sent before; see `StreamerClient.resume`."""
        return super().resume(request_id, **{"timeout": self._patience_seconds, **of})

    def _iterated(self, messages: AsyncGenerator[_T]) -> Iterator[_T]:
        return super()._iterated(_limited(messages, self._patience_seconds))


async def _limited(messages: AsyncGenerator[_T], seconds: float | None) -> AsyncGenerator[_T]:
    """The same messages; raises TimeoutError when none comes for so long."""
    async with contextlib.aclosing(messages):
        while True:
            try:
                async with asyncio.timeout(seconds):
                    message = await anext(messages)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise TimeoutError(f"no message came within {seconds:g} s") from None
            yield message


class EmulatorThread:
    """A running emulator; enter it to start, leave it to stop.

    For an App, ``secret`` is the JWT secret its ``$connect`` has, and ``told`` its variables, so `token` can mint what
    it accepts. ``template`` is where the topology comes from, if that is one.
    """

    def __init__(
        self,
        topology: Topology,
        config: EmulatorConfig,
        *,
        secret: str = "",
        told: Mapping[str, str] | None = None,
        template: TemplateTarget | None = None,
    ) -> None:
        self.logs = LogCapture()
        """What the functions wrote."""
        launched = config.launched or _TEMPLATE
        self._emulator = Emulator(topology, dataclasses.replace(config, launched=launched), log_sink=self.logs)
        self._secret = secret
        self._made = {} if template is None else template.told()
        self._wanted = wanted_of(told or {})
        self._tenant = (told or {}).get("ALLOWED_TENANTS", "").split(",")[0].strip() or "test-tenant"
        self._loop: asyncio.AbstractEventLoop
        self._stopped: asyncio.Event
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop_factory = loop_factory()
        self._thread = threading.Thread(target=self._main, name="streamer-emulator", daemon=True)

    # start and stop

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise TimeoutError(f"the emulator was not ready within {START_SECONDS:g} s")
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError(f"the emulator did not stop within {STOP_SECONDS:g} s")
        if self._failure is not None:
            raise self._failure

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._loop_factory) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - carried to the thread that entered us, and raised there
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        async with self._emulator:
            self._ready.set()
            await self._stopped.wait()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine on the emulator's loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def reload(self) -> None:
        """Let the next events run the functions' code as it is on disk now; connections stay open."""
        self.run(self._emulator.reload())

    @property
    def record_count(self) -> int:
        """How many records there are so far; 0: nothing is recorded."""
        return self.run(self._emulator.record_count())

    def recorded(self, after: int = 0) -> dict[str, Any] | None:
        """What passed through the emulator after so many records, for the console; None: nothing is recorded."""
        return self.run(self._emulator.recorded(after))

    # addresses

    @property
    def websocket_url(self) -> str:
        """What clients connect to, without a token."""
        return self._emulator.websocket_url

    @property
    def websocket_urls(self) -> Sequence[str]:
        """The same of each WebSocket API, in the order in which the service describes them."""
        return self._emulator.websocket_urls

    @property
    def http_urls(self) -> Mapping[str, str]:
        """Where each HTTP API, REST API and function URL is, by its name."""
        return self._emulator.http_urls

    @property
    def resources(self) -> Mapping[str, str]:
        """What ``Ref`` of each of a template's resources is, by logical id (``Stack/Id`` of several stacks)."""
        return {name: str(each["id"]) for name, each in self._made.get("resources", {}).items()}

    @property
    def outputs(self) -> Mapping[str, Any]:
        """A template's outputs, by name (``Stack.Name`` of several stacks)."""
        return dict(self._made.get("outputs", {}))

    @property
    def management_url(self) -> str:
        """The ``endpoint_url`` of ``apigatewaymanagementapi`` clients."""
        return self._emulator.management_url

    @property
    def dynamodb_url(self) -> str:
        """The ``endpoint_url`` of ``dynamodb`` clients."""
        return self._emulator.dynamodb_url

    @property
    def ca_file(self) -> Path:
        """The certificate to trust for ``https`` and ``wss`` on the same port."""
        return self._emulator.authority.ca_file

    @property
    def connection_count(self) -> int:
        """How many WebSocket connections are open."""
        return self._emulator.connection_count

    def aws(self, service: str) -> dict[str, Any]:
        """Arguments that point a boto3 or aiobotocore client at the emulator.

        ``boto3.client("dynamodb", **streamer.aws("dynamodb"))``; services are ``dynamodb``, ``dynamodbstreams``,
        ``lambda``, ``sqs``, ``apigatewaymanagementapi``, and those of docs/services.md.
        """
        endpoints = Endpoints()
        urls = {"dynamodb": self.dynamodb_url, "dynamodbstreams": self.dynamodb_url}
        urls["apigatewaymanagementapi"] = self.management_url
        return {
            "endpoint_url": urls.get(service, self._emulator.url),
            "region_name": self._emulator.config.region,
            "aws_access_key_id": endpoints.owner.access_key_id,
            "aws_secret_access_key": endpoints.owner.secret_access_key,
        }

    # clients

    def token(
        self,
        user: str = "test-user",
        tenant: str | None = None,
        *,
        permissions: Iterable[str] = (),
        expires_in: float = 3600.0,
        **claims: Any,
    ) -> str:
        """A token that the App's ``$connect`` accepts; a negative ``expires_in`` (seconds) makes an expired one.

        Without a tenant it is of ``test-tenant``, or of the first of ``ALLOWED_TENANTS``.

        Raises:
            ConfigurationError: it is no App, so only its own code knows what its ``$connect`` wants.
        """
        if not self._secret:
            raise ConfigurationError("plain handlers have no tokens of ours; connect to websocket_url in your own way")
        return mint(
            self._secret,
            user_id=user,
            tenant_id=self._tenant if tenant is None else tenant,
            now=time.time(),
            permissions=permissions,
            expires_in_seconds=expires_in,
            claims=claims,
            wanted=self._wanted,
        )

    def url(self, user: str = "test-user", tenant: str | None = None, **token: Any) -> str:
        """The WebSocket URL with a token for this user in it, for any WebSocket client."""
        return f"{self.websocket_url}?Authorization={quote(self.token(user, tenant, **token))}"

    def client(self, user: str = "test-user", tenant: str | None = None, **token: Any) -> StreamerClient:
        """A client for ``async with``; see `token` for the arguments."""
        return StreamerClient(self.websocket_url, self.token(user, tenant, **token))

    @contextmanager
    def connect(
        self,
        user: str = "test-user",
        tenant: str | None = None,
        *,
        timeout: float | None = PATIENCE_SECONDS,
        **token: Any,
    ) -> Iterator[SyncClient]:
        """A connected client for tests that are plain functions; see `token` for the other arguments.

        It waits ``timeout`` seconds for a result, or for the next message; None: without end.
        """
        token_text = self.token(user, tenant, **token)
        with ConnectedClient(self.websocket_url, token_text, patience_seconds=timeout) as client:
            yield client


def minting_here(project: Project, environment: Mapping[str, str]) -> tuple[Project, dict[str, str]]:
    """A project, and variables, by which ``$connect`` verifies with the ``JWT_SECRET`` of these and with nothing else.

    Tests make tokens for any user, which no identity provider does.
    """
    keys = ("JWT_SECRET", "JWT_JWKS_URL")
    said = {name: value for name, value in project.environment.items() if name not in keys}
    given = {name: value for name, value in environment.items() if name != "JWT_JWKS_URL"}
    return dataclasses.replace(project, environment=said), given


def emulator_thread(
    target: Topology | Callable[[Mapping[str, str]], Topology | Target],
    config: EmulatorConfig,
    environment: Mapping[str, str],
) -> EmulatorThread:
    """An emulator for a topology, for a template, or for what is made of an App, this environment and a new secret."""
    if isinstance(target, Topology):
        return EmulatorThread(target, config)
    secret = environment.get("JWT_SECRET") or secrets.token_urlsafe(32)
    settings = {"STREAMER_ENV": "development", **environment, "JWT_SECRET": secret}
    found = target(settings)
    if isinstance(found, Topology):
        return EmulatorThread(found, config, secret=secret)
    if found.template is not None:
        config = dataclasses.replace(found.template.configured(config), aws_domain=config.isolation != "inline")
        return EmulatorThread(found.topology, config, template=found.template)
    config = dataclasses.replace(
        config, services=(*config.services, *found.services), domains={**found.domains, **config.domains}
    )
    told = found.topology.function(CONNECT_FUNCTION).environment if found.has_tokens else None
    return EmulatorThread(found.topology, config, secret=secret, told=told)
