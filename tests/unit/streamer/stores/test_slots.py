"""Slots of requests: what the reasons of a cancelled transaction come to, and keys that DynamoDB leaves for later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError
from streamer_records import request_record

from streamer.errors import ItemTooLargeError, StoreError
from streamer.records import RequestKey, Slots, Status
from streamer.requests.lifecycle import Created, Duplicate, Full
from streamer.stores import slots
from streamer.stores.items import request_item

RECORD = request_record()
USERS = Slots("concurrent_requests_per_user", "#user", 2)
FINE = {"Code": "None"}
CONFLICT = {"Code": "TransactionConflict"}
THROTTLED = {"Code": "ThrottlingError"}
THERE = {"Code": "ConditionalCheckFailed", "Item": request_item(RECORD)}
TAKEN = {"Code": "ConditionalCheckFailed", "Item": {"open": {"SS": ["a", "b"]}}}
TOO_LARGE = {"Code": "ValidationError", "Message": "Item size has exceeded the maximum allowed size"}
INVALID = {"Code": "ValidationError", "Message": "Type mismatch"}


def cancelled(*reasons: Mapping[str, Any]) -> ClientError:
    response: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": list(reasons)}
    return ClientError(response, "TransactWriteItems")


class Client:
    """DynamoDB's client, which answers what it is given, and the last of it again and again."""

    def __init__(self, answers: Iterable[Any]) -> None:
        self._answers = list(answers)
        self.calls: list[dict[str, Any]] = []

    def transact_write_items(self, **call: Any) -> Any:
        return self._answer(call)

    def batch_get_item(self, **call: Any) -> Any:
        return self._answer(call)

    def _answer(self, call: dict[str, Any]) -> Any:
        self.calls.append(call)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def created(client: Client, slept: list[float]) -> Created | Duplicate | Full:
    return slots.create(client, "requests", {}, RECORD, [USERS], sleep=slept.append)


@pytest.mark.parametrize(
    ("answers", "expected", "calls"),
    [
        pytest.param([{}], Created(), 1, id="stored"),
        pytest.param([cancelled(THERE, FINE)], Duplicate(RECORD), 1, id="there already"),
        pytest.param([cancelled(THERE, TAKEN)], Duplicate(RECORD), 1, id="there already, and all slots are taken"),
        pytest.param([cancelled(FINE, TAKEN)], Full(USERS, frozenset("ab")), 1, id="all slots are taken"),
        pytest.param([cancelled(FINE, CONFLICT), cancelled(THROTTLED, FINE), {}], Created(), 3, id="others in the way"),
    ],
)
def test_what_a_transaction_came_to(answers: list[Any], expected: Any, calls: int) -> None:
    client, slept = Client(answers), list[float]()

    assert created(client, slept) == expected
    assert (len(client.calls), len(slept)) == (calls, calls - 1)


@pytest.mark.parametrize(
    ("answer", "error", "text", "calls"),
    [
        pytest.param(cancelled(FINE, CONFLICT), StoreError, "came in the way 6 times", 6, id="always others"),
        pytest.param(cancelled(TOO_LARGE, FINE), ItemTooLargeError, "Item size", 1, id="too large"),
        pytest.param(cancelled(INVALID, CONFLICT), StoreError, "TransactionConflict, ValidationError", 1, id="invalid"),
        pytest.param(cancelled(), ClientError, "TransactionCanceled", 1, id="no reasons"),
    ],
)
def test_what_another_try_would_not_change_is_an_error(
    answer: Exception, error: type[Exception], text: str, calls: int
) -> None:
    client = Client([answer])

    with pytest.raises(error, match=text):
        created(client, [])

    assert len(client.calls) == calls


def found(*names: str, left: Iterable[str] = ()) -> dict[str, Any]:
    items = [{"owner": {"S": "o"}, "request_id": {"S": name}, "status": {"S": "COMPLETED"}} for name in names]
    keys = [{"owner": {"S": "o"}, "request_id": {"S": name}} for name in left]
    return {"Responses": {"requests": items}, "UnprocessedKeys": {"requests": {"Keys": keys}} if keys else {}}


def test_keys_that_were_left_are_asked_for_again() -> None:
    client, slept = Client([found("a", left="bc"), found("b", left="c"), found()]), list[float]()
    a, b, c = (RequestKey("o", name) for name in "abc")

    statuses = slots.statuses(client, "requests", [a, b, c], sleep=slept.append)

    assert statuses == {a: Status.COMPLETED, b: Status.COMPLETED, c: None}
    assert [len(call["RequestItems"]["requests"]["Keys"]) for call in client.calls] == [3, 2, 1]
    assert slept == [0.1, 0.2]


def test_keys_that_are_always_left_are_an_error() -> None:
    with pytest.raises(StoreError, match="left 1 keys unprocessed after 6 attempts"):
        slots.statuses(Client([found(left="a")]), "requests", [RequestKey("o", "a")], sleep=lambda _: None)
