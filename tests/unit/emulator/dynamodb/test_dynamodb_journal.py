"""Lines of changes do again whatever was done."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dynamodb_world import World
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from emulator.dynamodb.engine import DYNAMODB
from emulator.foundation.checked_lines import checked
from streamer.errors import ConfigurationError

Request = tuple[str, dict[str, Any], int | None]
"""Operation, parameters, and how far its JSON is indented."""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.decimals(-(10**9), 10**9, places=3).map(lambda number: {"N": str(number)})
binaries = st.sampled_from(["", "AP8=", "AQ=="])
scalars = st.one_of(
    texts.map(lambda text: {"S": text}),
    numbers,
    binaries.map(lambda text: {"B": text}),
    st.sampled_from([{"BOOL": True}, {"BOOL": False}, {"NULL": True}]),
    st.sets(texts.filter(bool), min_size=1, max_size=3).map(lambda members: {"SS": list(members)}),
    st.sets(st.integers(-99, 99), min_size=1, max_size=3).map(lambda members: {"NS": [str(each) for each in members]}),
    st.sets(binaries.filter(bool), min_size=1).map(lambda members: {"BS": list(members)}),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"L": members}),
        st.dictionaries(texts.filter(bool), inner, max_size=3).map(lambda members: {"M": members}),
    ),
    max_leaves=6,
)
keys = st.sampled_from(["a", 'b"\\\n', "\u2028\x7f\u00e4\U0001f600"]).map(lambda text: {"pk": {"S": text}})
names = st.sampled_from(["x", "y", 'a "b"\\', "\u00e9\r\n", "ttl"])
attributes = st.dictionaries(names, values, max_size=4)
tables = st.sampled_from(["things", "silent"])


@st.composite
def updates(draw: st.DrawFn) -> dict[str, Any]:
    """An UpdateItem that sets, counts and removes attributes."""
    changed = draw(st.dictionaries(names, st.none() | values, min_size=1, max_size=3))
    aliases = {f"#n{number}": name for number, name in enumerate(changed)}
    given = {f":v{number}": value for number, value in enumerate(changed.values()) if value is not None}
    word, between = draw(st.sampled_from([("SET", " = "), ("ADD", " "), ("DELETE", " ")]))
    parts = [f"{word} {', '.join(f'#n{name[2:]}{between}{name}' for name in given)}"] if given else []
    removed = [alias for alias in aliases if f":v{alias[2:]}" not in given]
    parts += [f"REMOVE {', '.join(removed)}"] if removed else []
    request = {"Key": draw(keys), "UpdateExpression": " ".join(parts), "ExpressionAttributeNames": aliases}
    return {"TableName": draw(tables), **request, **({"ExpressionAttributeValues": given} if given else {})}


puts = st.tuples(tables, keys, attributes).map(lambda put: {"TableName": put[0], "Item": put[1] | put[2]})
deletes = st.tuples(tables, keys).map(lambda delete: {"TableName": delete[0], "Key": delete[1]})
members = st.one_of(
    puts.map(lambda each: {"Put": each}),
    updates().map(lambda each: {"Update": each}),
    deletes.map(lambda each: {"Delete": each}),
)
requests = st.one_of(
    st.tuples(st.just("PutItem"), puts, st.sampled_from([None, 0, 1])),
    st.tuples(st.just("UpdateItem"), updates(), st.none()),
    st.tuples(st.just("DeleteItem"), deletes, st.none()),
    st.tuples(
        st.just("TransactWriteItems"),
        st.lists(members, max_size=3).map(lambda all_of: {"TransactItems": all_of}),
        st.none(),
    ),
)


def content(world: World) -> Any:
    """Items, and records with their images."""
    found = []
    for table in world.database.backend.tables.values():
        records = [] if table.stream is None else table.stream.records
        told = [(structs.replace(record, old=None, new=None), record.content) for record in records]
        found.append((table.name, world.call("Scan", TableName=table.name)["Items"], told, table.primary.size_bytes))
    return found


@pytest.mark.parametrize("is_loaded", [False, True], ids=["of items as they were made", "of items of a file"])
@given(st.lists(requests, max_size=8), st.lists(requests, max_size=8), st.floats(2**30, 4e9))
def test_what_lines_tell_is_what_was_done(
    is_loaded: bool, before: list[Request], since: list[Request], now: float
) -> None:
    world, lines = World(), list[bytes]()
    world.create()
    world.create("silent", None)
    for table in ("things", "silent"):
        ttl = {"Enabled": True, "AttributeName": "ttl"}
        world.call("UpdateTimeToLive", TableName=table, TimeToLiveSpecification=ttl)
    send(world, before)
    dump = world.database.dump()
    if is_loaded:
        world.database.load(dump)
    world.clock.now = now
    world.database.keep(lines.append, lambda: None)

    send(world, since)
    world.database.expire(2e9)

    other = World()
    other.database.load(dump + b"".join(map(checked, lines)))
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    assert content(other) == content(world)


def send(world: World, requests: list[Request]) -> None:
    for action, parameters, indent in requests:
        body = json.dumps(parameters, indent=indent).replace("\n", "\r" if indent else "\n").encode()
        world.send(f"{DYNAMODB}.{action}", body)


def test_writes_are_told_as_their_requests_and_statements_as_what_they_change() -> None:
    world, lines = World(), list[bytes]()
    world.create()
    world.database.keep(lines.append, lambda: None)
    item: dict[str, Any] = {"x": {"S": "1"}, "y": {"L": []}, "z": {"S": "3"}}
    key = {"pk": {"S": "a"}}
    update = {"TableName": "things", "Key": key, "UpdateExpression": "SET x = y REMOVE z"}
    world.put("a", **item)
    world.call("UpdateItem", **update)
    world.put("a", **item)
    check = {"TableName": "things", "Key": {"pk": {"S": "b"}}, "ConditionExpression": "attribute_not_exists(pk)"}
    delete = {"TableName": "things", "Key": key}
    members = [
        {"ConditionCheck": check},
        {"Put": {"TableName": "things", "Item": {"pk": {"S": "c"}}}},
        {"Update": update},
    ]
    world.call("TransactWriteItems", TransactItems=members)
    world.call("DeleteItem", **delete)
    world.call("DeleteItem", **delete)
    world.put("a", **item)
    world.call("ExecuteStatement", Statement="""UPDATE "things" SET x = y REMOVE z WHERE pk = 'a'""")

    told = '["%032x",7130316800000000,false]'
    put = json.dumps({"TableName": "things", "Item": key | item})
    assert [line.decode() for line in lines] == [
        f'["PutItem","things",{told % 3},11,{put}]\n',
        f'["UpdateItem","things",{told % 5},11,{json.dumps(update)}]\n',
        f'["PutItem","things",{told % 7},11,{put}]\n',
        f'["TransactWriteItems",[[{told % 9},3],[{told % 10},11]],{json.dumps({"TransactItems": members})}]\n',
        f'["DeleteItem","things",{told % 12},0,{json.dumps(delete)}]\n',
        f'["PutItem","things",{told % 15},11,{put}]\n',
        f'["changes",[["things",{{"x":["L",[]]}},{{"pk":["S","a"]}},{told % 17},["z"]]]]\n',
    ]


def test_a_request_that_comes_to_another_item_than_it_did_is_not_taken_for_the_same() -> None:
    world, lines = World(), list[bytes]()
    world.create()
    dump = world.database.dump()
    world.database.keep(lines.append, lambda: None)
    world.put("a", x={"N": "1"})
    update = {"UpdateExpression": "SET x = x + :v", "ExpressionAttributeValues": {":v": {"N": "1"}}}
    world.call("UpdateItem", TableName="things", Key={"pk": {"S": "a"}}, **update)

    for one, another in [
        (b'":v": {"N": "1"}', b'":v": {"N": "1.5"}'),
        (b"x = x + :v", b"x = q + :v"),
        (b",6,", b",7,"),
    ]:
        assert one in lines[1]
        with pytest.raises(ConfigurationError, match="cannot be read"):
            World().database.load(dump + checked(lines[0]) + checked(lines[1].replace(one, another)))


def test_a_transaction_that_comes_to_other_items_than_it_did_is_not_taken_for_the_same() -> None:
    world, lines = World(), list[bytes]()
    world.create()
    dump = world.database.dump()
    world.database.keep(lines.append, lambda: None)
    members = [{"Put": {"TableName": "things", "Item": {"pk": {"S": name}}}} for name in "ab"]
    world.call("TransactWriteItems", TransactItems=members)

    last = json.dumps(members[1]).encode()
    for one, another in [(b",3],[[", b",4],[["), (b'{"S": "b"}', b'{"S": "longer"}'), (b", " + last, b"")]:
        assert one in lines[0]
        with pytest.raises(ConfigurationError, match="cannot be read"):
            World().database.load(dump + checked(lines[0].replace(one, another)))
