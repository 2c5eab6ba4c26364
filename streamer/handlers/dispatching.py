"""Starts runs: for what the stream says, and, on a schedule, for requests that nobody sees to.

Neither runs a request itself, so no request holds up another (``docs/decisions/0006``, ``0008``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from streamer.errors import DispatchError, StoreError
from streamer.observability import Logger
from streamer.records import SHARDS, RequestKey, Status
from streamer.requests import lifecycle
from streamer.requests.dispatcher import Dispatcher
from streamer.requests.lifecycle import Refused
from streamer.requests.runs import RowChange, Run
from streamer.stores.protocols import RequestStore

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE: Final = 16
"""Most invocations started at the same time."""
SWEPT: Final = 250
"""Most requests of a shard that one sweep sees to; the next one sees to the rest."""


class Dispatching:
    """Starts runs; see the module."""

    def __init__(self, *, requests: RequestStore, dispatcher: Dispatcher, clock: Callable[[], float]) -> None:
        self._requests = requests
        self._dispatcher = dispatcher
        self._clock = clock

    def stream(self, changes: Sequence[RowChange], log: Logger) -> list[dict[str, str]]:
        """Start the runs that changes call for; the result names the records that must come again."""
        wanted = [(change.sequence_number, run) for change in changes if (run := change.run) is not None]
        dispatched = _each(lambda entry: self._is_dispatched(entry[1], log), wanted)
        return [
            {"itemIdentifier": number}
            for (number, _), is_dispatched in zip(wanted, dispatched, strict=True)
            if not is_dispatched
        ]

    def sweep(self, log: Logger) -> int:
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
            found += sum(_each(lambda key: self._is_seen_to(key, log), keys))
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
        return self._is_dispatched(Run(key), log)

    def _is_dispatched(self, run: Run, log: Logger) -> bool:
        try:
            self._dispatcher.dispatch(run)
        except DispatchError as exc:
            log.error(
                "a request could not be dispatched; the stream or the sweep will bring it again",
                request_id=run.key.request_id,
                error=exc,
            )
            return False
        return True


def _each(act: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """What ``act`` makes of each thing, several at a time, in their order."""
    things = list(things)
    if len(things) <= 1:
        return [act(thing) for thing in things]
    with ThreadPoolExecutor(min(AT_ONCE, len(things))) as pool:
        return list(pool.map(act, things))
