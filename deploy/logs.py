"""Follow log lines of functions, merged by time. The window is pure; the loop around it asks AWS."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from streamer.settings import parse_duration

from .cloud import Cloud, LogEvent
from .errors import DeployError

LATE_MS: Final = 10_000
"""CloudWatch shows lines out of order while they arrive; each question overlaps the last one by this much."""
SEEN: Final = 10_000
"""Most ids of lines kept to tell repeated ones; lines beyond that within ten seconds may appear twice."""
POLL_SECONDS: Final = 2.0


@dataclass(slots=True)
class Window:
    """Which lines were shown already, and from when to ask for more."""

    start_ms: int
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def new(self, events: Iterable[LogEvent]) -> Iterator[LogEvent]:
        """Those events that were not shown yet."""
        latest = self.start_ms
        for event in events:
            latest = max(latest, event.at_ms - LATE_MS)
            key = f"{event.group} {event.event_id}"
            if key not in self._seen:
                self._seen[key] = None
                yield event
        self.start_ms = latest
        while len(self._seen) > SEEN:
            self._seen.popitem(last=False)


def ago_ms(text: str, now_ms: int) -> int:
    """The moment that ``15m``, ``2h`` or ``1d`` ago was, in Unix milliseconds.

    Raises:
        DeployError: the text is no duration.
    """
    try:
        return now_ms - round(parse_duration(text) * 1000)
    except ValueError as error:
        raise DeployError(f"--since: {error}") from error


def require_function(name: str, known: Collection[str]) -> None:
    """Refuse a function that the service does not have: AWS would only say that there is no such log group.

    Raises:
        DeployError: it has others.
    """
    if name not in known:
        raise DeployError(f"the service has no function {name!r}; it has {', '.join(known)}")


def lines(
    cloud: Cloud,
    groups: Sequence[str],
    window: Window,
    *,
    pattern: str | None,
    follow: bool,
    sleep: Callable[[float], None],
) -> Iterator[LogEvent]:
    """Lines of log groups, the oldest first whichever group they are in; with ``follow``, for ever.

    Raises:
        DeployError: AWS refuses, or there is no such log group.
    """
    while True:
        found = [cloud.log_events(group, start_ms=window.start_ms, pattern=pattern) for group in groups]
        yield from window.new(heapq.merge(*found, key=lambda event: event.at_ms))
        if not follow:
            return
        sleep(POLL_SECONDS)
