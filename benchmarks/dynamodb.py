"""Operations per second of the embedded DynamoDB and of plain moto's server, in the same run.

    python benchmarks/dynamodb.py [--json] [--seconds 1] [--client raw|aiobotocore]
    python benchmarks/dynamodb.py --state 100000 [--json] [--rounds 5]

Each engine runs in a process of its own, one at a time; the load comes from this process. "raw" speaks HTTP over
keep-alive connections (plain moto closes each after one answer) and shows what the server can do; "aiobotocore"
is what an application sees, and costs the client about as much as the server.

With ``--state`` it measures instead how `streamer emulate --state FILE` starts and ends with so many items in the file,
beside one without any: seconds until it is ready, seconds of CPU and MiB of memory until then (Linux alone tells),
seconds until it has ended.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = (1, 32)
SIZES = (100, 1_000, 10_000)
QUERIES = 40
TABLE = {
    "TableName": "bench",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "owner")],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-owner",
            "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}

Call = Callable[[str, dict[str, Any]], Awaitable[Any]]


def key(number: int, pk: str = "p") -> dict[str, Any]:
    return {"pk": {"S": f"{pk}{number % 400}"}, "sk": {"S": "s"}}


def item(number: int, pk: str = "p") -> dict[str, Any]:
    """About 350 bytes."""
    return {
        **key(number, pk),
        "owner": {"S": f"owner{number % 20}"},
        "status": {"S": "PENDING"},
        "attempt": {"N": "1"},
        "payload": {"M": {"text": {"S": "x" * 200}, "tags": {"L": [{"S": "a"}, {"S": "b"}]}}},
        "created_at": {"N": "1700000000.123"},
    }


def put(number: int) -> tuple[str, dict[str, Any]]:
    return "PutItem", {"TableName": "bench", "Item": item(number)}


def get(number: int) -> tuple[str, dict[str, Any]]:
    return "GetItem", {"TableName": "bench", "Key": key(number)}


def update(number: int) -> tuple[str, dict[str, Any]]:
    return "UpdateItem", {
        "TableName": "bench",
        "Key": key(number),
        "UpdateExpression": "SET #s = :s, attempt = :n",
        "ConditionExpression": "attribute_exists(pk) AND attempt <> :zero",
        "ExpressionAttributeNames": {"#s": "status"},
        "ExpressionAttributeValues": {":s": {"S": "RUNNING"}, ":n": {"N": str(number + 1)}, ":zero": {"N": "0"}},
    }


def query_index(number: int) -> tuple[str, dict[str, Any]]:
    return "Query", {
        "TableName": "bench",
        "IndexName": "by-owner",
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": {"S": f"owner{number % 20}"}},
        "Limit": 10,
    }


def transact(number: int) -> tuple[str, dict[str, Any]]:
    return "TransactWriteItems", {
        "TransactItems": [
            {
                "Update": {
                    "TableName": "bench",
                    "Key": key(number + offset),
                    "UpdateExpression": "SET attempt = :n",
                    "ExpressionAttributeValues": {":n": {"N": str(number)}},
                }
            }
            for offset in (0, 1)
        ]
    }


def delete(number: int) -> tuple[str, dict[str, Any]]:
    return "DeleteItem", {"TableName": "bench", "Key": key(number, "gone")}


OPERATIONS = {
    "PutItem": put,
    "GetItem": get,
    "UpdateItem + condition": update,
    "Query index, limit 10": query_index,
    "DeleteItem": delete,
    "TransactWrite, 2 updates": transact,
}

SINGLE = [name for name, make in OPERATIONS.items() if make is not transact]
"""What the mean is taken of: plain moto copies the whole table for a transaction, which would decide it alone."""


# engines


async def serve() -> None:
    """Serve the embedded DynamoDB until the process is ended."""
    from emulator.dynamodb.engine import EmbeddedDynamoDB  # noqa: PLC0415 - only the server's process needs it
    from emulator.port.http1 import HttpProtocol  # noqa: PLC0415

    database = EmbeddedDynamoDB()
    server = await asyncio.get_running_loop().create_server(lambda: HttpProtocol(database.handle), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def running(engine: str) -> Iterator[int]:
    """The port of an engine in its own process."""
    if engine == "moto":
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    else:
        command = [sys.executable, __file__, "--serve"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    try:
        if engine != "moto":
            assert process.stdout is not None
            port = int(process.stdout.readline())
        wait_for(port)
        yield port
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def wait_for(port: int) -> None:
    for _ in range(400):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.025)
    raise SystemExit(f"nothing listens on port {port}")


# a state


def write_state(file: Path, count: int) -> None:
    """A state file with so many items in the table of the benchmark, a hundred to a partition."""
    from emulator.dynamodb.engine import EmbeddedDynamoDB  # noqa: PLC0415 - only this process needs it

    database = EmbeddedDynamoDB()
    database.call("CreateTable", TABLE)
    for start in range(0, count, 25):
        numbers = range(start, min(start + 25, count))
        keys = [{"pk": {"S": f"p{number // 100}"}, "sk": {"S": f"{number:06}"}} for number in numbers]
        requests = [{"PutRequest": {"Item": item(number) | key}} for number, key in zip(numbers, keys, strict=True)]
        database.call("BatchWriteItem", {"RequestItems": {"bench": requests}})
    file.write_bytes(database.dump())


def start_with(state: Path, count: int) -> dict[str, float]:
    """Start the emulator with this state, look whether all items are there, and end it."""
    ready = state.with_name("ready.json")
    ready.unlink(missing_ok=True)
    command = [str(Path(sys.executable).parent / "streamer"), "emulate", "--demo", "--port", "0", "--quiet"]
    command += ["--ready-file", str(ready), "--state", str(state)]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=state.parent, stdout=subprocess.DEVNULL)
    try:
        while not ready.exists():
            if process.poll() is not None:
                raise SystemExit(f"the emulator ended with {process.returncode}")
            time.sleep(0.005)
        seconds = time.perf_counter() - started
        taken = {
            "ready_cpu_seconds": cpu_seconds(process.pid),
            "memory_mib": megabytes(process.pid, "VmRSS"),
            "most_memory_mib": megabytes(process.pid, "VmHWM"),
        }
        if count:
            asyncio.run(check_count(urlsplit(json.loads(ready.read_text())["websocket_url"]).port or 0, count))
    finally:
        asked = time.perf_counter()
        process.terminate()
        process.wait(60)
    return {"ready_seconds": seconds, **taken, "end_seconds": time.perf_counter() - asked}


def cpu_seconds(pid: int) -> float:
    """What a process has computed, which other processes' load hardly changes; not a number but on Linux."""
    file = Path(f"/proc/{pid}/stat")
    if not file.exists():
        return float("nan")
    user, system = file.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int, field: str) -> float:
    """What Linux says of a process's memory, in MiB; not a number elsewhere."""
    file = Path(f"/proc/{pid}/status")
    if not file.exists():
        return float("nan")
    (line,) = [line for line in file.read_text().splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1]) / 1024


async def check_count(port: int, count: int) -> None:
    async with raw_clients(port, 1) as (call,):
        described = json.loads(await call("DescribeTable", {"TableName": "bench"}))
    if described["Table"]["ItemCount"] != count:
        raise SystemExit(f"{described['Table']['ItemCount']} items instead of {count}")


def measure_state(count: int, rounds: int) -> dict[str, dict[str, float]]:
    """Medians of so many starts, with and without items in turns, the file as the first run left it."""
    with tempfile.TemporaryDirectory() as folder:
        states = {0: Path(folder) / "empty.state", count: Path(folder) / "full.state"}
        write_state(states[count], count)
        taken: dict[int, list[dict[str, float]]] = {size: [] for size in states}
        for _ in range(rounds):
            for size, file in states.items():
                taken[size].append(start_with(file, size))
    return {
        f"{size:,} items": {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        for size, runs in taken.items()
    }


def show_state(results: dict[str, dict[str, float]]) -> None:
    print(f"{'':<18}" + "".join(f"{name:>18}" for name in results))
    for name in next(iter(results.values())):
        print(f"{name:<18}" + "".join(f"{result[name]:>18.2f}" for result in results.values()))


# clients


class RawClient:
    """One HTTP connection, opened again whenever the server closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def call(self, action: str, parameters: dict[str, Any]) -> Any:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        body = json.dumps(parameters).encode()
        self._writer.write(
            f"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-amz-target: DynamoDB_20120810.{action}\r\n"
            "x-amz-date: 20250101T000000Z\r\n"
            "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250101/us-east-1/dynamodb/aws4_request, "
            "SignedHeaders=host;x-amz-date, Signature=0\r\n"
            f"content-type: application/x-amz-json-1.0\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        answer = await self._reader.readexactly(length)
        if b"connection: close" in head:
            await self.close()
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(f"{action} failed: {answer[:300]!r}")
        return answer

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


@contextlib.asynccontextmanager
async def raw_clients(port: int, count: int) -> AsyncIterator[list[Call]]:
    clients = [RawClient(port) for _ in range(count)]
    yield [client.call for client in clients]
    for client in clients:
        await client.close()


@contextlib.asynccontextmanager
async def sdk_clients(port: int, count: int) -> AsyncIterator[list[Call]]:
    from aiobotocore.config import AioConfig  # noqa: PLC0415 - not needed by the raw client
    from aiobotocore.session import get_session  # noqa: PLC0415
    from botocore import xform_name  # noqa: PLC0415

    options = {
        "endpoint_url": f"http://127.0.0.1:{port}",
        "region_name": "us-east-1",
        "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
        "config": AioConfig(max_pool_connections=count),
    }
    async with get_session().create_client("dynamodb", **options) as client:

        async def call(action: str, parameters: dict[str, Any]) -> Any:
            return await getattr(client, xform_name(action))(**parameters)

        yield [call] * count


# measurements


async def rate(calls: list[Call], make: Callable[[int], tuple[str, dict[str, Any]]], seconds: float) -> float:
    """Operations per second."""
    numbers, done = itertools.count(), 0
    deadline = time.perf_counter() + seconds

    async def work(call: Call) -> None:
        nonlocal done
        while time.perf_counter() < deadline:
            await call(*make(next(numbers)))
            done += 1

    started = time.perf_counter()
    await asyncio.gather(*(work(call) for call in calls))
    return done / (time.perf_counter() - started)


async def fill(call: Call, first: int, last: int) -> None:
    """Items ``first`` to ``last`` of one partition of the table."""
    for start in range(first, last, 25):
        requests = [
            {"PutRequest": {"Item": {**item(number), "pk": {"S": "big"}, "sk": {"S": f"{number:06}"}}}}
            for number in range(start, min(start + 25, last))
        ]
        await call("BatchWriteItem", {"RequestItems": {"bench": requests}})


async def query_milliseconds(call: Call, size: int) -> float:
    """Median time of a query of ten items out of a partition of that size."""
    times = []
    for number in range(QUERIES):
        parameters = {
            "TableName": "bench",
            "KeyConditionExpression": "pk = :p AND sk >= :s",
            "ExpressionAttributeValues": {":p": {"S": "big"}, ":s": {"S": f"{number * size // (2 * QUERIES):06}"}},
            "Limit": 10,
        }
        started = time.perf_counter()
        await call("Query", parameters)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


async def measure(engine: str, client: str, seconds: float) -> dict[str, Any]:
    clients = raw_clients if client == "raw" else sdk_clients
    result: dict[str, Any] = {"operations": {}, "query_milliseconds": {}}
    with running(engine) as port:
        async with clients(port, 1) as calls:
            await calls[0]("CreateTable", TABLE)
            for number in range(400):
                await calls[0](*put(number))
        for count in CLIENTS:
            async with clients(port, count) as calls:
                for name, make in OPERATIONS.items():
                    result["operations"].setdefault(name, {})[count] = await rate(calls, make, seconds)
    with running(engine) as port:
        async with clients(port, 1) as calls:
            await calls[0]("CreateTable", TABLE)
            for size, before in zip(SIZES, (0, *SIZES), strict=False):
                await fill(calls[0], before, size)
                result["query_milliseconds"][size] = await query_milliseconds(calls[0], size)
    result["harmonic_mean"] = {
        count: statistics.harmonic_mean([result["operations"][name][count] for name in SINGLE]) for count in CLIENTS
    }
    return result


def show(results: dict[str, Any]) -> None:
    ours, moto = results["embedded"], results["moto"]
    print(f"{'operations per second':<28}" + "".join(f"{f'{n} client(s)':>34}" for n in CLIENTS))
    print(f"{'':<28}" + f"{'embedded':>14}{'plain moto':>12}{'times':>8}" * len(CLIENTS))
    rows = {**ours["operations"], "mean without transactions": ours["harmonic_mean"]}
    theirs = {**moto["operations"], "mean without transactions": moto["harmonic_mean"]}
    for name, rates in rows.items():
        cells = "".join(f"{rates[n]:>14.0f}{theirs[name][n]:>12.0f}{rates[n] / theirs[name][n]:>8.1f}" for n in CLIENTS)
        print(f"{name:<28}{cells}")
    print(f"\n{'Query by key, median ms':<28}{'embedded':>14}{'plain moto':>12}")
    for size in SIZES:
        print(
            f"{size:>12,} items{'':<10}{ours['query_milliseconds'][size]:>14.2f}"
            f"{moto['query_milliseconds'][size]:>12.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each operation is measured")
    parser.add_argument("--client", choices=("raw", "aiobotocore"), default="raw")
    parser.add_argument("--state", type=int, metavar="ITEMS", help="measure the start with so many items in the file")
    parser.add_argument("--rounds", type=int, default=5, help="how often it is started")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve())
        return
    if arguments.state is not None:
        started = measure_state(arguments.state, arguments.rounds)
        print(json.dumps(started)) if arguments.json else show_state(started)
        return
    results = {
        engine: asyncio.run(measure(engine, arguments.client, arguments.seconds)) for engine in ("embedded", "moto")
    }
    print(json.dumps({"client": arguments.client, **results})) if arguments.json else show(results)


if __name__ == "__main__":
    main()
