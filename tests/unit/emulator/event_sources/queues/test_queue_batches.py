"""What a function gets of a queue, and which messages are done after it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.event_sources.queues.batches import (
    QueueMessage,
    done,
    events,
    filtered_record,
    overtaking,
    record,
)
from emulator.functions.limits import EVENT_BYTES
from emulator.functions.outcome import Failed, Outcome, Refused, Returned


def message(name: str, group: str | None = None, **more: Any) -> QueueMessage:
    attributes = {} if group is None else {"MessageGroupId": group}
    return QueueMessage(message_id=name, receipt_handle=f"r-{name}", body="{}", attributes=attributes, **more)


def returned(answer: Any) -> Returned:
    return Returned(json.dumps(answer).encode(), "id")


def failures(*names: str) -> Returned:
    return returned({"batchItemFailures": [{"itemIdentifier": name} for name in names]})


STANDARD = [message("a"), message("b"), message("c")]
FIFO = [message("a", "g"), message("b", "g"), message("c", "g")]


@pytest.mark.parametrize(
    ("messages", "outcome", "reports", "finished"),
    [
        pytest.param(STANDARD, returned(None), False, "abc", id="it returned"),
        pytest.param(STANDARD, failures("b"), False, "abc", id="failures that nobody asked for"),
        pytest.param(STANDARD, Failed(b"{}", "id"), False, "", id="it failed"),
        pytest.param(STANDARD, Refused(429, "T", "m"), False, "", id="throttled"),
        pytest.param(STANDARD, failures("b"), True, "ac", id="one failed"),
        pytest.param(STANDARD, failures(), True, "abc", id="none failed"),
        pytest.param(STANDARD, returned(None), True, "abc", id="null means none"),
        pytest.param(STANDARD, returned({}), True, "abc", id="an empty answer means none"),
        pytest.param(STANDARD, returned({"batchItemFailures": None}), True, "abc", id="null list means none"),
        pytest.param(STANDARD, failures("x"), True, "", id="an unknown name fails all"),
        pytest.param(STANDARD, failures(""), True, "", id="an empty name fails all"),
        pytest.param(STANDARD, returned({"batchItemFailures": "b"}), True, "", id="no list fails all"),
        pytest.param(STANDARD, returned({"batchItemFailures": 7}), True, "", id="nothing to go through fails all"),
        pytest.param(STANDARD, Returned(b"all done", "id"), True, "", id="no JSON fails all"),
        pytest.param(STANDARD, Returned(b"all done", "id"), False, "abc", id="no JSON where nobody reads it"),
        pytest.param(FIFO, failures(), True, "abc", id="in a group, none failed"),
        pytest.param(FIFO, failures("b"), True, "ac", id="in a group, what comes after is done"),
        pytest.param(FIFO, failures("c", "b"), True, "a", id="in a group, unless it is named, too"),
    ],
)
def test_which_messages_are_done(messages: list[QueueMessage], outcome: Outcome, reports: bool, finished: str) -> None:
    assert "".join(each.message_id for each in done(outcome, messages, reports_failures=reports)) == finished


@pytest.mark.parametrize(
    ("messages", "finished", "count"),
    [
        pytest.param(STANDARD, "ac", 0, id="without groups"),
        pytest.param(FIFO, "abc", 0, id="all are done"),
        pytest.param(FIFO, "ab", 0, id="the last one is not"),
        pytest.param(FIFO, "bc", 2, id="the first one is not"),
        pytest.param([message("a", "g"), message("b", "h"), message("c", "g")], "bc", 1, id="another group"),
    ],
)
def test_what_is_done_before_what_came_earlier_in_its_group(
    messages: list[QueueMessage], finished: str, count: int
) -> None:
    assert overtaking(messages, [each for each in messages if each.message_id in finished]) == count


@pytest.mark.parametrize(("over", "made"), [(-1, [2]), (1, [1, 1]), (2, [1, 1])])
def test_an_event_is_not_larger_than_lambda_takes_by_a_single_byte(over: int, made: list[int]) -> None:
    first = EVENT_BYTES // 2
    sizes = (first, EVENT_BYTES - first - len('{"Records":["",""]}') + over)
    batch = [(message(str(size)), "x" * size) for size in sizes]

    found = list(events(batch))  # type: ignore[arg-type] # a text is as good a record

    assert [len(messages) for _, messages in found] == made
    assert all(len(payload) <= EVENT_BYTES for payload, _ in found)


def test_the_record_has_lambdas_shape() -> None:
    sent = message(
        "a",
        message_attributes={"kind": {"DataType": "String", "StringValue": "x"}, "raw": {"BinaryValue": b"1"}},
    )

    found = record(sent, queue_arn="arn:aws:sqs:eu-west-1:1:jobs", region="eu-west-1")

    assert json.dumps(found["messageAttributes"]["kind"]) == json.dumps(
        {"stringValue": "x", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
    )
    assert found["messageAttributes"]["raw"]["binaryValue"] == "MQ=="
    assert list(found) == [
        *("messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfMessageAttributes"),
        *("md5OfBody", "eventSource", "eventSourceARN", "awsRegion"),
    ]
    assert (found["eventSource"], found["eventSourceARN"], found["awsRegion"]) == (
        "aws:sqs",
        "arn:aws:sqs:eu-west-1:1:jobs",
        "eu-west-1",
    )
    assert "md5OfMessageAttributes" not in record(message("b"), queue_arn="arn:aws:sqs:eu-west-1:1:jobs", region="x")


def test_the_record_of_a_mapping_with_a_batching_window_says_that_there_is_no_digest() -> None:
    found = record(message("b"), queue_arn="arn:aws:sqs:eu-west-1:1:jobs", region="eu-west-1", has_window=True)

    assert list(found.items())[4:6] == [("messageAttributes", {}), ("md5OfMessageAttributes", None)]


@pytest.mark.parametrize(("body", "seen"), [('{"a": 1}', {"a": 1}), ("text", "text")])
def test_filters_see_a_body_of_json_as_what_it_says(body: str, seen: Any) -> None:
    assert filtered_record({"body": body})["body"] == seen
