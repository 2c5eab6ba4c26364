"""One invocation that waits for an execution environment, or for what comes of it."""

from __future__ import annotations

import asyncio

from ..outcome import Outcome


class WaitingInvocation:
    """An event for a function, and the future of its outcome."""

    __slots__ = ("client_context", "outcome", "payload", "request_id", "source", "started_at", "trace", "waiting_since")

    def __init__(
        self,
        payload: bytes,
        request_id: str,
        outcome: asyncio.Future[Outcome],
        *,
        waiting_since: float,
        client_context: str | None = None,
        source: str | None = None,
    ) -> None:
        """``waiting_since`` is a time of the loop's clock; ``client_context`` is JSON, None without one.

        ``source`` is who sent it; None: nobody in particular.
        """
        self.payload = payload
        self.request_id = request_id
        self.outcome = outcome
        self.waiting_since = waiting_since
        self.client_context = client_context
        self.source = source
        self.started_at = waiting_since
        """When a function began with it, by the loop's clock."""
        self.trace = ""
        """The ``X-Amzn-Trace-Id`` that the function sees."""

    def settle(self, outcome: Outcome) -> None:
        """Set the outcome, unless the caller has given up."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)
