"""Who may call the functions of a stack by the policies that those have themselves, and should not; or should. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..cloud import Resource
from .differences import of_document
from .roles import told

POLICY: Final = "policy of its own"
"""A function's, or an alias's, policy of who may call it, as a document."""
_PERMISSION: Final = "AWS::Lambda::Permission"


def missing(
    template: Mapping[str, Any], resources: Sequence[Resource], real: Mapping[str, Mapping[str, Any] | None]
) -> Iterator[Resource]:
    """Permissions of the stack that somebody took away.

    Args:
        template: The stack's.
        resources: The stack's, with their physical ids.
        real: Logical id to what AWS says of a function or an alias; None: there is none.
    """
    for called, permissions in _by_called(template, resources).items():
        statements = _statements(real.get(called) or {})
        gone = [each for each in permissions if _statement_id(each) not in (statements or {})]
        # Where none of them has the name that it should have, nobody here knows how they are named.
        if statements is not None and (not statements or len(gone) < len(permissions)):
            yield from gone


def strangers(
    resources: Sequence[Resource], real: Mapping[str, Mapping[str, Any] | None]
) -> Iterator[tuple[Resource, str, str]]:
    """Functions and aliases that let in somebody whom the stack does not know.

    With the rest of the sentence that says so, and the command that takes the permission away.
    """
    known = {_statement_id(each) for each in resources if each.resource_type == _PERMISSION}
    looked_at = {each.logical_id: _statements(real.get(each.logical_id) or {}) or {} for each in resources}
    if known and not any(known & each.keys() for each in looked_at.values()):
        return  # CloudFormation names them otherwise, so nobody here can tell whose they are
    for called in resources:
        for name, statement in looked_at[called.logical_id].items():
            rights = [*of_document("", {"Statement": _without_itself(statement)})] if name not in known else []
            if rights:
                named = f"--function-name {called.physical_id} --statement-id {name}"
                said = f"lets in whom the stack does not know: {told(rights)}"
                yield called, said, f"lambda remove-permission {named}"


def _by_called(template: Mapping[str, Any], resources: Sequence[Resource]) -> dict[str, list[Resource]]:
    """Logical id of a function or an alias to the permissions of the stack to call it."""
    found: dict[str, list[Resource]] = {}
    for each in resources:
        described = template.get("Resources", {}).get(each.logical_id, {})
        if each.resource_type != _PERMISSION or not each.physical_id:
            continue
        match described.get("Properties", {}).get("FunctionName"):
            case {"Ref": str(called)} | {"Fn::GetAtt": [str(called), "Arn"]}:
                found.setdefault(called, []).append(each)
    return found


def _statement_id(permission: Resource) -> str:
    """The name of its statement, with the function's before it where CloudFormation has it so."""
    return permission.physical_id.rpartition("|")[2]


def _statements(real: Mapping[str, Any]) -> dict[str, Mapping[str, Any]] | None:
    """By their names; None: AWS does not tell."""
    if POLICY not in real:
        return None
    return {each["Sid"]: each for each in real[POLICY].get("Statement", ())}


def _without_itself(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in statement.items() if name != "Resource"}
