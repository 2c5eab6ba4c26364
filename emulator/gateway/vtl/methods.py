"""The methods of Java's texts, lists, maps and numbers that templates use. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from .syntax import TemplateError

_GROUP: Final = re.compile(r"\\?\$(\d)")


class JsonList(list[Any]):
    """A list of a payload, which is shown as JSON. [REC] ls-snap test_input_path_template_formatting"""


def shown(value: Any) -> str:
    """A value as Java shows it: ``true``, ``1.5``, ``1.0E7``, ``[a, b]``, ``{a=1}``."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case float():
            return _shown_number(value)
        case JsonList():
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        case list():
            return f"[{', '.join(shown(each) for each in value)}]"
        case dict():
            return f"{{{', '.join(f'{shown(name)}={shown(each)}' for name, each in value.items())}}}"
        case _:
            return str(value)


def _shown_number(value: float) -> str:
    """As Java's Double.toString does. [DOC] docs.oracle.com: java.lang.Double, toString"""
    text = repr(value)
    if value == 0 or 1e-3 <= abs(value) < 1e7 or text.lstrip("-") in ("inf", "nan"):
        return text.replace("inf", "Infinity").replace("nan", "NaN")
    sign, digits, exponent = Decimal(text).normalize().as_tuple()
    figures = "".join(map(str, digits))
    return f"{'-' * sign}{figures[0]}.{figures[1:] or '0'}E{int(exponent) + len(figures) - 1}"


def call(value: Any, name: str, arguments: list[Any]) -> Any:
    """What a method gives.

    Raises:
        KeyError: a value of this kind has none of this name.
        TemplateError: the arguments do not fit.
    """
    methods: Mapping[str, Callable[..., Any]] = next(
        (methods for kind, methods in _METHODS if isinstance(value, kind)), {}
    )
    method = methods.get(name) or _OF_ALL[name]
    try:
        return method(value, *arguments)
    except (TypeError, ValueError, IndexError, re.error, AttributeError) as error:
        raise TemplateError(f".{name}(): {error}") from error


def _replaced(text: str, pattern: str, by: str, count: int = 0) -> str:
    return re.sub(pattern, _GROUP.sub(r"\\\1", by), text, count=count)


def _split(text: str, pattern: str) -> list[str]:
    """Java leaves out what is empty at the end."""
    found = [str(each) for each in re.split(pattern, text)]
    while len(found) > 1 and not found[-1]:
        found.pop()
    return found


def _part(of: Any, first: int, last: int | None = None) -> Any:
    """What Java takes from it, which knows no places before the first and none after the last."""
    end = len(of) if last is None else last
    if not 0 <= first <= end <= len(of):
        raise IndexError(f"{first} to {end} are no places among {len(of)}")
    return of[first:end]


def _at(of: Any, index: int) -> Any:
    if not 0 <= index < len(of):
        raise IndexError(f"{index} is no place among {len(of)}")
    return of[index]


def _put(of: dict[Any, Any], key: Any, value: Any) -> Any:
    before = of.get(key)
    of[key] = value
    return before


def _set(of: list[Any], index: int, value: Any) -> Any:
    before = of[index]
    of[index] = value
    return before


def _add(of: list[Any], *values: Any) -> bool:
    if len(values) == 2:
        of.insert(values[0], values[1])
    else:
        of.append(values[0])
    return True


def _updated(of: dict[Any, Any], other: dict[Any, Any]) -> None:
    of.update(other)


def _extended(of: list[Any], other: list[Any]) -> bool:
    of.extend(other)
    return bool(other)


_OF_ALL: Final[Mapping[str, Callable[..., Any]]] = {
    "toString": shown,
    "equals": lambda value, other: value == other,
    "hashCode": lambda value: hash(shown(value)) & 0x7FFFFFFF,
}
_OF_TEXTS: Final[Mapping[str, Callable[..., Any]]] = {
    "charAt": _at,
    "concat": lambda text, other: text + other,
    "contains": lambda text, other: other in text,
    "endsWith": lambda text, other: text.endswith(other),
    "equalsIgnoreCase": lambda text, other: text.lower() == other.lower(),
    "indexOf": lambda text, other, start=0: text.find(other, start),
    "isEmpty": lambda text: not text,
    "lastIndexOf": lambda text, other: text.rfind(other),
    "length": len,
    "matches": lambda text, pattern: re.fullmatch(pattern, text) is not None,
    "replace": lambda text, old, new: text.replace(old, new),
    "replaceAll": _replaced,
    "replaceFirst": lambda text, pattern, by: _replaced(text, pattern, by, 1),
    "split": _split,
    "startsWith": lambda text, other: text.startswith(other),
    "substring": _part,
    "toLowerCase": lambda text: text.lower(),
    "toUpperCase": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
}
_OF_LISTS: Final[Mapping[str, Callable[..., Any]]] = {
    "add": _add,
    "addAll": _extended,
    "contains": lambda of, value: value in of,
    "get": _at,
    "indexOf": lambda of, value: of.index(value) if value in of else -1,
    "isEmpty": lambda of: not of,
    "remove": lambda of, index: of.pop(index),
    "set": _set,
    "size": len,
    "subList": _part,
}
_OF_MAPS: Final[Mapping[str, Callable[..., Any]]] = {
    "containsKey": lambda of, key: key in of,
    "containsValue": lambda of, value: value in of.values(),
    "entrySet": lambda of: [{"key": key, "value": value} for key, value in of.items()],
    "get": lambda of, key: of.get(key),
    "getOrDefault": lambda of, key, default: of.get(key, default),
    "isEmpty": lambda of: not of,
    "keySet": list,
    "put": _put,
    "putAll": _updated,
    "remove": lambda of, key: of.pop(key, None),
    "size": len,
    "values": lambda of: list(of.values()),
}
_OF_ENTRIES: Final[Mapping[str, Callable[..., Any]]] = {
    "getKey": lambda of: of["key"],
    "getValue": lambda of: of["value"],
}
_OF_NUMBERS: Final[Mapping[str, Callable[..., Any]]] = {
    "doubleValue": float,
    "intValue": int,
    "longValue": int,
}
_METHODS: Final = (
    (str, _OF_TEXTS),
    (list, _OF_LISTS),
    (dict, {**_OF_MAPS, **_OF_ENTRIES}),
    ((int, float), _OF_NUMBERS),
)
