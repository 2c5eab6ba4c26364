"""One message of a client that has the right form, with who sent it and how to answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamer.context import Principal
from streamer.handlers.events import Origin
from streamer.observability import Logger
from streamer.protocol.messages import Message
from streamer.records import Listener, RequestKey, owner_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What the router's actions are given."""

    message: Message
    origin: Origin
    principal: Principal
    log: Logger
    now: float
    """When it came, in Unix seconds."""
    reply: Callable[[str], None]
    """Sends the caller a message ahead of the answer."""
    seconds_left: Callable[[], float]
    """What is left of the invocation's time, less what the answer takes."""

    @property
    def listener(self) -> Listener:
        """The connection it came from, as one that hears about something."""
        return Listener(self.origin.connection_id, self.origin.endpoint)

    def own(self, request_id: str) -> RequestKey:
        """The key of a request of the caller's: those of others cannot even be asked for."""
        return RequestKey(owner_of(self.principal.tenant_id, self.principal.user_id), request_id)
