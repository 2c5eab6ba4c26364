import pytest
from dynamodb_world import START, World

from emulator.dynamodb.expiry import OLDEST_SECONDS


@pytest.fixture
def world() -> World:
    world = World()
    world.create()
    world.call(
        "UpdateTimeToLive",
        TableName="things",
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"},
    )
    return world


def ttl(offset: float) -> dict[str, str]:
    return {"N": str(START + offset)}


@pytest.mark.parametrize(
    ("offset", "expires"),
    [
        pytest.param(-1, True, id="a second ago"),
        pytest.param(0, False, id="now"),
        pytest.param(1, False, id="in a second"),
        pytest.param(-OLDEST_SECONDS, True, id="five years ago"),
        pytest.param(-OLDEST_SECONDS - 1, False, id="longer ago"),
    ],
)
def test_an_item_expires_once_its_time_has_passed(world: World, offset: float, *, expires: bool) -> None:
    world.put("a", ttl=ttl(offset))

    assert world.database.expire(START) == expires


def test_a_time_that_was_moved_counts(world: World) -> None:
    world.put("later", ttl=ttl(-5))
    world.put("later", ttl=ttl(5))
    world.put("earlier", ttl=ttl(5))
    world.put("earlier", ttl=ttl(-5))
    world.put("off", ttl=ttl(-5))
    world.put("off")
    world.database.expire(START)

    assert world.keys() == ["later", "off"]


def test_an_item_that_was_deleted_and_put_again_does_not_expire_early(world: World) -> None:
    world.put("a", ttl=ttl(5))
    world.call("DeleteItem", TableName="things", Key={"pk": {"S": "a"}})
    world.put("a", ttl=ttl(50))

    assert world.database.expire(START + 10) == 0
    assert world.database.expire(START + 60) == 1


def test_items_from_before_ttl_was_switched_on_expire_too() -> None:
    world = World()
    world.create()
    world.put("a", ttl=ttl(-1))
    before = world.database.expire(START)
    world.call(
        "UpdateTimeToLive",
        TableName="things",
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"},
    )

    assert (before, world.database.expire(START)) == (0, 1)


def test_of_many_the_first_to_expire_go_first_so_many_of_each_table_at_a_time(world: World) -> None:
    for number in range(5):
        world.put(f"a{number}", ttl=ttl(number - 10))

    assert world.database.expire(START, 2) == 2
    assert world.keys() == ["a2", "a3", "a4"]
    assert [world.database.expire(START, 2) for _ in range(3)] == [2, 1, 0]


def test_rewriting_an_item_does_not_grow_the_queue_for_ever(world: World) -> None:
    for number in range(5000):
        world.put("a", ttl=ttl(number))

    expiry = world.database.backend.tables["things"].expiry
    assert expiry is not None
    assert len(expiry) < 2000


def test_a_cancelled_transaction_does_not_move_an_expiry(world: World) -> None:
    world.put("a", ttl=ttl(5))
    world.send(
        "DynamoDB_20120810.TransactWriteItems",
        {
            "TransactItems": [
                {"Put": {"TableName": "things", "Item": {"pk": {"S": "a"}, "ttl": ttl(500)}}},
                {
                    "ConditionCheck": {
                        "TableName": "things",
                        "Key": {"pk": {"S": "b"}},
                        "ConditionExpression": "attribute_exists(pk)",
                    }
                },
            ]
        },
    )

    assert world.database.expire(START + 10) == 1
