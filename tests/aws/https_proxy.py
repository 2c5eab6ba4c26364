"""Lets handlers reach ``https://{domainName}/{stage}`` of MiniStack, which has neither TLS nor names in the DNS.

It is a proxy that functions are told of by ``HTTPS_PROXY``: it takes the part of whatever host they ask for, with a
certificate that they trust by ``AWS_CA_BUNDLE``, and hands the requests to MiniStack as they are.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import trustme

SECONDS = 30


class _Connection(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        host = self.rfile.readline().split()[1].decode().partition(":")[0]
        while self.rfile.readline().strip():
            pass
        self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with (
            self.server.context(host).wrap_socket(self.connection, server_side=True) as client,
            socket.create_connection(self.server.upstream, SECONDS) as upstream,
        ):
            back = threading.Thread(target=_carry, args=(upstream, client), daemon=True)
            back.start()
            _carry(client, upstream)
            back.join(SECONDS)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, upstream: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.upstream = upstream
        self.ca = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, host: str) -> ssl.SSLContext:
        if host not in self._contexts:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.ca.issue_cert(host).configure_cert(context)
            self._contexts[host] = context
        return self._contexts[host]


@contextmanager
def https_proxy(url: str, folder: Path) -> Iterator[dict[str, str]]:
    """The variables that functions need, while the block runs; ``url`` is MiniStack's."""
    parts = urlsplit(url)
    with _Server((str(parts.hostname), int(parts.port or 80))) as server:
        bundle = folder / "proxy-ca.pem"
        server.ca.cert_pem.write_to_path(str(bundle))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield {"HTTPS_PROXY": f"http://127.0.0.1:{server.server_address[1]}", "AWS_CA_BUNDLE": str(bundle)}
        finally:
            server.shutdown()
            thread.join(SECONDS)
