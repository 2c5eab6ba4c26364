"""AWS clients for the runtime: botocore alone, one session, each client made when it is first wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import botocore
import botocore.session
from botocore.config import Config

from streamer import __version__

CONNECTIONS: Final = 32
"""HTTP connections kept per client; threads beyond that open short-lived ones."""


class Clients:
    """The clients of one execution environment; endpoints, Region and credentials come from its variables.

    A client may be used by several threads, but making one may not be done by several at once: a lock sees to that.
    """

    def __init__(self, made: Callable[[Any, botocore.session.Session], None] = lambda _client, _session: None) -> None:
        """Without I/O; ``made`` is given each client once, and the session that made it."""
        self._made = made
        self._lock = threading.Lock()
        self._session: botocore.session.Session | None = None
        self._clients: dict[str, Any] = {}

    def get(self, service: str) -> Any:
        """The client of an AWS service such as ``dynamodb``."""
        with self._lock:
            if self._session is None:
                self._session = botocore.session.Session()
            if service not in self._clients:
                client = self._session.create_client(service, config=_config())
                self._made(client, self._session)
                self._clients[service] = client
            return self._clients[service]


def _config() -> Config:
    return Config(
        # Attempts within a handler's time: a client waits for each of them.
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=2,
        read_timeout=5,
        max_pool_connections=CONNECTIONS,
        tcp_keepalive=True,
        # Requests are made by our own code and covered by tests; checking each costs a tenth of the call.
        parameter_validation=False,
        # Without a name of its own, botocore composes a long one twice a call: another tenth.
        user_agent=f"streamer/{__version__} Botocore/{botocore.__version__}",
    )
