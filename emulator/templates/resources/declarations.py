"""What properties CloudFormation's types of resources have, by a file that ``make types`` writes.

[DOC] AWS's resource provider schemas, which CloudFormation itself holds templates to before it makes anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

FILE: Final = Path(__file__).with_name("types.txt")
"""A line of its origin, then one for each type: its name, and shapes by the names of its definitions; the empty one is
its properties. A shape is ``s``, text, perhaps one of ``s=A|B``; ``n``, a number; ``b``, a boolean; ``*``, anything;
``#Name``, a definition; ``?#Name``, that or the path of a file; a list of one shape; or a mapping of shapes: ``*`` is
every other key, ``!`` stands behind what must be there."""

Shape = str | list[Any] | dict[str, Any]


class Declaration(Struct, frozen=True, kw_only=True):
    """What a type's properties may be."""

    type: str
    definitions: Mapping[str, Shape]

    @property
    def properties(self) -> Shape:
        """The shape of all of them."""
        return self.definitions[""]


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
