"""Times as AWS writes them. Pure. [DOC] ISO 8601"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime
from typing import Final

from streamer.sending.signer import TIMESTAMP

_SIGNED: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")


def iso_time(at: datetime) -> str:
    """A time in UTC, with milliseconds."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def iso_seconds(at: datetime) -> str:
    """A time in UTC, without the part of a second."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def lambda_time(seconds: float) -> str:
    """Unix seconds as Lambda's management API tells them. [DOC] lambda-api:FunctionConfiguration, LastModified"""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.000+0000}"


def instant(said: object) -> datetime:
    """The time that Unix seconds are, or that a text says, in UTC if it names no zone; raises ValueError."""
    if isinstance(said, int | float):
        return datetime.fromtimestamp(said, UTC)
    found = datetime.fromisoformat(str(said))
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


@functools.lru_cache(maxsize=64)
def signed_at(timestamp: str) -> datetime | None:
    """When a request says that it was signed; None: it says nothing.

    Kept, since all requests of a second have the same. [DOC] iam-docs:create-signed-request, X-Amz-Date
    """
    if not _SIGNED.fullmatch(timestamp):
        return None
    try:
        return datetime.strptime(timestamp, TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:  # such as the 31st of February
        return None
