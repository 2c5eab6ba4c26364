"""Times as AWS writes them. Pure. [DOC] ISO 8601"""

from __future__ import annotations

from datetime import UTC, datetime


def iso_time(at: datetime) -> str:
    """A time in UTC, with milliseconds."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def instant(said: object) -> datetime:
    """The time that Unix seconds are, or that a text says, in UTC if it names no zone; raises ValueError."""
    if isinstance(said, int | float):
        return datetime.fromtimestamp(said, UTC)
    found = datetime.fromisoformat(str(said))
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
