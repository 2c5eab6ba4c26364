"""What we use of CPython's insides: an exception raised in another thread.

`tests/unit/emulator/functions/inline/test_cpython_contract.py` holds what this relies on.
"""

from __future__ import annotations

import sys
import threading
import time


def raise_in_thread(ident: int, exception: type[BaseException]) -> bool:
    """Raise an exception in a thread at its next step in Python code; False: no thread has that ident any more.

    [DOC] docs.python.org/3/c-api/init.html#c.PyThreadState_SetAsyncExc
    """
    import ctypes  # noqa: PLC0415 - a hundredth of a start, for functions that take too long

    reached: int = ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(exception))
    return reached == 1


def may_stall_others() -> bool:
    """Whether an exception for a thread that is in C code would hold up all others until that returns.

    On CPython 3.11 it does while a debugger, a profiler or coverage looks at each step: all threads ask again and again
    whether it is for them. Later versions do not.
    """
    if sys.version_info >= (3, 12):
        return False
    tracers = (sys.gettrace(), threading.gettrace(), sys.getprofile(), threading.getprofile())
    return any(tracer is not None for tracer in tracers)


def is_in_python(ident: int, *, seconds: float) -> bool:
    """Whether a thread does something in Python code, as far as can be seen in so long; False: it waits in C code.

    A thread without a clock of its own (macOS) that goes round at one place is taken for one that waits.
    """
    before = _seen_of(ident)
    time.sleep(seconds)
    return _seen_of(ident) != before


def _seen_of(ident: int) -> tuple[object, ...]:
    """Where it is, and for how many milliseconds it has computed."""
    frame = sys._current_frames().get(ident)  # noqa: SLF001 - documented, despite its name
    if frame is None:
        return ()
    place = id(frame), frame.f_lasti
    if not hasattr(time, "pthread_getcpuclockid"):
        return place
    return (*place, time.clock_gettime_ns(time.pthread_getcpuclockid(ident)) // 1_000_000)
