"""Ten slow requests and a hundred quick ones, submitted together: the quick ones do not wait for the slow ones."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from streamer import App, Request
from streamer.handlers.processor import ProcessorHandler
from streamer.requests.runs import Run, run_event
from streamer.running.execution import Workers
from streamer.testing import (
    FakeContext,
    Handlers,
    LocalConnection,
    LocalService,
    RecordingSender,
    message_event,
    stream_event,
)

SLOW, QUICK = 10, 100
BATCH = 25
"""Records of one stream batch; the shard waits until a batch is done."""


class Lambda:
    """Runs each asynchronous event in a thread of its own, as Lambda runs it in an environment of its own."""

    def __init__(self) -> None:
        self.processor: Any = None
        self._pool = ThreadPoolExecutor(SLOW + QUICK)
        self._numbers = iter(range(10**6))

    def dispatch(self, run: Run) -> None:
        context = FakeContext(aws_request_id=f"i-{next(self._numbers)}")
        self._pool.submit(self.processor, run_event(run.key), context)

    def close(self) -> None:
        self._pool.shutdown()


class Finals(RecordingSender):
    """Says when a request is told its end."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: queue.SimpleQueue[str] = queue.SimpleQueue()

    def send(self, connection_id: str, message: str | bytes) -> None:
        super().send(connection_id, message)
        told = json.loads(message)
        if told["type"] in ("complete", "error"):
            self.ended.put(told["request_id"])


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_the_quick_ones_do_not_wait_for_the_slow_ones(release: threading.Event) -> None:
    started = threading.Semaphore(0)
    app = App()

    @app.action("slow", queued=True)
    def slow(request: Request) -> None:
        started.release()
        release.wait(60)

    app.action("quick", queued=True)(lambda request: "done")
    app.action("at-once")(lambda request: "done")
    functions, sender, workers = Lambda(), Finals(), Workers()
    with LocalService(app) as service:
        functions.processor = processor(app, service, functions, sender, workers)
        client = service.connect()
        wanted = [f"slow-{number}" for number in range(SLOW)] + [f"quick-{number}" for number in range(QUICK)]
        submit(service, client, wanted)
        records = list(service.requests.records.values())

        for first in range(0, len(records), BATCH):
            batch = records[first : first + BATCH]
            # The slow ones come first, and each batch is done before the next one comes.
            assert functions.processor(stream_event([(None, record) for record in batch]), FakeContext()) == {
                "batchItemFailures": []
            }
        for _ in range(SLOW):
            assert started.acquire(timeout=60)
        quick = {sender.ended.get(timeout=60) for _ in range(QUICK)}

        assert quick == {f"quick-{number}" for number in range(QUICK)}
        assert client.call("at-once") == "done"
        release.set()
        assert {sender.ended.get(timeout=60) for _ in range(SLOW)} == {f"slow-{number}" for number in range(SLOW)}
    functions.close()
    workers.close()


def processor(app: App, service: LocalService, functions: Lambda, sender: Finals, workers: Workers) -> ProcessorHandler:
    return Handlers(
        app=app,
        connections=service.connections,
        requests=service.requests,
        subscriptions=service.subscriptions,
        sender_at=sender.at,
        dispatcher=functions,
        workers=workers,
        clock=service.clock,
    ).processor


def submit(service: LocalService, client: LocalConnection, wanted: list[str]) -> None:
    for request_id in wanted:
        message = {"action": request_id.partition("-")[0], "id": request_id}
        service.handlers.router(message_event(message, connection_id=client.connection_id), FakeContext())
