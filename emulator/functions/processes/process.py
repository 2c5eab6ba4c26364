"""The process of one environment, with all it started itself: its process group."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from .template import Template

FREEZES: Final = sys.platform == "linux"
"""Whether idle environments can be stopped. Elsewhere a stopped one would outlive an emulator that was killed."""
_LINKS_OF_ONE_THREAD: Final = 3
"""A folder has a link for itself, one for its parent and one for each folder in it, here one per thread."""
_MEASURES: Final = sys.platform == "linux"
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Process:
    """Not started, running (perhaps frozen), or killed."""

    __slots__ = ("_is_frozen", "_is_killed", "_pid", "peak_mb")

    def __init__(self) -> None:
        self.peak_mb = 0
        """Most memory seen in use, in MiB."""
        self._pid: int | None = None
        self._is_frozen = False
        self._is_killed = False

    async def start(
        self,
        template: Template,
        *,
        environment: Mapping[str, str],
        folder: str,
        command: Sequence[str] | None,
        output: int,
        ended: Callable[[int | str], None],
    ) -> None:
        """Start it; see `Template.start`. One that was killed or frozen meanwhile is so at once.

        ``ended`` is called with the exit status, or with the name of the signal that ended it.

        Raises:
            OSError: the system has no room for another process or file.
        """
        self._pid = await template.start(
            environment=environment,
            folder=folder,
            command=command,
            output=output,
            ended=lambda status: ended(_end(status)),
        )
        if self._is_killed:
            self._signal(signal.SIGKILL)
        elif self._is_frozen:
            self._signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it at once."""
        self._is_killed = True
        self._signal(signal.SIGKILL)

    @property
    def is_frozen(self) -> bool:
        """Whether it is stopped."""
        return self._is_frozen

    def has_one_thread(self) -> bool:
        """Whether its main thread is its only one; False where that is not known."""
        try:
            return os.stat(f"/proc/{self._pid}/task").st_nlink == _LINKS_OF_ONE_THREAD  # noqa: PTH116 - as below
        except OSError:
            return False

    def freeze(self) -> None:
        """Stop what the function left running, as Lambda does between events (H11)."""
        if not self._is_frozen:
            self._is_frozen = True
            self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run."""
        if self._is_frozen:
            self._is_frozen = False
            self._signal(signal.SIGCONT)

    def demand_seconds(self) -> float:
        """CPU time that its main thread has used or waited for since it began; 0 where that is not known."""
        return 0.0 if self._pid is None else demand_seconds(self._pid)

    def measure_mb(self) -> int:
        """Memory in use now, in MiB; 0 where it is not known or the process has ended."""
        used = 0 if self._pid is None or not _MEASURES else _resident_mb(self._pid)
        self.peak_mb = max(self.peak_mb, used)
        return used

    def _signal(self, number: int) -> None:
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, number)


def demand_seconds(pid: int | None = None) -> float:
    """CPU time that a process's main thread has used or waited for; None: this process's own."""
    if sys.platform != "linux":
        return time.process_time() if pid is None else 0.0
    try:
        used, waited, _ = _read(f"/proc/{'self' if pid is None else pid}/schedstat").split()
    except (OSError, ValueError):
        return 0.0
    return (int(used) + int(waited)) / 1e9


def _end(status: int) -> int | str:
    """An exit status as it is, a signal by its name: its number is the system's own."""
    if status >= 0:
        return status
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _resident_mb(pid: int) -> int:
    try:
        return int(_read(f"/proc/{pid}/statm").split()[1]) * _PAGE_BYTES // (1024 * 1024)
    except (OSError, IndexError):
        return 0


def _read(path: str) -> bytes:
    """A short file of the kernel's: some hundred are read each second, and a file object costs as much again."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
