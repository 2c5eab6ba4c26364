"""State machines of a stack, as operations. Pure. [DOC] cfn-docs:AWS_StepFunctions_StateMachine, sam-docs"""

from __future__ import annotations

import json
import re
from typing import Final

from ...services.calls import Call
from ...services.machines.definition import not_emulated, parse
from ...services.machines.errors import MachineError
from ..catalogue import Catalogue
from ..errors import Problem
from ..stack import Resource
from ..values import at, mapping

_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")


def machine(catalogue: Catalogue, resource: Resource, *, may_be_left_out: bool) -> list[Call]:
    """A state machine.

    Of a project, what AWS would refuse is refused, and what cannot run here is left out, which is told; of a deployed
    stack both are refused when it is made.
    """
    given = resource.properties
    stands_in = "DefinitionString" if "DefinitionString" in given else "Definition"
    if stands_in == "DefinitionString":
        text = str(given[stands_in])
    elif stands_in in given:
        text = json.dumps(given[stands_in])
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
    if may_be_left_out:
        if (missing := not_emulated(definition)) is not None:
            catalogue.warn(resource, f"{missing}: it is left out")
            return []
        _accepted(resource, stands_in, definition)
    parameters = {
        "name": resource.name,
        "definition": definition,
        "roleArn": str(given.get("RoleArn") or ""),
        "type": str(given.get("StateMachineType") or "STANDARD"),
    }
    return [Call(service="states", operation="CreateStateMachine", parameters=parameters, resource=resource.logical_id)]


def _accepted(resource: Resource, stands_in: str, definition: str) -> None:
    try:
        parse(definition)
    except MachineError as error:
        raise Problem(at(resource, stands_in), str(error)) from error
