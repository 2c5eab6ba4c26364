"""Rules of Choice states. Pure. [DOC] sfn-docs:amazon-states-language-choice-state"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from ...foundation.json_bytes import is_number
from ..wildcards import is_made_of, pieces
from . import paths
from .errors import RUNTIME, StateError

_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}
_COMPARISON: Final = re.compile(
    r"(String|Numeric|Timestamp|Boolean)(LessThanEquals|GreaterThanEquals|Equals|LessThan|GreaterThan)(Path)?"
)
_SIGNS: Final = re.compile(r"(\\\*|\\\\|\*)")
"""Of a pattern: a star, one that stands for itself, a backslash that does."""
_IS: Final[dict[str, Callable[[Any], bool]]] = {
    "IsNull": lambda value: value is None,
    "IsString": lambda value: isinstance(value, str),
    "IsNumeric": is_number,
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: _instant(value) is not None,
}


def is_met(rule: Mapping[str, Any], data: Any, context: Any) -> bool:
    """Whether a rule is met; raises StateError."""
    if "And" in rule:
        return all(is_met(each, data, context) for each in rule["And"])
    if "Or" in rule:
        return any(is_met(each, data, context) for each in rule["Or"])
    if "Not" in rule:
        return not is_met(rule["Not"], data, context)
    path = str(rule["Variable"])
    if "IsPresent" in rule:
        return _has(path, data, context) is rule["IsPresent"]
    value = look(path, data, context)
    for name, wanted in rule.items():
        if name in _IS:
            return _IS[name](value) is wanted
        if name == "StringMatches":
            return isinstance(value, str) and is_made_of(value, pieces(_SIGNS.split(str(wanted))))
        if (found := _COMPARISON.fullmatch(name)) is not None:
            return _compared(found[1], found[2], value, look(wanted, data, context) if found[3] else wanted)
    raise StateError(RUNTIME, f"the rule on {path} compares nothing")


def look(path: str, data: Any, context: Any) -> Any:
    """What a path finds in the data or, with two ``$``, in the context."""
    return paths.find(path[1:], context) if path.startswith("$$") else paths.find(path, data)


def _has(path: str, data: Any, context: Any) -> bool:
    return paths.has(path[1:], context) if path.startswith("$$") else paths.has(path, data)


def _compared(kind: str, order: str, value: Any, wanted: Any) -> bool:
    if kind == "Timestamp":
        first, second = _instant(value), _instant(wanted)
        return first is not None and second is not None and _ORDERS[order](first, second)
    is_right = _IS[f"Is{kind}"]
    return is_right(value) and is_right(wanted) and _ORDERS[order](value, wanted)


def _instant(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else None
    except ValueError:
        return None
