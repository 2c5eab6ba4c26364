from dataclasses import replace
from typing import Any

import pytest
from dynamodb_world import World

from emulator.dynamodb.endpoints.tables import create_request, create_tables, difference
from streamer.errors import ConfigurationError
from streamer.topology import Index, Key, StreamView, Table

TABLE = Table(
    name="orders",
    key=Key(partition="tenant", sort="number", types={"number": "N"}),
    indexes=(Index(name="by-state", key=Key(partition="state"), projection="KEYS_ONLY"),),
    ttl_attribute="ttl",
    stream=StreamView.NEW_AND_OLD_IMAGES,
)


def described(table: Table) -> dict[str, Any]:
    world = World()
    world.call("CreateTable", **create_request(table))
    return dict(world.call("DescribeTable", TableName=table.name)["Table"])


def test_a_table_is_created_as_described() -> None:
    world = World()
    create_tables(world.database, [TABLE])

    found = world.call("DescribeTable", TableName="orders")["Table"]
    assert difference(TABLE, found) is None
    assert found["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    ttl = world.call("DescribeTimeToLive", TableName="orders")["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}


def test_a_table_that_dynamodb_refuses_is_told_in_one_line() -> None:
    with pytest.raises(ConfigurationError) as error:
        create_tables(World().database, [replace(TABLE, name="a b")])

    assert str(error.value).startswith("table a b cannot be made: ")
    assert "\n" not in str(error.value)


def test_creating_again_keeps_the_items() -> None:
    world = World()
    create_tables(world.database, [TABLE])
    item = {"tenant": {"S": "t"}, "number": {"N": "1"}}
    world.call("PutItem", TableName="orders", Item=item)
    create_tables(world.database, [TABLE])

    assert world.call("GetItem", TableName="orders", Key=item)["Item"] == item


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"key": Key(partition="tenant")}, "its key is tenant (S), not tenant (S) + number (N)", id="key"),
        pytest.param({"key": Key(partition="tenant", sort="number")}, "number (S), not", id="type of a key"),
        pytest.param(
            {"key": Key(partition="tenant"), "indexes": (), "stream": None},
            "its key is tenant (S)",
            id="key before others",
        ),
        pytest.param(
            {"indexes": (replace(TABLE.indexes[0], key=Key(partition="other")),)},
            "the key of its index by-state is other (S), not state (S)",
            id="key of an index",
        ),
        pytest.param({"stream": StreamView.KEYS_ONLY}, "its stream is KEYS_ONLY", id="another view"),
        pytest.param({"ttl_attribute": "expires"}, "its TTL attribute is expires, not ttl", id="TTL attribute"),
    ],
)
def test_an_existing_table_that_differs_is_refused(changes: dict[str, Any], words: str) -> None:
    world = World()
    create_tables(world.database, [replace(TABLE, **changes)])
    with pytest.raises(ConfigurationError) as error:
        create_tables(world.database, [TABLE])

    assert str(error.value).startswith("table orders exists, but ")
    assert words in str(error.value)


def test_an_existing_table_gets_the_indexes_and_the_stream_that_it_lacks_and_keeps_its_items() -> None:
    world = World()
    create_tables(world.database, [replace(TABLE, indexes=(), stream=None)])
    item = {"tenant": {"S": "t"}, "number": {"N": "1"}, "state": {"S": "new"}, "place": {"S": "here"}}
    world.call("PutItem", TableName="orders", Item=item)
    wanted = replace(TABLE, indexes=(*TABLE.indexes, Index(name="by-place", key=Key(partition="place"))))

    create_tables(world.database, [wanted])

    assert difference(wanted, world.call("DescribeTable", TableName="orders")["Table"]) is None
    query = {"KeyConditionExpression": "place = :p", "ExpressionAttributeValues": {":p": {"S": "here"}}}
    assert world.call("Query", TableName="orders", IndexName="by-place", **query)["Items"] == [item]


def test_a_local_index_is_not_added_to_a_table_that_exists() -> None:
    world = World()
    create_tables(world.database, [TABLE])
    local = Index(name="by-time", key=Key(partition="tenant", sort="time"), is_local=True)

    with pytest.raises(
        ConfigurationError, match="it has no index by-time; delete it, or start again with empty tables"
    ):
        create_tables(world.database, [replace(TABLE, indexes=(*TABLE.indexes, local))])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"name": "t"}, "table t cannot be made: TableName must be at least 3 characters", id="short"),
        pytest.param({"name": "two words"}, "table two words cannot be made: ", id="a blank"),
        pytest.param({"ttl_attribute": "x" * 256}, "table orders cannot be made: ", id="a long TTL attribute"),
    ],
)
def test_what_dynamodb_refuses_is_told_with_the_table(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        create_tables(World().database, [replace(TABLE, **changes)])

    assert str(error.value).startswith(words)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"indexes": (*TABLE.indexes, Index(name="more", key=Key(partition="x")))}, id="one more index"),
        pytest.param({"indexes": (replace(TABLE.indexes[0], projection="ALL"),)}, id="an index that shows more"),
    ],
)
def test_an_existing_table_may_have_more(changes: dict[str, Any]) -> None:
    assert difference(TABLE, described(replace(TABLE, **changes))) is None


def test_an_unwanted_stream_does_no_harm() -> None:
    assert difference(replace(TABLE, stream=None), described(TABLE)) is None
