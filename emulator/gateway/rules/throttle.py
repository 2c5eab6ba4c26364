"""Token buckets, as API Gateway throttles with. Pure: the time is an argument."""

from __future__ import annotations

from streamer.topology import Throttle


class TokenBucket:
    """Lets ``rate`` requests a second through on average and ``burst`` at once; ``burst`` 0 lets none through."""

    __slots__ = ("_burst", "_filled_at", "_rate", "_tokens")

    def __init__(self, throttle: Throttle) -> None:
        self._rate = throttle.rate
        self._burst = float(throttle.burst)
        self._tokens = self._burst
        self._filled_at: float | None = None

    def take(self, now: float) -> bool:
        """Take one token at this time (seconds of a monotonic clock); False: there was none, refuse the request."""
        if self._filled_at is not None and now > self._filled_at:
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        if self._filled_at is None or now > self._filled_at:
            self._filled_at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def bucket(throttle: Throttle | None) -> TokenBucket | None:
    """A bucket for this throttle; None stays None: nothing is throttled and nothing is counted."""
    return None if throttle is None else TokenBucket(throttle)
