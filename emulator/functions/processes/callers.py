"""Whether a connection to a Runtime API comes from the environment that it belongs to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from types import ModuleType
from typing import Protocol

from ...port.peers import Address, Owners, owners
from .means import asked_system


class Callers(Protocol):
    """Looks once, when a connection is accepted."""

    def is_of(self, pid: int, own: Address, other: Address) -> bool:
        """Whether the socket with the address ``own``, connected to ``other``, is open in one of a process's own.

        Those are itself, its group and whatever they started.
        """
        ...


def callers(*, process_files: bool) -> Callers:
    """The best there is; ``process_files`` says whether ``/proc`` may be read."""
    found = owners() if process_files else None
    if found is not None:
        found.close()
        return ProcessFiles(found)
    psutil = asked_system()
    return Unknown() if psutil is None else AskedSystem(psutil)


class ProcessFiles:
    """Linux: the kernel knows the socket's number, and ``/proc`` which processes have it open."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners

    def is_of(self, pid: int, own: Address, other: Address) -> bool:
        """See `Callers`. The process itself is looked at first, which is nearly always the one."""
        owner = self._owners.owner(own, other)
        self._owners.close()  # it is asked once for each start of another's runtime client
        if owner is None:
            return False
        return _has_open(pid, owner.inode) or any(_has_open(each, owner.inode) for each in family(pid))


class AskedSystem:
    """macOS and other systems: by psutil."""

    def __init__(self, psutil: ModuleType) -> None:
        self._psutil = psutil

    def is_of(self, pid: int, own: Address, other: Address) -> bool:
        """See `Callers`."""
        try:
            process = self._psutil.Process(pid)
            return any(self._has(each, own, other) for each in [process, *process.children(recursive=True)])
        except self._psutil.Error:
            return False

    def _has(self, process: object, own: Address, other: Address) -> bool:
        try:
            connections = process.net_connections(kind="tcp")  # type: ignore[attr-defined]
        except self._psutil.Error:
            return False
        return any((each.laddr, each.raddr) == (own, other) for each in connections)


class Unknown:
    """Nothing can be seen: whoever finds the port is answered, but for what a browser sends."""

    def is_of(self, pid: int, own: Address, other: Address) -> bool:
        """Not known."""
        return True


def family(pid: int) -> set[int]:
    """A process's group and all that they started, without itself, as ``/proc`` shows them now."""
    parents, groups = {}, {}
    for each, parent, group in _processes():
        parents[each], groups[each] = parent, group
    found = {each for each, group in groups.items() if group == pid}
    fresh = found | {pid}
    while fresh:
        fresh = {each for each, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found - {pid}


def _processes() -> Iterator[tuple[int, int, int]]:
    """Process id, parent's and group's of every process that can be seen."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - some hundred names
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - as above
                fields = file.read().rpartition(b")")[2].split()
                yield int(name), int(fields[1]), int(fields[2])


def _has_open(pid: int, inode: int) -> bool:
    wanted = f"socket:[{inode}]"
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):  # it has ended
        for descriptor in os.listdir(folder):  # noqa: PTH208 - as above
            with contextlib.suppress(OSError):  # it was closed meanwhile
                if os.readlink(f"{folder}/{descriptor}") == wanted:  # noqa: PTH115 - as above
                    return True
    return False
