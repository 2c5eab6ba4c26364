"""What a module takes of Python's language that Lambda's older Python does not have. Pure.

[DOC] PEP 649: as of 3.14 annotations are evaluated when somebody asks for them, before when what they are of is made.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from typing import Final

from streamer.project import parsed

_LAZY_SINCE: Final = (3, 14)
_OF_MODULES: Final = frozenset((*dir(builtins), "__file__", "__annotations__", "__path__"))
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def too_new(source: bytes, python: tuple[int, int]) -> tuple[int, str] | None:
    """Line and reason of the first syntax that a Python does not know; None: none, as far as this one knows."""
    try:
        parsed(source, python)
    except SyntaxError as exc:
        return exc.lineno or 1, exc.msg
    return None


def too_early(source: bytes, python: tuple[int, int]) -> list[tuple[int, str]]:
    """Line and name of what an annotation names that no statement before it has made, as far as reading tells.

    Raises:
        SyntaxError, ValueError, RecursionError: as `parsed`.
    """
    if python >= _LAZY_SINCE:
        return []
    tree = parsed(source)
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    is_text = any(node.module == "__future__" and node.names[0].name == "annotations" for node in imported)
    if is_text or any(alias.name == "*" for node in imported for alias in node.names):
        return []
    return list(_in(tree.body, set(_OF_MODULES)))


def _in(body: Iterable[ast.stmt], known: set[str]) -> Iterator[tuple[int, str]]:
    """What is too early in statements; ``known`` has the names that there are, and gets theirs."""
    for node in body:
        if isinstance(node, ast.If) and _is_for_types(node.test):
            yield from _in(node.orelse, known)
            continue
        if isinstance(node, _Function):
            own = known | _parameters_of_type(node)
            for each in (*_arguments(node.args), *([node.returns] if node.returns is not None else [])):
                yield from _unknown(each, own)
        elif isinstance(node, ast.ClassDef):
            yield from _in(node.body, known | _parameters_of_type(node))
        elif isinstance(node, ast.AnnAssign):
            yield from _unknown(node.annotation, known)
        else:
            parts = [each for each in ast.iter_child_nodes(node) if not isinstance(each, ast.stmt)]
            known |= {name for each in parts for name in _made(each)}
            for part in ("body", "handlers", "cases", "orelse", "finalbody"):
                for each in getattr(node, part, ()):
                    yield from _in([each] if isinstance(each, ast.stmt) else each.body, known)
        known |= set(_made(node))


def _unknown(annotation: ast.expr, known: set[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name) and node.id not in known:
            yield node.lineno, node.id


def _arguments(of: ast.arguments) -> Iterator[ast.expr]:
    for each in (*of.posonlyargs, *of.args, *of.kwonlyargs, of.vararg, of.kwarg):
        if each is not None and each.annotation is not None:
            yield each.annotation


def _parameters_of_type(node: _Function | ast.ClassDef) -> set[str]:
    """``T`` of ``def f[T]``, which this Python need not know."""
    return {each.name for each in getattr(node, "type_params", ())}


def _made(node: ast.AST) -> Iterator[str]:
    """Names that it may make, those of inner scopes among them."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id
        elif isinstance(each, ast.alias):
            yield each.asname or each.name.partition(".")[0]
        elif isinstance(each, _Function | ast.ClassDef | ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and each.name:
            yield each.name


def _is_for_types(test: ast.expr) -> bool:
    return (test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")) == "TYPE_CHECKING"
