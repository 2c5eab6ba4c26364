"""The event loop that the emulator runs on, the same for the command and for tests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

WAITING: Final = 512
"""How many calls may block at once, each on a thread: of endpoints that are slow, and of the emulator itself.

asyncio's own number, four more than there are processors, holds up the calls that one of them waits for: an integration
waits for an execution of a state machine, and that for an action of a service. AWS has no such limit.
"""


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes a loop: uvloop's where it exists, else asyncio's own."""
    make: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):  # not there on Windows and PyPy
        import uvloop  # noqa: PLC0415

        make = uvloop.new_event_loop

    def made() -> asyncio.AbstractEventLoop:
        loop = make()
        loop.set_default_executor(ThreadPoolExecutor(WAITING, thread_name_prefix="waiting"))
        return loop

    return made
