"""Condition and filter expressions, compiled once: moto's parser, our evaluation.

moto parses an expression two or three times per request, knows no white space but blanks, and compares values of
different types as Python does. Here the parsed tree becomes one function, kept for the next request, which
compares as DynamoDB does. [DOC] ddb-docs:Expressions.OperatorsAndFunctions
"""

from __future__ import annotations

import operator
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.comparisons import ConditionExpressionParser

from .errors import ApiError, validation_error
from .paths import Path, find, undefined_name
from .values import equal, sort_value, typed

Attributes = Mapping[str, Any]
Values = Mapping[str, Any]
Predicate = Callable[[Attributes, Values], bool]
Operand = Callable[[Attributes, Values], Any]
"""Gives a `DynamoType`, or None for an attribute that does not exist."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled expression."""

    holds: Predicate
    """Whether it holds for these attributes (of no item: an empty map) with these ``:values``."""
    names_used: frozenset[str]
    """``#name`` placeholders."""
    values_used: frozenset[str]
    """``:value`` placeholders."""
    attributes: frozenset[str]
    """Top-level attributes it looks at."""


ALWAYS: Final = Condition(lambda _attributes, _values: True, frozenset(), frozenset(), frozenset())
"""The condition of a request that has none."""


def compile_condition(expression: str | None, names: Mapping[str, str], *, where: str) -> Condition:
    """Compile an expression.

    Args:
        expression: None: no condition.
        names: ExpressionAttributeNames.
        where: ``ConditionExpression`` or ``FilterExpression``, for messages.

    Raises:
        ApiError: its syntax is wrong, or a name is reserved or undefined.
    """
    if expression is None:
        return ALWAYS
    if not expression.strip():
        raise validation_error(f"Invalid {where}: The expression can not be empty;")
    return _compile(expression, tuple(names.items()), where)


@lru_cache(maxsize=1024)
def _compile(expression: str, names: tuple[tuple[str, str], ...], where: str) -> Condition:
    parser = _Parser(expression, dict(names), where)
    try:
        holds = parser.parse()
    except JsonRESTError as error:
        raise validation_error(error.message.replace("ConditionExpression", where)) from error
    except (ValueError, IndexError, KeyError, TypeError, AssertionError) as error:
        raise validation_error(f"Invalid {where}: Syntax error; near: {expression!r}") from error
    return Condition(holds, frozenset(parser.names_used), frozenset(parser.values_used), frozenset(parser.attributes))


class _Parser(ConditionExpressionParser):  # type: ignore[misc] # moto publishes no types
    """moto's parser, with a lexer for all white space and any list position, which makes functions of the tree."""

    def __init__(self, expression: str, names: dict[str, str], where: str) -> None:
        super().__init__(expression, names, None)
        self.where = where
        self.names_used: set[str] = set()
        self.values_used: set[str] = set()
        self.attributes: set[str] = set()

    _NAME: Final = r"[:#]?[A-Za-z0-9_\-]+"
    _TOKENS: Final = (
        (ConditionExpressionParser.Nonterminal.WHITESPACE, re.compile(r"\s+")),
        (ConditionExpressionParser.Nonterminal.COMPARATOR, re.compile(r"<>|<=|>=|=|<|>")),
        (ConditionExpressionParser.Nonterminal.OPERAND, re.compile(rf"{_NAME}(?:\.{_NAME}|\[[0-9]+\])*")),
        (ConditionExpressionParser.Nonterminal.COMMA, re.compile(r",")),
        (ConditionExpressionParser.Nonterminal.LEFT_PAREN, re.compile(r"\(")),
        (ConditionExpressionParser.Nonterminal.RIGHT_PAREN, re.compile(r"\)")),
    )

    def _lex_condition_expression(self) -> deque[Any]:
        nodes: deque[Any] = deque()
        text, position = self.condition_expression, 0
        while position < len(text):
            matches = ((nonterminal, pattern.match(text, position)) for nonterminal, pattern in self._TOKENS)
            nonterminal, token = next((found for found in matches if found[1] is not None), (None, None))
            if token is None:
                raise ValueError(f"Cannot parse condition starting at: {text[position:]}")
            position = token.end()
            if nonterminal != self.Nonterminal.WHITESPACE:
                nodes.append(self.Node(nonterminal, self.Kind.LITERAL, token[0], token[0], []))
        return nodes

    def _lookup_expression_attribute_value(self, name: str) -> str:
        self.values_used.add(name)
        return name

    def _lookup_expression_attribute_name(self, name: str) -> str:
        self.names_used.add(name)
        if name not in self.expression_attribute_names:
            raise undefined_name(self.where, name)
        return str(self.expression_attribute_names[name])

    def _make_operand(self, node: Any) -> Operand:
        if node.kind == self.Kind.PATH:
            return _attribute(self._path(node))
        if node.kind == self.Kind.EXPRESSION_ATTRIBUTE_VALUE:
            name = node.value
            return lambda _attributes, values: values[name]
        if node.kind == self.Kind.FUNCTION and node.children[0].value == "size":
            return _size(self._make_operand(node.children[1]))
        raise ValueError(f"Unknown operand: {node.text}")

    def _path(self, node: Any) -> Path:
        path: Path = tuple(child.value for child in node.children)
        self.attributes.add(str(path[0]))
        return path

    def _make_op_condition(self, node: Any) -> Predicate:
        kinds = self.Kind
        if node.kind in (kinds.OR, kinds.AND):
            left, right = map(self._make_op_condition, node.children)
            if node.kind == kinds.OR:
                return lambda attributes, values: left(attributes, values) or right(attributes, values)
            return lambda attributes, values: left(attributes, values) and right(attributes, values)
        if node.kind == kinds.NOT:
            negated = self._make_op_condition(node.children[0])
            return lambda attributes, values: not negated(attributes, values)
        if node.kind == kinds.PARENTHESES:
            return self._make_op_condition(node.children[0])
        if node.kind == kinds.FUNCTION:
            return self._function(node.children[0].value, node.children[1:])
        if node.kind == kinds.COMPARISON:
            left_node, comparator, right_node = node.children
            return _comparison(comparator.value, self._make_operand(left_node), self._make_operand(right_node))
        operands = [self._make_operand(child) for child in node.children]
        return _between(*operands) if node.kind == kinds.BETWEEN else _is_in(operands[0], operands[1:])

    def _function(self, name: str, arguments: list[Any]) -> Predicate:
        if name in ("attribute_exists", "attribute_not_exists"):
            (argument,) = arguments
            if argument.kind != self.Kind.PATH:
                raise validation_error(
                    f"Invalid {self.where}: Operator or function requires a document path; operator or function: {name}"
                )
            path, exists = self._path(argument), name == "attribute_exists"
            return lambda attributes, _values: (find(attributes, path) is not None) is exists
        first, second = map(self._make_operand, arguments)
        return _FUNCTIONS[name](first, second)


def _attribute(path: Path) -> Operand:
    if len(path) == 1:
        name = path[0]
        return lambda attributes, _values: attributes.get(name)  # type: ignore[arg-type] # the first part is a name
    return lambda attributes, _values: find(attributes, path)


def _size(operand: Operand) -> Operand:
    def size(attributes: Attributes, values: Values) -> Any:
        value = operand(attributes, values)
        if value is None or value.type in ("N", "BOOL", "NULL"):
            return None
        return typed("N", str(len(value.value)))

    return size


_ORDER: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _in_order(comparison: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    if left is None or right is None or left.type != right.type or left.type not in ("S", "N", "B"):
        return False
    return comparison(sort_value(left), sort_value(right))


def _comparison(comparator: str, left: Operand, right: Operand) -> Predicate:
    def is_equal(attributes: Attributes, values: Values) -> bool:
        one, two = left(attributes, values), right(attributes, values)
        return one is not None and two is not None and equal(one, two)

    if comparator == "=":
        return is_equal
    if comparator == "<>":
        return lambda attributes, values: not is_equal(attributes, values)
    compare = _ORDER[comparator]
    return lambda attributes, values: _in_order(compare, left(attributes, values), right(attributes, values))


def _between(value: Operand, low: Operand, high: Operand) -> Predicate:
    def between(attributes: Attributes, values: Values) -> bool:
        middle = value(attributes, values)
        return _in_order(operator.le, low(attributes, values), middle) and _in_order(
            operator.le, middle, high(attributes, values)
        )

    return between


def _is_in(value: Operand, choices: list[Operand]) -> Predicate:
    def is_in(attributes: Attributes, values: Values) -> bool:
        one = value(attributes, values)
        others = (choice(attributes, values) for choice in choices)
        return one is not None and any(other is not None and equal(one, other) for other in others)

    return is_in


def _begins_with(value: Operand, prefix: Operand) -> Predicate:
    def begins_with(attributes: Attributes, values: Values) -> bool:
        one, two = value(attributes, values), prefix(attributes, values)
        if one is None or two is None or one.type != two.type or one.type not in ("S", "B"):
            return False
        return bool(one.value.startswith(two.value))

    return begins_with


def _contains(value: Operand, part: Operand) -> Predicate:
    def contains(attributes: Attributes, values: Values) -> bool:
        one, two = value(attributes, values), part(attributes, values)
        if one is None or two is None:
            return False
        if one.type in ("S", "B"):
            return one.type == two.type and two.value in one.value
        if one.type in ("SS", "NS", "BS"):
            return one.type[0] == two.type and two.value in one.value
        return one.type == "L" and any(equal(member, two) for member in one.value)

    return contains


def _has_type(value: Operand, kind: Operand) -> Predicate:
    def has_type(attributes: Attributes, values: Values) -> bool:
        one, two = value(attributes, values), kind(attributes, values)
        return one is not None and two is not None and one.type == two.value

    return has_type


_FUNCTIONS: Final = {"begins_with": _begins_with, "contains": _contains, "attribute_type": _has_type}


def require_values(where: str, used: frozenset[str], values: Values) -> None:
    """Raise ApiError if a ``:value`` of an expression is not among ExpressionAttributeValues."""
    for name in used:
        if name not in values:
            raise undefined_value(where, name)


def undefined_value(where: str, name: str) -> ApiError:
    """A ``:value`` of an expression is not among ExpressionAttributeValues."""
    return validation_error(
        f"Invalid {where}: An expression attribute value used in expression is not defined; attribute value: {name}"
    )
