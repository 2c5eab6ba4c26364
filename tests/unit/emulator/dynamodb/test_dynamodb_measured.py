"""What users of DynamoDB measured on AWS and no reference says, or says otherwise: limits, numbers, words.

Each test is named for the behaviour; the evidence stands at the rules, [USR] and [DOC].
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from dynamodb_world import World, n, s

from emulator.dynamodb.engine import DYNAMODB

UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}


def index(name: str, key: str, **more: Any) -> dict[str, Any]:
    schema = [{"AttributeName": key, "KeyType": "HASH"}]
    return {"IndexName": name, "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}, **more}


@pytest.fixture
def world() -> World:
    world = World()
    world.create()
    definitions = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "x")]
    world.create("indexed", AttributeDefinitions=definitions, GlobalSecondaryIndexes=[index("by-x", "x")])
    return world


def nested(levels: int, kind: str) -> dict[str, Any]:
    value: dict[str, Any] = s("leaf")
    for _ in range(levels):
        value = {"M": {"a": value}} if kind == "M" else {"L": [value]}
    return value


@pytest.mark.parametrize("kind", ["M", "L"])
def test_a_value_may_be_inside_of_31_lists_and_maps(world: World, kind: str) -> None:
    world.put("a", v=nested(31, kind))

    assert world.get("a")["v"] == nested(31, kind)
    deep = nested(32, kind)
    assert "Nesting Levels have exceeded" in world.refused(
        "PutItem", TableName="things", Item={"pk": s("b"), "v": deep}
    )
    condition = {"ConditionExpression": "v <> :v", "ExpressionAttributeValues": {":v": deep}}
    assert "Nesting Levels have exceeded" in world.refused(
        "PutItem", TableName="things", Item={"pk": s("b")}, **condition
    )


@pytest.mark.parametrize(
    ("named", "shown"),
    [
        ({}, "alias/aws/dynamodb"),
        ({"KMSMasterKeyId": "alias/mine"}, "alias/mine"),
        ({"KMSMasterKeyId": "1234abcd"}, "key/1234abcd"),
        ({"KMSMasterKeyId": "arn:aws:kms:us-east-1:123456789012:key/k"}, "key/k"),
    ],
)
def test_a_key_of_encryption_is_shown_as_an_arn(world: World, named: dict[str, str], shown: str) -> None:
    world.create("sealed", SSESpecification={"Enabled": True, "SSEType": "KMS", **named})
    described = world.call("DescribeTable", TableName="sealed")["Table"]["SSEDescription"]

    assert described["KMSMasterKeyArn"] == f"arn:aws:kms:us-east-1:123456789012:{shown}"


def test_the_message_of_a_failed_condition_has_a_capital_where_the_item_is_sent_along(world: World) -> None:
    world.put("a", v=n(1))
    given = {"TableName": "things", "Item": {"pk": s("a")}, "ConditionExpression": "attribute_not_exists(pk)"}
    more: list[dict[str, Any]] = [{}, {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}]
    answers = [json.loads(world.send(f"{DYNAMODB}.PutItem", {**given, **each}).body) for each in more]

    assert [set(answer) - {"__type"} for answer in answers] == [{"message"}, {"Item", "Message"}]


def test_what_was_stored_is_loaded_however_deep_it_is(world: World) -> None:
    world.put("a", v=nested(31, "L"))
    restarted = World()
    restarted.database.load(world.database.dump())

    assert restarted.get("a")["v"] == nested(31, "L")


def test_a_name_inside_a_map_has_up_to_65535_bytes(world: World) -> None:
    world.put("a", v={"M": {"a" * 65_535: s("")}})

    for name in ("a" * 65_536, "é" * 32_768):
        assert "must be less than 65536 bytes" in world.refused(
            "PutItem", TableName="things", Item={"pk": s("b"), "v": {"M": {name: s("")}}}
        )


def test_a_placeholder_has_up_to_255_bytes(world: World) -> None:
    for prefix, member in (("#", "ExpressionAttributeNames"), (":", "ExpressionAttributeValues")):
        for length, is_fine in ((255, True), (256, False)):
            name = prefix + "a" * (length - 1)
            value: Any = "v" if prefix == "#" else s("v")
            expression = f"{name} = {name}" if prefix == ":" else f"attribute_not_exists({name})"
            request = {"TableName": "things", "FilterExpression": expression, member: {name: value}}
            if is_fine:
                world.call("Scan", **request)
            else:
                assert f"{member} contains invalid key: The expression attribute map" in world.refused(
                    "Scan", **request
                )


def test_names_and_values_of_a_request_have_two_megabytes_together(world: World) -> None:
    def condition(size_bytes: int) -> dict[str, Any]:
        return {
            "TableName": "things",
            "Item": {"pk": s("a")},
            "ConditionExpression": "#v <> :v",
            "ExpressionAttributeNames": {"#v": "v" * 100},
            "ExpressionAttributeValues": {":v": s("x" * (size_bytes - 102))},
        }

    world.call("PutItem", **condition(2 * 1024 * 1024))
    assert "exceeded the maximum size" in world.refused("PutItem", **condition(2 * 1024 * 1024 + 1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1e99999999999", "Number overflow"),
        ("1e-99999999999", "Number underflow"),
        ("1e9223372036854775807", "Number overflow"),
        ("1e9223372036854775808", "cannot be converted to a numeric value"),
        ("0e126", "Number overflow"),
        ("0e-131", "Number underflow"),
        ("-0e126", "Number overflow"),
    ],
)
def test_an_exponent_is_read_in_full_and_zero_has_one_too(world: World, text: str, words: str) -> None:
    assert words in world.refused("PutItem", TableName="things", Item={"pk": s("a"), "v": n(text)})


@pytest.mark.parametrize("text", ["0e125", "0.0e126", "0e-130", "-0", "0.000", "1e-130", "1e125"])
def test_a_number_at_the_end_of_the_range_is_stored(world: World, text: str) -> None:
    world.put("a", v=n(text))

    assert float(world.get("a")["v"]["N"]) == float(text)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("SET x = :n", "Type mismatch for Index Key x Expected: S Actual: N IndexName: by-x"),
        ("ADD x :n", "Type mismatch for Index Key x Expected: S Actual: N IndexName: by-x"),
        ("SET x = amount + :n", "Type mismatch for Index Key x Expected: S Actual: N IndexName: by-x"),
        ("SET x = amount", "The update expression attempted to update the secondary index key to unsupported type"),
        ("SET x = if_not_exists(amount, :n)", "attempted to update the secondary index key to unsupported type"),
        ("SET x = lengthy", "attempted to update the secondary index key beyond allowed size limits"),
        ("SET x = blank", "cannot contain an empty string value. IndexName: by-x, IndexKey: x"),
    ],
)
def test_an_index_key_of_the_wrong_type_is_told_by_where_the_value_comes_from(
    world: World, expression: str, words: str
) -> None:
    world.put("a", "indexed", amount=n(5), lengthy=s("x" * 3000), blank=s(""))
    values = {"ExpressionAttributeValues": {":n": n(1)}} if ":n" in expression else {}

    request = {"TableName": "indexed", "Key": {"pk": s("a")}, "UpdateExpression": expression, **values}
    assert words in world.refused("UpdateItem", **request)
    entry = {name: value for name, value in request.items() if name != "ReturnValues"}
    reasons = world.send(f"{DYNAMODB}.TransactWriteItems", {"TransactItems": [{"Update": entry}]})
    assert words.encode() in reasons.body


def test_a_transaction_that_was_done_before_costs_a_read_of_its_items(world: World) -> None:
    put = {"Put": {"TableName": "things", "Item": {"pk": s("a"), "v": s("x" * 5000)}}}
    request = {"TransactItems": [put], "ClientRequestToken": "token", "ReturnConsumedCapacity": "TOTAL"}
    first, second = (world.call("TransactWriteItems", **request)["ConsumedCapacity"] for _ in range(2))

    assert first == [{"TableName": "things", "CapacityUnits": 10.0, "WriteCapacityUnits": 10.0}]
    assert second == [{"TableName": "things", "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}]
    assert len(world.changes()) == 1


def test_bounds_of_a_table_that_is_paid_by_request_change_one_by_one(world: World) -> None:
    def bounds(**changes: Any) -> Any:
        told = world.call("UpdateTable", TableName="things", **changes)["TableDescription"].get("OnDemandThroughput")
        return told, world.call("DescribeTable", TableName="things")["Table"].get("OnDemandThroughput")

    reads, writes = {"MaxReadRequestUnits": 5}, {"MaxWriteRequestUnits": 7}
    assert bounds(OnDemandThroughput=reads) == (reads, reads)
    assert bounds(OnDemandThroughput=writes) == (reads | writes, reads | writes)
    assert bounds(OnDemandThroughput={"MaxReadRequestUnits": -1}) == ({"MaxReadRequestUnits": -1, **writes}, writes)
    assert "MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range" in world.refused(
        "UpdateTable", TableName="things", OnDemandThroughput={"MaxReadRequestUnits": 0}
    )
    assert bounds(BillingMode="PROVISIONED", ProvisionedThroughput=UNITS) == (None, None)
    assert world.refused("UpdateTable", TableName="things", OnDemandThroughput=writes).endswith(
        "MaxWriteRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED"
    )


def test_a_transaction_that_was_done_before_costs_what_its_items_were_then(world: World) -> None:
    world.put("a", v=s("x" * 9000))
    delete = {"Delete": {"TableName": "things", "Key": {"pk": s("a")}}}
    request = {"TransactItems": [delete], "ClientRequestToken": "token", "ReturnConsumedCapacity": "TOTAL"}
    first, second = (world.call("TransactWriteItems", **request)["ConsumedCapacity"] for _ in range(2))

    assert (first[0]["CapacityUnits"], second[0]["CapacityUnits"]) == (18.0, 6.0)


def test_a_transaction_costs_twice_in_the_table_and_once_in_its_indexes(world: World) -> None:
    put = {"Put": {"TableName": "indexed", "Item": {"pk": s("a"), "x": s("1")}}}
    (cost,) = world.call("TransactWriteItems", TransactItems=[put], ReturnConsumedCapacity="INDEXES")[
        "ConsumedCapacity"
    ]

    once = {"CapacityUnits": 1.0, "WriteCapacityUnits": 1.0}
    assert cost["GlobalSecondaryIndexes"] == {"by-x": once}
    assert (cost["Table"]["CapacityUnits"], cost["CapacityUnits"]) == (2.0, 3.0)


def test_each_operation_has_tokens_of_its_own(world: World) -> None:
    token = {"ClientRequestToken": "token", "ReturnConsumedCapacity": "TOTAL"}
    world.call("TransactWriteItems", TransactItems=[{"Put": {"TableName": "things", "Item": {"pk": s("a")}}}], **token)
    statements = [{"Statement": "UPDATE things SET n=1 WHERE pk='a'"}]
    first, second = (world.call("ExecuteTransaction", TransactStatements=statements, **token) for _ in range(2))

    assert first["ConsumedCapacity"] == [{"TableName": "things", "CapacityUnits": 2.0, "WriteCapacityUnits": 2.0}]
    assert second["ConsumedCapacity"] == [{"TableName": "things", "CapacityUnits": 2.0, "ReadCapacityUnits": 2.0}]


def test_a_transaction_that_reads_reads_again_when_its_token_comes_again(world: World) -> None:
    world.put("a", n=n(1))
    request = {"TransactStatements": [{"Statement": "SELECT n FROM things WHERE pk='a'"}], "ClientRequestToken": "t"}

    assert [world.call("ExecuteTransaction", **request)["Responses"] for _ in range(2)] == [[{"Item": {"n": n(1)}}]] * 2


def test_a_transaction_reads_an_item_once(world: World) -> None:
    get = {"Get": {"TableName": "things", "Key": {"pk": s("a")}}}

    assert world.refused("TransactGetItems", TransactItems=[get, get]) == (
        "ValidationException: Transaction request cannot include multiple operations on one item"
    )


def test_units_of_an_index_are_changed_to_others_and_go_with_the_billing_mode(world: World) -> None:
    definitions = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "x")]
    world.create(
        "provisioned",
        BillingMode="PROVISIONED",
        ProvisionedThroughput=UNITS,
        AttributeDefinitions=definitions,
        GlobalSecondaryIndexes=[index("by-x", "x", ProvisionedThroughput=UNITS)],
    )

    def update(name: str, **changes: Any) -> Any:
        return world.call("UpdateTable", TableName=name, **changes)["TableDescription"]["GlobalSecondaryIndexes"][0]

    def changed(units: dict[str, int]) -> dict[str, Any]:
        return {
            "GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": "by-x", "ProvisionedThroughput": units}}],
        }

    assert "provisioned throughput for the index by-x will not change" in world.refused(
        "UpdateTable", TableName="provisioned", **changed(UNITS)
    )
    more = {"ReadCapacityUnits": 7, "WriteCapacityUnits": 1}
    assert update("provisioned", **changed(more))["ProvisionedThroughput"]["ReadCapacityUnits"] == 7
    on_demand = update("provisioned", BillingMode="PAY_PER_REQUEST")
    assert on_demand["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    assert "Neither ReadCapacityUnits" in world.refused("UpdateTable", TableName="provisioned", **changed(more))
    back = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": UNITS}
    assert "must be specified for index: by-x" in world.refused("UpdateTable", TableName="provisioned", **back)
    assert update("provisioned", **back, **changed(more))["ProvisionedThroughput"]["ReadCapacityUnits"] == 7


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("h = :v AND a = :v AND c = :v", "RANGE key attributes b must have equality conditions"),
        ("h = :v AND a > :v AND c = :v", "RANGE key attributes a, b must have equality conditions"),
        ("h = :v AND b = :v", "because a condition is present on key attribute b"),
    ],
)
def test_conditions_on_a_key_of_several_attributes_leave_no_gap(world: World, condition: str, words: str) -> None:
    names = ("pk", "h", "a", "b", "c")
    kinds = zip(names[1:], ("HASH", "RANGE", "RANGE", "RANGE"), strict=True)
    schema = [{"AttributeName": name, "KeyType": kind} for name, kind in kinds]
    world.create(
        "several",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        GlobalSecondaryIndexes=[{"IndexName": "by-h", "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}}],
    )
    request = {"TableName": "several", "IndexName": "by-h", "ExpressionAttributeValues": {":v": s("x")}}

    assert words in world.refused("Query", KeyConditionExpression=condition, **request)
    world.call("Query", KeyConditionExpression="b = :v AND h = :v AND a = :v AND c > :v", **request)


@pytest.mark.parametrize("item", [{"pk": n(1)}, {"other": s("a")}, {"pk": {"L": []}, "more": s("a")}])
def test_a_batch_tells_of_an_items_key_what_it_tells_of_any_key(world: World, item: dict[str, Any]) -> None:
    requests = {"things": [{"PutRequest": {"Item": {"pk": s("fine")}}}, {"PutRequest": {"Item": item}}]}

    assert world.refused("BatchWriteItem", RequestItems=requests) == (
        "ValidationException: The provided key element does not match the schema"
    )
    assert world.keys() == []


@pytest.mark.parametrize("tail", ["x", "e", "."])
def test_a_long_number_is_refused_at_once(world: World, tail: str) -> None:
    digits = "1" * 300_000

    assert world.refused("PutItem", TableName="things", Item={"pk": s("a"), "v": n(digits + tail)}).startswith(
        "ValidationException"
    )


@pytest.mark.parametrize("arn", ["a" * 100_000, ":" * 100_000, "a:" * 50_000, "a:b:c:d:e:f" * 5_000])
def test_a_long_text_that_is_no_arn_is_refused_at_once(world: World, arn: str) -> None:
    for action in ("TagResource", "UntagResource", "ListTagsOfResource"):
        assert "Exception" in world.refused(action, ResourceArn=arn)


COLD: dict[str, Any] = {
    "TableName": "cold",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
}


@pytest.mark.parametrize(
    ("billing", "warm", "words"),
    [
        pytest.param({}, {"ReadUnitsPerSecond": 11_999}, "ReadUnitsPerSecond", id="reads of a table paid by request"),
        pytest.param({}, {"WriteUnitsPerSecond": 3_999}, "initial throughput for OnDemand", id="its writes"),
        pytest.param(
            {"BillingMode": "PROVISIONED", "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}},
            {"WriteUnitsPerSecond": 4},
            "WriteCapacityUnits of ProvisionedThroughput",
            id="less than is provisioned",
        ),
    ],
)
def test_a_new_table_is_not_colder_than_any(
    world: World, billing: dict[str, Any], warm: dict[str, int], words: str
) -> None:
    assert words in world.refused("CreateTable", **COLD | billing, WarmThroughput=warm)


def test_a_new_index_is_not_colder_than_any(world: World) -> None:
    index = {
        "IndexName": "by-owner",
        "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
        "WarmThroughput": {"ReadUnitsPerSecond": 10_000},
    }
    definitions = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "owner")]

    answer = world.refused(
        "CreateTable", **COLD | {"AttributeDefinitions": definitions}, GlobalSecondaryIndexes=[index]
    )
    assert "for index by-owner is lower than initial throughput for OnDemand" in answer


def test_a_table_may_be_warmer(world: World) -> None:
    world.create("warm", WarmThroughput={"ReadUnitsPerSecond": 15_000, "WriteUnitsPerSecond": 5_000})

    warm = world.call("DescribeTable", TableName="warm")["Table"]["WarmThroughput"]
    assert warm == {"ReadUnitsPerSecond": 15_000, "WriteUnitsPerSecond": 5_000, "Status": "ACTIVE"}
