"""The console's HTTP interface: reads the records. The page, `streamer tail` and programs use the same one."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from streamer.errors import ConfigurationError

from ...port.http import HttpRequest, HttpResponse
from ..access import API
from ..around import Around
from ..exporting import recording_file
from ..reading.asked import Asked, BadRequestError
from ..reading.book import Book
from ..reading.metrics import metrics
from ..reading.telling import Teller, Told, who_opened
from ..recording.masking import NOBODY, Who
from ..recording.recorder import BUSY_MESSAGES, RingRecorder
from ..recording.records import Closed, Opening
from ..recording.ring import BYTES, RECORDS, Page
from .actions import Actions
from .database import Items
from .facts import facts
from .invoking import Invoking
from .queued_requests import Queued
from .queues import Queues
from .sources import Sources
from .workings import Workings

VERSION: Final = 1
"""Of this interface, in ``info`` and in an export."""
WAIT_SECONDS: Final = 25.0
"""Longest wait for something new."""
GATHER_SECONDS: Final = 0.02
"""How long the first new record waits for others, so that many need few answers."""


class Waiting(Protocol):
    """Lets a reader wait."""

    async def wait(self, seconds: float) -> None:
        """Return when there is something new, or after the time."""
        ...


Answer = Callable[..., Awaitable[Any]]


class Api:
    """Answers requests that were let in."""

    def __init__(
        self, around: Around, recorder: RingRecorder, news: Waiting, *, boot: str, look: Callable[[], None]
    ) -> None:
        """``boot`` names this run of the emulator; ``look`` is called when somebody reads."""
        self._around = around
        self._recorder = recorder
        self._news = news
        self._boot = boot
        self._look = look
        self._book = Book(recorder.ring, self._who)
        self._recording = (0, self._book)
        """The recording that was opened last, and its number; 0: none was."""
        invoking = Invoking(around.functions, recorder, look=look)
        actions, queued = Actions(around, recorder, invoking, look=look), Queued(around)
        sources, queues = Sources(around, recorder, look=look), Queues(around, invoking)
        workings, items = Workings(around, recorder, invoking, look=look), Items(around.database)
        self._routes: tuple[tuple[str, re.Pattern[str], Answer], ...] = tuple(
            (method, re.compile(pattern), answer)
            for method, pattern, answer in (
                ("GET", r"info", self._info),
                ("GET", r"events", self._events),
                ("GET", r"events/(\d{1,18})", self._event),
                ("GET", r"traces/(.+)", self._trace),
                ("GET", r"connections", self._connections),
                ("GET", r"export", self._export),
                ("POST", r"recordings", self._open),
                ("POST", r"clear", self._clear),
                ("POST", r"connections/([\w=-]+)/receive", actions.receive),
                ("POST", r"connections/([\w=-]+)/send", actions.send),
                ("POST", r"connections/([\w=-]+)/close", actions.close),
                ("POST", r"tokens", actions.tokens),
                ("POST", r"replays", actions.replays),
                ("POST", r"dynamodb/(\w+)", items.perform),
                ("GET", r"describe", self._describe),
                ("GET", r"metrics", self._metrics),
                ("GET", r"mappings", sources.mappings),
                ("GET", r"streams/([\w.-]+)", sources.stream),
                ("GET", r"queues", queues.listed),
                ("GET", r"queues/([\w.-]+)", queues.one),
                ("POST", r"queues/([\w.-]+)/purge", queues.purge),
                ("POST", r"queues/([\w.-]+)/redrive", queues.redrive),
                ("POST", r"queues/([\w.-]+)/retry", queues.retry),
                ("POST", r"queues/([\w.-]+)/drop", queues.drop),
                ("GET", r"functions", workings.listed),
                ("GET", r"functions/([\w-]+)", workings.one),
                ("POST", r"functions/([\w-]+)/invoke", workings.invoke),
                ("POST", r"functions/([\w-]+)/retire", workings.retire),
                ("GET", r"requests", queued.listed),
                ("GET", r"requests/(.+)", queued.one),
                ("POST", r"requests/(.+)/retry", queued.retry),
                ("POST", r"requests/(.+)/cancel", queued.cancel),
            )
        )

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; 404 for what there is not, 400 for what is not understood."""
        path = request.path.removeprefix(API)
        found = [
            (method, match, answer) for method, pattern, answer in self._routes if (match := pattern.fullmatch(path))
        ]
        if not found:
            return HttpResponse.of_json(404, {"message": f"there is no api/{path}"})
        method = "GET" if request.method == "HEAD" else request.method
        chosen = next(((match, answer) for wanted, match, answer in found if wanted == method), None)
        if chosen is None:
            return HttpResponse.of_json(405, {"message": f"api/{path} takes {found[0][0]}"})
        match, answer = chosen
        try:
            content = await answer(Asked.of(request), *match.groups())
        except BadRequestError as error:
            return HttpResponse.of_json(error.status, {"message": str(error)})
        return HttpResponse(200, _json(content), (("content-type", "application/json"), ("cache-control", "no-store")))

    # whose a connection is

    def _who(self, connection: str) -> Who:
        opening = self._recorder.connections.get(connection)
        if opening is None:
            opening = next((each for each, end in self._recorder.closed_ones if end.connection == connection), None)
        return NOBODY if opening is None else _who(opening)

    # the routes

    async def _info(self, _asked: Asked) -> Told:
        self._look()
        ring = self._recorder.ring
        bounds = {"most": RECORDS, "most_bytes": BYTES, "busy": BUSY_MESSAGES}
        recording = {"last": ring.last, "kept": len(ring), "bytes": ring.bytes, **bounds}
        return {"api": VERSION, "boot": self._boot, **facts(self._around), "recording": recording}

    async def _events(self, asked: Asked) -> Told:
        until = time.monotonic() + min(asked.seconds("wait"), WAIT_SECONDS)
        book, look = self._opened(asked), self._opened(asked).page(asked)
        is_live = book is self._book
        page = await self._new(look, until) if is_live else look()
        boot = self._boot if is_live else f"recording {asked.text('recording')}"
        teller = book.teller()
        events = [teller.tell(record) for record in page.records]
        return {"boot": boot, "next": page.next, "missed": page.missed, "gone": page.gone, "events": events}

    async def _new(self, look: Callable[[], Page], until: float) -> Page:
        while True:
            self._look()
            page = look()
            left = until - time.monotonic()
            if page.records or page.missed or left <= 0:
                return page
            await self._news.wait(left)
            await asyncio.sleep(GATHER_SECONDS)

    async def _event(self, asked: Asked, number: str) -> Told:
        self._look()
        return self._opened(asked).event(int(number))

    async def _trace(self, asked: Asked, name: str) -> Told:
        self._look()
        return self._opened(asked).trace(name)

    def _opened(self, asked: Asked) -> Book:
        """What a reader wants to read: what is recorded now, or the recording that it has opened."""
        number = asked.number("recording", 0)
        if number == 0:
            return self._book
        if number != self._recording[0]:
            raise BadRequestError(404, f"recording {number} is not open any more: another one was opened")
        return self._recording[1]

    async def _open(self, asked: Asked) -> Told:
        """Take a recording to be read by its number; the one before it is forgotten."""
        try:
            book = Book.of(await asyncio.to_thread(recording_file.read, asked.body))
        except ConfigurationError as error:
            raise BadRequestError(400, str(error)) from error
        self._recording = (self._recording[0] + 1, book)
        return {"recording": self._recording[0], "records": len(book.ring)}

    async def _connections(self, _asked: Asked) -> Told:
        self._look()
        recorder = self._recorder
        recorder.ring.settle()
        known = {each.connection_id: each for gateway in self._around.gateways() for each in gateway.seen()}
        teller = self._book.teller(whole=True)
        found = []
        for connection, seen in known.items():
            opening = recorder.connections.get(connection)
            told = {} if opening is None else teller.tell(opening)
            found.append(
                {
                    **told,
                    "connection": connection,
                    "opened_at": seen.connected_at_ms,
                    "peer": seen.source_ip,
                    "agent": seen.user_agent,
                    "idle_seconds": seen.idle_seconds,
                    "waiting_bytes": seen.waiting_bytes,
                    "messages": seen.received,
                    "sent": seen.sent,
                }
            )
        closed = [self._closed(teller, opening, end) for opening, end in reversed(recorder.closed_ones)]
        limits = self._around.limits
        ends = {"idle_seconds": limits.idle_seconds, "max_duration_seconds": limits.max_duration_seconds}
        return {"boot": self._boot, "now": time.time() * 1000, "limits": ends, "open": found, "closed": closed}

    def _closed(self, teller: Teller, opening: Opening | None, end: Closed) -> Told:
        return {**({} if opening is None else teller.tell(opening)), **teller.tell(end)}

    async def _describe(self, _asked: Asked) -> Told:
        make = self._around.settings.describe
        if make is None:
            raise BadRequestError(404, "only an App describes what its clients can ask for")
        try:
            return dict(await make())
        except ConfigurationError as error:
            raise BadRequestError(409, str(error)) from error

    async def _metrics(self, _asked: Asked) -> Told:
        self._look()
        return metrics(self._recorder.ring, now_ns=time.time_ns())

    async def _export(self, _asked: Asked) -> Told:
        kept = list(self._recorder.ring)
        # Looking through all of it for secrets takes a second, in which the gateway goes on.
        return await asyncio.to_thread(recording_file.document, kept, boot=self._boot, at_ms=time.time() * 1000)

    async def _clear(self, _asked: Asked) -> Told:
        self._recorder.clear()
        return {"boot": self._boot}


def _json(content: Any) -> bytes:
    try:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str).encode()
    except UnicodeEncodeError:  # half a pair, which a client has written as JSON can
        return json.dumps(content, separators=(",", ":"), default=str).encode()


@functools.lru_cache(maxsize=4096)
def _who(opening: Opening) -> Who:
    return who_opened(opening)
