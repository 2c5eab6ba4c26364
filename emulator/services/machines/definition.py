"""Definitions of state machines: what is refused before anything runs. Pure. [DOC] states-language.net, sfn-docs"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ...foundation.json_bytes import json_of
from .errors import MachineError
from .paths import steps

TYPES: Final = ("Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map")
_ENDS: Final = ("Choice", "Succeed", "Fail")
"""States that need not say what is next."""
_LISTS: Final = ("Choices", "Catch", "Retry", "Branches")
_NOT_HERE: Final = ("ItemReader", "ItemBatcher", "ResultWriter")
"""Of Map states: large data sets, which are not emulated."""


def parse(text: str) -> dict[str, Any]:
    """A definition that can run.

    Raises:
        MachineError: AWS would refuse it, or it needs what is not emulated.
    """
    try:
        found = json_of(text.encode())
    except ValueError as error:
        raise _invalid(f"INVALID_JSON_DESCRIPTION: {error}") from error
    if not isinstance(found, dict):
        raise _invalid("SCHEMA_VALIDATION_FAILED: an object is expected")
    for problem in _problems(found, ""):
        raise _invalid(f"SCHEMA_VALIDATION_FAILED: {problem}")
    return found


def not_emulated(text: str) -> str | None:
    """What a definition needs that is not emulated, though AWS has it; None: nothing."""
    try:
        found = json_of(text.encode())
    except ValueError:
        return None
    problems = _problems(found, "") if isinstance(found, dict) else iter(())
    return next((str(each) for each in problems if isinstance(each, _NotHere)), None)


class _NotHere(str):
    """A problem that is ours, not the definition's."""

    __slots__ = ()


def _problems(machine: Mapping[str, Any], where: str) -> Iterator[str]:
    if machine.get("QueryLanguage", "JSONPath") != "JSONPath":
        yield _NotHere(f"QueryLanguage JSONata at {where or '/'} is not emulated")
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield f"States are expected at {where or '/'}"
        return
    if not _is_among(machine.get("StartAt"), states):
        yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {machine.get('StartAt')} at {where}/StartAt"
    for name, state in states.items():
        yield from _of_state(state, states, f"{where}/States/{name}")
    for name in states.keys() - _reached(machine, states):
        yield f'MISSING_TRANSITION_TARGET: State "{name}" is not reachable. at {where}/States/{name}'


def _reached(machine: Mapping[str, Any], states: Mapping[str, Any]) -> set[str]:
    """States to which a way leads."""
    reached: set[str] = set()
    following = [machine.get("StartAt")]
    while following:
        name = following.pop()
        if isinstance(name, str) and isinstance(states.get(name), dict) and name not in reached:
            reached.add(name)
            following += _targets(states[name])
    return reached


def _targets(state: Mapping[str, Any]) -> list[Any]:
    """Where a state's ways lead, None among them."""
    ways = (*_objects(state, "Choices"), *_objects(state, "Catch"))
    return [state.get("Next"), state.get("Default"), *(each.get("Next") for each in ways)]


def _objects(state: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    """The objects of a list; empty where there is none."""
    found = state.get(field)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _is_among(name: Any, states: Mapping[str, Any]) -> bool:
    return isinstance(name, str) and name in states


def _of_state(state: Any, states: Mapping[str, Any], where: str) -> Iterator[str]:
    kind = state.get("Type") if isinstance(state, dict) else None
    if kind not in TYPES:
        yield f"The field 'Type' should be one of {list(TYPES)} at {where}"
        return
    if state.get("QueryLanguage", "JSONPath") != "JSONPath":
        yield _NotHere(f"QueryLanguage JSONata at {where} is not emulated")
    if kind not in _ENDS and ("Next" in state) is bool(state.get("End")):
        yield f"either 'Next' or 'End' is expected at {where}"
    yield from _of_ways(state, states, where)
    if "Assign" in state:
        yield _NotHere(f"variables (Assign) are not emulated at {where}")
    if kind == "Task":
        yield from _of_task(state, where)
    for at, branch in enumerate(_objects(state, "Branches")):
        yield from _problems(branch, f"{where}/Branches[{at}]")
    if kind == "Map":
        yield from _of_map(state, where)


def _of_ways(state: Mapping[str, Any], states: Mapping[str, Any], where: str) -> Iterator[str]:
    for field in _LISTS:
        if field in state and (not isinstance(state[field], list) or len(_objects(state, field)) < len(state[field])):
            yield f"the field '{field}' should be an array of objects at {where}"
    for target in _targets(state):
        if target is not None and not _is_among(target, states):
            yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {where}"
    for field in ("InputPath", "OutputPath", "ResultPath", "ItemsPath", "SecondsPath", "TimestampPath"):
        path = state.get(field)
        if path is not None and not _is_path(str(path)):
            yield f"{path!r} is no path at {where}/{field}"


def _of_task(state: Mapping[str, Any], where: str) -> Iterator[str]:
    resource = str(state.get("Resource") or "")
    if not resource:
        yield f"The field 'Resource' is expected at {where}"
    elif ":activity:" in resource:
        yield _NotHere(f"activities are not emulated at {where}/Resource")
    elif resource.endswith(":::http:invoke"):
        yield _NotHere(f"requests to other servers (http:invoke) are not emulated at {where}/Resource")
    beat, limit = state.get("HeartbeatSeconds"), state.get("TimeoutSeconds")
    if isinstance(beat, int) and isinstance(limit, int) and beat >= limit:
        yield f"the field 'HeartbeatSeconds' should be smaller than the field 'TimeoutSeconds' at {where}"


def _of_map(state: Mapping[str, Any], where: str) -> Iterator[str]:
    for field in _NOT_HERE:
        if field in state:
            yield _NotHere(f"{field} is not emulated at {where}")
    inner = state.get("ItemProcessor") or state.get("Iterator")
    if not isinstance(inner, dict):
        yield f"ItemProcessor is expected at {where}"
    else:
        yield from _problems(inner, f"{where}/ItemProcessor")


def _is_path(path: str) -> bool:
    try:
        steps(path.removeprefix("$") if path.startswith("$$") else path)
    except ValueError:
        return False
    return True


def _invalid(why: str) -> MachineError:
    return MachineError("InvalidDefinition", f"Invalid State Machine Definition: '{why}'")
