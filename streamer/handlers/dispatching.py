"""Starts runs for what the stream says.

It runs no request itself, so none holds up another (``docs/decisions/0006``, ``0008``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from streamer.errors import DispatchError
from streamer.observability import Logger
from streamer.requests.runs import RowChange, Run

if TYPE_CHECKING:
    from streamer.requests.dispatcher import Dispatcher

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE: Final = 16
"""Most invocations started at the same time."""


class Dispatching:
    """Starts runs; see the module."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def stream(self, changes: Sequence[RowChange], log: Logger) -> list[dict[str, str]]:
        """Start the runs that changes call for; the result names the records that must come again."""
        wanted = [(change.sequence_number, run) for change in changes if (run := change.run) is not None]
        dispatched = each(lambda entry: self.is_dispatched(entry[1], log), wanted)
        return [
            {"itemIdentifier": number}
            for (number, _), is_dispatched in zip(wanted, dispatched, strict=True)
            if not is_dispatched
        ]

    def is_dispatched(self, run: Run, log: Logger) -> bool:
        """Start a run; False, and a line in the log, if that was not possible."""
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


def each(act: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """What ``act`` makes of each thing, several at a time, in their order."""
    things = list(things)
    if len(things) <= 1:
        return [act(thing) for thing in things]
    with ThreadPoolExecutor(min(AT_ONCE, len(things))) as pool:
        return list(pool.map(act, things))
