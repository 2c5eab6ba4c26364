"""Intrinsic functions of the States Language. Pure: chance is an argument.

[DOC] sfn-docs:amazon-states-language-intrinsic-functions
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from ...foundation.json_bytes import json_text, text_of
from ...functions.variables import uuid4
from .errors import StateError

FAILURE: Final = "States.IntrinsicFailure"
_ESCAPED: Final = "\\"
_RANGE_ITEMS: Final = 1000

Look = Callable[[str], Any]
"""What a path finds."""
Bits = Callable[[int], int]
"""So many random bits."""


def is_intrinsic(text: str) -> bool:
    """Whether a text calls a function."""
    return text.startswith("States.") and text.rstrip().endswith(")")


def evaluate(text: str, look: Look, bits: Bits) -> Any:
    """What a call comes to; raises StateError."""
    reader = _Reader(text, look, bits)
    try:
        return reader.whole()
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError) as error:
        raise StateError(FAILURE, f"The function '{text}' had an error: {error}") from error


class _Reader:
    def __init__(self, text: str, look: Look, bits: Bits) -> None:
        self._text = text
        self._at = 0
        self._look = look
        self._bits = bits

    def whole(self) -> Any:
        value = self.value()
        if self._text[self._at :].strip():
            raise ValueError("something follows")
        return value

    def value(self) -> Any:
        self._skip()
        start = self._text[self._at]
        if start == "'":
            return self._quoted()
        if start == "$":
            return self._look(self._word(nested=True))
        word = self._word(nested=False)
        self._skip()
        if self._text[self._at : self._at + 1] == "(":
            self._at += 1
            return self._call(word)
        return json.loads(word)

    def _call(self, name: str) -> Any:
        arguments = []
        self._skip()
        while self._text[self._at] != ")":
            arguments.append(self.value())
            self._skip()
            if self._text[self._at] == ",":
                self._at += 1
            elif self._text[self._at] != ")":
                raise ValueError(f"',' is expected at {self._at}")
        self._at += 1
        if name == "States.UUID":
            return uuid4(self._bits(128))
        if name == "States.MathRandom":
            low, high = int(arguments[0]), int(arguments[1])
            return low + self._bits(64) % (high - low)
        function = _FUNCTIONS.get(name)
        if function is None:
            raise ValueError(f"there is no function {name}")
        return function(*arguments)

    def _skip(self) -> None:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1

    def _quoted(self) -> str:
        found = []
        self._at += 1
        while (each := self._text[self._at]) != "'":
            if each == _ESCAPED:
                self._at += 1
                each = self._text[self._at]
                found.append(each if each in "'\\" else _ESCAPED + each)
            else:
                found.append(each)
            self._at += 1
        self._at += 1
        return "".join(found)

    def _word(self, *, nested: bool) -> str:
        start, depth, quote = self._at, 0, ""
        while self._at < len(self._text):
            each = self._text[self._at]
            if quote:
                quote = "" if each == quote else quote
            elif nested and each in "'\"":
                quote = each
            elif nested and each in "[(":
                depth += 1
            elif depth and each in "])":
                depth -= 1
            elif each in ",()" or each.isspace():
                break
            self._at += 1
        return self._text[start : self._at]


def _format(template: str, *values: Any) -> str:
    parts = template.replace("\\{", "\0").replace("\\}", "\1").split("{}")
    if len(parts) != len(values) + 1:
        raise ValueError("there are not as many values as places")
    texts = map(text_of, values)
    joined = "".join(part + text for part, text in zip(parts, [*texts, ""], strict=True))
    return joined.replace("\0", "{").replace("\1", "}")


def _item(items: Any, at: int) -> Any:
    if not isinstance(items, list) or at < 0:
        raise ValueError("an array and a place in it are expected")
    return items[at]


def _length(items: Any) -> int:
    if not isinstance(items, list):
        raise TypeError("an array is expected")
    return len(items)


def _sum(first: Any, second: Any) -> Any:
    if any(isinstance(each, bool) or not isinstance(each, int | float) for each in (first, second)):
        raise TypeError("numbers are expected")
    return first + second


def _range(first: int, last: int, step: int) -> list[int]:
    found = range(first, last + (1 if step > 0 else -1), step)
    if len(found) > _RANGE_ITEMS:  # looked at before there are any: the numbers may be a client's
        raise ValueError(f"an array has at most {_RANGE_ITEMS} items")
    return list(found)


def _unique(items: list[Any]) -> list[Any]:
    found: dict[str, Any] = {}
    for each in items:
        found.setdefault(json.dumps(each, sort_keys=True), each)
    return list(found.values())


def _split(text: str, characters: str) -> list[str]:
    for each in characters[1:]:
        text = text.replace(each, characters[0])
    return [each for each in text.split(characters[0]) if each]


def _merge(first: dict[str, Any], second: dict[str, Any], deep: bool) -> dict[str, Any]:
    if deep:
        raise ValueError("only shallow merging is there")
    return {**first, **second}


def _partition(items: list[Any], size: int) -> list[list[Any]]:
    return [items[at : at + size] for at in range(0, len(items), size)]


def _hash(data: Any, algorithm: str) -> str:
    content = text_of(data).encode()
    return hashlib.new(algorithm.lower().replace("-", ""), content, usedforsecurity=False).hexdigest()


_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "States.Array": lambda *items: list(items),
    "States.ArrayContains": lambda items, value: value in items,
    "States.ArrayGetItem": _item,
    "States.ArrayLength": _length,
    "States.ArrayPartition": _partition,
    "States.ArrayRange": _range,
    "States.ArrayUnique": _unique,
    "States.Base64Decode": lambda text: base64.b64decode(text).decode(),
    "States.Base64Encode": lambda text: base64.b64encode(text.encode()).decode(),
    "States.Format": _format,
    "States.Hash": _hash,
    "States.JsonMerge": _merge,
    "States.JsonToString": json_text,
    "States.MathAdd": _sum,
    "States.StringSplit": _split,
    "States.StringToJson": json.loads,
}
