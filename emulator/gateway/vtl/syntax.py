"""What a template consists of, parsed. Pure."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class TemplateError(ValueError):
    """A template that cannot be parsed, or not be rendered; the text says where."""


class Literal(Struct, frozen=True):
    """A number, a truth value, null, or a text without references."""

    value: Any


class Text(Struct, frozen=True):
    """A text with references in it: in the template, or between double quotes."""

    parts: tuple[Node, ...]


class ListOf(Struct, frozen=True):
    """``[1, $x]``."""

    items: tuple[Node, ...]


class Range(Struct, frozen=True):
    """``[1..3]``, both ends included."""

    first: Node
    last: Node


class MapOf(Struct, frozen=True):
    """``{"a": 1}``."""

    items: tuple[tuple[Node, Node], ...]


class Property(Struct, frozen=True):
    """``.name``."""

    name: str


class Call(Struct, frozen=True):
    """``.name(arguments)``."""

    name: str
    arguments: tuple[Node, ...]


class Index(Struct, frozen=True):
    """``[0]``, ``["name"]``."""

    key: Node


class Reference(Struct, frozen=True):
    """``$name.step.step``, ``$!name``, which is the same where what has no value gives nothing."""

    name: str
    steps: tuple[Property | Call | Index, ...]


class Not(Struct, frozen=True):
    """``!x``."""

    of: Node


class Binary(Struct, frozen=True):
    """``left operator right``."""

    operator: str
    left: Node
    right: Node


class Set(Struct, frozen=True):
    """``#set($name.step = value)``."""

    target: Reference
    value: Node


class If(Struct, frozen=True):
    """``#if``, ``#elseif``, ``#else``: conditions and what they lead to."""

    branches: tuple[tuple[Node, Text], ...]


class Foreach(Struct, frozen=True):
    """``#foreach($name in items) ... #end``."""

    name: str
    items: Node
    body: Text


class Macro(Struct, frozen=True):
    """``#macro(name $a $b) ... #end``."""

    name: str
    parameters: tuple[str, ...]
    body: Text


class Define(Struct, frozen=True):
    """``#define($name) ... #end``: the name stands for the block, which is rendered where it is used."""

    name: str
    body: Text


class UseMacro(Struct, frozen=True):
    """``#name(arguments)``."""

    name: str
    arguments: tuple[Node, ...]
    source: str


class Leave(Struct, frozen=True):
    """``#break`` or ``#stop``."""

    what: str


Node = (
    Literal
    | Text
    | ListOf
    | Range
    | MapOf
    | Reference
    | Not
    | Binary
    | Set
    | If
    | Foreach
    | Macro
    | Define
    | UseMacro
    | Leave
)
