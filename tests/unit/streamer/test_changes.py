from dataclasses import replace

import pytest
from streamer_records import request_record

from streamer.changes import row_changes
from streamer.stores.records import RequestKey, RequestRecord, Status
from streamer.testing import stream_event

NEW = request_record()
RUNNING = replace(NEW, status=Status.PROCESSING, attempt=1)
FAILED = replace(NEW, status=Status.FAILED, attempt=1)


@pytest.mark.parametrize(
    ("before", "after", "waits"),
    [
        pytest.param(None, NEW, True, id="accepted"),
        pytest.param(FAILED, NEW, True, id="put back"),
        pytest.param(NEW, replace(NEW, updated_at=1.0), False, id="still waiting"),
        pytest.param(NEW, RUNNING, False, id="claimed"),
        pytest.param(RUNNING, FAILED, False, id="ended"),
        pytest.param(NEW, None, False, id="expired"),
    ],
)
def test_which_change_makes_a_request_wait(
    before: RequestRecord | None, after: RequestRecord | None, waits: bool
) -> None:
    (change,) = row_changes(stream_event([(before, after)]))

    assert change.waits_for_attempt is waits
    assert change.key == RequestKey("acme#ada", "r-1")


def test_records_keep_their_order_and_numbers() -> None:
    other = replace(NEW, request_id="r-2")
    event = stream_event([(None, NEW), (None, other)])

    changes = row_changes(event)

    assert [change.key.request_id for change in changes] == ["r-1", "r-2"]
    assert [change.sequence_number for change in changes] == [
        record["dynamodb"]["SequenceNumber"] for record in event["Records"]
    ]


def test_an_item_that_is_none_of_ours_waits_for_nothing() -> None:
    event = stream_event([(None, NEW)])
    del event["Records"][0]["dynamodb"]["NewImage"]["status"]

    assert not row_changes(event)[0].waits_for_attempt
