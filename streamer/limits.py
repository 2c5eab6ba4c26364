"""How much one connection and one user may ask for. Pure: time is an argument."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import Final

from streamer.errors import ConfigurationError

BURST_SECONDS: Final = 2.0
"""A pause this long is made up for: so many seconds' worth of messages may come at once."""
BUCKETS: Final = 8192
"""Connections and users remembered; the ones not heard of for longest are forgotten, and start afresh."""
CONCURRENT_REQUESTS: Final = 1000
"""Most concurrent requests that can be asked for: their ids are kept in one item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an App allows; None: as much as anyone likes.

    Raises:
        ConfigurationError: a number makes no sense.
    """

    messages_per_second_per_connection: float | None = None
    """Counted by each execution environment of the router for itself, so it is approximate: a client whose messages
    are spread over N of them may send up to N times as many."""
    messages_per_second_per_user: float | None = None
    """Over all connections of a user; as approximate."""
    concurrent_requests_per_connection: int | None = None
    """Queued requests that are not over yet; exact."""
    concurrent_requests_per_user: int | None = None
    """Over all connections of a user; exact."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            # Written so that NaN fails as well.
            if value is not None and not value > 0:
                raise ConfigurationError(f"Limits({field.name}={value!r}) must be more than 0, or None for no limit")
            if value is not None and field.name.startswith("concurrent") and not value <= CONCURRENT_REQUESTS:
                raise ConfigurationError(f"Limits({field.name}={value!r}) must be at most {CONCURRENT_REQUESTS}")


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Buckets:
    """Token buckets by name. Not safe to share between threads."""

    def __init__(self, *, capacity: int = BUCKETS) -> None:
        self._capacity = capacity
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str, per_second: float, *, now: float) -> float | None:
        """Take a token; None: there was one, else the seconds until there is. ``now`` never goes back."""
        size = max(1.0, per_second * BURST_SECONDS)
        bucket = self._buckets.pop(name, None) or _Bucket(size, now)
        self._buckets[name] = bucket
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        bucket.tokens = min(size, bucket.tokens + (now - bucket.filled_at) * per_second)
        bucket.filled_at = now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / per_second
        bucket.tokens -= 1
        return None
