"""Names of headers as text, each kept once: those of clients are few, and come with every request."""

from __future__ import annotations

from typing import Final

TRACE: Final = "x-amzn-trace-id"
"""What says which trace a request is of, as `HttpRequest.fields` has it."""
NAMES: Final = 512
"""Most that are kept."""
NAME_BYTES: Final = 64
"""A name of so many bytes or more is not kept."""
OFTEN_THE_SAME: Final = frozenset(
    {
        *("accept", "accept-encoding", "connection", "content-type", "host", "origin", "upgrade", "user-agent"),
        *("sec-websocket-extensions", "sec-websocket-protocol", "sec-websocket-version"),
    }
)
"""Headers whose values thousands of connections have in common; each stays in memory once."""

KEPT: Final[dict[bytes, tuple[str, str, bool]]] = {}
"""As received: as text, in lower case, and whether it is one of `OFTEN_THE_SAME`."""


def named(name: bytes) -> tuple[str, str, bool]:
    """What `KEPT` has of a name, from now on if there is room."""
    spelled = name.decode("latin-1")
    lower = spelled.lower()
    found = spelled, lower, lower in OFTEN_THE_SAME
    if len(KEPT) < NAMES and len(name) < NAME_BYTES:
        KEPT[name] = found
    return found
