"""Document paths: ``a.b[2].c`` in projections and in the answers to updates. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from .errors import ApiError, validation_error
from .values import typed

Path = tuple[str | int, ...]
"""Attribute names and list positions, from the top."""

_ELEMENT: Final = re.compile(r"\s*(?:(?P<name>#?[A-Za-z0-9_\-:]+)|\[\s*(?P<position>\d+)\s*\])\s*")


def is_reserved(name: str) -> bool:
    """Whether an attribute name needs a ``#`` placeholder in expressions."""
    return name.upper() in ReservedKeywords.get_reserved_keywords()


def undefined_name(where: str, name: str) -> ApiError:
    """A ``#name`` of an expression has no value in ExpressionAttributeNames."""
    return validation_error(
        f"Invalid {where}: An expression attribute name used in the document path is not defined; "
        f"attribute name: {name}"
    )


def overlap(where: str, one: Path, two: Path) -> ApiError:
    """Two paths of an expression touch the same part of an item."""
    return validation_error(
        f"Invalid {where}: Two document paths overlap with each other; must remove or rewrite one of these paths; "
        f"path one: {_shown(one)}, path two: {_shown(two)}"
    )


def _shown(path: Path) -> str:
    return "[" + ", ".join(f"[{part}]" if isinstance(part, int) else part for part in path) + "]"


def find_overlap(paths: Iterable[Path]) -> tuple[Path, Path] | None:
    """The first two paths of which one contains, or equals, the other."""
    seen: list[Path] = []
    for path in paths:
        for other in seen:
            length = min(len(path), len(other))
            if path[:length] == other[:length]:
                return other, path
        seen.append(path)
    return None


def parse_projection(expression: str, names: Mapping[str, str]) -> tuple[list[Path], set[str]]:
    """The paths of a projection expression, and the placeholders it uses.

    Raises:
        ApiError: its syntax is wrong, a name is reserved or undefined, or paths overlap.
    """
    where, used = "ProjectionExpression", set[str]()
    if not expression.strip():
        raise validation_error(f"Invalid {where}: The expression can not be empty;")
    paths = [_parse_path(text, where, names, used) for text in expression.split(",")]
    clash = find_overlap(paths)
    if clash is not None:
        raise overlap(where, *clash)
    return paths, used


def _parse_path(text: str, where: str, names: Mapping[str, str], used: set[str]) -> Path:
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        if parts and text[position] == ".":
            position += 1
        elif parts and text[position] != "[":
            raise _syntax_error(where, text)
        element = _ELEMENT.match(text, position)
        if element is None or (not parts and element["name"] is None):
            raise _syntax_error(where, text)
        parts.append(_resolve(element, where, names, used))
        position = element.end()
    if not parts:
        raise _syntax_error(where, text)
    return tuple(parts)


def _syntax_error(where: str, text: str) -> ApiError:
    return validation_error(f'Invalid {where}: Syntax error; token: "{text.strip()}"')


def _resolve(element: re.Match[str], where: str, names: Mapping[str, str], used: set[str]) -> str | int:
    name = element["name"]
    if name is None:
        return int(element["position"])
    if name.startswith("#"):
        used.add(name)
        if name not in names:
            raise undefined_name(where, name)
        return names[name]
    if is_reserved(name):
        raise validation_error(f"Invalid {where}: Attribute name is a reserved keyword; reserved keyword: {name}")
    if name[0].isdigit():
        raise _syntax_error(where, name)
    return name


Tree = dict[str | int, "Tree | None"]


def project(attributes: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """The parts of an item that the paths name; what does not exist is left out, and lists close ranks."""
    tree: Tree = {}
    for path in paths:
        node = tree
        for part in path[:-1]:
            child = node.setdefault(part, {})
            if child is None:
                break
            node = child
        else:
            node[path[-1]] = None
    return _project_map(attributes, tree)


def _project_map(attributes: Mapping[str, Any], tree: Tree) -> dict[str, Any]:
    found = {}
    for name, below in tree.items():
        if name in attributes:
            value = _project_value(attributes[name], below)  # type: ignore[index] # positions are never in a map
            if value is not None:
                found[str(name)] = value
    return found


def _project_value(value: Any, tree: Tree | None) -> Any:
    if tree is None:
        return value
    if value.type == "M":
        inside = _project_map(value.value, tree)
        return typed("M", inside) if inside else None
    if value.type == "L":
        positions = sorted(part for part in tree if isinstance(part, int) and part < len(value.value))
        members = [_project_value(value.value[position], tree[position]) for position in positions]
        members = [member for member in members if member is not None]
        return typed("L", members) if members else None
    return None


def find(attributes: Mapping[str, Any], path: Path) -> Any:
    """The value at a path, or None."""
    value: Any = attributes.get(path[0])  # type: ignore[arg-type] # the first part is always a name
    for part in path[1:]:
        if value is None:
            return None
        if isinstance(part, int):
            value = value.value[part] if value.type == "L" and part < len(value.value) else None
        else:
            value = value.value.get(part) if value.type == "M" else None
    return value
