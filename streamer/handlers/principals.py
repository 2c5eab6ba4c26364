"""Who is behind a connection: read from the store once, then remembered by the execution environment."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from streamer.errors import ActionError, ErrorCode
from streamer.principal import Principal
from streamer.stores.protocols import ConnectionStore

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
