"""What each step of a service costs on AWS: ``python -m benchmarks.cost_model`` counts, and rewrites docs/scaling.md.

The real handlers run in the emulator; every DynamoDB call, invocation, message and log line is counted. Prices and
durations are assumptions, stated below and in the document.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
from msgspec import structs
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.scaling_text import document
from benchmarks.servers import ROOT, SECRET, SERVICE
from emulator.dynamodb.values import read_attributes
from emulator.port.http import Answer, HttpRequest, HttpResponse
from emulator.wiring.emulator import Emulator, EmulatorConfig
from emulator.wiring.served_api import ServedApi
from streamer.auth import mint
from streamer.aws_limits import attributes_bytes
from streamer.loading import load_app
from streamer.requests.runs import SWEEP_EVENT
from streamer.topology import Index, Table, Topology

DOCUMENT: Final = ROOT / "docs" / "scaling.md"
READS: Final = ("GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan")
QUIET_SECONDS: Final = 1.0
"""A step is over when nothing has happened for so long."""
LARGE_BYTES: Final = 25_000
"""A large payload, which still fits into one frame."""
Item = Mapping[str, Any]


@dataclass(slots=True)
class Counts:
    """What one step used."""

    calls: Counter[str] = field(default_factory=Counter)
    """DynamoDB operations."""
    write_units: float = 0.0
    read_units: float = 0.0
    invocations: Counter[str] = field(default_factory=Counter)
    """Lambda function to how often it ran."""
    messages_in: int = 0
    messages_out: int = 0
    log_bytes: int = 0
    platform_bytes: int = 0
    """Those of Lambda's own lines."""
    posts: int = 0
    """Calls of ``@connections``."""


class CountingLog:
    """Counts invocations by Lambda's own lines, and all bytes that go to CloudWatch. A LogSink."""

    platform_lines = True

    def __init__(self, counts: Callable[[], Counts]) -> None:
        self._counts = counts

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        """Count the line."""
        counts = self._counts()
        size_bytes = len(line.encode()) + 1
        counts.log_bytes += size_bytes
        counts.platform_bytes += size_bytes if platform else 0
        if platform and line.startswith("START "):
            counts.invocations[function] += 1


class CountingEmulator(Emulator):
    """Counts what passes through its port; one event loop does everything, so nothing happens between two looks."""

    def __init__(self, topology: Topology, config: EmulatorConfig) -> None:
        self.counts = Counts()
        self.last_activity = time.monotonic()
        super().__init__(topology, config, log_sink=CountingLog(self._active))

    def _active(self) -> Counts:
        self.last_activity = time.monotonic()
        return self.counts

    def _answer(self, served: ServedApi, request: HttpRequest) -> Answer:
        target = request.fields.get("x-amz-target", "")
        if "@connections" in request.path:
            self._active().posts += 1
        if not target.startswith("DynamoDB_"):
            return super()._answer(served, request)
        action = target.partition(".")[2]
        self._active().calls[action] += 1
        return self._read(served, request) if action in READS else self._write(served, request, action)

    def _at_once(self, served: ServedApi, request: HttpRequest) -> HttpResponse:
        answer = super()._answer(served, request)
        assert isinstance(answer, HttpResponse)  # as the embedded DynamoDB's is
        return answer

    def _read(self, served: ServedApi, request: HttpRequest) -> HttpResponse:
        body = {**json.loads(request.body), "ReturnConsumedCapacity": "TOTAL"}
        response = self._at_once(served, _with_body(request, body))
        consumed = json.loads(response.body).get("ConsumedCapacity", {})
        for table in consumed if isinstance(consumed, list) else [consumed]:
            self.counts.read_units += table.get("CapacityUnits", 0.0)
        return response

    def _write(self, served: ServedApi, request: HttpRequest, action: str) -> HttpResponse:
        parameters = json.loads(request.body)
        touched = [table for table in self.topology.tables if f'"{table.name}"' in request.body.decode()]
        before = {table.name: self._items(served, request, table) for table in touched}
        response = self._at_once(served, request)
        times = 2.0 if action.startswith("Transact") else 1.0
        for table in touched:
            asked = _asked(parameters, table.name)
            units = write_units(table, before[table.name], self._items(served, request, table), asked)
            self.counts.write_units += units * times
        return response

    def _items(self, served: ServedApi, request: HttpRequest, table: Table) -> dict[str, Item]:
        fields = {**request.fields, "x-amz-target": "DynamoDB_20120810.Scan"}
        headers = tuple((name, fields[name.lower()]) for name, _ in request.headers)
        scan = structs.replace(_with_body(request, {"TableName": table.name}), fields=fields, headers=headers)
        items = json.loads(self._at_once(served, scan).body)["Items"]
        return {json.dumps([item[name] for name in table.key.attributes()]): item for item in items}


def _asked(parameters: Mapping[str, Any], table: str) -> int:
    """How many items of a table a write names."""
    if "TableName" in parameters:
        return 1
    batch = parameters.get("RequestItems", {}).get(table, [])
    return len(batch) + sum(table in json.dumps(each) for each in parameters.get("TransactItems", []))


def _with_body(request: HttpRequest, body: Mapping[str, Any]) -> HttpRequest:
    return structs.replace(request, body=json.dumps(body).encode())


def write_units(table: Table, before: Mapping[str, Item], after: Mapping[str, Item], asked: int) -> float:
    """Units of a write, its indexes included. [DOC] ddb-docs:GSI, "Write capacity"; CapacityUnitCalculations.

    ``asked`` is how many items the call names: one that stays as it was (a failed condition) costs a unit all the same.
    """
    changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    units = float(max(0, asked - len(changed)))
    for key in changed:
        old, new = before.get(key), after.get(key)
        units += max(_kilobytes(old), _kilobytes(new))
        units += sum(_index_units(table, index, old, new) for index in table.indexes)
    return units


def _index_units(table: Table, index: Index, old: Item | None, new: Item | None) -> float:
    was, now = _projected(table, index, old), _projected(table, index, new)
    if was == now:
        return 0.0
    if was is not None and now is not None and any(was[name] != now[name] for name in index.key.attributes()):
        return float(_kilobytes(was) + _kilobytes(now))  # one entry goes, another comes
    return float(max(_kilobytes(was), _kilobytes(now)))


def _projected(table: Table, index: Index, item: Item | None) -> Item | None:
    if item is None or any(name not in item for name in index.key.attributes()):
        return None
    if index.projection == "ALL":
        return item
    return {name: item[name] for name in (*table.key.attributes(), *index.key.attributes())}


def _kilobytes(item: Item | None) -> int:
    return 0 if item is None else math.ceil(attributes_bytes(read_attributes(item)) / 1024)


# the steps

_numbers = itertools.count(1)


async def measure() -> dict[str, Counts]:
    """Every step of a connection's life, and what it used."""
    sys.path.insert(0, str(SERVICE))
    environment = {"JWT_SECRET": SECRET, "STREAMER_ENV": "production"}
    topology = load_app("app:app").topology(target="app:app", environment=environment)
    with tempfile.TemporaryDirectory() as name:
        # Its looks at the tables are signed like the calls of functions, which may not scan.
        config = EmulatorConfig(project_folder=SERVICE, state_folder=Path(name), isolation="inline", iam="off")
        async with CountingEmulator(topology, config) as emulator:
            await _life(emulator)  # cold starts are no part of it
            return await _life(emulator)


async def _life(emulator: CountingEmulator) -> dict[str, Counts]:
    steps: dict[str, Counts] = {}

    async def step(name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        emulator.counts = steps[name] = Counts()
        result = await work()
        emulator.last_activity = time.monotonic()
        while time.monotonic() - emulator.last_activity < QUIET_SECONDS:  # noqa: ASYNC110 - things happen in threads
            await asyncio.sleep(0.05)
        return result

    token = mint(
        SECRET,
        user_id="ada",
        tenant_id="acme",
        now=time.time(),
        expires_in_seconds=3600,
        permissions=["topics:publish"],
    )
    url = f"{emulator.websocket_url}?Authorization={token}"
    client = await step("connect", lambda: connect(url, compression=None, proxy=None))

    async def ask(request: Mapping[str, Any]) -> None:
        await client.send(json.dumps({**request, "id": f"r-{next(_numbers)}"}))
        emulator.counts.messages_in += 1
        emulator.counts.messages_out += await _received(client)

    async def say(message: Mapping[str, Any]) -> None:
        await client.send(json.dumps(message))
        emulator.counts.messages_in += 1

    quick = {"action": "echo", "payload": "hello"}
    slow = {"action": "steps", "payload": {"count": 0, "seconds": 0}}
    paced: dict[str, Any] = {"action": "steps", "payload": {"count": 5, "seconds": 1.2}}
    await step("quick, first of a connection", lambda: ask(quick))
    await step("quick", lambda: ask(quick))
    await step("slow", lambda: ask(slow))
    await step("slow, 5 progress messages", lambda: ask(paced))
    large = {**paced["payload"], "text": "x" * LARGE_BYTES}
    await step("the same, payload of 25 KB", lambda: ask({**paced, "payload": large}))
    await step("subscribe", lambda: ask({"action": "subscribe", "payload": {"topic": "news"}}))
    await step("publish to 1 subscriber", lambda: ask({"action": "publish", "payload": {"topic": "news", "data": 1}}))
    await step("unsubscribe", lambda: ask({"action": "unsubscribe", "payload": {"topic": "news"}}))
    await step("ping", lambda: ask({"action": "ping"}))
    await step("keep-alive", lambda: say({"action": "keep-alive"}))
    await step("disconnect", client.close)
    await step("sweep", lambda: asyncio.to_thread(_sweep, emulator.url))
    return steps


async def _received(client: ClientConnection) -> int:
    """How many messages came until the request was over."""
    count, kind = 0, ""
    while kind not in ("response", "complete", "error", "pong"):
        kind = json.loads(await client.recv())["type"]
        count += 1
    return count


def _sweep(url: str) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    boto3.client("lambda", endpoint_url=url, **keys).invoke(FunctionName="processor", Payload=json.dumps(SWEEP_EVENT))


def main(arguments: Iterable[str]) -> None:
    """Count, and write the document (or print it)."""
    text = document(asyncio.run(measure()))
    if "--print" in arguments:
        print(text)
    else:
        DOCUMENT.write_text(text, encoding="utf-8")
        print(f"wrote {DOCUMENT}")


if __name__ == "__main__":
    main(sys.argv[1:])
