"""A new index of a large table is filled some items at a time, and is as if it had been filled at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from dynamodb_world import World, n, s
from hypothesis import given
from hypothesis import strategies as st

from emulator.dynamodb.endpoints.embedded import EmbeddedDatabase
from emulator.dynamodb.engine import DYNAMODB, UPDATE_TABLE
from emulator.dynamodb.tables import FEW_ITEMS
from emulator.event_sources.streams.checkpoints import Checkpoints
from emulator.foundation.notes import Notes
from emulator.port.http import HttpRequest, HttpResponse
from streamer.topology import Api, Topology

INDEX = "by_owner"


def table(*, items: int = FEW_ITEMS) -> World:
    world = World()
    world.call(
        "CreateTable",
        TableName="notes",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    for first in range(0, items, 25):
        puts = [{"PutRequest": {"Item": note(number)}} for number in range(first, min(first + 25, items))]
        world.call("BatchWriteItem", RequestItems={"notes": puts})
    return world


def note(number: int, owner: str = "ann", text: str = "") -> dict[str, Any]:
    return {"id": s(f"note {number}"), "owner": s(owner), "at": n(number % 7), "text": s(text)}


def adding_index(projection: str = "ALL") -> dict[str, Any]:
    keys = {"owner": "S", "at": "N"}
    index = {
        "IndexName": INDEX,
        "KeySchema": [
            {"AttributeName": "owner", "KeyType": "HASH"},
            {"AttributeName": "at", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": projection},
    }
    return {
        "TableName": "notes",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in keys.items()],
        "GlobalSecondaryIndexUpdates": [{"Create": index}],
    }


def request(target: str, **parameters: Any) -> HttpRequest:
    return HttpRequest("POST", "/", (), json.dumps(parameters).encode(), "127.0.0.1", {"x-amz-target": target})


def found(world: World) -> tuple[Any, ...]:
    """What the index holds, in its order, and what is told of it."""
    items = world.call("Scan", TableName="notes", IndexName=INDEX)["Items"]
    (told,) = world.call("DescribeTable", TableName="notes")["Table"]["GlobalSecondaryIndexes"]
    return items, told["ItemCount"], told["IndexSizeBytes"], told["IndexStatus"]


def put(world: World, number: int) -> None:
    world.call("PutItem", TableName="notes", Item=note(number, "bob", "new"))


def move(world: World, number: int) -> None:
    world.call(
        "UpdateItem",
        TableName="notes",
        Key={"id": s(f"note {number}")},
        UpdateExpression="SET #o = :o",
        ExpressionAttributeNames={"#o": "owner"},
        ExpressionAttributeValues={":o": s("cat")},
    )


def delete(world: World, number: int) -> None:
    world.call("DeleteItem", TableName="notes", Key={"id": s(f"note {number}")})


def leave_out(world: World, number: int) -> None:
    """Write an item that the index does not hold."""
    world.call("PutItem", TableName="notes", Item={"id": s(f"note {number}"), "owner": s("dan")})


def fail_together(world: World, number: int) -> None:
    """Write in a transaction that fails after it: the old item is there again."""
    check = {"TableName": "notes", "Key": {"id": s("none")}, "ConditionExpression": "attribute_exists(id)"}
    world.send(
        f"{DYNAMODB}.TransactWriteItems",
        {"TransactItems": [{"Put": {"TableName": "notes", "Item": note(number, "eve")}}, {"ConditionCheck": check}]},
    )


WRITES: tuple[Callable[[World, int], None], ...] = (put, move, delete, leave_out, fail_together)
ITEMS = 40


@pytest.mark.parametrize("projection", ["ALL", "KEYS_ONLY"])
@given(st.lists(st.tuples(st.sampled_from(WRITES), st.integers(0, ITEMS + 5)), max_size=30), st.integers(1, 9))
def test_what_is_written_meanwhile_is_in_it_as_if_it_had_been_there(
    projection: str, writes: list[tuple[Callable[[World, int], None], int]], at_once: int
) -> None:
    ahead, later = table(items=ITEMS), table(items=ITEMS)
    definition = adding_index(projection)
    filling = begun(ahead, definition)
    for number, (write, item) in enumerate(writes):
        if number % 3 == 0:
            filling.take(at_once)
        write(ahead, item)
        write(later, item)

    while filling.take(at_once):
        pass
    for world in (ahead, later):
        world.call("UpdateTable", **definition)
    filling.end()

    assert ahead.database.backend.tables["notes"].indexes[INDEX] is filling.index
    assert found(ahead) == found(later)


def begun(world: World, definition: dict[str, Any]) -> Any:
    """The filling of an index, also of a small table."""
    described = table(items=0)
    described.call("UpdateTable", **definition)
    index = described.database.backend.tables["notes"].indexes[INDEX].definition
    return world.database.backend.tables["notes"].begin_filling(index, {"owner": "S", "at": "N"})


@pytest.mark.parametrize(
    ("items", "parameters"),
    [
        pytest.param(FEW_ITEMS - 1, adding_index(), id="of a table with few items"),
        pytest.param(FEW_ITEMS, {"TableName": "notes", "BillingMode": "PROVISIONED"}, id="of an update that fails"),
        pytest.param(FEW_ITEMS, {"TableName": "notes", "DeletionProtectionEnabled": True}, id="of no index"),
        pytest.param(FEW_ITEMS, {"TableName": 7}, id="of what is no request"),
    ],
)
def test_there_is_nothing_to_fill_ahead(items: int, parameters: dict[str, Any]) -> None:
    assert table(items=items).database.filling(request(UPDATE_TABLE, **parameters)) is None


async def adding(world: World) -> asyncio.Future[HttpResponse]:
    """The answer to an index that is being filled."""
    topology = Topology(api=Api(name="a", routes=()), functions=())
    database = EmbeddedDatabase(world.database, topology, Checkpoints(), Notes())
    answering = database.handle(request(UPDATE_TABLE, **adding_index()))
    assert isinstance(answering, Awaitable)
    updated = asyncio.ensure_future(answering)
    await asyncio.sleep(0)
    return updated


async def test_others_are_answered_before_the_index_is_full() -> None:
    world = table()
    updated = await adding(world)

    put(world, 7)
    assert not updated.done()
    answer = await updated

    assert json.loads(answer.body)["TableDescription"]["GlobalSecondaryIndexes"][0]["ItemCount"] == FEW_ITEMS
    assert world.call("Query", **by_owner("bob"))["Items"] == [note(7, "bob", "new")]
    assert world.database.backend.tables["notes"].filling is None


async def test_who_does_not_wait_for_the_answer_has_the_index_all_the_same() -> None:
    world = table()
    updated = await adding(world)

    updated.cancel()
    await asyncio.wait([updated])

    assert world.call("Query", Select="COUNT", **by_owner("ann"))["Count"] == FEW_ITEMS
    assert world.database.backend.tables["notes"].filling is None


def by_owner(owner: str) -> dict[str, Any]:
    return {
        "TableName": "notes",
        "IndexName": INDEX,
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": s(owner)},
    }
