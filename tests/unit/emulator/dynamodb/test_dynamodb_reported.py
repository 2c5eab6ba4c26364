"""What users of DynamoDB reported, and suites that AWS passes found, wherever an emulator answered otherwise.

Each test is named for the behaviour; the reasons are in the comments of the modules, [USR] and [DOC].
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from dynamodb_world import World, n, s

from emulator.dynamodb.engine import DYNAMODB

ALL = {"ProjectionType": "ALL"}


def definitions(**kinds: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()]


def schema(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def index(name: str, *key: str, projection: Any = ALL) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": schema(*key), "Projection": projection}


@pytest.fixture
def world() -> World:
    world = World()
    world.create()
    world.create(
        "sorted",
        view=None,
        KeySchema=schema("p", "s"),
        AttributeDefinitions=definitions(p="S", s="S", x="S", l="S"),
        GlobalSecondaryIndexes=[index("by-x", "x", projection={"ProjectionType": "KEYS_ONLY"})],
        LocalSecondaryIndexes=[index("local", "p", "l", projection={"ProjectionType": "KEYS_ONLY"})],
    )
    return world


def update(world: World, table: str = "things", **changes: Any) -> Any:
    return world.call("UpdateTable", TableName=table, **changes)["TableDescription"]


def add_index(name: str, attribute: str, kind: str = "S") -> dict[str, Any]:
    return {
        "AttributeDefinitions": definitions(**{attribute: kind}),
        "GlobalSecondaryIndexUpdates": [{"Create": index(name, attribute)}],
    }


def test_an_added_index_needs_only_its_own_definition_and_the_tables_stay(world: World) -> None:
    first = update(world, **add_index("by-a", "a"))
    second = update(world, **add_index("by-c", "c"))
    world.put("1", a=s("x"), c=s("y"))

    assert first["AttributeDefinitions"] == definitions(pk="S", a="S")
    assert second["AttributeDefinitions"] == definitions(pk="S", a="S", c="S")
    assert world.get("1") == {"pk": s("1"), "a": s("x"), "c": s("y")}
    for name, value in (("a", "x"), ("c", "y")):
        answer = world.call(
            "Query",
            TableName="things",
            IndexName=f"by-{name}",
            KeyConditionExpression=f"{name} = :v",
            ExpressionAttributeValues={":v": s(value)},
        )
        assert answer["Count"] == 1


def test_a_definition_that_no_key_uses_is_dropped(world: World) -> None:
    changes = add_index("by-a", "a")
    changes["AttributeDefinitions"] += definitions(unused="S")

    assert update(world, **changes)["AttributeDefinitions"] == definitions(pk="S", a="S")


def test_back_filling_leaves_out_what_does_not_fit(world: World) -> None:
    for pk, value in {"1": s("a"), "2": n(1), "3": s("b"), "4": s(""), "5": s("x" * 2049)}.items():
        world.put(pk, a=value)
    update(world, **add_index("by-a", "a"))

    found = world.call("Scan", TableName="things", IndexName="by-a")["Items"]
    assert sorted(item["pk"]["S"] for item in found) == ["1", "3"]
    world.call(
        "UpdateItem",
        TableName="things",
        Key={"pk": s("2")},
        UpdateExpression="SET more = :v",
        ExpressionAttributeValues={":v": s("x")},
    )
    assert world.refused("PutItem", TableName="things", Item={"pk": s("9"), "a": n(1)}).startswith("Validation")


def test_a_deleted_index_frees_its_attributes(world: World) -> None:
    update(world, **add_index("by-a", "a"))
    shown = update(world, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-a"}}])
    world.put("1", a=n(1))

    assert shown["AttributeDefinitions"] == definitions(pk="S")
    assert update(world, **add_index("by-a", "a", "N"))["AttributeDefinitions"] == definitions(pk="S", a="N")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({}, "ValidationException: At least one of", id="nothing"),
        pytest.param({"GlobalSecondaryIndexUpdates": []}, "ValidationException: At least one of", id="no updates"),
        pytest.param({"GlobalSecondaryIndexUpdates": [{}]}, "GlobalSecondaryIndexUpdate", id="an empty update"),
        pytest.param(add_index("by-x", "x"), "already exists", id="an index that exists"),
        pytest.param(add_index("local", "x"), "already exists", id="the name of a local index"),
        pytest.param(add_index("new", "x", "N"), "Attributes cannot be redefined", id="another type"),
        pytest.param(
            {"GlobalSecondaryIndexUpdates": [{"Create": index("new", "y")}]},
            "not defined in AttributeDefinitions",
            id="no definition",
        ),
        pytest.param(
            {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "nope"}}]},
            "ResourceNotFoundException",
            id="deleting what is not there",
        ),
        pytest.param(
            {"GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": "nope"}}]}, "Exception", id="changing it"
        ),
        pytest.param(
            {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": name}} for name in ("by-x", "other")]},
            "LimitExceededException",
            id="two at once",
        ),
        pytest.param(
            {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "local"}}]}, "Validation", id="a local index"
        ),
        pytest.param({"BillingMode": "PROVISIONED"}, "ProvisionedThroughput must be specified", id="no units"),
        pytest.param({"StreamSpecification": {"StreamEnabled": False}}, "no stream to disable", id="no stream"),
        pytest.param({"StreamSpecification": {"StreamEnabled": True}}, "StreamViewType is required", id="no view"),
        pytest.param({"ReplicaUpdates": [{"Create": {"RegionName": "eu-west-1"}}]}, "no replicas", id="replicas"),
    ],
)
def test_a_change_of_a_table_that_aws_refuses_is_refused(world: World, changes: dict[str, Any], words: str) -> None:
    before = world.call("DescribeTable", TableName="sorted")

    assert words in world.refused("UpdateTable", TableName="sorted", **changes)
    assert world.call("DescribeTable", TableName="sorted") == before


def test_a_stream_that_is_on_cannot_be_switched_on_again(world: World) -> None:
    wanted = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}

    assert "already has an enabled stream" in world.refused(
        "UpdateTable", TableName="things", StreamSpecification=wanted
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"TableName": "ab"}, "at least 3 characters", id="a name of two letters"),
        pytest.param({"TableName": "a" * 256}, "at most 255 characters", id="a name of 256"),
        pytest.param({"TableName": "a b c"}, "regular expression pattern", id="a blank in a name"),
        pytest.param({"TableName": "é..."}, "regular expression pattern", id="a letter that is not ASCII"),
        pytest.param({"AttributeDefinitions": definitions(p="M")}, "enum value set", id="a map for a key"),
        pytest.param(
            {"KeySchema": [{"AttributeName": "p", "KeyType": "RANGE"}]}, "not a HASH key type", id="RANGE only"
        ),
        pytest.param({"KeySchema": schema("p", "p")}, "Some index key attribute have no definition", id="both keys"),
        pytest.param(
            {
                "KeySchema": [{"AttributeName": name, "KeyType": "HASH"} for name in "ps"],
                "AttributeDefinitions": definitions(p="S", s="S"),
            },
            "not a RANGE key type",
            id="two HASH keys",
        ),
        pytest.param({"AttributeDefinitions": definitions(q="S")}, "not defined", id="an undefined key"),
        pytest.param({"AttributeDefinitions": definitions(p="S", q="S")}, "does not exactly match", id="unused"),
        pytest.param({"GlobalSecondaryIndexes": []}, "List of GlobalSecondaryIndexes is empty", id="no indexes"),
        pytest.param({"GlobalSecondaryIndexes": [index("by", "p")]}, "greater than or equal to 3", id="short index"),
        pytest.param({"GlobalSecondaryIndexes": [index("by-p", "p")] * 2}, "Duplicate index name", id="one name twice"),
        pytest.param(
            {"GlobalSecondaryIndexes": [index("by-p", "p", projection={"ProjectionType": "SOME"})]},
            "enum value set",
            id="an unknown projection",
        ),
        pytest.param(
            {"GlobalSecondaryIndexes": [index("by-p", "p", projection={"ProjectionType": "INCLUDE"})]},
            "NonKeyAttributes is not specified",
            id="INCLUDE without names",
        ),
        pytest.param(
            {"GlobalSecondaryIndexes": [index("by-p", "p", projection={**ALL, "NonKeyAttributes": ["a"]})]},
            "ProjectionType is ALL, but NonKeyAttributes is specified",
            id="ALL with names",
        ),
        pytest.param(
            {"GlobalSecondaryIndexes": [index(f"by-p{number}", "p") for number in range(21)]}, "limit of 20", id="21"
        ),
        pytest.param({"LocalSecondaryIndexes": [index("local", "p")]}, "does not have a range key", id="no sort key"),
        pytest.param(
            {
                "KeySchema": schema("p", "s"),
                "AttributeDefinitions": definitions(p="S", s="S"),
                "LocalSecondaryIndexes": [index("local", "s", "p")],
            },
            "same leading hash key",
            id="a local index with another key",
        ),
        pytest.param(
            {
                "KeySchema": schema("p", "s"),
                "AttributeDefinitions": definitions(p="S", s="S"),
                "LocalSecondaryIndexes": [index("local", "p")],
            },
            "does not have a range key for index: local",
            id="a local index without sort key",
        ),
        pytest.param(
            {"BillingMode": "PROVISIONED", "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 0}},
            "greater than or equal to 1",
            id="no units",
        ),
        pytest.param({"BillingMode": "PROVISIONED"}, "must both be specified", id="no throughput"),
        pytest.param(
            {"OnDemandThroughput": {"MaxReadRequestUnits": -1}}, "outside of valid range", id="no bound of requests"
        ),
        pytest.param(
            {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
                "OnDemandThroughput": {"MaxReadRequestUnits": 1},
            },
            "cannot be specified when table BillingMode is PROVISIONED.",
            id="bounds of requests that are provisioned",
        ),
        pytest.param(
            {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NOPE"}}, "enum value set", id="a view"
        ),
        pytest.param(
            {"StreamSpecification": {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"}},
            "Table is being created with a stream disabled, UpdateViewType should not be specified",
            id="a view of no stream",
        ),
        pytest.param({"Tags": [{"Key": "k", "Value": "v"}] * 2}, "Duplicate tag key", id="a tag twice"),
    ],
)
def test_a_table_that_aws_would_not_make_is_not_made(world: World, changes: dict[str, Any], words: str) -> None:
    request = {
        "TableName": "new-table",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": schema("p"),
        "AttributeDefinitions": definitions(p="S"),
        **changes,
    }

    assert words in world.refused("CreateTable", **request)
    assert world.call("ListTables")["TableNames"] == ["sorted", "things"]


def test_a_deleted_table_is_deleting_and_shows_no_schema(world: World) -> None:
    shown = world.call("DeleteTable", TableName="things")["TableDescription"]

    assert shown["TableStatus"] == "DELETING"
    assert not {"KeySchema", "AttributeDefinitions"} & shown.keys()


def test_a_protected_table_is_not_deleted(world: World) -> None:
    update(world, DeletionProtectionEnabled=True)

    assert world.refused("DeleteTable", TableName="things") == (
        "ValidationException: Resource cannot be deleted as it is currently protected against deletion. "
        "Disable deletion protection first."
    )
    update(world, DeletionProtectionEnabled=False)
    world.call("DeleteTable", TableName="things")


def test_a_table_has_an_id_and_only_one_paid_by_request_a_billing_mode(world: World) -> None:
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    world.create("provisioned", BillingMode="PROVISIONED", ProvisionedThroughput=units)
    paid, provisioned = (world.call("DescribeTable", TableName=name)["Table"] for name in ("things", "provisioned"))

    assert uuid.UUID(paid["TableId"]).version == 4
    assert paid["TableId"] != provisioned["TableId"]
    assert paid["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert "BillingModeSummary" not in provisioned
    assert provisioned["ProvisionedThroughput"]["ReadCapacityUnits"] == 1


@pytest.mark.parametrize("limit", [0, 101])
def test_a_list_of_tables_has_one_to_a_hundred(world: World, limit: int) -> None:
    assert "'limit' failed to satisfy constraint" in world.refused("ListTables", Limit=limit)


def test_tables_are_listed_page_by_page(world: World) -> None:
    first = world.call("ListTables", Limit=1)
    second = world.call("ListTables", ExclusiveStartTableName=first["LastEvaluatedTableName"])

    assert (first["TableNames"], second) == (["sorted"], {"TableNames": ["things"]})


def test_a_tag_is_replaced_not_doubled(world: World) -> None:
    arn = world.call("DescribeTable", TableName="things")["Table"]["TableArn"]
    for value in "xy":
        world.send(f"{DYNAMODB}.TagResource", {"ResourceArn": arn, "Tags": [{"Key": "k", "Value": value}]})

    assert world.call("ListTagsOfResource", ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "y"}]
    assert world.refused("TagResource", ResourceArn=f"{arn}x", Tags=[{"Key": "a", "Value": "b"}]).startswith(
        "ResourceNotFoundException"
    )
    many = [{"Key": str(number), "Value": ""} for number in range(50)]
    assert "Too many tags" in world.refused("TagResource", ResourceArn=arn, Tags=many)


def test_the_name_of_a_ttl_attribute_has_up_to_255_letters(world: World) -> None:
    specification = {"AttributeName": "x" * 256, "Enabled": True}

    assert "less than or equal to 255" in world.refused(
        "UpdateTimeToLive", TableName="things", TimeToLiveSpecification=specification
    )


@pytest.mark.parametrize(
    ("attribute", "enabled", "words"),
    [
        ("ttl", True, "TimeToLive is already enabled"),
        ("other", True, "TimeToLive is active on a different AttributeName: current AttributeName is ttl"),
        ("other", False, "TimeToLive is active on a different AttributeName: current AttributeName is ttl"),
    ],
)
def test_a_ttl_attribute_is_changed_only_while_ttl_is_off(
    world: World, attribute: str, enabled: bool, words: str
) -> None:
    def specification(name: str, is_on: bool) -> dict[str, Any]:
        return {"TableName": "things", "TimeToLiveSpecification": {"AttributeName": name, "Enabled": is_on}}

    assert "TimeToLive is already disabled" in world.refused("UpdateTimeToLive", **specification("ttl", False))
    world.call("UpdateTimeToLive", **specification("ttl", True))

    assert words in world.refused("UpdateTimeToLive", **specification(attribute, enabled))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"UpdateExpression": "REMOVE a"}, id="REMOVE"),
        pytest.param({"UpdateExpression": "REMOVE x.y"}, id="REMOVE of a path"),
        pytest.param({"AttributeUpdates": {"a": {"Action": "DELETE"}}}, id="AttributeUpdates"),
    ],
)
def test_an_update_that_only_removes_makes_no_item(world: World, changes: dict[str, Any]) -> None:
    answer = world.call("UpdateItem", TableName="things", Key={"pk": s("no")}, ReturnValues="ALL_NEW", **changes)

    assert (answer, world.get("no"), world.changes()) == ({}, None, [])


@pytest.mark.parametrize("changes", [{}, {"AttributeUpdates": {}}])
def test_an_update_of_nothing_makes_an_item_of_its_key(world: World, changes: dict[str, Any]) -> None:
    world.call("UpdateItem", TableName="things", Key={"pk": s("new")}, **changes)

    assert world.get("new") == {"pk": s("new")}


@pytest.mark.parametrize(
    ("operator", "values", "keys"),
    [
        ("LE", [n(5)], "1"),
        ("LT", [n(6)], "1"),
        ("GE", [n(5)], "1"),
        ("GT", [n(4)], "1"),
        ("BETWEEN", [n(1), n(9)], "1"),
        ("BETWEEN", [s("a"), s("z")], "3"),
        ("LT", [{"B": "eg=="}], "4"),
        ("BEGINS_WITH", [{"B": "YWI="}], "4"),
        ("CONTAINS", [{"B": "Yg=="}], "4"),
        ("CONTAINS", [n(2)], "5"),
        ("NOT_CONTAINS", [n(2)], "34"),
        ("NULL", [], "2"),
        ("NOT_NULL", [], "1345"),
        ("NE", [n(5)], "2345"),
        ("IN", [n(5), n(6)], "1"),
        ("EQ", [{"NS": ["3", "2"]}], "5"),
    ],
)
def test_a_scan_filter_skips_items_that_lack_the_attribute_or_have_another_type(
    world: World, operator: str, values: list[Any], keys: str
) -> None:
    world.put("1", v=n(5))
    world.put("2")
    world.put("3", v=s("text"))
    world.put("4", v={"B": "YWJj"})
    world.put("5", v={"NS": ["2", "3"]})
    condition = {"ComparisonOperator": operator, "AttributeValueList": values}
    found = world.call("Scan", TableName="things", ScanFilter={"v": condition})["Items"]

    assert "".join(sorted(item["pk"]["S"] for item in found)) == keys


@pytest.mark.parametrize(
    ("expected", "holds"),
    [
        ({"v": {"Exists": True, "Value": n(6)}}, True),
        ({"v": {"Exists": True, "Value": n(5)}}, False),
        ({"v": {"Value": n(6)}}, True),
        ({"v": {"Exists": False}}, False),
        ({"q": {"Exists": False}}, True),
        ({"v": {"ComparisonOperator": "LE", "AttributeValueList": [s("x")]}}, False),
        ({"v": {"ComparisonOperator": "EQ", "Value": n(6)}}, True),
    ],
)
def test_expected_decides_whether_a_write_happens(world: World, expected: dict[str, Any], *, holds: bool) -> None:
    world.put("1", v=n(6))
    request = {"TableName": "things", "Item": {"pk": s("1"), "v": n(7)}, "Expected": expected}
    response = world.send(f"{DYNAMODB}.PutItem", request)

    assert (response.status == 200) is holds
    assert world.get("1")["v"] == n(7 if holds else 6)


@pytest.mark.parametrize(
    "condition",
    [
        {"ComparisonOperator": "NOPE", "AttributeValueList": [n(1)]},
        {"ComparisonOperator": "EQ", "AttributeValueList": []},
        {"ComparisonOperator": "BETWEEN", "AttributeValueList": [n(2), n(1)]},
        {"ComparisonOperator": "BETWEEN", "AttributeValueList": [n(1), s("a")]},
        {"ComparisonOperator": "LT", "AttributeValueList": [{"L": []}]},
        {"AttributeValueList": [n(1)]},
    ],
)
def test_an_older_condition_that_makes_no_sense_is_refused(world: World, condition: dict[str, Any]) -> None:
    assert world.refused("Scan", TableName="things", ScanFilter={"v": condition}).startswith("ValidationException")


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("Scan", {"ScanFilter": {}, "FilterExpression": "attribute_exists(pk)"}),
        ("UpdateItem", {"UpdateExpression": "REMOVE a", "Expected": {"b": {"Exists": False}}}),
        ("UpdateItem", {"AttributeUpdates": {}, "ConditionExpression": "attribute_exists(a)"}),
        ("GetItem", {"AttributesToGet": ["a"], "ProjectionExpression": "a"}),
        (
            "Query",
            {"KeyConditions": {}, "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": s("1")}},
        ),
    ],
)
def test_old_and_new_parameters_do_not_mix(world: World, action: str, parameters: dict[str, Any]) -> None:
    key = {"Key": {"pk": s("1")}} if action in ("UpdateItem", "GetItem") else {}

    assert "Can not use both expression and non-expression" in world.refused(
        action, TableName="things", **key, **parameters
    )


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("p = :p OR s = :s", "Invalid operator used in KeyConditionExpression: OR"),
        ("NOT p = :p", "Invalid operator used in KeyConditionExpression: NOT"),
        ("p <> :p", "Invalid operator used in KeyConditionExpression: <>"),
        ("p IN (:p)", "Invalid operator used in KeyConditionExpression: IN"),
        ("contains(p, :p)", "Invalid operator used in KeyConditionExpression: contains"),
        ("p = :p s = :s", "Syntax error"),
        ("p == :p", "Syntax error"),
        ("p = s = :p", "Syntax error"),
        ("p = :p ; s", "Syntax error"),
        ("p = :p AND", "Syntax error"),
        ("(p = :p", "Syntax error"),
        ("((p = :p))", "redundant parentheses"),
        ("p = :p AND s > :p AND s < :p", "must only contain one condition per key"),
        ("p = :p AND date = :s", "reserved keyword: date"),
        ("p = :p AND SHARD = :s", "reserved keyword: SHARD"),
        ("p = :p AND q = :s", "missed key schema element: s"),
        ("s = :s", "missed key schema element: p"),
        ("p > :p", "Query key condition not supported"),
        ("p = :p AND s.x = :s", "nested attributes"),
        ("p = :p AND s BETWEEN :z AND :a", "upper bound to be greater than or equal to lower bound"),
        ("p = :p AND begins_with(:s, s)", "must have the key attribute as its first operand"),
        ("p = :n", "does not match schema type"),
        ("p = :p AND size(s) = :n", "nested operations"),
    ],
)
def test_a_key_condition_that_no_query_can_have_is_refused(world: World, expression: str, words: str) -> None:
    values = {":p": s("x"), ":s": s("y"), ":a": s("a"), ":z": s("z"), ":n": n(1)}
    used = {name: value for name, value in values.items() if name in expression}

    assert words in world.refused(
        "Query", TableName="sorted", KeyConditionExpression=expression, ExpressionAttributeValues=used
    )


@pytest.mark.parametrize("expression", [":p = p AND :s <= s", "s >= :s AND p = :p", "(p = :p) AND (:s < s)"])
def test_a_value_may_come_first(world: World, expression: str) -> None:
    world.call("PutItem", TableName="sorted", Item={"p": s("x"), "s": s("z")})
    values = {":p": s("x"), ":s": s("y")}
    answer = world.call(
        "Query", TableName="sorted", KeyConditionExpression=expression, ExpressionAttributeValues=values
    )

    assert answer["Count"] == 1


def test_keys_have_2048_and_1024_bytes_everywhere(world: World) -> None:
    long, longer = s("é" * 512 + "x"), s("x" * 2049)

    assert "2048" in world.refused("GetItem", TableName="things", Key={"pk": longer})
    assert "1024" in world.refused("GetItem", TableName="sorted", Key={"p": s("a"), "s": long})
    item = {"p": s("a"), "s": s("b")}
    assert "2048" in world.refused("PutItem", TableName="sorted", Item={**item, "x": longer})
    assert "1024" in world.refused("PutItem", TableName="sorted", Item={**item, "l": long})


def test_a_transaction_has_four_megabytes(world: World) -> None:
    large = s("x" * 390_000)
    puts = [{"Put": {"TableName": "things", "Item": {"pk": s(str(i)), "v": large}}} for i in range(12)]

    assert "size cannot exceed" in world.refused("TransactWriteItems", TransactItems=puts)
    assert world.keys() == []
    for put in puts:
        world.call("PutItem", **put["Put"])
    gets = [{"Get": {"TableName": "things", "Key": {"pk": s(str(i))}}} for i in range(12)]
    assert "size cannot exceed" in world.refused("TransactGetItems", TransactItems=gets)


def test_a_key_of_another_type_cancels_a_transaction(world: World) -> None:
    items = [{"pk": s("ok")}, {"pk": n(1)}]
    puts = [{"Put": {"TableName": "things", "Item": item}} for item in items]
    reasons = world.refused("TransactWriteItems", TransactItems=puts)

    assert reasons.startswith("TransactionCanceledException")
    assert reasons.endswith("[None, ValidationError]")
    empty = [{"Put": {"TableName": "things", "Item": {"pk": s("")}}}]
    assert world.refused("TransactWriteItems", TransactItems=empty).startswith("ValidationException")
    assert world.keys() == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"TransactItems": []}, "greater than or equal to 1"),
        ({"TransactItems": [{}]}, "can only contain one of"),
        ({"TransactItems": [{"ConditionCheck": {"TableName": "things", "Key": {"pk": {"S": "a"}}}}]}, "not be null"),
        (
            {"TransactItems": [{"Delete": {"TableName": "things", "Key": {"pk": {"S": "a"}}}}] * 2},
            "multiple operations on one item",
        ),
        (
            {
                "TransactItems": [{"Delete": {"TableName": "things", "Key": {"pk": {"S": "a"}}}}],
                "ClientRequestToken": "x" * 37,
            },
            "less than or equal to 36",
        ),
        (
            {
                "TransactItems": [
                    {
                        "Delete": {
                            "TableName": "things",
                            "Key": {"pk": {"S": "a"}},
                            "ReturnValuesOnConditionCheckFailure": "DOG",
                        }
                    }
                ]
            },
            "returnValuesOnConditionCheckFailure",
        ),
    ],
)
def test_a_transaction_that_aws_refuses_is_refused(world: World, parameters: dict[str, Any], words: str) -> None:
    message = world.refused("TransactWriteItems", **parameters)

    assert message.startswith("ValidationException")
    assert words in message


def test_scan_has_up_to_a_million_segments(world: World) -> None:
    assert "totalSegments" in world.refused("Scan", TableName="things", Segment=0, TotalSegments=1_000_001)


def test_a_global_index_refuses_what_it_does_not_project(world: World) -> None:
    request = {
        "TableName": "sorted",
        "IndexName": "by-x",
        "KeyConditionExpression": "x = :x",
        "ExpressionAttributeValues": {":x": s("a")},
    }

    assert "does not project [b]" in world.refused("Query", **request, ProjectionExpression="b")
    assert "ALL_ATTRIBUTES" in world.refused("Query", **request, Select="ALL_ATTRIBUTES")
    assert "ALL_PROJECTED_ATTRIBUTES" in world.refused("Scan", TableName="things", Select="ALL_PROJECTED_ATTRIBUTES")
    assert "SPECIFIC_ATTRIBUTES" in world.refused("Scan", TableName="things", Select="SPECIFIC_ATTRIBUTES")


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ({"p": s("x")}, "starting key is invalid"),
        ({"p": s("x"), "s": s("y"), "x": s("z")}, "starting key is invalid"),
        ({"p": s("x"), "s": n(1)}, "does not match the schema"),
        ({"p": s("other"), "s": s("y")}, "cannot be restarted"),
        ({"p": s("x"), "s": s("a")}, "does not match the range key predicate"),
    ],
)
def test_a_starting_key_that_the_query_cannot_have_ended_at_is_refused(
    world: World, start: dict[str, Any], words: str
) -> None:
    assert words in world.refused(
        "Query",
        TableName="sorted",
        KeyConditionExpression="p = :p AND s > :s",
        ExpressionAttributeValues={":p": s("x"), ":s": s("b")},
        ExclusiveStartKey=start,
    )


def test_each_item_of_a_batch_is_rounded_up_and_missing_ones_cost(world: World) -> None:
    def read(count: int, **options: Any) -> float:
        keys = {"Keys": [{"pk": s(str(number))} for number in range(count)], **options}
        answer = world.call("BatchGetItem", RequestItems={"things": keys}, ReturnConsumedCapacity="TOTAL")
        return float(answer["ConsumedCapacity"][0]["CapacityUnits"])

    for number in range(5):
        world.put(str(number))

    assert (read(5, ConsistentRead=True), read(5), read(8)) == (5.0, 2.5, 4.0)


def test_a_transaction_says_what_kind_of_units_it_took(world: World) -> None:
    gets = [{"Get": {"TableName": "things", "Key": {"pk": s(pk)}}} for pk in "ab"]
    answer = world.call("TransactGetItems", TransactItems=gets, ReturnConsumedCapacity="INDEXES")
    units = {"CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}

    assert answer["ConsumedCapacity"] == [{"TableName": "things", **units, "Table": units}]


def test_the_index_that_was_read_is_named_by_its_kind(world: World) -> None:
    world.call("PutItem", TableName="sorted", Item={"p": s("a"), "s": s("b"), "l": s("c"), "x": s("d")})

    def query(name: str, expression: str) -> Any:
        values = {":v": s("a" if name == "local" else "d")}
        return world.call(
            "Query",
            TableName="sorted",
            IndexName=name,
            KeyConditionExpression=expression,
            ExpressionAttributeValues=values,
            ReturnConsumedCapacity="INDEXES",
        )["ConsumedCapacity"]

    assert query("local", "p = :v")["LocalSecondaryIndexes"] == {"local": {"CapacityUnits": 0.5}}
    assert query("by-x", "x = :v")["GlobalSecondaryIndexes"] == {"by-x": {"CapacityUnits": 0.5}}


def test_a_write_costs_in_each_index_that_it_changes(world: World) -> None:
    def put(**attributes: Any) -> Any:
        item = {"p": s("a"), "s": s("b"), **attributes}
        request = {"TableName": "sorted", "Item": item, "ReturnConsumedCapacity": "INDEXES"}
        answer = world.call("PutItem", **request)["ConsumedCapacity"]
        return answer["CapacityUnits"], answer.get("GlobalSecondaryIndexes", {}).get("by-x", {}).get("CapacityUnits")

    assert put() == (1.0, None)
    assert put(x=s("1")) == (2.0, 1.0)
    assert put(x=s("1"), other=s("not projected")) == (1.0, None)
    assert put(x=s("2")) == (3.0, 2.0)


def test_a_write_to_a_table_with_local_indexes_shows_its_collection(world: World) -> None:
    item = {"p": s("a"), "s": s("b")}
    answer = world.call("PutItem", TableName="sorted", Item=item, ReturnItemCollectionMetrics="SIZE")
    other = world.call("PutItem", TableName="things", Item={"pk": s("a")}, ReturnItemCollectionMetrics="SIZE")

    assert answer["ItemCollectionMetrics"] == {"ItemCollectionKey": {"p": s("a")}, "SizeEstimateRangeGB": [0.0, 1.0]}
    assert "ItemCollectionMetrics" not in other


def test_tagging_looks_at_the_arn_before_anything_else(world: World) -> None:
    assert world.refused("TagResource") == "ValidationException: Invalid TableArn"
    assert world.refused("TagResource", ResourceArn="nonsense").startswith("AccessDeniedException")
    assert world.refused("UntagResource", ResourceArn="a:b:c:d:e:f/g", TagKeys=["k"]).startswith("ValidationException")


def test_a_key_is_read_before_placeholders_and_types_before_all_else(world: World) -> None:
    request = {"TableName": "things", "UpdateExpression": "", "ExpressionAttributeNames": {}}

    assert "is empty, must contain" in world.refused("UpdateItem", **request, Key={"pk": {}})
    assert "must not be empty" in world.refused("UpdateItem", **request, Key={"pk": s("a")})
    assert world.refused("UpdateItem", **request, Key={"pk": {"S": 5}}).startswith("SerializationException")


def test_what_can_be_told_without_the_table_is_told_without_it(world: World) -> None:
    assert world.refused("UpdateTable", TableName="nowhere", BillingMode="PROVISIONED").startswith("Validation")
    assert world.refused("UpdateTable", TableName="nowhere", TableClass="STANDARD").startswith("ResourceNotFound")


def test_a_member_that_the_operation_does_not_know_is_ignored(world: World) -> None:
    world.put("a")
    request = {"TableName": "things", "Key": {"pk": s("a")}, "ExpressionAttributeValues": {":v": s("x")}}

    assert world.call("GetItem", **request, Nonsense=1)["Item"] == {"pk": s("a")}
