"""Every type of resource that the emulator knows, and what it makes of those it does not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import data, functions, gateway, others, users
from .kind import Kind, Meaning

KINDS: Final[Mapping[str, Kind]] = {
    kind.type: kind for kind in (*gateway.KINDS, *functions.KINDS, *data.KINDS, *users.KINDS, *others.KINDS)
}


def kind_of(resource_type: str) -> Kind:
    """What is known about a type; a type that nobody told us about is missing, and its attributes are made up."""
    found = KINDS.get(resource_type)
    if found is not None:
        return found
    for beginning, noun in others.NOUNS.items():
        if resource_type.startswith(beginning):
            return Kind(type=resource_type, meaning=Meaning.IGNORED, noun=noun)
    return Kind(type=resource_type, meaning=Meaning.MISSING, noun=resource_type)
