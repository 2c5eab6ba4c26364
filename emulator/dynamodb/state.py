"""The embedded DynamoDB in a file: tables, items and streams, with their records and how far these were read.

The format is one line that names it and its version, then compressed JSON in DynamoDB's own notation: nothing in it
can run when it is read. Files of earlier versions are read, too.
"""

from __future__ import annotations

import dataclasses
import gc
import itertools
import json
import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from streamer.errors import ConfigurationError

from ..notes import Content as Notes
from .backend import EmbeddedBackend
from .definitions import IndexDefinition, TableSettings, read_definitions, read_index, read_schema, shown_schema
from .errors import ApiError
from .items import StoredItem
from .journal import replay
from .records import StreamRecord, TableStream
from .table import Table
from .tables import make_table
from .values import read_kept_attributes, wire_attributes

MAGIC: Final = b"streamer-dynamodb "
VERSION: Final = 4
_UNCHANGED: Final = 3
"""The version that holds tables only as they were at the end of a run."""
_UNSIZED: Final = 2
"""The version that does not say how large items are."""
_OLDEST: Final = 1
"""The version whose tables moto described."""
_COMPRESSION: Final = 1
"""zlib's fastest: a state is written when the emulator stops, and the user waits."""
_AT_ONCE: Final = 200
"""Items of one piece: some milliseconds."""
CONTENT_BYTES: Final = 1024**3
"""Most that a file may hold: more than the tables of a machine's memory."""

Content = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a saved state has besides tables."""

    notes: Notes
    size_bytes: int
    """How much of it counts; what follows was cut off while it was written."""
    is_current: bool
    """Whether changes may follow it: it is not of a version before."""


def pieces(backend: EmbeddedBackend, notes: Notes) -> Iterator[bytes]:
    """Everything in the tables as it is now, their open streams and notes, piece by piece; changes may follow it."""
    tables = [_Part.of(table) for table in backend.tables.values()]
    return _packed(_texts(tables, json.dumps(notes)))


def load(backend: EmbeddedBackend, data: bytes) -> Saved:
    """Replace all tables by those of a saved state, with the changes that follow it.

    Raises:
        ConfigurationError: it is none, a damaged one, or one of another version; the tables are as before.
    """
    with _without_collection():
        return _load(backend, data)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Python's search for cycles would look at each of a million new objects many times, and find none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _load(backend: EmbeddedBackend, data: bytes) -> Saved:
    version, content, rest = _read(data)
    lines, size_bytes = whole_lines(rest)
    notes = content.get("notes", {})
    tables, streams = dict(backend.tables), dict(backend.streams)
    backend.tables.clear()
    backend.streams.clear()
    try:
        if "checkpoints" in content:
            notes = {"checkpoints": {"": str(content["checkpoints"])}}
        for description in content["tables"]:
            _load_table(backend, _renewed(description) if version == _OLDEST else description)
        replay(lines, notes, backend)
    except (ApiError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        backend.tables.clear()
        backend.tables.update(tables)
        backend.streams.clear()
        backend.streams.update(streams)
        raise _unreadable(f"{type(error).__name__}: {error}") from error
    return Saved(notes=notes, size_bytes=len(data) - len(rest) + size_bytes, is_current=version == VERSION)


def whole_lines(data: bytes) -> tuple[list[bytes], int]:
    """The lines of some bytes, and how many bytes they take: what follows the last line end was cut off."""
    size = data.rfind(b"\n") + 1
    return data[:size].splitlines(), size


def _read(data: bytes) -> tuple[int, Content, bytes]:
    head, _, packed = data.partition(b"\n")
    if not head.startswith(MAGIC):
        raise _unreadable("it was not written by the emulator")
    version = head.removeprefix(MAGIC)
    if version not in [b"%d" % known for known in (VERSION, _UNCHANGED, _UNSIZED, _OLDEST)]:
        raise _unreadable(f"it has version {version.decode(errors='replace')}, this emulator reads version {VERSION}")
    try:
        text, rest = _unpacked(packed)
        content = json.loads(text)
    except (zlib.error, ValueError, RecursionError, MemoryError) as error:
        raise _unreadable(f"{type(error).__name__}: {error}") from error
    if not isinstance(content, dict):
        raise _unreadable("its content is not an object")
    return int(version), content, rest


def _unpacked(packed: bytes) -> tuple[bytes, bytes]:
    """The content, and what follows it."""
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(packed, CONTENT_BYTES)
    if unpacking.unconsumed_tail:
        raise ValueError(f"its content is over {CONTENT_BYTES} bytes")
    if not unpacking.eof:
        raise ValueError("it is cut off")
    return content, unpacking.unused_data


def _unreadable(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"the saved DynamoDB state cannot be read: {reason}; delete the state file to start with empty tables"
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A table as it was at a moment: items and records never change."""

    head: Content
    items: list[StoredItem]
    records: list[StreamRecord]

    @classmethod
    def of(cls, table: Table) -> _Part:
        head = {
            "name": table.name,
            "id": table.table_id,
            "created_seconds": table.created_seconds,
            "key": shown_schema(table.key),
            "types": table.key_types,
            "indexes": [_dump_index(index.definition) for index in table.indexes.values()],
            "settings": dataclasses.asdict(table.settings),
            "ttl_attribute": None if table.expiry is None else table.expiry.attribute,
            "stream": None if table.stream is None else _dump_stream(table.stream),
        }
        return cls(head, list(table.primary.scan()), [] if table.stream is None else list(table.stream.records))


def _texts(tables: Sequence[_Part], notes: str) -> Iterator[str]:
    yield f'{{"notes": {notes}, "tables": ['
    for number, table in enumerate(tables):
        yield f'{", " if number else ""}{json.dumps(table.head)[:-1]}, "items": ['
        yield from _listed(table.items, lambda item: wire_attributes(item.attrs))
        yield '], "sizes": ['
        yield from _listed(table.items, lambda item: item.size_bytes)
        yield '], "records": ['
        yield from _listed(table.records, _dump_record)
        yield "]}"
    yield "]}"


def _listed(things: Sequence[Any], dump_one: Callable[[Any], Any]) -> Iterator[str]:
    for first in range(0, len(things), _AT_ONCE):
        text = json.dumps([dump_one(thing) for thing in things[first : first + _AT_ONCE]])
        yield f"{', ' if first else ''}{text[1:-1]}"


def _packed(texts: Iterator[str]) -> Iterator[bytes]:
    yield MAGIC + b"%d\n" % VERSION
    packing = zlib.compressobj(_COMPRESSION)
    for text in texts:
        yield packing.compress(text.encode())
    yield packing.flush()


def _dump_index(definition: IndexDefinition) -> Content:
    return {
        "shown": definition.shown,
        "is_global": definition.is_global,
        "throughput": dict(definition.throughput),
        "settings": dict(definition.settings),
    }


def _dump_stream(stream: TableStream) -> Content:
    return {
        "label": stream.label,
        "view_type": stream.view_type,
        "created_seconds": stream.created_seconds,
        "first_sequence": stream.first_sequence,
        "next_sequence": stream.next_sequence,
    }


def _dump_record(record: StreamRecord) -> Content:
    return {
        "event_id": record.event_id,
        "sequence": record.sequence,
        "created_seconds": record.created_seconds,
        "old": None if record.old is None else wire_attributes(record.old.attrs),
        "new": None if record.new is None else wire_attributes(record.new.attrs),
        "user_identity": record.user_identity,
    }


def _renewed(content: Content) -> Content:
    """A table of the oldest version, in today's form."""
    old = content["description"]
    mode = old.get("billing_mode") or "PROVISIONED"
    on_demand = mode == "PAY_PER_REQUEST"
    settings = TableSettings(
        billing_mode=mode,
        throughput={} if on_demand else old["throughput"],
        on_demand_since_seconds=content["created_seconds"] if on_demand else None,
        is_protected=bool(old.get("deletion_protection_enabled")),
        encryption=old.get("sse_specification") or None,
        tags={tag["Key"]: tag["Value"] for tag in old.get("tags") or ()},
    )
    indexes = [
        {
            "shown": {name: index[name] for name in ("IndexName", "KeySchema", "Projection")},
            "is_global": is_global,
            "throughput": {} if on_demand else settings.throughput,
            "settings": {},
        }
        for member, is_global in (("indexes", False), ("global_indexes", True))
        for index in old.get(member) or ()
    ]
    return {
        **content,
        "id": str(uuid.UUID(bytes=content["name"].encode().ljust(16)[:16])),
        "key": old["schema"],
        "types": read_definitions(old["attr"]),
        "indexes": indexes,
        "settings": dataclasses.asdict(settings),
    }


def _load_index(content: Content, types: dict[str, str]) -> IndexDefinition:
    definition = read_index(
        {**content["shown"], **({"ProvisionedThroughput": content["throughput"]} if content["throughput"] else {})},
        types,
        is_global=content["is_global"],
        is_on_demand=not content["throughput"],
    )
    return dataclasses.replace(definition, settings=content["settings"])


def _load_table(backend: EmbeddedBackend, content: Content) -> None:
    types = dict(content["types"])
    table = make_table(
        backend,
        content["name"],
        table_id=content["id"],
        created_seconds=content["created_seconds"],
        key=read_schema(content["key"], types),
        types=types,
        indexes=[],
        settings=TableSettings(**content["settings"]),
    )
    sizes = content.get("sizes") or itertools.repeat(None)
    table.fill(
        StoredItem(read_kept_attributes(kept), size) for kept, size in zip(content["items"], sizes, strict=False)
    )
    for index in content["indexes"]:
        table.add_index(_load_index(index, types))
    if content["ttl_attribute"] is not None:
        table.set_expiry(content["ttl_attribute"])
    if content["stream"] is not None:
        records = content["records"] if "records" in content else content["stream"]["records"]
        _load_stream(backend, table, content["stream"], records)


def _load_stream(backend: EmbeddedBackend, table: Table, content: Content, records: Sequence[Content]) -> None:
    stream = backend.open_stream(
        table,
        content["view_type"],
        label=content["label"],
        created_seconds=content["created_seconds"],
        first_sequence=int(content["first_sequence"]),
    )
    for saved in records:
        record = StreamRecord(
            event_id=saved["event_id"],
            region=backend.region_name,
            arn=stream.arn,
            view_type=stream.view_type,
            sequence=int(saved["sequence"]),
            created_seconds=saved["created_seconds"],
            key_names=stream.key_names,
            old=_load_image(saved["old"]),
            new=_load_image(saved["new"]),
            user_identity=saved["user_identity"],
        )
        stream.append(record)
    stream.next_sequence = int(content["next_sequence"])


def _load_image(attributes: Content | None) -> StoredItem | None:
    return None if attributes is None else StoredItem(read_kept_attributes(attributes))
