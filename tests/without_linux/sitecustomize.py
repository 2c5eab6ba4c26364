"""Takes Linux's means away from every emulator that this Python starts, as on macOS: `make test-elsewhere`.

Python imports it when it starts, since its folder is on PYTHONPATH. ``WITHOUT`` names some of the fields of `Means`,
such as ``forks death_signal``; without it all are gone.
"""

from __future__ import annotations

import dataclasses
import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

MODULES = ("emulator.functions.processes.means", "streamer.emulator.functions.processes.means")
"""In a checkout, and in a wheel."""


class Finder:
    """Finds the module that tells what this machine has, and has it tell less."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """As the import system asks; None: it is another's to find."""
        spec = importlib.machinery.PathFinder.find_spec(name, path, target) if name in MODULES else None
        if spec is None or spec.loader is None:
            return None
        spec.loader.exec_module = less(spec.loader.exec_module)  # type: ignore[assignment]
        return spec


def less(run: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    """The module's execution, after which it knows of fewer means."""

    def run_and_forget(module: ModuleType) -> None:
        run(module)
        here = module.Means.of_this_machine()
        names = os.environ.get("WITHOUT", "").split()
        found = dataclasses.replace(here, **dict.fromkeys(names, False)) if names else module.Means.of_any_unix()
        module.Means.of_this_machine = staticmethod(lambda: found)

    return run_and_forget


sys.meta_path.insert(0, Finder)
