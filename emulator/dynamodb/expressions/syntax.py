"""What expressions are made of once they are parsed: paths, operands, conditions, updates. Pure data."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

Path: TypeAlias = tuple[str | int, ...]
"""Attribute names and list positions, from the top; placeholders are resolved."""


class Attribute(Struct, frozen=True):
    """What stands at a path of the item."""

    path: Path


class Placeholder(Struct, frozen=True):
    """A ``:value`` of the request."""

    name: str


class FunctionCall(Struct, frozen=True):
    """A function, as an operand (``size``, ``if_not_exists``, ``list_append``) or as a condition."""

    name: str
    arguments: tuple[Operand, ...]


class Arithmetic(Struct, frozen=True):
    """A sum or difference of an update."""

    sign: str
    left: Operand
    right: Operand


class Comparison(Struct, frozen=True):
    """Two operands and ``=``, ``<>``, ``<``, ``<=``, ``>`` or ``>=`` between them."""

    operator: str
    left: Operand
    right: Operand


class Between(Struct, frozen=True):
    """``value BETWEEN low AND high``."""

    value: Operand
    low: Operand
    high: Operand


class Membership(Struct, frozen=True):
    """``value IN (choice, ...)``."""

    value: Operand
    choices: tuple[Operand, ...]


class Junction(Struct, frozen=True):
    """Conditions joined by ``AND`` or ``OR``."""

    word: str
    parts: tuple[Condition, ...]


class Negation(Struct, frozen=True):
    """``NOT condition``."""

    part: Condition


class UpdateAction(Struct, frozen=True):
    """One change of an update expression."""

    kind: str
    """``SET``, ``REMOVE``, ``ADD`` or ``DELETE``."""
    path: Path
    value: Operand | None
    """None for ``REMOVE``."""


Operand: TypeAlias = Attribute | Placeholder | FunctionCall | Arithmetic
Condition: TypeAlias = Comparison | Between | Membership | Junction | Negation | FunctionCall


class Used(Struct, frozen=True):
    """What an expression refers to."""

    names: frozenset[str]
    """``#name`` placeholders."""
    values: frozenset[str]
    """``:value`` placeholders."""
    paths: tuple[Path, ...]
    """Every path, in the order of the text."""
