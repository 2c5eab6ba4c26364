"""Changes of the embedded DynamoDB as lines of text, which a saved state has after its tables, and back. Pure.

A line is JSON: ``["PutItem", ...]``, ``["TransactWriteItems", ...]`` and the like, the request that changed items,
``["changes", [...]]``, all that any other request changed, or a note (`emulator.foundation.notes`). One that is cut off
was never written. Requests are done again with the items' sizes beside them, which tell whether they came to the same.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring_ascii as json_text
from typing import Any, Final

from ..foundation.notes import NOTE, Content, take
from .backend import EmbeddedBackend, JournaledChange
from .items import StoredItem
from .stream_records import SERVICE_IDENTITY, StreamRecord
from .table import Table
from .values import SETS, Attributes, AttributeValue
from .writing import PREPARE

TRANSACTION: Final = "TransactWriteItems"
ONE_ITEM: Final = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}
"""Requests that write one item, and what they are called in a transaction."""
REQUESTS: Final = frozenset({*ONE_ITEM, TRANSACTION})
"""Requests that are told as they are."""
CHANGES: Final = "changes"
BESIDES_BYTES: Final = 2000
"""A request may hold so much besides its items; of a longer one its changes alone are written."""
TICKS: Final = 2**22
"""Times are told in so many parts of a second: whole numbers for any clock since 2004, whose text is made four times as
fast as a fraction's."""
_NEWLINE: Final = ord("\n")
Beside = tuple[Any, int]
"""What the stream tells of a change, and the size of the item after it; 0: it is gone."""


def _text_of(binary: bytes) -> str:
    return base64.b64encode(binary).decode("ascii")


# A value is written as it is, ``[type, content]``: other forms would have to be made for each.
_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_text_of).encode


def journal_line(changes: Sequence[JournaledChange], request: tuple[str, bytes] | None = None) -> bytes:
    """The line of what was changed together; ``request`` is one of `REQUESTS` and its body, if that was all.

    To be made at once, while all it tells of is in the processor's caches: later it costs several times as much. A
    request is JSON already, and costs a third of what its changes would; every write of it that changes something is
    among the changes, in order.
    """
    if request is not None:
        action, body = request
        if action == TRANSACTION:
            beside, items_bytes = _of_all(changes)
        else:
            table, _, new, record = changes[0]
            items_bytes = 0 if new is None else new.size_bytes
            beside = f'"{table.name}",{_told(record)},{items_bytes}'
        if len(body) <= items_bytes * 2 + BESIDES_BYTES and _NEWLINE not in body:
            return f'["{action}",{beside},'.encode() + body + b"]\n"
    return f'["changes",[{",".join([_written(*change) for change in changes])}]]\n'.encode()


def _of_all(changes: Sequence[JournaledChange]) -> tuple[str, int]:
    """What a transaction does not say: what the streams tell, and sizes; and all of these."""
    sizes = [0 if new is None else new.size_bytes for _, _, new, _ in changes]
    told = [f"[{_told(change[3])},{size_bytes}]" for change, size_bytes in zip(changes, sizes, strict=True)]
    return f"[{','.join(told)}]", sum(sizes)


def _written(table: Table, old: StoredItem | None, new: StoredItem | None, record: StreamRecord | None) -> str:
    """Table, attributes that are new or others, key, what the stream tells, names of attributes that are gone.

    Without attributes: the item is gone. Without names: the attributes are all, and the key is among them. Names of
    tables hold nothing that JSON escapes.
    """
    if new is None:
        assert old is not None
        return f'["{table.name}",null,{{{_texts(old.attrs, table.key.names)}}},{_told(record)}]'
    after = new.attrs
    if old is not None:
        before, others, added = old.attrs, [], 0
        for name, value in after.items():
            was = before.get(name)
            if was is not value:
                others.append(name)
                added += was is None
        if len(others) < len(after):
            key, told = _texts(after, table.key.names), _told(record)
            is_less = len(before) + added > len(after)
            gone = _encode([name for name in before if name not in after]) if is_less else "[]"
            return f'["{table.name}",{{{_texts(after, others)}}},{{{key}}},{told},{gone}]'
    return f'["{table.name}",{{{_texts(after, after)}}},null,{_told(record)}]'


def _texts(attributes: Attributes, names: Iterable[str]) -> str:
    """Names and values. Most are texts and numbers, for which an encoder takes three times as long."""
    texts = []
    for name in names:
        kind, content = value = attributes[name]
        if type(content) is str:
            texts.append(f'{json_text(name)}:["{kind}",{json_text(content)}]')
        else:
            texts.append(f"{json_text(name)}:{_encode(value)}")
    return ",".join(texts)


def _told(record: StreamRecord | None) -> str:
    """Ids hold nothing that JSON escapes."""
    if record is None:
        return "null"
    is_by_service = "true" if record.user_identity else "false"
    return f'["{record.event_id}",{int(record.created_seconds * TICKS)},{is_by_service}]'


def replay(lines: Iterable[bytes], notes: Content, backend: EmbeddedBackend | None = None) -> None:
    """Do again what lines say, in tables and notes.

    Raises:
        ApiError, ValueError, LookupError, TypeError, RecursionError: a line is none, or does not fit the tables.
    """
    for line in lines:
        kind, *rest = json.loads(line)
        if kind == NOTE:
            take(notes, *rest)
        elif kind in ONE_ITEM and backend is not None:
            name, told, size_bytes, request = rest
            _write(backend, ONE_ITEM[kind], {**request, "TableName": name}, iter([(told, size_bytes)]))
        elif kind == TRANSACTION and backend is not None:
            _transaction(backend, *rest)
        elif kind == CHANGES and backend is not None:
            for change in rest[0]:
                _change(backend, change)
        else:
            raise ValueError(f"a line is of kind {kind!r}")


def _transaction(backend: EmbeddedBackend, beside: Sequence[Beside], request: Mapping[str, Any]) -> None:
    left = iter(beside)
    for entry in request["TransactItems"]:
        for kind, write in entry.items():
            _write(backend, kind, write, left)
    if next(left, None) is not None:
        raise ValueError("a transaction changes less than it did")


def _write(backend: EmbeddedBackend, kind: str, request: Mapping[str, Any], left: Iterator[Beside]) -> None:
    """Do one write again. It takes what was told beside it from what is left, if it changed anything."""
    write = PREPARE[kind](backend, request)
    if write.compute is None:
        return
    write.check()
    old = write.table.primary.get(write.key)
    new = write.compute(old)
    if old is None and new is None:
        return
    told, size_bytes = next(left, (None, -1))
    if size_bytes != (0 if new is None else new.size_bytes):
        raise ValueError("a request comes to another item than it did")
    _redo(backend, write.table, new, write.key, told)


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
    event_id, ticks, is_by_service = told or ("", 0, False)
    identity = SERVICE_IDENTITY if is_by_service else None
    backend.redo(table, old, new, event_id=event_id, created_seconds=ticks / TICKS, user_identity=identity)


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
