"""The client: one task reads the socket, and callers wait at their request's inbox."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import ssl as ssl_module
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from streamer.client.errors import (
    CannotConnectError,
    ClientError,
    ConnectionLostError,
    GatewayError,
    RequestTimeoutError,
)
from streamer.client.events import Event, Progress, failure_of, parse, progress_of, result_of
from streamer.client.inbox import Inbox
from streamer.messages import REQUEST_ID, check_size, to_json

LOGGER: Final = logging.getLogger("streamer.client")

FRAME_BYTES: Final = 32 * 1024
"""Largest frame API Gateway takes; longer messages are sent in several. [DOC] apigw-docs quotas, FIDELITY E3-E5"""
OnProgress = Callable[[Progress], Any]
"""Called with each progress; may be ``async``."""


class StreamerClient:
    """A connection to a streamer service, as an async context manager; for one event loop, by any number of tasks."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        connect_timeout: float = 10.0,
        headers: Mapping[str, str] | None = None,
        ssl: ssl_module.SSLContext | None = None,
    ) -> None:
        """Does not connect yet.

        Args:
            url: Such as ``wss://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod``.
            token: The JWT, sent as a header. None: it is in the URL, or none is needed.
            connect_timeout: Seconds to wait for the connection.
            headers: Further headers of the handshake.
            ssl: Whom to trust, for ``wss``. None: the system's certificates.
        """
        self._url = url
        self._headers = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        self._connect_timeout_seconds = connect_timeout
        self._ssl = ssl
        self._socket: ClientConnection | None = None
        self._inboxes: dict[str, Inbox] = {}
        self._reader: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._lost: ConnectionLostError | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            CannotConnectError: nobody answers, or the service refuses.
        """
        socket = await self._open()
        self._socket, self._lost = socket, None
        self._reader = asyncio.create_task(self._read(socket), name="streamer-client")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Close the connection; whoever still waits gets a `ConnectionLostError`."""
        socket, self._socket = self._socket, None
        if socket is None:
            return
        self._lose(ConnectionLostError(1000, "this client closed it"))
        await socket.close()
        tasks = [task for task in (self._reader, *self._sending) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def request(
        self,
        action: str,
        payload: Any = None,
        *,
        on_progress: OnProgress | None = None,
        id: str | None = None,  # noqa: A002 - the protocol's own word
        metadata: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - becomes an error with the request's id
    ) -> Any:
        """Ask for an action and wait for its result.

        Args:
            action: Its name.
            payload: Any JSON value.
            on_progress: Called with each progress.
            id: The request's id. None: a new one.
            metadata: Further fields for the action.
            timeout: Seconds to wait for the final answer. None: as long as the connection lasts.

        Raises:
            RequestFailedError: the service says so; see its ``code``.
            RequestCancelledError, RequestTimeoutError, ConnectionLostError, GatewayError: see `streamer.client.errors`.
            PayloadTooLargeError: the message is over 128 KB.
            TypeError, ValueError: the payload is not JSON, or the id is not one or is in use.
        """
        request_id = id or str(uuid.uuid4())
        try:
            async with asyncio.timeout(timeout) as limit:
                return await self._result(action, payload, request_id, metadata, on_progress)
        except TimeoutError as error:
            if timeout is None or not limit.expired():
                raise
            raise RequestTimeoutError(request_id, timeout) from error

    async def events(
        self,
        action: str,
        payload: Any = None,
        *,
        id: str | None = None,  # noqa: A002 - the protocol's own word
        metadata: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Event]:
        """Ask for an action and yield every message about it, up to and including the final one.

        A final ``error`` is an event like any other.

        Raises:
            ConnectionLostError, GatewayError, PayloadTooLargeError, TypeError, ValueError: as `request`.
        """
        request_id = id or str(uuid.uuid4())
        envelope = {"action": action, "id": request_id, "payload": payload, "metadata": metadata}
        text = to_json({name: value for name, value in envelope.items() if value is not None})
        check_size(text)
        with self._inbox(request_id) as inbox:
            await self._send(text.encode())
            is_final = False
            while not is_final:
                event = await inbox.get()
                is_final = event.is_final
                yield event

    async def _result(
        self, action: str, payload: Any, request_id: str, metadata: Mapping[str, Any] | None, report: OnProgress | None
    ) -> Any:
        async with contextlib.aclosing(self.events(action, payload, id=request_id, metadata=metadata)) as events:
            async for event in events:
                if event.is_final:
                    return result_of(event)
                if event.is_progress and report is not None:
                    reported = report(progress_of(event))
                    if inspect.isawaitable(reported):
                        await reported
        raise ConnectionLostError(None, "without a final answer")

    @contextlib.contextmanager
    def _inbox(self, request_id: str) -> Iterator[Inbox]:
        if not REQUEST_ID.fullmatch(request_id):
            raise ValueError(f"{request_id!r} is no request id: 1 to 128 letters, digits, '.', '_', ':' and '-'")
        if request_id in self._inboxes:
            raise ValueError(f"request {request_id} is already under way on this client")
        if self._socket is None or self._lost is not None:
            raise self._lost or ConnectionLostError(None, "this client is not connected; use it in 'async with'")
        inbox = self._inboxes[request_id] = Inbox()
        try:
            yield inbox
        finally:
            del self._inboxes[request_id]

    # the socket

    async def _open(self) -> ClientConnection:
        shown = self._url.partition("?")[0]
        try:
            is_local = urlsplit(self._url).hostname in ("127.0.0.1", "localhost", "::1")
            options: dict[str, Any] = {"proxy": None} if is_local else {}
            if self._ssl is not None:
                options["ssl"] = self._ssl
            return await connect(
                self._url,
                additional_headers=self._headers,
                open_timeout=self._connect_timeout_seconds,
                # API Gateway negotiates none. FIDELITY A42
                compression=None,
                **options,
            )
        except InvalidURI as error:
            raise CannotConnectError(shown, f"this is no WebSocket URL: {error.msg}") from error
        except InvalidStatus as error:
            status = error.response.status_code
            raise CannotConnectError(shown, _refusal(status), status=status) from error
        except TimeoutError as error:
            reason = f"no answer within {self._connect_timeout_seconds:g} s"
            raise CannotConnectError(shown, reason) from error
        except (OSError, ValueError, InvalidHandshake) as error:
            raise CannotConnectError(shown, _reason(error)) from error

    async def _read(self, socket: ClientConnection) -> None:
        lost = ConnectionLostError(None, "")
        try:
            while True:
                self._dispatch(await socket.recv())
        except ConnectionClosed as closed:
            lost = _lost(closed)
        except Exception:
            LOGGER.exception("the client cannot go on")
        finally:
            self._lose(lost)

    async def _send(self, body: bytes) -> None:
        assert self._socket is not None  # `_inbox` has made sure
        try:
            if len(body) <= FRAME_BYTES:
                await self._socket.send(body, text=True)
                return
            frames = [body[start : start + FRAME_BYTES] for start in range(0, len(body), FRAME_BYTES)]
            # In a task, because a caller that is cancelled half-way through a message would break the connection.
            sending = asyncio.create_task(self._socket.send(frames, text=True))
            self._sending.add(sending)
            sending.add_done_callback(self._sent)
            await asyncio.shield(sending)
        except ConnectionClosed as closed:
            raise self._lost or _lost(closed) from closed

    def _sent(self, sending: asyncio.Task[None]) -> None:
        self._sending.discard(sending)
        if not sending.cancelled() and sending.exception() is not None:
            LOGGER.debug("a message was not sent: %s", sending.exception())

    def _dispatch(self, text: str | bytes) -> None:
        message = parse(text)
        if message is None:
            LOGGER.warning("ignored a message that is not of this protocol (%d characters)", len(text))
            return
        if isinstance(message, Event) and message.request_id in self._inboxes:
            self._inboxes[message.request_id].put(message)
            return
        complaint = message if isinstance(message, GatewayError) else failure_of(message)
        if complaint is not None and (isinstance(message, GatewayError) or message.request_id is None):
            self._complain(complaint)

    def _complain(self, complaint: ClientError) -> None:
        """An error that does not say which request it answers: it can only be told when one alone is unanswered."""
        unanswered = [inbox for inbox in self._inboxes.values() if not inbox.is_answered]
        if len(unanswered) == 1:
            unanswered[0].fail(complaint)
        else:
            LOGGER.warning("%s; %d requests wait for an answer", complaint, len(unanswered))

    def _lose(self, error: ConnectionLostError) -> None:
        self._lost = self._lost or error
        for inbox in self._inboxes.values():
            inbox.fail(self._lost)


def _lost(closed: ConnectionClosed) -> ConnectionLostError:
    frame = closed.rcvd or closed.sent
    return ConnectionLostError(frame.code, frame.reason) if frame else ConnectionLostError(None, "")


def _refusal(status: int) -> str:
    match status:
        case 401:
            return "HTTP 401: the token is missing, expired or wrong"
        case 403:
            return "HTTP 403: forbidden; check the tenant, and the stage in the URL"
        case 429:
            return "HTTP 429: too many connections at once; try again"
        case _:
            return f"HTTP {status}"


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there; is the emulator running?"
    return str(error) or type(error).__name__
