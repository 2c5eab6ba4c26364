"""Modules that a package imports without need, put off until somebody uses them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def put_off(name: str, *, stays: bool = False) -> Iterator[None]:
    """While the block runs, importing this submodule takes no time: what is asked of it imports it then.

    Args:
        name: With that of its package, which has been imported.
        stays: What was imported asks it through its package, later, perhaps. Else nothing of that is left after the
            block: the next import is an ordinary one.
    """
    if name in sys.modules:
        yield
        return
    package, _, own = name.rpartition(".")
    stand_in = ModuleType(name)

    def remove() -> None:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
            delattr(sys.modules[package], own)

    def real(attribute: str) -> Any:
        remove()
        return getattr(importlib.import_module(name), attribute)

    stand_in.__getattr__ = real  # type: ignore[method-assign]
    sys.modules[name] = stand_in
    setattr(sys.modules[package], own, stand_in)
    try:
        yield
    finally:
        if not stays:
            remove()
