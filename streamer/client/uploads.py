"""Puts what no message holds to the link that the service signed for it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import mimetypes
import os
import random
import re
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final
from urllib.parse import urlsplit

from streamer.aws_limits import LOOPBACK
from streamer.client.errors import UploadFailedError
from streamer.client.events import Progress

Content = bytes | bytearray | memoryview | os.PathLike[str] | IO[bytes]
"""What can be uploaded: bytes, the path of a file, or a file that is open for reading bytes."""

PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 4.0)
"""Pauses before further attempts, at most; each attempt has a link of its own."""
ANSWER_SECONDS: Final = 60.0
"""How long nothing may move."""
PIECE_BYTES: Final = 64 * 1024
IN_MEMORY_BYTES: Final = 8 * 1024 * 1024
"""Largest content of unknown size that is kept in memory until it is sent."""
_PASSING: Final = frozenset({408, 429})
_ERROR: Final = re.compile(r"<(Code|Message)>(.*?)</\1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """Content whose size is known, and which can be read again."""

    file: IO[bytes]
    start: int
    size_bytes: int
    content_type: str


@contextlib.contextmanager
def opened(content: Content, content_type: str | None) -> Iterator[Source]:
    """The content as a source; what cannot be read twice is copied.

    Raises:
        OSError: the file cannot be read.
        TypeError: it is no content.
    """
    if isinstance(content, os.PathLike):
        guessed = content_type or mimetypes.guess_type(os.fspath(content))[0]
        with open(content, "rb") as file:  # noqa: PTH123 - any PathLike
            yield _source(file, guessed)
    elif isinstance(content, bytes | bytearray | memoryview):
        with tempfile.SpooledTemporaryFile(max_size=0) as kept:  # never on disk
            kept.write(content)
            kept.seek(0)
            yield _source(kept, content_type)
    elif not callable(getattr(content, "read", None)) or isinstance(content.read(0), str):
        raise TypeError("the content must be bytes, a path, or a file in binary mode")
    elif content.seekable():
        guessed = content_type or mimetypes.guess_type(str(getattr(content, "name", "")))[0]
        yield _source(content, guessed)
    else:
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as kept:
            while piece := content.read(PIECE_BYTES):
                kept.write(piece)
            kept.seek(0)
            yield _source(kept, content_type)


def _source(file: IO[bytes], content_type: str | None) -> Source:
    start = file.tell()
    size = file.seek(0, os.SEEK_END) - start
    return Source(file, start, max(size, 0), content_type or "application/octet-stream")


async def upload(
    source: Source,
    ask: Callable[[Mapping[str, Any]], Awaitable[Any]],
    *,
    report: Callable[[Progress], Awaitable[None]],
    pauses: tuple[float, ...] = PAUSES_SECONDS,
) -> str:
    """Put a source into S3, by a new link for each attempt; the reference that requests name it by.

    Args:
        source: What to upload.
        ask: Asks the service for a link; what it raises is passed on.
        report: Told how far it is; never goes back.
        pauses: Seconds before further attempts, at most.

    Raises:
        UploadFailedError: S3 refuses, or does not answer.
        Exception: what reading the source raised, unless it is an OSError or a ValueError, which an upload fails with.
    """
    told = 0.0

    async def tell(sent: int, percentage: float) -> None:
        nonlocal told
        if percentage >= told + 1:
            told = percentage
            await report(Progress(percentage, f"{sent / 1e6:.1f} of {source.size_bytes / 1e6:.1f} MB"))

    for pause in (*pauses, None):
        link = await ask({"bytes": source.size_bytes, "content_type": source.content_type})
        try:
            reference, url, headers = str(link["upload"]), str(link["url"]), dict(link["headers"])
        except (TypeError, LookupError, ValueError) as error:
            raise UploadFailedError("the service's action gave no link", status=None) from error
        try:
            async with contextlib.aclosing(_Sending(url, headers, source).progress()) as sending:
                async for sent in sending:
                    await tell(sent, 98.0 * sent / max(source.size_bytes, 1))
        except UploadFailedError as failed:
            if pause is None or not failed.retryable:
                raise
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - spreads clients, no secret
            continue
        await tell(source.size_bytes, 100.0)
        return reference
    raise AssertionError("the last attempt returns or raises")


class _Sending:
    """One attempt in a thread of its own, which tells the loop how far it is."""

    def __init__(self, url: str, headers: Mapping[str, str], source: Source) -> None:
        self._request = (url, headers, source)
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._stopped = threading.Event()
        self._sent = 0
        self._failure: Exception | None = None
        self._is_over = False

    async def progress(self) -> AsyncGenerator[int]:
        """Send, and yield how many bytes are sent; to close it early stops the thread.

        Raises:
            UploadFailedError: it failed.
            Exception: what reading the content raised.
        """
        # Not one of the loop's threads: whoever leaves the program does not wait for it.
        threading.Thread(target=self._run, name="streamer-upload", daemon=True).start()
        try:
            while not self._is_over:
                await self._changed.wait()
                self._changed.clear()
                yield self._sent
        finally:
            self._stopped.set()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        failure: Exception | None
        try:
            failure = _failure_of(*self._request, self._tell, self._stopped)
        except Exception as error:  # noqa: BLE001 - a file of the caller's may raise anything; whoever waits is told
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._end, failure)

    def _tell(self, sent: int) -> None:
        self._loop.call_soon_threadsafe(self._note, sent)

    def _note(self, sent: int) -> None:
        self._sent = sent
        self._changed.set()

    def _end(self, failure: Exception | None) -> None:
        self._failure, self._is_over = failure, True
        self._changed.set()


class _StoppedError(Exception):
    """Nobody waits for the upload any more."""


def _failure_of(
    url: str, headers: Mapping[str, str], source: Source, tell: Callable[[int], None], stopped: threading.Event
) -> UploadFailedError | None:
    """Send everything; what went wrong, if anything did."""
    request = urllib.request.Request(  # noqa: S310 - the service's own link
        url,
        data=_pieces(source, tell, stopped),
        headers={**headers, "Content-Length": str(source.size_bytes)},
        method="PUT",
    )
    is_local = urlsplit(url).hostname in LOOPBACK
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if is_local else []))
    try:
        with opener.open(request, timeout=ANSWER_SECONDS) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return _refusal(error.code, error.read(PIECE_BYTES).decode("utf-8", "replace"))
    except _StoppedError:
        return None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        return UploadFailedError(f"it was not sent: {reason}", status=None, retryable=not isinstance(error, ValueError))
    return None


def _refusal(status: int, text: str) -> UploadFailedError:
    told = dict(_ERROR.findall(text))
    code, message = told.get("Code"), told.get("Message", "")
    # A link that was too old when it was used is replaced by the next attempt's. [DOC] s3-docs:sigv4-query-string-auth
    passes = status >= 500 or status in _PASSING or "expired" in message.lower() or code == "ExpiredToken"
    words = " ".join(filter(None, (f"HTTP {status}", code, message)))
    return UploadFailedError(f"S3 refused it: {words}", status=status, code=code, retryable=passes)


def _pieces(source: Source, tell: Callable[[int], None], stopped: threading.Event) -> Iterator[bytes]:
    source.file.seek(source.start)
    sent = 0
    while sent < source.size_bytes:
        piece = source.file.read(min(PIECE_BYTES, source.size_bytes - sent))
        if not piece:
            raise ValueError("the file became shorter while it was sent")
        if stopped.is_set():
            raise _StoppedError
        yield piece
        sent += len(piece)
        tell(sent)
