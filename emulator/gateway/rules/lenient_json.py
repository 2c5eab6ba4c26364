"""JSON as forgivingly as API Gateway reads it to choose a route. Pure.

``{"action":"sendMessage", body:"hello"}`` was routed by its action [REC], as json-smart's permissive mode would
do it [INF]: bare and single-quoted names and strings, superfluous commas, and anything after the value are accepted.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

DEPTH: Final = 200
"""Nesting that is still read; json-smart stops at a few hundred too. Deeper text is not JSON to us."""

_STRICT: Final = json.JSONDecoder(strict=False)
_SPACE: Final = re.compile(r"\s*")
_QUOTED: Final = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
}
_BARE_NAME: Final = re.compile(r"[^:,{}\[\]]+")
_BARE_VALUE: Final = re.compile(r"[^,{}\[\]]+")
_WORDS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None}
_NUMBER: Final = re.compile(r"-?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,4})?")
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def parse(text: str) -> Any:
    """The value that a text stands for.

    Raises:
        ValueError: it stands for none, even forgivingly read.
    """
    try:
        return _STRICT.decode(text)
    except ValueError:
        return _Reader(text).document()
    except RecursionError:
        raise ValueError("nested too deeply") from None


class _Reader:
    __slots__ = ("_at", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def document(self) -> Any:
        return self._value(0)

    def _value(self, depth: int) -> Any:
        if depth > DEPTH:
            raise ValueError("nested too deeply")
        match self._peek():
            case "{":
                return self._object(depth)
            case "[":
                return self._array(depth)
            case '"' | "'" as quote:
                return self._quoted(quote)
            case _:
                return _scalar(self._bare(_BARE_VALUE))

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._at += 1
        while (character := self._peek()) != "}":
            if character == ",":
                self._at += 1
                continue
            name = self._quoted(character) if character in _QUOTED else self._bare(_BARE_NAME)
            if self._peek() != ":":
                raise ValueError(f"expected ':' at {self._at}")
            self._at += 1
            found[name] = self._value(depth + 1)
        self._at += 1
        return found

    def _array(self, depth: int) -> list[Any]:
        found: list[Any] = []
        self._at += 1
        while (character := self._peek()) != "]":
            if character == ",":
                self._at += 1
                continue
            found.append(self._value(depth + 1))
        self._at += 1
        return found

    def _peek(self) -> str:
        blank = _SPACE.match(self._text, self._at)
        assert blank is not None  # the pattern matches the empty string
        self._at = blank.end()
        if self._at >= len(self._text):
            raise ValueError("the text ends too early")
        return self._text[self._at]

    def _quoted(self, quote: str) -> str:
        found = _QUOTED[quote].match(self._text, self._at)
        if found is None:
            raise ValueError(f"unterminated string at {self._at}")
        self._at = found.end()
        return _ESCAPE.sub(_unescape, found[1])

    def _bare(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise ValueError(f"expected a name or value at {self._at}")
        self._at = found.end()
        return found[0].strip()


def _unescape(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPES.get(code, code)


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    return text
