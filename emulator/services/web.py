"""Delivers messages to web servers, in threads: as SNS does to its HTTP subscribers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, Self

from ..foundation import log
from ..foundation.tasks import end, start

WAITING: Final = 500
"""Most messages that wait or are on their way; more are dropped."""
AT_ONCE: Final = 8
SECONDS: Final = 15.0
"""How long a server may take. [DOC] sns-docs:sns-message-delivery-retries"""
RETRY_SECONDS: Final = (0.0, 1.0, 2.0)
"""Pauses before further attempts. AWS goes on for an hour, which would only make developers wait."""


class Post(Protocol):
    """Posts to a URL."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> int:
        """The answer's status; raises OSError where there is none."""
        ...


class Web:
    """An async context manager that owns what is on its way; its exit ends it."""

    def __init__(self, post: Post, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._post = post
        self._sleep = sleep
        self._free = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await end(self._tasks)

    def send(self, url: str, headers: Mapping[str, str], body: bytes, *, by: str) -> None:
        """Deliver a message in the background."""
        if len(self._tasks) >= WAITING:
            log.warning("a message of a service was dropped: too many wait", by=by, to=url)
            return
        start(self._tasks, self._deliver(url, headers, body, by))

    async def _deliver(self, url: str, headers: Mapping[str, str], body: bytes, by: str) -> None:
        why = ""
        async with self._free:
            for pause in (None, *RETRY_SECONDS):
                if pause is not None:
                    await self._sleep(pause)
                why = await self._attempt(url, headers, body)
                if not why:
                    return
        log.warning("what a service delivers arrives nowhere", by=by, to=url, why=why)

    async def _attempt(self, url: str, headers: Mapping[str, str], body: bytes) -> str:
        """Why it failed; empty: it did not."""
        try:
            status = await asyncio.to_thread(self._post, url, headers, body, SECONDS)
        except (OSError, ValueError) as error:
            return str(error) or type(error).__name__
        return "" if 200 <= status < 300 else f"it answered with {status}"


def post(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> int:
    """A `Post` to whatever server there is."""
    import urllib3  # noqa: PLC0415 - only for those who deliver to servers
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - as above

    try:
        answer = urllib3.request(
            "POST", url, body=body, headers=dict(headers), timeout=seconds, redirect=False, retries=False
        )
    except HTTPError as error:
        raise OSError(str(error)) from error
    return int(answer.status)
