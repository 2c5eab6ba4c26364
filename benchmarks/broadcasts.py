"""A message to everyone of a tenant, simulated: the runtime's hub and publisher, and a store that makes rows up.

Counts pages, invocations and what is held at most; time is virtual, at so many messages a second for each function.
Run: .venv/bin/python -m benchmarks.broadcasts [CONNECTIONS ...]
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamer.records import PAGE, ConnectionRecord, Page
from streamer.sending.broadcasts import rest_of
from streamer.sending.hub import Hub
from streamer.sending.publisher import Publisher
from streamer.stores.memory import MemoryConnectionStore, MemorySubscriptionStore
from streamer.testing import FakeClock, Handlers

SENT_PER_SECOND: Final = 1_460
"""What a function with 512 MB sends: 0.20 ms of CPU for each message over TLS, at 0.29 of a CPU."""
SECONDS: Final = (27.0, 895.0)
"""How long a delivery may take in the router, and in the processor."""
ROW_BYTES: Final = 400
"""A connection's row in the index, about."""
SHARDS: Final = MemoryConnectionStore().shards
SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)


@dataclass(kw_only=True)
class Crowd(MemoryConnectionStore):
    """So many connections of one tenant, of which nobody holds more than a page."""

    count: int
    spread_over: int
    given: int = 0
    """Rows that were given out."""

    def __post_init__(self) -> None:
        super().__init__()

    @property
    def shards(self) -> int:
        """As the runtime's stores have it."""
        return self.spread_over

    def of_tenant(
        self, tenant_id: str, shard: int, *, after: str | None = None, limit: int = PAGE
    ) -> Page[ConnectionRecord]:
        """The next numbers of a shard."""
        self.calls.append("Query")
        begin = 0 if after is None else int(after.partition("-")[2]) + 1
        in_shard = len(range(shard, self.count, self.spread_over))
        numbers = range(begin, min(begin + limit, in_shard))
        self.given += len(numbers)
        rows = [_row(f"{shard}-{number}") for number in numbers]
        return Page(rows, rows[-1].connection_id if len(rows) == limit else None)


def _row(connection_id: str) -> ConnectionRecord:
    return ConnectionRecord(
        connection_id=connection_id,
        tenant_id="acme",
        user_id="ada",
        permissions=frozenset(),
        endpoint="https://api.example.com/dev",
        source_ip="203.0.113.7",
        connected_at=0.0,
        expires_at=2**40,
    )


@dataclass
class Counted:
    """What a message to everyone took."""

    delivered: int = 0
    invocations: int = 0
    pages: int = 0
    given_bytes: int = 0
    """Of rows that were read, as DynamoDB counts them, about."""
    held: int = 0
    """Most rows that one invocation had read and not sent to yet."""
    seconds: float = 0.0
    """From the first message to the last."""


@dataclass
class Simulation:
    """One broadcast; it is the sender as well, which takes virtual time for each message."""

    crowd: Crowd
    counted: Counted = field(default_factory=Counted)
    clock: FakeClock = field(default_factory=FakeClock)
    events: deque[tuple[float, Mapping[str, Any]]] = field(default_factory=deque)
    handled: int = 0
    """Rows that were sent to, or given out before this invocation."""

    def run(self, seconds: tuple[float, float] = SECONDS) -> Counted:
        """Deliver to everyone, one invocation after the other; virtually they run side by side."""
        hub, began = self._hub(), self.clock.now
        self._invoked(began, lambda: hub.to_tenant("acme", "1", seconds=seconds[0]).delivered)
        while self.events:
            at, event = self.events.popleft()
            rest = rest_of(event)
            self._invoked(at, lambda rest=rest: hub.to_rest(rest, seconds=seconds[1]).delivered)
        self.counted.given_bytes = self.crowd.given * ROW_BYTES
        self.counted.pages, self.counted.seconds = len(self.crowd.calls), self.counted.seconds - began
        return self.counted

    def send(self, connection_id: str, message: str | bytes) -> None:
        """See `streamer.sending.sender.Sender.send`."""
        self.counted.held = max(self.counted.held, self.crowd.given - self.handled)
        self.handled += 1
        self.clock.now += 1 / SENT_PER_SECOND

    def is_active(self, connection_id: str) -> bool:
        """See `streamer.sending.sender.Sender.is_active`."""
        return True

    def _hub(self) -> Hub:
        handlers = Handlers(connections=self.crowd, subscriptions=MemorySubscriptionStore(), clock=self.clock)
        return Hub(
            connections=self.crowd,
            subscriptions=handlers.subscriptions,
            publisher=Publisher(sender_at=lambda endpoint: self, threads=1, monotonic=self.clock),
            sender_at=lambda endpoint: self,
            log=handlers.log,
            clock=self.clock,
            monotonic=self.clock,
            pass_on=lambda event: self.events.append((self.clock.now, event)),
        )

    def _invoked(self, at: float, deliver: Any) -> None:
        self.clock.now, self.handled = at, self.crowd.given
        self.counted.invocations += 1
        self.counted.delivered += deliver()
        self.counted.seconds = max(self.counted.seconds, self.clock.now)


def simulated(count: int, *, shards: int, seconds: tuple[float, float] = SECONDS) -> Counted:
    """A message to so many connections."""
    return Simulation(Crowd(count=count, spread_over=shards)).run(seconds)


def main() -> None:
    """Print a table."""
    print(f"{'connections':>12}{'delivered':>12}{'invocations':>13}{'queries':>9}{'held at most':>14}{'seconds':>9}")
    for size in map(int, sys.argv[1:]) if len(sys.argv) > 1 else SIZES:
        found = simulated(size, shards=SHARDS)
        print(
            f"{size:>12,}{found.delivered:>12,}{found.invocations:>13}{found.pages:>9,}{found.held:>14,}"
            f"{math.ceil(found.seconds):>9,}"
        )


if __name__ == "__main__":
    main()
