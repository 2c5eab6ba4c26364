"""Every name that a template refers to, found without resolving anything. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from .errors import Path

VARIABLE: Final = re.compile(r"\$\{(!?)\s*([^{}]*?)\s*\}")
"""A variable of ``Fn::Sub``; with ``!`` it is meant literally."""


def references(value: Any, path: Path) -> Iterator[tuple[Path, str, str | None]]:
    """Place, name and attribute (None for ``Ref``) of each reference below a value."""
    if isinstance(value, list):
        for position, each in enumerate(value):
            yield from references(each, (*path, position))
    elif isinstance(value, dict):
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref" and isinstance(argument, str):
                yield path, argument, None
                return
            if key == "Fn::GetAtt":
                parts = argument.split(".", 1) if isinstance(argument, str) else argument
                if isinstance(parts, list) and parts and isinstance(parts[0], str):
                    yield path, parts[0], str(parts[1]) if len(parts) > 1 else ""
                    yield from references(parts[1:], path)
                    return
            if key == "Fn::Sub":
                yield from _of_sub(argument, path)
                return
        for key, each in value.items():
            yield from references(each, path if key.startswith("Fn::") else (*path, key))


def _of_sub(argument: Any, path: Path) -> Iterator[tuple[Path, str, str | None]]:
    text = argument
    own: Any = {}
    if isinstance(argument, list) and argument:
        text, own = argument[0], argument[1] if len(argument) > 1 else {}
        yield from references(own, path)
    if isinstance(text, str):
        for literal, name in VARIABLE.findall(text):
            if not literal and not (isinstance(own, dict) and name in own):
                logical_id, dot, attribute = name.partition(".")
                yield path, logical_id, attribute if dot else None
