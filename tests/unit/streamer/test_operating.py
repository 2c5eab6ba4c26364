import json
from typing import Any

import pytest

from streamer.operating import Operator, ServiceNames, dead_letter
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


class Queue:
    """As SQS: whoever does not wait is told of none, since the servers that are asked happen to have none."""

    def __init__(self, *bodies: str) -> None:
        self.hidden: set[int] = set()
        self.bodies = dict(enumerate(bodies))

    def receive_message(self, *, MaxNumberOfMessages: int, WaitTimeSeconds: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        seen = [number for number in self.bodies if number not in self.hidden][:MaxNumberOfMessages]
        if not seen or not WaitTimeSeconds:
            return {}
        self.hidden |= {*seen}
        return {"Messages": [{"MessageId": f"{n}", "Body": self.bodies[n], "ReceiptHandle": f"{n}"} for n in seen]}

    def change_message_visibility(self, *, ReceiptHandle: str, VisibilityTimeout: int, **_: Any) -> None:  # noqa: N803
        assert VisibilityTimeout == 0
        self.hidden.remove(int(ReceiptHandle))

    def delete_message(self, *, ReceiptHandle: str, **_: Any) -> None:  # noqa: N803
        del self.bodies[int(ReceiptHandle)]


def test_dead_letters_are_found_wherever_sqs_has_them_and_stay() -> None:
    queue = Queue(*[json.dumps(INVOCATION)] * 12, json.dumps(BATCH))
    operator = Operator(
        lambda service: queue, ServiceNames(requests_table="requests", function_name=None, queue_url="queue")
    )

    assert [len(operator.dead_letters()) for _ in range(2)] == [13, 13]
    assert operator.remove_dead_letters(KEY) == 12
    assert [*queue.bodies.values()] == [json.dumps(BATCH)]
