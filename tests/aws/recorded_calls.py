"""What emulators wrote into their logs of calls (`emulator.iam.call_log`), read back and put together."""

from __future__ import annotations

import dataclasses
import enum
import json
import types
import typing
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from emulator.iam.needs import Need
from streamer.topology import (
    Access,
    Api,
    AsyncInvocation,
    Bucket,
    EventSourceMapping,
    Function,
    Permission,
    Queue,
    QueueMapping,
    Table,
    TableAccess,
    Topology,
)
from streamer.topology.grants import Kind, Resource

Call = tuple[str, Need, bool]
"""A function, what it needed, and whether its role allowed it."""

PARTS = {
    "tables": Table,
    "queues": Queue,
    "buckets": Bucket,
    "event_source_mappings": EventSourceMapping,
    "queue_mappings": QueueMapping,
    "async_invocations": AsyncInvocation,
}


@dataclasses.dataclass
class Recording:
    """What functions of one service did, in however many runs."""

    topology: Topology
    """As far as roles depend on it."""
    calls: Counter[Call] = dataclasses.field(default_factory=Counter)


def read(files: Iterable[Path]) -> list[Recording]:
    """The recordings of all files; those of services whose roles are the same become one. Without functions: none."""
    found: dict[str, Recording] = {}
    for file in files:
        # What a limit on files cut off, as some tests have it, ends within a line.
        lines = [json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
        if not lines or not lines[0]["topology"]["functions"] or lines[0]["roles"] is not None:
            continue
        head, *calls = lines
        said = json.dumps(head["topology"], sort_keys=True)
        if said not in found:
            found[said] = Recording(topology_of(head["topology"]))
        found[said].calls.update(
            (each["function"], need_of(each["action"], each["resource"], each.get("about", ())), each["allowed"])
            for each in calls
        )
    return list(found.values())


def need_of(action: str, resource: Sequence[str], about: Sequence[Sequence[str]]) -> Need:
    kind, name, detail = resource
    return Need(action, Resource(Kind(kind), name, detail), tuple((key, value) for key, value in about))


def topology_of(said: Mapping[str, Any]) -> Topology:
    """The topology that `emulator.iam.call_log.said_of` told of."""
    first, *more = (Api(name=each["name"], stage=each["stage"], routes=()) for each in said["apis"])
    functions = tuple(_function(each) for each in said["functions"])
    parts: dict[str, Any] = {name: tuple(_made(kind, each) for each in said[name]) for name, kind in PARTS.items()}
    return Topology(api=first, more_apis=tuple(more), functions=functions, **parts)


def _function(said: Mapping[str, Any]) -> Function:
    made: dict[str, Any] = {
        "tables": tuple(_made(TableAccess, each) for each in said["tables"]),
        "permissions": tuple(_made(Permission, each) for each in said["permissions"]),
        "bucket_access": {name: Access(how) for name, how in said["bucket_access"].items()},
    }
    tuples = {name: tuple(said[name]) for name in ("invokes", "sends_to", "buckets", "secrets")}
    return Function(**{**said, **made, **tuples, "handler": "handlers.nothing"})


def _made(kind: Any, said: Any) -> Any:
    """A value of a type from what JSON made of it."""
    if said is None:
        return None
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _made(next(each for each in inner if each is not types.NoneType), said)
    if origin is tuple:
        return tuple(_made(inner[0], each) for each in said)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(said)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{name: _made(hints[name], value) for name, value in said.items()})  # type: ignore[operator]
    return said
