"""What is under way on a client: who waits for what, and how it goes on after a lost connection."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from typing import Any, Final
from weakref import WeakValueDictionary

from streamer.client.complaints import Complaints
from streamer.client.errors import (
    ClientError,
    ConnectionLostError,
    GatewayError,
    RequestFailedError,
    RequestTimeoutError,
)
from streamer.client.events import Event, failure_of, parse, result_of, topic_message_of
from streamer.client.handshake import Handshake
from streamer.client.inbox import Inbox, OnLoss
from streamer.client.link import Link, Reconnect
from streamer.client.topics import TopicQueue
from streamer.protocol.messages import REQUEST_ID, check_size, to_json
from streamer.protocol.parts import Joiner

LOGGER: Final = logging.getLogger("streamer.client")

_PING: Final = b'{"action":"ping"'
"""Begins the messages that are pings."""
ASKING_SECONDS: Final = 30.0
"""How long the client waits for answers to its own questions; API Gateway waits 29 s for the service."""
RESUMING_SECONDS: Final = (0.25, 0.5, 1.0, 2.0)
"""Pauses before it is asked again about a request that is not known: it may have been on its way."""


class Session:
    """Requests and topics over one link. A `streamer.client.link.Watcher`."""

    def __init__(self, handshake: Handshake, reconnect: Reconnect | None) -> None:
        """Does not connect yet."""
        self._link = Link(handshake, self, reconnect=reconnect)
        self._joiner = Joiner()
        self._inboxes: dict[str, Inbox] = {}
        self._complaints = Complaints()
        self._topics: dict[str | None, list[TopicQueue]] = {}
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._ended: ClientError | None = None

    async def open(self) -> None:
        """Connect; raises as `Link.start`."""
        await self._link.start()
        self._ended = None

    async def close(self) -> None:
        """Close the connection; whoever still waits gets a ConnectionLostError."""
        await self._link.close()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # for the client

    async def events(
        self, action: str, payload: Any, request_id: str, metadata: Mapping[str, Any] | None, on_loss: OnLoss
    ) -> AsyncGenerator[Event]:
        """Send a request and yield all that is told of it."""
        body = _envelope(action, request_id, payload, metadata)
        with self._inbox(request_id, on_loss, body) as inbox:
            await self._send(inbox)
            async for event in _until_final(inbox):
                yield event

    async def followed(self, request_id: str) -> AsyncGenerator[Event]:
        """Yield all that is still told of a request that was sent before."""
        with self._inbox(request_id, OnLoss.RESUME, b"") as inbox:
            inbox.is_answered = True
            inbox.sent_on = (await self._link.connected()).number
            await self.ask("subscribe", {"request_id": request_id}, OnLoss.REPEAT)
            async for event in _until_final(inbox):
                yield event

    async def ask(self, action: str, payload: Any, on_loss: OnLoss) -> Any:
        """Ask the service something that it answers at once; the answer's data."""
        request_id = str(uuid.uuid4())
        try:
            events = self.events(action, payload, request_id, None, on_loss)
            async with asyncio.timeout(ASKING_SECONDS) as limit, contextlib.aclosing(events):
                async for event in events:
                    if event.is_final:
                        return result_of(event)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise RequestTimeoutError(request_id, ASKING_SECONDS) from error
        raise ConnectionLostError(None, "without an answer")

    @contextlib.contextmanager
    def topic(self, name: str | None) -> Iterator[TopicQueue]:
        """A queue of what is published to a topic; with None, of what is sent without one.

        Raises:
            ClientError: there is no connection any more.
            RuntimeError: the connection belongs to another event loop.
        """
        self._link.require_own_loop()
        if self._ended is not None:
            raise self._ended.again()
        queue = TopicQueue()
        self._topics.setdefault(name, []).append(queue)
        try:
            yield queue
        finally:
            self._topics[name].remove(queue)
            if not self._topics[name]:
                del self._topics[name]
                if name is not None and self._ended is None:
                    self._start("topic", name, functools.partial(self._left, name))

    # what the link tells

    def received(self, text: str | bytes) -> None:
        """Take a message to whom it concerns."""
        message = parse(text)
        if message is None:
            LOGGER.warning("ignored a message that is not of this protocol (%d characters)", len(text))
        elif isinstance(message, GatewayError):
            self._complain(message)
        elif message.type == "part":
            whole = self._joiner.add(message.fields)
            if whole is not None:
                self.received(whole)
        elif message.type == "message":
            published = topic_message_of(message)
            for queue in self._topics.get(published.topic, ()):
                queue.put(published)
        elif message.request_id in self._inboxes:
            self._inboxes[message.request_id].put(message)
            self._complaints.settle()
        elif message.request_id is None:
            self._unnamed(message)

    def _unnamed(self, message: Event) -> None:
        """Take a message that names no request."""
        if message.type == "pong":
            # API Gateway's own answer, if it could not tell the ping's id.
            for inbox in self._inboxes.values():
                if inbox.body.startswith(_PING):
                    inbox.put(message)
            self._complaints.settle()
        elif (failure := failure_of(message)) is not None:
            self._complain(failure)

    def lost(self) -> None:
        """Give up what cannot go on over another connection."""
        self._joiner = Joiner()
        self._complaints = Complaints()
        for inbox in self._inboxes.values():
            if inbox.on_loss is OnLoss.FAIL and inbox.sent_on is not None:
                inbox.fail(_unknown())

    def reopened(self) -> None:
        """Go on over another connection."""
        for request_id, inbox in self._inboxes.items():
            if inbox.sent_on is None:
                continue  # its sender has waited for the connection, too
            if inbox.on_loss is OnLoss.REPEAT:
                self._start("request", request_id, functools.partial(self._send, inbox))
            elif inbox.on_loss is not OnLoss.FAIL:
                self._start("request", request_id, functools.partial(self._resumed, request_id, inbox))
        for name, queues in self._topics.items():
            if name is not None:
                self._start("topic", name, functools.partial(self._subscribed_again, name, queues))

    def ended(self, error: ClientError) -> None:
        """Tell everyone that nothing more will come."""
        self._ended = error
        for inbox in self._inboxes.values():
            inbox.fail(error)
        for queues in self._topics.values():
            for queue in queues:
                queue.fail(error)

    def _complain(self, complaint: ClientError) -> None:
        """An error that does not say which request it answers: it is told once it is certain whom it is about.

        That is nobody whose request was sent on an earlier connection: about it somebody asks on this one.
        """
        sent = [inbox for inbox in self._inboxes.values() if inbox.sent_on == self._link.number]
        if not self._complaints.heard(complaint, sent):
            LOGGER.warning("%s; no request waits for an answer", complaint)

    # going on

    def _start(self, kind: str, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something in the background, in place of what is still being done about the same."""
        key = (kind, name)
        if key in self._tasks:
            self._tasks[key].cancel()
        task = self._tasks[key] = asyncio.create_task(_logged(work), name=f"streamer-client-{kind}")
        task.add_done_callback(lambda done: self._tasks.pop(key) if self._tasks.get(key) is done else None)

    async def _resumed(self, request_id: str, inbox: Inbox) -> None:
        """Hear again about a request that was sent on an earlier connection."""
        error: ClientError = _unknown()
        for pause_seconds in (0.0, *RESUMING_SECONDS):
            await asyncio.sleep(pause_seconds)
            if inbox.is_left:
                return
            try:
                await self.ask("subscribe", {"request_id": request_id}, OnLoss.FAIL)
            except RequestFailedError as failed:
                is_unknown = failed.code == "NOT_FOUND"
                if is_unknown and not inbox.is_answered:
                    if inbox.on_loss is OnLoss.RESUME_OR_REPEAT:
                        await self._send(inbox)
                        return
                    error = _unknown()
                elif is_unknown or failed.retryable:
                    error = failed
                else:
                    inbox.fail(failed)
                    return
            except (GatewayError, RequestTimeoutError) as unanswered:
                error = unanswered
            else:
                inbox.is_answered = True
                return
        inbox.fail(error)

    async def subscribe(self, name: str) -> None:
        """Have what is published to a topic sent here; raises as `ask`."""
        async with self._turn(name):
            await self.ask("subscribe", {"topic": name}, OnLoss.REPEAT)

    def _turn(self, name: str) -> asyncio.Lock:
        """Held while a topic is asked for or left: the service may carry out two messages at once, in any order."""
        return self._turns.setdefault(name, asyncio.Lock())

    async def _subscribed_again(self, name: str, queues: list[TopicQueue]) -> None:
        error: ClientError = _unknown()
        async with self._turn(name):
            for pause_seconds in (0.0, *RESUMING_SECONDS):
                await asyncio.sleep(pause_seconds)
                if name not in self._topics:
                    return
                try:
                    await self.ask("subscribe", {"topic": name}, OnLoss.FAIL)
                except (RequestFailedError, GatewayError, RequestTimeoutError) as failed:
                    error = failed
                    if isinstance(failed, RequestFailedError) and not failed.retryable:
                        break
                else:
                    return
        for queue in queues:
            queue.fail(error)

    async def _left(self, name: str) -> None:
        async with self._turn(name):
            # Somebody may have come back to it meanwhile.
            if name not in self._topics:
                await self.ask("unsubscribe", {"topic": name}, OnLoss.FAIL)

    @contextlib.contextmanager
    def _inbox(self, request_id: str, on_loss: OnLoss, body: bytes) -> Iterator[Inbox]:
        if not REQUEST_ID.fullmatch(request_id):
            raise ValueError(f"{request_id!r} is no request id: 1 to 128 letters, digits, '.', '_', ':' and '-'")
        if request_id in self._inboxes:
            raise ValueError(f"request {request_id} is already under way on this client")
        inbox = self._inboxes[request_id] = Inbox(on_loss=on_loss, body=body)
        try:
            yield inbox
        finally:
            inbox.is_left = True
            del self._inboxes[request_id]
            self._complaints.gone(inbox)

    async def _send(self, inbox: Inbox) -> None:
        connection = await self._link.connected()
        if inbox.is_left:  # whoever waited may have asked anew: it is not done twice
            return
        # Before sending: if the connection is lost over it, the request may have arrived all the same.
        inbox.sent_on = connection.number
        await connection.send(inbox.body)


def _envelope(action: str, request_id: str, payload: Any, metadata: Mapping[str, Any] | None) -> bytes:
    if action == "keep-alive":
        raise ValueError("keep-alive has no answer to wait for; a client that is connected sends it by itself")
    fields = {"action": action, "id": request_id, "payload": payload, "metadata": metadata}
    text = to_json({name: value for name, value in fields.items() if value is not None})
    check_size(text)
    return text.encode()


async def _until_final(inbox: Inbox) -> AsyncGenerator[Event]:
    is_final = False
    while not is_final:
        event = await inbox.get()
        is_final = event.is_final
        yield event


async def _logged(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await work()  # made here: a task that is cancelled before it begins leaves no coroutine behind
    except ClientError as error:
        # A lost connection starts it again; everything else was told to whom it concerns.
        LOGGER.debug("%s", error)


def _unknown() -> ConnectionLostError:
    return ConnectionLostError(None, "before the request was answered; it may or may not have been carried out")
