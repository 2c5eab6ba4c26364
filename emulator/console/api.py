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

from ..port.http import HttpRequest, HttpResponse
from .access import API
from .actions import Actions
from .around import Around
from .asked import Asked, BadRequestError
from .database import Items
from .facts import facts
from .masking import NOBODY, Who
from .metrics import metrics
from .queued import Queued
from .recorder import RingRecorder
from .records import KINDS, Closed, Opening, Record
from .sources import Sources
from .telling import Teller, Told, tell_fault, who_opened
from .traces import Trace, Traces
from .verdicts import faults_of, verdict
from .workings import Workings

VERSION: Final = 1
"""Of this interface, in ``info`` and in an export."""
WAIT_SECONDS: Final = 25.0
"""Longest wait for something new."""
EVENTS: Final = 500
"""Most records that are told at once, unless a reader wants fewer."""
GATHER_SECONDS: Final = 0.02
"""How long the first new record waits for others, so that many need few answers."""
WRONG: Final = ("error", "refused")
"""Statuses of what went wrong."""


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
        actions, queued = Actions(around, recorder, look=look), Queued(around)
        sources = Sources(around, recorder, look=look)
        workings, items = Workings(around, recorder, look=look), Items(around.database)
        self._routes: tuple[tuple[str, re.Pattern[str], Answer], ...] = tuple(
            (method, re.compile(pattern), answer)
            for method, pattern, answer in (
                ("GET", r"info", self._info),
                ("GET", r"events", self._events),
                ("GET", r"events/(\d+)", self._event),
                ("GET", r"traces/(.+)", self._trace),
                ("GET", r"connections", self._connections),
                ("GET", r"export", self._export),
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
                ("GET", r"queues", sources.queues),
                ("GET", r"queues/([\w.-]+)", sources.queue),
                ("POST", r"queues/([\w.-]+)/purge", sources.purge),
                ("POST", r"queues/([\w.-]+)/redrive", sources.redrive),
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
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace")
        return HttpResponse(200, body, (("content-type", "application/json"), ("cache-control", "no-store")))

    # whose a connection is

    def _who(self, connection: str) -> Who:
        opening = self._recorder.connections.get(connection)
        if opening is None:
            opening = next((each for each, end in self._recorder.closed_ones if end.connection == connection), None)
        return NOBODY if opening is None else _who(opening)

    def _teller(self, *, whole: bool = False) -> Teller:
        return Teller(self._who, None) if whole else Teller(self._who)

    # the routes

    async def _info(self, _asked: Asked) -> Told:
        self._look()
        ring = self._recorder.ring
        recording = {"last": ring.last, "kept": len(ring), "bytes": ring.bytes}
        return {"api": VERSION, "boot": self._boot, **facts(self._around), "recording": recording}

    async def _events(self, asked: Asked) -> Told:
        after = asked.number("after", 0)
        limit = min(asked.number("limit", EVENTS) or 1, EVENTS * 40)
        until = time.monotonic() + min(asked.seconds("wait"), WAIT_SECONDS)
        teller = self._teller()
        wanted = self._wanted(asked, teller)
        while True:
            self._look()
            page = self._recorder.ring.read(after, limit=limit, wanted=wanted())
            left = until - time.monotonic()
            if page.records or page.missed or left <= 0:
                break
            await self._news.wait(left)
            await asyncio.sleep(GATHER_SECONDS)
        events = [teller.tell(record) for record in page.records]
        return {"boot": self._boot, "next": page.next, "missed": page.missed, "events": events}

    def _wanted(self, asked: Asked, teller: Teller) -> Callable[[], Callable[[Record], bool]]:
        """Makes the test that a record has to pass, anew for each look: a trace grows."""
        kinds = asked.words("kind")
        if unknown := [kind for kind in kinds if kind not in KINDS]:
            raise BadRequestError(400, f"there is no kind {unknown[0]!r}; there are {', '.join(KINDS)}")
        fields = {name: value for name in ("connection", "user", "function", "action") if (value := asked.text(name))}
        wrong_only, trace = asked.text("errors") == "1", asked.text("trace")

        def passes(numbers: frozenset[int] | None, record: Record) -> bool:
            if (kinds and record.kind not in kinds) or (numbers is not None and record.number not in numbers):
                return False
            if not fields and not wrong_only:
                return True
            told = teller.tell(record)
            if wrong_only and told.get("status") not in WRONG:
                return False
            return all(told.get(name) == value for name, value in fields.items())

        return lambda: functools.partial(passes, self._numbers(trace) if trace else None)

    def _numbers(self, name: str) -> frozenset[int]:
        trace = Traces(self._recorder.ring).find(name)
        if trace is None:
            return frozenset()
        return frozenset(record.number for record in (trace.origin, *trace.runs, *trace.calls, *trace.logs))

    async def _event(self, _asked: Asked, number: str) -> Told:
        self._look()
        record = self._recorder.ring.find(int(number))
        if record is None:
            raise BadRequestError(404, f"record {number} is not kept any more, or never was")
        return self._teller(whole=True).tell(record)

    async def _trace(self, _asked: Asked, name: str) -> Told:
        self._look()
        trace = Traces(self._recorder.ring).find(name)
        if trace is None:
            raise BadRequestError(404, f"nothing that is kept has the id {name}")
        return tell_trace(trace, self._teller(whole=True))

    async def _connections(self, _asked: Asked) -> Told:
        self._look()
        recorder = self._recorder
        known = {each.connection_id: each for gateway in self._around.gateways for each in gateway.seen()}
        teller = self._teller(whole=True)
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
                    "messages": recorder.counts.get(connection, 0),
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
        teller = self._teller(whole=True)
        records = [teller.tell(record) for record in self._recorder.ring]
        return {
            "streamer": "recording",
            "api": VERSION,
            "boot": self._boot,
            "at": time.time() * 1000,
            "events": records,
        }

    async def _clear(self, _asked: Asked) -> Told:
        self._recorder.clear()
        return {"boot": self._boot, "next": self._recorder.ring.last}


@functools.lru_cache(maxsize=4096)
def _who(opening: Opening) -> Who:
    return who_opened(opening)


def tell_trace(trace: Trace, teller: Teller) -> Told:
    """A trace as JSON; times in Unix milliseconds."""
    status, sentence = verdict(trace)
    spans = [
        {
            "kind": span.kind,
            "name": span.name,
            "begin": span.begin_ns / 1e6,
            "end": span.end_ns / 1e6,
            "depth": span.depth,
            "status": span.status,
            "note": span.note,
            "number": span.number,
        }
        for span in trace.spans
    ]
    return {
        "status": status,
        "verdict": sentence,
        "origin": teller.tell(trace.origin),
        "spans": spans,
        "faults": {request: tell_fault(fault) for request, fault in faults_of(trace).items()},
        "runs": [teller.tell(run) for run in trace.runs],
        "calls": [teller.tell(call) for call in trace.calls],
        "logs": [teller.tell(line) for line in trace.logs],
    }
