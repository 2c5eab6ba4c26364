"""The console of a running emulator: records while it may, and answers everything below ``/_streamer/``."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from ..foundation import log
from ..foundation.recording import Recording
from ..port.http import Answer, HttpRequest, HttpResponse
from . import access
from .assets import asset
from .opening import page_url
from .recording.recorder import Gate, RingRecorder
from .recording.ring import Ring

if TYPE_CHECKING:
    from .api.routes import Api
    from .around import Around
    from .exporting.collector import Exporter

TICK_SECONDS: Final = 1.0
"""How often it is decided whether to record."""
ANSWERED_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.01
"""How long, and how often, it is looked whether functions have returned."""
_TOLD_OTHERWISE: Final = (
    *("connected", "disconnected", "refused"),
    *("a batch of stream records failed", "stream records were given up"),
    "messages stay in their queue until they are visible again",
)
"""Lines of the emulator's log that are records of their own."""


class Console:
    """Owns the recorder. An async context manager; records from its entry to its exit."""

    def __init__(self, around: Around, recording: Recording, *, token: str) -> None:
        self._around = around
        self._recording = recording
        self._token = token
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._recorder = RingRecorder(Ring(), time.time_ns, self._post)
        self._gate = Gate()
        self._news = News(self._recorder)
        self._notes = _Notes(self._recorder)
        self._boot = secrets.token_hex(8)
        self._timer: asyncio.TimerHandle | None = None
        self._exporter: Exporter | None = None

    @functools.cached_property
    def _api(self) -> Api:
        from .api.routes import Api  # noqa: PLC0415 - who looks waits for it, not who starts

        return Api(self._around, self._recorder, self._news, boot=self._boot, look=self._look)

    async def __aenter__(self) -> Self:
        self._recording.now = self._recorder
        log.LOGGER.addHandler(self._notes)
        self._tick()
        if (otlp := self._around.settings.otlp) is not None:
            from .exporting.collector import Exporter  # noqa: PLC0415 - only who wants it pays for its import

            exporter = Exporter(self._recorder.ring, otlp, boot=self._boot, look=self._look)
            self._exporter = await exporter.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._exporter is not None:
            await self._exporter.__aexit__(*error)
        self._recording.now = None
        log.LOGGER.removeHandler(self._notes)
        if self._timer is not None:
            self._timer.cancel()
        self._news.wake()

    def handle(self, request: HttpRequest, address: str) -> Answer:
        """Answer a request below ``/_streamer``, or refuse it; ``address`` is that of the port it came to."""
        settings = self._around.settings
        refusal = access.refused(request, address=address, token=self._token, allowed=settings.allowed_hosts)
        if refusal is not None:
            return self._with_headers(refusal)
        if not access.is_for_api(request):
            return self._with_headers(asset(request))
        return self._answer(request)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        return self._with_headers(await self._api.answer(request))

    def _with_headers(self, response: HttpResponse) -> HttpResponse:
        urls = [
            url.replace("ws://", f"{scheme}://").rpartition("/")[0]
            for url in self._around.websocket_urls()
            for scheme in ("ws", "wss")
        ]
        return HttpResponse(response.status, response.body, (*response.headers, *access.headers(urls)))

    def page_url(self, url: str) -> str:
        """The page at this emulator, with its token."""
        return page_url(url, self._token)

    async def answered(self) -> None:
        """Wait, a second at most, until functions have returned: clients may have had their answers before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWERED_SECONDS):
                while self._recorder.unanswered:  # noqa: ASYNC110 - recording is to be quick, so it wakes nobody
                    await asyncio.sleep(LOOK_SECONDS)

    def recorded(self, after: int) -> dict[str, Any]:
        """What was recorded under numbers over ``after``, as the document of an export."""
        from .exporting.recording_file import document  # noqa: PLC0415 - only who exports pays for its import

        kept = (record for record in self._recorder.ring if record.number > after)
        return document(kept, boot=self._boot, at_ms=time.time() * 1000)

    @property
    def count(self) -> int:
        """The highest number of a record so far."""
        return self._recorder.ring.last

    # whether to record

    def _look(self) -> None:
        """Somebody reads: record, however much there is."""
        self._gate.looked(self._loop.time())
        if not self._gate.is_open:
            self._decide()

    def _tick(self) -> None:
        self._decide()
        self._timer = self._loop.call_later(TICK_SECONDS, self._tick)

    def _decide(self) -> None:
        was_open = self._gate.is_open
        missed = self._gate.tick(self._loop.time(), self._around.messages())
        if missed is not None:
            self._recording.now = self._recorder
            text = f"{missed} messages were not recorded: they came fast, and nobody looked"
            self._recorder.note(text, "warning", {})
        elif was_open and not self._gate.is_open:
            self._recording.now = None
            self._recorder.pause()

    def _post(self, keep: Callable[[Any], None], what: Any) -> None:
        if threading.get_ident() == self._thread:
            keep(what)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(keep, what)


class News:
    """Lets readers wait for the next record."""

    def __init__(self, recorder: RingRecorder) -> None:
        self._recorder = recorder
        self._waiting: set[asyncio.Future[None]] = set()

    async def wait(self, seconds: float) -> None:
        """Return when there is a new record, when the emulator stops, or after the time."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        self._recorder.ring.waker = self.wake
        try:
            await asyncio.wait({waiter}, timeout=seconds)
        finally:
            self._waiting.discard(waiter)

    def wake(self) -> None:
        """Something is new."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()


class _Notes(logging.Handler):
    """Makes records of what the emulator itself logs."""

    def __init__(self, recorder: RingRecorder) -> None:
        super().__init__(logging.INFO)
        self._recorder = recorder

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, unless it is told in another way."""
        text = record.getMessage()
        if text in _TOLD_OTHERWISE:
            return
        fields: Mapping[str, Any] = getattr(record, "fields", {})
        error = record.exc_info[1] if record.exc_info else None
        told = dict(fields) if error is None else {**fields, "error": f"{type(error).__name__}: {error}"}
        self._recorder.note(text, record.levelname.lower(), told)
