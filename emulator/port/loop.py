"""The event loop that the emulator runs on, the same for the command and for tests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes a loop: uvloop's where it exists; None: asyncio's own."""
    with contextlib.suppress(ImportError):  # not there on Windows and PyPy
        import uvloop  # noqa: PLC0415

        return uvloop.new_event_loop
    return None
