"""AWS clients for the runtime: botocore alone, one session per process, each client made when it is first wanted."""

from __future__ import annotations

import functools
import threading
from typing import Any, Final

import botocore.session
from botocore.config import Config

CONNECTIONS: Final = 32
"""HTTP connections kept per client; threads beyond that open short-lived ones."""

_LOCK: Final = threading.Lock()


def client(service: str) -> Any:
    """The process's client of an AWS service; endpoint, Region and credentials come from the environment.

    A client may be used by several threads; making one may not be done by several, which the lock sees to.
    """
    with _LOCK:
        return _made(service)


@functools.cache
def _made(service: str) -> Any:
    config = Config(
        # Attempts within a handler's time: a client waits for each of them.
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=2,
        read_timeout=5,
        max_pool_connections=CONNECTIONS,
        tcp_keepalive=True,
        # Requests are made by our own code and covered by tests; checking each costs a tenth of the call.
        parameter_validation=False,
    )
    return _session().create_client(service, config=config)


@functools.cache
def _session() -> botocore.session.Session:
    return botocore.session.Session()
