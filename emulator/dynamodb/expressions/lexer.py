"""Cuts an expression of DynamoDB into tokens. Pure.

[USR] scylladb alternator's and dynalite's suites, which AWS passes: names start with a letter, placeholders may start
with a digit, there are no literals.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final, NamedTuple

from ..errors import ApiError, validation_error

EXPRESSION_BYTES: Final = 4096
"""Longest expression. [DOC] ddb-docs:ServiceQuotas"""
OPERATORS: Final = 300
"""Operators and functions of one expression at most. [DOC] ddb-docs:ServiceQuotas"""
OPERATOR_WORDS: Final = frozenset({"AND", "OR", "NOT", "BETWEEN", "IN"})

_TOKEN: Final = re.compile(
    r"""[\ \t\r\n\f\v]*(?:
      (?P<word>[A-Za-z][A-Za-z0-9_]*)
    | (?P<name>\#[A-Za-z0-9_]+)
    | (?P<value>:[A-Za-z0-9_]+)
    | (?P<number>[0-9]+)
    | (?P<sign><>|<=|>=|[=<>()\[\].,+\-])
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """One token and where it stands."""

    kind: str
    """``word``, ``name`` (``#...``), ``value`` (``:...``), ``number``, ``sign`` or ``end``."""
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Whether this is one of these key words (upper case), in any case."""
        return self.kind == "word" and self.text.upper() in words


def tokens_of(expression: str, where: str) -> list[Token]:
    """The tokens of an expression; the last one is of kind ``end``.

    Args:
        expression: the text.
        where: the parameter it stands in, for messages.

    Raises:
        ApiError: it is empty, too long, has too many operators, or a character that no token has.
    """
    if not expression or expression.isspace():
        raise validation_error(f"Invalid {where}: The expression can not be empty;")
    size_bytes = len(expression.encode())
    if size_bytes > EXPRESSION_BYTES:
        raise validation_error(
            f"Invalid {where}: Expression size has exceeded the maximum allowed size; expression size: {size_bytes}"
        )
    tokens: list[Token] = []
    position = 0
    while not tokens or tokens[-1].kind != "end":
        match = _TOKEN.match(expression, position)
        if match is None:
            rest = expression[position:]
            start = position + len(rest) - len(rest.lstrip())
            bad = Token("bad", expression[start], start, start + 1)
            raise syntax_error(where, expression, [*tokens, bad], len(tokens))
        kind = str(match.lastgroup)
        tokens.append(Token(kind, match[kind], match.start(kind), match.end(kind)))
        position = match.end()
    count = sum(_counts(token, following) for token, following in pairwise(tokens))
    if count > OPERATORS:
        raise validation_error(
            f"Invalid {where}: The expression contains too many operators; operator count: {OPERATORS + 1}"
        )
    return tokens


def _counts(token: Token, following: Token) -> bool:
    if token.kind == "sign":
        return token.text in ("=", "<>", "<", "<=", ">", ">=", "+", "-")
    return token.kind == "word" and (token.text.upper() in OPERATOR_WORDS or following.text == "(")


def syntax_error(where: str, expression: str, tokens: list[Token], position: int) -> ApiError:
    """The token at a position does not belong there; AWS shows it with its neighbours."""
    token = tokens[position]
    first = tokens[max(0, position - 1)]
    last = tokens[min(len(tokens) - 1, position + 1)]
    text = "<EOF>" if token.kind == "end" else token.text
    return validation_error(
        f'Invalid {where}: Syntax error; token: "{text}", near: "{expression[first.start : last.end]}"'
    )
