"""Errors that do not say which request they answer, as API Gateway's are, and whom they can be about. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from streamer.client.errors import ClientError
from streamer.client.inbox import Inbox


class Complaints:
    """Tells errors of one connection to whom they are about, once that is certain: each is about another request."""

    def __init__(self) -> None:
        self._errors: list[ClientError] = []
        """Those that are not told yet; fewer than there are suspects."""
        self._suspects: list[Inbox] = []

    def heard(self, error: ClientError, inboxes: Iterable[Inbox]) -> bool:
        """An error came while these were under way; whether it is told, or will be, to one of them."""
        self._errors.append(error)
        self._suspects = [inbox for inbox in inboxes if not inbox.is_answered]
        is_of_somebody = bool(self._suspects)
        self.settle()
        return is_of_somebody

    def settle(self) -> None:
        """Somebody may have been answered: if as many are left as there are errors, they are about all of these."""
        left = [inbox for inbox in self._suspects if not inbox.is_answered]
        if len(self._errors) < len(left):
            return
        for inbox, error in zip(left, self._errors, strict=False):
            inbox.fail(error)
        self._errors, self._suspects = [], []

    def gone(self, inbox: Inbox) -> None:
        """Nobody waits for a request any more; if it was not answered, an error may have been about it."""
        if inbox in self._suspects and not inbox.is_answered:
            self._suspects.remove(inbox)
            del self._errors[:1]
