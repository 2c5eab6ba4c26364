"""Reading a PartiQL statement token by token, and the literals in it. Pure.

[DOC] ddb-docs:ql-reference.data-types; [USR] words of the faults: dynamodb-conformance, measured on AWS.
"""

from __future__ import annotations

import re
from typing import Final

from ..errors import ApiError, invalid_parameter, validation_error
from ..numbers import normal_number
from ..values import AttributeValue, ordered_set, wire_value
from .lexer import Token, malformed, unreadable

DEPTH: Final = 60
"""Parentheses and literals inside each other. Chosen by us, to bound recursion. [?]"""
_NUMBER: Final = re.compile(r"[0-9]*+\.?([0-9]*)(?:[eE]([+-]?[0-9]+))?")
_LARGEST_INT: Final = 2**31 - 1


class Literals:
    """A place in a statement, and what can be read there."""

    def __init__(self, tokens: list[Token], parameters: list[AttributeValue]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0
        self._parameters = parameters
        self._used = 0
        self._inside = ""
        """Where in a literal we are, as AWS's messages write it after ``root``."""

    @property
    def _token(self) -> Token:
        return self._tokens[self._position]

    def _unexpected(self) -> ApiError:
        shown = "the end" if self._token.kind == "end" else repr(self._token.text)
        return malformed(f"unexpected {shown} (token {self._position + 1})")

    def _takes_sign(self, *signs: str) -> str | None:
        token = self._token
        if token.kind == "sign" and token.text in signs:
            self._position += 1
            return token.text
        return None

    def _takes_word(self, *words: str) -> str | None:
        token = self._token
        if token.is_word(*words):
            self._position += 1
            return token.text.upper()
        return None

    def _sign(self, sign: str) -> None:
        if self._takes_sign(sign) is None:
            raise self._unexpected()

    def _word(self, *words: str) -> str:
        word = self._takes_word(*words)
        if word is None:
            raise self._unexpected()
        return word

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEPTH:
            raise malformed("it is nested too deeply")

    def _literal(self) -> AttributeValue:
        token = self._token
        if self._takes_sign("?"):
            if self._used >= len(self._parameters):
                raise validation_error("Number of parameters in request and statement don't match.")
            self._used += 1
            return self._parameters[self._used - 1]
        word = self._takes_word("TRUE", "FALSE", "NULL")
        if word is not None:
            return AttributeValue("NULL", True) if word == "NULL" else AttributeValue("BOOL", word == "TRUE")
        if token.kind == "text":
            self._position += 1
            return AttributeValue("S", token.text)
        sign = self._takes_sign("-", "+") or ""
        if self._token.kind == "number":
            self._position += 1
            return AttributeValue("N", self._number(sign + self._tokens[self._position - 1].text))
        if sign:
            raise self._unexpected()
        return self._container()

    def _number(self, text: str) -> str:
        """A number within AWS's range, whose exponent and scale fit into 32 bits."""
        match = _NUMBER.fullmatch(text.lstrip("+-"))
        if match is not None and match[2] is not None:
            exponent = int(match[2])
            if max(abs(exponent), abs(len(match[1]) - exponent)) > _LARGEST_INT:
                raise unreadable()
        try:
            return normal_number(text)
        except ApiError as error:
            raise validation_error(f"{error.message} under root{self._inside}") from error

    def _literal_inside(self, part: str) -> AttributeValue:
        outside = self._inside
        self._inside = outside + part
        value = self._literal()
        self._inside = outside
        return value

    def _container(self) -> AttributeValue:
        self._enter()
        if self._takes_sign("["):
            value = AttributeValue("L", tuple(self._members("]")))
        elif self._takes_sign("<<"):
            value = _set_of(self._members(">>"))
        elif self._takes_sign("{"):
            value = AttributeValue("M", self._named())
        else:
            raise self._unexpected()
        self._depth -= 1
        return value

    def _members(self, end: str) -> list[AttributeValue]:
        members: list[AttributeValue] = []
        if self._takes_sign(end):
            return members
        members.append(self._literal_inside("[0]"))
        while self._takes_sign(","):
            members.append(self._literal_inside(f"[{len(members)}]"))
        self._sign(end)
        return members

    def _item(self) -> dict[str, AttributeValue]:
        """The map of INSERT, whose attributes are roots of their own."""
        self._enter()
        if self._takes_sign("{") is None:
            raise self._unexpected()
        content = self._named(is_item=True)
        self._depth -= 1
        return content

    def _named(self, *, is_item: bool = False) -> dict[str, AttributeValue]:
        content: dict[str, AttributeValue] = {}
        if self._takes_sign("}"):
            return content
        while True:
            if self._token.kind not in ("text", "quoted") or not self._token.text:
                raise self._unexpected()
            name = self._token.text
            self._position += 1
            self._sign(":")
            content[name] = self._literal() if is_item else self._literal_inside(f".{name}")
            if self._takes_sign(",") is None:
                self._sign("}")
                return content


def _set_of(members: list[AttributeValue]) -> AttributeValue:
    if not members:
        raise validation_error("Empty bags are not supported")
    kinds = {member.type for member in members}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
        raise malformed("a set has members, all of them strings, numbers or binaries")
    (kind,) = kinds
    contents = {member.content for member in members}
    if len(contents) < len(members):
        listed = ", ".join(str(wire_value(member)[kind]) for member in members)
        raise invalid_parameter(f"Input collection [{listed}] contains duplicates.")
    return AttributeValue(f"{kind}S", ordered_set(contents, is_number=kind == "N"))
