"""Which processes an environment started, wherever they went: outside its process group, or to another parent."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Protocol

from .bootstrap import children


class Descendants(Protocol):
    """Finds them from outside."""

    def of(self, pid: int) -> set[int]:
        """What a process started and what those did, as far as each parent lives or was a subreaper's child."""
        ...

    def left_in(self, folder: Path) -> set[int]:
        """Processes whose variables name this temporary folder or one in it, as those of a function's programs do."""
        ...


def descendants(*, process_files: bool) -> Descendants:
    """The best there is; ``process_files`` says whether ``/proc`` may be read."""
    if process_files:
        return ProcessFiles()
    if importlib.util.find_spec("psutil") is not None:
        import psutil  # noqa: PLC0415 - only where there is no /proc

        return AskedSystem(psutil)
    return Unknown()


class ProcessFiles:
    """Linux: by ``/proc``."""

    def of(self, pid: int) -> set[int]:
        """See `Descendants`. 20 us for a process that started none."""
        found: set[int] = set()
        fresh = {pid}
        while fresh:
            fresh = {child for each in fresh for child in children(each)} - found
            found |= fresh
        return found

    def left_in(self, folder: Path) -> set[int]:
        """See `Descendants`. Some milliseconds: only for what nobody could be told to end."""
        found = set()
        for name in os.listdir("/proc"):  # noqa: PTH208 - some hundred names
            if name.isdigit():
                with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123 - as above
                    variables = dict(each.partition(b"=")[::2] for each in file.read().split(b"\0"))
                    if _is_in(variables.get(b"TMPDIR", b"").decode("utf-8", "replace"), folder):
                        found.add(int(name))
        return found


class AskedSystem:
    """macOS and other systems: by psutil."""

    def __init__(self, psutil: ModuleType) -> None:
        self._psutil = psutil

    def of(self, pid: int) -> set[int]:
        """See `Descendants`."""
        try:
            return {each.pid for each in self._psutil.Process(pid).children(recursive=True)}
        except self._psutil.Error:
            return set()

    def left_in(self, folder: Path) -> set[int]:
        """See `Descendants`."""
        found = set()
        for process in self._psutil.process_iter():
            with contextlib.suppress(self._psutil.Error, OSError):  # another user's, or it has ended
                if _is_in(process.environ().get("TMPDIR", ""), folder):
                    found.add(process.pid)
        return found


class Unknown:
    """Nothing can be seen; what leaves its process group is lost sight of."""

    def of(self, pid: int) -> set[int]:
        """None that is known."""
        return set()

    def left_in(self, folder: Path) -> set[int]:
        """None that is known."""
        return set()


def signal_each(pids: Iterable[int], number: int) -> None:
    """Send a signal to processes that may have ended."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _is_in(named: str, folder: Path) -> bool:
    return named == str(folder) or named.startswith(f"{folder}/")
