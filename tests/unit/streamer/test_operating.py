import json
from typing import Any

import pytest

from streamer.operating import dead_letter
from streamer.records import RequestKey
from streamer.requests.runs import run_event

KEY = RequestKey("acme#ada", "r-1")
INVOCATION = {
    "version": "1.0",
    "timestamp": "2026-01-01T12:00:00.000Z",
    "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
    "requestPayload": run_event(KEY),
    "responsePayload": {"errorMessage": "Task timed out after 900.00 seconds"},
}
BATCH = {
    "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 11},
    "timestamp": "2026-01-01T12:00:00.000Z",
    "DDBStreamBatchInfo": {"shardId": "shardId-1", "batchSize": 2},
}


def test_an_invocation_that_was_given_up_names_its_request() -> None:
    letter = dead_letter(json.dumps(INVOCATION), "receipt")

    assert (letter.key, letter.condition, letter.attempts) == (KEY, "RetriesExhausted", 3)
    assert (letter.error, letter.receipt) == ("Task timed out after 900.00 seconds", "receipt")


def test_a_batch_does_not() -> None:
    letter = dead_letter(json.dumps(BATCH), "receipt")

    assert (letter.key, letter.condition, letter.attempts, letter.error) == (None, "RetryAttemptsExhausted", 11, None)


@pytest.mark.parametrize("body", ["", "no JSON", "[]", "{}", '{"requestContext": 1, "requestPayload": 2}'])
def test_anything_else_is_still_listed(body: Any) -> None:
    assert dead_letter(body, "receipt").key is None
