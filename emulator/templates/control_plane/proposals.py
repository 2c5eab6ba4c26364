"""What a stack would be, of a template that was read. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from ..intrinsics import is_true
from ..resources.kind import Meaning
from ..stack import Resource, Stack
from ..values import is_retained
from .asked import Asked, declared, invalid, read
from .records import STACK, Output, Proposed, ResourceRecord


def proposed(asked: Asked, stack: Stack) -> Proposed:
    """What a stack is to be, with what is nested in it; raises ApiError if something of it is not emulated."""
    everything = [each for part in stack.all() for each in part.resources.values()]
    missing = sorted({each.type for each in everything if each.kind.meaning is Meaning.MISSING})
    if missing:
        # [USR] CloudFormation's words, and whose fault it is
        raise invalid(
            f"Template format error: Unrecognized resource types: [{', '.join(missing)}]: they are not emulated"
        )
    parameters = declared(read(asked.template))
    return structs.replace(
        _as_proposed(stack, asked.template, parameters, asked.parameters),
        tags=asked.tags,
        capabilities=asked.capabilities,
        imports=tuple(sorted({name for part in stack.all() for name in part.imports})),
    )


def _as_proposed(stack: Stack, template: str, parameters: Mapping[str, Any], given: Mapping[str, str]) -> Proposed:
    tree = stack.source.tree
    defaults = {name: _text(each["Default"]) for name, each in parameters.items() if "Default" in each}
    return Proposed(
        template=template,
        processed=tree,
        parameters={**defaults, **given},
        description=None if tree.get("Description") is None else str(tree["Description"]),
        resources={name: _record(each, stack) for name, each in stack.resources.items()},
        outputs=tuple(_outputs(stack)),
        hidden=frozenset(name for name, each in parameters.items() if is_true(each.get("NoEcho"))),
    )


def _record(resource: Resource, stack: Stack) -> ResourceRecord:
    return ResourceRecord(
        logical_id=resource.logical_id,
        physical_id=str(resource.ref),
        type=resource.type,
        properties=resource.properties,
        retained=is_retained(resource),
        outlives_replacement=resource.policies.get("UpdateReplacePolicy") == "Retain",
        inner=_nested(resource, stack) if resource.type == STACK else None,
    )


def _nested(resource: Resource, stack: Stack) -> Proposed | None:
    found = next((each for each in stack.nested if f"/{each.name}/" in str(resource.ref)), None)
    if found is None:
        return None
    declared_there = found.source.tree.get("Parameters") or {}
    given = {name: _text(value) for name, value in (resource.properties.get("Parameters") or {}).items()}
    missing = [name for name, each in declared_there.items() if name not in given and "Default" not in each]
    if missing:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    return _as_proposed(found, json.dumps(found.source.tree), declared_there, given)


def _outputs(stack: Stack) -> Iterable[Output]:
    written = stack.source.tree.get("Outputs") or {}
    for name, value in stack.outputs.items():
        description = written[name].get("Description")
        yield Output(
            name=name,
            value=_text(value),
            description=None if description is None else str(description),
            export=stack.export_names.get(name),
        )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
