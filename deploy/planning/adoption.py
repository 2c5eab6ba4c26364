"""Whether a table that exists already is the one that a stack describes. Pure.

AWS compares nothing when a stack takes a resource over. [DOC] cfn-docs: import-resources-automatically
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..stack.names import is_literal

_SHAPE: Final = (
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "StreamSpecification",
    "TimeToLiveSpecification",
)


def has_literal_shape(described: Mapping[str, Any]) -> bool:
    """Whether a template says itself what a table looks like; else it can be compared with nothing here."""
    return all(is_literal(described.get(name)) for name in _SHAPE)


def misfit(described: Mapping[str, Any], existing: Mapping[str, Any]) -> str | None:
    """Why a table cannot be taken over; None: it can, or nobody can tell.

    Args:
        described: Properties of the table in the template.
        existing: What DescribeTable says of it.
    """
    if not has_literal_shape(described):
        return None
    wanted, found = _keys(described), _keys(existing)
    if wanted != found:
        return f"its key is {found}, not {wanted}"
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        theirs = {index["IndexName"]: _keys({**existing, **index}) for index in existing.get(kind) or ()}
        for index in described.get(kind) or ():
            name = index["IndexName"]
            wanted_key, found_key = _keys({**described, **index}), theirs.get(name)
            if found_key is None:
                return f"it has no index {name}"
            if found_key != wanted_key:
                return f"the key of its index {name} is {found_key}, not {wanted_key}"
    stream = (described.get("StreamSpecification") or {}).get("StreamViewType")
    specification = existing.get("StreamSpecification") or {}
    now = specification.get("StreamViewType") if specification.get("StreamEnabled") else None
    return f"its stream is {now or 'off'}, not {stream}" if stream is not None and now != stream else None


def _keys(table: Mapping[str, Any]) -> str:
    """Keys with their types, as text."""
    types = {each["AttributeName"]: each["AttributeType"] for each in table.get("AttributeDefinitions", ())}
    schema = sorted(table.get("KeySchema", ()), key=lambda each: str(each["KeyType"]))
    return ", ".join(f"{each['AttributeName']} ({types.get(each['AttributeName'], '?')})" for each in schema)
