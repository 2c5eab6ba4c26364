"""The life of a stack: each step gives the stack as it is then, with its events. Pure.

[DOC] cfn-docs:view-stack-events (statuses), cfn-docs:stack-failure-options; [INF] the order of the events of resources,
which AWS makes side by side
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec import structs

from .changes import changed
from .records import GONE, REVIEW, STACK, ChangeSet, Event, Failure, Moment, Proposed, ResourceRecord, StackRecord

USER: Final = "User Initiated"
INITIATED: Final = "Resource creation Initiated"
CANCELLED: Final = "Resource creation cancelled"
REPLACED: Final = "Requested update requires the creation of a new physical resource; hence creating one."
EVENTS: Final = 2_000
"""Most events that are kept of a stack; the oldest are forgotten first."""


def reviewed(name: str, stack_id: str, moment: Moment) -> StackRecord:
    """A stack that has nothing but a change set to come."""
    stack = StackRecord(name=name, stack_id=stack_id, status=REVIEW, created_at=moment.at)
    return _told(stack, REVIEW, USER, moment)


def started(stack: StackRecord, kind: str, moment: Moment) -> StackRecord:
    """``CREATE``, ``UPDATE`` or ``DELETE`` begins."""
    found = structs.replace(stack, updated_at=stack.updated_at if kind == "CREATE" else moment.at)
    return _told(found, f"{kind}_IN_PROGRESS", USER, moment)


def proposed(stack: StackRecord, change_set: ChangeSet) -> StackRecord:
    """The stack with another change set, or another version of one."""
    return structs.replace(stack, change_sets={**stack.change_sets, change_set.name: change_set})


def withdrawn(stack: StackRecord, name: str) -> StackRecord:
    """The stack without a change set."""
    kept = {each: found for each, found in stack.change_sets.items() if each != name}
    return structs.replace(stack, change_sets=kept)


def created(stack: StackRecord, to: Proposed, moment: Moment) -> StackRecord:
    """Everything was made."""
    for each in to.resources.values():
        stack = _made(stack, each, moment)
    return _told(structs.replace(stack, current=to), "CREATE_COMPLETE", None, moment)


def updated(stack: StackRecord, to: Proposed, moment: Moment) -> StackRecord:
    """Everything was changed; what is no longer there was removed."""
    before = stack.standing
    changes = changed(before, to.resources)
    for each in changes:
        if each.action == "Add":
            stack = _made(stack, to.resources[each.logical_id], moment)
        elif each.action == "Modify":
            after = to.resources[each.logical_id]
            stack = _of(stack, after, "UPDATE_IN_PROGRESS", REPLACED if each.replaced else None, moment)
            stack = _of(stack, after, "UPDATE_COMPLETE", None, moment)
    stack = _mended(stack, to.resources, {each.logical_id for each in changes}, moment)
    stack = _told(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None, moment)
    for each in changes:
        if each.action == "Remove":
            stack = _removed(stack, before[each.logical_id], moment)
        elif each.replaced:
            now = stack.resources[each.logical_id]
            old = structs.replace(before[each.logical_id], retained=now.outlives_replacement)
            stack = _removed(stack, old, moment)
            stack = structs.replace(stack, resources={**stack.resources, each.logical_id: now})
    return _told(structs.replace(stack, current=to), "UPDATE_COMPLETE", None, moment)


def deleted(stack: StackRecord, moment: Moment, kept: Collection[str] = ()) -> StackRecord:
    """Everything was removed but what policies or ``kept``, logical ids, say that it stays."""
    for each in reversed(list(stack.standing.values())):
        stack = _removed(stack, structs.replace(each, retained=each.retained or each.logical_id in kept), moment)
    stack = structs.replace(stack, deleted_at=moment.at, change_sets={})
    return _told(stack, GONE, None, moment)


def not_deleted_at_all(stack: StackRecord, status: str, reason: str, moment: Moment) -> StackRecord:
    """Nothing was removed, as something else needs it: the stack is what it was, of which ``status`` is told.

    [REC] aws-cdk #604: the status of before, with the reason
    """
    return _told(stack, status, reason, moment)


def rolled_back(stack: StackRecord, moment: Moment) -> StackRecord:
    """A stack that stayed as it was when it failed, back at what it was before; one that never was is empty."""
    if stack.current is not None:
        stack = _told(stack, "UPDATE_ROLLBACK_IN_PROGRESS", USER, moment)
        stack = _mended(stack, stack.standing, (), moment)
        stack = _told(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", None, moment)
        return _told(stack, "UPDATE_ROLLBACK_COMPLETE", None, moment)
    stack = _told(stack, "ROLLBACK_IN_PROGRESS", USER, moment)
    for each in stack.standing.values():
        stack = _removed(stack, structs.replace(each, retained=False), moment)
    return _told(stack, "ROLLBACK_COMPLETE", None, moment)


def _mended(
    stack: StackRecord, resources: Mapping[str, ResourceRecord], changed_now: Collection[str], moment: Moment
) -> StackRecord:
    """The stack with those resources as they are that failed to change before, and are not changed now."""
    for name, each in stack.resources.items():
        if each.status.endswith("_FAILED") and name not in changed_now:
            known = resources.get(name)
            stack = (
                _removed(stack, each, moment) if known is None else _of(stack, known, "UPDATE_COMPLETE", None, moment)
            )
    return stack


def not_created(stack: StackRecord, to: Proposed, failure: Failure, moment: Moment) -> StackRecord:
    """A resource could not be made, or (None) the whole could not: nothing is left, unless that was not wanted."""
    names = []
    for each in to.resources.values():
        stack = _of(stack, each, "CREATE_IN_PROGRESS", None, moment)
    # The sort keeps the order: what failed comes before what was cancelled because of it.
    kept = failure.made if failure.on_failure == "DO_NOTHING" else frozenset()
    for each in sorted(to.resources.values(), key=lambda each: each.logical_id != failure.logical_id):
        if each.logical_id in kept:
            stack = _of(stack, each, "CREATE_COMPLETE", None, moment)
            continue
        if failure.logical_id in (None, each.logical_id):
            names.append(each.logical_id)
        why = failure.reason if failure.logical_id in (None, each.logical_id) else CANCELLED
        stack = _of(stack, each, "CREATE_FAILED", why, moment)
    told = f"The following resource(s) failed to create: [{', '.join(names)}]. "
    if failure.on_failure == "DO_NOTHING":
        return _told(stack, "CREATE_FAILED", told, moment)
    beginning, end = (
        ("DELETE_IN_PROGRESS", GONE)
        if failure.on_failure == "DELETE"
        else (
            "ROLLBACK_IN_PROGRESS",
            "ROLLBACK_COMPLETE",
        )
    )
    wanted = f"{'Delete' if failure.on_failure == 'DELETE' else 'Rollback'} requested by user."
    stack = _told(stack, beginning, told + wanted, moment)
    for each in to.resources.values():  # none was made, of which a policy could say that it stays
        stack = _removed(stack, structs.replace(each, retained=False), moment)
    if failure.on_failure == "DELETE":
        stack = structs.replace(stack, deleted_at=moment.at, change_sets={})
    return _told(stack, end, None, moment)


def not_updated(stack: StackRecord, to: Proposed, failure: Failure, moment: Moment) -> StackRecord:
    """A resource could not be changed: the stack is what it was, unless that was not wanted."""
    before = {} if stack.current is None else stack.current.resources
    changes = changed(before, to.resources)
    wrong = [each for each in changes if each.logical_id == failure.logical_id] or changes
    for each in wrong:
        after = to.resources.get(each.logical_id) or before[each.logical_id]
        status = {"Add": "CREATE", "Modify": "UPDATE", "Remove": "DELETE"}[each.action]
        stack = _of(stack, after, f"{status}_IN_PROGRESS", None, moment)
        stack = _of(stack, after, f"{status}_FAILED", failure.reason, moment)
    names = ", ".join(each.logical_id for each in wrong)
    what = "create" if wrong and all(each.action == "Add" for each in wrong) else "update"
    told = f"The following resource(s) failed to {what}: [{names}]. " if wrong else failure.reason
    if failure.on_failure == "DO_NOTHING":
        return _told(stack, "UPDATE_FAILED", told, moment)
    stack = _told(stack, "UPDATE_ROLLBACK_IN_PROGRESS", told, moment)
    for each in wrong:
        if each.action != "Add":
            stack = _of(stack, before[each.logical_id], "UPDATE_COMPLETE", None, moment)
    stack = _told(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", None, moment)
    for each in wrong:
        if each.action == "Add":
            stack = _removed(stack, to.resources[each.logical_id], moment)
    return _told(stack, "UPDATE_ROLLBACK_COMPLETE", None, moment)


def not_deleted(stack: StackRecord, failed: Mapping[str, str], moment: Moment) -> StackRecord:
    """Resources that could not be removed, each with why; all others were."""
    current = stack.standing
    for each in reversed(list(current.values())):
        if each.logical_id in failed:
            stack = _of(stack, each, "DELETE_IN_PROGRESS", None, moment)
            stack = _of(stack, each, "DELETE_FAILED", failed[each.logical_id], moment)
        else:
            stack = _removed(stack, each, moment)
    if stack.current is not None:
        left = {name: each for name, each in current.items() if name in failed}
        stack = structs.replace(stack, current=structs.replace(stack.current, resources=left))
    told = f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
    return _told(stack, "DELETE_FAILED", told, moment)


def _made(stack: StackRecord, resource: ResourceRecord, moment: Moment) -> StackRecord:
    nameless = structs.replace(resource, physical_id="")
    stack = _of(stack, nameless, "CREATE_IN_PROGRESS", None, moment)
    stack = _of(stack, resource, "CREATE_IN_PROGRESS", INITIATED, moment)
    return _of(stack, resource, "CREATE_COMPLETE", None, moment)


def _removed(stack: StackRecord, resource: ResourceRecord, moment: Moment) -> StackRecord:
    if resource.retained:
        return _of(stack, resource, "DELETE_SKIPPED", None, moment)
    stack = _of(stack, resource, "DELETE_IN_PROGRESS", None, moment)
    return _of(stack, resource, GONE, None, moment)


def _of(stack: StackRecord, resource: ResourceRecord, status: str, reason: str | None, moment: Moment) -> StackRecord:
    """A resource's status, with its event."""
    now = structs.replace(resource, status=status, reason=reason, at=moment.at)
    event = _event(now, moment)
    resources = {**stack.resources, resource.logical_id: now}
    return structs.replace(stack, resources=resources, events=_with(stack.events, event))


def _told(stack: StackRecord, status: str, reason: str | None, moment: Moment) -> StackRecord:
    """The stack's own status, with its event."""
    itself = ResourceRecord(
        logical_id=stack.name, physical_id=stack.stack_id, type=STACK, properties={}, status=status, reason=reason
    )
    event = _event(itself, moment)
    return structs.replace(stack, status=status, reason=reason, events=_with(stack.events, event))


def _event(resource: ResourceRecord, moment: Moment) -> Event:
    name = next(moment.ids)
    return Event(
        event_id=name if resource.type == STACK else f"{resource.logical_id}-{resource.status}-{name}",
        logical_id=resource.logical_id,
        physical_id=resource.physical_id,
        type=resource.type,
        status=resource.status,
        reason=resource.reason,
        at=moment.at,
        token=moment.token,
    )


def _with(events: Iterable[Event], event: Event) -> tuple[Event, ...]:
    return (*events, event)[-EVENTS:]
