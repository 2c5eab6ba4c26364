"""What is taken to be AWS's behaviour where nobody outside of it knows: one place for each choice. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class NonUtf8Post(enum.StrEnum):
    """What becomes of a POST to ``@connections`` whose bytes are not UTF-8."""

    REPLACE = "replace"
    """Delivered with U+FFFD for each invalid sequence, and a warning."""
    REFUSE = "refuse"
    """Answered 400 BadRequestException."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Our choice wherever AWS's behaviour is not known: each is a ``[?]`` row of docs/fidelity.md."""

    ping_resets_idle: bool = False
    """Whether a client's ping counts as activity; False is safe: what lives here lives on AWS. [?]"""
    none_result_is_error: bool = True
    """Whether a message route that returns None is answered with "Internal server error". [?]"""
    missing_status_is_error: bool = True
    """Whether an object without ``statusCode``, such as ``{}``, is malformed, rather than one of 200. [?]"""
    empty_message_body: str | None = ""
    """``body`` of the event of an empty text message. [?]"""
    non_utf8_post: NonUtf8Post = NonUtf8Post.REPLACE
    abnormal_reason: str = ""
    """``disconnectReason`` of a dropped connection, 1006. [?]"""
    unsupported_data_reason: str = "Binary is not supported"
    """Reason of 1003, in the close frame and in ``disconnectReason``. [USR] a client of Polymarket's real-time data"""
    policy_violation_reason: str = ""
    """Reason of 1008, likewise. [?]"""
    too_big_reason: str | None = None
    """Reason of 1009, likewise; None: of a frame what users report, of a message none, see `too_big_reason`. [?]"""
    throttled_message: str = "Too Many Requests"
    """``message`` of the error frame that answers a throttled message. [?]"""
