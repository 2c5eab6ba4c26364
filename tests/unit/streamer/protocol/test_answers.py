import json
from typing import Any

import pytest
from streamer_records import NOW, request_record

from streamer.errors import ActionError, ErrorCode
from streamer.protocol import answers
from streamer.protocol.messages import Message
from streamer.records import Failure, ProgressPoint, RequestRecord, Status

FAILURE = Failure(code="TIMEOUT", message="too slow", retryable=True)

FINALS = [
    pytest.param(
        request_record(status=Status.COMPLETED, result_json='{"url":"x"}'),
        {"type": "complete", "result": {"url": "x"}},
        id="completed",
    ),
    pytest.param(
        request_record(status=Status.FAILED, error=FAILURE),
        {"type": "error", "error": {"code": "TIMEOUT", "message": "too slow", "retryable": True}},
        id="failed",
    ),
    pytest.param(
        request_record(status=Status.CANCELLED),
        {"type": "cancelled", "reason": "the request was cancelled"},
        id="cancelled",
    ),
]


@pytest.mark.parametrize(("record", "fields"), FINALS)
def test_a_repeated_request_that_ended_gets_its_final(record: RequestRecord, fields: dict[str, Any]) -> None:
    told = json.loads(answers.to_duplicate(record, now=NOW))

    assert told == {"request_id": "r-1", "timestamp": NOW, **fields}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        pytest.param(Status.PENDING, "queued", id="waiting"),
        pytest.param(Status.PROCESSING, "processing", id="running"),
        pytest.param(Status.RETRYING, "retrying", id="between attempts"),
    ],
)
def test_a_repeated_request_that_goes_on_is_acknowledged_and_says_so(status: Status, told: str) -> None:
    message = json.loads(answers.to_duplicate(request_record(status=status), now=NOW))

    assert (message["type"], message["status"]) == ("acknowledgment", told)
    assert "accepted before" in message["message"]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        pytest.param("report", {"pages": 4}, id="another payload"),
        pytest.param("report", None, id="no payload"),
        pytest.param("greet", {"pages": 3}, id="another action"),
    ],
)
def test_an_id_means_one_request(action: str, payload: Any) -> None:
    with pytest.raises(ActionError, match="used before") as caught:
        answers.check_same(request_record(), Message(action, "r-1", payload, {}))

    assert caught.value.code == ErrorCode.DUPLICATE_REQUEST


def test_the_order_of_keys_does_not_make_another_payload() -> None:
    record = request_record(payload_json='{"a":1,"b":2}')

    answers.check_same(record, Message("report", "r-1", {"b": 2, "a": 1}, {"trace": "another"}))


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        pytest.param(request_record(), {"status": "PENDING", "attempt": 0}, id="waiting"),
        pytest.param(
            request_record(
                status=Status.PROCESSING, attempt=1, progress=ProgressPoint(percentage=40, message="on page 2")
            ),
            {"status": "PROCESSING", "attempt": 1, "progress": {"percentage": 40, "message": "on page 2"}},
            id="running",
        ),
        pytest.param(
            request_record(
                status=Status.COMPLETED, attempt=1, progress=ProgressPoint(percentage=40), result_json="[7]"
            ),
            {"status": "COMPLETED", "attempt": 1, "result": [7]},
            id="completed",
        ),
        pytest.param(
            request_record(status=Status.FAILED, attempt=1, progress=ProgressPoint(percentage=40), error=FAILURE),
            {
                "status": "FAILED",
                "attempt": 1,
                "progress": {"percentage": 40, "message": ""},
                "error": {"code": "TIMEOUT", "message": "too slow", "retryable": True},
            },
            id="failed",
        ),
        pytest.param(
            request_record(status=Status.FAILED, attempt=2, error=FAILURE),
            {
                "status": "FAILED",
                "attempt": 1,
                "error": {"code": "TIMEOUT", "message": "too slow", "retryable": True},
            },
            id="interrupted: the claim that found it dead was no attempt",
        ),
    ],
)
def test_the_state_of_a_request(record: RequestRecord, fields: dict[str, Any]) -> None:
    common = {"request_id": "r-1", "action": "report", "max_attempts": 1, "created_at": NOW, "updated_at": NOW}

    assert json.loads(answers.state_json(record)) == {**common, **fields}
