"""Memory and CPU time of a process and of all that descend from it, as Linux tells them."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_PROC: Final = Path("/proc")
_SAMPLE_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a process tree, in MB. RSS counts what processes share in each of them; PSS counts it once."""

    rss_mb: float = 0.0
    pss_mb: float = 0.0
    processes: int = 0

    def peak_with(self, other: Memory) -> Memory:
        """The largest of each."""
        return Memory(
            max(self.rss_mb, other.rss_mb), max(self.pss_mb, other.pss_mb), max(self.processes, other.processes)
        )


def family(root: int) -> list[int]:
    """A process and all its living descendants."""
    children: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(folder.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def memory(root: int) -> Memory:
    """What a process and its descendants use now."""
    rss = pss = count = 0
    for pid in family(root):
        try:
            lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        count += 1
        rss += sum(int(line.split()[1]) for line in lines if line.startswith("Rss:"))
        pss += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return Memory(rss / 1024, pss / 1024, count)


def own_pss_mb(pid: int) -> float:
    """What one process uses now, without its descendants."""
    lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def cpu_seconds(root: int) -> float:
    """CPU time that a process tree has used, children that have ended included."""
    ticks = 0
    for pid in family(root):
        try:
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(int(value) for value in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def own_cpu_seconds(pid: int) -> float:
    """CPU time of a process alone, by its clock; the number of that comes from the id as in clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


class Watch:
    """Keeps the peak of a process tree's memory while a block runs."""

    def __init__(self, root: int, *, limit_mb: float) -> None:
        self._root = root
        self._limit_mb = limit_mb
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peak = Memory()

    @property
    def is_over_limit(self) -> bool:
        """Whether more memory was used than this machine should lend."""
        return self.peak.pss_mb > self._limit_mb

    def __enter__(self) -> Self:
        self.peak = memory(self._root)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.peak = self.peak.peak_with(memory(self._root))

    def _run(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            self.peak = self.peak.peak_with(memory(self._root))


def seconds_of_children() -> float:
    """CPU time of all children of this process that have ended and were waited for."""
    used = os.times()
    return used.children_user + used.children_system
