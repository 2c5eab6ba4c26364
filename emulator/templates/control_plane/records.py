"""Stacks as CloudFormation tells of them: their resources, events and change sets. Pure, frozen data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

STACK: Final = "AWS::CloudFormation::Stack"
CREATED: Final = "created-by-calls"
"""The stack of what no template describes."""
REVIEW: Final = "REVIEW_IN_PROGRESS"
"""A stack that has a change set and nothing else."""
GONE: Final = "DELETE_COMPLETE"
_STANDING: Final = ("CREATE_COMPLETE", "DELETE_FAILED")


class ResourceRecord(Struct, frozen=True, kw_only=True):
    """A resource of a stack."""

    logical_id: str
    physical_id: str
    type: str
    properties: Mapping[str, Any]
    """Resolved."""
    retained: bool = False
    """Whether it stays when it is no longer of the stack: its ``DeletionPolicy`` says so."""
    outlives_replacement: bool = False
    """Whether it stays when another one takes its place: its ``UpdateReplacePolicy`` says so."""
    inner: Proposed | None = None
    """The stack that it is, nested in this one; None: it is none."""
    status: str = ""
    reason: str | None = None
    at: float = 0.0
    """When its status changed, in Unix seconds."""


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened to a stack or one of its resources."""

    event_id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None
    at: float
    token: str | None
    """What the client called the operation that it belongs to."""


class Proposed(Struct, frozen=True, kw_only=True):
    """What a stack is to be."""

    template: str
    """As it was sent."""
    processed: Mapping[str, Any]
    """The template after its transforms."""
    parameters: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    description: str | None = None
    resources: Mapping[str, ResourceRecord] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()
    imports: tuple[str, ...] = ()
    """Exports of other stacks that it uses."""
    hidden: frozenset[str] = frozenset()
    """Parameters whose values nobody is told: they are ``NoEcho``."""


class Output(Struct, frozen=True, kw_only=True):
    """A value that a stack tells."""

    name: str
    value: str
    description: str | None = None
    export: str | None = None
    """Under which name other stacks import it."""


class Change(Struct, frozen=True, kw_only=True):
    """What becomes of one resource."""

    action: str
    """``Add``, ``Modify`` or ``Remove``."""
    logical_id: str
    physical_id: str | None
    type: str
    replaced: bool = False
    properties: tuple[str, ...] = ()
    """Those that change."""
    attributes: tuple[str, ...] = ()
    """What else of it changes, such as ``DeletionPolicy``."""


class ChangeSet(Struct, frozen=True, kw_only=True):
    """A change of a stack that can be executed."""

    name: str
    change_set_id: str
    kind: str
    """``CREATE`` or ``UPDATE``."""
    status: str
    reason: str | None
    execution: str
    """``AVAILABLE``, ``UNAVAILABLE``, ``EXECUTE_COMPLETE``, ..."""
    at: float
    proposed: Proposed
    changes: tuple[Change, ...] = ()
    description: str | None = None
    on_failure: str = "ROLLBACK"
    token: str | None = None
    takes_over: bool = False
    """Whether what is there already under names that the template gives becomes the stack's."""


class StackRecord(Struct, frozen=True, kw_only=True):
    """A stack, also one that is gone."""

    name: str
    stack_id: str
    status: str
    reason: str | None = None
    created_at: float
    updated_at: float | None = None
    deleted_at: float | None = None
    current: Proposed | None = None
    """What it is; None: nothing yet."""
    resources: Mapping[str, ResourceRecord] = field(default_factory=dict)
    """Also those that failed or are gone."""
    events: tuple[Event, ...] = ()
    """The oldest first."""
    change_sets: Mapping[str, ChangeSet] = field(default_factory=dict)
    """By name."""
    parent_id: str | None = None
    """The stack in which it is nested; None: in none."""
    is_protected: bool = False
    disable_rollback: bool = False
    """Whether it stays as it is where it fails, to be changed from there."""

    @property
    def standing(self) -> Mapping[str, ResourceRecord]:
        """The resources that there are of it; of a stack that could not be made, those that were made nevertheless."""
        if self.current is not None:
            return self.current.resources
        return {name: each for name, each in self.resources.items() if each.status in _STANDING}

    @property
    def is_gone(self) -> bool:
        """Whether it is deleted."""
        return self.status == GONE

    @property
    def is_busy(self) -> bool:
        """Whether something is being done to it."""
        return self.status.endswith("_IN_PROGRESS") and self.status != REVIEW


class Deployed(Struct, frozen=True, kw_only=True):
    """A stack that is emulated."""

    text: str
    """Its template."""
    parameters: Mapping[str, str]
    uploads: Mapping[tuple[str, str], Path] = field(default_factory=dict)
    """The objects that it was made of, as they were then."""


class Moment(Struct, frozen=True, kw_only=True):
    """When something happens, and what its events are called."""

    at: float
    """Unix seconds."""
    ids: Iterator[str]
    """UUIDs that were not used before."""
    token: str | None = None


class Failure(Struct, frozen=True, kw_only=True):
    """Why a stack could not be made or changed."""

    reason: str
    logical_id: str | None
    """The resource whose fault it is; None: that is not known."""
    on_failure: str = "ROLLBACK"
    """``ROLLBACK``, ``DO_NOTHING`` or ``DELETE``."""
    made: frozenset[str] = frozenset()
    """Resources that were made nevertheless."""
