"""Functions of whom nothing is asked but what they answer."""

from __future__ import annotations

import asyncio
from typing import Any

from emulator.functions.outcome import Outcome


class Answers:
    """Functions that all answer the same."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def invoke(self, function: str, payload: bytes, **_: Any) -> asyncio.Future[Outcome]:
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        answered.set_result(self._outcome)
        return answered

    def accept(self, function: str, payload: bytes, request_id: str) -> bool:
        """Whatever comes."""
        return True
