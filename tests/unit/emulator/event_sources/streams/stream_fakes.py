"""Doubles for the stream tests: an endpoint with shards, functions, destinations, and a topology."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scripted_functions import ScriptedFunctions

from emulator.event_sources.streams.endpoint import (
    IteratorExpiredError,
    Page,
    ShardDescription,
    StreamNotFoundError,
    StreamsApiError,
)
from emulator.event_sources.streams.poller import PollingPace
from emulator.event_sources.streams.source import RawRecord
from emulator.functions.destinations import DestinationError
from emulator.functions.outcome import Failed, Outcome, Returned
from streamer.topology import Api, EventSourceMapping, Function, Key, Queue, StreamView, Table, Topology

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/items/stream/2026-01-01T11:59:00.123"
FAST = PollingPace(polls_per_second=1000.0, discovery_seconds=0.002, error_seconds=(0.001,))
Answer = Callable[[list[RawRecord]], Outcome | Awaitable[Outcome]]
"""What a function does with records, at once or in its own time."""
FAILED = Failed(b'{"errorMessage":"boom"}', "request-1")


def raw(number: int, item: str = "a", *, created_at: float = 1_000_000_000.0, **over: object) -> dict[str, Any]:
    change = {
        "ApproximateCreationDateTime": created_at,
        "Keys": {"id": {"S": item}},
        "NewImage": {"id": {"S": item}, "n": {"N": str(number)}},
        "SequenceNumber": str(number),
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    return {"eventID": "0" * 32, "eventName": "INSERT", "dynamodb": change} | over


def sequence_numbers(records: Iterable[RawRecord]) -> list[int]:
    return [int(record["dynamodb"]["SequenceNumber"]) for record in records]


@dataclass
class FakeShard:
    parent: str | None = None
    records: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False

    @property
    def last(self) -> str | None:
        return str(self.records[-1]["dynamodb"]["SequenceNumber"]) if self.records else None


class FakeApi:
    """An endpoint whose iterators are positions; errors can be put in the way of the next calls."""

    def __init__(self, **shards: Mapping[str, Any]) -> None:
        self.streams = {ARN: {name: FakeShard(**shard) for name, shard in shards.items()}}
        self.arn: str | None = ARN
        """None: the table is gone."""
        self.errors: list[StreamsApiError] = []
        self.valid: set[str] = set()
        self.opened: list[tuple[str, str, str | None]] = []
        self.page_records = 1000
        self.on_records: Callable[[], object] = lambda: None

    @property
    def all(self) -> dict[str, FakeShard]:
        return self.streams[self.arn or ARN]

    def write(self, *numbers: int, shard: str = "s", **kwargs: Any) -> None:
        self.all[shard].records += [raw(number, **kwargs) for number in numbers]

    def _fail(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    async def stream_arn(self, table: str) -> str:
        self._fail()
        if self.arn is None:
            raise StreamNotFoundError("Stream not found")
        return self.arn

    async def shards(self, stream_arn: str) -> list[ShardDescription]:
        self._fail()
        first = str(1 + 10_000 * list(self.streams).index(stream_arn))
        return [
            ShardDescription(name, shard.parent, shard.closed, first, shard.last)
            for name, shard in self.streams[stream_arn].items()
        ]

    async def iterator(self, stream_arn: str, shard_id: str, kind: str, sequence_number: str | None = None) -> str:
        self._fail()
        records = self.streams[stream_arn][shard_id].records
        position = {"TRIM_HORIZON": 0, "LATEST": len(records)}.get(kind)
        if position is None:
            position = sum(int(r["dynamodb"]["SequenceNumber"]) <= int(sequence_number or 0) for r in records)
        self.opened.append((shard_id, kind, sequence_number))
        return self._give_out(stream_arn, shard_id, position)

    async def records(self, iterator: str) -> Page:
        await asyncio.sleep(0)
        self._fail()
        if iterator not in self.valid:
            raise IteratorExpiredError("expired")
        arn, shard_id, position = iterator.split("|")
        shard = self.streams[arn][shard_id]
        found = shard.records[int(position) : int(position) + self.page_records]
        self.on_records()
        end = int(position) + len(found)
        over = shard.closed and end == len(shard.records)
        return Page(found, None if over else self._give_out(arn, shard_id, end))

    def _give_out(self, arn: str, shard_id: str, position: int) -> str:
        iterator = f"{arn}|{shard_id}|{position}"
        self.valid.add(iterator)
        return iterator


class FakeFunctions(ScriptedFunctions):
    """Answers by a function of the records; tests wait for what was seen."""

    def __init__(self, answer: Answer = lambda records: Returned(b"null", "r")) -> None:
        self.answer = answer
        self.invocations: list[list[RawRecord]] = []
        self._called = asyncio.Event()

    async def run(self, function: str, payload: bytes) -> Outcome:
        records = json.loads(payload)["Records"]
        self.invocations.append(records)
        self._called.set()
        outcome = self.answer(records)
        return await outcome if isinstance(outcome, Awaitable) else outcome

    @property
    def seen(self) -> list[int]:
        return [number for records in self.invocations for number in sequence_numbers(records)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self._called.clear()
                await self._called.wait()


class FakeDestinations:
    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sent: list[tuple[str, Mapping[str, Any]]] = []
        self.arrived = asyncio.Event()

    async def send(self, queue_name: str, document: Mapping[str, Any]) -> None:
        if self.failures:
            self.failures -= 1
            raise DestinationError("no such queue")
        self.sent.append((queue_name, document))
        self.arrived.set()


def topology(*mappings: EventSourceMapping) -> Topology:
    tables = sorted({m.table for m in mappings})
    return Topology(
        api=Api(name="api", routes=()),
        functions=(Function(name="processor", handler="app.processor"),),
        tables=tuple(
            Table(name=name, key=Key(partition="id"), stream=StreamView.NEW_AND_OLD_IMAGES) for name in tables
        ),
        queues=(Queue(name="dead-letters"),),
        event_source_mappings=mappings,
    )


def mapping(**settings: Any) -> EventSourceMapping:
    return EventSourceMapping(**({"function": "processor", "table": "items"} | settings))
