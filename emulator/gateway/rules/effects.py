"""What the gateway's rules ask the shell to do, and what the shell tells them. Frozen data, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, field


class Accept(Struct, frozen=True):
    """Answer the upgrade with 101."""

    subprotocol: str | None = None


class HttpAnswer(Struct, frozen=True):
    """Answer a request over HTTP: a call of ``@connections``, or an upgrade that is refused."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Invoke(Struct, frozen=True):
    """Run a function with an event and report the outcome back to who asked."""

    function: str
    event: Mapping[str, Any]
    timeout_seconds: float
    """The integration's: after it the gateway stops waiting, while the function goes on."""
    request_id: str
    """``requestContext.requestId`` of the event."""
    route_key: str
    wants_reply: bool = False
    """Whether the result's ``body`` goes to the client (route response)."""

    def __repr__(self) -> str:
        """Without the event, which holds tokens: a loop in debug mode writes what it calls to the log."""
        return f"Invoke({self.function!r}, route_key={self.route_key!r}, request_id={self.request_id!r})"


class Send(Struct, frozen=True):
    """Send one text message to the client."""

    text: str


class Close(Struct, frozen=True):
    """Close the WebSocket with this code and reason; nothing is sent after it."""

    code: int
    reason: str = ""


class Warn(Struct, frozen=True):
    """Tell the developer something AWS would let pass in silence, or log elsewhere."""

    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)


Effect = Send | Close | Invoke | Warn
Decision = Accept | HttpAnswer | Invoke


class Replied(Struct, frozen=True):
    """A function returned this JSON."""

    payload: bytes


UNREACHABLE: Final = "EndpointUnreachable"
"""Error type of an integration whose endpoint did not answer."""


class Raised(Struct, frozen=True):
    """A function failed; the payload is Lambda's error object."""

    payload: bytes
    is_unreachable: bool = False
    """Whether there was no function, but an endpoint that did not answer."""


class NotInvoked(Struct, frozen=True):
    """Lambda refused to run the function (throttled, missing, not permitted)."""

    reason: str


class TimedOut(Struct, frozen=True):
    """The integration's timeout passed."""


Result = Replied | Raised | NotInvoked | TimedOut
