"""What properties CloudFormation's types of resources have, by a file that ``make types`` writes.

[DOC] AWS's resource provider schemas, which CloudFormation itself holds templates to before it makes anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

FILE: Final = Path(__file__).with_name("types.txt")
"""A line of its origin, then one for each type: its name, and shapes by the names of its definitions; the empty one is
its properties. A shape is ``s``, text, perhaps one of ``s=A|B``, or of so many characters as ``s1..64``, then ``~`` and
a pattern; ``n``, a number, perhaps within ``n1..900``, either end of which may be missing; ``b``, a boolean; ``*``,
anything; ``#Name``, a definition; ``?#Name``, that or the path of a file; a list of one shape, perhaps with how many
there may be, such as ``..5``; or a mapping of shapes: ``*`` is every other key, ``!`` stands behind what must be
there."""

Shape = str | list[Any] | dict[str, Any]


class Declaration(Struct, frozen=True, kw_only=True):
    """What a type's properties may be."""

    type: str
    definitions: Mapping[str, Shape]

    @property
    def properties(self) -> Shape:
        """The shape of all of them."""
        return self.definitions[""]


class Plain(Struct, frozen=True, kw_only=True):
    """What a plain value may be."""

    kind: str
    """``s``, ``n`` or ``b``."""
    choices: tuple[str, ...] = ()
    """Empty: any."""
    least: float | None = None
    """Of a number, itself; of a text, its characters; of a list, its elements; None: no bound."""
    most: float | None = None
    pattern: re.Pattern[str] | None = None
    """What is to be found in a text."""


@lru_cache(maxsize=4096)
def plain(shape: str) -> Plain:
    """What a shape says that is none of a mapping, and no name; bounds of a list's elements are read likewise."""
    kind, rest = (shape[0], shape[1:]) if shape[0] in "snb" else ("", shape)
    if rest.startswith("="):
        return Plain(kind=kind, choices=tuple(rest[1:].split("|")))
    bounds, _, pattern = rest.partition("~")
    least, _, most = bounds.partition("..")
    return Plain(
        kind=kind,
        least=float(least) if least else None,
        most=float(most) if most else None,
        pattern=re.compile(pattern, re.ASCII) if pattern else None,
    )


@lru_cache(maxsize=512)
def declared(resource_type: str) -> Declaration | None:
    """The declaration of a type; None: nothing is known about it, such as a custom resource."""
    text = _text()
    start = text.find(f"\n{resource_type} ".encode())
    if start < 0:
        return None
    start += len(resource_type) + 2
    return Declaration(type=resource_type, definitions=json.loads(text[start : text.index(b"\n", start)]))


def similar_type(resource_type: str) -> str | None:
    """The type of the same service that is probably meant by one that is not declared; None: none is much like it."""
    from difflib import get_close_matches  # noqa: PLC0415 - of use only where something is wrong

    service = resource_type[: resource_type.rfind("::") + 2]
    if not service.startswith("AWS::") or service == "AWS::" or resource_type.endswith("::MODULE"):
        return None
    names = [line.partition(b" ")[0].decode() for line in _text().splitlines() if line.startswith(service.encode())]
    known = {name.removeprefix(service): name for name in names}
    found = get_close_matches(resource_type.removeprefix(service), known, n=1, cutoff=0.8)
    return known[found[0]] if found else None


@lru_cache(maxsize=1)
def _text() -> bytes:
    return FILE.read_bytes()
