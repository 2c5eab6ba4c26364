"""State machines of a stack, as operations. Pure. [DOC] cfn-docs:AWS_StepFunctions_StateMachine, sam-docs"""

from __future__ import annotations

import json
import re
from typing import Final

from ...services.calls import Call
from ...services.machines.definition import not_emulated
from ..catalogue import Catalogue
from ..errors import Problem
from ..stack import Resource
from ..values import at, mapping

_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")


def machine(catalogue: Catalogue, resource: Resource, *, may_be_left_out: bool) -> list[Call]:
    """A state machine; one that cannot run here is refused when it is made, or left out, which is told."""
    given = resource.properties
    if "DefinitionString" in given:
        text = str(given["DefinitionString"])
    elif "Definition" in given:
        text = json.dumps(given["Definition"])
    else:
        catalogue.warn(resource, "its definition is not on this machine: it is left out")
        return []
    values = mapping(resource, "DefinitionSubstitutions")

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise Problem(at(resource, "DefinitionSubstitutions"), f"the definition wants a value for {match[1]!r}")
        found = values[match[1]]
        return found if isinstance(found, str) else json.dumps(found)

    definition = _VARIABLE.sub(value, text)
    missing = not_emulated(definition) if may_be_left_out else None
    if missing is not None:
        catalogue.warn(resource, f"{missing}: it is left out")
        return []
    parameters = {
        "name": resource.name,
        "definition": definition,
        "roleArn": str(given.get("RoleArn") or ""),
        "type": str(given.get("StateMachineType") or "STANDARD"),
    }
    return [Call(service="states", operation="CreateStateMachine", parameters=parameters, resource=resource.logical_id)]
