"""Values of stored parameters and secrets that templates write down, for whoever refers to them by name. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from .generated_secrets import generated

if TYPE_CHECKING:
    from .stack import Resource

TYPES: Final = ("AWS::SSM::Parameter", "AWS::SecretsManager::Secret")


def values(resources: Iterable[Resource]) -> dict[str, str]:
    """The values that are known, by what each may be called: its name, and what ``Ref`` gives."""
    found = {}
    for each in resources:
        value = _value(each) if each.type in TYPES else None
        if value is not None:
            found[each.name] = found[str(each.ref)] = value
    return found


def _value(resource: Resource) -> str | None:
    value = resource.properties.get("Value", resource.properties.get("SecretString"))
    wanted = resource.properties.get("GenerateSecretString")
    if value is None and isinstance(wanted, dict):
        with contextlib.suppress(ValueError):  # told with its place when the secret is made
            value = generated(resource.stack, resource.logical_id, wanted)
    return value if isinstance(value, str) else None
