"""What earlier versions of a saved state hold: one JSON value, in which all items of a table are a list."""

from __future__ import annotations

import dataclasses
import itertools
import json
import uuid
from collections.abc import Iterator
from typing import Any, Final

from ..foundation.notes import Content as Notes
from .definitions import TableSettings, read_definitions
from .items import Keyed, StoredItem, keyed
from .values import read_kept_attributes

OLDER: Final = (4, 3, 2, 1)
"""4 and 3: a list of items, one of their sizes. 2 does not say how large they are. 1: tables as moto described them."""
_OLDEST: Final = 1

Content = dict[str, Any]
Fields = dict[str, Any]


def older_tables(text: bytes, version: int) -> tuple[Notes, Iterator[tuple[Content, list[Keyed], list[Fields]]]]:
    """Notes, and each table with its items and the records of its stream.

    Raises:
        ValueError, LookupError, TypeError, RecursionError: the text is no state.
    """
    content = json.loads(text)
    if not isinstance(content, dict):
        raise TypeError("its content is not an object")
    notes = content.get("notes", {})
    if "checkpoints" in content:
        notes = {"checkpoints": {"": str(content["checkpoints"])}}
    tables = [_renewed(table) if version == _OLDEST else table for table in content["tables"]]
    return notes, ((table, _items(table), _records(table)) for table in tables)


def _items(table: Content) -> list[Keyed]:
    sizes = table.get("sizes") or itertools.repeat(None)
    return [
        keyed(StoredItem(read_kept_attributes(kept), size)) for kept, size in zip(table["items"], sizes, strict=False)
    ]


def _records(table: Content) -> list[Fields]:
    if table["stream"] is None:
        return []
    records = table["records"] if "records" in table else table["stream"]["records"]
    return [
        {
            "event_id": saved["event_id"],
            "sequence": int(saved["sequence"]),
            "created_seconds": saved["created_seconds"],
            "user_identity": saved["user_identity"],
            "old": _image(saved["old"]),
            "new": _image(saved["new"]),
        }
        for saved in records
    ]


def _image(attributes: Content | None) -> StoredItem | None:
    return None if attributes is None else StoredItem(read_kept_attributes(attributes))


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
