"""Keeps a template process from one emulator of this process to the next, as tests start one after the other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from .launching import Launched
from .means import Means

END_SECONDS: Final = 10.0
_CHANGES_WITH_EACH_TEST: Final = "PYTEST_CURRENT_TEST"


class Alike(Struct, frozen=True):
    """What a template process is made of: of two that are alike, either may serve."""

    means: Means
    import_ahead: tuple[str, ...]
    import_path: tuple[str, ...]
    folder: str
    """Where this process is: relative places are looked for from there."""
    variables: frozenset[tuple[str, str]]

    @classmethod
    def now(cls, means: Means, import_ahead: Sequence[str]) -> Alike:
        """What one would be made of that this process starts now."""
        variables = frozenset((name, value) for name, value in os.environ.items() if name != _CHANGES_WITH_EACH_TEST)
        return cls(means, tuple(import_ahead), tuple(sys.path), os.getcwd(), variables)  # noqa: PTH109 - as it is


class KeptTemplate:
    """Holds one that runs and has no environments, or none. Its methods block, and any thread may call them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[Launched, Alike, int] | None = None
        """The process, what it is made of, and which process it belongs to: forks of that one have no part in it."""

    def take(self, wanted: Alike) -> Launched | None:
        """The one that is here, if it runs and is such a one, else that ends; None: the caller starts its own."""
        with self._lock:
            kept, self._kept = self._kept, None
        if kept is None or kept[2] != os.getpid():
            return None
        if kept[1] == wanted and kept[0].process.poll() is None:
            return kept[0]
        _end(kept[0])
        return None

    def keep(self, launched: Launched, made_of: Alike) -> bool:
        """Have it for the next one, with an empty folder; False: there is one already, or something is left in it."""
        shutil.rmtree(launched.folder, ignore_errors=True)
        with self._lock:
            if self._kept is not None or launched.folder.exists():
                return False
            launched.folder.mkdir(mode=0o700)
            self._kept = launched, made_of, os.getpid()
        return True

    def end(self) -> None:
        """End the one that is here."""
        with self._lock:
            kept, self._kept = self._kept, None
        if kept is not None and kept[2] == os.getpid():
            _end(kept[0])


def _end(launched: Launched) -> None:
    launched.control.close()
    try:
        launched.process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        launched.process.kill()
        launched.process.wait()
    shutil.rmtree(launched.folder, ignore_errors=True)  # it has done so, unless it was killed
