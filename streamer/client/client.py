"""The client, as callers use it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import ssl as ssl_module
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from streamer.client.errors import ConnectionLostError, RequestTimeoutError
from streamer.client.events import Event, Progress, progress_of, result_of
from streamer.client.handshake import Handshake, Token
from streamer.client.inbox import OnLoss
from streamer.client.link import Reconnect
from streamer.client.session import ASKING_SECONDS, Session
from streamer.client.topics import TopicMessage

if TYPE_CHECKING:
    from streamer.client.uploads import Content

OnProgress = Callable[[Progress], Any]
"""Called with each progress; may be ``async``."""


class StreamerClient:
    """A connection to a streamer service, as an async context manager; for one event loop, by any number of tasks.

    A lost connection is opened again, and everything goes on: running requests are resumed under their ids, topics
    are subscribed to anew. What may have happened is not done twice: see ``resend`` of `request`.
    """

    def __init__(
        self,
        url: str,
        token: Token = None,
        *,
        connect_timeout: float = 10.0,
        headers: Mapping[str, str] | None = None,
        ssl: ssl_module.SSLContext | None = None,
        reconnect: Reconnect | None = Reconnect(),  # noqa: B008 - it is frozen
        sign: Callable[[str], Mapping[str, str]] | None = None,
    ) -> None:
        """Does not connect yet.

        Args:
            url: Such as ``wss://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod``.
            token: The JWT, sent as a header; or a function, plain or ``async``, that gives a fresh one whenever a
                connection is opened. None: it is in the URL, or none is needed.
            connect_timeout: Seconds to wait for the connection.
            headers: Further headers of the handshake.
            ssl: Whom to trust, for ``wss``. None: the system's certificates.
            reconnect: How a lost connection is opened again. None: it is not.
            sign: Gives headers that sign the handshake of a URL, whenever a connection is opened: `signed_with`, for
                services with ``App(iam=True)``. None: it is not signed.
        """
        handshake = Handshake(
            url=url, token=token, timeout_seconds=connect_timeout, headers=headers or {}, ssl=ssl, sign=sign
        )
        self._session = Session(handshake, reconnect)

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            CannotConnectError: nobody answers, or the service refuses.
            ConnectionLostError: it was closed before there was a connection.
            RuntimeError: it is connected already, or no event loop of asyncio runs here.
        """
        await self._session.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Close the connection; whoever still waits gets a `ConnectionLostError`."""
        await self._session.close()

    async def request(
        self,
        action: str,
        payload: Any = None,
        *,
        on_progress: OnProgress | None = None,
        id: str | None = None,  # noqa: A002 - the protocol's own word
        metadata: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - becomes an error with the request's id
        resend: bool = False,
    ) -> Any:
        """Ask for an action and wait for its result.

        Args:
            action: Its name.
            payload: Any JSON value.
            on_progress: Called with each progress; it never goes back, not even over a lost connection.
            id: The request's id. None: a new one.
            metadata: Further fields for the action.
            timeout: Seconds to wait for the final answer. None: as long as it takes.
            resend: What to do when the connection is lost before the service has answered anything, and it does not
                know the request afterwards. True: send it again; a quick action may then run twice (queued ones never
                do). False: raise `ConnectionLostError`.

        Raises:
            RequestFailedError: the service says so; see its ``code``.
            RequestCancelledError, RequestTimeoutError, ConnectionLostError, GatewayError: see `streamer.client.errors`.
            PayloadTooLargeError: the message is over 128 KB.
            TypeError, ValueError: the payload is not JSON, the id is none or in use, or nothing answers the action.
        """
        request_id = str(uuid.uuid4()) if id is None else id
        events = self.events(action, payload, id=request_id, metadata=metadata, resend=resend)
        return await _result(events, request_id, on_progress, timeout)

    async def resume(
        self,
        request_id: str,
        *,
        on_progress: OnProgress | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - becomes an error with the request's id
    ) -> Any:
        """Wait for the result of a request that was sent before: by an earlier client, or by the same user elsewhere.

        Raises:
            RequestFailedError: as `request`; NOT_FOUND if the service knows no such request.
            RequestCancelledError, RequestTimeoutError, ConnectionLostError, GatewayError, ValueError: as `request`.
        """
        return await _result(self._session.followed(request_id), request_id, on_progress, timeout)

    def events(
        self,
        action: str,
        payload: Any = None,
        *,
        id: str | None = None,  # noqa: A002 - the protocol's own word
        metadata: Mapping[str, Any] | None = None,
        resend: bool = False,
    ) -> AsyncGenerator[Event]:
        """Ask for an action and yield every message about it, up to and including the final one.

        A final ``error`` is an event like any other. Otherwise as `request`, and it raises the same.
        """
        on_loss = OnLoss.RESUME_OR_REPEAT if resend else OnLoss.RESUME
        return self._session.events(action, payload, str(uuid.uuid4()) if id is None else id, metadata, on_loss)

    async def upload(
        self,
        content: Content,
        *,
        content_type: str | None = None,
        action: str = "upload",
        on_progress: OnProgress | None = None,
    ) -> str:
        """Upload what no message holds, and get the reference by which a request names it.

        Args:
            content: Bytes, the path of a file, or a file in binary mode; one that cannot be read twice is copied first.
            content_type: What it is, such as ``text/csv``. None: what the file's name says.
            action: The service's action that gives links, see `streamer.app.App.uploads`.
            on_progress: Called with each percent that is sent; it never goes back.

        Raises:
            RequestFailedError: the service takes no such upload; PAYLOAD_TOO_LARGE and VALIDATION_ERROR say why.
            UploadFailedError: S3 refuses, or does not answer, several times.
            OSError, TypeError: the content cannot be read; a file of another kind may raise what it likes.
            RequestTimeoutError, ConnectionLostError, GatewayError: as `request`.
        """
        from streamer.client.uploads import opened, upload  # noqa: PLC0415 - HTTP, for those who upload

        async def ask(wanted: Mapping[str, Any]) -> Any:
            # A link more does no harm.
            return await self.request(action, wanted, resend=True, timeout=ASKING_SECONDS)

        async def report(progress: Progress) -> None:
            reported = on_progress(progress) if on_progress is not None else None
            if inspect.isawaitable(reported):
                await reported

        with contextlib.ExitStack() as stack:
            source = await asyncio.to_thread(stack.enter_context, opened(content, content_type))
            return await upload(source, ask, report=report)

    async def status(self, request_id: str) -> dict[str, Any]:
        """What the service has stored of a request: state, progress, result or error; raises as `request`."""
        state: dict[str, Any] = await self._session.ask("status", {"request_id": request_id}, OnLoss.REPEAT)
        return state

    async def cancel(self, request_id: str, reason: str | None = None) -> dict[str, Any]:
        """Cancel a request, and tell whether it was ``cancelled`` and what its ``status`` is; raises as `request`.

        ``reason`` is what whoever hears about it is told.
        """
        asked = {"request_id": request_id} | ({} if reason is None else {"reason": reason})
        found: dict[str, Any] = await self._session.ask("cancel", asked, OnLoss.REPEAT)
        return found

    async def publish(self, topic: str, data: Any = None) -> dict[str, Any]:
        """Publish to a topic of the tenant, which takes a permission, and tell how many connections got it.

        ``passed_on`` among the counts says how many invocations of the service deliver to more of them.

        Raises:
            RequestFailedError: the service does not allow it, or there can be no such topic.
            ConnectionLostError: the connection was lost over it; the data may or may not have been published.
        """
        counts: dict[str, Any] = await self._session.ask("publish", {"topic": topic, "data": data}, OnLoss.FAIL)
        return counts

    async def topic(self, name: str) -> AsyncGenerator[TopicMessage]:
        """Subscribe to a topic of the tenant and yield what is published, until the loop is left.

        What is published while a lost connection is not open again is missed.

        Raises:
            RequestFailedError: the service does not allow it, or there can be no such topic.
            ConnectionLostError: there is no connection any more.
        """
        with self._session.topic(name) as queue:
            await self._session.subscribe(name)
            while True:
                yield await queue.get()

    async def direct(self) -> AsyncGenerator[TopicMessage]:
        """Yield what the service sends to this connection, its user or its tenant without a topic.

        Raises:
            ConnectionLostError: there is no connection any more.
        """
        with self._session.topic(None) as queue:
            while True:
                yield await queue.get()


async def _result(
    events: AsyncGenerator[Event],
    request_id: str,
    report: OnProgress | None,
    timeout_seconds: float | None,
) -> Any:
    try:
        async with asyncio.timeout(timeout_seconds) as limit, contextlib.aclosing(events):
            async for event in events:
                if event.is_final:
                    return result_of(event)
                if event.is_progress and report is not None:
                    reported = report(progress_of(event))
                    if inspect.isawaitable(reported):
                        await reported
    except TimeoutError as error:
        if timeout_seconds is None or not limit.expired():
            raise
        raise RequestTimeoutError(request_id, timeout_seconds) from error
    raise ConnectionLostError(None, "without a final answer")
