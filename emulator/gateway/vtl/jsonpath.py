"""The JSONPath expressions of ``$input.json`` and ``$input.path``. Pure. [DOC] apigw-docs:mapping-template-reference"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from .syntax import TemplateError

_STEP: Final = re.compile(
    r"(?P<deep>\.\.)?(?:\.?(?P<name>[^.\[\]'\"*\s()]++)(?!\()|\.?(?P<all>\*)|\[\s*(?P<index>-?\d+)\s*\]|\[\s*(?P<every>\*)\s*\]"
    r"|\[\s*'(?P<single>[^']*)'\s*\]|\[\s*\"(?P<double>[^\"]*)\"\s*\]"
    r"|\[\s*(?P<first>-?\d+)?\s*:\s*(?P<last>-?\d+)?\s*\])"
)
"""A step; filters (``?(...)``) and functions (``.length()``) are not among them."""
_MISSING: Final = object()


def find(document: Any, path: str) -> Any:
    """What a path leads to: a value, a list where it may lead to several, None where it leads nowhere.

    Raises:
        TemplateError: it cannot be read.
    """
    rest = path.strip()
    if not rest.startswith("$"):
        rest = f"$.{rest}"  # [INF] the root may be left out
    found, at, is_definite = [document], 1, True
    while at < len(rest):
        step = _STEP.match(rest, at)
        if step is None or step.end() == at:
            raise TemplateError(f"the JSONPath {path!r} is not understood at {rest[at:]!r}")
        at = step.end()
        if step["deep"]:
            found = [each for value in found for each in _below(value)]
        is_slice = step["index"] is None and "[" in step[0] and ":" in step[0] and not _name(step)
        is_definite = is_definite and not (step["deep"] or step["all"] or step["every"] or is_slice)
        found = [each for value in found for each in _taken(value, step, is_slice=is_slice)]
    if not is_definite:
        return found
    return found[0] if found else None


def _name(step: re.Match[str]) -> str | None:
    return next((step[each] for each in ("name", "single", "double") if step[each] is not None), None)


def _taken(value: Any, step: re.Match[str], *, is_slice: bool) -> Iterator[Any]:
    name = _name(step)
    if name is not None:
        found = value.get(name, _MISSING) if isinstance(value, dict) else _MISSING
        if found is not _MISSING:
            yield found
    elif step["all"] or step["every"]:
        yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    elif is_slice:
        first, last = (None if step[each] is None else int(step[each]) for each in ("first", "last"))
        yield from value[first:last] if isinstance(value, list) else ()
    elif isinstance(value, list) and -len(value) <= int(step["index"]) < len(value):
        yield value[int(step["index"])]


def _below(value: Any) -> Iterator[Any]:
    yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _below(each)
