"""What a change set does to each resource of a stack. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .records import Change, Proposed, ResourceRecord


def changed(before: Mapping[str, ResourceRecord], after: Mapping[str, ResourceRecord]) -> tuple[Change, ...]:
    """The changes from one set of resources to another, by logical id: what is new or differs, then what is gone."""
    found = []
    for name, now in after.items():
        old = before.get(name)
        if old is None:
            found.append(Change(action="Add", logical_id=name, physical_id=None, type=now.type))
        elif (old.type, old.physical_id, old.properties) != (now.type, now.physical_id, now.properties):
            found.append(_modified(old, now))
    for name, old in before.items():
        if name not in after:
            found.append(Change(action="Remove", logical_id=name, physical_id=old.physical_id, type=old.type))
    return tuple(found)


def _modified(old: ResourceRecord, now: ResourceRecord) -> Change:
    names = sorted({*old.properties, *now.properties})
    return Change(
        action="Modify",
        logical_id=now.logical_id,
        physical_id=old.physical_id,
        type=now.type,
        replaced=(old.type, old.physical_id) != (now.type, now.physical_id),
        properties=tuple(name for name in names if old.properties.get(name) != now.properties.get(name)),
    )


def is_same(before: Proposed | None, after: Proposed) -> bool:
    """Whether a change set would change nothing."""
    if before is None:
        return False
    told = (before.outputs, before.tags, before.description) == (after.outputs, after.tags, after.description)
    return told and not changed(before.resources, after.resources)
