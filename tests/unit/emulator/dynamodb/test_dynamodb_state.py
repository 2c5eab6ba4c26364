import json
import zlib
from typing import Any

import pytest
from dynamodb_world import World
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.dynamodb import state
from emulator.dynamodb.items import KeptItem
from emulator.dynamodb.state import MAGIC
from emulator.foundation.checked_lines import checked
from streamer.errors import ConfigurationError


@pytest.fixture
def world() -> World:
    world = World()
    definitions = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "owner")]
    index = {
        "IndexName": "by-owner",
        "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    world.create(AttributeDefinitions=definitions, GlobalSecondaryIndexes=[index])
    ttl = {"Enabled": True, "AttributeName": "ttl"}
    world.call("UpdateTimeToLive", TableName="things", TimeToLiveSpecification=ttl)
    world.put("a", owner={"S": "x"}, data={"B": "AP8="}, tags={"NS": ["1"]}, m={"M": {"B": {"S": "text"}}})
    world.put("b", ttl={"N": "1600000001"})
    return world


def restarted(world: World) -> World:
    other = World()
    other.clock.now = world.clock.now + 60
    other.database.load(world.database.dump())
    return other


def test_items_indexes_and_ttl_survive(world: World) -> None:
    other = restarted(world)

    assert other.get("a") == world.get("a")
    answer = other.call(
        "Query",
        TableName="things",
        IndexName="by-owner",
        KeyConditionExpression="#o = :x",
        ExpressionAttributeNames={"#o": "owner"},
        ExpressionAttributeValues={":x": {"S": "x"}},
    )
    assert answer["Count"] == 1
    assert other.call("DescribeTable", TableName="things") == world.call("DescribeTable", TableName="things")
    assert other.database.expire(1_600_000_002) == 1


def test_a_stream_goes_on_where_it_was(world: World) -> None:
    other = restarted(world)
    other.put("c")

    assert other.iterator().partition("|")[0] == world.iterator().partition("|")[0]
    assert other.changes() == [("INSERT", "a"), ("INSERT", "b"), ("INSERT", "c")]
    stream = other.database.backend.tables["things"].stream
    assert stream is not None
    numbers = [record.sequence for record in stream.records]
    assert numbers == sorted(set(numbers))


def test_loading_makes_no_records(world: World) -> None:
    pushed: list[Any] = []
    world.database.subscribe("things", pushed.append)
    world.database.load(world.database.dump())

    assert pushed == []
    assert len(world.changes()) == 2


def test_loading_replaces_what_was_there(world: World) -> None:
    other = World()
    other.create("other")
    other.database.load(world.database.dump())

    assert other.call("ListTables") == {"TableNames": ["things"]}


def test_notes_are_kept_as_they_are(world: World) -> None:
    notes = {"checkpoints": {"": '[{"N": "01"}]'}}

    assert World().database.load(world.database.dump(notes)).notes == notes


def test_only_items_that_somebody_asks_for_are_read(world: World) -> None:
    other = restarted(world)
    items = list(other.database.backend.tables["things"].primary.scan())
    other.get("a")

    assert [isinstance(item, KeptItem) and bool(item.text) for item in items] == [False, True]


def test_items_that_were_not_read_are_kept_again(world: World) -> None:
    once = restarted(world)
    once.put("a", owner={"S": "y"})
    twice = restarted(once)

    assert (twice.get("a"), twice.get("b")) == (once.get("a"), world.get("b"))
    assert twice.changes() == [("INSERT", "a"), ("INSERT", "b"), ("MODIFY", "a")]
    assert twice.database.expire(1_600_000_002) == 1


def test_an_index_that_is_added_after_a_restart_holds_the_items(world: World) -> None:
    world.put("c", owner={"S": "z"}, other={"S": "o"})
    other = restarted(world)
    create = {
        "IndexName": "by-other",
        "KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    other.call(
        "UpdateTable",
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "other", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": create}],
    )
    third = restarted(other)

    for world_now in (other, third):
        answer = world_now.call("Scan", TableName="things", IndexName="by-other")
        assert answer["Items"] == [{"pk": {"S": "c"}, "other": {"S": "o"}}]


def test_an_item_that_no_index_holds_is_held_by_none_after_a_restart() -> None:
    world = World()
    world.create()
    world.put("a", owner={"L": [{"S": "x"}]}, ttl={"SS": ["1"]})
    ttl = {"Enabled": True, "AttributeName": "ttl"}
    world.call("UpdateTimeToLive", TableName="things", TimeToLiveSpecification=ttl)
    create = {
        "IndexName": "by-owner",
        "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    world.call(
        "UpdateTable",
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "owner", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": create}],
    )
    other = restarted(world)

    assert other.call("Scan", TableName="things", IndexName="by-owner")["Count"] == 0
    assert other.get("a") == world.get("a")
    assert other.database.expire(2_000_000_000) == 0


EMPTY = {"notes": {}, "tables": list[Any]()}
HEAD = MAGIC + b"7\n"


def whole(*lines: Any) -> bytes:
    return HEAD + zlib.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "not written by the emulator", id="nothing"),
        pytest.param(b"garbage\n", "not written by the emulator", id="garbage"),
        pytest.param(MAGIC + b"8\nxyz", "version 8, this emulator reads versions 6 and 7", id="a later version"),
        pytest.param(MAGIC + b"5\nxyz", "version 5, this emulator reads versions 6 and 7", id="a version before"),
        pytest.param(HEAD + b"xyz", "error", id="not compressed"),
        pytest.param(HEAD + zlib.compress(b"{"), "JSONDecodeError", id="not JSON"),
        pytest.param(whole(EMPTY | {"tables": [{"name": "x"}]}), "KeyError", id="half a table"),
        pytest.param(whole(EMPTY | {"tables": [5]}), "TypeError", id="a number for a table"),
        pytest.param(whole({"notes": {}}), "tables", id="a head without tables"),
        pytest.param(whole([]), "TypeError", id="a list for a head"),
        pytest.param(whole({"notes": {}, "tables": [{"items": 1}]}), "Expecting value", id="a table without its items"),
        pytest.param(
            whole({"notes": {}, "tables": [{"items": 2}]}, [[1, {}], [1, {}]]),
            "missing",
            id="a table with half of them",
        ),
        pytest.param(HEAD + zlib.compress(b"[" * 100_000), "RecursionError", id="nested too deep"),
        pytest.param(whole(EMPTY) + checked(b"{}\n"), "not enough values", id="no change"),
        pytest.param(whole(EMPTY) + checked(b'["other"]\n'), "of kind 'other'", id="an unknown kind of change"),
        pytest.param(whole(EMPTY) + checked(b'["changes",[["x",null,{},null]]]\n'), "'x'", id="of no table"),
        pytest.param(whole(EMPTY) + checked(b"[" * 100_000 + b"\n"), "RecursionError", id="a change nested too deep"),
    ],
)
def test_what_cannot_be_read_changes_nothing(world: World, data: bytes, words: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        world.database.load(data)

    assert words in str(error.value)
    assert world.keys() == ["a", "b"]
    assert len(world.changes()) == 2


def test_a_file_that_unpacks_to_more_than_it_may_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "CONTENT_BYTES", 1000)

    with pytest.raises(ConfigurationError, match="its content is over 1000 bytes"):
        world.database.load(HEAD + zlib.compress(bytes(1001)))
    assert world.keys() == ["a", "b"]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_say_so(data: bytes) -> None:
    for content in (
        data,
        MAGIC + data,
        HEAD + data,
        HEAD + zlib.compress(data),
    ):
        with pytest.raises(ConfigurationError):
            World().database.load(content)


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


def test_a_damaged_file_is_told_from_a_good_one(world: World) -> None:
    data = world.database.dump()
    for position in range(0, len(data), 7):
        with pytest.raises(ConfigurationError):
            World().database.load(flipped(data, position))


def written(world: World) -> list[bytes]:
    """A state, and a line for each of five writes after it."""
    lines = [world.database.dump()]
    world.database.keep(lines.append, lambda: None)
    for number in range(5):
        world.put("c", n={"N": str(number)})
    return lines


def test_a_damaged_change_is_told_with_how_much_is_whole(world: World) -> None:
    base, *lines = written(world)
    changes = [checked(line) for line in lines]
    data = b"".join([base, *changes])
    assert World().database.load(data).size_bytes == len(data)

    for position in range(len(base), len(data) - 1, 5):
        with pytest.raises(ConfigurationError, match=r"change \d in it is damaged"):
            World().database.load(flipped(data, position))

    before = len(base + changes[0] + changes[1])
    with pytest.raises(ConfigurationError, match=f"change 3 in it is damaged; its first {before} bytes"):
        World().database.load(flipped(data, before))
    assert World().database.load(data[:before]).size_bytes == before


def test_changes_of_the_version_that_had_no_checksums_are_read(world: World) -> None:
    base, *lines = written(world)
    other = World()
    saved = other.database.load(b"".join([base.replace(HEAD, MAGIC + b"6\n"), *lines]))

    assert saved.version == 6
    assert other.get("c") == world.get("c")
