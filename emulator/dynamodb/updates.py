"""Update expressions, compiled once: moto's syntax tree, our evaluation.

moto copies the tree and walks it ten times for each request, and changes the stored item in place. Here a tree
becomes a list of actions, kept for the next request, which make a new item of the old one; containers on the way
are copied, everything else is shared. [DOC] ddb-docs:Expressions.UpdateExpressions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.parsing.ast_nodes import (
    ExpressionAttribute,
    ExpressionAttributeName,
    ExpressionAttributeValue,
    ExpressionPathDescender,
    ExpressionSelector,
    Node,
    UpdateExpressionAddAction,
    UpdateExpressionDeleteAction,
    UpdateExpressionFunction,
    UpdateExpressionPath,
    UpdateExpressionRemoveAction,
    UpdateExpressionSetAction,
    UpdateExpressionValue,
)
from moto.dynamodb.parsing.expressions import UpdateExpressionParser

from .conditions import undefined_value
from .errors import ApiError, invalid_parameter, validation_error
from .paths import Path, find, find_overlap, is_reserved, overlap, undefined_name
from .values import add_numbers, typed

Attributes = Mapping[str, Any]
Values = Mapping[str, Any]
Operand = Callable[[Attributes, Values], Any]

_WHERE = "UpdateExpression"
_KINDS = {
    UpdateExpressionSetAction: "SET",
    UpdateExpressionRemoveAction: "REMOVE",
    UpdateExpressionAddAction: "ADD",
    UpdateExpressionDeleteAction: "DELETE",
}
_TYPE_NAMES = {
    "S": "STRING", "N": "NUMBER", "B": "BINARY", "M": "MAP", "L": "LIST", "BOOL": "BOOLEAN", "NULL": "NULL",
    "SS": "STRING_SET", "NS": "NUMBER_SET", "BS": "BINARY_SET",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Action:
    """One ``SET``, ``REMOVE``, ``ADD`` or ``DELETE`` of one path."""

    kind: str
    path: Path
    value: Operand | None
    """None for ``REMOVE``."""


@dataclass(frozen=True, slots=True)
class Update:
    """A compiled update expression."""

    actions: tuple[Action, ...]
    names_used: frozenset[str]
    values_used: frozenset[str]

    @property
    def paths(self) -> list[Path]:
        """What the answer's UPDATED_OLD and UPDATED_NEW show."""
        return [action.path for action in self.actions]

    def apply(self, attributes: Attributes, values: Values) -> dict[str, Any]:
        """The attributes after the update; all operands are those before it.

        Raises:
            ApiError: an operand does not exist or has the wrong type, or a path leads nowhere.
        """
        computed = [(action, action.value and action.value(attributes, values)) for action in self.actions]
        result = dict(attributes)
        # Positions count from the state before the update, so the last position goes first.
        removals = sorted(
            (action.path for action in self.actions if action.kind == "REMOVE"), key=_position, reverse=True
        )
        for action, value in computed:
            if action.kind == "SET":
                _put(result, action.path, value)
            elif action.kind == "ADD":
                _put(result, action.path, _added(find(attributes, action.path), value))
            elif action.kind == "DELETE":
                _subtract(result, action.path, find(attributes, action.path), value)
        for path in removals:
            _remove(result, path)
        return result


def _position(path: Path) -> list[tuple[int, str]]:
    return [(part, "") if isinstance(part, int) else (-1, part) for part in path]


def compile_update(expression: str, names: Mapping[str, str], key_names: tuple[str, ...]) -> Update:
    """Compile an update expression for a table with these key attributes.

    Raises:
        ApiError: its syntax is wrong, it changes the key, paths overlap, or a name is reserved or undefined.
    """
    if not expression.strip():
        raise validation_error(f"Invalid {_WHERE}: The expression can not be empty;")
    return _compile(expression, tuple(names.items()), key_names)


@lru_cache(maxsize=1024)
def _compile(expression: str, names: tuple[tuple[str, str], ...], key_names: tuple[str, ...]) -> Update:
    try:
        tree = UpdateExpressionParser.make(" ".join(expression.split()))
    except JsonRESTError as error:
        raise validation_error(error.message) from error
    except (AssertionError, NotImplementedError, StopIteration, IndexError) as error:
        raise validation_error(f"Invalid {_WHERE}: Syntax error; near: {expression!r}") from error
    compiler = _Compiler(dict(names))
    actions = tuple(compiler.action(node) for node in tree.find_clauses(list(_KINDS)))
    _check_sections(tree)
    for action in actions:
        if action.path[0] in key_names:
            raise invalid_parameter(f"Cannot update attribute {action.path[0]}. This attribute is part of the key")
    clash = find_overlap(action.path for action in actions)
    if clash is not None:
        raise overlap(_WHERE, *clash)
    return Update(actions, frozenset(compiler.names_used), frozenset(compiler.values_used))


def _check_sections(tree: Any) -> None:
    seen = set()
    node: Any = tree
    while node is not None:
        clause = node.children[0]
        word = type(clause).__name__.removeprefix("UpdateExpression").removesuffix("Clause").upper()
        if word in seen:
            raise validation_error(
                f'Invalid {_WHERE}: The "{word}" section can only be used once in an update expression;'
            )
        seen.add(word)
        node = node.children[1] if len(node.children) > 1 else None


class _Compiler:
    """Makes functions of the nodes of a syntax tree, and notes the placeholders."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        self.names_used: set[str] = set()
        self.values_used: set[str] = set()

    def action(self, node: Node) -> Action:
        kind = _KINDS[type(node)]
        path = self._path(node.children[0])
        return Action(kind, path, None if kind == "REMOVE" else self._operand(node.children[1]))

    def _path(self, node: Node) -> Path:
        parts: list[str | int] = []
        for child in node.children:
            if isinstance(child, ExpressionAttributeName):
                placeholder = child.get_attribute_name_placeholder()
                self.names_used.add(placeholder)
                if placeholder not in self._names:
                    raise undefined_name(_WHERE, placeholder)
                parts.append(self._names[placeholder])
            elif isinstance(child, ExpressionAttribute):
                name = child.get_attribute_name()
                if is_reserved(name):
                    raise validation_error(
                        f"Invalid {_WHERE}: Attribute name is a reserved keyword; reserved keyword: {name}"
                    )
                parts.append(name)
            elif isinstance(child, ExpressionSelector):
                parts.append(child.get_index())
            else:
                assert isinstance(child, ExpressionPathDescender)
        return tuple(parts)

    def _operand(self, node: Node) -> Operand:
        if isinstance(node, UpdateExpressionValue):
            if len(node.children) == 1:
                return self._operand(node.children[0])
            left, sign, right = node.children
            return _arithmetic(sign.get_operator(), self._operand(left), self._operand(right))
        if isinstance(node, ExpressionAttributeValue):
            return self._value(node.get_value_name())
        if isinstance(node, UpdateExpressionPath):
            path = self._path(node)
            return lambda attributes, _values: _existing(attributes, path)
        if isinstance(node, UpdateExpressionFunction):
            return self._function(node)
        raise validation_error(f"Invalid {_WHERE}: Syntax error; unsupported operand")

    def _value(self, name: str) -> Operand:
        self.values_used.add(name)

        def value(_attributes: Attributes, values: Values) -> Any:
            try:
                return values[name]
            except KeyError:
                raise undefined_value(_WHERE, name) from None

        return value

    def _function(self, node: Node) -> Operand:
        name, *arguments = node.children
        if len(arguments) != 2:
            raise validation_error(
                f"Invalid {_WHERE}: Incorrect number of operands for operator or function; operator or function: "
                f"{name}, number of operands: {len(arguments)}"
            )
        if name == "if_not_exists":
            path, fallback = self._path(arguments[0]), self._operand(arguments[1])

            def if_not_exists(attributes: Attributes, values: Values) -> Any:
                value = find(attributes, path)
                return fallback(attributes, values) if value is None else value

            return if_not_exists
        if name == "list_append":
            return _list_append(*map(self._operand, arguments))
        raise validation_error(f"Invalid {_WHERE}: Invalid function name; function: {name}")


def _existing(attributes: Attributes, path: Path) -> Any:
    value = find(attributes, path)
    if value is None:
        raise validation_error("The provided expression refers to an attribute that does not exist in the item")
    return value


def _wrong_operand(function: str, kind: str) -> ApiError:
    return validation_error(
        f"Invalid {_WHERE}: Incorrect operand type for operator or function; operator or function: {function}, "
        f"operand type: {_TYPE_NAMES[kind]}"
    )


def _wrong_type() -> ApiError:
    return validation_error("An operand in the update expression has an incorrect data type")


def _arithmetic(sign: str, left: Operand, right: Operand) -> Operand:
    def arithmetic(attributes: Attributes, values: Values) -> Any:
        one, two = left(attributes, values), right(attributes, values)
        for value in (one, two):
            if value.type != "N":
                raise _wrong_type()
        return typed("N", add_numbers(one.value, two.value, subtract=sign == "-"))

    return arithmetic


def _list_append(left: Operand, right: Operand) -> Operand:
    def list_append(attributes: Attributes, values: Values) -> Any:
        one, two = left(attributes, values), right(attributes, values)
        for value in (one, two):
            if value.type != "L":
                raise _wrong_operand("list_append", value.type)
        return typed("L", [*one.value, *two.value])

    return list_append


def _added(current: Any, value: Any) -> Any:
    if value.type not in ("N", "SS", "NS", "BS"):
        raise _wrong_operand("ADD", value.type)
    if current is None:
        return value
    if current.type != value.type:
        raise _wrong_type()
    if value.type == "N":
        return typed("N", add_numbers(current.value, value.value))
    return typed(value.type, [*current.value, *(member for member in value.value if member not in current.value)])


def _subtract(result: dict[str, Any], path: Path, current: Any, value: Any) -> None:
    if value.type not in ("SS", "NS", "BS"):
        raise _wrong_operand("DELETE", value.type)
    if current is None:
        return
    if current.type != value.type:
        raise _wrong_type()
    left = [member for member in current.value if member not in value.value]
    if left:
        _put(result, path, typed(value.type, left))
    else:
        _remove(result, path)  # there are no empty sets


def _container(result: dict[str, Any], path: Path) -> Any:
    """The map or list that holds the path's last part, with fresh copies of all containers on the way."""
    inside: Any = result
    for part in path[:-1]:
        try:
            child = inside[part]
        except (KeyError, IndexError, TypeError):
            raise _invalid_path() from None
        if child.type not in ("M", "L"):
            raise _invalid_path()
        inside[part] = child = typed(child.type, child.value.copy())
        inside = child.value
    if isinstance(path[-1], int) is not isinstance(inside, list):
        raise _invalid_path()
    return inside


def _invalid_path() -> ApiError:
    return validation_error("The document path provided in the update expression is invalid for update")


def _put(result: dict[str, Any], path: Path, value: Any) -> None:
    inside, last = _container(result, path), path[-1]
    if isinstance(last, int) and last >= len(inside):
        inside.append(value)  # [DOC] a position past the end appends
    else:
        inside[last] = value


def _remove(result: dict[str, Any], path: Path) -> None:
    inside, last = _container(result, path), path[-1]
    if isinstance(last, int):
        if last < len(inside):
            del inside[last]
    else:
        inside.pop(last, None)
