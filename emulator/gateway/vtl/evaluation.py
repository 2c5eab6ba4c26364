"""Templates, rendered with what their references stand for. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final, Protocol, runtime_checkable

from .methods import call, shown
from .parser import parse
from .syntax import (
    Binary,
    Call,
    Define,
    Foreach,
    If,
    Index,
    Leave,
    ListOf,
    Literal,
    Macro,
    MapOf,
    Node,
    Not,
    Property,
    Range,
    Reference,
    Set,
    TemplateError,
    Text,
    UseMacro,
)

LOOPS: Final = 1000
"""Most turns of one ``#foreach``. [DOC] apigw-docs:limits"""
OUTPUT_CHARACTERS: Final = 10 * 1024 * 1024
"""Largest result: a payload has 10 MB. [DOC] apigw-docs:limits"""
MACRO_DEPTH: Final = 20


@runtime_checkable
class Tool(Protocol):
    """What ``$input`` and ``$util`` are: things with methods."""

    def method(self, name: str, arguments: list[Any]) -> Any:
        """What a method gives; raises KeyError if there is none of this name."""
        ...

    def value(self, name: str) -> Any:
        """A property; None: there is none."""
        ...


class _LeftError(Exception):
    """``#break`` or ``#stop``."""


class _StoppedError(_LeftError):
    """``#stop``."""


def render(template: str, names: Mapping[str, Any]) -> str:
    """A template's text.

    Args:
        template: Its source.
        names: What references stand for: plain data, which it may change, and tools.

    Raises:
        TemplateError: it cannot be read, or goes too far.
    """
    parsed = parse(template)
    run = _Run(dict(names))
    with contextlib.suppress(_LeftError):  # what stood before it is the result
        run.write(parsed)
    return "".join(run.output)


class _Run:
    def __init__(self, names: dict[str, Any]) -> None:
        self.output: list[str] = []
        self._names = names
        self._left = OUTPUT_CHARACTERS
        self._macros: dict[str, Macro] = {}
        self._depth = 0

    # text

    def write(self, text: Text) -> None:
        for part in text.parts:
            self._write(part)

    def _write(self, node: Node) -> None:
        match node:
            case Set(target, value):
                self._set(target, self.value(value))
            case If(branches):
                chosen = next((body for condition, body in branches if _is_true(self.value(condition))), None)
                if chosen is not None:
                    self.write(chosen)
            case Foreach():
                self._loop(node)
            case Macro(name):
                self._macros[name] = node
            case Define(name):
                self._names[name] = node
            case UseMacro():
                self._use(node)
            case Leave(what):
                raise _StoppedError if what == "stop" else _LeftError
            case Reference():
                self._put(self._told(node))
            case _:
                self._put(shown(self.value(node)))

    def _put(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise TemplateError(f"the result has more than {OUTPUT_CHARACTERS} characters")
        self.output.append(text)

    def _told(self, reference: Reference) -> str:
        """A reference without a value gives nothing, quiet or not. [REC] ls-snap test_input_path_template_formatting"""
        value = self._referred(reference)
        return "" if value is None else shown(value)

    def _loop(self, node: Foreach) -> None:
        items = self.value(node.items)
        if isinstance(items, dict):
            items = list(items.values())
        if not isinstance(items, list):
            return
        if len(items) > LOOPS:
            raise TemplateError(f"#foreach over {len(items)} elements; {LOOPS} are allowed")
        before = {name: self._names[name] for name in (node.name, "foreach", "velocityCount") if name in self._names}
        parent = before.get("foreach")
        try:
            for index, item in enumerate(items):
                turn = _turn(index, len(items), parent)
                self._names |= {node.name: item, "foreach": turn, "velocityCount": index + 1}
                self.write(node.body)
        except _StoppedError:
            raise
        except _LeftError:
            pass
        for name in (node.name, "foreach", "velocityCount"):
            self._names.pop(name, None)
        self._names |= before

    def _use(self, node: UseMacro) -> None:
        macro = self._macros.get(node.name)
        if macro is None:
            self._put(node.source)
            return
        given = [self.value(each) for each in node.arguments]
        before = dict(self._names)
        self._names |= dict(zip(macro.parameters, given, strict=False))
        self._write_used(f"#{node.name}", macro.body)
        for name in macro.parameters:
            self._names.pop(name, None)
            if name in before:
                self._names[name] = before[name]

    def _write_used(self, name: str, body: Text) -> None:
        """What a macro or a definition consists of; ``#break`` leaves it alone. [DOC] velocity: user guide, break"""
        if self._depth >= MACRO_DEPTH:
            raise TemplateError(f"{name} uses itself more than {MACRO_DEPTH} levels deep")
        self._depth += 1
        try:
            self.write(body)
        except _StoppedError:
            raise
        except _LeftError:
            pass
        finally:
            self._depth -= 1

    def _set(self, target: Reference, value: Any) -> None:
        if not target.steps:
            self._names[target.name] = value
            return
        holder = self._walk(self._names.get(target.name), target.steps[:-1])
        last = target.steps[-1]
        key: Any = last.name if isinstance(last, Property) else None
        if isinstance(last, Index):
            key = self.value(last.key)
        if (isinstance(holder, dict) and key is not None) or (isinstance(holder, list) and _has(holder, key)):
            holder[key] = value

    # values

    def value(self, node: Node) -> Any:
        match node:
            case Literal(value):
                return value
            case Text():
                return self._inner(node)
            case Reference():
                return self._referred(node)
            case ListOf(items):
                return [self.value(each) for each in items]
            case Range(first, last):
                return self._range(self.value(first), self.value(last))
            case MapOf(items):
                return {shown(self.value(key)): self.value(each) for key, each in items}
            case Not(of):
                return not _is_true(self.value(of))
            case Binary():
                return self._binary(node)
            case _:
                raise TemplateError("a directive is no value")

    def _inner(self, text: Text) -> str:
        """What stands between double quotes."""
        kept, self.output = self.output, []
        try:
            self.write(text)
            return "".join(self.output)
        finally:
            self.output = kept

    def _range(self, first: Any, last: Any) -> list[int]:
        if not isinstance(first, int) or not isinstance(last, int):
            return []
        if abs(last - first) >= LOOPS:
            raise TemplateError(f"a range has at most {LOOPS} elements")
        return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))

    def _referred(self, reference: Reference) -> Any:
        value = self._names.get(reference.name)
        return self._walk(self._defined(value) if isinstance(value, Define) else value, reference.steps)

    def _defined(self, node: Define) -> str:
        kept, self.output = self.output, []
        try:
            self._write_used(f"${node.name}", node.body)
            return "".join(self.output)
        finally:
            self.output = kept

    def _walk(self, value: Any, steps: tuple[Property | Call | Index, ...]) -> Any:
        for step in steps:
            if value is None:
                return None
            match step:
                case Property(name):
                    value = _property(value, name)
                case Index(key):
                    value = _element(value, self.value(key))
                case Call(name, arguments):
                    given = [self.value(each) for each in arguments]
                    try:
                        value = value.method(name, given) if isinstance(value, Tool) else call(value, name, given)
                    except KeyError:
                        return None
        return value

    def _binary(self, node: Binary) -> Any:
        left = self.value(node.left)
        if node.operator in ("&&", "||"):
            if _is_true(left) is (node.operator == "||"):
                return node.operator == "||"
            return _is_true(self.value(node.right))
        right = self.value(node.right)
        if node.operator in ("==", "!="):
            return _is_equal(left, right) is (node.operator == "==")
        return _counted(node.operator, left, right)


def _turn(index: int, count: int, parent: Any) -> dict[str, Any]:
    has_next = index + 1 < count
    turn = {"index": index, "count": index + 1, "hasNext": has_next, "first": index == 0, "last": not has_next}
    return turn if parent is None else {**turn, "parent": parent, "topmost": parent.get("topmost", parent)}


def _is_true(value: Any) -> bool:
    """Nothing, false, 0 and what is empty are not. [DOC] velocity 2: user guide, conditionals"""
    return bool(value)


def _property(value: Any, name: str) -> Any:
    if isinstance(value, Tool):
        return value.value(name)
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list | str) and name in ("empty", "size", "length"):
        return not value if name == "empty" else len(value)
    return None


def _element(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    return value[key] if isinstance(value, list) and _has(value, key) else None


def _has(items: list[Any], index: Any) -> bool:
    return isinstance(index, int) and -len(items) <= index < len(items)


def _is_equal(left: Any, right: Any) -> bool:
    """Of two kinds, their texts are compared, truth values' too. [DOC] velocity: user guide, relational operators

    What has no value is equal to an empty text, and to ``$null``. [REC] ls-snap test_input_path_template_formatting
    """
    left, right = ("" if each is None else each for each in (left, right))
    is_counted = not isinstance(left, bool) and not isinstance(right, bool)
    for kind in (str, bool, list, dict, *((int | float,) if is_counted else ())):
        if isinstance(left, kind) and isinstance(right, kind):
            return bool(left == right)
    return shown(left) == shown(right)


def _counted(operator: str, left: Any, right: Any) -> Any:
    if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
        return shown(left) + shown(right)
    is_text = isinstance(left, str) and isinstance(right, str)
    if operator in ("<", ">", "<=", ">=") and is_text:
        return _compared(operator, left, right)
    for side in (left, right):
        if isinstance(side, bool) or not isinstance(side, int | float):
            return None
    if operator in ("<", ">", "<=", ">="):
        return _compared(operator, left, right)
    return _sum(operator, left, right)


def _compared(operator: str, left: Any, right: Any) -> bool:
    return bool({"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[operator])


def _sum(operator: str, left: Any, right: Any) -> Any:
    if operator in ("/", "%") and right == 0:
        return None
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if isinstance(left, int) and isinstance(right, int):  # Java rounds towards zero
        quotient = abs(left) // abs(right) * (1 if (left < 0) is (right < 0) else -1)
        return quotient if operator == "/" else left - quotient * right
    return left / right if operator == "/" else left % right
