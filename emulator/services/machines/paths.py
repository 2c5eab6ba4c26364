"""JSONPath, as far as the States Language uses it: what a path finds, and where a result goes. Pure.

[DOC] sfn-docs:amazon-states-language-paths
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from .errors import RUNTIME, StateError

_STEP: Final = re.compile(
    r"""\.\.(?P<deep>[\w\-]+|\*)|\.(?P<name>[^.\[\]()'"\s]+)|\['(?P<quoted>[^']*)'\]|\["(?P<double>[^"]*)"\]"""
    r"""|\[(?P<names>'[^']*'(?:\s*,\s*'[^']*')+)\]|\[(?P<indexes>-?\d+(?:\s*,\s*-?\d+)+)\]"""
    r"""|\[(?P<index>-?\d+)\]|\[(?P<all>\*)\]|\[(?P<from>-?\d*):(?P<to>-?\d*)\]|\[\?\((?P<filter>[^\]]*)\)\]"""
)
_QUOTED: Final = re.compile(r"'([^']*)'")
_FILTER: Final = re.compile(r"\s*@((?:\.[\w\-]+|\['[^']*'\])*)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?))?\s*")
_UNQUOTED: Final = r"(?=(?:[^']*'[^']*')*[^']*$)"
_AND, _OR = (re.compile(rf"{each}{_UNQUOTED}") for each in ("&&", r"\|\|"))
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_NOTHING: Final = object()
_DEFINITE: Final = ("name", "index", "members")
"""Kinds of steps that lead to one value at most."""


class Step(NamedTuple):
    """One step of a path."""

    kind: str
    """``name``, ``index``, ``members``, ``each``, ``all``, ``slice``, ``deep`` or ``filter``.

    Several names at the end of a path are ``members``: one object, which has those of them that there are. Before the
    end ``each`` of them is a step, as each of several indexes is. [DOC] sfn-docs:amazon-states-language-paths, of the
    comma; [INF] what it means: that of Jayway's JsonPath
    """
    value: Any


def steps(path: str) -> list[Step]:
    """The steps of a path that begins with ``$``; raises ValueError."""
    if not path.startswith("$"):
        raise ValueError(f"{path!r} is no path")
    found, position = [], 1
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ValueError(f"{path!r} is no path")
        found.append(_step(match, is_last=match.end() == len(path)))
        position = match.end()
    return found


def _step(match: re.Match[str], *, is_last: bool) -> Step:
    if match["names"] is not None:
        names = _QUOTED.findall(match["names"])
        return Step("members", names) if is_last else Step("each", [Step("name", each) for each in names])
    if match["indexes"] is not None:
        return Step("each", [Step("index", int(each)) for each in match["indexes"].split(",")])
    if match["deep"] is not None:
        return Step("deep", match["deep"])
    if match["index"] is not None:
        return Step("index", int(match["index"]))
    if match["all"] is not None or match["name"] == "*":
        return Step("all", None)
    if match["filter"] is not None:
        return Step("filter", _filter(match["filter"]))
    if match["from"] is not None:
        return Step("slice", slice(*(int(each) if each else None for each in (match["from"], match["to"]))))
    return Step("name", next(each for each in (match["name"], match["quoted"], match["double"]) if each is not None))


def find(path: str, data: Any) -> Any:
    """What a path finds: one value where there can be but one, else a list.

    Raises:
        StateError: the path is none, or leads nowhere.
    """
    try:
        parts = steps(path)
    except ValueError as error:
        raise StateError(RUNTIME, f"Invalid path '{path}': {error}") from error
    found = [data]
    is_definite = True
    for part in parts:
        is_definite = is_definite and part.kind in _DEFINITE
        found = [each for value in found for each in _next(part, value)]
    if not is_definite:
        return found
    if not found:
        raise StateError(RUNTIME, f"Invalid path '{path}': No results for path: {path}")
    return found[0]


def has(path: str, data: Any) -> bool:
    """Whether a path leads to something."""
    try:
        found = find(path, data)
    except StateError:
        return False
    return found != [] or all(each.kind in _DEFINITE for each in steps(path))


def put(path: str, data: Any, value: Any) -> Any:
    """The data with a value where a reference path leads; what is missing on the way is made.

    Raises:
        StateError: something on the way is of another kind.
    """
    try:
        parts = steps(path)
    except ValueError as error:
        raise StateError("States.ResultPathMatchFailure", str(error)) from error
    if any(each.kind not in ("name", "index") for each in parts):
        raise StateError("States.ResultPathMatchFailure", f"{path} is no reference path")
    return _put(parts, data, value, path)


def _put(parts: list[Step], data: Any, value: Any, path: str) -> Any:
    if not parts:
        return value
    part, rest = parts[0], parts[1:]
    if part.kind == "name" and isinstance(data, dict | None):
        around = dict(data or {})
        around[part.value] = _put(rest, around.get(part.value), value, path)
        return around
    if part.kind == "index" and isinstance(data, list) and -len(data) <= part.value < len(data):
        items = list(data)
        items[part.value] = _put(rest, items[part.value], value, path)
        return items
    raise StateError("States.ResultPathMatchFailure", f"Unable to apply step {part.value!r} of {path} to the input")


def _next(part: Step, value: Any) -> Iterator[Any]:
    match part.kind:
        case "members":
            yield from _members(part.value, value)
        case "each":
            yield from (found for step in part.value for found in _next(step, value))
        case "name":
            if isinstance(value, dict) and part.value in value:
                yield value[part.value]
        case "index":
            if isinstance(value, list) and -len(value) <= part.value < len(value):
                yield value[part.value]
        case "slice":
            yield from value[part.value] if isinstance(value, list) else ()
        case "filter":
            yield from (each for each in _children(value) if part.value(each))
        case "deep":
            yield from _deep(part.value, value)
        case _:
            yield from _children(value)


def _members(names: list[str], value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield {name: value[name] for name in names if name in value}


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _deep(name: str, value: Any) -> Iterator[Any]:
    if isinstance(value, dict) and name in value:
        yield value[name]
    for each in _children(value):
        if name == "*":
            yield each
        yield from _deep(name, each)


def _filter(text: str) -> Callable[[Any], bool]:
    """A filter's rules: of those between ``||`` one, of those between ``&&`` all."""
    ways = [[_rule(each) for each in _AND.split(way)] for way in _OR.split(text)]
    return lambda item: any(all(rule(item) for rule in way) for way in ways)


def _rule(text: str) -> Callable[[Any], bool]:
    found = _FILTER.fullmatch(text)
    if found is None:
        raise ValueError(f"the filter {text!r} is not known here")
    path, operator = f"${found[1]}", found[2]
    wanted = None if operator is None else json.loads(found[3].replace("'", '"'))

    def matches(item: Any) -> bool:
        value = find(path, item) if has(path, item) else _NOTHING
        if operator is None or value is _NOTHING:
            return value is not _NOTHING
        try:
            return _COMPARE[operator](value, wanted)
        except TypeError:
            return False

    return matches
