"""Changes of the embedded DynamoDB as lines of text, which a saved state has after its tables, and back. Pure.

A line is JSON: ``["changes", [...]]``, all that one request or transaction changed, or a note (`emulator.notes`). One
that is cut off was never written.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..notes import NOTE, Content, take
from .backend import EmbeddedBackend, JournaledChange
from .items import StoredItem
from .records import SERVICE_IDENTITY, StreamRecord
from .table import Table
from .values import SETS, AttributeValue

CHANGES: Final = "changes"


def _text_of(binary: bytes) -> str:
    return base64.b64encode(binary).decode("ascii")


# A value is written as it is, ``[type, content]``: other forms would have to be made for each.
_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_text_of).encode


def changes_line(changes: Sequence[JournaledChange]) -> bytes:
    """What was changed together."""
    return f"{_encode([CHANGES, [_written(*change) for change in changes]])}\n".encode()


def _written(table: Table, old: StoredItem | None, new: StoredItem | None, record: StreamRecord | None) -> list[Any]:
    key = None
    if new is None:
        assert old is not None
        key = {name: old.attrs[name] for name in table.key.names}
    told = None
    if record is not None:
        told = [record.event_id, record.created_seconds, bool(record.user_identity)]
    return [table.name, None if new is None else new.attrs, key, told]


def replay(lines: Iterable[bytes], notes: Content, backend: EmbeddedBackend | None = None) -> None:
    """Do again what lines say, in tables and notes.

    Raises:
        ValueError, LookupError, TypeError, RecursionError: a line is none, or does not fit the tables.
    """
    for line in lines:
        kind, *rest = json.loads(line)
        if kind == NOTE:
            take(notes, *rest)
        elif kind == CHANGES and backend is not None:
            for change in rest[0]:
                _redo(backend, *change)
        else:
            raise ValueError(f"a line is of kind {kind!r}")


def _redo(backend: EmbeddedBackend, name: str, item: Any, key: Any, told: Any) -> None:
    table = backend.tables[name]
    new = None if item is None else StoredItem(_read(item))
    old = table.primary.get(_read(key) if new is None else new.attrs)
    if old is None and new is None:
        return
    event_id, seconds, is_by_service = told or ("", 0.0, False)
    identity = SERVICE_IDENTITY if is_by_service else None
    backend.redo(table, old, new, event_id=event_id, created_seconds=seconds, user_identity=identity)


def _read(written: Mapping[str, Any]) -> dict[str, AttributeValue]:
    return {name: _value(kind, content) for name, (kind, content) in written.items()}


def _value(kind: str, content: Any) -> AttributeValue:
    if kind == "M":
        content = _read(content)
    elif kind == "L":
        content = tuple([_value(*member) for member in content])
    elif kind == "B":
        content = base64.b64decode(content)
    elif kind == "BS":
        content = tuple([base64.b64decode(member) for member in content])
    elif kind in SETS:
        content = tuple(content)
    return AttributeValue(kind, content)
