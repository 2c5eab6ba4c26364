"""A request that ran when an emulator ended is free for the next one's runs: no environment outlives an emulator."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from streamer_records import NOW, request_record

from emulator.dynamodb.endpoints.opening import open_database
from emulator.dynamodb.endpoints.protocol import Database
from emulator.dynamodb.engine import EmbeddedDynamoDB
from emulator.functions.variables import Endpoints
from streamer import App
from streamer.records import RequestRecord, Status
from streamer.stores.items import request_item, request_key_item
from streamer.stores.items import request_record as read
from streamer.topology import Topology

RUNNING = request_record(request_id="running", status=Status.PROCESSING, attempt=1, due_at=NOW + 10**9)
WAITING = request_record(request_id="waiting", status=Status.RETRYING, attempt=1, due_at=NOW + 10**9)


def topology() -> Topology:
    return App().topology(target="app:app", stage="dev", environment={"JWT_SECRET": "s" * 32})


def table(topology: Topology) -> str:
    return next(each.name for each in topology.tables if each.name.endswith("requests"))


def engine_of(database: Database) -> EmbeddedDynamoDB:
    engine: EmbeddedDynamoDB = database._engine  # type: ignore[attr-defined]
    return engine


def stored(engine: EmbeddedDynamoDB, record: RequestRecord) -> RequestRecord:
    name = table(topology())
    return read(engine.call("GetItem", {"TableName": name, "Key": request_key_item(record.key)})["Item"])


async def test_the_next_emulator_ends_the_leases_of_what_ran_and_leaves_the_pauses_of_what_waits(
    tmp_path: Path,
) -> None:
    described = topology()
    opened = partial(
        open_database, described, Endpoints(), url="embedded", state_file=tmp_path / "state", state_folder=tmp_path
    )

    async with opened() as database:
        for record in (RUNNING, WAITING):
            item = request_item(record)
            engine_of(database).call("PutItem", {"TableName": table(described), "Item": item})
    async with opened() as database:
        engine = engine_of(database)
        after = stored(engine, RUNNING)

        assert after.due_at is not None
        assert after.due_at < NOW + 10**9
        assert (after.status, after.attempt) == (Status.PROCESSING, 1)
        assert stored(engine, WAITING).due_at == WAITING.due_at
