"""The grants that a run needed, ready to be pasted into a topology. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .needs import Need
from .texts import grant_lines, permission_line


def recorded(needs: Mapping[str, Iterable[Need]]) -> str:
    """What functions did, as the fields of each `Function` that allow it and nothing more."""
    parts = [_of_function(function, sorted(set(found))) for function, found in sorted(needs.items())]
    if not parts:
        return "no function called DynamoDB, @connections, Lambda or SQS: none needs a grant"
    return "\n".join(["# the grants that this run needed", *parts])


def _of_function(function: str, needs: list[Need]) -> str:
    lines = grant_lines(needs)
    tables = [line for line in lines if line.startswith("TableAccess(")]
    text = [f"# {function}"]
    if tables:
        text += ["tables=(", *(f"    {line}," for line in tables), "),"]
    text += [f"{line}," for line in lines if line not in tables]
    others = [need for need in needs if not grant_lines([need])]
    permissions = list(dict.fromkeys(map(permission_line, others)))
    if permissions:
        text += ["permissions=(", *(f"    {line}," for line in permissions), "),"]
    return "\n".join(text)
