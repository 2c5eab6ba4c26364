"""What a stack gets of others: their exports and outputs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .errors import Path, Problem
from .intrinsics import MadeUp

_NO_OUTPUT: Final = "no stack {stack!r} with an output {output!r} is here: add --import {name}=VALUE"


class Imports:
    """The exports and outputs of other stacks, and what of them this one lacks."""

    def __init__(
        self, exports: Mapping[str, Any], outputs: Mapping[str, Mapping[str, Any]], no_export: str | None
    ) -> None:
        """``no_export`` is what is said at once of an export that is not there, with its ``{name}``.

        None: those that are needed are told together by `refuse_lacking`.
        """
        self._exports = exports
        self._outputs = outputs
        self._no_export = no_export
        self._lacking: dict[str, Path] = {}
        self.used: set[str] = set()
        """Names of the exports that were asked for and are there."""
        self.warnings: list[str] = []

    def exported(self, name: str, path: Path, *, is_needed: bool) -> Any:
        """What a stack exports under a name; made up where none does; raises `Problem`.

        ``is_needed``: whether something that is emulated depends on it.
        """
        if name in self._exports:
            self.used.add(name)
            return self._exports[name]
        if self._no_export is not None:
            raise Problem(path, self._no_export.format(name=name))
        if is_needed:
            self._lacking.setdefault(name, path)
        else:
            self.warnings.append(f"no stack exports {name!r}, which {path[1]} names: a placeholder stands for it")
        return MadeUp(name)

    def refuse_lacking(self) -> None:
        """Raise `Problem` where something that is emulated needs exports that are not there, with all of them."""
        if self._lacking:
            names = ", ".join(map(repr, self._lacking))
            options = " ".join(f"--import {name}=VALUE" for name in self._lacking)
            raise Problem(next(iter(self._lacking.values())), f"no stack exports {names}: add {options}")

    def output(self, stack: str, output: str, path: Path) -> Any:
        """An output of another stack; raises `Problem`."""
        found = self._outputs.get(stack, {}).get(output, self._exports.get(f"{stack}.{output}"))
        if found is None:
            raise Problem(path, _NO_OUTPUT.format(name=f"{stack}.{output}", stack=stack, output=output))
        return found
