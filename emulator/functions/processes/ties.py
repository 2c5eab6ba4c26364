"""What ties an environment to the life of the template process that forked it.

Loaded by `bootstrap`, by path; like that it imports nothing of the emulator.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36


class DeathSignal:
    """Has the kernel kill an environment when its template is gone, though that was killed. Linux only.

    No handler can be in its way: not a loop, not a blocked signal.
    """

    def __init__(self, *, subreaper: bool) -> None:
        import ctypes  # noqa: PLC0415 - another interpreter that watches a lifeline does without

        self._template = os.getpid()
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl
        self._subreaper = subreaper
        self._adopt()

    def _adopt(self) -> None:
        """Have what descendants of the calling process leave alone become its children; forks do not inherit that."""
        if self._subreaper:
            self._prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def hold(self) -> None:
        """Tie the calling process, which the template has just forked, to the template's life."""
        self._adopt()
        self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != self._template:
            os._exit(1)

    def watch_program(self) -> None:
        """Nothing: it lasts beyond ``exec``."""

    def descriptor(self) -> None:
        """Nothing is to be watched."""


class Lifeline:
    """A pipe that ends with the template, however that ends; whoever watches it then kills the environment."""

    def __init__(self) -> None:
        self._watched, self._held = os.pipe()

    def hold(self) -> None:
        """Leave the end that is held to the template."""
        os.close(self._held)

    def watch_program(self) -> None:
        """Watch from a process beside the program that this process is about to become.

        It is in the environment's group, and so ends with it, and is no child of the program.
        """
        group = os.getpid()
        between = os.fork()
        if between == 0:
            if os.fork() == 0:
                for output in (1, 2):
                    os.dup2(0, output)  # the output's pipe is to end with the program
                _end_with(self._watched, group)
            os._exit(0)
        os.waitpid(between, 0)

    def descriptor(self) -> int:
        """The end to watch, for another interpreter."""
        os.set_inheritable(self._watched, True)
        return self._watched


def watch_lifeline(descriptor: int) -> None:
    """Kill this process's group when the pipe is at its end."""
    threading.Thread(target=_end_with, args=(descriptor, os.getpgrp()), name="lifeline", daemon=True).start()


def _end_with(descriptor: int, group: int) -> None:
    os.read(descriptor, 1)
    os.killpg(group, signal.SIGKILL)
