from dataclasses import replace

import pytest
from streamer_records import NOW, request_record

from streamer.records import RequestKey, RequestRecord, Status
from streamer.requests.runs import Run, row_changes
from streamer.testing import stream_event

KEY = RequestKey("acme#ada", "r-1")
NEW = request_record()
RUNNING = replace(NEW, status=Status.PROCESSING, attempt=1)
FAILED = replace(NEW, status=Status.FAILED, attempt=1)
RETRYING = replace(NEW, status=Status.RETRYING, attempt=1, due_at=NOW + 7)
CANCELLED = replace(NEW, status=Status.CANCELLED, attempt=1)


@pytest.mark.parametrize(
    ("before", "after", "run"),
    [
        pytest.param(None, NEW, Run(KEY), id="accepted"),
        pytest.param(FAILED, NEW, Run(KEY), id="put back"),
        pytest.param(NEW, replace(NEW, updated_at=1.0), None, id="still waiting"),
        pytest.param(NEW, RUNNING, None, id="claimed"),
        pytest.param(RUNNING, FAILED, None, id="ended"),
        pytest.param(NEW, None, None, id="expired"),
        pytest.param(RUNNING, RETRYING, Run(KEY, not_before=NOW + 7), id="to be tried again, after a pause"),
        pytest.param(RETRYING, replace(RETRYING, updated_at=1.0), None, id="somebody listens during the pause"),
        pytest.param(RUNNING, CANCELLED, Run(KEY, tells=True), id="cancelled"),
        pytest.param(CANCELLED, replace(CANCELLED, updated_at=1.0), None, id="still cancelled"),
    ],
)
def test_which_change_calls_for_a_run(
    before: RequestRecord | None, after: RequestRecord | None, run: Run | None
) -> None:
    (change,) = row_changes(stream_event([(before, after)]))

    assert (change.key, change.run) == (KEY, run)


def test_records_keep_their_order_and_numbers() -> None:
    other = replace(NEW, request_id="r-2")
    event = stream_event([(None, NEW), (None, other)])

    changes = row_changes(event)

    assert [change.key.request_id for change in changes] == ["r-1", "r-2"]
    assert [change.sequence_number for change in changes] == [
        record["dynamodb"]["SequenceNumber"] for record in event["Records"]
    ]


def test_an_item_that_is_none_of_ours_calls_for_nothing() -> None:
    event = stream_event([(None, NEW)])
    del event["Records"][0]["dynamodb"]["NewImage"]["status"]

    assert row_changes(event)[0].run is None
