"""The grammar of DynamoDB's PartiQL, by recursive descent. Pure.

Conditions and changes come out as those of expressions do; literals and parameters become their ``:values``.
[DOC] ddb-docs:ql-reference.select, .update, .delete, .insert, ql-functions, ql-operators
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import ApiError, validation_error
from ..expressions.syntax import (
    Arithmetic,
    Attribute,
    Between,
    Comparison,
    Condition,
    FunctionCall,
    Junction,
    Membership,
    Negation,
    Operand,
    Path,
    Placeholder,
    UpdateAction,
)
from ..numbers import normal_number
from ..values import AttributeValue, ordered_set, read_value
from .lexer import Token, malformed, tokens_of

DEPTH: Final = 60
"""Parentheses and literals inside each other. Chosen by us, to bound recursion. [?]"""
_CONDITIONS: Final = {"begins_with": 2, "contains": 2, "attribute_type": 2}


@dataclass(frozen=True, slots=True)
class Statement:
    """A parsed statement."""

    verb: str
    """``SELECT``, ``EXISTS``, ``INSERT``, ``UPDATE`` or ``DELETE``."""
    table: str
    values: Mapping[str, AttributeValue]
    """What the placeholders of `where` and `actions` stand for."""
    index: str | None = None
    columns: tuple[Path, ...] | None = None
    """Of SELECT; None: all."""
    where: Condition | None = None
    order: tuple[tuple[str, bool], ...] = ()
    """Of ORDER BY: name, and whether it descends."""
    item: Mapping[str, AttributeValue] | None = None
    """Of INSERT."""
    actions: tuple[UpdateAction, ...] = ()
    """Of UPDATE."""
    returning: str | None = None
    """``ALL_OLD``, ``ALL_NEW``, ``MODIFIED_OLD`` or ``MODIFIED_NEW``."""


def parse(statement: str, parameters: Sequence[Any]) -> Statement:
    """Read a statement; ``parameters`` are the attribute values, as JSON, that its question marks stand for.

    Raises:
        ApiError: it is malformed, or has another number of question marks.
    """
    parser = _Parser(tokens_of(statement), [read_value(raw) for raw in parameters])
    return parser.statement()


class _Parser:
    def __init__(self, tokens: list[Token], parameters: list[AttributeValue]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0
        self._parameters = parameters
        self._used = 0
        self._values: dict[str, AttributeValue] = {}
        self._functions: tuple[str, ...] = ("size",)
        """Functions that give a value, where we are: conditions and changes have different ones."""

    def statement(self) -> Statement:
        readers: dict[str, Callable[[], Statement]] = {
            "SELECT": self._select,
            "EXISTS": self._exists,
            "INSERT": self._insert,
            "UPDATE": self._update,
            "DELETE": self._delete,
        }
        reader = readers.get(self._token.text.upper()) if self._token.kind == "word" else None
        if reader is None:
            raise self._unexpected()
        self._position += 1
        statement = reader()
        self._takes_sign(";")
        if self._token.kind != "end":
            raise self._unexpected()
        if self._used != len(self._parameters):
            raise validation_error("Number of parameters in request and statement don't match.")
        return statement

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

    def _name(self) -> str:
        token = self._token
        if token.kind not in ("word", "quoted") or not token.text:
            raise self._unexpected()
        self._position += 1
        return token.text

    def _table(self) -> str:
        if self._token.kind == "text":
            raise self._unexpected()
        return self._name()

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEPTH:
            raise malformed("it is nested too deeply")

    def _select(self) -> Statement:
        columns: tuple[Path, ...] | None = None
        if self._takes_sign("*") is None:
            found = [self._path()]
            while self._takes_sign(","):
                found.append(self._path())
            columns = tuple(found)
        self._word("FROM")
        table = self._table()
        index = self._name() if self._takes_sign(".") else None
        where = self._where()
        order: list[tuple[str, bool]] = []
        if self._takes_word("ORDER"):
            self._word("BY")
            order.append(self._ordering())
            while self._takes_sign(","):
                order.append(self._ordering())
        return Statement("SELECT", table, self._values, index=index, columns=columns, where=where, order=tuple(order))

    def _ordering(self) -> tuple[str, bool]:
        name = self._name()
        return name, self._takes_word("ASC", "DESC") == "DESC"

    def _exists(self) -> Statement:
        self._sign("(")
        self._word("SELECT")
        inner = self._select()
        self._sign(")")
        return Statement("EXISTS", inner.table, self._values, where=inner.where)

    def _insert(self) -> Statement:
        self._word("INTO")
        table = self._table()
        self._word("VALUE")
        item = self._literal()
        if item.type != "M":
            raise malformed("INSERT needs a map of attributes after VALUE")
        return Statement("INSERT", table, self._values, item=item.content)

    def _update(self) -> Statement:
        table = self._table()
        actions: list[UpdateAction] = []
        self._functions = ("list_append", "if_not_exists")
        while (verb := self._takes_word("SET", "REMOVE")) is not None:
            actions.append(self._action(verb))
            while self._takes_sign(","):
                actions.append(self._action(verb))
        if not actions:
            raise self._unexpected()
        self._functions = ("size",)
        where = self._where()
        return Statement(
            "UPDATE", table, self._values, where=where, actions=tuple(actions), returning=self._returning()
        )

    def _delete(self) -> Statement:
        self._word("FROM")
        table = self._table()
        where = self._where()
        return Statement("DELETE", table, self._values, where=where, returning=self._returning())

    def _returning(self) -> str | None:
        if self._takes_word("RETURNING") is None:
            return None
        returning = f"{self._word('ALL', 'MODIFIED')}_{self._word('OLD', 'NEW')}"
        self._sign("*")
        return returning

    def _action(self, verb: str) -> UpdateAction:
        path = self._path()
        if verb == "REMOVE":
            return UpdateAction(verb, path, None)
        self._sign("=")
        if self._token.is_word("SET_ADD", "SET_DELETE"):
            kind = self._word("SET_ADD", "SET_DELETE").removeprefix("SET_")
            self._sign("(")
            if self._path() != path:
                raise malformed("set_add and set_delete change the attribute that they read")
            self._sign(",")
            value = self._operand()
            self._sign(")")
            return UpdateAction(kind, path, value)
        return UpdateAction(verb, path, self._sum())

    def _sum(self) -> Operand:
        left = self._operand()
        sign = self._takes_sign("+", "-")
        return left if sign is None else Arithmetic(sign, left, self._operand())

    def _where(self) -> Condition | None:
        return self._junction() if self._takes_word("WHERE") else None

    def _junction(self) -> Condition:
        alternatives: list[Condition] = []
        while True:
            together = [self._negation()]
            while self._takes_word("AND"):
                together.append(self._negation())
            alternatives.append(together[0] if len(together) == 1 else Junction("AND", tuple(together)))
            if self._takes_word("OR") is None:
                return alternatives[0] if len(alternatives) == 1 else Junction("OR", tuple(alternatives))

    def _negation(self) -> Condition:
        negations = 0
        while self._takes_word("NOT"):
            negations += 1
        condition = self._primary()
        return Negation(condition) if negations % 2 else condition

    def _primary(self) -> Condition:
        if self._takes_sign("("):
            self._enter()
            condition = self._junction()
            self._sign(")")
            self._depth -= 1
            return condition
        name = self._token.text.lower()
        if name in _CONDITIONS and self._is_call():
            return self._call(name, _CONDITIONS[name])
        return self._comparison(self._operand())

    def _is_call(self) -> bool:
        following = self._tokens[min(self._position + 1, len(self._tokens) - 1)]
        return self._token.kind == "word" and following == Token("sign", "(")

    def _call(self, name: str, count: int) -> FunctionCall:
        self._position += 2
        arguments = [self._operand()]
        while self._takes_sign(","):
            arguments.append(self._operand())
        self._sign(")")
        if len(arguments) != count:
            raise malformed(f"{name} takes {count} operands")
        return FunctionCall(name, tuple(arguments))

    def _comparison(self, value: Operand) -> Condition:
        sign = self._takes_sign("=", "<>", "!=", "<", "<=", ">", ">=")
        if sign is not None:
            return Comparison("<>" if sign == "!=" else sign, value, self._operand())
        if self._takes_word("BETWEEN"):
            low = self._operand()
            self._word("AND")
            return Between(value, low, self._operand())
        if self._takes_word("IN"):
            return Membership(value, self._choices())
        self._word("IS")
        is_negative = self._takes_word("NOT") is not None
        if self._word("MISSING", "NULL") == "MISSING":
            condition: Condition = FunctionCall("attribute_not_exists", (value,))
        else:
            condition = FunctionCall("attribute_type", (value, self._placeholder(AttributeValue("S", "NULL"))))
        return Negation(condition) if is_negative else condition

    def _choices(self) -> tuple[Operand, ...]:
        opened = self._takes_sign("[", "(")
        if opened is None:
            raise self._unexpected()
        choices = [self._operand()]
        while self._takes_sign(","):
            choices.append(self._operand())
        self._sign("]" if opened == "[" else ")")
        return tuple(choices)

    def _operand(self) -> Operand:
        name = self._token.text.lower()
        if self._is_call() and name in self._functions:
            self._enter()
            call = self._call(name, 1 if name == "size" else 2)
            if name == "if_not_exists" and not isinstance(call.arguments[0], Attribute):
                raise malformed("if_not_exists starts with an attribute")
            self._depth -= 1
            return call
        if self._token.kind == "quoted" or (
            self._token.kind == "word" and not self._token.is_word("TRUE", "FALSE", "NULL")
        ):
            return Attribute(self._path())
        return self._placeholder(self._literal())

    def _placeholder(self, value: AttributeValue) -> Placeholder:
        name = f":{len(self._values)}"
        self._values[name] = value
        return Placeholder(name)

    def _path(self) -> Path:
        parts: list[str | int] = [self._name()]
        while True:
            if self._takes_sign("."):
                parts.append(self._name())
            elif self._takes_sign("["):
                token = self._token
                if token.kind != "number" or not token.text.isdecimal() or len(token.text) > 9:
                    raise self._unexpected()
                self._position += 1
                parts.append(int(token.text))
                self._sign("]")
            else:
                return tuple(parts)

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
            return AttributeValue("N", normal_number(sign + self._tokens[self._position - 1].text))
        if sign:
            raise self._unexpected()
        return self._container()

    def _container(self) -> AttributeValue:
        self._enter()
        if self._takes_sign("["):
            value = AttributeValue("L", tuple(self._members("]")))
        elif self._takes_sign("<<"):
            value = _set_of(self._members(">>"))
        elif self._takes_sign("{"):
            value = self._map()
        else:
            raise self._unexpected()
        self._depth -= 1
        return value

    def _members(self, end: str) -> list[AttributeValue]:
        members: list[AttributeValue] = []
        if self._takes_sign(end):
            return members
        members.append(self._literal())
        while self._takes_sign(","):
            members.append(self._literal())
        self._sign(end)
        return members

    def _map(self) -> AttributeValue:
        content: dict[str, AttributeValue] = {}
        if self._takes_sign("}"):
            return AttributeValue("M", content)
        while True:
            if self._token.kind not in ("text", "quoted") or not self._token.text:
                raise self._unexpected()
            name = self._token.text
            self._position += 1
            self._sign(":")
            content[name] = self._literal()
            if self._takes_sign(",") is None:
                self._sign("}")
                return AttributeValue("M", content)


def _set_of(members: list[AttributeValue]) -> AttributeValue:
    kinds = {member.type for member in members}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
        raise malformed("a set has members, all of them strings, numbers or binaries")
    (kind,) = kinds
    contents = {member.content for member in members}
    return AttributeValue(f"{kind}S", ordered_set(contents, is_number=kind == "N"))
