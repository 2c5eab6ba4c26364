"""The measurements that make up the table, each on a running server."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from websockets.asyncio.client import ClientConnection

from benchmarks import console, dynamodb, load
from benchmarks.processes import Watch, cpu_seconds, own_cpu_seconds, own_pss_mb
from benchmarks.servers import SECRET, Running
from streamer.auth import mint

MEMORY_LIMIT_MB: Final = 4096
"""A burst that takes more of the machine is ended."""
BURST_SECONDS: Final = 20.0
"""And so is one that takes this long."""
CONNECTS: Final = 1000
HELD: Final = 10_000
REMEMBERED: Final = 3_000
"""So many connections come and go before memory is looked at."""
WATCHED_TURNS: Final = 4
"""Without a reader and with one."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure, in its row's unit, and what it was made of."""

    value: float
    details: dict[str, Any] = field(default_factory=dict)


Results = dict[str, Measured]
"""Row to figure."""
Run = Callable[[Running], Awaitable[Results]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something to measure."""

    name: str
    run: Run
    is_fresh: bool = False
    """Whether the server has to be started anew for it."""


async def _echo(running: Running, row: str, action: str) -> Results:
    rounds = [await load.echoes(running.url, seconds=1.5, action=action) for _ in range(3)]
    best = sorted(rounds, key=lambda times: times.p(50))[1]
    return {row: Measured(best.p(50), best.details())}


async def echo(running: Running) -> Results:
    return await _echo(running, "echo", "echo")


async def echo_sender(running: Running) -> Results:
    return await _echo(running, "echo-sender", "fast")


def _with_cpu(running: Running, before: float, times: load.Times, count: int) -> dict[str, Any]:
    """The details, and the server's CPU time for each operation, which other work on the machine changes little."""
    spent = cpu_seconds(running.pid) - before
    return {**times.details(), "cpu_ms_each": round(spent * 1000 / max(1, count), 4)}


async def _throughput(running: Running, row: str, action: str, warm_up_seconds: float) -> Results:
    await load.throughput(running.url, warm_up_seconds=warm_up_seconds, seconds=0, action=action)
    before = cpu_seconds(running.pid)
    times = await load.throughput(running.url, warm_up_seconds=0, seconds=4, action=action)
    return {row: Measured(times.rate, _with_cpu(running, before, times, len(times.seconds)))}


async def throughput(running: Running) -> Results:
    return await _throughput(running, "throughput", "fast", 2)


async def throughput_boto3(running: Running) -> Results:
    return await _throughput(running, "throughput-boto3", "echo", 2)


async def throughput_peer(running: Running) -> Results:
    return await _throughput(running, "throughput", "echo", 3)


async def throughput_slow_peer(running: Running) -> Results:
    """With the time that a peer needs which starts a process for each of 50 clients."""
    return await _throughput(running, "throughput", "echo", 12)


async def connects(running: Running) -> Results:
    rounds: list[load.Times] = []
    before = cpu_seconds(running.pid)
    for _ in range(3):
        opened = await load.open_many([running.url] * CONNECTS, seconds=15)
        await opened.close()
        rounds.append(opened.times)
        if opened.times.elapsed_seconds > 3:
            break
    times = sorted(rounds, key=lambda one: one.elapsed_seconds)[len(rounds) // 2]
    # Where there was no time for all of them, as long as all would have taken.
    seconds = CONNECTS / times.rate if times.seconds and not times.failures else float("inf")
    count = sum(len(one.seconds) for one in rounds)
    return {"connects": Measured(seconds, _with_cpu(running, before, times, count))}


async def connects_jwt(running: Running) -> Results:
    rounds = []
    before = cpu_seconds(running.pid)
    for _ in range(3):
        opened = await load.open_many(with_tokens(running, CONNECTS), seconds=30)
        await opened.close()
        rounds.append(opened.times)
    times = sorted(rounds, key=lambda one: one.rate)[1]
    failures = sum(one.failures.total() for one in rounds)
    await _rows_left(running, seconds=30)  # what the disconnects cost belongs to it
    details = _with_cpu(running, before, times, sum(len(one.seconds) for one in rounds))
    return {"connects-jwt": Measured(0.0 if failures else times.rate, details)}


async def sleepers(running: Running) -> Results:
    rounds = [await load.ask_all_at_once(running.url, clients=10, action="sleep", ms=300) for _ in range(4)]
    # The first one may start threads or processes.
    return {"sleepers": Measured(statistics.median(rounds[1:]), {"rounds": [round(one, 3) for one in rounds]})}


async def burst(running: Running) -> Results:
    end = time.perf_counter() + BURST_SECONDS
    with Watch(running.pid, limit_mb=MEMORY_LIMIT_MB) as watch:
        times = await load.burst(
            running.url,
            clients=CONNECTS,
            give_up=lambda: watch.is_over_limit or time.perf_counter() > end,
        )
    peak = watch.peak
    took = float("inf") if times.failures else times.elapsed_seconds
    return {
        "burst-rss": Measured(peak.rss_mb, times.details()),
        "burst-pss": Measured(peak.pss_mb),
        "burst-processes": Measured(peak.processes),
        "burst-seconds": Measured(took),
    }


def with_tokens(running: Running, count: int) -> list[str]:
    """URLs with a token for so many users."""
    now = time.time()
    tokens = (
        mint(SECRET, user_id=f"user-{number}", tenant_id="acme", now=now, expires_in_seconds=3600)
        for number in range(count)
    )
    return [f"{running.url}?Authorization={token}" for token in tokens]


async def queued(running: Running) -> Results:
    client = await load.dial(with_tokens(running, 1)[0])
    times = []
    for number in range(120):
        await client.send(json.dumps({"action": "instant", "id": f"queued-{number}"}))
        accepted = complete = None
        while accepted is None or complete is None:  # a quick processor can be done before the router has told
            kind, at = await _receive(client), time.perf_counter()
            accepted = at if kind == "acknowledgment" else accepted
            complete = at if kind == "complete" else complete
        times.append(max(0.0, complete - accepted))
    await client.close()
    measured = load.Times(seconds=times[20:])
    return {"queued": Measured(measured.p(50), measured.details())}


async def _receive(client: ClientConnection) -> str:
    """The type of the next message."""
    async with asyncio.timeout(load.PATIENCE_SECONDS):
        message = json.loads(await client.recv())
    if message["type"] == "error":
        raise RuntimeError(f"the service answered {message}")
    return str(message["type"])


# a row's way from a table to a client

_notes = itertools.count(1)


async def stream(running: Running) -> Results:
    notes = dynamodb_client(running)
    client = await load.dial(running.url)
    await client.send(json.dumps({"action": "who", "id": "me"}))
    connection_id = json.loads(await client.recv())["connectionId"]
    reached, began = [], []
    for _ in range(80):
        note = f"note-{next(_notes)}-"
        item = {"id": {"S": note}, "connection_id": {"S": connection_id}}
        start, start_unix = time.perf_counter(), time.time()
        writing = asyncio.get_running_loop().run_in_executor(None, _put, notes, item)
        async with asyncio.timeout(load.PATIENCE_SECONDS):
            message = json.loads(await client.recv())
        reached.append(time.perf_counter() - start)
        began.append(message["began"] - start_unix)
        await writing
    await client.close()
    whole, first_line = load.Times(seconds=reached[20:]), load.Times(seconds=began[20:])
    return {
        "stream": Measured(whole.p(50), whole.details()),
        "first-line": Measured(first_line.p(50), first_line.details()),
    }


def _put(notes: Any, item: dict[str, Any]) -> None:
    notes.put_item(TableName="bench_notes", Item=item)


def dynamodb_client(running: Running) -> Any:
    """A client for the tables of a server."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    return boto3.client("dynamodb", endpoint_url=running.dynamodb_url, **keys)


# tables alone

DYNAMODB_CLIENTS: Final = 32


async def tables(running: Running) -> Results:
    """Each operation of `benchmarks.dynamodb` by itself, over kept connections, on a table without a stream."""
    assert running.dynamodb_url is not None
    port = urlsplit(running.dynamodb_url).port or 80
    # Not every DynamoDB here has streams.
    table = {name: value for name, value in dynamodb.TABLE.items() if name != "StreamSpecification"}
    async with dynamodb.raw_clients(port, 1) as (call,):
        await call("CreateTable", table)
        while json.loads(await call("DescribeTable", {"TableName": "bench"}))["Table"]["TableStatus"] != "ACTIVE":  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.05)  # each look takes time of the server's
        for number in range(400):
            await call(*dynamodb.put(number))
    rates = {}
    async with dynamodb.raw_clients(port, DYNAMODB_CLIENTS) as calls:
        for name in dynamodb.SINGLE:
            rates[name] = round(await dynamodb.rate(calls, dynamodb.OPERATIONS[name], 1.0), 1)
    return {"dynamodb": Measured(statistics.harmonic_mean(rates.values()), rates)}


# with the console's page open


async def watched(running: Running) -> Results:
    """What a reader of everything costs a busy server, in percent of its throughput, by its CPU time for each echo.

    Both are measured in turns, since a machine that does other things as well is now slower, now faster.
    """
    alone: list[float] = []
    seen: list[float] = []
    told = missed = 0
    for _ in range(WATCHED_TURNS):
        await load.throughput(running.url, warm_up_seconds=2.5, seconds=0, action="fast")  # the gate is shut after it
        alone.append(await cpu_of_echoes(running))
        reader = console.Reader(running)
        with reader:
            await load.throughput(running.url, warm_up_seconds=1, seconds=0, action="fast")
            seen.append(await cpu_of_echoes(running))
        told += reader.told
        missed += reader.missed
    share = statistics.median(before / after for before, after in zip(alone, seen, strict=True))
    details = {"alone_us": alone, "watched_us": seen, "told": told, "missed": missed}
    return {"watched": Measured((1 - share) * 100, details)}


async def cpu_of_echoes(running: Running) -> float:
    """CPU time of the server's first process for an echo, in microseconds."""
    before = own_cpu_seconds(running.pid)
    times = await load.throughput(running.url, warm_up_seconds=0, seconds=2, action="fast")
    return round((own_cpu_seconds(running.pid) - before) * 1e6 / max(1, len(times.seconds)), 1)


# ten thousand connections


async def held(running: Running) -> Results:
    # What is made once is made, and what the console remembers of the past is as much as it ever is.
    await (await load.open_many(with_tokens(running, REMEMBERED), seconds=120)).close()
    await _rows_left(running, seconds=60)
    before = own_pss_mb(running.pid)
    opened = await load.open_many(with_tokens(running, HELD), at_once=100, seconds=120)
    await asyncio.sleep(1)  # the last answers are out, and the emulator is idle
    each_kb = (own_pss_mb(running.pid) - before) * 1024 / max(1, len(opened.clients))
    broadcast, unreached = await _broadcast(opened.clients)
    begin = time.perf_counter()
    closing = await opened.close()
    left = await _rows_left(running, seconds=90)
    gone = time.perf_counter() - begin
    details = {
        **opened.times.details(),
        "closing_seconds": round(closing, 2),
        "unreached": unreached,
        "rows_left": left,
    }
    return {
        "held-connects": Measured(opened.times.rate, details),
        "held-failures": Measured(HELD - len(opened.clients) + unreached + left, details),
        "held-memory": Measured(each_kb),
        "held-broadcast": Measured(broadcast),
        "held-close": Measured(gone),
    }


async def _broadcast(clients: list[ClientConnection]) -> tuple[float, int]:
    """Seconds until the last client had it, and how many never had."""

    async def receive(client: ClientConnection) -> float:
        while "to-everyone" not in await client.recv(decode=True):
            pass
        return time.perf_counter()

    waiting = [asyncio.ensure_future(receive(client)) for client in clients]
    await asyncio.sleep(0)
    begin = time.perf_counter()
    await clients[0].send(json.dumps({"action": "announce", "id": "a-1", "payload": "to-everyone"}))
    _done, pending = await asyncio.wait(waiting, timeout=load.PATIENCE_SECONDS)
    for task in pending:
        task.cancel()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    arrived = [end for end in ends if isinstance(end, float)]
    return (max(arrived) - begin if arrived else float("inf")), len(clients) - len(arrived)


async def _rows_left(running: Running, *, seconds: float) -> int:
    """Wait until the connections table is empty; answers how many rows are left after so long."""
    paginator = dynamodb_client(running).get_paginator("scan")

    def count() -> int:
        pages = paginator.paginate(TableName="streamer_connections", Select="COUNT")
        return sum(page["Count"] for page in pages)

    end = time.perf_counter() + seconds
    while (left := await asyncio.to_thread(count)) and time.perf_counter() < end:  # noqa: ASYNC110 - another process's
        await asyncio.sleep(0.5)  # each look takes time of the server's
    return left


TASKS: Final = {
    task.name: task
    for task in (
        Task(name="echo", run=echo),
        Task(name="echo-sender", run=echo_sender),
        Task(name="stream", run=stream),
        Task(name="sleepers", run=sleepers),
        Task(name="throughput", run=throughput),
        Task(name="throughput-peer", run=throughput_peer),
        Task(name="throughput-slow-peer", run=throughput_slow_peer),
        Task(name="throughput-boto3", run=throughput_boto3),
        Task(name="connects", run=connects),
        Task(name="connects-jwt", run=connects_jwt),
        Task(name="queued", run=queued),
        Task(name="dynamodb", run=tables, is_fresh=True),
        Task(name="watched", run=watched, is_fresh=True),
        Task(name="burst", run=burst, is_fresh=True),
        Task(name="held", run=held, is_fresh=True),
    )
}
"""By name, in the order in which they are run on one server."""
