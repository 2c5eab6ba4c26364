"""A whole service in memory."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, TextIO, cast

from streamer.app import App
from streamer.errors import GoneError
from streamer.observability import Logger, Metrics
from streamer.protocol.messages import check_size
from streamer.protocol.parts import Joiner
from streamer.records import ConnectionRecord, RequestRecord
from streamer.requests.runs import run_event
from streamer.settings import Settings
from streamer.stores.memory import MemoryConnectionStore, MemoryRequestStore, MemorySubscriptionStore
from streamer.testing.doubles import FakeClock, FakeContext, Nowhere, RecordingDispatcher, RecordingSender
from streamer.testing.events import DOMAIN, STAGE, disconnect_event, message_event, stream_event
from streamer.testing.handlers import Handlers


class RequestFailed(Exception):  # noqa: N818 - it says what happened to the request
    """`LocalConnection.call` got an ``error`` message."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: str = error["code"]
        self.message: str = error["message"]
        self.details: Mapping[str, Any] | None = error.get("details")
        self.retryable: bool = error["retryable"]


@dataclass(frozen=True, slots=True)
class LocalConnection:
    """An open connection of a `LocalService`."""

    service: LocalService
    connection_id: str

    @property
    def received(self) -> list[dict[str, Any]]:
        """All messages so far."""
        return self.service.sender.to(self.connection_id)

    def send(self, message: Any) -> list[dict[str, Any]]:
        """Send a message (a string as it is, anything else as JSON) and return what came back.

        A queued request has run to its end when this returns.

        Raises:
            PayloadTooLargeError: the message has more than 128 KB, which no client can send.
        """
        before = len(self.received)
        self.service.handle(message, self.connection_id)
        return self.received[before:]

    def call(self, action: str, payload: Any = None, **fields: Any) -> Any:
        """Call an action and return its result, whether it is quick or queued.

        Raises:
            RequestFailed: it was answered with an error, or the request was cancelled.
            GoneError: the connection is closed.
            PayloadTooLargeError: as `send`.
        """
        message = {"action": action, "payload": payload, "id": self.service.new_id(), **fields}
        if self.connection_id in self.service.sender.gone:
            raise GoneError(self.connection_id)
        answers = [each for each in _whole(self.send(message)) if _is_about(each, message["id"])]
        if not answers:
            return None  # "keep-alive" has no answer
        last = answers[-1]
        if last["type"] == "error":
            raise RequestFailed(last["error"])
        if last["type"] == "cancelled":
            raise RequestFailed({"code": "CANCELLED", "message": last["reason"], "retryable": False})
        return last["result"] if last["type"] == "complete" else last.get("data")

    def close(self) -> None:
        """Close the connection."""
        self.service.disconnect(self.connection_id)


class StreamedRequests(MemoryRequestStore):
    """Keeps each change of a request until it is taken, as the table's stream does: none is left out between two."""

    def __init__(self) -> None:
        super().__init__()
        self._changes: list[tuple[RequestRecord | None, RequestRecord]] = []

    def taken(self) -> list[tuple[RequestRecord | None, RequestRecord]]:
        """The changes since the last time, each as (before, after), in order; None: it was new."""
        changes, self._changes = self._changes, []
        return changes

    def _store(self, record: RequestRecord) -> None:
        before = self.records.get(record.key)
        super()._store(record)
        self._changes.append((before, record))


class LocalService:
    """A service in memory: the real router and processor, stores that keep what DynamoDB would, no AWS.

    A context manager. ``sender``, ``connections``, ``requests`` and ``subscriptions`` show what happened;
    ``handlers`` are what Lambda would run.
    """

    def __init__(
        self,
        app: App,
        *,
        settings: Settings | None = None,
        clock: Callable[[], float] | None = None,
        log: TextIO | None = None,
    ) -> None:
        """Without I/O.

        Args:
            app: The App under test.
            settings: None: development settings, so that errors show their reasons.
            clock: Unix seconds; None: a clock that stands still.
            log: Where logs and metrics go; None: nowhere.
        """
        self.clock = clock or FakeClock()
        self.sender = RecordingSender()
        self.connections = MemoryConnectionStore()
        self.requests = StreamedRequests()
        self.subscriptions = MemorySubscriptionStore()
        self._dispatcher = RecordingDispatcher()
        self._ids = itertools.count(1)
        stream = log or cast("TextIO", Nowhere())
        self.handlers = Handlers(
            app=app,
            settings=settings or Settings(production=False),
            connections=self.connections,
            requests=self.requests,
            subscriptions=self.subscriptions,
            sender_at=self.sender.at,
            dispatcher=self._dispatcher,
            log=Logger(stream=stream),
            metrics=Metrics(stream=stream),
            clock=self.clock,
            jitter=lambda: 0.0,  # another attempt follows at once
            new_id=self.new_id,
        )

    def __enter__(self) -> Self:
        """Nothing to start."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads that ran actions."""
        self.handlers.workers.close()

    def connect(
        self, *, user_id: str = "user", tenant_id: str = "tenant", permissions: Iterable[str] = ()
    ) -> LocalConnection:
        """Open a connection of someone who has proven who they are."""
        now = self.clock()
        connection_id = f"connection-{next(self._ids)}"
        self.connections.put(
            ConnectionRecord(
                connection_id=connection_id,
                tenant_id=tenant_id,
                user_id=user_id,
                permissions=frozenset(permissions),
                endpoint=f"https://{DOMAIN}/{STAGE}",
                source_ip="203.0.113.7",
                connected_at=now,
                expires_at=int(now) + self.handlers.settings.connection_ttl_seconds,
            )
        )
        return LocalConnection(self, connection_id)

    def handle(self, message: Any, connection_id: str) -> None:
        """Route a message, then run what it queued.

        Raises:
            PayloadTooLargeError: it has more than 128 KB: API Gateway would close the connection.
        """
        event = message_event(message, connection_id=connection_id, now=self.clock())
        check_size(event["body"])
        self.requests.taken()  # what a test did to the store by itself is no concern of this message
        self.handlers.router(event, self._context())
        while changes := self.requests.taken():
            self.handlers.processor(stream_event(changes), self._context())
            while self._dispatcher.dispatched:
                run = self._dispatcher.dispatched.pop(0)
                event = run_event(run.key, not_before=run.not_before, tells=run.tells)
                self.handlers.processor(event, self._context())

    def disconnect(self, connection_id: str) -> None:
        """Close a connection."""
        self.sender.gone.add(connection_id)
        self.handlers.disconnect(disconnect_event(connection_id=connection_id, now=self.clock()), self._context())

    def _context(self) -> FakeContext:
        return FakeContext(aws_request_id=f"invocation-{next(self._ids)}")

    def new_id(self) -> str:
        """An id that nothing else in this service has."""
        return f"id-{next(self._ids)}"


def _is_about(message: Mapping[str, Any], request_id: str) -> bool:
    """Whether a message answers a request; an id that has not the form of one is refused without it."""
    return message["request_id"] == request_id or (message["type"] == "error" and message["request_id"] is None)


def _whole(messages: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The messages, those that came in parts joined."""
    joiner = Joiner()
    for message in messages:
        if message["type"] != "part":
            yield message
        elif (text := joiner.add(message)) is not None:
            yield json.loads(text)
