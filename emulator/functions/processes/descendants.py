"""Which processes an environment started, wherever they went: outside its process group, or to another parent."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol

from .bootstrap import children
from .means import asked_system

_LOOKS: Final = 200
_PAUSE_SECONDS: Final = 0.005
"""A program is started in less than a millisecond, if the machine has time; nobody waits for longer than a second."""
_NEW_SECONDS: Final = 5.0
"""So new is a process whose variables may be missing only because it is just becoming another program."""
_CODE_START: Final = 23
"""Which field after the program's name in ``/proc/<pid>/stat`` says at which address the code begins.

Of a program's new memory, it is what the kernel fills in last (``load_elf_binary``).
"""


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
    psutil = asked_system()
    return Unknown() if psutil is None else AskedSystem(psutil)


class ProcessFiles:
    """Linux: by ``/proc``."""

    def __init__(self, files: str = "/proc", pause: Callable[[float], None] = time.sleep) -> None:
        """``files`` is where the kernel shows its processes; ``pause`` waits a number of seconds."""
        self._files = files
        self._pause = pause

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
        asked = [name for name in os.listdir(self._files) if name.isdigit()]  # noqa: PTH208 - some hundred names
        for _ in range(_LOOKS):
            unsaid = []
            for name in asked:
                variables = _variables(f"{self._files}/{name}")
                if variables is None:
                    unsaid.append(name)
                elif _is_in(variables.get(b"TMPDIR", b"").decode("utf-8", "replace"), folder):
                    found.add(int(name))
            if not unsaid:
                break
            asked = unsaid
            self._pause(_PAUSE_SECONDS)
        return found


def _variables(process: str) -> dict[bytes, bytes] | None:
    """What a process was started with; None: it has none, perhaps because it is just becoming another program.

    Between its old memory and its new one Linux shows an empty file, and no address at which code would begin. Kernel
    threads, and what has ended, have no program.
    """
    began = b""
    try:
        while not (content := _read(f"{process}/environ")):
            os.readlink(f"{process}/exe")  # noqa: PTH115 - a hundred times
            begins = _read(f"{process}/stat").rpartition(b")")[2].split()[_CODE_START]
            if begins == b"0":
                return None
            if begins == began:
                return {}
            began = begins  # it may have become that just now, after the look at its variables
    except OSError:  # another user's, or it has ended
        return {}
    return dict(each.partition(b"=")[::2] for each in content.split(b"\0"))


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - a hundred times
        return file.read()


class AskedSystem:
    """macOS and other systems: by psutil."""

    def __init__(
        self,
        psutil: ModuleType,
        *,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """``now`` answers Unix seconds; ``pause`` waits a number of seconds."""
        self._psutil = psutil
        self._now = now
        self._pause = pause

    def of(self, pid: int) -> set[int]:
        """See `Descendants`."""
        try:
            return {each.pid for each in self._psutil.Process(pid).children(recursive=True)}
        except self._psutil.Error:
            return set()

    def left_in(self, folder: Path) -> set[int]:
        """See `Descendants`."""
        found = set()
        asked = list(self._psutil.process_iter())
        for _ in range(_LOOKS):
            unsaid = []
            for process in asked:
                with contextlib.suppress(self._psutil.Error, OSError):  # another user's, or it has ended
                    variables = process.environ()
                    if _is_in(variables.get("TMPDIR", ""), folder):
                        found.add(process.pid)
                    elif not variables and self._now() - process.create_time() < _NEW_SECONDS:
                        unsaid.append(process)
            if not unsaid:
                break
            asked = unsaid
            self._pause(_PAUSE_SECONDS)
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
