"""What ``streamer emulate`` starts before it reads what it is asked: the process from which functions are forked.

A new Python takes as long to start as this one takes to read the command line, so they do both at once. Imports nothing
that would delay that.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from typing import Final

from streamer.errors import ConfigurationError

from ...functions.processes.launching import Launched, launched_ahead
from .open_files import raise_file_limit

_NEEDLESS: Final = ("--help", "--check", "--debug", "--isolation=inline", "inline")
"""Beginnings of arguments with which no such process is needed."""
_begun: list[Launched] = []
"""The process, until somebody takes it."""


@contextlib.contextmanager
def begun(arguments: Sequence[str]) -> Iterator[None]:
    """While the block runs, such a process for `template`, if it looks as if these arguments needed it.

    Where none can be started, whoever needs it tries again, and says why.
    """
    with contextlib.ExitStack() as stack:
        if not any(argument.startswith(_NEEDLESS) for argument in arguments):
            with contextlib.suppress(OSError, ConfigurationError):
                prepare()
                _begun.append(stack.enter_context(launched_ahead()))
        stack.callback(_begun.clear)
        yield


@contextlib.contextmanager
def template(*, is_needed: bool) -> Iterator[Launched | None]:
    """The process that was begun, else a new one; None: none is needed, and one that was begun ends.

    Raises:
        ConfigurationError: there is no place for its folder.
        OSError: the system has no room for another process.
    """
    with contextlib.ExitStack() as stack:
        launched = _begun.pop() if _begun else None
        if is_needed:
            yield launched or stack.enter_context(launched_ahead())
            return
        if launched is not None:
            launched.dismiss()
        yield None


def prepare() -> None:
    """Get this process ready for what is inherited from it; another time changes nothing.

    Raises:
        ConfigurationError: too few files may be open to start a function.
    """
    _take_signals()
    raise_file_limit()
    _share_cores()


def _take_signals() -> None:
    """Hear of ended children and of requests to stop, whatever those who started us do not want to hear of."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


def _share_cores() -> None:
    """Let the emulator and its environments finish what they do before another of them gets their core.

    A message goes back and forth between them. Where each that wakes up interrupts the one that woke it, fewer than a
    core per process leaves most of the time to the switches: a tenth of all messages a second (docs/performance.md).
    """
    if hasattr(os, "SCHED_BATCH"):  # Linux; environments inherit it
        with contextlib.suppress(OSError):  # a container may not allow it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
