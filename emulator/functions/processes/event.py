"""One event on its way through an execution environment."""

from __future__ import annotations

import asyncio

from ..outcome import Outcome


class Event:
    """One event and what comes of it."""

    __slots__ = ("client_context", "outcome", "payload", "request_id", "waiting_since")

    def __init__(
        self,
        payload: bytes,
        request_id: str,
        outcome: asyncio.Future[Outcome],
        *,
        waiting_since: float,
        client_context: str | None = None,
    ) -> None:
        self.payload = payload
        self.request_id = request_id
        self.outcome = outcome
        self.waiting_since = waiting_since
        self.client_context = client_context

    def settle(self, outcome: Outcome) -> None:
        """Tell who waits, if somebody still does."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)
