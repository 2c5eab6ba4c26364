"""Whom a message to many is for, and what is left of it for further invocations. Pure.

Nobody holds all recipients of a large audience: they are read page by page, and whoever has more to do than it takes on
itself leaves the rest, shard by shard, to invocations of their own (``docs/decisions/0013-scale.md``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from streamer.requests.runs import DELIVER

EVENT_BYTES: Final = 240_000
"""Largest event that is left to another invocation: Lambda took 256 KB asynchronously until 2025, and takes 1 MB since.
[DOC] lambda-docs:gettingstarted-limits"""
HOPS: Final = 10
"""Most invocations that one follows upon the other: Lambda stops chains of about 16, which it takes for a mistake.
[DOC] lambda-docs:invocation-recursion"""
LATE_SECONDS: Final = 900.0
"""What is left is not delivered later than this after the message was sent: it is news, not mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Whom a message is for, in one tenant."""

    tenant_id: str
    topic: str | None = None
    """Name of a topic, whose subscribers are meant."""
    user_id: str | None = None
    """A user, whose connections are meant. With neither it is the whole tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What is left of a message to many: one shard of its audience from one connection on."""

    audience: Audience
    shard: int
    after: str | None
    """Id of the last connection that somebody else delivers to; None: begin with the first."""
    data_json: str
    sent_at: float
    """Unix seconds."""
    hop: int = 0
    """How many invocations came before this one."""


def deliver_event(rest: Rest) -> dict[str, Any]:
    """The event that makes the processor deliver it."""
    return {DELIVER: asdict(rest)}


def rest_of(event: Mapping[str, Any]) -> Rest:
    """What an event leaves to do."""
    fields = event[DELIVER]
    return Rest(**{**fields, "audience": Audience(**fields["audience"])})
