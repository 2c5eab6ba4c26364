"""What the process of the services hands over. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct, field

CALL: Final = ":aws-sdk:"
"""In the ARN of a target that is a call of any service. [DOC] scheduler-docs:managing-targets-universal"""


class Delivery(Struct, frozen=True, kw_only=True):
    """Something for somebody outside of the process."""

    to: str
    """ARN of a function or a queue, or a URL."""
    by: str
    """On whose behalf, as users know it, such as ``bucket uploads``."""
    payload: str
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of a message, as SQS has them."""
    group: str | None = None
    """Message group, for a FIFO queue; partition key, for a stream of Kinesis."""
    deduplication: str | None = None
    """Deduplication id, for a FIFO queue."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of a request to a URL."""
    why: str = ""
    """Why it is not sent, which is told; empty: it is."""

    @classmethod
    def lost(cls, to: str, by: str, error: Exception) -> Delivery:
        """What cannot be sent, because of an error."""
        return cls(to=to, by=by, payload="", why=str(error) or type(error).__name__)


Tell = Callable[[Delivery], None]
"""Hands something over."""
