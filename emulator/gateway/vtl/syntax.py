"""What a template consists of, parsed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class TemplateError(ValueError):
    """A template that cannot be parsed, or not be rendered; the text says where."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a truth value, null, or a text without references."""

    value: Any


@dataclass(frozen=True, slots=True)
class Text:
    """A text with references in it: in the template, or between double quotes."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """``[1, $x]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """``[1..3]``, both ends included."""

    first: Node
    last: Node


@dataclass(frozen=True, slots=True)
class MapOf:
    """``{"a": 1}``."""

    items: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Property:
    """``.name``."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """``.name(arguments)``."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """``[0]``, ``["name"]``."""

    key: Node


@dataclass(frozen=True, slots=True)
class Reference:
    """``$name.step.step``."""

    name: str
    steps: tuple[Property | Call | Index, ...]
    source: str
    """As it is written, which is what it gives where it has no value."""
    is_quiet: bool = False
    """``$!name``: where it has no value, it gives nothing."""


@dataclass(frozen=True, slots=True)
class Not:
    """``!x``."""

    of: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """``left operator right``."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Set:
    """``#set($name.step = value)``."""

    target: Reference
    value: Node


@dataclass(frozen=True, slots=True)
class If:
    """``#if``, ``#elseif``, ``#else``: conditions and what they lead to."""

    branches: tuple[tuple[Node, Text], ...]


@dataclass(frozen=True, slots=True)
class Foreach:
    """``#foreach($name in items) ... #end``."""

    name: str
    items: Node
    body: Text


@dataclass(frozen=True, slots=True)
class Macro:
    """``#macro(name $a $b) ... #end``."""

    name: str
    parameters: tuple[str, ...]
    body: Text


@dataclass(frozen=True, slots=True)
class UseMacro:
    """``#name(arguments)``."""

    name: str
    arguments: tuple[Node, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Leave:
    """``#break`` or ``#stop``."""

    what: str


Node = (
    Literal | Text | ListOf | Range | MapOf | Reference | Not | Binary | Set | If | Foreach | Macro | UseMacro | Leave
)
