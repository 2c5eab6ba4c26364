import io
from collections.abc import Iterator

import pytest
from streamer_records import request_record

from streamer.errors import SendError
from streamer.observability import Logger
from streamer.records import Listener
from streamer.running.attempt import Abandonment
from streamer.running.audience import Audience
from streamer.running.execution import Workers
from streamer.testing import FakeClock, RecordingSender

OTHER = Listener("c-2", "https://api.example.com/dev")


class Asked(RecordingSender):
    """Counts what API Gateway is asked, each of which an account pays for."""

    count = 0

    def is_active(self, connection_id: str) -> bool:
        self.count += 1
        return super().is_active(connection_id)


class Watched:
    def __init__(self, workers: Workers) -> None:
        self.clock = FakeClock(0)
        self.sender = Asked()
        record = request_record()
        self.audience = Audience(
            record, sender_at=self.sender.at, workers=workers, log=Logger(stream=io.StringIO(), level="ERROR")
        )
        self.abandonment = Abandonment(self.audience, monotonic=self.clock)

    def after(self, seconds: float) -> bool:
        """Whether it is complete at any time within so many seconds."""
        found = self.abandonment.is_complete()
        for _ in range(int(seconds)):
            self.clock.advance(1)
            found = found or self.abandonment.is_complete()
        return found


@pytest.fixture
def watched() -> Iterator[Watched]:
    workers = Workers()
    yield Watched(workers)
    workers.close()


def test_a_request_with_someone_listening_is_not_abandoned(watched: Watched) -> None:
    assert not watched.after(600)


def test_api_gateway_is_asked_every_ten_seconds_and_no_more(watched: Watched) -> None:
    watched.after(600)

    assert watched.sender.count == 61


def test_it_is_when_nobody_has_been_listening_for_half_a_minute(watched: Watched) -> None:
    watched.sender.gone.add("c-1")

    assert not watched.after(29)
    assert watched.after(1)


def test_who_comes_back_in_time_is_not_too_late(watched: Watched) -> None:
    watched.sender.gone.add("c-1")
    assert not watched.after(25)

    watched.audience.update(request_record(listeners=frozenset({OTHER})))

    assert not watched.after(600)


def test_a_listener_that_leaves_too_starts_the_time_anew(watched: Watched) -> None:
    watched.sender.gone.add("c-1")
    watched.audience.update(request_record(listeners=frozenset({OTHER})))
    assert not watched.after(600)

    watched.sender.gone.add("c-2")

    assert not watched.after(29)
    assert watched.after(12)


def test_an_api_gateway_that_does_not_answer_cancels_nothing(watched: Watched) -> None:
    watched.sender.failing = SendError("no answer")

    assert not watched.after(600)
