"""What we use of CPython's insides: an exception raised in another thread.

`tests/unit/emulator/functions/inline/test_cpython_contract.py` holds what this relies on.
"""

from __future__ import annotations

import ctypes


def raise_in_thread(ident: int, exception: type[BaseException]) -> bool:
    """Raise an exception in a thread at its next step in Python code; False: no thread has that ident any more.

    [DOC] docs.python.org/3/c-api/init.html#c.PyThreadState_SetAsyncExc
    """
    reached: int = ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(exception))
    return reached == 1
