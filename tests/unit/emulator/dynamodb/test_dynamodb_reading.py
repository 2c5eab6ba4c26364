from typing import Any

import pytest
from dynamodb_world import World

from emulator.dynamodb.engine import DYNAMODB


@pytest.fixture
def world() -> World:
    world = World()
    world.create(
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "local", "owner")],
        LocalSecondaryIndexes=[
            {
                "IndexName": "local",
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "local", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["extra"]},
            }
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "global",
                "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    for number in range(3):
        world.put("p", sk=s(number), local=s(-number), owner=s("o"), extra=s("e"), more=s("m"))
    return world


def s(value: object) -> dict[str, str]:
    return {"S": str(value)}


def query(index: str, **more: Any) -> dict[str, Any]:
    name, value = ("owner", "o") if index == "global" else ("pk", "p")
    return {
        "TableName": "things",
        "IndexName": index,
        "KeyConditionExpression": "#k = :v",
        "ExpressionAttributeNames": {"#k": name},
        "ExpressionAttributeValues": {":v": s(value)},
        **more,
    }


@pytest.mark.parametrize(
    ("request_", "attributes"),
    [
        pytest.param(query("local"), {"pk", "sk", "local", "extra"}, id="what the index includes"),
        pytest.param(query("local", Select="ALL_ATTRIBUTES"), None, id="a local index fetches the rest"),
        pytest.param(query("local", ProjectionExpression="more"), {"more"}, id="a local index fetches what is named"),
        pytest.param(query("global"), {"pk", "sk", "owner"}, id="keys only"),
    ],
)
def test_an_index_shows_what_it_has(world: World, request_: dict[str, Any], attributes: set[str] | None) -> None:
    found = world.call("Query", **request_)["Items"][0]

    assert set(found) == (attributes or {"pk", "sk", "local", "owner", "extra", "more"})


def test_a_local_index_is_read_consistently_and_in_its_order(world: World) -> None:
    found = world.call("Query", **query("local", ConsistentRead=True))["Items"]

    assert [item["local"]["S"] for item in found] == ["-1", "-2", "0"]


@pytest.mark.parametrize(
    ("action", "request_", "words"),
    [
        pytest.param("Query", query("nowhere"), "does not have the specified index: nowhere", id="no such index"),
        pytest.param("Query", query("global", ConsistentRead=True), "Consistent reads", id="consistent, global"),
        pytest.param("Query", query("global", Select="ALL_ATTRIBUTES"), "ALL_ATTRIBUTES", id="all of keys only"),
        pytest.param("Query", query("local", Select="SOME"), "SOME", id="no such selection"),
        *[
            pytest.param(
                "Query",
                query(index, FilterExpression="more = :v", **more),
                f"Secondary index {index} does not project one or more filter attributes: [more]",
                id=f"a filter on what the {index} index does not hold {' '.join(more)}",
            )
            for index, more in (("local", {}), ("local", {"Select": "ALL_ATTRIBUTES"}), ("global", {}))
        ],
        pytest.param("Query", query("local", Limit=0), "greater than or equal to 1", id="a limit of 0"),
        pytest.param("Query", query("local", ExclusiveStartKey={"pk": s("p")}), "starting key", id="half a start"),
        pytest.param(
            "Query",
            query("local", ExclusiveStartKey={"pk": s("p"), "sk": {"N": "1"}, "local": s(0)}),
            "does not match the schema",
            id="a start of another type",
        ),
        pytest.param("Query", {"TableName": "things"}, "must be specified in the request", id="no condition"),
        pytest.param(
            "Query", query("local", KeyConditionExpression="#k > :v"), "key condition not supported", id="not equal"
        ),
        pytest.param(
            "Query", query("local", KeyConditionExpression="#k = :w"), "attribute value: :w", id="an undefined value"
        ),
        pytest.param(
            "Query", query("local", KeyConditionExpression="#x = :v"), "attribute name: #x", id="an undefined name"
        ),
        pytest.param(
            "Query", query("local", ExpressionAttributeValues={":v": {"N": "1"}}), "schema type", id="another type"
        ),
        pytest.param("Query", query("local", ExpressionAttributeValues={":v": s("")}), "empty string", id="empty key"),
        pytest.param("Scan", {"TableName": "things", "Segment": 1}, "TotalSegments", id="half a segment"),
        pytest.param("Scan", {"TableName": "things", "Segment": 2, "TotalSegments": 2}, "zero-based", id="segment 2/2"),
        pytest.param(
            "GetItem",
            {"TableName": "things", "Key": {"pk": s("p"), "sk": s("")}},
            "empty string value. Key: sk",
            id="an empty key",
        ),
        pytest.param(
            "GetItem",
            {"TableName": "things", "Key": {"pk": s("p"), "sk": s("1")}, "ExpressionAttributeNames": {"#a": "a"}},
            "can only be specified when using expressions",
            id="names without an expression",
        ),
        pytest.param(
            "BatchGetItem",
            {"RequestItems": {"things": {"Keys": [{"pk": s("p"), "sk": s("1")}] * 2}}},
            "duplicates",
            id="a key twice",
        ),
        pytest.param(
            "BatchGetItem",
            {
                "RequestItems": {
                    "things": {"Keys": [{"pk": s("p"), "sk": s("1")}], "ProjectionExpression": "more"},
                    "others": {"Keys": [{"pk": s("p")}], "AttributesToGet": ["more"]},
                }
            },
            "Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}",
            id="an expression for one table, an older parameter for another",
        ),
        pytest.param(
            "BatchGetItem",
            {"RequestItems": {"things": {"Keys": [{"pk": s("p"), "sk": s(n)} for n in range(101)]}}},
            "Member must have length less than or equal to 100",
            id="101 keys",
        ),
    ],
)
def test_a_wrong_read_is_refused_with_the_reason(
    world: World, action: str, request_: dict[str, Any], words: str
) -> None:
    status, code, message = world.error(f"{DYNAMODB}.{action}", request_)

    assert (status, code) == (400, "ValidationException")
    assert words in message


def test_a_batch_of_more_than_16_megabytes_leaves_the_rest_for_later(world: World) -> None:
    keys = [{"pk": s("big"), "sk": s(f"{number:02}")} for number in range(45)]
    for key in keys:
        world.put("big", sk=key["sk"], text=s("x" * 400_000))
    answer = world.call("BatchGetItem", RequestItems={"things": {"Keys": keys, "ProjectionExpression": "sk"}})

    found, later = answer["Responses"]["things"], answer["UnprocessedKeys"]["things"]
    assert len(found) == 41
    assert later == {"Keys": keys[41:], "ProjectionExpression": "sk"}


@pytest.mark.parametrize(
    ("parameters", "capacity"),
    [
        pytest.param({}, None, id="nobody asks"),
        pytest.param(
            {"ReturnConsumedCapacity": "TOTAL"},
            {"TableName": "things", "CapacityUnits": 0.5},
            id="eventually consistent",
        ),
        pytest.param(
            {"ReturnConsumedCapacity": "INDEXES", "ConsistentRead": True},
            {"TableName": "things", "CapacityUnits": 1.0, "Table": {"CapacityUnits": 1.0}},
            id="consistent",
        ),
    ],
)
def test_reads_tell_their_capacity(world: World, parameters: dict[str, Any], capacity: Any) -> None:
    answer = world.call("Scan", TableName="things", **parameters)

    assert answer.get("ConsumedCapacity") == capacity
