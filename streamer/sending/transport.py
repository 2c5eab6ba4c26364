"""HTTP requests over kept-alive connections, each for one thread at a time."""

from __future__ import annotations

import itertools
import os
import select
import socket
import ssl
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from streamer.errors import ConfigurationError
from streamer.sending.http_connection import BadAnswerError, HttpAnswer, HttpConnection, is_target, request_bytes

_PORTS: Final = {"http": 80, "https": 443}
IDLE_CONNECTIONS: Final = 32
"""Connections kept open per origin; more are opened, and closed again, when more threads send at once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    body: bytes = b""
    error_type: str = ""
    """Header ``x-amzn-ErrorType``."""


class NoAnswerError(Exception):
    """The request timed out or the connection failed."""


Exchange = Callable[[str, str, bytes, Mapping[str, str], float], Answer]
"""Makes one HTTP request: method, URL, body, headers, timeout in seconds; raises `NoAnswerError`.

The timeout is that of each step: to connect, to send, and to wait for the next bytes of the answer.
"""


class PooledExchange:
    """Makes requests, without Nagle's delay (http.client's default). Safe to share between threads."""

    def __init__(self, ca_bundle: str | None = None) -> None:
        """Without I/O; ``ca_bundle`` is a file of certificates to trust, None means the SDK's own."""
        self._ca_bundle = ca_bundle
        self._tls: ssl.SSLContext | None = None
        self._process_id = os.getpid()
        self._idle: dict[str, list[HttpConnection]] = {}
        """Origin to connections, the one used last at the end; a service has one endpoint, or a few."""
        weakref.finalize(self, _close, self._idle)

    def __call__(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float
    ) -> Answer:
        """As `Exchange`.

        Raises:
            ConfigurationError: as `answer`.
        """
        try:
            said = self.answer(method, url, body, headers, timeout_seconds)
        except (OSError, BadAnswerError) as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from error
        return Answer(said.status, said.body, said.headers.get("x-amzn-errortype", ""))

    def answer(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float
    ) -> HttpAnswer:
        """All of an answer; the arguments are those of an `Exchange`.

        Raises:
            OSError: the request timed out or the connection failed.
            BadAnswerError: what came is no answer, or not all of one.
            ConfigurationError: that is no URL to send requests to, or the certificates to trust cannot be read.
        """
        if self._process_id != os.getpid():
            self._forget()
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        origin = f"{scheme}://{host}"
        idle = self._idle.setdefault(origin, [])
        if not is_target(f"/{path}"):
            raise ConfigurationError(f"{url!r} is not a URL that requests can be sent to")
        try:
            request = request_bytes(method, f"/{path}", body, headers)
        except ValueError as error:
            raise ConfigurationError(f"the headers of a request to {origin} cannot be sent: {error}") from error
        connection = _reusable(idle, timeout_seconds) or self._new(origin, timeout_seconds)
        is_kept = False
        try:
            connection.send(request)
            said = connection.receive()
            is_kept = connection.is_sent and not said.closes and len(idle) < IDLE_CONNECTIONS
        finally:
            # However it ended, even by an exception that another thread raised here: half an exchange is never reused.
            if is_kept:
                idle.append(connection)
            else:
                connection.close()
        return said

    def _new(self, origin: str, timeout_seconds: float) -> HttpConnection:
        scheme, host, port = _address(origin)
        if scheme == "http":
            return HttpConnection(host, port, timeout_seconds=timeout_seconds)
        if self._tls is None:
            # Loading certificates takes 10 ms or more: once, and not at all for plain HTTP.
            self._tls = _context(self._ca_bundle)
        return HttpConnection(host, port, timeout_seconds=timeout_seconds, tls=self._tls)

    def _forget(self) -> None:
        """In a forked process: leave the connections to the parent, whose requests may be on them."""
        _close(self._idle)
        self._idle.clear()
        self._process_id = os.getpid()


def _address(origin: str) -> tuple[str, str, int]:
    """Scheme, host and port.

    Raises:
        ConfigurationError: it does not name them, or they are not of HTTP.
    """
    try:
        parts = urlsplit(origin)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        is_address = scheme in _PORTS and bool(host.encode("idna")) and not any(parts[2:])
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigurationError(f"{origin!r} is not an HTTP address: http:// or https://, a host, and perhaps a port")
    return scheme, host, _PORTS[scheme] if port is None else port


def _reusable(idle: list[HttpConnection], timeout_seconds: float) -> HttpConnection | None:
    """Take an idle connection which the other side has not closed meanwhile; None: there is none."""
    while idle:
        try:
            connection = idle.pop()
        except IndexError:  # another thread took it
            return None
        # On Lambda, an environment may have been frozen for minutes. What can be read now is the end.
        if connection.sock is not None and not _is_readable(connection.sock):
            connection.set_timeout(timeout_seconds)
            return connection
        connection.close()
    return None


def _is_readable(sock: socket.socket) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([sock], [], [], 0)[0])
    waiting = select.poll()  # takes sockets of any number, and needs no descriptor of its own
    waiting.register(sock, select.POLLIN)
    return bool(waiting.poll(0))


def _close(connections: dict[str, list[HttpConnection]]) -> None:
    for connection in itertools.chain.from_iterable(connections.values()):
        connection.close()


def _context(ca_bundle: str | None) -> ssl.SSLContext:
    if ca_bundle is None:
        from botocore.httpsession import get_cert_path  # noqa: PLC0415 - loads a whole HTTP client

        ca_bundle = get_cert_path(True)
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:
        raise ConfigurationError(f"AWS_CA_BUNDLE names {ca_bundle!r}, which cannot be read: {error}") from error
