"""Mappings across restarts of the emulator: with the embedded tables in a file, and on a DynamoDB of the user's."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from dynamodb_engines import plain_moto
from scripted_functions import ScriptedFunctions

from emulator.dynamodb.endpoints.embedded import EngineStreamsApi
from emulator.dynamodb.endpoints.opening import open_database
from emulator.dynamodb.endpoints.protocol import Database
from emulator.dynamodb.endpoints.tables import create_tables
from emulator.dynamodb.engine import EmbeddedDynamoDB
from emulator.event_sources.streams.checkpoints import Checkpoints
from emulator.event_sources.streams.mapping import EventSourceMappings
from emulator.event_sources.streams.pushed import PushedSource
from emulator.event_sources.streams.source import Source
from emulator.functions.outcome import Failed, Outcome, Returned
from emulator.functions.variables import Endpoints
from emulator.port.http import HttpRequest, HttpResponse
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.errors import ConfigurationError
from streamer.topology import Api, EventSourceMapping, Function, Key, Queue, StreamView, Table, Topology

Answer = Callable[[list[int]], Outcome | Awaitable[Outcome]]
"""What a function does with the records of these numbers, at once or in its own time."""
Call = Callable[[str, dict[str, Any]], object]
"""Calls the database: an action and its parameters."""
DONE = Returned(b"null", "r")
FAILED = Failed(b"{}", "r")
ITEMS = Table(name="items", key=Key(partition="id"), stream=StreamView.NEW_AND_OLD_IMAGES)


def topology(**settings: Any) -> Topology:
    return Topology(
        api=Api(name="api", routes=()),
        functions=(Function(name="processor", handler="handlers.processor"), Function(name="other", handler="a.b")),
        tables=(ITEMS,),
        queues=(Queue(name="dead-letters"),),
        event_source_mappings=(EventSourceMapping(**({"function": "processor", "table": "items"} | settings)),),
    )


def request(action: str, parameters: dict[str, Any]) -> HttpRequest:
    fields = {"x-amz-target": f"DynamoDB_20120810.{action}"}
    return HttpRequest("POST", "/", tuple(fields.items()), json.dumps(parameters).encode(), "127.0.0.1", fields)


class Run(ScriptedFunctions):
    """One run of the emulator's tables and mappings, with a function that tests script."""

    def __init__(self, source: Source, checkpoints: Checkpoints, call: Call, answer: Answer = lambda _: DONE) -> None:
        self.source = source
        self.checkpoints = checkpoints
        self.call = call
        self.answer = answer
        self.seen: list[int] = []
        self.documents: list[Mapping[str, Any]] = []
        self.called = asyncio.Event()

    async def run(self, function: str, payload: bytes) -> Outcome:
        numbers = [int(record["dynamodb"]["Keys"]["id"]["S"]) for record in json.loads(payload)["Records"]]
        self.seen += numbers
        self.called.set()
        outcome = self.answer(numbers)
        return await outcome if isinstance(outcome, Awaitable) else outcome

    async def send(self, queue_name: str, document: Mapping[str, Any]) -> None:
        self.documents.append(document)

    def put(self, *numbers: int) -> None:
        for number in numbers:
            self.call("PutItem", {"TableName": "items", "Item": {"id": {"S": str(number)}}})

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self.called.clear()
                await self.called.wait()

    @asynccontextmanager
    async def mapped(self, described: Topology, stop_seconds: float = 5.0) -> AsyncIterator[EventSourceMappings]:
        async with EventSourceMappings(
            described,
            self,
            self.source,
            self,
            retry_seconds=(0.001,),
            stop_seconds=stop_seconds,
            checkpoints=self.checkpoints,
        ) as mappings:
            yield mappings


def run_on(database: Database, answer: Answer = lambda _: DONE) -> Run:
    def call(action: str, parameters: dict[str, Any]) -> None:
        response = database.handle(request(action, parameters))
        assert isinstance(response, HttpResponse)
        assert response.status == 200, response.body

    return Run(database.source, database.checkpoints, call, answer)


class World:
    """Runs one after the other, with the same state file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "state"

    @asynccontextmanager
    async def run(
        self, answer: Answer = lambda _: DONE, described: Topology | None = None, stop_seconds: float = 5.0
    ) -> AsyncIterator[Run]:
        described = described or topology(batch_size=1)
        async with self.tables(described) as database:
            run = run_on(database, answer)
            async with run.mapped(described, stop_seconds):
                yield run

    def tables(self, described: Topology) -> AbstractAsyncContextManager[Database]:
        return open_database(
            described, Endpoints(), url="embedded", state_file=self.file, state_folder=self.folder / "folder"
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def seen_next(world: World, described: Topology | None = None, marker: int = 99) -> list[int]:
    """What the next run delivers, up to a record that is written in it."""
    async with world.run(described=described) as run:
        run.put(marker)
        await run.until(lambda: run.seen[-1:] == [marker])
    return run.seen


@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST"])
async def test_exactly_what_was_not_settled_and_what_is_new_arrives_after_a_restart(
    world: World, position: str
) -> None:
    described = topology(batch_size=1, starting_position=position)
    async with world.run(lambda numbers: FAILED if 3 in numbers else DONE, described) as run:
        run.put(1, 2, 3, 4)
        await run.until(lambda: run.seen.count(3) > 2)

    assert set(run.seen) == {1, 2, 3}
    assert await seen_next(world, described) == [3, 4, 99]
    assert await seen_next(world, described, 100) == [100]


@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST"])
async def test_what_was_written_while_no_mapping_read_arrives_after_a_restart(world: World, position: str) -> None:
    described = topology(starting_position=position)
    async with world.tables(described) as database:
        run_on(database).put(1)
    async with world.run(described=described) as run:
        if position == "TRIM_HORIZON":
            await run.until(lambda: run.seen == [1])
    async with world.tables(described) as database:
        run_on(database).put(2, 3)

    assert await seen_next(world, described) == [2, 3, 99]


async def test_a_mapping_at_latest_that_began_before_the_first_record_gets_it_after_a_restart(world: World) -> None:
    described = topology(starting_position="LATEST")
    async with world.run(described=described):
        pass
    async with world.tables(described) as database:
        run_on(database).put(1)

    assert await seen_next(world, described) == [1, 99]


async def test_what_a_function_was_working_on_arrives_again(world: World) -> None:
    async with world.run(lambda n: asyncio.Future() if 2 in n else DONE, stop_seconds=0.01) as run:
        run.put(1, 2, 3)
        await run.until(lambda: 2 in run.seen)

    assert await seen_next(world) == [2, 3, 99]


async def test_what_was_given_up_does_not_arrive_again(world: World) -> None:
    described = topology(batch_size=1, maximum_retry_attempts=1, on_failure="dead-letters")
    async with world.run(lambda numbers: FAILED if 1 in numbers else DONE, described) as run:
        run.put(1, 2)
        await run.until(lambda: 2 in run.seen)

    assert (run.seen, len(run.documents)) == ([1, 1, 2], 1)
    assert await seen_next(world, described) == [99]


async def test_many_records_wait_in_the_history_until_the_next_run(world: World) -> None:
    async with world.run(lambda _: FAILED) as run:
        run.put(*range(5_000))
        await run.until(lambda: run.seen)

    assert await seen_next(world, topology(batch_size=500), 5_000) == list(range(5_001))


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        pytest.param({"function": "other"}, [1, 2, 99], id="another function"),
        pytest.param({"filters": ({"eventName": ["INSERT"]},)}, [1, 2, 99], id="other filters"),
        pytest.param({"starting_position": "LATEST"}, [99], id="another starting position"),
        pytest.param({"batch_size": 7, "bisect_on_error": True}, [99], id="other batches"),
    ],
)
async def test_another_mapping_begins_at_its_starting_position(
    world: World, changed: dict[str, Any], seen: list[int]
) -> None:
    async with world.run() as run:
        run.put(1, 2)
        await run.until(lambda: run.seen == [1, 2])

    assert await seen_next(world, topology(**changed)) == seen


async def test_a_mapping_that_was_gone_for_a_run_begins_again(world: World) -> None:
    async with world.run() as run:
        run.put(1)
        await run.until(lambda: run.seen == [1])
    async with world.run(described=topology(function="other")):
        pass

    assert await seen_next(world) == [1, 99]


@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST"])
async def test_a_table_that_was_created_again_while_running_goes_on_in_its_new_stream(
    world: World, position: str
) -> None:
    described = topology(batch_size=1, starting_position=position)
    async with world.run(lambda numbers: FAILED if 3 in numbers else DONE, described) as run:
        run.put(1)
        await run.until(lambda: run.seen == [1])
        run.call("DeleteTable", {"TableName": "items"})
        again = {
            "TableName": "items",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        }
        run.call("CreateTable", again)
        run.put(2, 3, 4)
        await run.until(lambda: 3 in run.seen)

    assert await seen_next(world, described) == [3, 4, 99]


async def test_a_table_that_is_not_the_one_of_the_checkpoint_is_read_from_the_starting_position(world: World) -> None:
    async with world.run() as run:
        run.put(1)
        await run.until(lambda: run.seen == [1])
    kept = run.checkpoints.as_json()
    engine = EmbeddedDynamoDB()
    create_tables(engine, (ITEMS,))
    engine.call("PutItem", {"TableName": "items", "Item": {"id": {"S": "7"}}})
    world.file.write_bytes(engine.dump({"checkpoints": {"": kept}}))

    assert await seen_next(world) == [7, 99]


async def test_a_run_that_fails_to_start_leaves_the_checkpoints_as_they_were(world: World) -> None:
    async with world.run() as run:
        run.put(1)
        await run.until(lambda: run.seen == [1])
    with pytest.raises(KeyError):
        async with world.tables(topology()):
            raise KeyError("fault")

    assert await seen_next(world) == [99]


# the file


def with_notes(file: Path, notes: object) -> None:
    """Change the notes of a saved state, which its first line has."""
    version, _, packed = file.read_bytes().partition(b"\n")
    head, _, items = zlib.decompress(packed).partition(b"\n")
    head = json.dumps(json.loads(head) | {"notes": notes}).encode()
    file.write_bytes(version + b"\n" + zlib.compress(head + b"\n" + items))


async def test_a_file_without_checkpoints_begins_at_the_starting_position(world: World) -> None:
    async with world.run() as run:
        run.put(1, 2)
        await run.until(lambda: run.seen == [1, 2])
    with_notes(world.file, {})

    assert await seen_next(world) == [1, 2, 99]


@pytest.mark.parametrize(
    "checkpoints", [pytest.param("[5]", id="others"), pytest.param("{", id="no JSON"), pytest.param(5, id="no text")]
)
async def test_damaged_checkpoints_say_what_to_do(world: World, checkpoints: object) -> None:
    async with world.run():
        pass
    with_notes(world.file, {"checkpoints": {"": checkpoints}})

    with pytest.raises(ConfigurationError, match="delete"):
        await world.tables(topology()).__aenter__()


async def test_after_a_crash_nothing_is_lost_and_what_was_not_noted_comes_again(world: World) -> None:
    async with world.run() as run:
        run.put(1)
        await run.until(lambda: run.seen == [1])
    async with world.run() as run:
        run.put(2)
        await run.until(lambda: run.seen == [2])
        in_the_crash = world.file.read_bytes()
    world.file.write_bytes(in_the_crash + b'["changes",[["items"')  # it was writing another change

    assert await seen_next(world) == [2, 99]
    assert await seen_next(world, marker=100) == [100]


# what the stream keeps


@asynccontextmanager
async def on_engine(engine: EmbeddedDynamoDB, checkpoints: Checkpoints, answer: Answer) -> AsyncIterator[Run]:
    described = topology(batch_size=1)
    create_tables(engine, described.tables)
    run = Run(PushedSource(engine, EngineStreamsApi(engine)), checkpoints, engine.call, answer)
    async with run.mapped(described):
        yield run


LOST = "a mapping lagged behind what the stream keeps; records are lost"


@pytest.mark.parametrize(
    ("written", "seen", "lost"),
    [
        pytest.param(range(3, 11), [*range(2, 11), 99], False, id="all of it is there"),
        pytest.param(range(3, 12), [*range(2, 12), 99], False, id="only the checkpoint's record is gone"),
        pytest.param(range(3, 13), [*range(3, 13), 99], True, id="records after it are gone too"),
    ],
)
async def test_a_mapping_whose_place_was_trimmed_goes_on_at_the_oldest_record(
    written: range, seen: list[int], lost: bool, caplog: pytest.LogCaptureFixture
) -> None:
    engine, checkpoints = EmbeddedDynamoDB(history_records=10), Checkpoints()
    async with on_engine(engine, checkpoints, lambda numbers: FAILED if 2 in numbers else DONE) as run:
        run.put(1, 2)
        await run.until(lambda: 2 in run.seen)
        run.put(*written)

    async with on_engine(engine, checkpoints, lambda _: DONE) as run:
        await run.until(lambda: run.seen[-1:] == [written[-1]])
        run.put(99)
        await run.until(lambda: run.seen[-1:] == [99])

    assert run.seen == seen
    assert (LOST in [record.message for record in caplog.records]) is lost


# a DynamoDB of the user's


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with plain_moto() as engine:
        yield engine.url


@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST"])
async def test_mappings_of_another_dynamodb_go_on_too(endpoint: str, tmp_path: Path, position: str) -> None:
    table = f"items-{position.lower()}"
    described = Topology(
        api=Api(name="api", routes=()),
        functions=(Function(name="processor", handler="handlers.processor"),),
        tables=(Table(name=table, key=Key(partition="id"), stream=StreamView.NEW_AND_OLD_IMAGES),),
        event_source_mappings=(
            EventSourceMapping(function="processor", table=table, batch_size=1, starting_position=position),
        ),
    )
    endpoints = Endpoints()
    dynamodb = boto3.resource(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=endpoints.region,
        aws_access_key_id=endpoints.owner.access_key_id,
        aws_secret_access_key=endpoints.owner.secret_access_key,
    ).Table(table)

    async def put(*numbers: int) -> None:
        for number in numbers:
            await asyncio.to_thread(dynamodb.put_item, Item={"id": str(number)})

    @asynccontextmanager
    async def running(answer: Answer) -> AsyncIterator[Run]:
        async with open_database(
            described, endpoints, url=endpoint, state_file=None, state_folder=tmp_path
        ) as database:
            run = run_on(database, answer)
            async with run.mapped(described):
                yield run

    async with running(lambda numbers: FAILED if 3 in numbers else DONE) as run:
        await put(1, 2, 3)
        await run.until(lambda: 3 in run.seen)
    await put(4)
    async with running(lambda _: DONE) as again:
        await put(5)
        await again.until(lambda: again.seen[-1:] == [5])

    assert set(run.seen) == {1, 2, 3}
    assert again.seen == [3, 4, 5]
    assert {file.suffix for file in tmp_path.iterdir()} == {".json", ".jsonl"}  # noqa: ASYNC240 - nothing else runs


# the whole emulator

HANDLERS = """
import pathlib
file = pathlib.Path(__file__).with_name("seen.txt")
def processor(event, context):
    with file.open("a") as seen:
        for record in event["Records"]:
            print(record["dynamodb"]["Keys"]["id"]["S"], file=seen)
    print("delivered")
"""


def test_the_emulator_keeps_checkpoints_with_its_tables(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text(HANDLERS)
    described = topology()
    config = EmulatorConfig(
        project_folder=tmp_path,
        state_folder=tmp_path / ".streamer",
        state_file=tmp_path / "state",
        isolation="inline",
    )
    for number in ("1", "2"):
        with EmulatorThread(described, config) as emulator:
            boto3.client("dynamodb", **emulator.aws("dynamodb")).put_item(TableName="items", Item={"id": {"S": number}})
            emulator.logs.wait_for("delivered", timeout_seconds=60)

    assert (tmp_path / "seen.txt").read_text().split() == ["1", "2"]
