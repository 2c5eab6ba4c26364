"""What a role's statements say about a request. Pure.

[DOC] iam-docs:reference_policies_evaluation-logic: an explicit deny wins, then an allow; what nobody allows is denied.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from .conditions import Conditions, Context, are_met
from .patterns import is_action, is_resource


class Statement(Struct, frozen=True, kw_only=True):
    """One statement of a policy; actions and resources are patterns. Of each pair, one is None."""

    is_allow: bool = True
    actions: tuple[str, ...] | None = None
    not_actions: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    not_resources: tuple[str, ...] | None = None
    conditions: Conditions = field(default_factory=dict)

    def applies(self, action: str, resource: str, context: Context) -> bool:
        """Whether it speaks of this action on this resource (an ARN, or ``*`` for an action that knows none)."""
        return (
            _is_named(action, self.actions, self.not_actions, is_action)
            and _is_named(resource, self.resources, self.not_resources, is_resource)
            and are_met(self.conditions, context)
        )


class Decision(enum.Enum):
    """What came of all statements."""

    ALLOWED = enum.auto()
    NOT_ALLOWED = enum.auto()
    """None of them allows it."""
    DENIED = enum.auto()
    """One of them denies it."""


def decide(statements: Iterable[Statement], action: str, resource: str, context: Context) -> Decision:
    """Whether a role may do it."""
    effects = {statement.is_allow for statement in statements if statement.applies(action, resource, context)}
    if False in effects:
        return Decision.DENIED
    return Decision.ALLOWED if effects else Decision.NOT_ALLOWED


def statement_of(document: Mapping[str, Any]) -> Statement:
    """A statement as it stands in a policy document, where a list of one may be written without the list."""
    conditions = {
        operator: {key: _texts(values) for key, values in keys.items()}
        for operator, keys in document.get("Condition", {}).items()
    }
    return Statement(
        is_allow=document["Effect"] == "Allow",
        actions=_patterns(document, "Action"),
        not_actions=_patterns(document, "NotAction"),
        resources=_patterns(document, "Resource"),
        not_resources=_patterns(document, "NotResource"),
        conditions=conditions,
    )


def _patterns(document: Mapping[str, Any], element: str) -> tuple[str, ...] | None:
    return _texts(document[element]) if element in document else None


def _texts(value: Any) -> tuple[str, ...]:
    values: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
    return tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in values)


def _is_named(text: str, patterns: Sequence[str] | None, not_patterns: Sequence[str] | None, matches: Any) -> bool:
    if patterns is not None:
        return any(matches(text, pattern) for pattern in patterns)
    return not any(matches(text, pattern) for pattern in not_patterns or ())
