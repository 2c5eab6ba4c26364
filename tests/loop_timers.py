"""What asyncio's event loop is still to do."""

from __future__ import annotations

import asyncio


def timers() -> int:
    """Timers that are still to fire. Python has no public way to ask for them."""
    return sum(not timer.cancelled() for timer in vars(asyncio.get_running_loop())["_scheduled"])
