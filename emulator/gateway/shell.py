"""The gateway's shell: upgrades and ``@connections`` calls come in, functions are run, sockets are written to."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ..foundation import log
from ..foundation.clock import passed
from ..foundation.notes import CONNECTIONS, Notes
from ..foundation.recording import Recording
from ..functions.outcome import Functions
from ..iam.caller import Caller
from ..port.http import HttpRequest, HttpResponse
from ..port.rendering import http_date, render
from .invocations import Invocations
from .rules import management
from .rules.connection import DELETED, Connection, failure_of_disconnect
from .rules.effects import Accept, HttpAnswer, Invoke, Result
from .rules.events import late
from .rules.handshake import Handshake, UpgradeRequest, refuse_plain
from .rules.management import ManagementRequest, ManagementTarget
from .rules.signature import DENIED, MISSING, Flaw
from .rules.stage import Stage
from .verifier import Verifier
from .websocket import Seen, WebSocket, WebSockets, now_ms
from .websockets_frames import FrameLayer, accept_key

GOING_AWAY: Final = (1001, "Going away")
"""Close code and reason of connections that are open when the emulator stops."""
GOODBYE_SECONDS: Final = 1.0
"""How long clients have to answer our close frames when the emulator stops."""
STOPPING: Final = HttpResponse.of_json(503, {"message": "Service Unavailable"})
FAILED: Final = HttpResponse.of_json(500, {"message": "Internal server error"})


class Gateway:
    """One stage of one WebSocket API: owns its connections and every task that works for them."""

    def __init__(
        self,
        stage: Stage,
        functions: Functions,
        verifier: Verifier,
        recording: Recording | None = None,
        notes: Notes | None = None,
    ) -> None:
        """``notes`` keep which connections are open, so that ``$disconnect`` runs even if the emulator is killed."""
        self._notes = notes or Notes()
        self._lost = self._notes.of(CONNECTIONS)
        """Connections of the last run, by id."""
        self._stage = stage
        self._recording = recording or Recording()
        self._invocations = Invocations(functions, self._notes)
        self._verifier = verifier
        self._websockets = WebSockets(self._recording, self._disconnected)
        self._stopping = False

    @property
    def connection_count(self) -> int:
        """How many connections are open."""
        return len(self._websockets.open)

    @property
    def messages(self) -> int:
        """How many messages clients have sent so far."""
        return self._websockets.messages

    def seen(self) -> list[Seen]:
        """What can be seen of each open connection."""
        now = passed()
        return [each.seen(now) for each in self._websockets.open.values()]

    def has(self, connection_id: str) -> bool:
        """Whether a connection is open here."""
        return connection_id in self._websockets.open

    def cut_all(self) -> int:
        """Cut every connection as a network that fails does; answers how many."""
        found = list(self._websockets.open.values())
        for websocket in found:
            websocket.cut()
        return len(found)

    def end_lost(self) -> int:
        """Run ``$disconnect`` for connections that were open when the last emulator was killed; how many there are."""
        lost = {name: left for name, left in self._lost.items() if left["api"] == self._stage.api.name}
        self._lost = {}
        route = self._stage.disconnect
        for connection_id, left in lost.items():
            if route is None:
                self._disconnected(connection_id)
                continue
            request_id = self._stage.ids.request_id(now_ms())
            event = late(left["event"], self._stage, request_id, now_ms())
            invoke = Invoke(route.route.function, event, route.timeout_seconds, request_id, route.route.route_key)
            self._invocations.start(invoke, functools.partial(self._disconnected, connection_id))
        return len(lost)

    def _disconnected(self, connection_id: str, result: Result | None = None) -> None:
        self._notes.drop(CONNECTIONS, connection_id)
        if (said := failure_of_disconnect(result)) is not None:
            log.warning(f"no client hears of the answer of $disconnect: {said}", connection_id=connection_id)

    def _note(self, connection: Connection) -> None:
        if self._notes.are_kept and (invoke := connection.if_lost(now_ms())) is not None:
            noted = {"api": self._stage.api.name, "event": invoke.event}
            self._notes.put(CONNECTIONS, connection.connection_id, noted)
            self._notes.settle()

    async def stop(self, *, timeout_seconds: float) -> None:
        """Close every connection with 1001 and wait until every ``$disconnect`` has run, or the time is over."""
        self._stopping = True
        for websocket in list(self._websockets.open.values()):
            websocket.perform(websocket.connection.end(*GOING_AWAY))
        await self._invocations.finish(timeout_seconds=timeout_seconds)
        with contextlib.suppress(TimeoutError):  # who does not answer is cut off by the front
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._websockets.all_lost()

    # HTTP

    def refuse(self, request: HttpRequest) -> HttpResponse:
        """Answer a request that is neither for ``@connections`` nor a WebSocket upgrade."""
        return _response(refuse_plain(self._stage, _upgrade_request(request), now_ms()))

    def manage(self, request: HttpRequest, target: ManagementTarget, caller: Caller | None = None) -> HttpResponse:
        """Answer a call of the management API; without a caller, the account's owner makes it."""
        self._notes.settle()
        websocket = self._websockets.open.get(target.connection_id)
        call = ManagementRequest(
            method=request.method,
            target=target,
            body=request.body,
            flaw=(flaw := self._verifier.flaw(request)),
            denial=None
            if caller is None or flaw is not None
            else caller.connections(request.method, self._stage.api.name),
            is_buffer_full=websocket is not None and websocket.is_buffer_full,
        )
        return self._managed(call, websocket)

    def _managed(self, call: ManagementRequest, websocket: WebSocket | None) -> HttpResponse:
        connection = None if websocket is None else websocket.connection
        answer = management.handle(self._stage, call, connection, passed(), now_ms())
        if websocket is not None:
            websocket.perform(answer.effects)
        if answer.warning is not None:
            log.warning(answer.warning, connection_id=call.target.connection_id)
        return _response(answer.response)

    # what a developer does by hand, to connections that are open here

    def receive(self, connection_id: str, text: str) -> None:
        """Take a text as if the client had sent it."""
        self._websockets.open[connection_id].receive(text)

    def post(self, connection_id: str, text: str) -> HttpResponse:
        """Send a text as ``@connections`` does, in the name of the account's owner."""
        websocket = self._websockets.open.get(connection_id)
        call = ManagementRequest(
            method="POST",
            target=ManagementTarget(self._stage.api.stage, connection_id),
            body=text.encode(),
            is_buffer_full=websocket is not None and websocket.is_buffer_full,
        )
        return self._managed(call, websocket)

    def close(self, connection_id: str, code: int, reason: str) -> None:
        """Close with a code; 1000 without a reason is what ``DELETE @connections`` does."""
        websocket = self._websockets.open[connection_id]
        is_delete = code == DELETED.code and not reason
        websocket.perform(websocket.connection.delete() if is_delete else websocket.connection.end(code, reason))

    def cut(self, connection_id: str) -> None:
        """Cut the TCP connection as a network that fails does."""
        self._websockets.open[connection_id].cut()

    # upgrades

    def upgrade(self, request: HttpRequest, transport: asyncio.Transport, rest: bytes) -> None:
        """Take over a connection that asks for a WebSocket; reading is paused until it is decided."""
        if self._stopping:
            _refuse(transport, STOPPING)
            return
        client = _Client(request, transport, rest)
        transport.set_protocol(client)
        try:
            handshake = Handshake(self._stage, self._signed(request), now_ms())
            self._proceed(client, handshake, handshake.begin(passed(), now_ms()))
        except Exception as error:  # noqa: BLE001 - top of an upgrade: logged and answered
            log.error("the gateway failed", error=error, peer=request.peer, path=request.raw_path)
            _refuse(transport, FAILED)

    def _proceed(self, client: _Client, handshake: Handshake, decision: Invoke | Accept | HttpAnswer) -> None:
        if isinstance(decision, Invoke):
            self._note(handshake.connection)  # before `$connect`, which may have written something when we are killed
            self._invocations.start(decision, functools.partial(self._resume, client, handshake))
            return
        for warning in handshake.warnings:
            log.warning(warning.text, **warning.fields)
        if (recorder := self._recording.now) is not None:
            recorder.opening(client.request, handshake.connection_id, decision, began_ns=client.began_ns)
        if isinstance(decision, HttpAnswer):
            self._disconnected(handshake.connection_id)
            request = client.request
            log.info("refused", status=decision.status, peer=request.peer, path=request.raw_path)
            _refuse(client.transport, _response(decision), head_only=request.method == "HEAD")
        else:
            self._note(handshake.connection)
            self._open(handshake.connection, decision, client)

    def _resume(self, client: _Client, handshake: Handshake, result: Result) -> None:
        try:
            self._proceed(client, handshake, handshake.resume(result, passed(), now_ms()))
        except Exception:
            _refuse(client.transport, FAILED)
            raise

    def _signed(self, request: HttpRequest) -> UpgradeRequest:
        connect = self._stage.connect
        if connect is None or not connect.route.iam:
            return _upgrade_request(request)
        flaw = self._verifier.flaw(request) or self._denied(request)
        return _upgrade_request(request, flaw, {} if flaw is not None else self._verifier.signer(request))

    def _denied(self, request: HttpRequest) -> Flaw | None:
        """Why the function that asks may not connect; None: it may, or nobody's function asks."""
        caller = self._verifier.caller(request)
        stage = self._stage
        denial = None if caller is None else caller.api(f"{stage.facts.api_id}/{stage.api.stage}/$connect")
        return None if denial is None else Flaw(DENIED, denial)

    def _open(self, connection: Connection, accept: Accept, client: _Client) -> None:
        log.info("connected", connection_id=connection.connection_id, peer=client.request.peer)
        limits = self._stage.limits
        websocket = WebSocket(
            connection,
            client.transport,
            invocations=self._invocations,
            websockets=self._websockets,
            frames=FrameLayer(
                message_bytes=limits.message_bytes,
                frame_bytes=limits.frame_bytes,
                assumed_reason=self._stage.assumptions.too_big_reason,
            ),
        )
        if client.is_lost or client.transport.is_closing():
            websocket.abandon()
            return
        key = client.request.fields["sec-websocket-key"]
        websocket.start(_switching_protocols(key, accept.subprotocol), client.rest)
        if self._stopping:
            websocket.perform(connection.end(*GOING_AWAY))


class _Client(asyncio.Protocol):
    """A client that asked for a WebSocket, until `$connect` has answered; notes whether it hangs up meanwhile."""

    def __init__(self, request: HttpRequest, transport: asyncio.Transport, rest: bytes) -> None:
        self.request = request
        self.transport = transport
        self.rest = rest
        """Bytes that came after the request."""
        self.is_lost = False
        self.began_ns = time.time_ns()
        """When it asked."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone; if ``$connect`` accepts it later, its ``$disconnect`` runs at once."""
        self.is_lost = True


def _upgrade_request(
    request: HttpRequest, flaw: Flaw | None = MISSING, signer: Mapping[str, str] = MappingProxyType({})
) -> UpgradeRequest:
    return UpgradeRequest(
        target=request.target,
        headers=request.headers,
        peer=request.peer,
        method=request.method,
        flaw=flaw,
        signer=signer,
    )


def _response(answer: HttpAnswer) -> HttpResponse:
    return HttpResponse(answer.status, answer.body, answer.headers)


def _refuse(transport: asyncio.Transport, response: HttpResponse, *, head_only: bool = False) -> None:
    if not transport.is_closing():
        transport.write(render(response, int(time.time()), keep_alive=False, head_only=head_only))
        transport.close()


def _switching_protocols(key: str, subprotocol: str | None) -> bytes:
    """The 101, its headers in the order of AWS's, spelled as all clients read them. [USR] python-websockets #1065"""
    chosen = "" if subprotocol is None else f"Sec-WebSocket-Protocol: {subprotocol}\r\n"
    return (
        "HTTP/1.1 101 Switching Protocols\r\n"
        f"Date: {http_date(int(time.time()))}\r\n"
        "Connection: upgrade\r\n"
        "Upgrade: websocket\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n"
        f"{chosen}\r\n"
    ).encode("latin-1")
