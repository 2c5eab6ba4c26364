"""What stacks export to each other, and what must not change while others use it. Pure.

[USR] CloudFormation's words, as events of stacks have them
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from streamer.errors import ConfigurationError

from ..stack import Stack


class ExportError(ConfigurationError):
    """What stacks export does not go together."""


def importers(stacks: Iterable[Stack], export: str) -> list[str]:
    """Names of the stacks that use an export; what is nested in a stack is the stack's."""
    return [top.name for top in stacks if any(export in each.imports for each in top.all())]


def exported(stack: Stack) -> dict[str, Any]:
    """What a stack exports, and what is nested in it."""
    return {name: value for each in stack.all() for name, value in each.exports.items()}


def refusal(before: Stack | None, after: Stack | None, others: Iterable[Stack]) -> str | None:
    """Why a stack cannot become another, or go, beside the others; None: it can."""
    around = tuple(others)
    new = {} if after is None else exported(after)
    for name in new:
        owner = next((each.name for each in around if name in exported(each)), None)
        if owner is not None:
            return f"Export with name {name} is already exported by stack {owner}"
    for name, value in ({} if before is None else exported(before)).items():
        users = " and ".join(importers(around, name))  # [REC] aws-cdk #604, of two
        if users and name not in new:
            return f"Export {name} cannot be deleted as it is in use by {users}"
        if users and new[name] != value:
            return f"Export {name} cannot be updated as it is in use by {users}"
    return None
