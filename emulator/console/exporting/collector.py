"""Sends what is recorded to a collector of OpenTelemetry: ``streamer emulate --otlp URL``."""

from __future__ import annotations

import asyncio
import http.client
import importlib.metadata
import json
from collections.abc import Callable
from typing import Any, Final, Self
from urllib.parse import urlsplit

from streamer.errors import ConfigurationError

from ...foundation import log
from ...foundation.tasks import end
from ..recording.ring import Record, Ring
from .otlp import spans

SECONDS: Final = 1.0
"""How often what is new is sent."""
PATIENCE_SECONDS: Final = 5.0
"""How long a collector may take for an answer."""
RECORDS: Final = 2000
"""Most records that are sent at once; older ones are given up. The ring is the queue."""
PATH: Final = "/v1/traces"


def endpoint(url: str) -> str:
    """Where spans are sent: the URL with OTLP's path, unless it has one.

    Raises:
        ConfigurationError: it is no HTTP URL.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise ConfigurationError(f"--otlp {url!r} is no URL of a collector, such as http://127.0.0.1:4318")
    return url if parts.path not in ("", "/") else f"{parts.scheme}://{parts.netloc}{PATH}"


class Exporter:
    """An async context manager: sends until its end, and what is new then once more."""

    def __init__(self, ring: Ring, url: str, *, boot: str, look: Callable[[], None]) -> None:
        """``look`` makes sure that all is recorded; raises ConfigurationError for a URL that is none."""
        self._ring = ring
        self._url = endpoint(url)
        self._boot = boot
        self._look = look
        self._after = 0
        self._version = importlib.metadata.version("streamer-ws")
        self._has_failed = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            await end([self._task])
        await self._try_new()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            await self._try_new()

    async def _try_new(self) -> None:
        try:
            await self._send_new()
        except Exception as error:  # noqa: BLE001 - nobody waits for it: logged, and tried again with what comes
            log.error("telling the collector failed", error=error)

    async def _send_new(self) -> None:
        self._look()
        page = self._ring.read(self._after, limit=RECORDS)
        self._after = page.next
        if page.missed:
            log.warning("spans were not sent: there were too many", records=page.missed)
        if page.records:
            kept, numbers = list(self._ring), frozenset(record.number for record in page.records)
            count, problem = await asyncio.to_thread(self._send, kept, numbers)
            if count:  # of records without spans, such as the line that tells of a collector, nothing is learned of it
                self._tell(problem)

    def _send(self, kept: list[Record], numbers: frozenset[int]) -> tuple[int, str | None]:
        """How many spans there were, and why they were not taken; None: they were. Runs in a thread."""
        content, count = spans(kept, numbers, boot=self._boot, version=self._version)
        return count, post(self._url, content) if count else None

    def _tell(self, problem: str | None) -> None:
        if problem is not None and not self._has_failed:
            log.warning("the collector does not take spans; they are given up until it does", problem=problem)
        elif problem is None and self._has_failed:
            log.info("the collector takes spans again")
        self._has_failed = problem is not None


def post(url: str, content: Any) -> str | None:
    """Post JSON; why it was not taken, or None."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, json.dumps(content), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        return f"{url}: {str(error) or type(error).__name__}"
    finally:
        connection.close()
    return None if answer.status < 300 else f"{url} answers {answer.status}"
