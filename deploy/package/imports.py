"""Imports of the packed code, read rather than run: no interpreter of the target is needed. Pure.

The handlers' modules are read, then the project's modules that they import, and so on. What is imported whenever such a
module is loaded must be there; what is imported in a function, or below a condition, may be meant for another place and
is a note. Requirements are not read: what they need they declare, and the installer saw to it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from streamer.project import parsed

from ..errors import BundleError
from . import language
from .bundle import File, Files, top_module
from .target import PROVIDED, extension_suffixes, is_machine_code, standard_library, version_of

_FORGIVING: Final = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
_NATIVE: Final = (".so", ".pyd", ".dylib")
_BY_NAME: Final = {"import_module", "__import__"}


@dataclass(frozen=True, slots=True)
class Import:
    """One name that a module imports."""

    name: str
    """Absolute and dotted; for ``from a import b`` it is ``a``."""
    line: int
    attribute: str | None = None
    """``b`` of ``from a import b``: a module or a name in one."""
    is_certain: bool = True
    """Whether loading the module imports it in any case."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a module imports."""

    imports: tuple[Import, ...]
    by_name: tuple[int, ...]
    """Lines that import something whose name is made at run time."""


@dataclass(slots=True)
class _Reader:
    package: str
    imports: list[Import] = field(default_factory=list)
    by_name: list[int] = field(default_factory=list)

    def body(self, nodes: Iterable[ast.AST], *, is_certain: bool) -> None:
        for node in nodes:
            self.visit(node, is_certain=is_certain)

    def visit(self, node: ast.AST, *, is_certain: bool) -> None:
        match node:
            case ast.Import():
                self.imports += [Import(each.name, node.lineno, None, is_certain) for each in node.names]
            case ast.ImportFrom():
                base = self._absolute(node)
                self.imports += [Import(base, node.lineno, each.name, is_certain) for each in node.names]
            case ast.Try() | ast.TryStar():
                if not any(_forgives(handler) for handler in node.handlers):
                    self.body(node.body, is_certain=is_certain)
                # Another module instead of one that may be missing: one of the two has to be there.
                self.body([*node.handlers, *node.orelse], is_certain=False)
                self.body(node.finalbody, is_certain=is_certain)
            case ast.With() if any(_suppresses(each.context_expr) for each in node.items):
                pass
            case ast.If():
                if not _is_for_types(node.test):
                    self.body([node.test, *node.body], is_certain=False)
                self.body(node.orelse, is_certain=is_certain and _is_for_types(node.test))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() | ast.While() | ast.For() | ast.Match():
                self.body(ast.iter_child_nodes(node), is_certain=False)
            case ast.Call():
                self._call(node, is_certain=is_certain)
            case _:
                self.body(ast.iter_child_nodes(node), is_certain=is_certain)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.package.split(".") if self.package else []
        if node.level > len(parts):  # fails wherever it runs
            return "." * node.level + (node.module or "")
        return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])

    def _call(self, node: ast.Call, *, is_certain: bool) -> None:
        if _last_name(node.func) in _BY_NAME and node.args:
            match node.args[0]:
                case ast.Constant(value=str(wanted)) if not wanted.startswith("."):
                    self.imports.append(Import(wanted, node.lineno, None, is_certain))
                case _:
                    self.by_name.append(node.lineno)
        self.body(ast.iter_child_nodes(node), is_certain=is_certain)


def _forgives(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    if caught is None:
        return True
    return _are_forgiving(caught.elts if isinstance(caught, ast.Tuple) else [caught])


def _suppresses(manager: ast.expr) -> bool:
    """Whether it is ``contextlib.suppress(ImportError)``, or of what that is one of."""
    return isinstance(manager, ast.Call) and _last_name(manager.func) == "suppress" and _are_forgiving(manager.args)


def _are_forgiving(exceptions: Iterable[ast.expr]) -> bool:
    return any(_last_name(each) in _FORGIVING for each in exceptions)


def _is_for_types(test: ast.expr) -> bool:
    return _last_name(test) == "TYPE_CHECKING"


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def read(source: bytes, *, package: str) -> Read:
    """What a module imports; ``package`` is where its relative imports start.

    Raises:
        SyntaxError, ValueError: as `parsed`.
        RecursionError: it is nested too deeply to be read.
    """
    reader = _Reader(package)
    reader.visit(parsed(source), is_certain=True)
    return Read(tuple(reader.imports), tuple(reader.by_name))


def check(
    files: Files,
    modules: Iterable[str],
    *,
    python: str,
    architecture: str,
    left_out: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Follow the project's imports from the handlers' modules; what could not be decided is returned, one line each.

    ``left_out``: path of a file that was not packed to the reason, to say so when it is what is missing.

    Raises:
        BundleError: something that is imported in any case is neither in the bundle nor on Lambda.
    """
    checker = _Checker(files, standard_library(python) | set(PROVIDED), left_out or {}, python, architecture)
    waiting, seen = [name.replace("/", ".") for name in modules], set[str]()
    while waiting:
        name = waiting.pop(0)
        path = checker.path(name)
        if path is None or path in seen or files[path].part != "project":
            continue
        seen.add(path)
        waiting += checker.module(path)
    return checker.notes()


def shadows(files: Files, python: str) -> str | None:
    """That modules of the project are found before those of the standard library with their names; None: none is.

    [DOC] lambda-docs:python-package, search path: ``/var/task`` comes first.
    """
    library = standard_library(python)
    found = sorted(path for path, file in files.items() if file.part == "project" and top_module(path) in library)
    if not found:
        return None
    return f"found before modules of the standard library, by all that imports those: {', '.join(found)}"


@dataclass(slots=True)
class _Checker:
    files: Files
    provided: frozenset[str]
    left_out: Mapping[str, str]
    python: str
    architecture: str
    folders: frozenset[str] = frozenset()
    uncertain: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folders = frozenset(folder for path in self.files for folder in _above(path))

    def path(self, module: str) -> str | None:
        """The file of a module in the bundle."""
        stem = module.replace(".", "/")
        return next((path for path in (f"{stem}/__init__.py", f"{stem}.py") if path in self.files), None)

    def module(self, path: str) -> list[str]:
        """Check one module, and name the modules of the bundle that it imports."""
        parts = path.removesuffix(".py").split("/")
        package = ".".join(parts[:-1])
        source = self.files[path].content
        try:
            found = read(source, package=package)
            early = language.too_early(source, version_of(self.python))
        except (SyntaxError, ValueError, RecursionError) as exc:
            self.unread.append(f"{path} ({exc})")
            return []
        new = language.too_new(source, version_of(self.python))
        if new is not None:
            raise BundleError(f"{path}:{new[0]}: {new[1]}; `python` in streamer.toml is {self.python}")
        self.early += [f"{name} in {path}:{line}" for line, name in early]
        self.unread += [f"{path}:{line} imports a name made at run time" for line in found.by_name]
        leads: list[str] = []
        for each in found.imports:
            missing = self.missing(each)
            if missing is not None:
                self._complain(path, each, missing)
                continue
            leads += [*_packages(each.name), *([f"{each.name}.{each.attribute}"] if each.attribute else [])]
        return leads

    def missing(self, wanted: Import) -> str | None:
        """The dotted name that is not there; None when all is well, or nobody can tell by reading."""
        top = wanted.name.split(".")[0]
        if not top:
            return wanted.name
        if top in self.provided and not self._is_here(top):
            return None
        for name in _packages(wanted.name):
            path = self.path(name)
            if path is None and not self._is_here(name):
                return name
            if path is not None and self.files[path].part != "project":
                return None  # a requirement may make its modules as it likes
        attribute = wanted.attribute
        if attribute is None or attribute == "*":
            return None
        full, path = f"{wanted.name}.{attribute}", self.path(wanted.name)
        if self._is_here(full) or (path is not None and _binds(self.files[path].content, attribute)):
            return None
        is_native = path is None and wanted.name.replace(".", "/") not in self.folders
        return None if is_native else full

    def _is_here(self, name: str) -> bool:
        stem = name.replace(".", "/")
        if self.path(name) is not None or stem in self.folders:
            return True
        found = (f"{stem}{suffix}" for suffix in extension_suffixes(self.python, self.architecture))
        return any(path in self.files and self._is_loadable(self.files[path]) for path in found)

    def _is_loadable(self, file: File) -> bool:
        """Requirements are wheels for Lambda; what is in the project may have been built for this machine."""
        return file.part != "project" or is_machine_code(file.content, self.architecture)

    def _complain(self, path: str, wanted: Import, missing: str) -> None:
        where = f"{path}:{wanted.line}"
        stem = missing.replace(".", "/")
        for kept in (f"{stem}.py", f"{stem}/__init__.py", f"{stem}/"):
            if kept in self.left_out:
                why = f"{where} imports {missing!r}, and {kept} is not packed ({self.left_out[kept]})"
                if wanted.is_certain:
                    raise BundleError(why)
                self.uncertain.append(why)
                return
        native = next((each for each in self.files if each.startswith(f"{stem}.") and each.endswith(_NATIVE)), None)
        why = "which is not in the bundle: add it to the requirements or the project"
        if native is not None:
            why = f"and Python {self.python} on {self.architecture} does not load {native}: build it for Lambda"
        if wanted.is_certain:
            raise BundleError(f"{where} imports {missing!r}, {why}")
        self.uncertain.append(f"{where} imports {missing!r}" + (f", {why}" if native is not None else ""))

    def notes(self) -> tuple[str, ...]:
        """One line for what may be missing, one for what was not checked, one for annotations."""
        notes = []
        if self.uncertain:
            notes.append(f"not in the bundle, and missed if these lines run: {_some(self.uncertain)}")
        if self.unread:
            notes.append(f"IMPORTS NOT CHECKED: {_some(self.unread)}")
        if self.early:
            notes.append(
                f"FAILS ON LAMBDA: Python {self.python} evaluates annotations at once, and there is no "
                f'{_some(self.early)} yet; set python = "3.14", or begin with `from __future__ import annotations`'
            )
        return tuple(notes)


def _some(what: list[str]) -> str:
    more = f"; and {len(what) - 4} more" if len(what) > 4 else ""
    return "; ".join(what[:4]) + more


def _above(path: str) -> Iterator[str]:
    parts = path.split("/")
    if parts[-1].endswith((".py", ".so")):
        yield from ("/".join(parts[:n]) for n in range(1, len(parts)))


def _packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _binds(source: bytes, name: str) -> bool:
    """Whether a module may have that name: it is written somewhere in it, or the module makes names as it likes."""
    return name.encode() in source or b"__getattr__" in source or b"import *" in source or b"globals()" in source
