import pytest
from dynamodb_world import World

from emulator.dynamodb.engine import STREAMS
from emulator.dynamodb.stream_records import HISTORY_BYTES, RETENTION_SECONDS
from emulator.dynamodb.streams_api import ITERATOR_SECONDS


@pytest.fixture
def world() -> World:
    world = World(history_records=5)
    world.create()
    return world


def error_of(world: World, iterator: str) -> str:
    return world.error(f"{STREAMS}.GetRecords", {"ShardIterator": iterator})[1]


def test_history_is_bounded_and_says_when_records_are_gone(world: World) -> None:
    late = world.iterator("LATEST")
    for number in range(8):
        world.put(str(number))

    assert [pk for _, pk in world.changes()] == ["3", "4", "5", "6", "7"]
    assert error_of(world, late) == "TrimmedDataAccessException"


def test_history_is_bounded_by_bytes() -> None:
    world = World()
    world.create()
    count = HISTORY_BYTES // 400_000 + 10
    for number in range(count):
        world.put(str(number), text={"S": "x" * 400_000})

    stream = world.database.backend.tables["things"].stream
    assert stream is not None
    assert sum(record.image_bytes for record in stream.records) <= HISTORY_BYTES
    assert 0 < len(stream.records) < count


def test_records_are_kept_for_a_day(world: World) -> None:
    world.put("old")
    world.clock.now += RETENTION_SECONDS + 1
    world.put("new")

    assert world.changes() == [("INSERT", "new")]


def test_an_iterator_expires(world: World) -> None:
    iterator = world.iterator()
    world.clock.now += ITERATOR_SECONDS
    in_time = world.streams("GetRecords", ShardIterator=iterator)
    world.clock.now += 1

    assert in_time["Records"] == []
    assert error_of(world, iterator) == "ExpiredIteratorException"


@pytest.mark.parametrize("iterator", ["", "a|1", "arn|1|!!!", "arn|1|W10=", "arn|2|WzAsIDBd", "|1|WzEsIDBd|"])
def test_a_made_up_iterator_is_invalid(world: World, iterator: str) -> None:
    assert error_of(world, iterator) in ("ValidationException", "ExpiredIteratorException")


def test_polling_stores_nothing(world: World) -> None:
    iterator = world.iterator()
    backend = world.database.backend
    before = {name: len(value) for name, value in vars(backend).items() if isinstance(value, dict | list)}
    for _ in range(100):
        iterator = world.streams("GetRecords", ShardIterator=iterator)["NextShardIterator"]

    assert {name: len(value) for name, value in vars(backend).items() if isinstance(value, dict | list)} == before


@pytest.mark.parametrize(
    ("kind", "sequence", "error"),
    [
        pytest.param("AT_SEQUENCE_NUMBER", None, "ValidationException", id="no number"),
        pytest.param("AT_SEQUENCE_NUMBER", "abc", "ValidationException", id="not a number"),
        pytest.param("AFTER_SEQUENCE_NUMBER", "1", "ValidationException", id="before the stream"),
        pytest.param("AT_SEQUENCE_NUMBER", "9" * 30, "ValidationException", id="after the stream"),
        pytest.param("AT_SEQUENCE_NUMBER", "1700000000000000000000", "TrimmedDataAccessException", id="trimmed"),
        pytest.param("SOMEWHERE", None, "ValidationException", id="no such type"),
    ],
)
def test_a_wrong_position_is_refused(world: World, kind: str, sequence: str | None, error: str) -> None:
    for number in range(8):
        world.put(str(number))
    arn = world.streams("ListStreams")["Streams"][0]["StreamArn"]
    shard = world.streams("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    request = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": kind}
    if sequence is not None:
        request["SequenceNumber"] = sequence

    assert world.error(f"{STREAMS}.GetShardIterator", request)[1] == error


def test_a_page_holds_at_most_one_megabyte() -> None:
    world = World()
    world.create()
    for number in range(5):
        world.put(str(number), text={"S": "x" * 300_000})
    page = world.streams("GetRecords", ShardIterator=world.iterator())
    rest = world.streams("GetRecords", ShardIterator=page["NextShardIterator"])

    assert (len(page["Records"]), len(rest["Records"])) == (3, 2)


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_limit_out_of_bounds_is_refused(world: World, limit: int) -> None:
    request = {"ShardIterator": world.iterator(), "Limit": limit}

    assert world.error(f"{STREAMS}.GetRecords", request)[1] == "ValidationException"


def test_a_stream_that_was_switched_off_can_be_read_to_its_end(world: World) -> None:
    world.put("a")
    iterator = world.iterator()
    world.call("UpdateTable", TableName="things", StreamSpecification={"StreamEnabled": False})
    world.put("b")
    page = world.streams("GetRecords", ShardIterator=iterator)
    arn = world.streams("ListStreams")["Streams"][0]["StreamArn"]
    description = world.streams("DescribeStream", StreamArn=arn)["StreamDescription"]

    assert [record["dynamodb"]["Keys"]["pk"]["S"] for record in page["Records"]] == ["a"]
    assert "NextShardIterator" not in page
    assert description["StreamStatus"] == "DISABLED"
    assert "EndingSequenceNumber" in description["Shards"][0]["SequenceNumberRange"]


def test_streams_are_listed_in_pages(world: World) -> None:
    world.create("other")
    first = world.streams("ListStreams", Limit=1)
    second = world.streams("ListStreams", Limit=1, ExclusiveStartStreamArn=first["LastEvaluatedStreamArn"])

    assert {page["Streams"][0]["TableName"] for page in (first, second)} == {"things", "other"}
    assert "LastEvaluatedStreamArn" not in second
