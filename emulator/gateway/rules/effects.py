"""What the gateway's rules ask the shell to do, and what the shell tells them. Frozen data, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Accept:
    """Answer the upgrade with 101."""

    subprotocol: str | None = None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Answer a request over HTTP: a call of ``@connections``, or an upgrade that is refused."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Invoke:
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


@dataclass(frozen=True, slots=True)
class Send:
    """Send one text message to the client."""

    text: str


@dataclass(frozen=True, slots=True)
class Close:
    """Close the WebSocket with this code and reason; nothing is sent after it."""

    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Warn:
    """Tell the developer something AWS would let pass in silence, or log elsewhere."""

    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)


Effect = Send | Close | Invoke | Warn
Decision = Accept | HttpAnswer | Invoke


@dataclass(frozen=True, slots=True)
class Replied:
    """A function returned this JSON."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Raised:
    """A function failed; the payload is Lambda's error object."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class NotInvoked:
    """Lambda refused to run the function (throttled, missing, not permitted)."""

    reason: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The integration's timeout passed."""


Result = Replied | Raised | NotInvoked | TimedOut
