"""The time that passes: whatever clocks are set to, and while the machine sleeps, too."""

from __future__ import annotations

import time
from typing import Final

_GOES_ON: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
"""Linux's clock that counts sleep, macOS's, whose monotonic clock does; None: Windows, where Python's does. Python's
own stands still on the other two."""


def passed() -> float:
    """Seconds since some time before."""
    return time.monotonic() if _GOES_ON is None else time.clock_gettime(_GOES_ON)
