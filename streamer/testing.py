"""For tests of services: a whole service in memory, doubles of its parts, and the events that AWS sends.

The quickest way to test actions is a `LocalService`; it runs the real router and processor without sockets or AWS::

    def test_greet() -> None:
        with LocalService(app) as service:
            client = service.connect(user_id="ada")

            assert client.call("greet", {"name": "Ada"}) == {"hello": "Ada"}

For tests over real sockets, the pytest plugin starts an emulator.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TextIO, cast

from streamer.app import App
from streamer.aws_limits import MESSAGE_BYTES
from streamer.errors import DispatchError, GoneError, PayloadTooLargeError
from streamer.handlers.disconnect import DisconnectHandler
from streamer.handlers.processor import ProcessorHandler
from streamer.handlers.router import RouterHandler
from streamer.observability import Logger, Metrics
from streamer.protocol.parts import Joiner
from streamer.records import ConnectionRecord, RequestRecord
from streamer.requests.runs import Run, run_event
from streamer.running.attempt import Surroundings
from streamer.running.execution import Workers
from streamer.sending.hub import Hub
from streamer.sending.publisher import Fanout
from streamer.settings import Settings
from streamer.stores.items import request_item, request_key_item
from streamer.stores.memory import MemoryConnectionStore, MemoryRequestStore, MemorySubscriptionStore

__all__ = [
    "FakeClock",
    "FakeContext",
    "LocalConnection",
    "LocalService",
    "RecordingDispatcher",
    "RecordingSender",
    "RequestFailed",
    "connect_event",
    "disconnect_event",
    "message_event",
    "run_event",
    "stream_event",
]

NOW: Final = 1_767_268_800.5
"""When tests happen unless they say otherwise: noon of the first day of 2026, UTC."""
DOMAIN: Final = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
STAGE: Final = "dev"
STREAM_ARN: Final = "arn:aws:dynamodb:us-east-1:123456789012:table/streamer_requests/stream/2026-01-01T11:59:00.123"


class FakeClock:
    """A clock that goes when told."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class FakeContext:
    """Lambda's context object."""

    def __init__(self, *, remaining_seconds: float = 900.0, aws_request_id: str = "invocation-1") -> None:
        self.aws_request_id = aws_request_id
        self.remaining_seconds = remaining_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Always what it was made with."""
        return int(self.remaining_seconds * 1000)


class RecordingSender:
    """A `Sender` that keeps what it is given; also the function that gives the sender of an endpoint."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        """Connection id and message, in order."""
        self.gone: set[str] = set()
        """Connections that are closed."""
        self.failing: Exception | None = None
        """Raised instead of sending."""
        self.attempts = 0
        """How often somebody tried to send."""
        self._lock = threading.Lock()

    def send(self, connection_id: str, message: str | bytes) -> None:
        """See `streamer.sending.sender.Sender.send`."""
        body = message.encode() if isinstance(message, str) else message
        with self._lock:
            self.attempts += 1
            if len(body) > MESSAGE_BYTES:
                raise PayloadTooLargeError(len(body), MESSAGE_BYTES)
            if connection_id in self.gone:
                raise GoneError(connection_id)
            if self.failing is not None:
                raise self.failing
            self.sent.append((connection_id, json.loads(body)))

    def is_active(self, connection_id: str) -> bool:
        """See `streamer.sending.sender.Sender.is_active`."""
        if self.failing is not None:
            raise self.failing
        return connection_id not in self.gone

    def at(self, endpoint: str) -> RecordingSender:
        """The sender for an endpoint: this one, for every endpoint."""
        return self

    def to(self, connection_id: str) -> list[dict[str, Any]]:
        """What one connection was sent."""
        return [message for recipient, message in self.sent if recipient == connection_id]


class RecordingDispatcher:
    """A `Dispatcher` that keeps what it is given."""

    def __init__(self) -> None:
        self.dispatched: list[Run] = []
        self.refused: set[str] = set()
        """Request ids that cannot be dispatched."""
        self._lock = threading.Lock()

    def dispatch(self, run: Run) -> None:
        """See `streamer.requests.dispatcher.Dispatcher.dispatch`."""
        with self._lock:
            if run.key.request_id in self.refused:
                raise DispatchError(f"{run.key.request_id} is refused, as the test wants it")
            self.dispatched.append(run)


# events


def connect_event(
    *,
    connection_id: str = "WgQ2HdS5oAMCKkw=",
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    now: float = NOW,
) -> dict[str, Any]:
    """The event of a ``$connect``."""
    given = {"Host": DOMAIN, "X-Forwarded-For": "203.0.113.7", **(headers or {})}
    event: dict[str, Any] = {
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
    }
    if query:
        event["queryStringParameters"] = dict(query)
        event["multiValueQueryStringParameters"] = {name: [value] for name, value in query.items()}
    context = _request_context("$connect", "CONNECT", connection_id, now, now)
    return {**event, "requestContext": context, "isBase64Encoded": False}


def message_event(
    message: Any, *, connection_id: str = "WgQ2HdS5oAMCKkw=", connected_at: float = NOW, now: float = NOW
) -> dict[str, Any]:
    """The event of a message; one that is not a string is sent as JSON."""
    body = message if isinstance(message, str) else json.dumps(message)
    context = _request_context("$default", "MESSAGE", connection_id, connected_at, now)
    return {"requestContext": {**context, "messageId": context["requestId"]}, "body": body, "isBase64Encoded": False}


def disconnect_event(
    *,
    connection_id: str = "WgQ2HdS5oAMCKkw=",
    connected_at: float = NOW,
    now: float = NOW,
    code: int = 1005,
    reason: str = "Client-side close frame status not set",
) -> dict[str, Any]:
    """The event of a ``$disconnect``."""
    headers = {"Host": DOMAIN, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    context = _request_context("$disconnect", "DISCONNECT", connection_id, connected_at, now)
    return {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": {**context, "disconnectStatusCode": code, "disconnectReason": reason},
        "isBase64Encoded": False,
    }


def _request_context(
    route_key: str, event_type: str, connection_id: str, connected_at: float, now: float
) -> dict[str, Any]:
    return {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": "WgQ2HEmnoAMF8qQ=",
        "requestTime": "01/Jan/2026:12:00:00 +0000",
        "messageDirection": "IN",
        "stage": STAGE,
        "connectedAt": round(connected_at * 1000),
        "requestTimeEpoch": round(now * 1000),
        "identity": {"userAgent": "streamer-testing", "sourceIp": "203.0.113.7"},
        "requestId": "WgQ2HEmnoAMF8qQ=",
        "domainName": DOMAIN,
        "connectionId": connection_id,
        "apiId": "a1b2c3d4e5",
    }


def stream_event(changes: Sequence[tuple[RequestRecord | None, RequestRecord | None]]) -> dict[str, Any]:
    """The stream event of changes to the requests table, each as (before, after); None: no row."""
    return {"Records": [_stream_record(*change, number) for number, change in enumerate(changes, start=1)]}


def _stream_record(before: RequestRecord | None, after: RequestRecord | None, number: int) -> dict[str, Any]:
    kept = after or before
    assert kept is not None, "a change has a row before or after it"
    change: dict[str, Any] = {"ApproximateCreationDateTime": float(int(NOW)), "Keys": request_key_item(kept.key)}
    if after is not None:
        change["NewImage"] = request_item(after)
    if before is not None:
        change["OldImage"] = request_item(before)
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT" if before is None else "REMOVE" if after is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {**change, "SequenceNumber": str(10**20 + number), "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "eventSourceARN": STREAM_ARN,
    }


# a whole service


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
        """
        before = len(self.received)
        self.service.handle(message, self.connection_id)
        return self.received[before:]

    def call(self, action: str, payload: Any = None, **fields: Any) -> Any:
        """Call an action and return its result, whether it is quick or queued.

        Raises:
            RequestFailed: it was answered with an error, or the request was cancelled.
        """
        message = {"action": action, "payload": payload, "id": self.service.new_id(), **fields}
        last = [each for each in _whole(self.send(message)) if each["request_id"] == message["id"]][-1]
        if last["type"] == "error":
            raise RequestFailed(last["error"])
        if last["type"] == "cancelled":
            raise RequestFailed({"code": "CANCELLED", "message": last["reason"], "retryable": False})
        return last["result"] if last["type"] == "complete" else last.get("data")

    def close(self) -> None:
        """Close the connection."""
        self.service.disconnect(self.connection_id)


class LocalService:
    """A service in memory: the real router and processor, stores that keep what DynamoDB would, no AWS.

    A context manager. ``sender``, ``connections``, ``requests`` and ``subscriptions`` show what happened.
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
        self.settings = settings or Settings(production=False)
        self.clock = clock or FakeClock()
        self.sender = RecordingSender()
        self.connections = MemoryConnectionStore()
        self.requests = MemoryRequestStore()
        self.subscriptions = MemorySubscriptionStore()
        self._workers = Workers()
        self._ids = itertools.count(1)
        stream = log or cast("TextIO", _Nowhere())
        logger, metrics = Logger(stream=stream), Metrics(stream=stream)
        hub = Hub(
            connections=self.connections,
            subscriptions=self.subscriptions,
            fanout=Fanout(sender_at=self.sender.at),
            sender_at=self.sender.at,
            log=logger,
            clock=self.clock,
        )
        self._disconnected = DisconnectHandler(
            connections=self.connections, subscriptions=self.subscriptions, log=logger, metrics=metrics
        )
        self._router = RouterHandler(
            app=app,
            settings=self.settings,
            connections=self.connections,
            requests=self.requests,
            subscriptions=self.subscriptions,
            hub=hub,
            sender_at=self.sender.at,
            log=logger,
            metrics=metrics,
            workers=self._workers,
            clock=self.clock,
            new_id=self.new_id,
        )
        self._dispatcher = RecordingDispatcher()
        self._processor = ProcessorHandler(
            app=app,
            surroundings=Surroundings(
                requests=self.requests,
                hub=hub,
                workers=self._workers,
                clock=self.clock,
                jitter=lambda: 0.0,  # another attempt follows at once
                production=self.settings.production,
            ),
            sender_at=self.sender.at,
            dispatcher=self._dispatcher,
            log=logger,
            metrics=metrics,
            new_id=self.new_id,
        )

    def __enter__(self) -> Self:
        """Nothing to start."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the threads that ran actions."""
        self._workers.close()

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
                expires_at=int(now) + self.settings.connection_ttl_seconds,
            )
        )
        return LocalConnection(self, connection_id)

    def handle(self, message: Any, connection_id: str) -> None:
        """Route a message, then run what it queued."""
        before = dict(self.requests.records)
        self._router(message_event(message, connection_id=connection_id, now=self.clock()), self._context())
        while self.requests.records != before:
            changed = [
                (before.get(key), record) for key, record in self.requests.records.items() if before.get(key) != record
            ]
            before = dict(self.requests.records)
            self._processor(stream_event(changed), self._context())
            while self._dispatcher.dispatched:
                run = self._dispatcher.dispatched.pop(0)
                event = run_event(run.key, not_before=run.not_before, tells=run.tells)
                self._processor(event, self._context())

    def disconnect(self, connection_id: str) -> None:
        """Close a connection."""
        self.sender.gone.add(connection_id)
        self._disconnected(disconnect_event(connection_id=connection_id, now=self.clock()), self._context())

    def _context(self) -> FakeContext:
        return FakeContext(aws_request_id=f"invocation-{next(self._ids)}")

    def new_id(self) -> str:
        """An id that nothing else in this service has."""
        return f"id-{next(self._ids)}"


def _whole(messages: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The messages, those that came in parts joined."""
    joiner = Joiner()
    for message in messages:
        if message["type"] != "part":
            yield message
        elif (text := joiner.add(message)) is not None:
            yield json.loads(text)


class _Nowhere:
    """A text stream that keeps nothing."""

    def write(self, text: str) -> int:
        """Drop it."""
        return len(text)

    def flush(self) -> None:
        """Nothing to do."""
