"""What a change set does to each resource of a stack. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from .records import Change, Proposed, ResourceRecord


def changed(before: Mapping[str, ResourceRecord], after: Mapping[str, ResourceRecord]) -> tuple[Change, ...]:
    """The changes from one set of resources to another, by logical id: what is new or differs, then what is gone."""
    found = []
    for name, now in after.items():
        old = before.get(name)
        if old is None:
            found.append(Change(action="Add", logical_id=name, physical_id=None, type=now.type))
        elif _is_changed(old, now):
            found.append(_modified(old, now))
    for name, old in before.items():
        if name not in after:
            found.append(Change(action="Remove", logical_id=name, physical_id=old.physical_id, type=old.type))
    return tuple(found)


def _is_changed(old: ResourceRecord, now: ResourceRecord) -> bool:
    if (old.type, old.physical_id, old.properties) != (now.type, now.physical_id, now.properties):
        return True
    if _attributes(old, now):
        return True
    return now.inner is not None and not is_same(old.inner, now.inner)


def gone(before: Mapping[str, ResourceRecord], after: Mapping[str, ResourceRecord]) -> Iterator[ResourceRecord]:
    """The resources that are no more or become others, also those of nested stacks that stay; not those that are kept.

    [DOC] cfn-docs:aws-attribute-deletionpolicy, cfn-docs:aws-attribute-updatereplacepolicy: each for its own case;
    [INF] what is replaced is kept as the template says that replaces it
    """
    for each in changed(before, after):
        old, now = before.get(each.logical_id), after.get(each.logical_id)
        if old is None:
            continue
        if now is None or each.replaced:
            if not (old.retained if now is None else now.outlives_replacement):
                yield old
        elif old.inner is not None and now.inner is not None:
            yield from gone(old.inner.resources, now.inner.resources)


def among(resources: Mapping[str, ResourceRecord], names: Collection[str]) -> Iterator[ResourceRecord]:
    """The resources with these logical ids, also those of nested stacks."""
    for name, each in resources.items():
        if each.inner is not None:
            yield from among(each.inner.resources, names)
        elif name in names:
            yield each


def fresh(
    before: Mapping[str, ResourceRecord], after: Mapping[str, ResourceRecord], names: Collection[str]
) -> Iterator[ResourceRecord]:
    """The resources with these logical ids that were not there before under the same name."""
    had = {(each.type, each.physical_id) for each in _every(before)}
    return (each for each in among(after, names) if (each.type, each.physical_id) not in had)


def _every(resources: Mapping[str, ResourceRecord]) -> Iterator[ResourceRecord]:
    for each in resources.values():
        yield each
        if each.inner is not None:
            yield from _every(each.inner.resources)


def _modified(old: ResourceRecord, now: ResourceRecord) -> Change:
    names = sorted({*old.properties, *now.properties})
    return Change(
        action="Modify",
        logical_id=now.logical_id,
        physical_id=old.physical_id,
        type=now.type,
        replaced=(old.type, old.physical_id) != (now.type, now.physical_id),
        properties=tuple(name for name in names if old.properties.get(name) != now.properties.get(name)),
        attributes=_attributes(old, now),
    )


def _attributes(old: ResourceRecord, now: ResourceRecord) -> tuple[str, ...]:
    """The policies that change. [USR] cloudformation-coverage-roadmap #1543, ministack #1646: they count as a change"""
    policies = (
        ("DeletionPolicy", old.retained, now.retained),
        ("UpdateReplacePolicy", old.outlives_replacement, now.outlives_replacement),
    )
    return tuple(name for name, before, after in policies if before != after)


def is_same(before: Proposed | None, after: Proposed) -> bool:
    """Whether a change set would change nothing."""
    if before is None:
        return False
    told = (before.outputs, before.tags, before.description) == (after.outputs, after.tags, after.description)
    return told and not changed(before.resources, after.resources)
