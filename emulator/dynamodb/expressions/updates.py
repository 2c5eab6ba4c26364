"""Update expressions, compiled once: a list of actions that make a new item of the old one. Pure.

Containers on the way to a change are copied, everything else is shared. [DOC] ddb-docs:Expressions.UpdateExpressions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct, field

from ..errors import ApiError, invalid_parameter, validation_error
from ..numbers import add_numbers
from ..values import SETS, Attributes, AttributeValue, ordered_set
from .conditions import Check, check_values, wrong_operand
from .grammar import Parser
from .paths import find
from .syntax import Arithmetic, Attribute, FunctionCall, Operand, Path, Placeholder, UpdateAction, Used

Compute = Callable[[Attributes, Attributes], AttributeValue]
"""An operand's value, of the item before the update and the ``:values``."""

_WHERE: Final = "UpdateExpression"
_WRONG_TYPE: Final = "An operand in the update expression has an incorrect data type"
_TYPE_NAMES: Final = {
    "S": "STRING", "N": "NUMBER", "B": "BINARY", "M": "MAP", "L": "LIST", "BOOL": "BOOLEAN", "NULL": "NULL",
    "SS": "STRING_SET", "NS": "NUMBER_SET", "BS": "BINARY_SET",
}  # fmt: skip
_OPERANDS: Final = {"ADD": ("N", *SETS), "DELETE": SETS}


class PathChange(Struct, frozen=True):
    """One ``SET``, ``REMOVE``, ``ADD`` or ``DELETE`` of one path."""

    kind: str
    path: Path
    compute: Compute | None
    """None for ``REMOVE``."""
    is_copy: bool = False
    """Whether the type of what it assigns depends on the stored item."""


class Update(Struct, frozen=True):
    """A compiled update expression, or the older AttributeUpdates."""

    changes: tuple[PathChange, ...]
    checks: tuple[Check, ...] = ()
    wrong_type: str = _WRONG_TYPE
    """What is told if an operand and what is stored differ in type."""
    used: Used = field(default=Used(frozenset(), frozenset(), ()))
    copied: frozenset[str] = frozenset()
    """Attributes that get a value whose type depends on the stored item."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """What the answer's UPDATED_OLD and UPDATED_NEW show."""
        return tuple([change.path for change in self.changes])

    @property
    def only_takes_away(self) -> bool:
        """Whether it has something to do, but only REMOVE and DELETE: where there is no item, it makes none.

        [USR] scylladb 5862; for DELETE [INF].
        """
        return bool(self.changes) and all(change.kind in ("REMOVE", "DELETE") for change in self.changes)

    def check_values(self, values: Attributes) -> None:
        """Raise ApiError if a ``:value`` is missing, or of a type that its function does not know."""
        check_values(_WHERE, self.used, self.checks, values)

    def check_keys(self, key_names: tuple[str, ...]) -> None:
        """Raise ApiError if it changes one of these attributes."""
        for change in self.changes:
            if change.path[0] in key_names:
                raise invalid_parameter(f"Cannot update attribute {change.path[0]}. This attribute is part of the key")

    def apply(self, attributes: Attributes, values: Attributes, *, is_new: bool = False) -> dict[str, AttributeValue]:
        """The attributes after the update; all operands are those before it.

        Args:
            attributes: those before; only the key, if there was no item.
            values: ``:values``.
            is_new: there was no item: then any path may be removed. [USR] scylladb test_update_expression

        Raises:
            ApiError: an operand does not exist or has the wrong type, or a path leads nowhere.
        """
        computed = [
            (change, None if change.compute is None else change.compute(attributes, values)) for change in self.changes
        ]
        result = dict(attributes)
        removals: list[Path] = []
        # [DOC] positions past a list's end append in the order of the positions, not of the text
        for change, value in sorted(computed, key=_turn):
            if value is None:
                if not is_new:
                    removals.append(change.path)
            elif change.kind == "SET":
                _put(result, change.path, value)
            elif change.kind == "ADD":
                _put(result, change.path, _added(find(attributes, change.path), value, self.wrong_type))
            else:
                left = _subtracted(find(attributes, change.path), value, self.wrong_type)
                if left is None:
                    removals.append(change.path)
                else:
                    _put(result, change.path, left)
        # Positions count from the state before the update, so the last position goes first, and one that was past the
        # end then is not that of a value that was appended since.
        for path in sorted(removals, key=_place, reverse=True):
            _remove(result, path, is_there=find(attributes, path) is not None)
        return result


def _turn(change: tuple[PathChange, AttributeValue | None]) -> int:
    last = change[0].path[-1]
    return last if isinstance(last, int) else -1


def _place(path: Path) -> list[tuple[int, str]]:
    return [(part, "") if isinstance(part, int) else (-1, part) for part in path]


def compile_update(expression: str, names: Mapping[str, str]) -> Update:
    """Compile an update expression.

    Raises:
        ApiError: its syntax is wrong, paths overlap, or a name is reserved or undefined.
    """
    return _compile(expression, tuple(names.items()))


@lru_cache(maxsize=1024)
def _compile(expression: str, names: tuple[tuple[str, str], ...]) -> Update:
    parser = Parser(expression, dict(names), _WHERE)
    checks: list[Check] = []
    changes = tuple([_change(action, checks) for action in parser.update()])
    copied = frozenset([str(change.path[0]) for change in changes if change.is_copy and len(change.path) == 1])
    return Update(changes, tuple(checks), used=parser.used, copied=copied)


def _change(action: UpdateAction, checks: list[Check]) -> PathChange:
    if action.value is None:
        return PathChange(action.kind, action.path, None)
    if action.kind in _OPERANDS and isinstance(action.value, Placeholder):
        checks.append(_section_check(action.kind, action.value.name))
    return PathChange(action.kind, action.path, compute_of(action.value, checks), _depends_on_item(action.value))


def _depends_on_item(operand: Operand) -> bool:
    return isinstance(operand, Attribute) or (isinstance(operand, FunctionCall) and operand.name == "if_not_exists")


def _section_check(section: str, name: str) -> Check:
    def check(values: Attributes) -> str | None:
        kind = values[name].type
        if kind in _OPERANDS[section]:
            return None
        return (
            f"Incorrect operand type for operator or function; operator: {section}, operand type: {_TYPE_NAMES[kind]}, "
            f"typeSet: ALLOWED_FOR_{section}_OPERAND"
        )

    return check


def compute_of(operand: Operand, checks: list[Check]) -> Compute:
    """The function that gives an operand's value; what can be checked without an item is added to ``checks``."""
    match operand:
        case Placeholder(name):
            return lambda _attributes, values: values[name]
        case Attribute(path):
            return lambda attributes, _values: _existing(attributes, path)
        case Arithmetic(sign, left, right):
            checks.extend(_immediate_check(sign, side, "N") for side in (left, right))
            return _arithmetic(sign, compute_of(left, checks), compute_of(right, checks))
        case FunctionCall("if_not_exists", (Attribute(path), fallback)):
            return _if_not_exists(path, compute_of(fallback, checks))
        case FunctionCall("list_append", (left, right)):
            checks.extend(_immediate_check("list_append", side, "L") for side in (left, right))
            return _list_append(compute_of(left, checks), compute_of(right, checks))
    raise AssertionError(operand)  # the grammar lets no other operand through


def _immediate_check(function: str, operand: Operand, wanted: str) -> Check:
    def check(values: Attributes) -> str | None:
        if not isinstance(operand, Placeholder):
            return None
        kind = values[operand.name].type
        return None if kind == wanted else wrong_operand(function, kind)

    return check


def _if_not_exists(path: Path, fallback: Compute) -> Compute:
    def if_not_exists(attributes: Attributes, values: Attributes) -> AttributeValue:
        value = find(attributes, path)
        return fallback(attributes, values) if value is None else value

    return if_not_exists


def _existing(attributes: Attributes, path: Path) -> AttributeValue:
    value = find(attributes, path)
    if value is None:
        raise validation_error("The provided expression refers to an attribute that does not exist in the item")
    return value


def _wrong_type() -> ApiError:
    return validation_error(_WRONG_TYPE)


def _arithmetic(sign: str, left: Compute, right: Compute) -> Compute:
    def arithmetic(attributes: Attributes, values: Attributes) -> AttributeValue:
        one, two = left(attributes, values), right(attributes, values)
        if one[0] != "N" or two[0] != "N":
            raise _wrong_type()
        return AttributeValue("N", add_numbers(one[1], two[1], subtract=sign == "-"))

    return arithmetic


def _list_append(left: Compute, right: Compute) -> Compute:
    def list_append(attributes: Attributes, values: Attributes) -> AttributeValue:
        one, two = left(attributes, values), right(attributes, values)
        if one[0] != "L" or two[0] != "L":
            raise _wrong_type()
        return AttributeValue("L", one[1] + two[1])

    return list_append


def _added(current: AttributeValue | None, value: AttributeValue, wrong_type: str) -> AttributeValue:
    if current is None:
        return value
    kind, content = value
    if current[0] != kind:
        raise validation_error(wrong_type)
    if kind == "N":
        return AttributeValue("N", add_numbers(current[1], content))
    if kind == "L":
        return AttributeValue("L", current[1] + content)  # only AttributeUpdates can: [USR] scylladb, dynalite
    return AttributeValue(kind, ordered_set({*current[1], *content}, is_number=kind == "NS"))


def _subtracted(current: AttributeValue | None, value: AttributeValue, wrong_type: str) -> AttributeValue | None:
    """A set without the members of another; None: none are left, and there are no empty sets."""
    if current is None:
        return None
    if current[0] != value[0]:
        raise validation_error(wrong_type)
    left = tuple([member for member in current[1] if member not in value[1]])
    return AttributeValue(value[0], left) if left else None


def _put(result: dict[str, AttributeValue], path: Path, value: AttributeValue) -> None:
    def put(inside: Any, last: str | int) -> None:
        if isinstance(last, int) and last >= len(inside):
            inside.append(value)  # [DOC] a position past the end appends
        else:
            inside[last] = value

    _change_at(result, path, put)


def _remove(result: dict[str, AttributeValue], path: Path, *, is_there: bool) -> None:
    """Take away what stands at a path, which must lead somewhere even if nothing does."""

    def remove(inside: Any, last: str | int) -> None:
        if is_there:
            del inside[last]

    _change_at(result, path, remove)


Edit = Callable[[Any, "str | int"], None]
"""Changes a fresh dict or list in place, at a name or position."""


def _change_at(result: dict[str, AttributeValue], path: Path, edit: Edit) -> None:
    name = path[0]
    if len(path) == 1:
        edit(result, name)
    else:
        result[str(name)] = _edited(result.get(str(name)), path[1:], edit)


def _edited(value: AttributeValue | None, path: Path, edit: Edit) -> AttributeValue:
    """A copy of a map or list in which what stands at a path was changed."""
    if value is None or value.type not in ("M", "L"):
        raise _invalid_path()
    kind, content = value
    part = path[0]
    if isinstance(part, int) is not (kind == "L"):
        raise _invalid_path()
    copy: Any = list(content) if kind == "L" else dict(content)
    if len(path) == 1:
        edit(copy, part)
    elif isinstance(part, int):
        child = _edited(copy[part] if part < len(copy) else None, path[1:], edit)
        copy[part] = child
    else:
        copy[part] = _edited(copy.get(part), path[1:], edit)
    return AttributeValue(kind, tuple(copy) if kind == "L" else copy)


def _invalid_path() -> ApiError:
    return validation_error("The document path provided in the update expression is invalid for update")
