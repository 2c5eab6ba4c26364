"""What functions run as, where a template says so instead of a topology. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct, field

from streamer.topology.grants import Kind, Place, arn

from .encryption import Encrypted
from .needs import Need
from .patterns import is_within
from .policy import Decision, Statement
from .resource_policies import Named, ResourcePolicy
from .resource_tags import Tags
from .texts import shown

_NAMES: Final = ("!GetAtt", "!Ref")


class Boundary(Struct, frozen=True, kw_only=True):
    """The policy that a role may not go beyond, whatever others allow."""

    name: str
    statements: tuple[Statement, ...]


class Role(Struct, frozen=True, kw_only=True):
    """A role, and all that its policies say."""

    name: str
    path: str = "/"
    """What stands before the name in its ARN, slashes included."""
    statements: tuple[Statement, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    """What ``aws:PrincipalTag/...`` stands for."""
    boundary: Boundary | None = None
    """None: none is known."""
    trust: tuple[Named, ...] = ()
    """Its trust policy: who may assume it."""
    most_seconds: int = 3_600
    """How long it is assumed at most, ``MaxSessionDuration``."""


class Roles(Struct, frozen=True, kw_only=True):
    """What the functions of a project run as."""

    of: Mapping[str, Role]
    """By the functions' names; one that is not among them may do everything."""
    written: Mapping[str, str] = field(default_factory=dict)
    """ARNs of resources, and what the template's ``Fn::Sub`` has in their place."""
    behind: Mapping[str, tuple[Need, ...]] = field(default_factory=dict)
    """By the functions' names, what Lambda does in their name, with event sources and destinations."""
    policies: tuple[ResourcePolicy, ...] = ()
    """What resources themselves say."""
    all: Mapping[str, Role] = field(default_factory=dict)
    """The project's roles by their ARNs, those of which all is known: they may be assumed."""
    managed: Mapping[str, tuple[Statement, ...]] = field(default_factory=dict)
    """The project's managed policies by their ARNs."""
    tags: Tags = field(default_factory=dict)
    """What ``aws:ResourceTag/...`` stands for."""
    encrypted: Encrypted = field(default_factory=dict)
    """What needs rights to a key besides."""


def role_advice(who: str, need: Need, decision: Decision, *, role: Role, place: Place, roles: Roles) -> str:
    """The line for the function's log that says what would allow it; ``who`` is the function, or its session."""
    resource = _in_template(arn(need.resource, place), roles, place)
    begin = f"{who} may not {need.action} on {shown_in_template(need, place, roles)}:"
    if decision is Decision.DENIED_BY_RESOURCE:
        return f"{begin} its own policy denies it to the role {role.name}"
    if decision is Decision.NOT_BY_RESOURCE:
        root = f"arn:{place.partition}:iam::{place.account_id}:root"
        return (
            f"{begin} no statement of its own policy lets the role {role.name}, or leaves it to roles by naming {root}"
        )
    if decision in (Decision.DENIED_BY_SESSION, Decision.OUT_OF_SESSION):
        what = "denies" if decision is Decision.DENIED_BY_SESSION else "does not allow"
        return f"{begin} the session policy that {role.name} was assumed with {what} it"
    whose = f"its role {role.name}"
    if role.boundary is not None and decision in (Decision.DENIED_BY_BOUNDARY, Decision.OUT_OF_BOUNDS):
        whose = f"{role.boundary.name}, the permissions boundary of {whose},"
    if decision in (Decision.DENIED, Decision.DENIED_BY_BOUNDARY):
        return f"{begin} a statement of {whose.rstrip(',')} denies it"
    add = f"{{Effect: Allow, Action: {need.action}, Resource: {resource}}}"
    return f"{begin} no statement of {whose} allows it; add {add}"


def shown_in_template(need: Need, place: Place, roles: Roles) -> str:
    """The resource, as the template calls it, if it is one of the template's."""
    tag, _, name = _in_template(arn(need.resource, place), roles, place).partition(" ")
    placed = arn(need.resource, place) if need.resource.kind is Kind.ARN else shown(need)
    return name.partition(".")[0] if tag in _NAMES else placed


def recorded_statements(needs: Mapping[str, Iterable[Need]], place: Place, roles: Roles) -> str:
    """What functions did and Lambda did in their name, as the statements that allow it and nothing more, in YAML."""
    lines = []
    for function in sorted({*needs, *roles.behind}):
        actions: dict[str, set[str]] = {}
        for need in (*needs.get(function, ()), *roles.behind.get(function, ())):
            actions.setdefault(_in_template(arn(need.resource, place), roles, place), set()).add(need.action)
        resources: dict[tuple[str, ...], list[str]] = {}
        for resource in sorted(actions):
            resources.setdefault(tuple(sorted(actions[resource])), []).append(resource)
        lines.append(f"# {function}")
        for names, on in resources.items():
            lines += ["- Effect: Allow", *_element("Action", names), *_element("Resource", on)]
    if not lines:
        return "no function called a service: none needs a statement"
    return "\n".join(["# the statements that this run needed", *lines])


def _element(name: str, texts: Iterable[str]) -> list[str]:
    first, *others = texts
    return [f"  {name}:", *(f"    - {each}" for each in (first, *others))] if others else [f"  {name}: {first}"]


def _in_template(text: str, roles: Roles, place: Place) -> str:
    """An ARN as a template in YAML refers to it, so that it is right wherever the template is deployed."""
    known = [each for each in roles.written if is_within(text, each)]
    if not known:
        return json.dumps(text) if text == "*" else _anywhere(text, place)
    longest = max(known, key=len)
    reference, rest = roles.written[longest], text[len(longest) :]
    name = reference.removeprefix("${").removesuffix("}")
    if rest or "$" in name:
        return f"!Sub {json.dumps(reference + rest)}"
    return f"!GetAtt {name}" if "." in name else f"!Ref {name}"


def _anywhere(text: str, place: Place) -> str:
    """The ARN of something of this account and Region, in whichever a template is deployed to."""
    before = f"arn:{place.partition}:"
    service, region, account, *rest = [*text.removeprefix(before).split(":", 3), "", "", ""][:4]
    if not text.startswith(before) or account != place.account_id or region not in ("", place.region):
        return text
    where = f"{region and '${AWS::Region}'}:${{AWS::AccountId}}"
    return f"!Sub {json.dumps(f'arn:${{AWS::Partition}}:{service}:{where}:{rest[0]}')}"
