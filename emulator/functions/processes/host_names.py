"""Leads AWS's host names to the emulator, in a function that runs in Python.

Loaded by `bootstrap`, by path; it imports nothing of the emulator. Code that knows AWS by name alone (an address made
of an API's id, ``domainName``, a client that reads no variables) finds what is there, and nothing reaches AWS.
"""

from __future__ import annotations

import socket
from typing import Any


def lead(told: str) -> None:
    """Have AWS's names looked up, and connected to, as home.

    Args:
        told: ``HOST PORT SUFFIX...``: where home is, and the ends of the names that lead there.
    """
    host, port, *rest = told.split()
    ends, look_up, connect = tuple(rest), socket.getaddrinfo, socket.socket.connect
    by_name, all_by_name, connect_or_say = socket.gethostbyname, socket.gethostbyname_ex, socket.socket.connect_ex

    def leads(name: Any) -> bool:
        text = name.decode("ascii", "replace") if isinstance(name, bytes) else name
        return isinstance(text, str) and text.lower().rstrip(".").endswith(ends)

    def led(address: Any) -> Any:
        return (host, int(port)) if isinstance(address, tuple) and leads(address[0]) else address

    def getaddrinfo(  # noqa: PLR0917 - its callers' order
        name: Any,
        service: Any,
        family: int = 0,
        type: int = 0,  # noqa: A002 - its name there
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        if leads(name):
            return look_up(host, port, 0, type, proto)
        return look_up(name, service, family, type, proto, flags)

    def connected(self: socket.socket, address: Any) -> None:
        connect(self, led(address))

    def connected_or_said(self: socket.socket, address: Any) -> int:
        return connect_or_say(self, led(address))

    socket.getaddrinfo = getaddrinfo  # type: ignore[assignment]
    socket.gethostbyname = lambda name: by_name(host if leads(name) else name)
    socket.gethostbyname_ex = lambda name: all_by_name(host if leads(name) else name)
    socket.socket.connect = connected  # type: ignore[method-assign, assignment]
    socket.socket.connect_ex = connected_or_said  # type: ignore[method-assign, assignment]
