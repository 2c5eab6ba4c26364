"""Changes of the embedded DynamoDB as lines of text, which a saved state has after its tables, and back. Pure.

A line is JSON: ``["put", ...]``, an item as the request that put it had it, ``["changes", [...]]``, all that any other
request or transaction changed, or a note (`emulator.notes`). One that is cut off was never written.
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
from .values import SETS, Attributes, AttributeValue, read_attributes

PUT: Final = "put"
CHANGES: Final = "changes"
BESIDES_BYTES: Final = 2000
"""A request that puts an item may hold so much besides it; of a longer one the item alone is written."""


def _text_of(binary: bytes) -> str:
    return base64.b64encode(binary).decode("ascii")


# A value is written as it is, ``[type, content]``: other forms would have to be made for each.
_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_text_of).encode


Change = tuple[Sequence[JournaledChange], bytes | None]
"""What was changed together, and the body of the request that put the item, if that was all."""


def journal_lines(changes: Sequence[Change | bytes]) -> bytes:
    """Lines of changes, and of notes, which are lines already.

    Made of many at once: the time goes into calling an encoder, and into finding items that are in no cache any more.
    """
    lines: list[bytes] = []
    others: list[Any] = []
    for each in changes:
        line = each if isinstance(each, bytes) else _put_line(*each)
        if line is not None:
            lines += [*_changes_line(others), line]
            others = []
        elif not isinstance(each, bytes):
            others += [_written(*change) for change in each[0]]
    return b"".join([*lines, *_changes_line(others)])


def _changes_line(others: Sequence[Any]) -> Sequence[bytes]:
    """One, or none if there are no changes."""
    return [f'["changes",{_encode(others)}]\n'.encode()] if others else []


def _put_line(changes: Sequence[JournaledChange], request: bytes | None) -> bytes | None:
    """A put item as its request, which is JSON already; None: it was another one, or goes as its item alone."""
    if request is None or len(changes) != 1:
        return None
    table, _, new, record = changes[0]
    if new is None or len(request) > new.size_bytes * 2 + BESIDES_BYTES or b"\n" in request or b"\r" in request:
        return None
    told = "null"
    if record is not None:  # ids and names of tables hold nothing that JSON escapes
        told = f'["{record.event_id}",{record.created_seconds!r},{"true" if record.user_identity else "false"}]'
    return b'["put","%b",%b,%b]\n' % (table.name.encode(), told.encode(), request)


def _written(table: Table, old: StoredItem | None, new: StoredItem | None, record: StreamRecord | None) -> list[Any]:
    """Table, attributes that are new or others, key, what the stream tells, names of attributes that are gone.

    Without attributes: the item is gone. Without names: the attributes are all, and the key is among them.
    """
    told = _told(record)
    if new is None:
        assert old is not None
        return [table.name, None, _key(table, old), told]
    if old is not None:
        before, after = old.attrs, new.attrs
        others = {name: value for name, value in after.items() if before.get(name) is not value}
        if len(others) < len(after):
            gone = [] if before.keys() <= after.keys() else [name for name in before if name not in after]
            return [table.name, others, _key(table, new), told, gone]
    return [table.name, new.attrs, None, told]


def _key(table: Table, item: StoredItem) -> dict[str, AttributeValue]:
    return {name: item.attrs[name] for name in table.key.names}


def _told(record: StreamRecord | None) -> list[Any] | None:
    return None if record is None else [record.event_id, record.created_seconds, bool(record.user_identity)]


def replay(lines: Iterable[bytes], notes: Content, backend: EmbeddedBackend | None = None) -> None:
    """Do again what lines say, in tables and notes.

    Raises:
        ValueError, LookupError, TypeError, RecursionError: a line is none, or does not fit the tables.
    """
    for line in lines:
        kind, *rest = json.loads(line)
        if kind == NOTE:
            take(notes, *rest)
        elif kind == PUT and backend is not None:
            name, told, request = rest
            new = StoredItem(read_attributes(request["Item"]))
            _redo(backend, backend.tables[name], new, new.attrs, told)
        elif kind == CHANGES and backend is not None:
            for change in rest[0]:
                _change(backend, change)
        else:
            raise ValueError(f"a line is of kind {kind!r}")


def _change(backend: EmbeddedBackend, change: Sequence[Any]) -> None:
    name, attributes, key, told, *gone = change
    table = backend.tables[name]
    new = None if attributes is None else StoredItem(_read(attributes))
    if new is not None and gone:
        old = table.primary.get(_read(key))
        if old is None:
            raise ValueError("an item is changed that is not there")
        kept = {name: value for name, value in old.attrs.items() if name not in gone[0]}
        new = old.changed_to(kept | new.attrs)
    _redo(backend, table, new, _read(key) if new is None else new.attrs, told)


def _redo(backend: EmbeddedBackend, table: Table, new: StoredItem | None, key: Attributes, told: Any) -> None:
    old = table.primary.get(key)
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
