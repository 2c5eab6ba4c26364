"""The file of ``--state``: always as the tables are, whole after SIGKILL, one process's at a time."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import itertools
import json
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from emulator.dynamodb.endpoints import kept_file
from emulator.dynamodb.endpoints.kept_file import KeptFile, NotSavedError
from emulator.dynamodb.endpoints.opening import open_database
from emulator.dynamodb.endpoints.protocol import Database
from emulator.dynamodb.engine import EmbeddedDynamoDB
from emulator.foundation.checked_lines import checked
from emulator.functions.variables import Endpoints
from streamer.errors import ConfigurationError
from streamer.topology import Api, Index, Key, Queue, StreamView, Table, Topology

TABLE = Table(
    name="items",
    key=Key(partition="id"),
    stream=StreamView.NEW_AND_OLD_IMAGES,
    indexes=(Index(name="by-owner", key=Key(partition="owner")),),
    ttl_attribute="ttl",
)
TOPOLOGY = Topology(api=Api(name="api", routes=()), functions=(), tables=(TABLE,))
EVERY_TYPE = {
    "owner": {"S": "x\n\r\u2028"},
    "n": {"N": "-1.5"},
    "b": {"B": "AP8="},
    "true": {"BOOL": True},
    "none": {"NULL": True},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2"]},
    "bs": {"BS": ["AP8=", "AQ=="]},
    "m": {"M": {"B": {"S": "text"}, "l": {"L": [{"N": "1"}, {"M": {}}, {"B": "AQ=="}]}}},
}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits to be written waits for the next turn of the event loop alone."""
    monkeypatch.setattr(kept_file, "SOON_SECONDS", 0)


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[EmbeddedDynamoDB]:
    async with open_database(
        TOPOLOGY, Endpoints(), url="embedded", state_file=path, state_folder=path.parent
    ) as database:
        yield engine_of(database)


def engine_of(database: Database) -> EmbeddedDynamoDB:
    engine: EmbeddedDynamoDB = database._engine  # type: ignore[attr-defined]
    return engine


def put(engine: EmbeddedDynamoDB, number: int, **attributes: Any) -> None:
    engine.call("PutItem", {"TableName": "items", "Item": {"id": {"S": str(number)}, **attributes}})


def content(engine: EmbeddedDynamoDB) -> Any:
    """Everything there is, with the stream's records."""
    table = engine.backend.tables["items"]
    assert table.stream is not None
    items = engine.call("Scan", {"TableName": "items"})["Items"]
    records = [structs.replace(record, old=None, new=None) for record in table.stream.records]
    images = [record.content for record in table.stream.records]
    indexed = engine.call("Scan", {"TableName": "items", "IndexName": "by-owner"})["Count"]
    return items, records, images, table.stream.next_sequence, indexed


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - what is waited for is in a file or a log
            await asyncio.sleep(0.001)


async def flushed() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_after_sigkill_everything_is_as_it_was_to_the_last_record(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with opened(path) as engine:
        put(engine, 1, **EVERY_TYPE)
    async with opened(path) as engine:
        put(engine, 2, **EVERY_TYPE)
        put(engine, 2, **EVERY_TYPE)  # changes nothing
        put(engine, 3, owner={"S": "y"}, ttl={"N": "1600000000"})
        engine.call("UpdateItem", {"TableName": "items", "Key": {"id": {"S": "1"}}, "UpdateExpression": "REMOVE m"})
        engine.call("DeleteItem", {"TableName": "items", "Key": {"id": {"S": "2"}}})
        transaction = [{"Put": {"TableName": "items", "Item": {"id": {"S": str(number)}}}} for number in (5, 6)]
        engine.call("TransactWriteItems", {"TransactItems": transaction})
        assert engine.expire(1_600_000_001) == 1
        engine.call(
            "TagResource", {"ResourceArn": engine.backend.tables["items"].arn, "Tags": [{"Key": "k", "Value": "v"}]}
        )
        put(engine, 7)
        await flushed()
        before, killed = content(engine), path.read_bytes()
    path.write_bytes(killed)

    async with opened(path) as engine:
        assert content(engine) == before
        assert engine.backend.tables["items"].settings.tags == {"k": "v"}


async def test_before_anybody_is_told_of_a_change_it_is_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_file, "SOON_SECONDS", 3600)
    path = tmp_path / "state"
    async with open_database(TOPOLOGY, Endpoints(), url="embedded", state_file=path, state_folder=tmp_path) as database:
        engine = engine_of(database)
        put(engine, 1, owner={"S": "before"})
        put(engine, 1, owner={"S": "after"})
        before, waiting = content(engine), path.read_bytes()
        database.notes.settle()
        killed = path.read_bytes()
        database.notes.settle()
        assert path.read_bytes() == killed
    path.write_bytes(killed)

    assert killed.removeprefix(waiting).count(b"\n") == 2  # a put each
    async with opened(path) as engine:
        assert content(engine) == before


AGAIN = {"owner": {"S": "z"}, "n": {"N": "7"}}


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        pytest.param("PutItem", {"Item": {"id": {"S": "1"}, **EVERY_TYPE}}, id="every type"),
        pytest.param("PutItem", {"Item": {"id": {"S": "\u2028 \u00e4"}, "n": {"N": "1e2"}}}, id="odd text, a number"),
        pytest.param("PutItem", {"Item": {"id": {"S": "0"}, **AGAIN}}, id="over another"),
        pytest.param(
            "PutItem",
            {
                "Item": {"id": {"S": "1"}},
                "ConditionExpression": " OR ".join([f"attribute_not_exists(a{n})" for n in range(100)]),
            },
            id="a request that is longer than its item",
        ),
        pytest.param("UpdateItem", {"UpdateExpression": "SET a.b[0] = :v, n = n + :v"}, id="a part of a map, a number"),
        pytest.param("UpdateItem", {"UpdateExpression": "REMOVE m, a SET c = :v"}, id="less"),
        pytest.param("UpdateItem", {"UpdateExpression": "SET c = :v"}, id="more"),
        pytest.param("UpdateItem", {"UpdateExpression": "REMOVE n, m, a, s, #owner, b"}, id="all but the key"),
        pytest.param("UpdateItem", {"Key": {"id": {"S": "new"}}, "UpdateExpression": "SET c = :v"}, id="a new item"),
        pytest.param("DeleteItem", {}, id="gone"),
    ],
)
async def test_whatever_changes_an_item_is_the_same_after_sigkill(
    tmp_path: Path, action: str, parameters: dict[str, Any]
) -> None:
    path = tmp_path / "state"
    there = {
        "a": {"M": {"b": {"L": [{"N": "1"}]}}},
        "n": {"N": "1"},
        "m": {"M": {}},
        "s": {"SS": ["x"]},
        "b": {"B": "AQ=="},
    }
    request: dict[str, Any] = {"TableName": "items", **parameters}
    if action != "PutItem":
        request = {"Key": {"id": {"S": "0"}}, **request}
    expression = request.get("UpdateExpression", "")
    if ":v" in expression:
        request["ExpressionAttributeValues"] = {":v": {"N": "3"}}
    if "#owner" in expression:
        request["ExpressionAttributeNames"] = {"#owner": "owner"}
    async with opened(path) as engine:
        put(engine, 0, owner={"S": "x"}, **there)
        engine.call(action, request)
        await flushed()
        before, killed = content(engine), path.read_bytes()
    path.write_bytes(killed)

    async with opened(path) as engine:
        assert content(engine) == before


async def test_a_request_in_several_lines_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with opened(path) as engine:
        body = json.dumps({"TableName": "items", "Item": {"id": {"S": "1"}}}, indent=1).encode()
        for each in (body, body.replace(b"\n", b"\r")):
            engine.perform("DynamoDB_20120810", "PutItem", each)
        await flushed()
        before, killed = content(engine), path.read_bytes()
    path.write_bytes(killed)

    async with opened(path) as engine:
        assert content(engine) == before


async def test_whatever_is_cut_off_at_the_end_is_all_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with opened(path) as engine:
        whole = path.stat().st_size
        for number in range(20):
            put(engine, number)
        await flushed()
        killed = path.read_bytes()

    for size in range(whole, len(killed), 13):
        path.write_bytes(killed[:size])
        async with opened(path) as engine:
            kept = len(engine.backend.tables["items"].primary)
        assert kept == killed[whole:size].count(b"\n")


async def test_one_emulator_at_a_time_has_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with opened(path) as engine:
        put(engine, 1)
        with pytest.raises(ConfigurationError, match="used by another emulator"):
            await opened(path).__aenter__()
        put(engine, 2)

    async with opened(path) as engine:
        assert len(engine.backend.tables["items"].primary) == 2


async def test_the_file_is_its_owners_alone_and_a_link_to_it_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "state", tmp_path / "link"
    async with opened(path):
        pass
    path.chmod(0o644)
    link.symlink_to(path)

    async with opened(link) as engine:
        put(engine, 1)

    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["link", "state"]


async def test_what_an_emulator_left_that_was_killed_while_it_wrote_is_removed(tmp_path: Path) -> None:
    nobody = 2**22 + 1
    left = tmp_path / f"state.{nobody}.0123abcd"
    kept = [f"state.{os.getpid()}.0123abcd", f"state.{nobody}.of-the-user", f"states.{nobody}.0123abcd", "state.0"]
    for name in (left.name, *kept):
        (tmp_path / name).touch()

    async with opened(tmp_path / "state"):
        assert names(tmp_path) == sorted(["state", *kept])


async def test_a_file_that_grows_is_written_anew_while_changes_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_file, "GROWN_BYTES", 50_000)
    path = tmp_path / "state"
    sizes = []
    async with opened(path) as engine:
        for number in range(20_000):
            put(engine, number % 50, owner={"S": str(number)})
            if number % 10 == 0:
                await asyncio.sleep(0)
                sizes.append(path.stat().st_size)
        await flushed()
        before, killed = content(engine), path.read_bytes()
    path.write_bytes(killed)

    assert sum(later < earlier for earlier, later in itertools.pairwise(sizes)) >= 3
    async with opened(path) as engine:
        assert content(engine) == before


async def test_a_file_that_somebody_removed_meanwhile_is_there_again_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_file, "SMALL_BYTES", 0)
    path = tmp_path / "state"
    async with opened(path) as engine:
        put(engine, 1)
        path.unlink()
        put(engine, 2)
        before = content(engine)

    async with opened(path) as engine:
        assert content(engine) == before


class Machine:
    """Tells what of the files that take another's place is on the disk then: a crash may leave no more of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.survivors: list[bytes] = []
        self.synced_folders: list[tuple[Path, int]] = []
        """Each with how many files had taken another's place."""
        self._on_disk: dict[int, bytes] = {}
        self._fsync, self._replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", self._synced)
        monkeypatch.setattr(os, "replace", self._replaced)

    def _synced(self, descriptor: int) -> None:
        self._fsync(descriptor)
        found = Path(f"/proc/self/fd/{descriptor}").resolve()
        if found.is_dir():
            self.synced_folders.append((found, len(self.survivors)))
        else:
            self._on_disk[os.fstat(descriptor).st_ino] = found.read_bytes()

    def _replaced(self, path: Path, target: Path) -> None:
        self.survivors.append(self._on_disk.get(path.stat().st_ino, b""))
        self._replace(path, target)


@pytest.mark.skipif(sys.platform != "linux", reason="which file a descriptor is, /proc tells")
async def test_a_crash_of_the_machine_leaves_a_state_whenever_the_file_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_file, "GROWN_BYTES", 5000)
    machine = Machine(monkeypatch)
    path = tmp_path / "state"
    async with opened(path) as engine:
        machine.survivors.clear()
        put(engine, 1, text={"S": os.urandom(4000).hex()})
        await until(lambda: len(machine.survivors) == 1)  # a little at a time
        tags = [{"Key": "k", "Value": "v"}]
        engine.call("TagResource", {"ResourceArn": engine.backend.tables["items"].arn, "Tags": tags})  # at once
        await flushed()

    assert machine.synced_folders == [(tmp_path, 3)]
    for survivor in list(machine.survivors):
        path.write_bytes(survivor)
        async with opened(path) as engine:
            assert engine.call("Scan", {"TableName": "items"})["Count"] == 1


class FullDisk:
    """Lets only so many bytes be written to files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        self._write = os.pwrite
        monkeypatch.setattr(os, "pwrite", self._pwrite)
        self._monkeypatch = monkeypatch

    def _pwrite(self, descriptor: int, data: Any, offset: int) -> int:
        if self.is_full:
            self._write(descriptor, bytes(data)[:7], offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._write(descriptor, data, offset)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[FullDisk]:
    disk = FullDisk(monkeypatch)
    yield disk
    disk.is_full = False


async def test_a_disk_that_is_full_for_a_while_costs_nothing(
    tmp_path: Path, disk: FullDisk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kept_file, "RETRY_SECONDS", 0.001)
    path = tmp_path / "state"
    async with opened(path) as engine:
        disk.is_full = True
        put(engine, 1)
        await until(lambda: "cannot be saved" in caplog.text)
        put(engine, 2)
        disk.is_full = False
        await until(lambda: "saved again" in caplog.text)
        put(engine, 3)
        await flushed()
        before, killed = content(engine), path.read_bytes()
    path.write_bytes(killed)

    assert caplog.text.count("cannot be saved") == 1
    async with opened(path) as engine:
        assert content(engine) == before


async def test_a_disk_that_is_full_at_the_end_is_told_with_where_the_state_is(
    tmp_path: Path, disk: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rescue = tmp_path / "elsewhere"
    rescue.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(rescue))
    path = tmp_path / "state"
    before = []

    async def run() -> None:
        async with opened(path) as engine:
            put(engine, 1)
            before.append(content(engine))
            disk.is_full = True

    with pytest.raises(NotSavedError, match="No space left on device; all of it is in") as error:
        await run()

    (rescued,) = rescue.iterdir()
    assert str(rescued) in str(error.value)
    assert stat.S_IMODE(rescued.stat().st_mode) == 0o600
    disk.is_full = False
    async with opened(rescued) as engine:
        assert [content(engine)] == before


async def test_where_no_disk_takes_the_state_nothing_is_left_of_the_try(
    tmp_path: Path, disk: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(prefix: str) -> tuple[int, str]:
        (tmp_path / prefix).touch()
        return os.open(tmp_path / prefix, os.O_RDONLY), str(tmp_path / prefix)

    monkeypatch.setattr("tempfile.mkstemp", full)

    async def run() -> None:
        async with opened(tmp_path / "state") as engine:
            put(engine, 1)
            disk.is_full = True

    with pytest.raises(NotSavedError, match="what changed since is lost"):
        await run()
    assert names(tmp_path) == ["state"]


async def test_a_disk_that_is_full_at_the_start_is_told_in_one_line(tmp_path: Path, disk: FullDisk) -> None:
    async with opened(tmp_path / "state"):
        pass
    described = dataclasses.replace(TOPOLOGY, tables=(TABLE, dataclasses.replace(TABLE, name="more")))
    disk.is_full = True

    with pytest.raises(ConfigurationError, match="cannot be used: No space left on device"):
        await open_database(
            described, Endpoints(), url="embedded", state_file=tmp_path / "state", state_folder=tmp_path
        ).__aenter__()
    assert names(tmp_path) == ["state"]


async def test_a_file_that_is_no_state_is_named_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"of somebody\n")

    with pytest.raises(ConfigurationError, match=r"notes\.txt cannot be used: .*not written by .*name another file"):
        async with opened(path):
            pass

    assert path.read_bytes() == b"of somebody\n"


async def test_a_file_with_a_damaged_change_is_named_with_what_to_do_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with opened(path) as engine:
        put(engine, 1)
        await flushed()
        whole = path.stat().st_size
        put(engine, 2)
        put(engine, 3)
        await flushed()
        damaged = path.read_bytes().replace(b'"2"', b'"4"')
    path.write_bytes(damaged)

    told = rf"{path} cannot be used: change 2 in it is damaged; its first {whole} bytes .*; name another file, or move"
    with pytest.raises(ConfigurationError, match=told):
        await opened(path).__aenter__()
    assert path.read_bytes() == damaged
    path.write_bytes(damaged[:whole])
    async with opened(path) as engine:
        assert len(engine.backend.tables["items"].primary) == 1


async def test_a_file_of_the_version_before_goes_on_as_one_of_this_version(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with opened(path):
        former = path.read_bytes().replace(b" 7\n", b" 6\n")
    line = b'["PutItem","items",null,3,{"TableName": "items", "Item": {"id": {"S": "1"}}}]\n'
    path.write_bytes(former + line + line[:20])

    async with opened(path) as engine:
        put(engine, 2)
        await flushed()
        killed = path.read_bytes()
    path.write_bytes(killed)
    async with opened(path) as engine:
        assert len(engine.backend.tables["items"].primary) == 2


async def test_notes_beside_another_dynamodb_are_read_as_they_were_written_or_not_at_all(tmp_path: Path) -> None:
    async def next_run() -> None:
        elsewhere = "http://127.0.0.1:9"  # nobody is asked for no tables
        described = dataclasses.replace(TOPOLOGY, tables=())
        async with open_database(
            described, Endpoints(), url=elsewhere, state_file=None, state_folder=tmp_path
        ) as database:
            assert database.notes.of("events") == {"1": {"a": 1}}

    path = tmp_path / "running-f0aa300d07.jsonl"
    path.write_bytes(b'["note","events","1",{"a":1}]\n["note"')  # by a former version, and cut off

    await next_run()
    await next_run()
    path.write_bytes(path.read_bytes().replace(b'"a"', b'"b"'))
    with pytest.raises(ConfigurationError, match=r"running-.* \(DamagedLineError: line 1 is .*\); delete it"):
        await next_run()


async def test_a_file_that_is_far_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.touch()
    os.truncate(path, 40 * 1024**3)

    with pytest.raises(ConfigurationError, match="too large for a state"):
        await opened(path).__aenter__()
    path.unlink()
    async with opened(path) as engine:
        put(engine, 1)


async def test_too_many_changes_for_a_full_disk_are_written_as_a_whole(
    tmp_path: Path, disk: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_file, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(kept_file, "WAITING_BYTES", 500)
    state: list[bytes] = []
    file = KeptFile(tmp_path / "kept", lambda: iter(state))
    file.open()
    file.begin(0, 0)
    disk.is_full = True
    for number in range(100):
        line = b"%d\n" % number
        state.append(checked(line))
        file.append(line)
        await asyncio.sleep(0.001)
    disk.is_full = False
    await until(lambda: (tmp_path / "kept").read_bytes() == b"".join(state))

    await file.finish()


@pytest.mark.parametrize("is_kept", [True, False])
async def test_messages_that_no_file_keeps_are_told_where_one_keeps_tables(
    is_kept: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state" if is_kept else None
    topology = dataclasses.replace(TOPOLOGY, queues=(Queue(name="in"), Queue(name="empty")))
    async with open_database(topology, Endpoints(), url="embedded", state_file=path, state_folder=tmp_path) as database:
        for body in ("a", "b"):
            database.queues.send("in", body)

    told = [record for record in caplog.records if "messages of queues are gone" in record.message]
    assert [record.fields["queues"] for record in told] == (["in (2)"] if is_kept else [])  # type: ignore[attr-defined]
