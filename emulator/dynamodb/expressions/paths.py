"""Document paths: finding what stands at them, cutting items down to them, telling which clash. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..values import Attributes, AttributeValue
from .syntax import Path

Tree = dict[str | int, "Tree | None"]
_Seen = dict[str | int, tuple[Path, Any]]


def find(attributes: Attributes, path: Path) -> AttributeValue | None:
    """The value at a path, or None."""
    value = attributes.get(path[0])  # type: ignore[arg-type] # the first part is always a name
    for part in path[1:]:
        if value is None:
            return None
        kind, content = value
        if isinstance(part, int):
            value = content[part] if kind == "L" and part < len(content) else None
        else:
            value = content.get(part) if kind == "M" else None
    return value


def project(attributes: Attributes, paths: Iterable[Path]) -> dict[str, AttributeValue]:
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


def _project_map(attributes: Attributes, tree: Tree) -> dict[str, AttributeValue]:
    found = {}
    for name, below in tree.items():
        if name in attributes:
            value = _project_value(attributes[name], below)  # type: ignore[index] # positions are never in a map
            if value is not None:
                found[str(name)] = value
    return found


def _project_value(value: AttributeValue, tree: Tree | None) -> AttributeValue | None:
    if tree is None:
        return value
    kind, content = value
    if kind == "M":
        inside = _project_map(content, tree)
        return AttributeValue("M", inside) if inside else None
    if kind == "L":
        positions = sorted(part for part in tree if isinstance(part, int) and part < len(content))
        members = [_project_value(content[position], tree[position]) for position in positions]
        found = tuple([member for member in members if member is not None])
        return AttributeValue("L", found) if found else None
    return None


def shown_path(path: Path) -> str:
    """A path as messages show it."""
    return "[" + ", ".join(f"[{part}]" if isinstance(part, int) else part for part in path) + "]"


def find_clash(paths: Sequence[Path]) -> str | None:
    """Why two paths cannot stand in one expression; None: they can.

    Of two paths one contains, or equals, the other; or one takes for a list what the other takes for a map.
    """
    tree: _Seen = {}
    ends: set[Path] = set()
    for path in paths:
        level = tree
        for length, part in enumerate(path, start=1):
            if level and isinstance(next(iter(level)), int) is not isinstance(part, int):
                return _clash("conflict", next(iter(level.values()))[0], path)
            if path[:length] in ends:
                return _clash("overlap", path[:length], path)
            level = level.setdefault(part, (path, {}))[1]
        if level:
            return _clash("overlap", next(iter(level.values()))[0], path)
        ends.add(path)
    return None


def _clash(word: str, one: Path, two: Path) -> str:
    return (
        f"Two document paths {word} with each other; must remove or rewrite one of these paths; "
        f"path one: {shown_path(one)}, path two: {shown_path(two)}"
    )
