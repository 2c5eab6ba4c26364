"""The grammar of all five kinds of expressions, by recursive descent. Pure.

Faults that leave the syntax whole are collected and the weightiest is told, as AWS does. [USR] the order is that of
dynalite's suite, which AWS passes; [DOC] ddb-docs:Expressions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..errors import ApiError, validation_error
from .lexer import Token, syntax_error, tokens_of
from .paths import find_clash, shown_path
from .reserved import is_reserved
from .syntax import (
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
    Used,
)

COMPARATORS: Final = ("=", "<>", "<", "<=", ">", ">=")
CHOICES: Final = 100
"""Operands of IN. [DOC] ddb-docs:Expressions.OperatorsAndFunctions"""
PATH_DEPTH: Final = 32
"""Parts of a document path. [DOC] ddb-docs:ServiceQuotas"""
PARENTHESES: Final = 150
"""Parentheses inside each other. Chosen by us, to bound recursion; AWS's own limit is not documented. [?]"""
CONDITION_FUNCTIONS: Final = {
    "attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2, "size": 1,
}  # fmt: skip
"""Functions of conditions, and how many operands they have."""
UPDATE_FUNCTIONS: Final = {"if_not_exists": 2, "list_append": 2}
_RANKS: Final = ("parentheses", "function", "misuse", "reserved", "section", "undefined", "path", "count", "operand")
"""Kinds of faults; the first kind that occurs is told."""


class Parser:
    """Reads one expression; the public methods read a whole one each."""

    def __init__(self, expression: str, names: Mapping[str, str], where: str) -> None:
        """Args: ``names`` is ExpressionAttributeNames, ``where`` the parameter the expression stands in.

        Raises:
            ApiError: it is empty, too long, or does not consist of tokens.
        """
        self._expression = expression
        self._names = names
        self._where = where
        self._tokens = tokens_of(expression, where)
        self._position = 0
        self._depth = 0
        self._names_used: set[str] = set()
        self._values_used: set[str] = set()
        self._paths: list[Path] = []
        self._faults: dict[str, str] = {}

    @property
    def used(self) -> Used:
        """What the expression refers to; known once it is read."""
        return Used(frozenset(self._names_used), frozenset(self._values_used), tuple(self._paths))

    def condition(self) -> Condition:
        """A condition, filter or key condition.

        Raises:
            ApiError: it is malformed.
        """
        condition = self._condition_only(self._junction())
        self._finish()
        return condition

    def projection(self) -> list[Path]:
        """The paths of a projection."""
        paths = [self._path()]
        while self._takes_sign(","):
            paths.append(self._path())
        self._finish()
        clash = find_clash(paths)
        if clash is not None:
            raise validation_error(f"Invalid {self._where}: {clash}")
        return paths

    def update(self) -> list[UpdateAction]:
        """The actions of an update, section by section."""
        actions: list[UpdateAction] = []
        sections: set[str] = set()
        while not actions or self._token.kind != "end":
            section = self._token.text.upper()
            if self._token.kind != "word" or section not in _SECTIONS:
                raise self._syntax_error()
            if section in sections:
                self._fault("section", f'The "{section}" section can only be used once in an update expression;')
            sections.add(section)
            self._position += 1
            actions.append(self._action(section))
            while self._takes_sign(","):
                actions.append(self._action(section))
        clash = find_clash([action.path for action in actions])
        if clash is not None:
            self._fault("path", clash)
        self._finish()
        return actions

    @property
    def _token(self) -> Token:
        return self._tokens[self._position]

    def _takes_sign(self, sign: str) -> bool:
        if self._token.kind == "sign" and self._token.text == sign:
            self._position += 1
            return True
        return False

    def _takes_word(self, word: str) -> bool:
        if self._token.is_word(word):
            self._position += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._takes_sign(sign):
            raise self._syntax_error()

    def _syntax_error(self) -> ApiError:
        return syntax_error(self._where, self._expression, self._tokens, self._position)

    def _fault(self, kind: str, message: str) -> None:
        self._faults.setdefault(kind, message)

    def _finish(self) -> None:
        if self._token.kind != "end":
            raise self._syntax_error()
        for kind in _RANKS:
            if kind in self._faults:
                raise validation_error(f"Invalid {self._where}: {self._faults[kind]}")

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > PARENTHESES:
            raise validation_error(f"Invalid {self._where}: The expression is nested too deeply")

    # One level of parentheses costs two calls, _junction and _primary, so that none exhausts the stack.

    def _junction(self) -> Condition | Operand:
        """Conditions joined by OR, of conditions joined by AND; or, if no operator follows, what stands alone."""
        alternatives: list[Condition] = []
        while True:
            first = self._primary()
            if not alternatives and not self._token.is_word("AND", "OR"):
                return first
            together = [self._condition_only(first)]
            while self._takes_word("AND"):
                together.append(self._condition_only(self._primary()))
            alternatives.append(together[0] if len(together) == 1 else Junction("AND", tuple(together)))
            if not self._takes_word("OR"):
                return alternatives[0] if len(alternatives) == 1 else Junction("OR", tuple(alternatives))

    def _condition_only(self, found: Condition | Operand) -> Condition:
        if isinstance(found, (Attribute, Placeholder, Arithmetic)):
            raise self._syntax_error()
        if isinstance(found, FunctionCall) and found.name == "size":
            self._fault("misuse", _misused(found.name))
        return found

    def _primary(self) -> Condition | Operand:
        negations = 0
        while self._takes_word("NOT"):
            negations += 1
        found = self._in_parentheses() if self._token.text == "(" else self._operand()
        if isinstance(found, (Attribute, Placeholder, FunctionCall)):
            found = self._tail(found)
        if negations:
            # Twice is not at all, but what is negated must be a condition.
            found = self._condition_only(found)
            return found if negations % 2 == 0 else Negation(found)
        return found

    def _in_parentheses(self) -> Condition | Operand:
        start = self._position
        self._enter()
        self._position += 1
        is_double = self._token.text == "("
        found = self._junction()
        if is_double and self._ends_with_parenthesis(start + 1):
            self._fault("parentheses", "The expression has redundant parentheses;")
        self._expect(")")
        self._depth -= 1
        return found

    def _ends_with_parenthesis(self, start: int) -> bool:
        """Whether the parenthesis that opens at a position closes just before the current one."""
        depth = 0
        for position in range(start, self._position):
            token = self._tokens[position]
            if token.kind == "sign" and token.text in "()":
                depth += 1 if token.text == "(" else -1
                if depth == 0:
                    return position == self._position - 1
        return False

    def _tail(self, value: Operand) -> Condition | Operand:
        """What follows an operand: a comparison, or nothing."""
        token = self._token
        condition: Condition
        if token.kind == "sign" and token.text in COMPARATORS:
            self._position += 1
            condition = Comparison(token.text, value, self._wrapped_operand())
            operands: tuple[Operand, ...] = (value, condition.right)
            operator = token.text
        elif token.is_word("BETWEEN"):
            self._position += 1
            low = self._wrapped_operand()
            if not self._takes_word("AND"):
                raise self._syntax_error()
            condition = Between(value, low, self._wrapped_operand())
            operands, operator = (value, low, condition.high), "BETWEEN"
        elif token.is_word("IN"):
            self._position += 1
            condition = Membership(value, self._choices())
            operands, operator = (value, *condition.choices), "IN"
        else:
            return value
        self._check_operands(operator, operands)
        return condition

    def _choices(self) -> tuple[Operand, ...]:
        self._expect("(")
        choices = [self._wrapped_operand()]
        while self._takes_sign(","):
            choices.append(self._wrapped_operand())
        self._expect(")")
        if len(choices) > CHOICES:
            self._fault("operand", too_many_choices(choices))
        return tuple(choices)

    def _check_operands(self, operator: str, operands: tuple[Operand, ...]) -> None:
        for operand in operands:
            if isinstance(operand, FunctionCall) and operand.name != "size":
                self._fault("misuse", _misused(operand.name))
        first = operands[0]
        if isinstance(first, Attribute) and first in operands[1:]:
            self._fault(
                "operand",
                "The first operand must be distinct from the remaining operands for this operator or function; "
                f"operator: {operator}, first operand: {shown_path(first.path)}",
            )

    def _wrapped_operand(self) -> Operand:
        """An operand, in parentheses or not."""
        opened = 0
        while self._takes_sign("("):
            opened += 1
        operand = self._operand()
        for _ in range(opened):
            self._expect(")")
        if opened > 1:
            self._fault("parentheses", "The expression has redundant parentheses;")
        return operand

    def _takes_value(self) -> Placeholder | None:
        token = self._token
        if token.kind != "value":
            return None
        self._position += 1
        self._values_used.add(token.text)
        return Placeholder(token.text)

    def _operand(self) -> Operand:
        if (value := self._takes_value()) is not None:
            return value
        token = self._token
        if token.kind == "word" and self._tokens[self._position + 1].text == "(":
            return self._call(CONDITION_FUNCTIONS)
        return Attribute(self._path())

    def _call(self, functions: Mapping[str, int]) -> FunctionCall:
        name = self._token.text
        self._position += 2
        arguments = [self._argument(functions)]
        while self._takes_sign(","):
            arguments.append(self._argument(functions))
        self._expect(")")
        if name not in functions:
            is_known = name in UPDATE_FUNCTIONS or name in CONDITION_FUNCTIONS
            self._fault(
                "function",
                f"The function is not allowed in {'a condition' if functions is CONDITION_FUNCTIONS else 'an update'} "
                f"expression; function: {name}"
                if is_known
                else f"Invalid function name; function: {name}",
            )
        elif functions[name] != len(arguments):
            self._fault("count", wrong_count(name, arguments))
        else:
            self._check_call(name, arguments)
        return FunctionCall(name, tuple(arguments))

    def _argument(self, functions: Mapping[str, int]) -> Operand:
        self._enter()
        argument = self._wrapped_operand() if functions is CONDITION_FUNCTIONS else self._update_operand()
        self._depth -= 1
        return argument

    def _check_call(self, name: str, arguments: list[Operand]) -> None:
        needs_path = name in ("attribute_exists", "attribute_not_exists", "if_not_exists")
        if needs_path and not isinstance(arguments[0], Attribute):
            self._fault("operand", needs_a_path(name))
        if name == "list_append" and any(isinstance(each, FunctionCall) and each.name == name for each in arguments):
            self._fault("misuse", _misused(name))
        if name in CONDITION_FUNCTIONS:
            self._check_operands(name, tuple(arguments))

    def _path(self) -> Path:
        parts: list[str | int] = [self._name()]
        while True:
            if self._takes_sign("."):
                parts.append(self._name())
            elif self._takes_sign("["):
                parts.append(self._list_position())
                self._expect("]")
            else:
                break
        if len(parts) > PATH_DEPTH:
            self._fault("path", f"The document path has too many nesting levels; nesting levels: {len(parts)}")
        path = tuple(parts)
        self._paths.append(path)
        return path

    def _list_position(self) -> int:
        token = self._token
        if token.kind != "number":
            raise self._syntax_error()
        self._position += 1
        digits = token.text.lstrip("0") or "0"
        if len(digits) > 9 or int(digits) > _LARGEST_POSITION:
            self._fault("path", f"List index is not within the allowable range; index: [{token.text}]")
            return 0
        return int(digits)

    def _name(self) -> str:
        token = self._token
        if token.kind == "name":
            self._position += 1
            self._names_used.add(token.text)
            if token.text not in self._names:
                self._fault(
                    "undefined",
                    "An expression attribute name used in the document path is not defined; "
                    f"attribute name: {token.text}",
                )
            return self._names.get(token.text, "")
        if token.kind != "word":
            raise self._syntax_error()
        self._position += 1
        if is_reserved(token.text):
            if token.text.upper() in _KEYWORDS:
                self._position -= 1
                raise self._syntax_error()
            self._fault("reserved", f"Attribute name is a reserved keyword; reserved keyword: {token.text}")
        return token.text

    def _action(self, section: str) -> UpdateAction:
        path = self._path()
        if section == "REMOVE":
            return UpdateAction(section, path, None)
        if section == "SET":
            self._expect("=")
            return UpdateAction(section, path, self._sum())
        if (value := self._takes_value()) is None:
            raise self._syntax_error()
        return UpdateAction(section, path, value)

    def _sum(self) -> Operand:
        """What SET assigns: an operand, or two with a sign between them; all may be in parentheses."""
        left = self._sum_in_parentheses() if self._token.text == "(" else self._update_operand()
        token = self._token
        if token.kind == "sign" and token.text in "+-" and not isinstance(left, Arithmetic):
            self._position += 1
            return Arithmetic(token.text, left, self._update_operand())
        return left

    def _sum_in_parentheses(self) -> Operand:
        self._enter()
        self._expect("(")
        inside = self._sum()
        self._expect(")")
        self._depth -= 1
        return inside

    def _update_operand(self) -> Operand:
        if self._token.text == "(":
            inside = self._sum_in_parentheses()
            if isinstance(inside, Arithmetic):
                raise self._syntax_error()
            return inside
        if (value := self._takes_value()) is not None:
            return value
        if self._token.kind == "word" and self._tokens[self._position + 1].text == "(":
            return self._call(UPDATE_FUNCTIONS)
        return Attribute(self._path())


_SECTIONS: Final = ("SET", "REMOVE", "ADD", "DELETE")
_KEYWORDS: Final = ("AND", "OR", "NOT", "BETWEEN", "IN")
_LARGEST_POSITION: Final = 2**31 - 1


def too_many_choices(choices: Sequence[Operand]) -> str:
    """IN has more operands than `CHOICES`. [USR] reapit/foundations 8255"""
    return f"The IN operator is provided with too many operands; number of operands: {len(choices)}"


def wrong_count(function: str, arguments: Sequence[Operand]) -> str:
    """A function has more or fewer operands than it takes."""
    begin = "Incorrect number of operands for operator or function; operator or function:"
    return f"{begin} {function}, number of operands: {len(arguments)}"


def needs_a_path(function: str) -> str:
    """A function that is about paths has another operand."""
    return f"Operator or function requires a document path; operator or function: {function}"


def _misused(function: str) -> str:
    return f"The function is not allowed to be used this way in an expression; function: {function}"
