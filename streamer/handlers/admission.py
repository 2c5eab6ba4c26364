"""Who is behind a connection, and whether it may do what it asks for within the App's limits.

Messages are counted in memory, by each execution environment for itself, so that a quick action costs no DynamoDB call.
Concurrent requests are counted in DynamoDB, by the very call that stores a request (``docs/decisions/0009``).
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from streamer.context import Principal
from streamer.errors import ActionError, ErrorCode
from streamer.handlers.call import Call
from streamer.limits import Buckets, Limits
from streamer.records import RequestKey, RequestRecord, Slots
from streamer.requests.lifecycle import Created, Duplicate, Full, is_final

if TYPE_CHECKING:
    from streamer.stores.protocols import ConnectionStore, RequestStore

CAPACITY: Final = 4096
"""Connections remembered; the ones not heard of for longest are forgotten first."""


class Principals:
    """The principals of connections. Safe to share between threads.

    Never stale: a connection keeps the identity it was opened with, and its id is never used again. One that is not
    known is not remembered.
    """

    def __init__(self, connections: ConnectionStore, *, capacity: int = CAPACITY) -> None:
        self._connections = connections
        self._capacity = capacity
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Principal] = OrderedDict()

    def of(self, connection_id: str) -> Principal:
        """Whose connection it is, with at most one read of the store.

        Raises:
            ActionError: it has no row (UNAUTHORIZED).
            StoreError: the store did not answer.
        """
        with self._lock:
            known = self._known.get(connection_id)
            if known is not None:
                self._known.move_to_end(connection_id)
                return known
        record = self._connections.get(connection_id)
        if record is None:
            raise ActionError("this connection is not known; connect again", code=ErrorCode.UNAUTHORIZED)
        principal = Principal(user_id=record.user_id, tenant_id=record.tenant_id, permissions=record.permissions)
        with self._lock:
            self._known[connection_id] = principal
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
        return principal


RETRY_SECONDS: Final = 1.0
"""When to try again a request that was one too many; nobody knows when one of the others ends."""


class Limiting:
    """See the module. Safe to share between threads."""

    def __init__(
        self, limits: Limits, *, requests: RequestStore, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits
        self._requests = requests
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._buckets = Buckets()

    def admit(self, call: Call) -> None:
        """Count a message.

        Raises:
            ActionError: it is one too many.
        """
        owner = call.own(call.message.request_id).owner
        self._take(
            "messages_per_second_per_connection",
            self._limits.messages_per_second_per_connection,
            f"connection {call.origin.connection_id}",
        )
        self._take("messages_per_second_per_user", self._limits.messages_per_second_per_user, f"user {owner}")

    def create(self, record: RequestRecord, *, now: float) -> Created | Duplicate:
        """Store a new request, if its user and connection may have one more: one call, and three more at each limit.

        Raises:
            ActionError: they may not.
            ItemTooLargeError: as `RequestStore.create`.
        """
        slots = self._slots(record)
        outcome = self._requests.create(record, now=now, slots=slots)
        for _ in slots:  # one set of slots may be full behind the other
            if isinstance(outcome, Full) and self._freed(record, outcome):
                outcome = self._requests.create(record, now=now, slots=slots)
        if isinstance(outcome, Full):
            name = outcome.slots.name
            raise _too_many(name, f"{len(outcome.request_ids)} requests are running already", RETRY_SECONDS)
        return outcome

    def _take(self, name: str, per_second: float | None, bucket: str) -> None:
        if per_second is None:
            return
        with self._lock:
            retry_seconds = self._buckets.take(bucket, per_second, now=self._monotonic())
        if retry_seconds is not None:
            raise _too_many(name, f"at most {per_second:g} messages a second", retry_seconds)

    def _slots(self, record: RequestRecord) -> Sequence[Slots]:
        limits = self._limits
        found = []
        if limits.concurrent_requests_per_user is not None:
            found.append(Slots("concurrent_requests_per_user", "#user", limits.concurrent_requests_per_user))
        if limits.concurrent_requests_per_connection is not None:
            item = f"#connection#{record.connection_id}"
            found.append(Slots("concurrent_requests_per_connection", item, limits.concurrent_requests_per_connection))
        return found

    def _freed(self, record: RequestRecord, full: Full) -> bool:
        """Give back the slots of requests that are over by now: nobody did when they ended, to save that call."""
        statuses = self._requests.statuses([RequestKey(record.owner, one) for one in full.request_ids])
        over = frozenset(key.request_id for key, status in statuses.items() if status is None or is_final(status))
        if over:
            self._requests.release(record.owner, full.slots, over)
        return bool(over)


def _too_many(limit: str, what: str, retry_seconds: float) -> ActionError:
    # Rounded up, so that whoever waits that long does not come too early.
    retry_after = math.ceil(retry_seconds * 1000) / 1000
    return ActionError(
        f"too much at once ({what}); try again in {retry_after:g} s",
        code=ErrorCode.RATE_LIMITED,
        details={"limit": limit, "retry_after": retry_after},
        retryable=True,
    )
