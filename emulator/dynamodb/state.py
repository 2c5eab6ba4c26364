"""The embedded DynamoDB in a file: tables, items and streams, with their records and how far these were read.

The format is one line that names it and its version, then compressed lines of JSON in DynamoDB's own notation: nothing
in it can run when it is read. The first says which tables there are, and how many items and records each has, which
follow: of every so many items first their keys, then a line of each, which is read when it is needed.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from json.encoder import encode_basestring_ascii as json_text
from typing import Any, Final

from msgspec import Struct, structs

from streamer.errors import ConfigurationError

from ..foundation.checked_lines import DamagedLineError, whole_lines
from ..foundation.notes import Content as Notes
from .backend import EmbeddedBackend
from .definitions import IndexDefinition, TableSettings, read_index, read_schema, shown_schema
from .errors import ApiError
from .items import KeptItem, Keyed, StoredItem
from .journal import replay
from .stream_records import StreamRecord, TableStream
from .table import Table
from .tables import make_table
from .values import ORDERED, read_kept_attributes, wire_attributes, wire_value

MAGIC: Final = b"streamer-dynamodb "
VERSION: Final = 7
UNCHECKED_VERSION: Final = 6
"""It differs in that lines of changes have no checksums."""
_VERSION_CHARACTERS: Final = 9
"""As many are told of the version of a file that may be none of ours."""
_COMPRESSION: Final = 1
"""zlib's fastest: a state is written when the emulator stops, and the user waits."""
_AT_ONCE: Final = 200
"""Items or records of one piece: some milliseconds."""
CONTENT_BYTES: Final = 1024**3
"""Most that a file may hold: more than the tables of a machine's memory."""

_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

Content = dict[str, Any]
Fields = dict[str, Any]
"""What a `StreamRecord` has of its own, and not of its stream."""


class Saved(Struct, frozen=True, kw_only=True):
    """What a saved state has besides tables."""

    notes: Notes
    size_bytes: int
    """How much of it counts; what follows was cut off while it was written."""
    base_bytes: int
    """How much of it is tables; the changes since follow."""
    version: int
    """Of its format; no line is added to one of a former version."""


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
    version, text, base_bytes = _read(data)
    try:
        lines, size_bytes = whole_lines(data, base_bytes, are_checked=version > UNCHECKED_VERSION)
    except DamagedLineError as error:
        whole = f"its first {error.start} bytes (head -c) are the state before that"
        raise ConfigurationError(f"change {error.number} in it is damaged; {whole}") from error
    tables, streams = dict(backend.tables), dict(backend.streams)
    backend.tables.clear()
    backend.streams.clear()
    try:
        notes, kept = _tables(text)
        for head, items, records in kept:
            _load_table(backend, head, items, records)
        replay(lines, notes, backend)
    except (ApiError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        backend.tables.clear()
        backend.tables.update(tables)
        backend.streams.clear()
        backend.streams.update(streams)
        raise _unreadable(f"{type(error).__name__}: {error}") from error
    return Saved(notes=notes, size_bytes=size_bytes, base_bytes=base_bytes, version=version)


def _read(data: bytes) -> tuple[int, bytes, int]:
    """The version, the content, and how many bytes these take."""
    head, _, packed = data.partition(b"\n")
    if not head.startswith(MAGIC):
        raise _unreadable("it was not written by the emulator")
    said = head.removeprefix(MAGIC)
    versions = {b"%d" % version: version for version in (UNCHECKED_VERSION, VERSION)}
    if said not in versions:
        told = said[:_VERSION_CHARACTERS].decode(errors="replace")
        readable = " and ".join(map(str, versions.values()))
        raise _unreadable(f"it has version {told}, this emulator reads versions {readable}")
    try:
        text, rest = _unpacked(packed)
    except (zlib.error, ValueError, MemoryError) as error:
        raise _unreadable(f"{type(error).__name__}: {error}") from error
    return versions[said], text, len(data) - len(rest)


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
    return ConfigurationError(f"it cannot be read as a state: {reason}")


class _Part(Struct, frozen=True):
    """A table as it was at a moment: items and records never change."""

    head: Content
    names: frozenset[str]
    items: list[StoredItem]
    records: list[StreamRecord]

    @classmethod
    def of(cls, table: Table) -> _Part:
        items = list(table.primary.scan())
        records = [] if table.stream is None else list(table.stream.records)
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
            "items": len(items),
            "records": len(records),
        }
        return cls(head, table.lookup_names, items, records)


def _texts(tables: Sequence[_Part], notes: str) -> Iterator[bytes]:
    heads = json.dumps([table.head for table in tables])
    yield f'{{"notes": {notes}, "tables": {heads}}}\n'.encode()
    for table in tables:
        for first in range(0, len(table.items), _AT_ONCE):
            some = table.items[first : first + _AT_ONCE]
            yield json.dumps([[item.size_bytes, _keys(item, table.names)] for item in some]).encode() + b"\n"
            yield b"".join([_text(item) + b"\n" for item in some])
        texts: dict[int, bytes] = {}
        for first in range(0, len(table.records), _AT_ONCE):
            yield b"".join([_record(record, texts) for record in table.records[first : first + _AT_ONCE]])


def _record(record: StreamRecord, texts: dict[int, bytes]) -> bytes:
    """A line, and one for each of its images; ``texts`` are those of images that records before had as the new one."""
    lines = [_dump_record(record)]
    if record.old is not None:  # once it is replaced, no further record has it
        lines.append(texts.pop(id(record.old), b"") or _text(record.old))
    if record.new is not None:
        texts[id(record.new)] = made = _text(record.new)
        lines.append(made)
    return b"\n".join([*lines, b""])


def _text(item: StoredItem) -> bytes:
    """An item as JSON in DynamoDB's notation."""
    kept = item.text if isinstance(item, KeptItem) else b""
    if kept:
        return kept
    parts = [
        f'{json_text(name)}:{{"{value[0]}":{json_text(value[1])}}}'
        if type(value[1]) is str
        else f"{json_text(name)}:{_encode(wire_value(value))}"
        for name, value in item.attrs.items()
    ]
    return f"{{{','.join(parts)}}}".encode()


def _keys(item: StoredItem, names: frozenset[str]) -> Content:
    """What an item is found by, in DynamoDB's notation."""
    kept = item.text if isinstance(item, KeptItem) else b""
    if kept:
        wire = json.loads(kept)
        return {name: wire[name] for name in names if name in wire and not wire[name].keys().isdisjoint(ORDERED)}
    attributes = item.attrs
    return wire_attributes(
        {name: attributes[name] for name in names if name in attributes and attributes[name].type in ORDERED}
    )


def _packed(texts: Iterator[bytes]) -> Iterator[bytes]:
    yield MAGIC + b"%d\n" % VERSION
    packing = zlib.compressobj(_COMPRESSION)
    for text in texts:
        yield packing.compress(text)
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


def _dump_record(record: StreamRecord) -> bytes:
    """All but its images, which follow."""
    told = {
        "event_id": record.event_id,
        "sequence": record.sequence,
        "created_seconds": record.created_seconds,
        "user_identity": record.user_identity,
        "old": None if record.old is None else record.old.size_bytes,
        "new": None if record.new is None else record.new.size_bytes,
    }
    return _encode(told).encode()


# and back


class _Lines:
    """Lines of a state, one after the other."""

    def __init__(self, text: bytes) -> None:
        self._lines = text.split(b"\n")
        self._next = 0

    def take(self, count: int) -> list[bytes]:
        """The next ones; raises ValueError if there are not so many."""
        taken = self._lines[self._next : self._next + count]
        self._next += count
        if len(taken) < count:
            raise ValueError("lines are missing")
        return taken

    def read(self) -> Any:
        """What the next one says."""
        return json.loads(self.take(1)[0])

    def image(self, size_bytes: int) -> KeptItem:
        """The next one as an item of that size."""
        return KeptItem(self.take(1)[0], size_bytes)


def _tables(text: bytes) -> tuple[Notes, Iterator[tuple[Content, list[Keyed], list[Fields]]]]:
    """Notes, and each table with its items and the records of its stream."""
    lines = _Lines(text)
    head = lines.read()
    tables = ((table, _items(lines, table["items"]), _records(lines, table["records"])) for table in head["tables"])
    return head["notes"], tables


def _items(lines: _Lines, count: int) -> list[Keyed]:
    items: list[Keyed] = []
    while len(items) < count:
        told = lines.read()
        texts = lines.take(len(told))
        items += [
            (read_kept_attributes(keys), KeptItem(text, size)) for (size, keys), text in zip(told, texts, strict=True)
        ]
    return items


def _records(lines: _Lines, count: int) -> list[Fields]:
    records = []
    for _ in range(count):
        told = lines.read()
        images = {name: None if told[name] is None else lines.image(told[name]) for name in ("old", "new")}
        records.append(told | images)
    return records


def _load_index(content: Content, types: dict[str, str]) -> IndexDefinition:
    definition = read_index(
        {**content["shown"], **({"ProvisionedThroughput": content["throughput"]} if content["throughput"] else {})},
        types,
        is_global=content["is_global"],
        is_on_demand=not content["throughput"],
    )
    return structs.replace(definition, settings=content["settings"])


def _load_table(backend: EmbeddedBackend, content: Content, items: Sequence[Keyed], records: Sequence[Fields]) -> None:
    types = dict(content["types"])
    table = make_table(
        backend,
        content["name"],
        table_id=content["id"],
        created_seconds=content["created_seconds"],
        key=read_schema(content["key"], types),
        types=types,
        indexes=[_load_index(index, types) for index in content["indexes"]],
        settings=TableSettings(**content["settings"]),
    )
    if content["ttl_attribute"] is not None:
        table.set_expiry(content["ttl_attribute"])
    table.fill(items)
    if content["stream"] is not None:
        _load_stream(backend, table, content["stream"], records)


def _load_stream(backend: EmbeddedBackend, table: Table, content: Content, records: Sequence[Fields]) -> None:
    stream = backend.open_stream(
        table,
        content["view_type"],
        label=content["label"],
        created_seconds=content["created_seconds"],
        first_sequence=int(content["first_sequence"]),
    )
    for fields in records:
        stream.append(
            StreamRecord(
                region=backend.region_name,
                arn=stream.arn,
                view_type=stream.view_type,
                key_names=stream.key_names,
                **fields,
            )
        )
    stream.next_sequence = int(content["next_sequence"])
