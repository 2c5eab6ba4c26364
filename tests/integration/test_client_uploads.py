"""What the Python client does when S3 does not simply take an upload."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import io
import threading
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from streamer.client import Progress, UploadFailedError
from streamer.client.uploads import Source, opened, upload

EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
WRONG = "<Error><Code>SignatureDoesNotMatch</Code><Message>The signature does not match.</Message></Error>"
CONTENT = bytes(range(256)) * 2000


class Store:
    """Plays S3: answers each PUT as it was told, and remembers what came whole."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self.answers = [*answers]
        self.got: list[tuple[str, Mapping[str, str], bytes]] = []
        self.asked: list[Mapping[str, Any]] = []
        self.url = ""

    async def link(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What the service's action answers: a link of its own each time."""
        self.asked.append(wanted)
        name = f"upload-{len(self.asked)}"
        return {"upload": name, "url": f"{self.url}/{name}", "headers": {"content-type": wanted["content_type"]}}


@contextlib.contextmanager
def serving(*answers: tuple[int, str]) -> Iterator[Store]:
    store = Store(*answers)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            status, text = store.answers.pop(0)
            body = self.rfile.read(int(self.headers["content-length"])) if status else b""
            if not status:  # the connection is lost in the middle
                self.rfile.read(1000)
                self.connection.close()
                return
            store.got.append((self.path, self.headers, body))  # type: ignore[arg-type]
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def ignore(progress: Progress) -> None:
    """Nobody looks."""


def send(store: Store, source: Source, seen: list[Progress] | None = None) -> str:
    async def report(progress: Progress) -> None:
        if seen is not None:
            seen.append(progress)

    return asyncio.run(upload(source, store.link, report=report, pauses=(0, 0)))


@pytest.mark.parametrize(
    "trouble",
    [(500, ""), (503, "<Error><Code>SlowDown</Code></Error>"), (429, ""), (403, EXPIRED), (0, "")],
    ids=["fails", "throttles", "too many", "the link was too old", "the connection is lost"],
)
def test_what_passes_is_tried_again_with_a_new_link(trouble: tuple[int, str]) -> None:
    seen: list[Progress] = []
    with serving(trouble, (200, "")) as store, opened(CONTENT, "image/png") as source:
        assert send(store, source, seen) == "upload-2"

    path, headers, body = store.got[-1]
    assert (path, headers["content-type"], body) == ("/upload-2", "image/png", CONTENT)
    assert store.asked == [{"bytes": len(CONTENT), "content_type": "image/png"}] * 2
    told = [each.percentage for each in seen]
    assert (told, told[-1]) == (sorted({*told}), 100)


def test_what_does_not_pass_is_told_after_several_times() -> None:
    slow = (503, "<Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>")
    with serving(slow, slow, slow) as store, opened(b"1", None) as source, pytest.raises(UploadFailedError) as failed:
        send(store, source)

    assert str(failed.value) == "the upload failed: S3 refused it: HTTP 503 SlowDown Reduce your rate."
    assert (failed.value.status, failed.value.code, failed.value.retryable) == (503, "SlowDown", True)
    assert len(store.asked) == 3


def test_a_refusal_is_told_at_once() -> None:
    with serving((403, WRONG)) as store, opened(b"1", None) as source, pytest.raises(UploadFailedError) as failed:
        send(store, source)

    assert (failed.value.status, failed.value.code, failed.value.retryable) == (403, "SignatureDoesNotMatch", False)


def test_nobody_there_is_told_in_words() -> None:
    with serving() as store:
        pass
    with opened(b"1", None) as source, pytest.raises(UploadFailedError, match=r"it was not sent: .*refused"):
        send(store, source)


def test_an_action_that_gives_no_link_is_told() -> None:
    async def ask(wanted: Mapping[str, Any]) -> Any:
        return {"hello": "world"}

    with opened(b"1", None) as source, pytest.raises(UploadFailedError, match="the service's action gave no link"):
        asyncio.run(upload(source, ask, report=ignore))


def test_a_file_is_read_from_where_it_stands_each_time() -> None:
    file = io.BytesIO(b"head" + CONTENT)
    file.seek(4)
    with serving((500, ""), (200, "")) as store, opened(file, None) as source:
        send(store, source)

    assert [body for _, _, body in store.got] == [CONTENT, CONTENT]


def test_what_a_file_raises_reaches_whoever_waits() -> None:
    class Damaged(io.BytesIO):
        """As files of zipfile, tarfile and gzip are: their errors are of kinds of their own."""

        def read(self, size: int | None = -1, /) -> bytes:
            raise zipfile.BadZipFile("Bad CRC-32")

    async def sent(store: Store, source: Source) -> None:
        async with asyncio.timeout(30):
            await upload(source, store.link, report=ignore)

    with serving((0, "")) as store, pytest.raises(zipfile.BadZipFile, match="Bad CRC-32"):
        asyncio.run(sent(store, Source(Damaged(), 0, len(CONTENT), "text/csv")))

    assert len(store.asked) == 1


def test_whoever_stops_waiting_stops_the_upload() -> None:
    class Endless(io.BytesIO):
        """Says that it is large, and can wait."""

        begun, read_on = threading.Event(), threading.Event()

        def read(self, size: int | None = -1, /) -> bytes:
            if self.begun.is_set():
                self.read_on.wait(30)
            self.begun.set()
            return super().read(size)

    async def stopped(store: Store, source: Source) -> None:
        sending = asyncio.create_task(upload(source, store.link, report=ignore))
        await asyncio.to_thread(file.begun.wait, 30)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        file.read_on.set()

    file = Endless(CONTENT)
    with serving((0, "")) as store:
        asyncio.run(stopped(store, Source(file, 0, len(CONTENT), "text/csv")))

    assert len(store.asked) == 1
    assert store.got == []
