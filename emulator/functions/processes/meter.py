"""How much memory, CPU time and how many threads the processes of environments have."""

from __future__ import annotations

import os
import time
from types import ModuleType
from typing import Final, Protocol

from . import descendants
from .means import asked_system

_MIB: Final = 1024 * 1024
_LINKS_OF_ONE_THREAD: Final = 3
"""A folder has a link for itself, one for its parent and one for each folder in it, here one per thread."""


class Meter(Protocol):
    """Looks at processes from outside; one that has ended has used nothing."""

    def demand_seconds(self, pid: int) -> float:
        """CPU time that a process's main thread has used, or waited for where that is known. It only grows."""
        ...

    def own_demand_seconds(self) -> float:
        """The same of this process."""
        ...

    def memory_mb(self, pid: int) -> int:
        """Memory in use, in MiB, of programs that it started, too, where those are seen; 0: not known."""
        ...

    def has_one_thread(self, pid: int) -> bool:
        """Whether the main thread is the only one; False where that is not known."""
        ...


def meter(*, process_files: bool) -> Meter:
    """The best there is; ``process_files`` says whether ``/proc`` may be read."""
    if process_files:
        return ProcessFiles()
    psutil = asked_system()
    return Unknown() if psutil is None else AskedSystem(psutil)


class ProcessFiles:
    """Linux: ``/proc``, some hundred times a second."""

    def __init__(self) -> None:
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._ticks = os.sysconf("SC_CLK_TCK")
        self._descendants = descendants.ProcessFiles()

    def demand_seconds(self, pid: int) -> float:
        """Used or waited for. Without scheduler statistics (gVisor, some kernels): used, in steps of 10 ms."""
        return self._demand_seconds(str(pid))

    def own_demand_seconds(self) -> float:
        """The same of this process."""
        return self._demand_seconds("self")

    def memory_mb(self, pid: int) -> int:
        """Resident memory, and what the programs that it started have for themselves.

        What it forked without running another program has nearly all its pages in common with it, which only the kernel
        could tell apart, in milliseconds: those are not counted.
        """
        used = self._pages(pid, shared=True)
        started = self._descendants.of(pid)
        if started:
            own = _command(pid)
            used += sum(self._pages(each, shared=False) for each in started if _command(each) != own)
        return used * self._page_bytes // _MIB

    def _pages(self, pid: int, *, shared: bool) -> int:
        """Resident pages; ``shared``: those of files, too, which other processes may have as well."""
        try:
            resident, of_files = _read(f"/proc/{pid}/statm").split()[1:3]
        except (OSError, ValueError):
            return 0
        return int(resident) - (0 if shared else int(of_files))

    def has_one_thread(self, pid: int) -> bool:
        """By the links of the folder of threads, which is quicker than to list it."""
        try:
            return os.stat(f"/proc/{pid}/task").st_nlink == _LINKS_OF_ONE_THREAD  # noqa: PTH116 - as below
        except OSError:
            return False

    def _demand_seconds(self, name: str) -> float:
        try:
            used, waited, _ = _read(f"/proc/{name}/schedstat").split()
        except (OSError, ValueError):
            return self._used_seconds(name)
        return (int(used) + int(waited)) / 1e9

    def _used_seconds(self, name: str) -> float:
        try:
            fields = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()
            return (int(fields[11]) + int(fields[12])) / self._ticks
        except (OSError, IndexError):
            return 0.0


class AskedSystem:
    """macOS and other systems: by psutil."""

    def __init__(self, psutil: ModuleType) -> None:
        self._psutil = psutil

    def demand_seconds(self, pid: int) -> float:
        """Used by all threads."""
        try:
            times = self._psutil.Process(pid).cpu_times()
        except self._psutil.Error:
            return 0.0
        return float(times.user + times.system)

    def own_demand_seconds(self) -> float:
        """The same of this process."""
        return time.process_time()

    def memory_mb(self, pid: int) -> int:
        """Resident memory."""
        try:
            return int(self._psutil.Process(pid).memory_info().rss) // _MIB
        except self._psutil.Error:
            return 0

    def has_one_thread(self, pid: int) -> bool:
        """As the system counts them."""
        try:
            return int(self._psutil.Process(pid).num_threads()) == 1
        except self._psutil.Error:
            return False


class Unknown:
    """Nothing can be seen: every environment is taken to compute all the time, so that not too many are started."""

    def demand_seconds(self, pid: int) -> float:
        """All the time that passes."""
        return time.perf_counter()

    def own_demand_seconds(self) -> float:
        """Used by this process, which can always be seen."""
        return time.process_time()

    def memory_mb(self, pid: int) -> int:
        """Not known."""
        return 0

    def has_one_thread(self, pid: int) -> bool:
        """Not known."""
        return False


def _command(pid: int) -> bytes:
    """The beginning of a process's command line; empty: it has ended."""
    try:
        return _read(f"/proc/{pid}/cmdline")
    except OSError:
        return b""


def _read(path: str) -> bytes:
    """A short file of the kernel's: some hundred are read each second, and a file object costs as much again."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
