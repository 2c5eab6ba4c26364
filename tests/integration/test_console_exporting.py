"""Spans reach a collector of OpenTelemetry, and one that does not answer harms nobody."""

from __future__ import annotations

import asyncio
import http.server
import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_world import running

from emulator.console.exporting.collector import Exporter, post
from emulator.console.recording.recorder import RingRecorder
from emulator.console.recording.ring import Ring
from emulator.console.settings import ConsoleSettings
from emulator.functions.outcome import Returned

SECRET = "s" * 32


class Collector(http.server.ThreadingHTTPServer):
    """Keeps what it is sent."""

    def __init__(self, status: int) -> None:
        self.bodies: queue.Queue[dict[str, Any]] = queue.Queue()
        self.paths: list[str] = []
        self.status = status
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.paths.append(self.path)
        self.server.bodies.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector(200) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def names(body: dict[str, Any]) -> set[str]:
    return {span["name"] for each in body["resourceSpans"] for scope in each["scopeSpans"] for span in scope["spans"]}


def test_what_passes_through_is_sent_to_the_collector(tmp_path: Path, collector: Collector) -> None:
    settings = ConsoleSettings(is_app=True, secret=SECRET, otlp=collector.url)
    with running(tmp_path, "inline", settings, {"JWT_SECRET": SECRET}) as asked:
        with asked.emulator.connect("ada", "acme") as client:
            client.request("greet", {"name": "ada"}, id="g1")
        found: set[str] = set()
        while not {"connect", "greet", "router", "@connections POST"} <= found:
            found |= names(collector.bodies.get(timeout=60))

    assert set(collector.paths) == {"/v1/traces"}


def test_a_collector_that_does_not_answer_is_told_of_in_one_line_and_harms_nobody(tmp_path: Path) -> None:
    with Collector(200) as unused:
        url = unused.url
    settings = ConsoleSettings(is_app=True, secret=SECRET, otlp=url)
    with running(tmp_path, "inline", settings, {"JWT_SECRET": SECRET}) as asked:
        with asked.emulator.connect("ada", "acme") as client:
            assert client.request("greet", {"name": "ada"}) == "hello ada"
        notes: list[dict[str, Any]] = []
        after = 0
        while not notes:
            page = asked.get(f"events?kind=note&after={after}&wait=5")
            notes = [each for each in page["events"] if "collector" in each["text"]]
            after = page["next"]

    assert notes[0]["fields"]["problem"].startswith(f"{url}/v1/traces: ")


async def test_records_without_spans_say_nothing_of_a_collector(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with Collector(200) as unused:
        url = unused.url
    recorder = RingRecorder(Ring(), lambda: 1_700_000_000_000_000_000, lambda keep, record: keep(record))
    about = {"number": 0, "trace": "", "duration_ms": 1.0, "waited_ms": 0.0, "init_ms": None, "memory_mb": 40}
    recorder.run("router", b"{}", Returned(b"{}", "r1"), **about)  # type: ignore[arg-type]
    looked = asyncio.Semaphore(0)
    async with Exporter(recorder.ring, url, boot="b", look=looked.release), asyncio.timeout(30):
        await looked.acquire()
        await looked.acquire()  # the first attempt is over
        recorder.note("something else", "info", {})

    assert "does not take spans" in caplog.text
    assert "takes spans again" not in caplog.text


async def test_an_error_of_ours_at_the_end_is_told_and_ends_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    def look() -> None:
        raise ZeroDivisionError

    async with Exporter(Ring(), "http://127.0.0.1:9", boot="b", look=look):
        pass

    assert caplog.messages == ["telling the collector failed"]


def test_a_refusal_is_a_problem(collector: Collector) -> None:
    collector.status = 400

    assert post(f"{collector.url}/v1/traces", {}) == f"{collector.url}/v1/traces answers 400"
