"""What this platform offers for execution environments, and so what they do less like Lambda elsewhere."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Each is used where it is there; what is lost without it stands in docs/lambda.md."""

    forks: bool
    """Environments are forked from a process that has imported what they need. Only with `subreaper`: what a forked one
    forks has the template's variables, and so could not be found by its own. Elsewhere system libraries may have made
    threads before the fork (macOS), so each is a new interpreter: a cold start of hundreds of milliseconds."""
    death_signal: bool
    """The kernel kills an environment whose template was killed. Elsewhere each watches a pipe that the template holds,
    which code that never lets the interpreter go can delay."""
    freezes: bool
    """Idle environments can be stopped, as on Lambda. Only with `death_signal`: a stopped one could watch no pipe."""
    subreaper: bool
    """What a function started outside its process group becomes its environment's child when it is left alone, and the
    template's when that ends, which kills it. Only with `death_signal`. Elsewhere it is known by its variables."""
    process_descriptors: bool
    """The template waits for environments by descriptor. Elsewhere it is woken by SIGCHLD."""
    waits_by_id: bool
    """The template can look whether an environment has ended and leave it a zombie, so that nothing else gets its
    process group's id before that is killed."""
    process_files: bool
    """Memory, CPU time and threads are read from ``/proc``. Elsewhere psutil is asked, if it is installed."""
    native_client: bool = False
    """AWS's compiled client of the Runtime API is used instead of ours, to compare both; ours is faster."""

    def __post_init__(self) -> None:
        """Do without what needs something that is not there."""
        for name, needed in (("freezes", "death_signal"), ("subreaper", "death_signal"), ("forks", "subreaper")):
            if not getattr(self, needed):
                object.__setattr__(self, name, False)

    @classmethod
    def of_this_machine(cls) -> Self:
        """What is here."""
        is_linux = sys.platform == "linux"
        return cls(
            forks=is_linux,
            death_signal=is_linux,
            freezes=is_linux,
            subreaper=is_linux,
            process_descriptors=hasattr(os, "pidfd_open"),
            waits_by_id=hasattr(os, "waitid"),
            process_files=is_linux,
        )

    @classmethod
    def of_any_unix(cls) -> Self:
        """What every Unix has, macOS before Python 3.13 among them."""
        return cls(
            forks=False,
            death_signal=False,
            freezes=False,
            subreaper=False,
            process_descriptors=False,
            waits_by_id=False,
            process_files=False,
        )


def asked_system() -> ModuleType | None:
    """psutil, which asks the system where there is no ``/proc``; None: it is not installed."""
    return None if importlib.util.find_spec("psutil") is None else importlib.import_module("psutil")


def has_native_client() -> bool:
    """Whether AWS's compiled client is installed; ``awslambdaric`` builds it on Linux only."""
    return importlib.util.find_spec("runtime_client") is not None
