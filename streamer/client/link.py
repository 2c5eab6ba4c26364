"""Keeps one connection open: reads it, and opens it again when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from streamer.aws_limits import FRAME_BYTES
from streamer.client.errors import CannotConnectError, ClientError, ConnectionLostError
from streamer.client.handshake import Handshake

LOGGER: Final = logging.getLogger("streamer.client")

KEEP_ALIVE_SECONDS: Final = 540.0
"""Silence after which something is sent; API Gateway closes after 600 s. [DOC] apigw-docs quotas, FIDELITY F6"""
FOR_GOOD: Final = {
    1008: "the service does not want this client",
    1009: "a message was larger than the service takes",
}
"""Close codes after which another connection would end the same way, and what to say where the service says nothing."""
IN_ORDER: Final = (1001, 1012)
"""Close codes of a service that goes away and says so: locally to restart; API Gateway of what is idle or old, and it
takes the next connection at once."""
RESTARTING_SECONDS: Final = 60.0
"""For so long after a connection ended in order no pause is longer than `Reconnect.restart_seconds`."""
SETTLED_SECONDS: Final = 10.0
"""How long a connection has to live before the pauses begin anew: a service that hangs up soon is not pressed."""
NO_LOOP: Final = (
    "this client needs an event loop of asyncio, and none runs here; "
    "SyncClient needs none, under trio in a thread of its own"
)
"""What whoever connects a client elsewhere is told, as under trio."""
CONNECTED_ALREADY: Final = "this client is connected already; whoever wants a connection of its own makes another"
"""What whoever connects a client twice is told."""
KEEP_ALIVE: Final = b'{"action":"keep-alive"}'
"""Has no answer, which would cost as much again; whether the connection lives, WebSocket's own pings tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnect:
    """How a lost connection is opened again: exponential backoff with full jitter."""

    base_seconds: float = 0.25
    """The first wait is up to this long, each further one up to twice the one before."""
    most_seconds: float = 20.0
    """No wait is longer."""
    restart_seconds: float = 1.0
    """Nor longer than this in the first minute after a service that closed in order, as one that restarts does."""
    give_up_seconds: float | None = 300.0
    """After so long without a connection nothing more is tried. None: it is tried until the client is closed."""

    def wait_seconds(self, attempt: int, jitter: float, *, is_restarting: bool = False) -> float:
        """Pause before an attempt, counted from 0; ``jitter`` is 0 to 1."""
        most = min(self.most_seconds, self.restart_seconds) if is_restarting else self.most_seconds
        return min(most, self.base_seconds * 2.0 ** min(attempt, 32)) * jitter


class Pacing:
    """When a lost connection is tried for again. Pure: times are those of one monotonic clock, in seconds."""

    def __init__(self, reconnect: Reconnect) -> None:
        """For one client, which has a connection."""
        self._reconnect = reconnect
        self._attempts = 0
        """Attempts to connect since a connection lived for `SETTLED_SECONDS`."""
        self._restarting_until = -math.inf

    def lost(self, code: int | None, *, began: float, now: float) -> None:
        """A connection that began then ended now, with this close code; None: without one."""
        if now - began >= SETTLED_SECONDS:
            self._attempts = 0
        if self._attempts == 0:
            # Only once: a service that hangs up in order again and again is not pressed for longer than that.
            self._restarting_until = now + RESTARTING_SECONDS if code in IN_ORDER else -math.inf

    def pause_seconds(self, jitter: float, *, now: float) -> float:
        """Pause before the next attempt, which counts as made; ``jitter`` is 0 to 1."""
        is_restarting = now < self._restarting_until
        pause = self._reconnect.wait_seconds(self._attempts, jitter, is_restarting=is_restarting)
        self._attempts += 1
        return pause


class Watcher(Protocol):
    """Whom a link tells what happens. None of these may wait."""

    def received(self, text: str | bytes) -> None:
        """A message came."""

    def reopened(self) -> None:
        """There is a new connection in place of one that was lost."""

    def lost(self) -> None:
        """The connection was lost; another one is tried for."""

    def ended(self, error: ClientError) -> None:
        """There will be no connection any more."""


class Connection:
    """One open socket, and its number: 1 for the first connection, one more for each reconnection."""

    def __init__(self, socket: ClientConnection, number: int) -> None:
        self.socket = socket
        self.number = number
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        """Whether anything can be sent; the link takes a moment to notice that nothing can."""
        return self.socket.state is State.OPEN

    async def send(self, body: bytes) -> None:
        """Send a message; when the connection is lost over it, the link finds out, and nothing is raised here."""
        with contextlib.suppress(ConnectionClosed):
            if len(body) <= FRAME_BYTES:
                await self.socket.send(body, text=True)
                return
            frames = [body[start : start + FRAME_BYTES] for start in range(0, len(body), FRAME_BYTES)]
            # In a task, because a caller that is cancelled half-way through a message would break the connection.
            sending = asyncio.create_task(self.socket.send(frames, text=True))
            self._sending.add(sending)
            sending.add_done_callback(self._sent)
            await asyncio.shield(sending)

    def _sent(self, sending: asyncio.Task[None]) -> None:
        self._sending.discard(sending)
        if not sending.cancelled() and sending.exception() is not None:
            LOGGER.debug("a message was not sent: %s", sending.exception())

    async def close(self) -> None:
        """Close the socket, and end what is still being sent."""
        try:
            await self.socket.close()
        finally:
            self.socket.transport.abort()  # whoever closes it may be cancelled while the other side says nothing
            for sending in tuple(self._sending):
                sending.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)


class Link:
    """A connection that is opened again when it is lost; for one event loop."""

    def __init__(
        self,
        handshake: Handshake,
        watcher: Watcher,
        *,
        reconnect: Reconnect | None,
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Does not connect yet; with ``reconnect`` None a lost connection is the end."""
        self._handshake = handshake
        self._watcher = watcher
        self._reconnect = reconnect
        self._pacing = None if reconnect is None else Pacing(reconnect)
        self._keep_alive_seconds = keep_alive_seconds
        self._jitter = jitter
        self._changed = asyncio.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection | None = None
        self._error: ClientError | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_opening = False

    async def start(self) -> None:
        """Connect, trying once.

        Raises:
            CannotConnectError: nobody answers, or the service refuses.
            ConnectionLostError: it was closed before there was a connection.
            RuntimeError: it is connected, or about to be: the connection that it has would never be closed; or no
                event loop of asyncio runs here.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError as error:
            raise RuntimeError(NO_LOOP) from error
        if self._is_opening or (self._task is not None and not self._task.done()):
            raise RuntimeError(CONNECTED_ALREADY)
        self._is_opening = True
        try:
            self._error, self._changed, self._loop = None, asyncio.Condition(), loop
            connection = Connection(await self._handshake.open(), 1)
        finally:
            self._is_opening = False
        if self._error is not None:  # it was closed meanwhile
            await connection.close()
            raise self._error.again()
        self._connection = connection
        self._task = asyncio.create_task(self._run(self._connection), name="streamer-client")

    def require_own_loop(self) -> None:
        """Raise RuntimeError in another event loop than the one that connected: nobody would ever wake up there."""
        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            raise RuntimeError("this client was connected in another event loop; each needs a client of its own")

    async def connected(self) -> Connection:
        """The open connection, once there is one.

        Raises:
            ClientError: there will be none.
            RuntimeError: the connection belongs to another event loop.
        """
        self.require_own_loop()
        async with self._changed:
            while self._connection is None or not self._connection.is_open or self._error is not None:
                if self._error is not None:
                    raise self._error.again()
                if self._task is None:
                    raise ConnectionLostError(None, "this client is not connected; use it in 'async with'")
                await self._changed.wait()
            return self._connection

    @property
    def number(self) -> int:
        """The number of the connection that there is; 0: there is none."""
        return 0 if self._connection is None else self._connection.number

    async def close(self) -> None:
        """Close the connection, for good."""
        closed = ConnectionLostError(1000, "this client closed it")
        if self._task is None:
            self._error = closed if self._is_opening else self._error
            return
        self.require_own_loop()
        task, self._task = self._task, None
        connection = self._connection
        await self._end(closed)
        try:
            if connection is not None:
                await connection.close()
        finally:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _run(self, connection: Connection) -> None:
        """Read, and connect again, until neither is possible."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            lost = await self._read(connection)
            # The socket is closed already; this ends what was being sent.
            await connection.close()
            if self._error is not None:
                return
            if self._reconnect is None or self._pacing is None or lost.code in FOR_GOOD:
                await self._end(lost)
                return
            self._pacing.lost(lost.code, began=began, now=loop.time())
            LOGGER.info("%s; connecting again", lost)
            self._connection = None
            self._watcher.lost()
            try:
                socket = await self._opened_again(self._reconnect, self._pacing, lost)
            except ClientError as error:
                await self._end(error)
                return
            connection = Connection(socket, connection.number + 1)
            async with self._changed:
                self._connection = connection
                self._changed.notify_all()
            LOGGER.info("connected again")
            self._watcher.reopened()

    async def _read(self, connection: Connection) -> ConnectionLostError:
        """Pass on what comes, until the connection ends; how it ended."""
        while True:
            try:
                async with asyncio.timeout(self._keep_alive_seconds) as silence:
                    text = await connection.socket.recv()
            except ConnectionClosed as closed:
                return lost_by(closed)
            except TimeoutError:
                if not silence.expired():
                    raise
                await connection.send(KEEP_ALIVE)
                continue
            try:
                self._watcher.received(text)
            except Exception:
                # One message that we fail to understand must not cost all others.
                LOGGER.exception("a message could not be handled")

    async def _opened_again(self, reconnect: Reconnect, pacing: Pacing, lost: ConnectionLostError) -> ClientConnection:
        error: ClientError = lost
        loop = asyncio.get_running_loop()
        ends_at = math.inf if reconnect.give_up_seconds is None else loop.time() + reconnect.give_up_seconds
        while (now := loop.time()) < ends_at:
            # No time is given away: however long the pause would be, the last attempt is made when the time is over.
            await asyncio.sleep(min(pacing.pause_seconds(self._jitter(), now=now), ends_at - now))
            try:
                # A token function may wait for as long as it likes.
                async with asyncio.timeout_at(
                    None if ends_at == math.inf else ends_at + self._handshake.timeout_seconds
                ):
                    return await self._handshake.open()
            except TimeoutError as over:
                raise error from over
            except CannotConnectError as cannot:
                if cannot.status in (401, 403) and not self._handshake.may_be_allowed_later:
                    raise
                level = logging.DEBUG if str(error) == str(cannot) else logging.INFO
                LOGGER.log(level, "%s; trying again", cannot)
                error = cannot
            except Exception as unforeseen:
                # Its text may hold a secret; it is the cause. Whoever waits would wait for ever.
                reason = f"and opening another raised {type(unforeseen).__name__}"
                raise ConnectionLostError(None, reason) from unforeseen
        raise error

    async def _end(self, error: ClientError) -> None:
        async with self._changed:
            self._error, self._connection = self._error or error, None
            self._changed.notify_all()
        self._watcher.ended(self._error)


def lost_by(closed: ConnectionClosed) -> ConnectionLostError:
    """The error that a closed connection stands for."""
    frame = closed.rcvd or closed.sent
    if frame is None:
        return ConnectionLostError(None, "")
    return ConnectionLostError(frame.code, frame.reason or FOR_GOOD.get(frame.code, ""))
