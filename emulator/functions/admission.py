"""Whether an event may run now, waits or is turned away. Pure."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from streamer.topology import Function

from .outcome import Refused

WAITING_BYTES: Final = 512 * 1024 * 1024
"""How much of the memory the events of one function may take that wait for an environment; more are turned away as on
AWS. Fifty thousand clients that leave at once take less than half of it: each has its ``$disconnect``."""
EVENT_BYTES: Final = 3072
"""What an event that waits takes besides its content, as `tracemalloc` shows it."""
STOPPING: Final = Refused(500, "ServiceException", "the emulator stops")
"""Why no event runs any more."""


class Limit(Struct, frozen=True, kw_only=True):
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

    def refusal(self, *, running: int, waiting: int, waiting_bytes: int) -> Refused | None:
        """Why an event that comes now is turned away; None: it may run or wait.

        ``waiting_bytes`` is the sum of `bytes_held` for the events that wait.
        """
        if self.is_reserved and running + waiting >= self.running:
            return throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        if waiting_bytes >= WAITING_BYTES:
            return throttled("ConcurrentInvocationLimitExceeded")
        return None


def bytes_held(payload: bytes) -> int:
    """How much memory an event takes while it waits: its payload, and what that was made of."""
    return 2 * len(payload) + EVENT_BYTES


PATIENCE_SECONDS: Final = 0.02
"""How long an event waits for one of several environments before another is started."""
LATE_SECONDS: Final = 0.025
"""A look that takes so long while the emulator has little to do tells of a machine that stood still, as a virtual one
does while its host runs others: functions that could not work look like functions that sleep."""
AT_ONCE: Final = 2
"""So many environments are started for events that find none; with as many, nothing more is wanted before the look that
is made after `PATIENCE_SECONDS`."""
ENVIRONMENTS_PER_CORE: Final = 2
"""Up to how many environments of a function only make it faster: half of its time, one that sends messages waits for
the answers."""
STARVED_SECONDS: Final = 0.25
"""How long sleeping handlers may keep a function from answering while the emulator is busy."""
SLOW_START_SECONDS: Final = 0.5
"""After how long a start that uses no CPU does not keep others from starting."""
ENDLESS_SECONDS: Final = 5.0
"""After how long without an answer a function gets one more environment, though all of them compute."""
RETRY_SECONDS: Final = 1.0
"""After how long another start is tried where the machine had no room for one, and events can wait for what runs."""
BUSY_SHARE: Final = 0.8
"""From this share of a core on, it is the emulator that events wait for: more environments would make it slower."""


class Load(Struct, frozen=True, kw_only=True):
    """What decides on more environments for a function."""

    environments: int
    starting: int
    at_work: int
    """Environments that used the CPU lately, or waited for it; the others sleep or wait for an answer."""
    limit: int
    waiting: int
    waited_seconds: float
    """How long the first event waits."""
    still_seconds: float
    """How long the first event waits without an answer, or the beginning of a start, of the function."""
    looked_seconds: float
    """How long it was looked who works."""
    busy_share: float
    """How much of a core the emulator itself used lately, or waited for."""
    cores: int
    has_space: bool
    """Whether few environments of the emulator as a whole have something to do."""
    failed_seconds: float
    """How long ago the system had no room for another environment of the function; infinite: it had when last asked."""


def environments_wanted(load: Load) -> int:
    """How many environments to start now.

    AWS starts one for each event that finds none. On one machine that would make a burst of a thousand quick events pay
    for processes that only wait for the CPU, or for the emulator. So only the second one is started at once: one of two
    can take an event while the other still finishes what its client already has the answer of. Beyond a few per core,
    or while the emulator is busy, a function gets more only when its handlers sleep or wait for something outside.
    """
    missing = min(load.waiting - load.starting, load.limit - load.environments)
    if missing <= 0:
        return 0
    if load.environments == 0:
        return 1
    if load.failed_seconds < RETRY_SECONDS:
        return 0
    if load.starting and (load.at_work or load.still_seconds < SLOW_START_SECONDS):
        return 0
    if load.environments == 1 and not load.starting and load.has_space:
        return 1
    if load.waited_seconds < PATIENCE_SECONDS:
        return 0
    is_busy = load.busy_share >= BUSY_SHARE
    all_sleep = load.at_work == 0 and (is_busy or load.looked_seconds < LATE_SECONDS)
    if all_sleep and load.still_seconds >= (STARVED_SECONDS if is_busy else PATIENCE_SECONDS):
        return missing
    if load.still_seconds >= ENDLESS_SECONDS:
        return 1
    return 1 if load.has_space and load.environments < ENVIRONMENTS_PER_CORE * load.cores and not is_busy else 0


def throttled(reason: str) -> Refused:
    """What Lambda answers above a limit. [REC] ls-snap (H10)"""
    return Refused(429, "TooManyRequestsException", "Rate Exceeded.", reason)


def missing(arn: str) -> Refused:
    """What Lambda answers for a function that does not exist. [REC] ls-snap"""
    return Refused(404, "ResourceNotFoundException", f"Function not found: {arn}")


DIFFERENT_QUALIFIERS: Final = "The derived qualifier from the function name does not match the specified qualifier."
"""What Lambda says where a function's name has one version or alias and the query another.

[REC] ls-snap test_lambda_api.py, test_ops_with_arn_qualifier_mismatch; [INF] of Invoke
"""
