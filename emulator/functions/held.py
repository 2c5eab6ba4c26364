"""Invocations for which somebody sits at a debugger: nobody's time-out gives them up."""

from __future__ import annotations

import asyncio
from typing import Final

from .outcome import Outcome

DAY_SECONDS: Final = 86_400.0
"""Time that a function is told to have left where a debugger stops it."""


class Held(asyncio.Future[Outcome]):
    """What comes of an event; once it has stopped in a debugger, nobody's time-out gives it up."""

    is_held = False

    def hold(self) -> None:
        """It stops in a debugger."""
        self.is_held = True

    def cancel(self, msg: object = None) -> bool:
        """Give up waiting, unless somebody sits at the debugger."""
        return False if self.is_held else super().cancel(msg)
