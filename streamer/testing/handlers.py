"""The handlers of a service, put together as for Lambda, from parts that a test chooses."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TextIO, cast

from streamer.app import App
from streamer.handlers.connect import ConnectHandler
from streamer.handlers.disconnect import DisconnectHandler
from streamer.handlers.processor import ProcessorHandler
from streamer.handlers.router import RouterHandler
from streamer.handlers.setup import new_id
from streamer.observability import Logger, Metrics
from streamer.requests.dispatcher import Dispatcher
from streamer.running.attempt import ABANDONED_SECONDS, AttemptParts
from streamer.running.execution import Workers
from streamer.running.progress import Pace
from streamer.sending.hub import Hub
from streamer.sending.publisher import Publisher
from streamer.sending.sender import RetryPolicy, Sender
from streamer.settings import Settings
from streamer.stores.memory import MemoryConnectionStore, MemoryRequestStore, MemorySubscriptionStore
from streamer.stores.protocols import ConnectionStore, RequestStore, SubscriptionStore
from streamer.testing.doubles import FakeClock, Nowhere, RecordingDispatcher, RecordingSender


def _quiet_log() -> Logger:
    return Logger(stream=cast("TextIO", Nowhere()))


def _quiet_metrics() -> Metrics:
    return Metrics(stream=cast("TextIO", Nowhere()))


@dataclass(kw_only=True)
class Handlers:
    """The handlers of the four functions, each made when it is first asked for. Give what a test looks at or lets fail.

    Whoever makes it ends its ``workers``.
    """

    app: App = field(default_factory=App)
    settings: Settings = field(default_factory=Settings)
    connections: ConnectionStore = field(default_factory=MemoryConnectionStore)
    requests: RequestStore = field(default_factory=MemoryRequestStore)
    subscriptions: SubscriptionStore = field(default_factory=MemorySubscriptionStore)
    sender_at: Callable[[str], Sender] = field(default_factory=lambda: RecordingSender().at)
    """The sender of an endpoint."""
    publishing: RetryPolicy | None = None
    """How often a message to many is tried; None: as on Lambda."""
    pass_on: Callable[[Mapping[str, Any]], None] | None = None
    """Takes the event with what is left of a message to many; None: it is delivered at once."""
    dispatcher: Dispatcher = field(default_factory=RecordingDispatcher)
    workers: Workers = field(default_factory=Workers)
    log: Logger = field(default_factory=_quiet_log)
    metrics: Metrics = field(default_factory=_quiet_metrics)
    clock: Callable[[], float] = field(default_factory=FakeClock)
    """Unix seconds."""
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    pace: Pace = field(default_factory=Pace)
    abandonment_seconds: float = ABANDONED_SECONDS
    new_id: Callable[[], str] = new_id

    @cached_property
    def hub(self) -> Hub:
        """The way to connections of tenants."""
        return Hub(
            connections=self.connections,
            subscriptions=self.subscriptions,
            publisher=Publisher(sender_at=self.sender_at, retry=self.publishing, monotonic=self.monotonic),
            sender_at=self.sender_at,
            log=self.log,
            clock=self.clock,
            monotonic=self.monotonic,
            pass_on=self.pass_on,
        )

    @cached_property
    def connect(self) -> ConnectHandler:
        """``$connect``."""
        return ConnectHandler(
            settings=self.settings,
            connections=self.connections,
            log=self.log,
            metrics=self.metrics,
            clock=self.clock,
        )

    @cached_property
    def disconnect(self) -> DisconnectHandler:
        """``$disconnect``."""
        return DisconnectHandler(
            connections=self.connections, subscriptions=self.subscriptions, log=self.log, metrics=self.metrics
        )

    @cached_property
    def router(self) -> RouterHandler:
        """``$default``."""
        return RouterHandler(
            app=self.app,
            settings=self.settings,
            connections=self.connections,
            requests=self.requests,
            subscriptions=self.subscriptions,
            hub=lambda: self.hub,
            sender_at=self.sender_at,
            log=self.log,
            metrics=self.metrics,
            workers=self.workers,
            clock=self.clock,
            new_id=self.new_id,
        )

    @cached_property
    def processor(self) -> ProcessorHandler:
        """The function that runs queued requests."""
        return ProcessorHandler(
            app=self.app,
            parts=AttemptParts(
                requests=self.requests,
                hub=lambda: self.hub,
                workers=self.workers,
                clock=self.clock,
                monotonic=self.monotonic,
                sleep=self.sleep,
                jitter=self.jitter,
                pace=self.pace,
                abandonment_seconds=self.abandonment_seconds,
                production=self.settings.production,
                kept_seconds=self.settings.request_ttl_seconds,
            ),
            sender_at=self.sender_at,
            dispatcher=lambda: self.dispatcher,
            log=self.log,
            metrics=self.metrics,
            new_id=self.new_id,
        )
