"""What an action receives: the request, and for slow actions a way to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from streamer.errors import StreamerError


@dataclass(frozen=True, slots=True)
class Principal:
    """The proven identity behind a connection."""

    user_id: str
    tenant_id: str
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A client's request, as an action sees it."""

    id: str
    """The client's id for it, or one that was made; unique per user, not beyond."""
    action: str
    payload: Any
    """What the client sent, or what the action's validator made of it."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the client sent beside the payload."""
    principal: Principal
    """Who sent it, as proven at ``$connect``; nothing in the message can change it."""
    connection_id: str
    """The connection it came from; it may be closed by now."""
    attempt: int = 1
    """Number of this attempt; the first is 1."""
    max_attempts: int = 1
    is_over: Callable[[], bool] = field(default=lambda: False, repr=False, compare=False)
    """Tells whether this run is over; `cancelled` asks it."""

    @property
    def cancelled(self) -> bool:
        """Whether this run of the action is to stop: the request was cancelled, or the run's time is over.

        An action that neither reports progress nor awaits should look now and then, clean up and return. A cancellation
        is known within 10 seconds, or one if the action reports progress.
        """
        return self.is_over()

    @property
    def user_id(self) -> str:
        """Whose request it is."""
        return self.principal.user_id

    @property
    def tenant_id(self) -> str:
        """Which tenant the user belongs to."""
        return self.principal.tenant_id

    @property
    def permissions(self) -> frozenset[str]:
        """What the user may do."""
        return self.principal.permissions


class Progress(Protocol):
    """Tells the client how far a slow action is; safe to call from several threads."""

    def __call__(self, percentage: float, message: str = "", metadata: Mapping[str, Any] | None = None) -> None:
        """Send a progress message.

        Args:
            percentage: 0 to 100. It never goes back: a lower one than before is told as the one before.
            message: What is going on, for people.
            metadata: What is going on, for programs; any JSON object.

        Raises:
            Cancelled: the request does not belong to this run any more; clean up and return.
            ValueError: ``percentage`` is not a number.
        """
        ...


class Cancelled(StreamerError):  # noqa: N818 - it is no error of the action's
    """This run of the action is over: it timed out, or the request was cancelled, finished or taken over elsewhere.

    Raised in the action at its next progress call, or at the next ``await`` of an ``async def``. Whatever the action
    still returns or raises changes nothing.
    """
