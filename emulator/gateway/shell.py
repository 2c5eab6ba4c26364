"""The gateway's shell: upgrades and ``@connections`` calls come in, functions are run, sockets are written to."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import time
from collections.abc import Callable
from typing import Any, Final

from websockets.utils import accept_key

from .. import log
from ..functions.outcome import Failed, Functions, Outcome, Returned
from ..port.http import HttpRequest, HttpResponse, render
from .rules import management
from .rules.connection import DROPPED, Connection
from .rules.effects import Accept, Effect, Invoke, NotInvoked, Raised, Reject, Replied, Result, TimedOut
from .rules.handshake import Handshake, UpgradeRequest, refuse_plain
from .rules.management import ManagementRequest, Target
from .rules.signature import MISSING
from .rules.stage import Stage
from .verifier import Verifier
from .websocket import WebSocket

GOING_AWAY: Final = (1001, "Going away")
"""Close code and reason of connections that are open when the emulator stops."""
GOODBYE_SECONDS: Final = 1.0
"""How long clients have to answer our close frames when the emulator stops."""
_JSON: Final = json.JSONEncoder(separators=(",", ":"))
STOPPING: Final = HttpResponse.of_json(503, {"message": "Service Unavailable"})
FAILED: Final = HttpResponse.of_json(500, {"message": "Internal server error"})


class Gateway:
    """One stage of one WebSocket API: owns its connections and every task that works for them."""

    def __init__(self, stage: Stage, functions: Functions, verifier: Verifier) -> None:
        self._stage = stage
        self._functions = functions
        self._verifier = verifier
        self._websockets: dict[str, WebSocket] = {}
        self._sockets: set[WebSocket] = set()
        """All whose TCP connection is not over, closed or not."""
        self._all_lost = asyncio.Event()
        self._running: set[asyncio.Future[Outcome]] = set()
        """What functions that run for connections will answer."""
        self._stopping = False
        self._is_over = False
        """Whether nobody waits for functions any more."""
        self._loop = asyncio.get_running_loop()

    @property
    def connection_count(self) -> int:
        """How many connections are open."""
        return len(self._websockets)

    async def stop(self, *, timeout_seconds: float) -> None:
        """Close every connection with 1001 and wait until every ``$disconnect`` has run, or the time is over."""
        self._stopping = True
        for websocket in list(self._websockets.values()):
            websocket.perform(websocket.connection.end(*GOING_AWAY))
        try:
            async with asyncio.timeout(timeout_seconds):
                while self._running:  # what was running may lead to more: a `$connect` to its `$disconnect`
                    await asyncio.wait(self._running)
        except TimeoutError:
            log.warning("stopped before every function had answered", functions=len(self._running))
            self._is_over = True
            for outcome in list(self._running):
                outcome.cancel()
        if self._sockets:
            self._all_lost.clear()  # all may have been lost once, before a `$connect` that ran accepted another
            with contextlib.suppress(TimeoutError):  # who does not answer is cut off by the front
                await asyncio.wait_for(self._all_lost.wait(), GOODBYE_SECONDS)

    # clocks; `WebSocket` asks for them too

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return time.time_ns() // 1_000_000

    # HTTP

    def refuse(self, request: HttpRequest) -> HttpResponse:
        """Answer a request that is neither for ``@connections`` nor a WebSocket upgrade."""
        return _response(refuse_plain(self._stage, _upgrade_request(request), self.now_ms()))

    def manage(self, request: HttpRequest, target: Target) -> HttpResponse:
        """Answer a call of the management API."""
        websocket = self._websockets.get(target.connection_id)
        call = ManagementRequest(
            method=request.method,
            target=target,
            body=request.body,
            flaw=self._verifier.flaw(request),
            is_buffer_full=websocket is not None and websocket.is_buffer_full,
        )
        connection = None if websocket is None else websocket.connection
        answer = management.handle(self._stage, call, connection, self.now(), self.now_ms())
        if websocket is not None:
            websocket.perform(answer.effects)
        return _response(answer.response)

    # upgrades

    def upgrade(self, request: HttpRequest, transport: asyncio.Transport, rest: bytes) -> None:
        """Take over a connection that asks for a WebSocket; reading is paused until it is decided."""
        if self._stopping:
            _refuse(transport, STOPPING)
            return
        client = _Client(request, transport, rest)
        transport.set_protocol(client)
        try:
            handshake = Handshake(self._stage, self._signed(request), self.now_ms())
            self._proceed(client, handshake, handshake.begin(self.now(), self.now_ms()))
        except Exception as error:  # noqa: BLE001 - top of an upgrade: logged and answered
            log.error("the gateway failed", error=error, peer=request.peer, path=request.raw_path)
            _refuse(transport, FAILED)

    def _proceed(self, client: _Client, handshake: Handshake, decision: Invoke | Accept | Reject) -> None:
        if isinstance(decision, Invoke):
            self._invoke(decision, functools.partial(self._resume, client, handshake))
            return
        for warning in handshake.warnings:
            log.warning(warning.text, **warning.fields)
        if isinstance(decision, Reject):
            request = client.request
            log.info("refused", status=decision.status, peer=request.peer, path=request.raw_path)
            _refuse(client.transport, _response(decision))
        else:
            self._open(handshake.connection, decision, client)

    def _resume(self, client: _Client, handshake: Handshake, result: Result) -> None:
        try:
            self._proceed(client, handshake, handshake.resume(result, self.now(), self.now_ms()))
        except Exception:
            _refuse(client.transport, FAILED)
            raise

    def _signed(self, request: HttpRequest) -> UpgradeRequest:
        connect = self._stage.connect
        flaw = self._verifier.flaw(request) if connect is not None and connect.route.iam else MISSING
        return _upgrade_request(request, flaw=flaw)

    def _open(self, connection: Connection, accept: Accept, client: _Client) -> None:
        log.info("connected", connection_id=connection.connection_id, peer=client.request.peer)
        transport = client.transport
        if client.is_lost or transport.is_closing():
            self._disconnect(connection, connection.closed(DROPPED, "", self.now_ms()))
            return
        transport.write(_switching_protocols(client.request.fields["sec-websocket-key"], accept.subprotocol))
        websocket = WebSocket(connection, transport, self, self._stage.limits)
        self._websockets[connection.connection_id] = websocket
        self._sockets.add(websocket)
        transport.set_protocol(websocket)
        transport.resume_reading()
        if client.rest:
            websocket.data_received(client.rest)
        if self._stopping:
            websocket.perform(connection.end(*GOING_AWAY))

    # what `WebSocket` asks for

    def run(self, websocket: WebSocket, invoke: Invoke) -> None:
        """Run the function of a message."""
        self._invoke(invoke, functools.partial(self._replied, websocket, invoke))

    def _replied(self, websocket: WebSocket, invoke: Invoke, result: Result) -> None:
        effects: list[Effect] = []
        try:
            effects = websocket.connection.replied(invoke, result, self.now())
        finally:
            websocket.finished(effects)  # come what may, or the messages behind this one would wait for ever

    def ended(self, websocket: WebSocket, disconnect: Invoke | None) -> None:
        """Forget a connection that is over, and run its ``$disconnect``."""
        self._websockets.pop(websocket.connection.connection_id, None)
        self._disconnect(websocket.connection, disconnect)

    def lost(self, websocket: WebSocket) -> None:
        """Forget its socket."""
        self._sockets.discard(websocket)
        if self._stopping and not self._sockets:
            self._all_lost.set()

    def _disconnect(self, connection: Connection, disconnect: Invoke | None) -> None:
        context = {} if disconnect is None else disconnect.event["requestContext"]
        log.info(
            "disconnected",
            connection_id=connection.connection_id,
            code=context.get("disconnectStatusCode"),
            reason=context.get("disconnectReason"),
        )
        if disconnect is not None:
            # [DOC] the result of $disconnect is ignored; a failure is in the function's log.
            self._invoke(disconnect, lambda _result: None)

    # functions

    def _invoke(self, invoke: Invoke, then: Callable[[Result], None]) -> None:
        """Run a function, and go on with its result in a later turn of the event loop.

        Without a task, which would cost as much as the rules do: it is on the way of every message.
        """
        outcome = self._functions.invoke(invoke.function, _JSON.encode(invoke.event).encode())
        timer = self._loop.call_later(invoke.timeout_seconds, outcome.cancel)
        self._running.add(outcome)
        outcome.add_done_callback(functools.partial(self._answered, invoke, then, timer))

    def _answered(
        self,
        invoke: Invoke,
        then: Callable[[Result], None],
        timer: asyncio.TimerHandle,
        outcome: asyncio.Future[Outcome],
    ) -> None:
        timer.cancel()
        self._running.discard(outcome)
        if self._is_over:
            return
        if outcome.cancelled():
            log.warning(
                f"no answer within {invoke.timeout_seconds:g} s; the function goes on",
                function=invoke.function,
                route=invoke.route_key,
            )
        try:
            then(TimedOut() if outcome.cancelled() else _result(outcome.result()))
        except Exception as error:  # noqa: BLE001 - top of what a function's answer leads to
            log.error("the gateway failed", error=error, function=invoke.function, route=invoke.route_key)


class _Client(asyncio.Protocol):
    """Who asked for a WebSocket; stands in while that is decided, and notices whether the client gave up."""

    def __init__(self, request: HttpRequest, transport: asyncio.Transport, rest: bytes) -> None:
        self.request = request
        self.transport = transport
        self.rest = rest
        """Bytes that came after the request."""
        self.is_lost = False

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone; if ``$connect`` accepts it all the same, it is disconnected at once."""
        self.is_lost = True


def _upgrade_request(request: HttpRequest, flaw: Any = MISSING) -> UpgradeRequest:
    return UpgradeRequest(
        target=request.target, headers=request.headers, peer=request.peer, method=request.method, flaw=flaw
    )


def _result(outcome: Outcome) -> Result:
    if isinstance(outcome, Returned):
        return Replied(outcome.payload)
    if isinstance(outcome, Failed):
        return Raised(outcome.payload)
    return NotInvoked(f"{outcome.error_type}: {outcome.message}")


def _response(reject: Reject) -> HttpResponse:
    return HttpResponse(reject.status, reject.body, reject.headers)


def _refuse(transport: asyncio.Transport, response: HttpResponse) -> None:
    if not transport.is_closing():
        transport.write(render(response, keep_alive=False))
        transport.close()


def _switching_protocols(key: str, subprotocol: str | None) -> bytes:
    chosen = "" if subprotocol is None else f"Sec-WebSocket-Protocol: {subprotocol}\r\n"
    return (
        "HTTP/1.1 101 Switching Protocols\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n"
        f"{chosen}\r\n"
    ).encode("latin-1")
