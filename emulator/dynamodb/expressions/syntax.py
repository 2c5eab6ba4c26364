"""What expressions are made of once they are parsed: paths, operands, conditions, updates. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Attribute names and list positions, from the top; placeholders are resolved."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """What stands at a path of the item."""

    path: Path


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A ``:value`` of the request."""

    name: str


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function, as an operand (``size``, ``if_not_exists``, ``list_append``) or as a condition."""

    name: str
    arguments: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A sum or difference of an update."""

    sign: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and ``=``, ``<>``, ``<``, ``<=``, ``>`` or ``>=`` between them."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Between:
    """``value BETWEEN low AND high``."""

    value: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class Membership:
    """``value IN (choice, ...)``."""

    value: Operand
    choices: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by ``AND`` or ``OR``."""

    word: str
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """``NOT condition``."""

    part: Condition


@dataclass(frozen=True, slots=True)
class UpdateAction:
    """One change of an update expression."""

    kind: str
    """``SET``, ``REMOVE``, ``ADD`` or ``DELETE``."""
    path: Path
    value: Operand | None
    """None for ``REMOVE``."""


Operand: TypeAlias = Attribute | Placeholder | FunctionCall | Arithmetic
Condition: TypeAlias = Comparison | Between | Membership | Junction | Negation | FunctionCall


@dataclass(frozen=True, slots=True)
class Used:
    """What an expression refers to."""

    names: frozenset[str]
    """``#name`` placeholders."""
    values: frozenset[str]
    """``:value`` placeholders."""
    paths: tuple[Path, ...]
    """Every path, in the order of the text."""
