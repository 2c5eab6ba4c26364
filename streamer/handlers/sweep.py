"""The sweep: each minute, a run for every queued request that nobody sees to.

It runs no request itself, so none holds up another (``docs/decisions/0006``, ``0008``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from streamer.errors import StoreError
from streamer.handlers.dispatching import Dispatching, each
from streamer.observability import Logger
from streamer.records import SHARDS, RequestKey, Status
from streamer.requests import lifecycle
from streamer.requests.lifecycle import Refused
from streamer.requests.runs import Run

if TYPE_CHECKING:
    from streamer.stores.protocols import RequestStore

SWEPT: Final = 250
"""Most requests of a shard that one sweep sees to; the next one sees to the rest."""


class Sweep:
    """Finds requests that were left behind, and starts runs of them."""

    def __init__(self, dispatching: Dispatching, *, requests: RequestStore, clock: Callable[[], float]) -> None:
        self._dispatching = dispatching
        self._requests = requests
        self._clock = clock

    def __call__(self, log: Logger) -> int:
        """Start a run of each request whose attempt died, whose pause is over or which was never dispatched.

        How many there were. What cannot be seen to now is left to the next sweep.
        """
        found = 0
        for shard in SHARDS:
            try:
                keys = self._left_behind(shard, self._clock())
            except StoreError as exc:
                log.error("a shard could not be swept; the next sweep will", error=exc, shard=shard)
                continue
            found += sum(each(lambda key: self._is_seen_to(key, log), keys))
        if found:
            log.warning("requests were left behind; they run again", count=found)
        return found

    def _left_behind(self, shard: str, now: float) -> list[RequestKey]:
        keys = self._requests.due(shard, now=now, limit=SWEPT)
        # What a clock that was set back has put off is rare and may wait: a shard each minute.
        if shard == SHARDS[int(now // 60) % len(SHARDS)]:
            keys += self._requests.misdated(shard, now=now, limit=SWEPT)
        return keys

    def _is_seen_to(self, key: RequestKey, log: Logger) -> bool:
        log = log.bind(request_id=key.request_id)
        now = self._clock()
        try:
            # One that waits for its first attempt may just have to wait longer, when Lambda is busy: not again for
            # each sweep. Of the others only so many can be due as were running.
            outcome = self._requests.apply(key, lifecycle.postpone(now=now))
        except StoreError as exc:
            log.error("a request could not be seen to; the next sweep will", error=exc)
            return False
        if isinstance(outcome, Refused):
            current = outcome.current
            if current is None or current.status is Status.PENDING or not lifecycle.is_due(current.due_at, now):
                return False
        return self._dispatching.is_dispatched(Run(key), log)
