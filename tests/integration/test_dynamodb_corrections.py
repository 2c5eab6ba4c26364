"""What plain moto does differently from AWS, and the embedded DynamoDB does not.

Every test runs on both. On plain moto it must fail (``xfail_strict``): a correction that moto no longer needs shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from dynamodb_engines import (
    Engine,
    OurEngine,
    create_table,
    embedded_engine,
    item,
    key,
    plain_moto,
    records,
    shard_iterator,
)

MOTO_FAILS = pytest.mark.xfail(
    reason="plain moto differs from AWS here", raises=(AssertionError, ClientError, KeyError, pytest.fail.Exception)
)


@pytest.fixture(params=[pytest.param("embedded"), pytest.param("moto", marks=MOTO_FAILS)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with embedded_engine() if request.param == "embedded" else plain_moto() as engine:
        yield engine


@pytest.fixture
def client(engine: Engine) -> Any:
    client = engine.client()
    create_table(client)
    return client


def error_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_an_update_that_creates_an_item_makes_one_record_with_the_full_image(engine: Engine, client: Any) -> None:
    client.update_item(
        TableName="things",
        Key=key("a"),
        UpdateExpression="SET colour = :c",
        ExpressionAttributeValues={":c": {"S": "red"}},
    )

    found = records(engine)
    assert len(found) == 1
    record = found[0]
    assert record["eventName"] == "INSERT"
    assert record["dynamodb"]["NewImage"] == item("a", colour="red")


def test_a_cancelled_transaction_leaves_no_record(engine: Engine, client: Any) -> None:
    iterator = shard_iterator(engine, kind="LATEST")
    with pytest.raises(ClientError):
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "things", "Item": item("phantom")}},
                {"Delete": {"TableName": "things", "Key": key("b"), "ConditionExpression": "attribute_exists(pk)"}},
            ]
        )
    client.put_item(TableName="things", Item=item("real"))

    found = engine.client("dynamodbstreams").get_records(ShardIterator=iterator)["Records"]
    assert [record["dynamodb"]["Keys"]["pk"]["S"] for record in found] == ["real"]


def test_an_iterator_survives_a_cancelled_transaction(engine: Engine, client: Any) -> None:
    streams = engine.client("dynamodbstreams")
    client.put_item(TableName="things", Item=item("before"))
    answer = streams.get_records(ShardIterator=shard_iterator(engine))
    with pytest.raises(ClientError):
        client.transact_write_items(
            TransactItems=[
                {"Delete": {"TableName": "things", "Key": key("b"), "ConditionExpression": "attribute_exists(pk)"}},
            ]
        )
    client.put_item(TableName="things", Item=item("after"))

    found = streams.get_records(ShardIterator=answer["NextShardIterator"])["Records"]
    assert [record["dynamodb"]["Keys"]["pk"]["S"] for record in found] == ["after"]


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda client: client.put_item(TableName="things", Item=item("a", n=1)), id="PutItem"),
        pytest.param(
            lambda client: client.update_item(
                TableName="things",
                Key=key("a"),
                UpdateExpression="SET n = :n",
                ExpressionAttributeValues={":n": {"N": "1"}},
            ),
            id="UpdateItem",
        ),
        pytest.param(
            lambda client: client.put_item(TableName="things", Item=item("a", n={"N": "1.0"})), id="the same number"
        ),
    ],
)
def test_a_write_that_changes_nothing_makes_no_record(engine: Engine, client: Any, write: Any) -> None:
    client.put_item(TableName="things", Item=item("a", n=1))
    write(client)

    assert [record["eventName"] for record in records(engine)] == ["INSERT"]


def test_records_name_the_region_of_the_table(engine: Engine) -> None:
    with embedded_engine(region="eu-central-1") if isinstance(engine, OurEngine) else plain_moto() as abroad:
        create_table(abroad.client(region_name="eu-central-1"))
        arn = abroad.client(region_name="eu-central-1").describe_table(TableName="things")["Table"]["LatestStreamArn"]
        abroad.client(region_name="eu-central-1").put_item(TableName="things", Item=item("a"))
        streams = abroad.client("dynamodbstreams", region_name="eu-central-1")
        shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        (record,) = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]

    assert record["awsRegion"] == "eu-central-1"


def test_records_have_the_version_and_size_that_lambda_sees(engine: Engine, client: Any) -> None:
    client.put_item(TableName="things", Item=item("a", "b", data=b"foobar", n=42, m=101))

    found = records(engine)
    assert len(found) == 1
    record = found[0]
    # Names and values of keys (2 + 1 + 2 + 1), then of all attributes, binary by its bytes, numbers by their digits.
    assert record["dynamodb"]["SizeBytes"] == 6 + 6 + (4 + 6) + (1 + 2) + (1 + 3)
    assert record["eventVersion"] == "1.1"


def test_an_unknown_iterator_is_a_json_error(engine: Engine, client: Any) -> None:
    with pytest.raises(ClientError) as error:
        engine.client("dynamodbstreams").get_records(ShardIterator="no such iterator")

    assert error_of(error) == "ValidationException"
    assert "ShardIterator" in error.value.response["Error"]["Message"]


def test_the_same_token_writes_once(client: Any) -> None:
    for _ in range(2):
        client.transact_write_items(
            ClientRequestToken="token-1",
            TransactItems=[
                {
                    "Update": {
                        "TableName": "things",
                        "Key": key("a"),
                        "UpdateExpression": "ADD n :one",
                        "ExpressionAttributeValues": {":one": {"N": "1"}},
                    }
                }
            ],
        )

    assert client.get_item(TableName="things", Key=key("a"))["Item"]["n"] == {"N": "1"}


def test_a_token_belongs_to_one_transaction(client: Any) -> None:
    def write(name: str) -> None:
        client.transact_write_items(
            ClientRequestToken="token-1", TransactItems=[{"Put": {"TableName": "things", "Item": item(name)}}]
        )

    write("a")
    with pytest.raises(ClientError) as error:
        write("b")

    assert error_of(error) == "IdempotentParameterMismatchException"


def test_a_batch_of_26_writes_is_refused(client: Any) -> None:
    requests = [{"PutRequest": {"Item": item(str(number))}} for number in range(26)]
    with pytest.raises(ClientError) as error:
        client.batch_write_item(RequestItems={"things": requests})

    assert error_of(error) == "ValidationException"


def test_a_filter_on_a_key_attribute_is_refused(client: Any) -> None:
    with pytest.raises(ClientError) as error:
        client.query(
            TableName="things",
            KeyConditionExpression="pk = :a",
            FilterExpression="sk = :a",
            ExpressionAttributeValues={":a": {"S": "a"}},
        )

    assert error_of(error) == "ValidationException"
    assert "Primary key attribute: sk" in error.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        pytest.param("n = :n\n\tAND attribute_exists(pk)", True, id="line breaks and tabs"),
        pytest.param("begins_with(picture, :fo)", True, id="a prefix of binary"),
        pytest.param("flag = :n", False, id="true is not the number one"),
        pytest.param("absent = :null", False, id="a missing attribute is not null"),
        pytest.param("n < :raw", False, id="types do not compare"),
    ],
)
def test_a_condition_decides_as_on_aws(client: Any, condition: str, *, holds: bool) -> None:
    values = {
        ":n": {"N": "1"},
        ":raw": {"B": b"foo"},
        ":fo": {"B": b"fo"},
        ":null": {"NULL": True},
    }
    client.put_item(TableName="things", Item=item("a", n=1, flag={"BOOL": True}, picture=b"foo"))
    request = {
        "TableName": "things",
        "Key": key("a"),
        "ConditionExpression": condition,
        "ExpressionAttributeValues": {
            name: value for name, value in values.items() if name in condition.split() or f"{name})" in condition
        },
    }

    try:
        client.delete_item(**request)
        held = True
    except client.exceptions.ConditionalCheckFailedException:
        held = False
    assert held is holds


def test_updated_new_shows_what_the_expression_names(client: Any) -> None:
    client.put_item(TableName="things", Item=item("a", n=1, map={"M": {"x": {"N": "1"}, "y": {"N": "2"}}}))
    answer = client.update_item(
        TableName="things",
        Key=key("a"),
        UpdateExpression="SET n = :one, #m.x = :two",
        ExpressionAttributeNames={"#m": "map"},
        ExpressionAttributeValues={":one": {"N": "1"}, ":two": {"N": "2"}},
        ReturnValues="UPDATED_NEW",
    )

    assert answer["Attributes"] == {"n": {"N": "1"}, "map": {"M": {"x": {"N": "2"}}}}


def test_numbers_have_one_form(client: Any) -> None:
    client.put_item(TableName="things", Item=item("a", n={"N": "+01.50E+1"}))

    assert client.get_item(TableName="things", Key=key("a"))["Item"]["n"] == {"N": "15"}


def test_connections_are_kept_alive(engine: Engine, client: Any) -> None:
    answer = client.list_tables()

    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["connection"] == "keep-alive"
