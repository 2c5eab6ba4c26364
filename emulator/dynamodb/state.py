"""The embedded DynamoDB in a file: tables, items and streams, with their records and how far these were read.

The format is one line that names it and its version, then compressed JSON in DynamoDB's own notation: nothing in it
can run when it is read.
"""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from typing import Any, Final

from streamer.errors import ConfigurationError

from .backend import EmbeddedBackend
from .errors import ApiError
from .items import StoredItem
from .records import Stream, StreamRecord
from .table import EmbeddedTable
from .values import read_value, wire_attributes

MAGIC: Final = b"streamer-dynamodb "
VERSION: Final = 1

Content = dict[str, Any]


NO_CHECKPOINTS: Final = "[]"
"""What a dump has from before checkpoints were kept."""


def dump(backend: EmbeddedBackend, checkpoints: str = NO_CHECKPOINTS) -> bytes:
    """Everything in the tables, and their open streams.

    ``checkpoints`` is what the readers of the streams need to go on, as JSON of theirs; it stays one text, because its
    objects are no attribute values.
    """
    content = {"tables": [_dump_table(table) for table in backend.tables.values()], "checkpoints": checkpoints}
    return MAGIC + b"%d\n" % VERSION + zlib.compress(json.dumps(content).encode())


def load(backend: EmbeddedBackend, data: bytes) -> str:
    """Replace all tables by those of a dump, and return its checkpoints.

    Raises:
        ConfigurationError: it is no dump, a damaged one, or one of another version; the tables are as before.
    """
    content = _read(data)
    checkpoints = content.get("checkpoints", NO_CHECKPOINTS)
    if not isinstance(checkpoints, str):
        raise _unreadable("its checkpoints are not a text")
    tables, streams = dict(backend.tables), dict(backend.streams)
    backend.tables.clear()
    backend.streams.clear()
    try:
        for description in content["tables"]:
            _load_table(backend, description)
    except (ApiError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        backend.tables.update(tables)
        backend.streams.clear()
        backend.streams.update(streams)
        raise _unreadable(f"{type(error).__name__}: {error}") from error
    return checkpoints


def _read(data: bytes) -> Content:
    head, _, packed = data.partition(b"\n")
    if not head.startswith(MAGIC):
        raise _unreadable("it was not written by the emulator")
    version = head.removeprefix(MAGIC)
    if version != b"%d" % VERSION:
        raise _unreadable(f"it has version {version.decode(errors='replace')}, this emulator reads version {VERSION}")
    try:
        content = json.loads(zlib.decompress(packed), object_hook=read_value)
    except (zlib.error, ValueError, ApiError) as error:
        raise _unreadable(f"{type(error).__name__}: {error}") from error
    if not isinstance(content, dict):
        raise _unreadable("its content is not an object")
    return content


def _unreadable(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"the saved DynamoDB state cannot be read: {reason}; delete the state file to start with empty tables"
    )


def _dump_table(table: EmbeddedTable) -> Content:
    return {
        "name": table.name,
        "created_seconds": table.created_at.replace(tzinfo=UTC).timestamp(),
        "description": {
            "schema": table.schema,
            "attr": table.attr,
            "throughput": {name: table.throughput[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits")},
            "global_indexes": [index.describe() for index in table.global_indexes],
            "indexes": [index.describe() for index in table.indexes],
            "warm_throughput": table.warm_throughput,
            "billing_mode": table.billing_mode,
            "sse_specification": table.sse_specification,
            "tags": table.tags,
            "deletion_protection_enabled": table.deletion_protection_enabled,
        },
        "ttl_attribute": None if table.expiry is None else table.expiry.attribute,
        "stream": None if table.stream is None else _dump_stream(table.stream),
        "items": [wire_attributes(item.attrs) for item in table.primary.scan()],
    }


def _dump_stream(stream: Stream) -> Content:
    return {
        "label": stream.label,
        "view_type": stream.view_type,
        "created_seconds": stream.created_seconds,
        "first_sequence": stream.first_sequence,
        "next_sequence": stream.next_sequence,
        "records": [_dump_record(record) for record in stream.records],
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


def _load_table(backend: EmbeddedBackend, content: Content) -> None:
    table = backend.create_table(content["name"], **content["description"], streams=None)
    table.created_at = datetime.fromtimestamp(content["created_seconds"], UTC).replace(tzinfo=None)
    for attributes in content["items"]:
        # Before the stream is opened: these are no changes.
        table.put_item(attributes)
    if content["ttl_attribute"] is not None:
        backend.update_time_to_live(table.name, {"Enabled": True, "AttributeName": content["ttl_attribute"]})
    if content["stream"] is not None:
        _load_stream(table, content["stream"])


def _load_stream(table: EmbeddedTable, content: Content) -> None:
    table.stream_specification = {"StreamEnabled": True, "StreamViewType": content["view_type"]}
    stream = table.open_stream(
        label=content["label"],
        created_seconds=content["created_seconds"],
        first_sequence=int(content["first_sequence"]),
    )
    for saved in content["records"]:
        record = StreamRecord(
            event_id=saved["event_id"],
            region=table.region_name,
            arn=stream.arn,
            view_type=stream.view_type,
            sequence=int(saved["sequence"]),
            created_seconds=saved["created_seconds"],
            key_names=stream.key_names,
            old=_load_image(table, saved["old"]),
            new=_load_image(table, saved["new"]),
            user_identity=saved["user_identity"],
        )
        stream.append(record)
    stream.next_sequence = int(content["next_sequence"])


def _load_image(table: EmbeddedTable, attributes: Content | None) -> StoredItem | None:
    return None if attributes is None else table.make_item(attributes)
