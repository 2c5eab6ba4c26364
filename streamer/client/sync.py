"""The client for scripts and notebooks: `StreamerClient` without ``await``, with progress bars."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import queue
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from streamer.client.client import StreamerClient
from streamer.client.display import Bar
from streamer.client.errors import ConnectionLostError
from streamer.client.events import Event, Progress
from streamer.client.handshake import Token
from streamer.client.link import CONNECTED_ALREADY
from streamer.client.topics import TopicMessage

if TYPE_CHECKING:
    from streamer.client.uploads import Content

CLOSING_SECONDS: Final = 5.0
"""How long others have to hear that the client was closed."""

T = TypeVar("T")

_MARK: Final = object()
"""What an iterator of another thread gives instead of raising StopAsyncIteration."""


class SyncClient:
    """A connection to a streamer service, as a context manager; for any number of threads.

    It runs a `StreamerClient` in a thread of its own, so it also works where an event loop runs already, as in
    notebooks. Every method waits as long as its counterpart, raises the same, and can be interrupted by Ctrl-C; what
    was asked for goes on without its caller, and `resume` waits for it again.
    """

    def __init__(self, url: str, token: Token = None, *, progress: bool | None = None, **options: Any) -> None:
        """Does not connect yet.

        Args:
            url: As for `StreamerClient`.
            token: Likewise. A function is called in the client's own thread.
            progress: Whether requests without an ``on_progress`` of their own draw a bar on standard error. None: if
                that is a terminal.
            options: Further options of `StreamerClient`.
        """
        self._make = functools.partial(StreamerClient, url, token, **options)
        self._draws = sys.stderr.isatty() if progress is None else progress
        self._lock = threading.Lock()
        """Held while work is given to the loop, or the loop is taken away."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._client: StreamerClient | None = None

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            CannotConnectError: nobody answers, or the service refuses.
            RuntimeError: it is connected already.
        """
        with self._lock:
            if self._loop is not None:
                raise RuntimeError(CONNECTED_ALREADY)
            loop = self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(loop,), name="streamer-client", daemon=True)
        self._thread.start()
        try:
            self._client = self._wait(self._opened())
        except BaseException:
            self._end(loop)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the connection; whoever still waits in another thread gets a `ConnectionLostError`."""
        client, self._client = self._client, None
        if client is None or self._loop is None:
            return
        if not self._is_running:
            self._loop = self._thread = None  # the connection is the other process's
            return
        try:
            self._wait(client.close())
        finally:
            self._end(self._loop)

    def request(
        self,
        action: str,
        payload: Any = None,
        *,
        on_progress: Callable[[Progress], Any] | None = None,
        id: str | None = None,  # noqa: A002 - the protocol's own word
        metadata: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        resend: bool = False,
    ) -> Any:
        """Ask for an action and wait for its result; see `StreamerClient.request`."""
        with self._bar(action, on_progress) as report:
            ask = functools.partial(
                self._open_client.request,
                *(action, payload),
                id=id,
                metadata=metadata,
                timeout=timeout,
                resend=resend,
            )
            return self._reported(ask, report)

    def resume(
        self, request_id: str, *, on_progress: Callable[[Progress], Any] | None = None, timeout: float | None = None
    ) -> Any:
        """Wait for the result of a request that was sent before; see `StreamerClient.resume`."""
        with self._bar(request_id, on_progress) as report:
            return self._reported(functools.partial(self._open_client.resume, request_id, timeout=timeout), report)

    def events(
        self,
        action: str,
        payload: Any = None,
        *,
        id: str | None = None,  # noqa: A002 - the protocol's own word
        metadata: Mapping[str, Any] | None = None,
        resend: bool = False,
    ) -> Iterator[Event]:
        """Ask for an action and yield every message about it; see `StreamerClient.events`."""
        return self._iterated(self._open_client.events(action, payload, id=id, metadata=metadata, resend=resend))

    def upload(
        self,
        content: Content,
        *,
        content_type: str | None = None,
        action: str = "upload",
        on_progress: Callable[[Progress], Any] | None = None,
    ) -> str:
        """Upload what no message holds, and get the reference to it; see `StreamerClient.upload`."""
        with self._bar(action, on_progress) as report:
            send = functools.partial(self._open_client.upload, content, content_type=content_type, action=action)
            return self._reported(send, report)

    def status(self, request_id: str) -> dict[str, Any]:
        """What the service has stored of a request; see `StreamerClient.status`."""
        return self._wait(self._open_client.status(request_id))

    def cancel(self, request_id: str, reason: str | None = None) -> dict[str, Any]:
        """Cancel a request; see `StreamerClient.cancel`."""
        return self._wait(self._open_client.cancel(request_id, reason))

    def publish(self, topic: str, data: Any = None) -> dict[str, Any]:
        """Publish to a topic; see `StreamerClient.publish`."""
        return self._wait(self._open_client.publish(topic, data))

    def topic(self, name: str) -> Iterator[TopicMessage]:
        """Subscribe to a topic and yield what is published, until the loop is left; see `StreamerClient.topic`."""
        return self._iterated(self._open_client.topic(name))

    def direct(self) -> Iterator[TopicMessage]:
        """Yield what the service sends without a topic, until the loop is left; see `StreamerClient.direct`."""
        return self._iterated(self._open_client.direct())

    @property
    def _open_client(self) -> StreamerClient:
        if self._client is None:
            raise ConnectionLostError(None, "this client is not connected; use it in 'with'")
        return self._client

    @property
    def _is_running(self) -> bool:
        """Whether its thread is there: a process that was forked has the client, but not the thread."""
        return self._thread is not None and self._thread.is_alive()

    async def _opened(self) -> StreamerClient:
        return await self._make().__aenter__()

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            pending = asyncio.all_tasks(loop)
            if pending:  # callers in other threads, which are told that the connection is closed
                loop.run_until_complete(asyncio.wait(pending, timeout=CLOSING_SECONDS))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._loop = None
            loop.call_soon_threadsafe(loop.stop)
        if self._thread is not None:
            self._thread.join()
        self._thread = None

    def _given(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Have the client's thread do it.

        Raises:
            ConnectionLostError: the client was closed.
            RuntimeError: this is the client's thread, which would wait for itself; or that is in another process.
        """
        with self._lock:
            if self._loop is not None and self._is_running and threading.current_thread() is not self._thread:
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        if self._loop is None:
            raise ConnectionLostError(1000, "this client closed it")
        if not self._is_running:
            raise RuntimeError("this client was connected in another process, before a fork; each needs one of its own")
        raise RuntimeError("this runs in the client's own thread, such as a token function; it cannot wait for itself")

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        future = self._given(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C: nobody waits for it any more
            raise

    def _reported(self, ask: Callable[..., Coroutine[Any, Any, T]], report: Callable[[Progress], Any] | None) -> T:
        """Wait for something that reports progress, to a function that is called here: it may use the client, too."""
        if report is None:
            return self._wait(ask())
        calls: queue.SimpleQueue[tuple[Progress, Future[Any]] | None] = queue.SimpleQueue()

        async def pass_on(progress: Progress) -> None:
            heard: Future[Any] = Future()
            calls.put((progress, heard))
            reported = await asyncio.wrap_future(heard)
            if inspect.isawaitable(reported):
                await reported

        future = self._given(ask(on_progress=pass_on))
        future.add_done_callback(lambda _: calls.put(None))
        try:
            while (call := calls.get()) is not None:
                progress, heard = call
                if heard.set_running_or_notify_cancel():
                    heard.set_result(report(progress))
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C, or the function raised: nobody waits for it any more
            raise

    def _iterated(self, messages: AsyncGenerator[T]) -> Iterator[T]:
        async def following() -> Any:
            return await anext(messages, _MARK)

        try:
            while (message := self._wait(following())) is not _MARK:
                yield message
        finally:
            if self._client is not None and self._is_running:
                with contextlib.suppress(ConnectionLostError):  # another thread closed it meanwhile
                    self._left(messages)

    def _left(self, messages: AsyncGenerator[Any]) -> None:
        if threading.current_thread() is not self._thread:
            self._wait(messages.aclose())
        elif self._loop is not None:
            # The garbage collector found the loop that was left, in the client's thread, which cannot wait for itself.
            self._loop.call_soon(self._loop.create_task, messages.aclose())

    @contextlib.contextmanager
    def _bar(self, name: str, own: Callable[[Progress], Any] | None) -> Iterator[Callable[[Progress], Any] | None]:
        if own is not None or not self._draws:
            yield own
            return
        bar = Bar(sys.stderr, name)
        try:
            yield bar.show
        finally:
            bar.end()
