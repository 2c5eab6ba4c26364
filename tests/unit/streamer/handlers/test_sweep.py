import io

import pytest
from streamer_records import NOW, request_record

from streamer.errors import StoreError
from streamer.handlers.dispatching import Dispatching
from streamer.handlers.sweep import Sweep
from streamer.observability import Logger
from streamer.records import RequestKey, RequestRecord, Status
from streamer.requests.lifecycle import DISPATCH_SECONDS, Applied, Change, Refused
from streamer.requests.runs import Run
from streamer.stores.memory import MemoryRequestStore
from streamer.testing import FakeClock, RecordingDispatcher

LOG = Logger(stream=io.StringIO())


class Service:
    def __init__(self, *records: RequestRecord, store: MemoryRequestStore | None = None, now: float = NOW) -> None:
        self.store = store or MemoryRequestStore()
        self.store.records = {record.key: record for record in records}
        self.dispatcher = RecordingDispatcher()
        self.clock = FakeClock(now)

    def sweep(self) -> list[Run]:
        Sweep(Dispatching(self.dispatcher), requests=self.store, clock=self.clock)(LOG)
        return self.dispatcher.dispatched


@pytest.mark.parametrize(
    ("record", "runs"),
    [
        pytest.param(request_record(status=Status.PENDING, due_at=NOW), True, id="never dispatched"),
        pytest.param(request_record(status=Status.PENDING, due_at=NOW + 1), False, id="just accepted"),
        pytest.param(request_record(status=Status.PROCESSING, due_at=NOW), True, id="its attempt died"),
        pytest.param(request_record(status=Status.PROCESSING, due_at=NOW + 1), False, id="running"),
        pytest.param(request_record(status=Status.RETRYING, due_at=NOW), True, id="its pause is over"),
        pytest.param(request_record(status=Status.RETRYING, due_at=NOW + 1), False, id="pausing"),
        pytest.param(request_record(status=Status.COMPLETED), False, id="over"),
    ],
)
def test_a_sweep_runs_what_was_left_behind(record: RequestRecord, runs: bool) -> None:
    assert Service(record).sweep() == ([Run(record.key)] if runs else [])


def test_one_that_waits_for_its_first_attempt_is_not_run_again_for_every_sweep() -> None:
    service = Service(request_record(status=Status.PENDING, due_at=NOW))

    service.sweep()
    service.sweep()

    assert len(service.dispatcher.dispatched) == 1
    (record,) = service.store.records.values()
    assert (record.status, record.attempt, record.due_at) == (Status.PENDING, 0, NOW + DISPATCH_SECONDS)


def test_requests_of_all_shards_are_found() -> None:
    records = [
        request_record(request_id=f"r-{number}", status=Status.PROCESSING, due_at=NOW - number) for number in range(100)
    ]
    assert len({record.key.shard for record in records}) == 8

    runs = Service(*records).sweep()

    assert {run.key for run in runs} == {record.key for record in records}


def test_what_a_clock_that_was_set_back_put_off_is_found_within_eight_minutes() -> None:
    record = request_record(status=Status.PROCESSING, due_at=NOW + 7200)

    found = [Service(record, now=NOW + 60 * minute).sweep() for minute in range(8)]

    assert sorted(found, key=len)[6:] == [[], [Run(record.key)]]


class Outdated(MemoryRequestStore):
    """Its index tells of requests that are over by now, as one that is a moment old may."""

    def due(self, shard: str, *, now: float, limit: int) -> list[RequestKey]:
        return [key for key in self.records if key.shard == shard]


def test_an_index_that_is_a_moment_old_does_no_harm() -> None:
    service = Service(
        request_record(request_id="over", status=Status.COMPLETED),
        request_record(request_id="renewed", status=Status.PROCESSING, due_at=NOW + 30),
        request_record(request_id="postponed", status=Status.PENDING, due_at=NOW + 30),
        store=Outdated(),
    )

    assert service.sweep() == []


class Failing(MemoryRequestStore):
    """Fails at the first shard, and at one request."""

    def due(self, shard: str, *, now: float, limit: int) -> list[RequestKey]:
        if shard == "0":
            raise StoreError("no answer")
        return super().due(shard, now=now, limit=limit)

    def apply(self, key: RequestKey, change: Change) -> Applied | Refused:
        if key.request_id == "r-1":
            raise StoreError("no answer")
        return super().apply(key, change)


def test_what_fails_does_not_keep_the_sweep_from_the_others() -> None:
    records = [request_record(request_id=f"r-{number}", status=Status.PROCESSING, due_at=NOW) for number in range(20)]
    service = Service(*records, store=Failing())
    service.dispatcher.refused = {"r-2"}
    expected = {record.key for record in records if record.key.shard != "0"}

    runs = service.sweep()

    assert {run.key for run in runs} == {key for key in expected if key.request_id not in ("r-1", "r-2")}
