"""The grammar of DynamoDB's PartiQL, by recursive descent. Pure.

Conditions and changes come out as those of expressions do; literals and parameters become their ``:values``.
[DOC] ddb-docs:ql-reference.select, .update, .delete, .insert, ql-functions, ql-operators
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, structs

from ..errors import validation_error
from ..expressions.grammar import CHOICES, needs_a_path, too_many_choices, wrong_count
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
from ..values import SETS, AttributeValue, read_value
from .lexer import Token, malformed, tokens_of
from .literals import Literals

_CONDITIONS: Final = {
    "begins_with": 2, "contains": 2, "attribute_type": 2, "attribute_exists": 1, "attribute_not_exists": 1,
}  # fmt: skip
_ABOUT_PATHS: Final = ("attribute_exists", "attribute_not_exists")
_TYPES: Final = {"NULL": "NULL", "BOOL": "BOOL", "STRING": "S"}
"""What IS knows besides MISSING, and DynamoDB's type. [USR] dynamodb-conformance"""


class Statement(Struct, frozen=True):
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
    where_paths: tuple[Path, ...] = ()
    """Of SELECT: every path in `where`, in the order of the text."""
    paths: tuple[Path, ...] = ()
    """Every path in the statement."""
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


class _Parser(Literals):
    def __init__(self, tokens: list[Token], parameters: list[AttributeValue]) -> None:
        super().__init__(tokens, parameters)
        self._values: dict[str, AttributeValue] = {}
        self._paths: list[Path] = []
        self._functions: tuple[str, ...] = ("size",)
        """Functions that give a value, where we are: conditions and changes have different ones."""

    def statement(self) -> Statement:
        readers: dict[str, Callable[[], Statement]] = {
            "SELECT": self._select,
            "EXISTS": self._exists,
            "INSERT": self._insert,
            "UPDATE": self._update,
            "DELETE": self._delete,
            "FROM": self._update_from,
        }
        reader = readers.get(self._token.text.upper()) if self._token.kind == "word" else None
        if reader is None:
            raise self._unexpected()
        self._position += 1
        statement = reader()
        self._takes_sign(";")
        if self._token.kind != "end":
            raise malformed("Unexpected token after expression")
        if self._used != len(self._parameters):
            raise validation_error("Number of parameters in request and statement don't match.")
        return structs.replace(statement, paths=tuple(self._paths))

    def _name(self) -> str:
        token = self._token
        if token.kind not in ("word", "quoted") or not token.text:
            raise self._unexpected()
        self._position += 1
        return token.text

    def _table(self, *following: str) -> tuple[str, str | None]:
        """The table, and the index, that a statement is about, before one of these words."""
        parts = [self._component()]
        while self._takes_sign("."):
            parts.append(self._component())
        if len(parts) > 2:
            raise validation_error("A path may contain at most 2 components in the FROM clause")
        token = self._token
        if following and (token.kind == "quoted" or (token.kind == "word" and not token.is_word(*following))):
            raise validation_error("Aliasing is not supported")
        return parts[0], parts[1] if len(parts) > 1 else None

    def _component(self) -> str:
        if self._token.kind == "quoted" and not self._token.text:
            raise validation_error("Path component cannot be an empty string")
        return self._name()

    def _written(self, *following: str) -> str:
        """The table that a statement writes to."""
        table, index = self._table(*following)
        if index is not None:
            raise malformed("only SELECT reads an index")
        return table

    def _column(self) -> Path:
        token = self._token
        if token.is_word("COUNT") and self._tokens[self._position + 1].text == "(":  # the end is a token, too
            raise validation_error(f"Unexpected path component at {token.place}")  # [USR] dynoxide's notes on 0.13
        return self._path()

    def _select(self) -> Statement:
        columns: tuple[Path, ...] | None = None
        if self._takes_sign("*") is None:
            found = [self._column()]
            while self._takes_sign(","):
                found.append(self._column())
            columns = tuple(found)
        self._word("FROM")
        table, index = self._table("WHERE", "ORDER")
        before = len(self._paths)
        where = self._where()
        where_paths = tuple(self._paths[before:])
        order: list[tuple[str, bool]] = []
        if self._takes_word("ORDER"):
            self._word("BY")
            order.append(self._ordering())
            while self._takes_sign(","):
                order.append(self._ordering())
        return Statement(
            "SELECT",
            table,
            self._values,
            index=index,
            columns=columns,
            where=where,
            where_paths=where_paths,
            order=tuple(order),
        )

    def _ordering(self) -> tuple[str, bool]:
        name = self._name()
        return name, self._takes_word("ASC", "DESC") == "DESC"

    def _exists(self) -> Statement:
        self._sign("(")
        self._word("SELECT")
        inner = self._select()
        self._sign(")")
        return structs.replace(inner, verb="EXISTS")

    def _insert(self) -> Statement:
        self._word("INTO")
        table = self._written()
        if not self._token.is_word("VALUE"):
            raise malformed("Unexpected token after expression")
        self._position += 1
        return Statement("INSERT", table, self._values, item=self._item())

    def _update(self) -> Statement:
        table = self._written("SET", "REMOVE")
        actions = self._changes()
        where = self._where()
        return Statement("UPDATE", table, self._values, where=where, actions=actions, returning=self._returning())

    def _update_from(self) -> Statement:
        """An UPDATE with its table and condition first. [USR] dynamodb-conformance"""
        table = self._written("WHERE")
        if not self._token.is_word("WHERE"):
            raise self._unexpected()
        where = self._where()
        actions = self._changes()
        return Statement("UPDATE", table, self._values, where=where, actions=actions, returning=self._returning())

    def _changes(self) -> tuple[UpdateAction, ...]:
        actions: list[UpdateAction] = []
        self._functions = ("list_append", "if_not_exists")
        while (verb := self._takes_word("SET", "REMOVE")) is not None:
            actions.append(self._action(verb))
            while self._takes_sign(","):
                actions.append(self._action(verb))
        if not actions:
            raise self._unexpected()
        self._functions = ("size",)
        return tuple(actions)

    def _delete(self) -> Statement:
        self._word("FROM")
        table = self._written("WHERE", "RETURNING")
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
            return self._set_change(path)
        return UpdateAction(verb, path, self._sum())

    def _set_change(self, path: Path) -> UpdateAction:
        function = self._token
        name = self._word("SET_ADD", "SET_DELETE")
        first = self._tokens[min(self._position + 1, len(self._tokens) - 1)]
        arguments = self._arguments()
        if len(arguments) != 2:
            raise validation_error(f"{name} must have exactly two arguments at {function.place}")
        if arguments[0] != Attribute(path):
            raise validation_error(f"The first argument to {name} must equal the assignment value at {function.place}")
        value = arguments[1]
        if not isinstance(value, Placeholder) or self._values[value.name].type not in SETS:
            raise validation_error(f"The second argument to {name} must be a value with type SET at {first.place}")
        return UpdateAction(name.removeprefix("SET_"), path, value)

    def _arguments(self) -> list[Operand]:
        """What stands between the parentheses of a call."""
        self._sign("(")
        if self._takes_sign(")"):
            return []
        arguments = [self._operand()]
        while self._takes_sign(","):
            arguments.append(self._operand())
        self._sign(")")
        return arguments

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
            return self._truth(self._call(name, _CONDITIONS[name]))
        return self._comparison(self._operand())

    def _truth(self, call: FunctionCall) -> Condition:
        """A condition that may be compared with TRUE or FALSE."""
        sign = self._takes_sign("=", "<>", "!=")
        if sign is None:
            return call
        return call if (self._word("TRUE", "FALSE") == "TRUE") is (sign == "=") else Negation(call)

    def _is_call(self) -> bool:
        following = self._tokens[min(self._position + 1, len(self._tokens) - 1)]
        return self._token.kind == "word" and following.kind == "sign" and following.text == "("

    def _call(self, name: str, count: int) -> FunctionCall:
        self._position += 1
        arguments = self._arguments()
        if len(arguments) != count:
            raise validation_error(wrong_count(name, arguments))
        if name in _ABOUT_PATHS and not isinstance(arguments[0], Attribute):
            raise validation_error(needs_a_path(name))
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
        word = self._word("MISSING", *_TYPES)
        if word == "MISSING":
            condition: Condition = FunctionCall("attribute_not_exists", (value,))
        else:
            condition = FunctionCall("attribute_type", (value, self._placeholder(AttributeValue("S", _TYPES[word]))))
        return Negation(condition) if is_negative else condition

    def _choices(self) -> tuple[Operand, ...]:
        opened = self._takes_sign("[", "(")
        if opened is None:
            raise self._unexpected()
        choices = [self._operand()]
        while self._takes_sign(","):
            choices.append(self._operand())
        self._sign("]" if opened == "[" else ")")
        if len(choices) > CHOICES:
            raise validation_error(too_many_choices(choices))
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
        if self._is_call():
            raise validation_error(f"Unrecognized function: {name} at {self._token.place}")
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
                self._paths.append(tuple(parts))
                return tuple(parts)
