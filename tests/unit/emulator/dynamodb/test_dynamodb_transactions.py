from typing import Any

import pytest
from dynamodb_world import World

from emulator.dynamodb.engine import DYNAMODB
from emulator.dynamodb.transactions import TOKEN_SECONDS, TOKENS, Tokens


@pytest.fixture
def world() -> World:
    world = World()
    world.create()
    return world


def put(pk: str, **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": "things", "Item": {"pk": {"S": pk}}, **more}}


IMPOSSIBLE = {"ConditionExpression": "attribute_exists(pk)"}


def test_a_cancelled_transaction_leaves_the_very_objects_it_found(world: World) -> None:
    world.put("a")
    table = world.database.backend.tables["things"]
    before = list(table.primary.scan())
    iterator = world.iterator("LATEST")
    world.send(f"{DYNAMODB}.TransactWriteItems", {"TransactItems": [put("a"), put("b"), put("c", **IMPOSSIBLE)]})

    assert world.database.backend.tables["things"] is table
    assert all(one is other for one, other in zip(before, table.primary.scan(), strict=True))
    assert world.streams("GetRecords", ShardIterator=iterator)["Records"] == []


def test_nothing_is_pushed_before_all_is_written(world: World) -> None:
    seen: list[list[str]] = []
    world.database.subscribe("things", lambda _record: seen.append(world.keys()))
    world.call("TransactWriteItems", TransactItems=[put("a"), put("b")])

    assert seen == [["a", "b"], ["a", "b"]]


def test_every_reason_is_given(world: World) -> None:
    world.put("text", n={"S": "text"})
    add = {
        "Update": {
            "TableName": "things",
            "Key": {"pk": {"S": "text"}},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    status, code, message = world.error(
        f"{DYNAMODB}.TransactWriteItems", {"TransactItems": [put("a", **IMPOSSIBLE), put("b"), add]}
    )

    assert (status, code) == (400, "TransactionCanceledException")
    assert message.endswith("[ConditionalCheckFailed, None, ValidationError]")
    assert world.keys() == ["text"]


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([], id="none"),
        pytest.param([put(str(number)) for number in range(101)], id="101"),
        pytest.param([put("a"), put("a")], id="the same item twice"),
        pytest.param([{**put("a"), "Delete": {}}], id="two operations in one"),
        pytest.param([{"Rename": {}}], id="no such operation"),
    ],
)
def test_a_malformed_transaction_is_refused(world: World, items: list[Any]) -> None:
    status, code, _ = world.error(f"{DYNAMODB}.TransactWriteItems", {"TransactItems": items})

    assert (status, code) == (400, "ValidationException")
    assert world.keys() == []


def test_a_token_is_forgotten_after_ten_minutes(world: World) -> None:
    def add() -> None:
        world.call(
            "TransactWriteItems",
            ClientRequestToken="t",
            TransactItems=[
                {
                    "Update": {
                        "TableName": "things",
                        "Key": {"pk": {"S": "a"}},
                        "UpdateExpression": "ADD n :one",
                        "ExpressionAttributeValues": {":one": {"N": "1"}},
                    }
                }
            ],
        )

    add()
    world.clock.now += TOKEN_SECONDS
    add()
    once = world.get("a")["n"]
    world.clock.now += 1
    add()

    assert (once, world.get("a")["n"]) == ({"N": "1"}, {"N": "2"})


def test_a_cancelled_transaction_may_be_tried_again_with_its_token(world: World) -> None:
    request = {"ClientRequestToken": "t", "TransactItems": [put("a", **IMPOSSIBLE)]}
    first = world.error(f"{DYNAMODB}.TransactWriteItems", request)[1]
    world.put("a", n={"N": "1"})
    world.call("TransactWriteItems", **request)

    assert first == "TransactionCanceledException"
    assert world.get("a") == {"pk": {"S": "a"}}


def test_tokens_are_bounded() -> None:
    tokens = Tokens()
    for number in range(TOKENS + 1):
        tokens.remember(str(number), b"", 0.0, ())

    assert tokens.done("0", b"", 0.0) is None
    assert tokens.done("1", b"", 0.0) is not None


@pytest.mark.parametrize(
    "requests",
    [
        pytest.param([], id="none"),
        pytest.param([{"PutRequest": {"Item": {"pk": {"S": str(n)}}}} for n in range(26)], id="26"),
        pytest.param(
            [{"PutRequest": {"Item": {"pk": {"S": "a"}}}}, {"DeleteRequest": {"Key": {"pk": {"S": "a"}}}}],
            id="put and delete of one item",
        ),
        pytest.param([{"PutRequest": {"Item": {"pk": {"S": "a"}}}}, {}], id="an empty request"),
    ],
)
def test_a_malformed_batch_writes_nothing(world: World, requests: list[Any]) -> None:
    status, code, _ = world.error(f"{DYNAMODB}.BatchWriteItem", {"RequestItems": {"things": requests}})

    assert (status, code) == (400, "ValidationException")
    assert world.keys() == []


def test_a_transaction_costs_twice(world: World) -> None:
    answer = world.call("TransactWriteItems", TransactItems=[put("a"), put("b")], ReturnConsumedCapacity="TOTAL")

    assert answer["ConsumedCapacity"] == [{"TableName": "things", "CapacityUnits": 4.0, "WriteCapacityUnits": 4.0}]
