"""Cuts a PartiQL statement into tokens. Pure. [DOC] ddb-docs:ql-reference"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ..errors import ApiError, validation_error

_TOKEN: Final = re.compile(
    r"""(?:\s|--[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*+(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
    | (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    | (?P<sign><<|>>|<>|!=|<=|>=|[=<>()\[\]{},.:+\-*?;])
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """One token of a statement."""

    kind: str
    """``text``, ``quoted`` (a name), ``number``, ``word``, ``sign`` or ``end``."""
    text: str
    """Without quotes, for text and quoted names."""
    place: str = ""
    """Line, column and length, as AWS's messages show it: ``1:15:4``."""

    def is_word(self, *words: str) -> bool:
        """Whether this is one of these key words (upper case), in any case."""
        return self.kind == "word" and self.text.upper() in words


def tokens_of(statement: str) -> list[Token]:
    """The tokens of a statement; the last one is of kind ``end``.

    Raises:
        ApiError: it has a character that no token has.
    """
    tokens: list[Token] = []
    position = 0
    while not tokens or tokens[-1].kind != "end":
        match = _TOKEN.match(statement, position)
        if match is None:
            raise unreadable()
        kind = str(match.lastgroup)
        text = match[kind]
        if kind in ("text", "quoted"):
            text = text[1:-1].replace(text[0] * 2, text[0])
        tokens.append(Token(kind, text, _place(statement, match.start(kind), match.end(kind))))
        position = match.end()
    return tokens


def _place(statement: str, start: int, end: int) -> str:
    before = statement[:start]
    return f"{before.count(chr(10)) + 1}:{start - before.rfind(chr(10))}:{end - start}"


def unreadable() -> ApiError:
    """A character or a number that no token has; AWS says nothing more. [USR] dynamodb-conformance"""
    return malformed("")


def malformed(reason: str) -> ApiError:
    """A statement that is not PartiQL, or more of it than is understood here."""
    return validation_error(f"Statement wasn't well formed, can't be processed: {reason}")
