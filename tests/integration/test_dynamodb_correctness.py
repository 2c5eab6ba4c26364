"""What users of DynamoDB rely on, through boto3 and a real socket.

``DYNAMODB_ENGINE=moto`` runs the same checks against plain moto, for comparison.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from dynamodb_engines import Engine, create_table, embedded_engine, item, key, plain_moto, records, shard_iterator

THREADS = 8


@pytest.fixture(scope="module")
def server() -> Iterator[Engine]:
    with plain_moto() if os.environ.get("DYNAMODB_ENGINE") == "moto" else embedded_engine() as engine:
        yield engine


@pytest.fixture
def engine(server: Engine) -> Iterator[Engine]:
    """The engine without tables of other tests."""
    yield server
    client = server.client()
    for name in client.list_tables()["TableNames"]:
        client.delete_table(TableName=name)


@pytest.fixture
def client(engine: Engine) -> Any:
    client = engine.client()
    create_table(client)
    return client


def put(client: Any, *items: dict[str, Any]) -> None:
    for each in items:
        client.put_item(TableName="things", Item=each)


def get(client: Any, pk: str, sk: str = "1", **more: Any) -> Any:
    return client.get_item(TableName="things", Key=key(pk, sk), **more).get("Item")


def update(client: Any, pk: str, expression: str, values: dict[str, Any] | None = None, **more: Any) -> Any:
    if values:
        more["ExpressionAttributeValues"] = values
    return client.update_item(TableName="things", Key=key(pk), UpdateExpression=expression, **more)


def code_of(action: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as error:
        action()
    return str(error.value.response["Error"]["Code"])


# conditional writes


def test_only_the_first_create_wins(client: Any) -> None:
    request = {"TableName": "things", "ConditionExpression": "attribute_not_exists(pk)"}
    client.put_item(Item=item("a", n=1), **request)

    assert code_of(lambda: client.put_item(Item=item("a", n=2), **request)) == "ConditionalCheckFailedException"
    assert get(client, "a") == item("a", n=1)


@pytest.mark.parametrize("operation", ["put_item", "update_item", "delete_item"])
def test_a_failed_condition_shows_the_item_if_asked(client: Any, operation: str) -> None:
    put(client, item("a", n=1, raw=b"\x00\xff"))
    request: dict[str, Any] = {
        "TableName": "things",
        "ConditionExpression": "n > :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    request |= {"Item": item("a")} if operation == "put_item" else {"Key": key("a")}
    with pytest.raises(ClientError) as error:
        getattr(client, operation)(**request)

    assert error.value.response["Item"] == item("a", n=1, raw=b"\x00\xff")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        pytest.param("attribute_exists(nested.entries[1])", True, id="a path that exists"),
        pytest.param("attribute_exists(nested.entries[2])", False, id="a path that does not"),
        pytest.param("attribute_type(nested, :m)", True, id="type"),
        pytest.param("size(colour) = :three", True, id="size"),
        pytest.param("contains(tags, :red)", True, id="a set contains"),
        pytest.param("contains(colour, :ed)", True, id="a string contains"),
        pytest.param("contains(nested.entries, :two)", True, id="a list contains"),
        pytest.param("n BETWEEN :two AND :three", True, id="between"),
        pytest.param("n IN (:red, :two)", True, id="in"),
        pytest.param("NOT n = :two OR (colour = :red AND n < :three)", True, id="not, or, and, parentheses"),
        pytest.param("absent <> :red", True, id="a missing attribute is unequal"),
        pytest.param("absent < :three", False, id="a missing attribute is not less"),
        pytest.param("tags = :tags", True, id="sets have no order"),
    ],
)
def test_a_condition_holds_or_not(client: Any, condition: str, holds: bool) -> None:
    values = {
        ":m": {"S": "M"},
        ":two": {"N": "2"},
        ":three": {"N": "3"},
        ":red": {"S": "red"},
        ":ed": {"S": "ed"},
        ":tags": {"SS": ["blue", "red"]},
    }
    nested = {"M": {"entries": {"L": [{"N": "1"}, {"N": "2"}]}}}
    put(client, item("a", n=2, colour="red", tags={"SS": ["red", "blue"]}, nested=nested))
    words = condition.replace("(", " ").replace(")", " ").replace(",", " ").split()
    used = {name: value for name, value in values.items() if name in words}
    request = {"TableName": "things", "Key": key("a"), "ConditionExpression": condition}
    if used:
        request["ExpressionAttributeValues"] = used

    if holds:
        client.delete_item(**request)
    else:
        assert code_of(lambda: client.delete_item(**request)) == "ConditionalCheckFailedException"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"ConditionExpression": "n = :x"}, "attribute value: :x", id="an undefined value"),
        pytest.param({"ConditionExpression": "#x = n"}, "attribute name: #x", id="an undefined name"),
        pytest.param({"ConditionExpression": "n = "}, "ConditionExpression", id="a syntax error"),
        pytest.param({"ConditionExpression": "name = n"}, "reserved keyword: name", id="a reserved word"),
        pytest.param(
            {"ConditionExpression": "n = :n", "ExpressionAttributeValues": {":n": {"N": "1"}, ":v": {"S": "v"}}},
            "unused in expressions: keys: {:v}",
            id="an unused value",
        ),
        pytest.param(
            {"ConditionExpression": "attribute_exists(n)", "ExpressionAttributeNames": {"#v": "v"}},
            "unused in expressions: keys: {#v}",
            id="an unused name",
        ),
        pytest.param(
            {"ExpressionAttributeValues": {":v": {"S": "v"}}}, "only be specified when using", id="values alone"
        ),
        pytest.param({"ExpressionAttributeNames": {"#v": "v"}}, "only be specified when using", id="names alone"),
        pytest.param({"UpdateExpression": "SET pk = :v"}, "part of the key", id="the key is changed"),
        pytest.param({"UpdateExpression": "SET n = :v, n = :v"}, "overlap", id="the same path twice"),
        pytest.param({"UpdateExpression": "SET a = :v SET b = :v"}, "only be used once", id="a section twice"),
        pytest.param({"UpdateExpression": "SET a = b"}, "does not exist in the item", id="a missing operand"),
        pytest.param({"UpdateExpression": "SET a.b = :v"}, "invalid for update", id="a missing parent"),
        pytest.param({"UpdateExpression": "ADD n :v"}, "ADD", id="adding a string"),
        pytest.param({"Key": {"pk": {"S": "a"}}}, "does not match the schema", id="half a key"),
        pytest.param({"Key": {"pk": {"N": "1"}, "sk": {"S": "1"}}}, "does not match", id="a key of another type"),
        pytest.param({"ReturnValues": "SOME"}, "returnValues", id="unknown return values"),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason(client: Any, changes: dict[str, Any], words: str) -> None:
    request = {"TableName": "things", "Key": key("a"), **changes}
    if ":v" in changes.get("UpdateExpression", ""):
        request["ExpressionAttributeValues"] = {":v": {"S": "v"}}
    with pytest.raises(ClientError) as error:
        client.update_item(**request)

    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert words in error.value.response["Error"]["Message"]
    assert get(client, "a") is None


# updates


@pytest.mark.parametrize(
    ("expression", "after"),
    [
        pytest.param("SET n = n + :two", {"n": {"N": "3"}}, id="arithmetic"),
        pytest.param("SET n = if_not_exists(m, :two) - n", {"n": {"N": "1"}}, id="if_not_exists"),
        pytest.param("SET l = list_append(l, l)", {"l": {"L": [{"S": "x"}, {"S": "y"}] * 2}}, id="list_append"),
        pytest.param("SET l[9] = :two", {"l": {"L": [{"S": "x"}, {"S": "y"}, {"N": "2"}]}}, id="past the end"),
        pytest.param("REMOVE l[0], l[1]", {"l": {"L": []}}, id="positions before the update"),
        pytest.param("SET m.x = :two, m.y = n", {"m": {"M": {"x": {"N": "2"}, "y": {"N": "1"}}}}, id="in a map"),
        pytest.param("ADD n :two, s :set", {"n": {"N": "3"}, "s": {"SS": ["b", "a"]}}, id="ADD"),
        pytest.param("DELETE s :set", {"s": None}, id="DELETE leaves no empty set"),
        pytest.param("REMOVE n SET k = n", {"n": None, "k": {"N": "1"}}, id="operands are those before"),
    ],
)
def test_an_update_changes_what_it_says(client: Any, expression: str, after: dict[str, Any]) -> None:
    has_map = "m.x" in expression
    before = item("a", n=1, l={"L": [{"S": "x"}, {"S": "y"}]}, s={"SS": ["b"]})
    put(client, {**before, "m": {"M": {}}} if has_map else before)
    values = {":two": {"N": "2"}, ":set": {"SS": ["b"] if "DELETE" in expression else ["a"]}}
    used = {name: value for name, value in values.items() if name in expression}
    update(client, "a", expression, used)

    found = get(client, "a")
    for found_set in (found.get("s", {}), (after.get("s") or {})):
        if found_set:
            found_set["SS"] = sorted(found_set["SS"])
    expected = {**before, **after}
    assert found == {name: value for name, value in expected.items() if value is not None}


@pytest.mark.parametrize(
    ("returns", "on_change", "on_create"),
    [
        pytest.param("NONE", None, None, id="NONE"),
        pytest.param("ALL_OLD", item("a", n=1, m=5), None, id="ALL_OLD"),
        pytest.param("UPDATED_OLD", {"n": {"N": "1"}}, None, id="UPDATED_OLD"),
        pytest.param("ALL_NEW", item("a", n=2, m=5), item("b", n=2), id="ALL_NEW"),
        pytest.param("UPDATED_NEW", {"n": {"N": "2"}}, {"n": {"N": "2"}}, id="UPDATED_NEW"),
    ],
)
def test_an_update_returns_what_was_asked(client: Any, returns: str, on_change: Any, on_create: Any) -> None:
    put(client, item("a", n=1, m=5))
    changed = update(client, "a", "SET n = :n", {":n": {"N": "2"}}, ReturnValues=returns)
    created = update(client, "b", "SET n = :n", {":n": {"N": "2"}}, ReturnValues=returns)

    assert changed.get("Attributes") == on_change
    assert created.get("Attributes") == on_create


@pytest.mark.parametrize("operation", ["put_item", "delete_item"])
def test_puts_and_deletes_return_the_old_item(client: Any, operation: str) -> None:
    put(client, item("a", n=1))
    request = {"Item": item("a", n=2)} if operation == "put_item" else {"Key": key("a")}
    answer = getattr(client, operation)(TableName="things", ReturnValues="ALL_OLD", **request)

    assert answer["Attributes"] == item("a", n=1)


def test_an_update_keeps_38_digits(client: Any) -> None:
    put(client, item("a", n={"N": "1" * 38}))
    update(client, "a", "SET n = n + :one", {":one": {"N": "1"}})

    assert get(client, "a")["n"] == {"N": "1" * 37 + "2"}


def test_parameters_from_before_expressions_do_what_they_did(client: Any) -> None:
    put(client, item("a", n=1))
    client.update_item(
        TableName="things",
        Key=key("a"),
        AttributeUpdates={"n": {"Action": "ADD", "Value": {"N": "1"}}, "flag": {"Value": {"BOOL": True}}},
        Expected={"n": {"Value": {"N": "1"}}},
    )
    answer = client.query(
        TableName="things",
        KeyConditions={"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}},
        QueryFilter={"n": {"ComparisonOperator": "GT", "AttributeValueList": [{"N": "1"}]}},
        AttributesToGet=["n", "flag"],
    )

    assert answer["Items"] == [{"n": {"N": "2"}, "flag": {"BOOL": True}}]


# values


def test_every_type_comes_back(client: Any) -> None:
    everything = item(
        "a",
        s="grün",
        n={"N": "-0.5"},
        b=bytes(range(256)),
        t={"BOOL": True},
        z={"NULL": True},
        ss={"SS": ["a", "b"]},
        ns={"NS": ["1", "2"]},
        bs={"BS": [b"a", b"b"]},
        l={"L": [{"B": b"x"}, {"M": {"k": {"N": "1"}}}]},
        m={"M": {"B": {"S": "looks like a type"}, "N": {"L": []}}},
    )
    put(client, everything)

    assert get(client, "a") == everything


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"N": "abc"}, id="no number"),
        pytest.param({"N": "1" * 39}, id="39 digits"),
        pytest.param({"N": "1e126"}, id="too large"),
        pytest.param({"SS": []}, id="an empty set"),
        pytest.param({"SS": ["a", "a"]}, id="a set with a double"),
        pytest.param({"S": "x" * 409_600}, id="over 400 KB"),
    ],
)
def test_a_value_that_breaks_a_rule_is_refused(client: Any, value: dict[str, Any]) -> None:
    assert code_of(lambda: put(client, item("a", v=value))) == "ValidationException"


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        pytest.param({"pk": {"S": ""}}, "empty string", id="an empty key"),
        pytest.param({"owner": {"N": "1"}}, "Type mismatch for Index Key owner", id="an index key of another type"),
        pytest.param({"owner": {"S": ""}}, "IndexKey: owner", id="an empty index key"),
    ],
)
def test_a_key_that_breaks_a_rule_is_refused(client: Any, attributes: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        put(client, {**item("a"), **attributes})


# reading


@pytest.fixture
def filled(client: Any) -> Any:
    """A table with one partition of ten items, and ten others."""
    for number in range(10):
        put(client, item("p", f"{number:02}", owner="x" if number % 2 else "y", rank=-number))
        put(client, item(f"q{number}", owner="x", rank=number))
    return client


def query(client: Any, condition: str, values: dict[str, str], **more: Any) -> Any:
    attribute_values = {name: {"S": value} for name, value in values.items()} | more.pop("Values", {})
    return client.query(
        TableName="things", KeyConditionExpression=condition, ExpressionAttributeValues=attribute_values, **more
    )


@pytest.mark.parametrize(
    ("condition", "values", "found"),
    [
        pytest.param("pk = :p", {}, range(10), id="a partition"),
        pytest.param("pk = :p AND sk = :a", {":a": "03"}, [3], id="equal"),
        pytest.param("pk = :p AND sk < :a", {":a": "03"}, [0, 1, 2], id="less"),
        pytest.param("pk = :p AND sk <= :a", {":a": "03"}, [0, 1, 2, 3], id="less or equal"),
        pytest.param("pk = :p AND sk > :a", {":a": "07"}, [8, 9], id="greater"),
        pytest.param("pk = :p AND sk >= :a", {":a": "075"}, [8, 9], id="greater, between two keys"),
        pytest.param("pk = :p AND sk BETWEEN :a AND :b", {":a": "03", ":b": "05"}, [3, 4, 5], id="between"),
        pytest.param("pk = :p AND begins_with(sk, :a)", {":a": "0"}, range(10), id="begins_with"),
        pytest.param("pk = :p AND begins_with(sk, :a)", {":a": "1"}, [], id="begins_with nothing"),
    ],
)
def test_a_query_finds_items_in_order(filled: Any, condition: str, values: dict[str, str], found: Any) -> None:
    forward = query(filled, condition, {":p": "p", **values})
    backward = query(filled, condition, {":p": "p", **values}, ScanIndexForward=False)

    assert [int(each["sk"]["S"]) for each in forward["Items"]] == list(found)
    assert [int(each["sk"]["S"]) for each in backward["Items"]] == list(found)[::-1]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 5, 100])
def test_pages_of_a_query_make_the_whole(filled: Any, limit: int, forward: bool) -> None:
    pages = filled.get_paginator("query").paginate(
        TableName="things",
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "p"}},
        ScanIndexForward=forward,
        PaginationConfig={"PageSize": limit},
    )
    numbers = [int(each["sk"]["S"]) for page in pages for each in page["Items"]]

    assert numbers == (list(range(10)) if forward else list(range(9, -1, -1)))


def test_a_page_goes_on_after_its_last_item_was_deleted(filled: Any) -> None:
    first = query(filled, "pk = :p", {":p": "p"}, Limit=3)
    filled.delete_item(TableName="things", Key=first["LastEvaluatedKey"])
    second = query(filled, "pk = :p", {":p": "p"}, Limit=3, ExclusiveStartKey=first["LastEvaluatedKey"])

    assert [each["sk"]["S"] for each in second["Items"]] == ["03", "04", "05"]


def test_a_page_holds_at_most_one_megabyte(client: Any) -> None:
    put(client, *(item("p", str(number), text="x" * 300_000) for number in range(5)))
    answer = query(client, "pk = :p", {":p": "p"})

    assert answer["Count"] == 3
    assert answer["LastEvaluatedKey"] == key("p", "2")


def test_an_index_query_sorts_by_the_index(filled: Any) -> None:
    by_owner = query(filled, "#o = :x", {":x": "x"}, IndexName="by-owner", ExpressionAttributeNames={"#o": "owner"})

    ranks = [int(each["rank"]["N"]) for each in by_owner["Items"]]
    assert ranks == sorted([*range(10), -1, -3, -5, -7, -9])


def test_pages_of_an_index_query_tell_equal_keys_apart(client: Any) -> None:
    put(client, *(item(f"p{number}", owner="x", rank=1) for number in range(7)))
    pages = client.get_paginator("query").paginate(
        TableName="things",
        IndexName="by-owner",
        KeyConditionExpression="#o = :x AND #r >= :one",
        ExpressionAttributeNames={"#o": "owner", "#r": "rank"},
        ExpressionAttributeValues={":x": {"S": "x"}, ":one": {"N": "1"}},
        PaginationConfig={"PageSize": 2},
    )

    assert sorted(each["pk"]["S"] for page in pages for each in page["Items"]) == [f"p{n}" for n in range(7)]


def test_an_index_follows_its_items(client: Any) -> None:
    put(client, item("a", owner="x", rank=1), item("b", owner="x"))
    owner = {"IndexName": "by-owner", "ExpressionAttributeNames": {"#o": "owner"}}
    before = query(client, "#o = :o", {":o": "x"}, **owner)["Count"]
    update(client, "a", "SET #o = :y", {":y": {"S": "y"}}, ExpressionAttributeNames={"#o": "owner"})
    moved = [query(client, "#o = :o", {":o": name}, **owner)["Count"] for name in ("x", "y")]
    update(client, "a", "REMOVE #r", ExpressionAttributeNames={"#r": "rank"})

    assert before == 1  # an item without the sort key is not in the index
    assert moved == [0, 1]
    assert query(client, "#o = :o", {":o": "y"}, **owner)["Count"] == 0


def test_an_index_shows_what_it_projects(engine: Engine) -> None:
    client = engine.client()
    index = {
        "IndexName": "by-owner",
        "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "rank", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    create_table(client, GlobalSecondaryIndexes=[index])
    put(client, item("a", owner="x", rank=1, text="long"))
    names = {"#o": "owner"}
    (found,) = query(client, "#o = :o", {":o": "x"}, IndexName="by-owner", ExpressionAttributeNames=names)["Items"]

    assert found == item("a", owner="x", rank=1)


def test_a_filter_counts_what_it_read(filled: Any) -> None:
    answer = query(
        filled,
        "pk = :p",
        {":p": "p", ":y": "y"},
        FilterExpression="#o = :y",
        ExpressionAttributeNames={"#o": "owner"},
        Limit=4,
        Select="COUNT",
    )

    assert (answer["Count"], answer["ScannedCount"]) == (2, 4)
    assert "Items" not in answer
    assert answer["LastEvaluatedKey"] == key("p", "03")


def test_a_projection_cuts_items(client: Any) -> None:
    nested = {"M": {"a": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]}, "b": {"S": "no"}}}
    put(client, item("a", nested=nested, n=1))
    found = get(
        client, "a", ProjectionExpression="pk, nested.#a[2], nested.#a[0], missed", ExpressionAttributeNames={"#a": "a"}
    )

    assert found == {"pk": {"S": "a"}, "nested": {"M": {"a": {"L": [{"N": "0"}, {"N": "2"}]}}}}


def test_a_scan_finds_every_item_in_pages_and_segments(filled: Any) -> None:
    pages = filled.get_paginator("scan").paginate(TableName="things", PaginationConfig={"PageSize": 3})
    by_page = [(each["pk"]["S"], each["sk"]["S"]) for page in pages for each in page["Items"]]
    by_segment = [
        (each["pk"]["S"], each["sk"]["S"])
        for segment in range(3)
        for each in filled.scan(TableName="things", Segment=segment, TotalSegments=3)["Items"]
    ]

    assert len(by_page) == len(set(by_page)) == 20
    assert sorted(by_page) == sorted(by_segment)


def test_binary_sort_keys_sort_by_their_bytes(engine: Engine) -> None:
    client = engine.client()
    definitions = [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "B"}]
    create_table(client, AttributeDefinitions=definitions, GlobalSecondaryIndexes=None)
    values = [b"\x00", b"\x7f", b"\xf8\xff"]
    for value in values:
        put(client, {"pk": {"S": "a"}, "sk": {"B": value}})
    found = query(client, "pk = :a AND sk >= :low", {":a": "a"}, Values={":low": {"B": b"\x70"}})

    assert [each["sk"]["B"] for each in found["Items"]] == values[1:]


def test_batches_read_and_write_many_items(client: Any) -> None:
    requests = [{"PutRequest": {"Item": item(str(number))}} for number in range(24)]
    put(client, item("gone"))
    answer = client.batch_write_item(RequestItems={"things": [*requests, {"DeleteRequest": {"Key": key("gone")}}]})
    found = client.batch_get_item(RequestItems={"things": {"Keys": [key("3"), key("gone"), key("20")]}})

    assert answer["UnprocessedItems"] == {}
    assert sorted(each["pk"]["S"] for each in found["Responses"]["things"]) == ["20", "3"]


def test_a_batch_with_a_wrong_item_writes_nothing(client: Any) -> None:
    requests = [{"PutRequest": {"Item": item("good")}}, {"PutRequest": {"Item": {"pk": {"S": "no sort key"}}}}]

    assert code_of(lambda: client.batch_write_item(RequestItems={"things": requests})) == "ValidationException"
    assert get(client, "good") is None


def test_capacity_is_that_of_the_bytes(client: Any) -> None:
    written = client.put_item(TableName="things", Item=item("a", text="x" * 5000), ReturnConsumedCapacity="TOTAL")
    read = client.get_item(TableName="things", Key=key("a"), ReturnConsumedCapacity="TOTAL")

    assert written["ConsumedCapacity"] == {"TableName": "things", "CapacityUnits": 5.0}
    assert read["ConsumedCapacity"] == {"TableName": "things", "CapacityUnits": 1.0}


# transactions


def test_a_transaction_writes_all(engine: Engine, client: Any) -> None:
    put(client, item("old"), item("checked"))
    client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "things", "Item": item("new")}},
            {"Delete": {"TableName": "things", "Key": key("old")}},
            {
                "Update": {
                    "TableName": "things",
                    "Key": key("counter"),
                    "UpdateExpression": "ADD n :one",
                    "ExpressionAttributeValues": {":one": {"N": "1"}},
                }
            },
            {
                "ConditionCheck": {
                    "TableName": "things",
                    "Key": key("checked"),
                    "ConditionExpression": "attribute_exists(pk)",
                }
            },
        ]
    )

    found = client.transact_get_items(
        TransactItems=[{"Get": {"TableName": "things", "Key": key(pk)}} for pk in ("new", "old", "counter")]
    )
    assert found["Responses"] == [{"Item": item("new")}, {}, {"Item": item("counter", n=1)}]
    assert [record["eventName"] for record in records(engine)[2:]] == ["INSERT", "REMOVE", "INSERT"]


def test_a_cancelled_transaction_writes_nothing_and_gives_each_reason(client: Any) -> None:
    put(client, item("a", n=1))
    with pytest.raises(ClientError) as error:
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "things", "Item": item("new")}},
                {
                    "Put": {
                        "TableName": "things",
                        "Item": item("a"),
                        "ConditionExpression": "attribute_not_exists(pk)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                },
            ]
        )

    assert error.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert error.value.response["CancellationReasons"] == [
        {"Code": "None"},
        {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": item("a", n=1)},
    ]
    assert get(client, "new") is None
    assert get(client, "a") == item("a", n=1)


def test_a_transaction_touches_an_item_once(client: Any) -> None:
    twice = [{"Put": {"TableName": "things", "Item": item("a")}}, {"Delete": {"TableName": "things", "Key": key("a")}}]

    assert code_of(lambda: client.transact_write_items(TransactItems=twice)) == "ValidationException"


# streams


@pytest.mark.parametrize(
    ("view", "images"),
    [
        pytest.param("KEYS_ONLY", [(False, False)] * 3, id="KEYS_ONLY"),
        pytest.param("NEW_IMAGE", [(True, False), (True, False), (False, False)], id="NEW_IMAGE"),
        pytest.param("OLD_IMAGE", [(False, False), (False, True), (False, True)], id="OLD_IMAGE"),
        pytest.param("NEW_AND_OLD_IMAGES", [(True, False), (True, True), (False, True)], id="NEW_AND_OLD_IMAGES"),
    ],
)
def test_a_view_decides_the_images(engine: Engine, view: str, images: list[tuple[bool, bool]]) -> None:
    client = engine.client()
    create_table(client, view=view)
    put(client, item("a", n=1), item("a", n=2))
    client.delete_item(TableName="things", Key=key("a"))

    found = records(engine)
    assert [record["eventName"] for record in found] == ["INSERT", "MODIFY", "REMOVE"]
    assert [("NewImage" in each["dynamodb"], "OldImage" in each["dynamodb"]) for each in found] == images
    assert all(each["dynamodb"]["Keys"] == key("a") for each in found)
    assert all(each["dynamodb"]["StreamViewType"] == view for each in found)


def test_sequence_numbers_ascend_and_ids_differ(engine: Engine, client: Any) -> None:
    put(client, *(item("a", n=number) for number in range(20)))

    numbers = [record["dynamodb"]["SequenceNumber"] for record in records(engine)]
    assert numbers == sorted(set(numbers), key=int)
    assert all(21 <= len(number) <= 25 for number in numbers)
    ids = {record["eventID"] for record in records(engine)}
    assert len(ids) == 20
    assert all(len(each) == 32 and int(each, 16) for each in ids)


def test_iterators_start_where_they_say(engine: Engine, client: Any) -> None:
    put(client, *(item(str(number)) for number in range(3)))
    second = records(engine)[1]["dynamodb"]["SequenceNumber"]
    latest = shard_iterator(engine, kind="LATEST")
    put(client, item("3"))

    def found(kind: str, **more: Any) -> list[str]:
        return [record["dynamodb"]["Keys"]["pk"]["S"] for record in records(engine, kind=kind, **more)]

    new = engine.client("dynamodbstreams").get_records(ShardIterator=latest)["Records"]
    assert found("TRIM_HORIZON") == ["0", "1", "2", "3"]
    assert found("AT_SEQUENCE_NUMBER", SequenceNumber=second) == ["1", "2", "3"]
    assert found("AFTER_SEQUENCE_NUMBER", SequenceNumber=second) == ["2", "3"]
    assert [record["dynamodb"]["Keys"]["pk"]["S"] for record in new] == ["3"]


def test_an_iterator_goes_on_page_by_page(engine: Engine, client: Any) -> None:
    streams, iterator = engine.client("dynamodbstreams"), shard_iterator(engine)
    put(client, *(item(str(number)) for number in range(5)))
    seen = []
    for _ in range(3):
        page = streams.get_records(ShardIterator=iterator, Limit=2)
        seen.append([record["dynamodb"]["Keys"]["pk"]["S"] for record in page["Records"]])
        iterator = page["NextShardIterator"]

    assert seen == [["0", "1"], ["2", "3"], ["4"]]


def test_an_image_is_as_of_its_write(engine: Engine, client: Any) -> None:
    put(client, item("a", l={"L": [{"N": "1"}]}))
    update(client, "a", "SET l[0] = :n", {":n": {"N": "2"}})
    update(client, "a", "SET l[0] = :n", {":n": {"N": "3"}})

    changes = [record["dynamodb"] for record in records(engine)]
    assert [each["NewImage"]["l"]["L"][0]["N"] for each in changes] == ["1", "2", "3"]
    assert [each["OldImage"]["l"]["L"][0]["N"] for each in changes[1:]] == ["1", "2"]


def test_a_stream_of_a_deleted_table_ends(engine: Engine, client: Any) -> None:
    put(client, item("a"))
    iterator = shard_iterator(engine)
    client.delete_table(TableName="things")
    page = engine.client("dynamodbstreams").get_records(ShardIterator=iterator)

    assert len(page["Records"]) == 1
    assert "NextShardIterator" not in page


# expiry


def test_ttl_is_switched_on_once(client: Any) -> None:
    specification = {"Enabled": True, "AttributeName": "ttl"}
    client.update_time_to_live(TableName="things", TimeToLiveSpecification=specification)

    description = client.describe_time_to_live(TableName="things")["TimeToLiveDescription"]
    assert description == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    again = {"TableName": "things", "TimeToLiveSpecification": specification}
    assert code_of(lambda: client.update_time_to_live(**again)) == "ValidationException"


# concurrency


def in_threads(action: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(action, range(THREADS)))


def test_concurrent_counters_lose_nothing(engine: Engine, client: Any) -> None:
    def count(_thread: int) -> None:
        own = engine.client()
        for _ in range(25):
            update(
                own,
                "counter",
                "ADD n :one SET m = if_not_exists(m, :zero) + :one",
                {
                    ":one": {"N": "1"},
                    ":zero": {"N": "0"},
                },
            )

    in_threads(count)

    assert get(client, "counter") == item("counter", n=THREADS * 25, m=THREADS * 25)


def test_concurrent_appends_lose_nothing(engine: Engine, client: Any) -> None:
    def append(thread: int) -> None:
        own = engine.client()
        for number in range(15):
            update(
                own,
                "list",
                "SET l = list_append(if_not_exists(l, :none), :new)",
                {
                    ":none": {"L": []},
                    ":new": {"L": [{"S": f"{thread}-{number}"}]},
                },
            )

    in_threads(append)

    found = [each["S"] for each in get(client, "list")["l"]["L"]]
    assert len(found) == len(set(found)) == THREADS * 15
    assert len(records(engine)) == THREADS * 15


def test_exactly_one_of_concurrent_claims_wins(engine: Engine, client: Any) -> None:
    def claim(thread: int) -> int:
        own, won = engine.client(), 0
        for number in range(15):
            try:
                own.put_item(
                    TableName="things",
                    Item=item(f"lease-{number}", owner=str(thread), rank=thread),
                    ConditionExpression="attribute_not_exists(pk)",
                )
                won += 1
            except own.exceptions.ConditionalCheckFailedException:
                continue
        return won

    assert sum(in_threads(claim)) == 15


def test_concurrent_transactions_move_without_loss(engine: Engine, client: Any) -> None:
    put(client, item("from", n=1000), item("to", n=0))

    def move(_thread: int) -> None:
        own = engine.client()
        for _ in range(10):
            own.transact_write_items(
                TransactItems=[
                    {
                        "Update": {
                            "TableName": "things",
                            "Key": key(name),
                            "UpdateExpression": "ADD n :n",
                            "ExpressionAttributeValues": {":n": {"N": amount}},
                        }
                    }
                    for name, amount in (("from", "-1"), ("to", "1"))
                ]
            )

    in_threads(move)

    assert get(client, "from") == item("from", n=1000 - THREADS * 10)
    assert get(client, "to") == item("to", n=THREADS * 10)
