"""The one listening port: accepts connections and tells TLS from plain by their first byte.

User code builds ``https://{domainName}/{stage}`` from an event and clients dial ``ws://``; both must reach the same
port. The first byte is peeked, not read, so the connection can then be given to asyncio's ordinary transports.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from typing import Final, Self

from streamer.errors import ConfigurationError

from ..foundation import log
from ..foundation.tasks import start
from .peers import Address

BACKLOG: Final = 4096
"""Connections the kernel holds for us: a thousand clients that connect at once must not be refused."""
ACCEPTS_PER_TURN: Final = 128
"""Most connections accepted before other work of the event loop gets its turn."""
DEFERRED_SECONDS: Final = 1
"""How long Linux keeps to itself a connection of which nothing came yet. Nearly all send at once, and are then accepted
and looked at in one turn, which saves a twentieth of a connect."""
FIRST_BYTE_SECONDS: Final = 30.0
"""How long a connection may stay silent before it is dropped."""
TLS_HANDSHAKE_SECONDS: Final = 10.0
TLS_CLIENT_HELLO: Final = 0x16
"""First byte of a TLS record that carries a handshake (RFC 8446, 5.1)."""
OPEN_TRANSPORTS: Final = 256
"""Transports that are remembered before the closed ones among them are looked for."""
UNKNOWN_HOST: Final = (socket.EAI_NONAME, socket.EAI_AGAIN)
OUT_OF_FILES: Final = (errno.EMFILE, errno.ENFILE)

Factory = Callable[[bool, str], asyncio.Protocol]
"""Makes the protocol for a new connection, given whether it came over TLS, and the client's IP address."""
Gate = Callable[[Address, Address], Factory | None]
"""Looks at a new connection, by the client's address and ours; answers what is made for it instead, None for those that
may pass."""


class Front:
    """Listens on one port; an async context manager that owns every connection's socket.

    ``first_byte_seconds`` is how long a connection may stay silent before it is dropped. ``gate`` is asked once for
    each connection, when its first byte is there.
    """

    def __init__(
        self,
        factory: Factory,
        *,
        gate: Gate | None = None,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        first_byte_seconds: float = FIRST_BYTE_SECONDS,
    ) -> None:
        self._factory = factory
        self._gate = gate
        self._tls = tls
        self._first_byte_seconds = first_byte_seconds
        self._loop = asyncio.get_running_loop()
        self._silent: dict[socket.socket, asyncio.TimerHandle] = {}
        """Connections whose first byte is waited for."""
        self._starting: set[asyncio.Task[None]] = set()
        self._transports: list[asyncio.Transport] = []
        self._most_transports = OPEN_TRANSPORTS
        self._resting: asyncio.TimerHandle | None = None
        self._socket = bind(host, port)
        self._address: Address = self._socket.getsockname()[:2]
        self.host, self.port = self._address

    async def __aenter__(self) -> Self:
        self._loop.add_reader(self._socket.fileno(), self._accept)
        return self

    def close(self) -> None:
        """Stop listening; idempotent, and all there is to do if it was never entered."""
        if self._resting is not None:
            self._resting.cancel()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    async def __aexit__(self, *_: object) -> None:
        self.close()
        for client in list(self._silent):
            self._drop(client)
        # A task that is cancelled before its first step would leave its socket open.
        await asyncio.sleep(0)
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        for transport in self._transports:
            transport.abort()
        await asyncio.sleep(0)  # sockets are closed in the loop's next turn

    def _accept(self) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                client, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in OUT_OF_FILES:
                    raise
                self._rest()
                return
            client.setblocking(False)
            self._look(client, address[:2])

    def _rest(self) -> None:
        """Stop accepting for a second: there are no file descriptors left, and the backlog keeps the clients."""
        log.error("out of file descriptors; new connections wait (raise the limit with ulimit -n)")
        self._loop.remove_reader(self._socket.fileno())
        self._resting = self._loop.call_later(1.0, self._loop.add_reader, self._socket.fileno(), self._accept)

    def _look(self, client: socket.socket, address: Address) -> None:
        try:
            first = client.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            self._await(client, address)
            return
        except OSError:
            first = b""
        if client in self._silent:
            self._forget(client)
        if not first:
            client.close()
            return
        factory = (self._gate(address, self._address) if self._gate is not None else None) or self._factory
        start(self._starting, self._begin(client, factory, address[0], is_tls=first[0] == TLS_CLIENT_HELLO))

    async def _begin(self, client: socket.socket, factory: Factory, peer: str, *, is_tls: bool) -> None:
        if is_tls and self._tls is None:
            client.close()
            return
        with contextlib.suppress(OSError, ssl.SSLError):  # the client gave up, or does not trust the certificate
            transport, _protocol = await self._loop.connect_accepted_socket(
                lambda: factory(is_tls, peer),
                client,
                ssl=self._tls if is_tls else None,
                ssl_handshake_timeout=min(TLS_HANDSHAKE_SECONDS, self._first_byte_seconds) if is_tls else None,
            )
            self._remember(transport)

    def _remember(self, transport: asyncio.Transport) -> None:
        """Own a transport until it is closed; uvloop's cannot be weakly referenced, so closed ones are swept."""
        self._transports.append(transport)
        if len(self._transports) > self._most_transports:
            self._transports = [each for each in self._transports if not each.is_closing()]
            self._most_transports = max(OPEN_TRANSPORTS, 2 * len(self._transports))

    def _await(self, client: socket.socket, address: Address) -> None:
        if client not in self._silent:
            self._silent[client] = self._loop.call_later(self._first_byte_seconds, self._drop, client)
            self._loop.add_reader(client.fileno(), self._look, client, address)

    def _forget(self, client: socket.socket) -> None:
        self._loop.remove_reader(client.fileno())
        self._silent.pop(client).cancel()

    def _drop(self, client: socket.socket) -> None:
        self._forget(client)
        client.close()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on this address; port 0 takes a free one.

    Raises:
        ConfigurationError: the port is in use, or the address is not one of this machine.
    """
    no_host = ConfigurationError(f"{host!r} is neither an address nor the name of a host")
    if not host:  # the system would take it for all addresses
        raise no_host
    try:
        listening = socket.create_server((host, port), backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"port {port} on {host} is in use (by another emulator?); choose another with --port, or --port 0"
            ) from error
        if isinstance(error, OSError) and error.errno in UNKNOWN_HOST:
            raise no_host from error
        why = str(error.strerror if isinstance(error, OSError) else error).partition(" (while")[0]
        raise ConfigurationError(f"cannot listen on {host} port {port}: {why}") from error
    listening.setblocking(False)
    if hasattr(socket, "TCP_DEFER_ACCEPT"):
        with contextlib.suppress(OSError):  # an emulated kernel may not know it
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFERRED_SECONDS)
    return listening
