"""One invocation that waits for an execution environment, or for what comes of it."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from ..outcome import Outcome
from ..streaming import ResponseStream


class WaitingInvocation(Struct, eq=False):
    """An event for a function, and the future of its outcome."""

    payload: bytes
    request_id: str
    outcome: asyncio.Future[Outcome]
    waiting_since: float
    """By the loop's clock."""
    client_context: str | None
    """JSON; None: there is none."""
    source: str | None
    """Who sent it; None: nobody in particular."""
    stream: ResponseStream | None = None
    """Takes a response that is streamed; None: it is wanted whole."""
    qualifier: str | None = None
    """The version or alias by which the function is invoked; None: by its name alone."""
    started_at: float = 0.0
    """When a function began with it, by the loop's clock; before, since when it waits."""
    trace: str = ""
    """The ``X-Amzn-Trace-Id`` that the function sees."""

    def __post_init__(self) -> None:
        self.started_at = self.waiting_since

    def settle(self, outcome: Outcome) -> None:
        """Set the outcome, unless the caller has given up."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)
