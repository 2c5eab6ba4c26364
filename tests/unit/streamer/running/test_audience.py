"""What is on its way to one connection, and what of it waits."""

import io
import threading
from dataclasses import replace
from typing import Any

from streamer_records import request_record

from streamer.observability import Logger
from streamer.records import Listener
from streamer.running.audience import SLOW_SECONDS, Audience, ListenerLane, _Recipient, _Waiting
from streamer.running.execution import Workers
from streamer.testing import FakeClock, RecordingSender


class Reader(RecordingSender):
    """A connection that takes so long for each message, once it is let go on."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        super().__init__()
        self.began, self.free = threading.Event(), threading.Event()
        self._clock, self._seconds = clock, seconds

    def send(self, connection_id: str, message: str | bytes) -> None:
        self.began.set()
        assert self.free.wait(30)
        self._clock.advance(self._seconds)
        super().send(connection_id, message)


def told(seconds: float) -> list[Any]:
    """What a connection gets that took so long for a message while others came."""
    clock, workers = FakeClock(0.0), Workers()
    reader = Reader(clock, seconds)
    recipient = _Recipient(reader, "c-1", Logger(stream=io.StringIO()))
    lane = ListenerLane(recipient, workers, clock=clock, monotonic=clock, progresses=100)
    try:
        lane.post(_Waiting(["1"], good_until=900.0))
        assert reader.began.wait(30)
        for number in range(2, 6):
            lane.post(_Waiting([str(number)], good_until=900.0))
        lane.post(_Waiting(['"end"'], good_until=None))
        reader.free.set()
        lane.wait(30)
    finally:
        workers.close()
    return [message for _, message in reader.sent]


def test_who_left_hears_no_more() -> None:
    workers, sender = Workers(), RecordingSender()
    stays, leaves = (Listener(name, "https://api.example.com/dev") for name in ("c-2", "c-3"))
    record = request_record(listeners=frozenset({stays, leaves}))
    audience = Audience(record, sender_at=sender.at, workers=workers, log=Logger(stream=io.StringIO()))
    try:
        audience.update(replace(record, listeners=frozenset({stays})))
        audience.send('"end"', now=0.0)
        audience.finish(until=30.0, monotonic=lambda: 0.0)
    finally:
        workers.close()

    assert sorted(connection_id for connection_id, _ in sender.sent) == ["c-1", "c-2"]


def test_a_connection_that_reads_gets_everything_in_order() -> None:
    assert told(SLOW_SECONDS / 2) == [1, 2, 3, 4, 5, "end"]


def test_one_that_does_not_is_told_only_the_latest_progress_and_the_end() -> None:
    assert told(SLOW_SECONDS) == [1, 5, "end"]
