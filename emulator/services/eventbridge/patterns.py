"""EventBridge's event patterns: those of Lambda's filters, and what only EventBridge compares. Pure.

[DOC] eb-docs:eb-create-pattern-operators; what is refused is AWS's own, in aws/event-ruler
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final

from ...event_sources.streams.filters import (
    PATTERN_CHARACTERS,
    Filter,
    InvalidFilterPatternError,
    Operator,
    compile_filters,
    compile_pattern,
)
from ..wildcards import is_made_of, pieces

_Test = Callable[[Any], bool]


def compile_event_pattern(pattern: Mapping[str, Any], *, longest: int = PATTERN_CHARACTERS) -> Filter:
    """Compile a rule's pattern, of at most so many characters as JSON.

    Raises:
        InvalidFilterPatternError: EventBridge would refuse it; its ``problem`` says why.
    """
    return compile_pattern(pattern, _MORE, longest=longest)


_SIGN: Final = re.compile(r"\\[*\\]|[^\\]", re.DOTALL)
"""A character of a wildcard: ``*``, or one that stands for itself; a backslash and what it takes the meaning of."""


def _wildcard(operand: Any, where: str) -> _Test:
    signs = _SIGN.findall(operand) if isinstance(operand, str) else []
    if "".join(signs) != operand or ("*", "*") in pairwise(signs):
        problem = "wildcard takes a text without two stars in a row, and a backslash before a star or another one."
        raise InvalidFilterPatternError(f"{where}: {problem}")
    wanted = pieces(signs)
    return lambda leaf: isinstance(leaf, str) and is_made_of(leaf, wanted)


def _anything_but(operand: Any, where: str) -> _Test:
    if not isinstance(operand, Mapping):
        values = operand if isinstance(operand, list) else [operand]
        allowed = compile_filters([{"leaf": [{"anything-but": values}]}])
        return lambda leaf: allowed.matches(_held(leaf))
    if len(operand) != 1 or next(iter(operand)) not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
        raise InvalidFilterPatternError(
            f"{where}: anything-but takes values, prefix, suffix, equals-ignore-case or wildcard."
        )
    ((name, given),) = operand.items()
    values = given if isinstance(given, list) else [given]
    if name in ("prefix", "suffix") and not all(isinstance(each, str) and each for each in values):
        # [REC] ls-snap content_anything_prefix_empty_EXC, content_anything_prefix_ignorecase_EXC
        raise InvalidFilterPatternError(f"{where}: {name} in anything-but takes texts that are not empty.")
    rules = [{name: each} for each in values]
    refused = compile_pattern({"leaf": rules}, {"wildcard": _wildcard})
    return lambda leaf: _is_there(leaf) and not refused.matches({"leaf": leaf})


def _is_there(leaf: Any) -> bool:
    return leaf is None or isinstance(leaf, str | int | float)


def _held(leaf: Any) -> dict[str, Any]:
    return {"leaf": leaf} if _is_there(leaf) else {}


_MORE: Final[Mapping[str, Operator]] = {"anything-but": _anything_but, "wildcard": _wildcard}
