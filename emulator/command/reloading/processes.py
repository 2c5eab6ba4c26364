"""How a process ends that imports a project's code anew, whatever becomes of who waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a process that leads a session of its own, with what it started there, and wait until it is gone.

    It is waited for also where whoever waits is cancelled again, as by an event loop that ends: it cannot close before.

    Raises:
        asyncio.CancelledError: it was cancelled meanwhile; the process is gone.
    """
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    is_cancelled = False
    while process.returncode is None:
        try:
            await process.wait()
        except asyncio.CancelledError:
            is_cancelled = True
    if is_cancelled:
        raise asyncio.CancelledError
