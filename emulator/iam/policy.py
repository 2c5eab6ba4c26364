"""What a role's statements say about a request. Pure.

[DOC] iam-docs:reference_policies_evaluation-logic: an explicit deny wins, then an allow; what nobody allows is denied.
[DOC] iam-docs:reference_policies_variables: a statement with a variable that has no value never applies.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, field, structs

from .conditions import Conditions, Context, are_met
from .patterns import is_action, is_resource

_VARIABLE: Final = re.compile(r"\$\{([^},]*)(?:,\s*'([^']*)')?\s*\}")
"""A condition key whose value a request has, and what stands there for requests without one."""
_CHARACTERS: Final = {"*": "?", "?": "?", "$": "$"}
"""Variables that are one character: a pattern here has no other way to say that a wildcard is none."""


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
        return self.names(action, resource) and are_met(self.conditions, context)

    def names(self, action: str, resource: str) -> bool:
        """The same, whatever its conditions."""
        return _is_named(action, self.actions, self.not_actions, is_action) and _is_named(
            resource, self.resources, self.not_resources, is_resource
        )

    def asks_for(self, prefix: str | tuple[str, ...]) -> bool:
        """Whether one of its conditions is about a key that begins with this or one of these, in lower case."""
        return any(key.lower().startswith(prefix) for keys in self.conditions.values() for key in keys)


def with_values(statement: Statement, context: Context) -> Statement | None:
    """The statement with the values of its variables, as conditions see them; None: one of them has none."""
    if not any("${" in text for text in _texts_of(statement)):
        return statement
    if unknown_variables(statement, context):
        return None

    def value(found: re.Match[str]) -> str:
        values = context.get(found[1].lower(), ())
        return _CHARACTERS.get(found[1]) or (values[0] if values else found[2])

    return replaced(statement, lambda text: _VARIABLE.sub(value, text))


def with_any_value(statement: Statement) -> Statement:
    """The statement with wildcards where its resources have variables: what it may speak of, whoever asks."""
    return replaced(statement, lambda text: _VARIABLE.sub("*", text))


def unknown_variables(statement: Statement, context: Context) -> list[str]:
    """The variables of a statement that have no value."""
    found = (match for text in _texts_of(statement) for match in _VARIABLE.finditer(text) if match[2] is None)
    return sorted({each[1] for each in found if each[1] not in _CHARACTERS and not context.get(each[1].lower())})


def _texts_of(statement: Statement) -> Iterator[str]:
    yield from statement.resources or ()
    yield from statement.not_resources or ()
    for keys in statement.conditions.values():
        for values in keys.values():
            yield from values


def replaced(statement: Statement, replace: Callable[[str], str]) -> Statement:
    """The statement with other texts in its resources and in what its conditions compare with."""

    def all_of(texts: Sequence[str] | None) -> tuple[str, ...] | None:
        return None if texts is None else tuple(map(replace, texts))

    conditions = {
        operator: {key: tuple(map(replace, values)) for key, values in keys.items()}
        for operator, keys in statement.conditions.items()
    }
    resources, not_resources = all_of(statement.resources), all_of(statement.not_resources)
    return structs.replace(statement, resources=resources, not_resources=not_resources, conditions=conditions)


def without_variables(statement: Statement) -> Statement:
    """A statement of a version of policies that knows none: what looks like one stands for itself."""
    return replaced(statement, lambda text: text.replace("${", "${$}{"))


class Decision(enum.Enum):
    """What came of all statements."""

    ALLOWED = enum.auto()
    NOT_ALLOWED = enum.auto()
    """None of them allows it."""
    DENIED = enum.auto()
    """One of them denies it."""
    OUT_OF_BOUNDS = enum.auto()
    """One of them allows it, and none of the permissions boundary."""
    DENIED_BY_BOUNDARY = enum.auto()
    """One of the permissions boundary denies it."""
    DENIED_BY_RESOURCE = enum.auto()
    """One of the resource's own policy denies it."""
    NOT_BY_RESOURCE = enum.auto()
    """None of the resource's own policy allows it, which it has to, be it for the account."""
    OUT_OF_SESSION = enum.auto()
    """One of them allows it, and none of the session policy."""
    DENIED_BY_SESSION = enum.auto()
    """One of the session policy denies it."""


class Policies(Struct, frozen=True, kw_only=True):
    """What says what a role may do with a resource."""

    identity: tuple[Statement, ...]
    """Of the role's own policies."""
    boundary: tuple[Statement, ...] | None = None
    """Of its permissions boundary; None: it has none."""
    resource: tuple[Statement, ...] = ()
    """Of the resource's policy, those that name the role."""
    session: tuple[Statement, ...] = ()
    """Of the resource's policy, those that name its session."""
    passed: tuple[Statement, ...] | None = None
    """Of the session policy, which whoever assumed the role passed; None: there is none."""


def decide(policies: Policies, action: str, resource: str, context: Context) -> Decision:
    """Whether a role may do it.

    [DOC] iam-docs:reference_policies_evaluation-logic_policy-eval-basics: what one denies is denied. In one account the
    role's policies or the resource's may allow it, within the permissions boundary and the session policy, which do not
    limit what a resource allows the session itself. Of several that refuse AWS names one; which, is [INF].
    """

    def effects(statements: Iterable[Statement]) -> set[bool]:
        return {each.is_allow for each in statements if each.applies(action, resource, context)}

    said, by_resource, to_session = map(effects, (policies.identity, policies.resource, policies.session))
    within, passed = ({True} if each is None else effects(each) for each in (policies.boundary, policies.passed))
    for denying, denied in (
        (said, Decision.DENIED),
        (by_resource | to_session, Decision.DENIED_BY_RESOURCE),
        (within, Decision.DENIED_BY_BOUNDARY),
        (passed, Decision.DENIED_BY_SESSION),
    ):
        if False in denying:
            return denied
    if to_session:
        return Decision.ALLOWED
    if not said and not by_resource:
        return Decision.NOT_ALLOWED
    if not within:
        return Decision.OUT_OF_BOUNDS
    return Decision.ALLOWED if passed else Decision.OUT_OF_SESSION


def almost(statements: Iterable[Statement], action: str, resource: str) -> Statement | None:
    """A statement that would allow it, were it not for its conditions; None: there is none."""
    return next((each for each in statements if each.is_allow and each.names(action, resource)), None)


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


def _is_named(
    text: str,
    patterns: Sequence[str] | None,
    not_patterns: Sequence[str] | None,
    matches: Callable[[str, str], bool],
) -> bool:
    if patterns is not None:
        return any(matches(text, pattern) for pattern in patterns)
    return not any(matches(text, pattern) for pattern in not_patterns or ())
