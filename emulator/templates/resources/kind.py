"""What the emulator knows about a type of resource. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct, field

from ...services.secret_names import client_secret, suffix
from .. import ids
from ..errors import Path, Problem

_DEFAULT_BUS: Final = "default"
_MACHINE_PARTS: Final = 7
"""Of the ARN of a state machine; that of a version or an alias has one more."""


class Meaning(enum.Enum):
    """What becomes of a resource here."""

    EMULATED = "emulated"
    """It is part of what runs."""
    KNOWN = "known"
    """Nothing to run: it names, orders or completes something that is emulated."""
    IGNORED = "ignored"
    """Without effect on behaviour here: permissions, logs, alarms, certificates."""
    MISSING = "missing"
    """Whatever it would do is not done; its names and addresses are made up."""


class Place(Struct, frozen=True, kw_only=True):
    """Whose resource it is."""

    stack: str
    region: str
    account_id: str
    partition: str
    url_suffix: str


class Kind(Struct, frozen=True, kw_only=True):
    """A type of resource; its texts are filled in by `names`."""

    type: str
    meaning: Meaning = Meaning.EMULATED
    noun: str
    """What the list calls one of them."""
    ref: str = "{name}"
    """What ``Ref`` gives."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What ``Fn::GetAtt`` gives, by attribute; others are refused, unless the type is `MISSING`."""
    name_property: str | None = None
    """The property that names it; without one, or without a value, the name is made from stack and logical id."""
    longest: int = 64
    """Characters that a made name may have."""
    is_lower: bool = False


def names(kind: Kind, place: Place, logical_id: str, properties: Mapping[str, Any], pattern: str) -> dict[str, Any]:
    """What one of a kind's texts is filled in with; what is made of hashes only where the text has it.

    ``{name}``, its physical name; ``{id}``, ten characters; ``{uuid}``; ``{six}``, what ends a secret's ARN;
    ``{secret}``, a client's; ``{path}``, what is before a name of IAM, slashes included; ``{bus}``, a rule's bus and a
    slash, nothing for the default one; ``{rule}``, that bus and the rule; ``{stack}``, ``{region}``,
    ``{account}``, ``{partition}``, ``{suffix}``; ``{logical}``; ``{p[Property]}``, a property that must be there.
    """

    def name() -> str:
        given = properties.get(kind.name_property) if kind.name_property else None
        if isinstance(given, str) and given:
            return given
        return ids.physical_name(place.stack, logical_id, longest=kind.longest, lower=kind.is_lower)

    def bus() -> str:
        found = str(properties.get("EventBusName") or _DEFAULT_BUS).rpartition(":event-bus/")[2]
        return "" if found == _DEFAULT_BUS else found

    made: dict[str, Callable[[], str]] = {
        "name": name,
        "id": lambda: ids.api_id(place.stack, logical_id),
        "uuid": lambda: ids.uuid(place.stack, logical_id),
        "secret": lambda: client_secret(ids.api_id(place.stack, logical_id)),
        "six": lambda: suffix(name()),
        "path": lambda: str(properties.get("Path") or "/"),
        "bus": lambda: f"{bus()}/" if bus() else "",
        "rule": lambda: f"{bus()}|{name()}" if bus() else name(),
    }
    return {
        **{each: make() for each, make in made.items() if f"{{{each}" in pattern},
        "stack": place.stack,
        "region": place.region,
        "account": place.account_id,
        "partition": place.partition,
        "suffix": place.url_suffix,
        "logical": logical_id,
        "p": properties,
    }


def machine_arn(properties: Mapping[str, Any], path: Path) -> str:
    """The state machine that an alias leads to; raises `Problem`. [DOC] cfn-docs:AWS_StepFunctions_StateMachineAlias"""
    routes = properties.get("RoutingConfiguration") or [properties.get("DeploymentPreference")]
    first = routes[0] if isinstance(routes, list) else None
    version = first.get("StateMachineVersionArn") if isinstance(first, dict) else None
    if not isinstance(version, str):
        raise Problem(path, "an alias of a state machine needs RoutingConfiguration or DeploymentPreference")
    return ":".join(version.split(":")[:_MACHINE_PARTS])
