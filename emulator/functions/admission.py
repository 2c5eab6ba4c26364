"""Whether an event may run now, waits or is turned away. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

from .outcome import Refused

WAITING_EVENTS: Final = 10_000
"""Most events of one function that wait for an environment; more are turned away as on AWS."""

E = TypeVar("E")


class Admission(Generic[E]):
    """Counts one function's executions.

    Over the function's reserved concurrency an event is refused as on AWS (H10). The emulator's own limit is there for
    this machine's sake: AWS would have scaled out, so there the event waits for its turn, first come, first served.
    """

    def __init__(self, *, reserved: int | None, limit: int, waiting: int = WAITING_EVENTS) -> None:
        self.limit = limit if reserved is None else reserved
        self.reserved = reserved is not None
        self.running = 0
        self.waiting: deque[E] = deque()
        self._most_waiting = waiting

    @property
    def is_full(self) -> bool:
        """Whether nothing more may run now."""
        return self.running >= self.limit

    def refusal(self) -> Refused | None:
        """Why an event that comes now is turned away; None: it may run or wait."""
        if self.reserved and self.running + len(self.waiting) >= self.limit:
            return throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        if len(self.waiting) >= self._most_waiting:
            return throttled("ConcurrentInvocationLimitExceeded")
        return None


def throttled(reason: str) -> Refused:
    """What Lambda answers above a limit. [REC] ls-snap (H10)"""
    return Refused(429, "TooManyRequestsException", "Rate Exceeded.", reason)


def missing(arn: str) -> Refused:
    """What Lambda answers for a function that does not exist. [REC] ls-snap"""
    return Refused(404, "ResourceNotFoundException", f"Function not found: {arn}")
