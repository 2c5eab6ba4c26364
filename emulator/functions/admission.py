"""Whether an event may run now, waits or is turned away. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streamer.topology import Function

from .outcome import Refused

WAITING_EVENTS: Final = 10_000
"""Most events of one function that wait for an environment; more are turned away as on AWS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many events of one function run at once, and what happens to the others.

    Over the function's reserved concurrency an event is refused as on AWS (H10). The emulator's own limit is there for
    this machine's sake: AWS would have scaled out, so there the event waits for its turn, first come, first served.
    """

    running: int
    is_reserved: bool

    @classmethod
    def of(cls, function: Function, default: int) -> Limit:
        """The function's own limit, or the emulator's."""
        reserved = function.reserved_concurrency
        return cls(running=default if reserved is None else reserved, is_reserved=reserved is not None)

    def refusal(self, *, running: int, waiting: int) -> Refused | None:
        """Why an event that comes now is turned away; None: it may run or wait."""
        if self.is_reserved and running + waiting >= self.running:
            return throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        if waiting >= WAITING_EVENTS:
            return throttled("ConcurrentInvocationLimitExceeded")
        return None


PATIENCE_SECONDS: Final = 0.005
"""How long an event waits for an environment that exists before another is started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What decides on more environments for a function."""

    environments: int
    starting: int
    limit: int
    waiting: int
    waited_seconds: float
    """How long the first event waits."""
    still_seconds: float
    """How long ago the function last answered, or an environment of it last began to start."""
    cores: int


def environments_wanted(load: Load) -> int:
    """How many environments to start now.

    AWS starts one for each event that finds none. On one machine that would make a burst of a thousand quick events pay
    for processes that only wait for the CPU. So a function gets another environment while there are fewer than cores,
    and more than that only when its environments stand still, which is when they sleep or wait for others.
    """
    missing = min(load.waiting - load.starting, load.limit - load.environments)
    if missing <= 0:
        return 0
    if load.environments == 0:
        return 1
    if load.waited_seconds < PATIENCE_SECONDS:
        return 0
    if load.still_seconds >= PATIENCE_SECONDS and load.starting == 0:
        return missing
    return 1 if load.environments < load.cores else 0


def throttled(reason: str) -> Refused:
    """What Lambda answers above a limit. [REC] ls-snap (H10)"""
    return Refused(429, "TooManyRequestsException", "Rate Exceeded.", reason)


def missing(arn: str) -> Refused:
    """What Lambda answers for a function that does not exist. [REC] ls-snap"""
    return Refused(404, "ResourceNotFoundException", f"Function not found: {arn}")
