"""The user's modules in the emulator's process: found, imported as Lambda does, and forgotten for a reload."""

from __future__ import annotations

import functools
import importlib
import linecache
import os
import sys
import sysconfig
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from streamer.topology import Function

from ..runtimes import launch
from .awslambdaric_client import Handler, load_handler

_OURS: Final = frozenset({"streamer", "emulator", "deploy", "cli", "__main__"})
"""Top-level modules that stay, even where the project's folder is the checkout they come from."""


class UserModules:
    """Imports handlers from the folders of a project."""

    def __init__(self, functions: Sequence[Function], project_folder: Path) -> None:
        self._project_folder = project_folder
        self._roots = self._folders(functions)
        self._packages = {_package(function.handler) for function in functions} - {""}
        self._lock = threading.Lock()
        self._added: list[str] = []
        self._before: frozenset[str] = frozenset()
        self._handlers: dict[str, Handler] = {}

    def _folders(self, functions: Sequence[Function]) -> list[Path]:
        roots = [Path(function.code_root) for function in functions if function.code_root is not None]
        further = [Path(path) for function in functions for path in launch(function, code_folder="").import_path]
        return list(dict.fromkeys(path.resolve() for path in (*roots, self._project_folder, *further)))

    def add(self, functions: Sequence[Function]) -> None:
        """Find the modules of further functions too."""
        new = [str(root) for root in self._folders(functions) if str(root) not in sys.path]
        sys.path[:0] = new
        self._added += new
        self._roots = list(dict.fromkeys([*self._roots, *self._folders(functions)]))
        self._packages |= {_package(function.handler) for function in functions} - {""}

    def open(self) -> None:
        """Put the folders first on the import path."""
        self._added = [str(root) for root in self._roots if str(root) not in sys.path]
        sys.path[:0] = self._added
        self._before = frozenset(sys.modules)

    def close(self) -> None:
        """Take the folders from the import path, and drop what was imported from them in between."""
        for path in self._added:
            if path in sys.path:
                sys.path.remove(path)
        with self._lock:
            self._drop(keep=self._before)

    def loaded(self, handler: str) -> Handler | None:
        """The handler, if it was imported since the last `forget`."""
        return self._handlers.get(handler)

    def load(self, handler: str) -> Handler:
        """Import a handler.

        Raises:
            InitError: it cannot be imported, with the words of AWS's runtime client.
        """
        with self._lock:
            # A bytecode file is trusted when its source has the same second and size, which a quick edit may keep.
            writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
            try:
                loaded = load_handler(handler)
            finally:
                sys.dont_write_bytecode = writes_bytecode
            self._handlers[handler] = loaded
            return loaded

    def forget(self) -> None:
        """Drop the project's modules and the handlers' packages, so that the next import reads the files again."""
        with self._lock:
            self._drop(keep=frozenset())

    def _drop(self, keep: frozenset[str]) -> None:
        roots = _inside(self._roots)
        for name, module in list(sys.modules.items()):
            if name not in keep and (self._is_handlers(name) or _is_users(name, module, roots)):
                del sys.modules[name]
        self._handlers.clear()
        importlib.invalidate_caches()
        linecache.checkcache()

    def _is_handlers(self, name: str) -> bool:
        return any(name == package or name.startswith(f"{package}.") for package in self._packages)


def _package(handler: str) -> str:
    """The package a handler's module is in, which may cache what the module was built from; "" for none."""
    return handler.replace("/", ".").rpartition(".")[0].rpartition(".")[0]


def _is_users(name: str, module: ModuleType, roots: tuple[str, ...]) -> bool:
    """Asked of each of two thousand modules at every reload: text, since paths take ten times as long."""
    file = getattr(module, "__file__", None)
    if file is None or name.partition(".")[0] in _OURS:
        return False
    path = os.path.realpath(file)
    return path.startswith(roots) and not path.startswith(_installed())


@functools.cache
def _installed() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return _inside(Path(paths[name]).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def _inside(folders: Iterable[Path]) -> tuple[str, ...]:
    """How the paths of files in folders begin."""
    return tuple(f"{str(folder).rstrip(os.sep)}{os.sep}" for folder in folders)
