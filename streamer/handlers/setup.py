"""What a handler builds from its environment variables, once per execution environment.

Each handler module keeps its own `Once`, and nothing is kept elsewhere: where functions share a process, each still has
its own settings.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from streamer import settings as environment_settings
from streamer.errors import ConfigurationError
from streamer.observability import Logger, Metrics
from streamer.requests.ids import RANDOM_BYTES, uuid7
from streamer.sending.sdk_requests import SdkRequests
from streamer.sending.transport import PooledExchange
from streamer.settings import SAMPLED, TRACE_VARIABLE, Settings
from streamer.stores import names
from streamer.stores.client import Clients
from streamer.stores.dynamodb import DynamoConnectionStore, DynamoSubscriptionStore

# Of what only some functions have, such as an App or a way to connections, none of the others pays in its cold start.
if TYPE_CHECKING:
    from botocore.session import Session

    from streamer.app import App
    from streamer.observability.tracing import Tracing
    from streamer.requests.dispatcher import LambdaDispatcher
    from streamer.sending.hub import Hub
    from streamer.sending.sender import ManagementApi
    from streamer.stores.dynamodb_requests import DynamoRequestStore

T = TypeVar("T")

DYNAMODB: Final = "dynamodb"
RUNTIME_API: Final = "AWS_LAMBDA_RUNTIME_API"
"""The variable that tells where events come from. [DOC] lambda-docs:configuration-envvars"""


class Once(Generic[T]):
    """What an execution environment builds once and keeps: in Lambda's init, else at its first event.

    Safe to share between threads.

    A Lambda process is one environment from its start to its end. Where functions run as threads of one process,
    environments follow upon each other in it; each has a log stream of its own, which therefore tells them apart.
    [REC] ls-snap, FIDELITY H12
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: tuple[str | None, T] | None = None

    def __call__(self) -> T:
        """The value; raises what making it raises, and then makes it again at the next call."""
        log_stream = environment_settings.environment().get("AWS_LAMBDA_LOG_STREAM_NAME")
        made = self._made
        if made is None or made[0] != log_stream:
            with self._lock:
                made = self._made
                if made is None or made[0] != log_stream:
                    made = self._made = (log_stream, self._make())
        return made[1]

    def in_init(self) -> None:
        """Make it now if Lambda is importing the handler: that is init, where the CPU is whole and no client waits.

        What cannot be made is told by the first event, which tries again. [DOC] lambda-docs:lambda-runtime-environment
        """
        if RUNTIME_API in environment_settings.environment():
            with contextlib.suppress(ConfigurationError):
                self()


def processor_of(function_name: str) -> str:
    """The name of the processor beside a function, or of itself: all end with what the topology calls them."""
    for name in ("router", "dispatcher"):
        if function_name.endswith(name):
            return f"{function_name.removesuffix(name)}processor"
    return function_name


def new_id() -> str:
    """An id that no other call returns."""
    return uuid7(time.time_ns() // 1_000_000, os.urandom(RANDOM_BYTES))


def _made(client: Any, session: Session) -> None:
    """Let a client of DynamoDB, which every message waits for, sign and send its requests in the quicker way."""
    if client.meta.service_model.service_name == DYNAMODB:
        SdkRequests(
            PooledExchange(session.get_config_variable("ca_bundle")),
            credentials=session.get_credentials(),
            timeout_seconds=client.meta.config.read_timeout,
        ).register(client)


About = Callable[..., AbstractContextManager[None]]
"""Records what happens meanwhile: see `Environment.about`."""


def unrecorded(_name: str, **_annotations: str | None) -> AbstractContextManager[None]:
    """Record nothing."""
    return contextlib.nullcontext()


class Environment:
    """The collaborators of one function. Not safe to share between threads while it builds; `Once` sees to that."""

    @cached_property
    def settings(self) -> Settings:
        """The settings; raises ConfigurationError if a variable makes no sense or a secret cannot be read."""
        environ = environment_settings.environment()
        if environ.get("STREAMER_SECRETS"):
            # Only where `streamer deploy` put secrets into Secrets Manager.
            from streamer.handlers import secrets  # noqa: PLC0415

            secrets.load(environ, self.clients.get)
        return environment_settings.current()

    @cached_property
    def log(self) -> Logger:
        """The logger."""
        return Logger(
            level=self.settings.log_level,
            secrets=(self.settings.jwt_secret,),
            fields={"service": self.settings.service, "stage": self.settings.stage},
        )

    @cached_property
    def metrics(self) -> Metrics:
        """The metrics."""
        return Metrics(dimensions=self.settings.metric_dimensions)

    def about(self, name: str, **annotations: str | None) -> AbstractContextManager[None]:
        """Record for X-Ray what happens meanwhile, where Lambda records the invocation; see `Tracing.about`."""
        if SAMPLED not in environment_settings.environment().get(TRACE_VARIABLE, ""):
            return unrecorded(name, **annotations)
        return self._tracing.about(name, **annotations)

    @cached_property
    def _tracing(self) -> Tracing:
        from streamer.observability.tracing import Tracing  # noqa: PLC0415

        return Tracing(environment_settings.environment())

    @cached_property
    def app(self) -> App:
        """The user's App; raises ConfigurationError if it cannot be loaded."""
        if self.settings.app is None:
            raise ConfigurationError("STREAMER_APP is not set; it names the App as module:attribute")
        from streamer.loading import load_app  # noqa: PLC0415

        return load_app(self.settings.app)

    @cached_property
    def function_name(self) -> str:
        """The name of the function that this is. [REC] ls-snap, FIDELITY H12"""
        name = environment_settings.environment().get("AWS_LAMBDA_FUNCTION_NAME")
        if not name:
            raise ConfigurationError("AWS_LAMBDA_FUNCTION_NAME is not set; handlers run on Lambda or the emulator")
        return name

    @cached_property
    def processor(self) -> LambdaDispatcher:
        """The way to the processor, from itself and from the functions beside it."""
        from streamer.requests.dispatcher import LambdaDispatcher  # noqa: PLC0415

        return LambdaDispatcher(lambda: self.clients.get("lambda"), processor_of(self.function_name))

    def prepare(self) -> None:
        """Make what the first event would wait for: the client of DynamoDB takes a tenth of a second."""
        self.clients.get(DYNAMODB)

    @cached_property
    def clients(self) -> Clients:
        """AWS clients."""
        return Clients(_made)

    def _dynamodb(self) -> Any:
        return self.clients.get(DYNAMODB)

    @cached_property
    def management_api(self) -> ManagementApi:
        """The way to connections."""
        from streamer.sending.sender import ManagementApi  # noqa: PLC0415

        return ManagementApi.from_environ(environment_settings.environment())

    @cached_property
    def hub(self) -> Hub:
        """The way to connections of tenants."""
        from streamer.sending.hub import Hub  # noqa: PLC0415
        from streamer.sending.publisher import Publisher  # noqa: PLC0415

        return Hub(
            connections=self.connections,
            subscriptions=self.subscriptions,
            publisher=Publisher(sender_at=self.management_api.once_at),
            sender_at=self.management_api.at,
            log=self.log,
            pass_on=self._pass_on,
        )

    def _pass_on(self, event: Mapping[str, Any]) -> None:
        self.processor.start(event)

    @cached_property
    def connections(self) -> DynamoConnectionStore:
        """The connections table."""
        return DynamoConnectionStore(self._dynamodb, names.connections_table(self.settings.table_prefix))

    @cached_property
    def requests(self) -> DynamoRequestStore:
        """The requests table."""
        from streamer.stores.dynamodb_requests import DynamoRequestStore  # noqa: PLC0415

        return DynamoRequestStore(
            self._dynamodb,
            names.requests_table(self.settings.table_prefix),
            kept_seconds=self.settings.request_ttl_seconds,
        )

    @cached_property
    def subscriptions(self) -> DynamoSubscriptionStore:
        """The subscriptions table."""
        return DynamoSubscriptionStore(self._dynamodb, names.subscriptions_table(self.settings.table_prefix))
