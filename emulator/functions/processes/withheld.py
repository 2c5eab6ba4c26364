"""What an environment does without, as on Lambda: semaphores, and a terminal to debug at.

Loaded by `bootstrap`, by path; like that it imports nothing of the emulator.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any, NoReturn


def withhold() -> None:
    """Say in this process, which is an environment's, that neither is there as soon as the code asks for one."""
    if "PYTHONBREAKPOINT" not in os.environ:
        sys.breakpointhook = _tell_of_breakpoint
    # What processes share fails as on Lambda, which has no /dev/shm: locks, queues and pools of multiprocessing.
    compiled: Any = importlib.import_module("_multiprocessing")
    compiled.SemLock = type("SemLock", (compiled.SemLock,), {"__new__": _no_semaphore})


def _no_semaphore(*_: object) -> NoReturn:
    text = "locks, queues and pools of multiprocessing do not work on Lambda, nor here: take Process and Pipe"
    print(text, file=sys.stderr)  # noqa: T201 - a log
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


def _tell_of_breakpoint(*_arguments: Any, **_options: Any) -> None:
    """What ``breakpoint()`` does: the process of a function has no terminal to debug at, so say where there is one."""
    frame = sys._getframe(1)  # noqa: SLF001 - documented, and what debuggers use
    place = f"{frame.f_code.co_filename}, line {frame.f_lineno}"
    text = f"breakpoint() did not stop ({place}): a function's process has no terminal; it stops where functions run in"
    print(f"{text} the emulator's own: streamer emulate --isolation inline", file=sys.stderr)  # noqa: T201 - a log
