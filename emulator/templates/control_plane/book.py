"""Stacks by name and by id. Holds frozen records, and notes them for the next run; pure otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import structs

from ...foundation.notes import Notes
from . import kept
from .asked import invalid
from .query import ApiError
from .records import ChangeSet, Proposed, ResourceRecord, StackRecord

GONE: Final = 100
"""Most stacks that are gone and still known by their ids; the oldest are forgotten first."""


class Book:
    """All stacks that there are and were."""

    def __init__(self, notes: Notes | None = None) -> None:
        self._notes = Notes() if notes is None else notes
        self._by_id: dict[str, StackRecord] = {}

    def left(self) -> list[StackRecord]:
        """The stacks of the last run, as they were when nothing was done to them; raises ConfigurationError."""
        return list(kept.read(self._notes.of(kept.RECORDS), kept.record_of).values())

    def forget(self, stack: StackRecord) -> None:
        """Let the next run not know a stack."""
        self._notes.drop(kept.RECORDS, stack.stack_id)

    def put(self, stack: StackRecord) -> None:
        """Know a stack as it is now."""
        self._by_id[stack.stack_id] = stack
        if stack.is_gone:
            self.forget(stack)
        elif not stack.is_busy:
            self._notes.put(kept.RECORDS, stack.stack_id, kept.record_note(stack))
        self._notes.settle()  # whoever is told of it is told what outlives this process
        gone = [each.stack_id for each in self._by_id.values() if each.is_gone]
        for stack_id in gone[:-GONE]:
            del self._by_id[stack_id]

    def all(self) -> list[StackRecord]:
        """The newest first."""
        return list(reversed(self._by_id.values()))

    def find(self, name: str) -> StackRecord | None:
        """A stack that is there, by name or id; None: there is none."""
        found = self._by_id.get(name)
        if found is not None:
            return None if found.is_gone else found
        return next((each for each in self._by_id.values() if each.name == name and not each.is_gone), None)

    def named(self, name: str) -> StackRecord:
        """A stack by name, or by id, also when it is gone; raises ApiError."""
        found = self._by_id.get(name) or self.find(name)
        if found is None:
            raise invalid(f"Stack with id {name} does not exist")
        return found

    # with the stacks that are nested in others, which nobody changes but those

    def everything(self) -> list[StackRecord]:
        """All stacks, each before those that are nested in it."""
        return [found for each in self.all() for found in (each, *nested(each))]

    def told(self, name: str) -> StackRecord:
        """A stack by name or id, also when it is gone or nested in another; raises ApiError."""
        found = next(
            (each for each in self.everything() if name in (each.stack_id, each.name) and _is_nested(each)), None
        )
        return self.named(name) if found is None else found

    def refuse_nested(self, name: str) -> None:
        """Refuse to change a stack that is nested in another; raises ApiError."""
        for each in self.everything():
            if _is_nested(each) and name in (each.stack_id, each.name):
                raise invalid(f"Stack [{each.name}] is nested in {each.parent_id}, and goes with it")

    def change_set(self, asked: Mapping[str, Any]) -> tuple[StackRecord, ChangeSet]:
        """A change set by name and stack, or by id; raises ApiError."""
        name, stack_name = str(asked.get("ChangeSetName") or ""), asked.get("StackName")
        if stack_name is None and not name.startswith("arn:"):
            raise invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
        stacks = self._by_id.values() if stack_name is None else [self.named(str(stack_name))]
        for stack in stacks:
            for each in stack.change_sets.values():
                if name in (each.name, each.change_set_id):
                    return stack, each
        raise ApiError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)


def nested(stack: StackRecord) -> Iterator[StackRecord]:
    """The stacks that are nested in one that is there."""
    for each in () if stack.is_gone or stack.current is None else stack.current.resources.values():
        if each.inner is not None:
            found = _inner(stack, each, each.inner)
            yield found
            yield from nested(found)


def _inner(stack: StackRecord, resource: ResourceRecord, current: Proposed) -> StackRecord:
    own = stack.resources.get(resource.logical_id, resource)
    resources = {name: structs.replace(each, status=own.status, at=own.at) for name, each in current.resources.items()}
    return StackRecord(
        name=resource.physical_id.split("/")[1],
        stack_id=resource.physical_id,
        status=own.status,
        created_at=stack.created_at,
        updated_at=stack.updated_at,
        current=current,
        resources=resources,
        parent_id=stack.stack_id,
    )


def _is_nested(stack: StackRecord) -> bool:
    return stack.parent_id is not None
