"""The sender over real sockets: connections are kept, threads may share it, and TLS is verified."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme

from streamer.errors import SendError
from streamer.sending.sender import ENDPOINT_VARIABLE, ManagementApi, RetryPolicy

ENVIRON = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}
NO_RETRY = RetryPolicy(attempts=1)


class Gateway(http.server.ThreadingHTTPServer):
    """Answers every POST with 200 and remembers from which connection it came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[tuple[str, int], bytes]] = []
        self.hangs_up = False
        """Whether it closes a connection after the answer, without a word."""
        self.closed = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.closed.set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        assert isinstance(self.server, Gateway)
        self.server.seen.append((self.client_address, body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
        self.close_connection = self.server.hangs_up

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = Gateway()
    yield from served(server)


def served(server: Gateway) -> Iterator[Gateway]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_messages_share_one_kept_connection(gateway: Gateway) -> None:
    sender = ManagementApi.from_environ(ENVIRON).at(f"http://127.0.0.1:{gateway.port}/dev")
    for number in range(5):
        sender.send("c=", f"message {number}")

    assert [body for _, body in gateway.seen] == [b"message %d" % number for number in range(5)]
    assert len({address for address, _ in gateway.seen}) == 1


def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again(gateway: Gateway) -> None:
    sender = ManagementApi.from_environ(ENVIRON, retry=NO_RETRY).at(f"http://127.0.0.1:{gateway.port}/dev")
    gateway.hangs_up = True
    sender.send("c=", "first")
    gateway.closed.wait()
    sender.send("c=", "second")

    assert [body for _, body in gateway.seen] == [b"first", b"second"]


def test_threads_share_a_sender(gateway: Gateway) -> None:
    sender = ManagementApi.from_environ(ENVIRON).at(f"http://127.0.0.1:{gateway.port}/dev")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: sender.send("c=", str(number)), range(100)))

    assert sorted(int(body) for _, body in gateway.seen) == list(range(100))


def test_the_environments_endpoint_wins_over_the_events(gateway: Gateway) -> None:
    environ = ENVIRON | {ENDPOINT_VARIABLE: f"http://127.0.0.1:{gateway.port}/dev"}
    ManagementApi.from_environ(environ).at("https://elsewhere.invalid/dev").send("c=", "x")

    assert len(gateway.seen) == 1


def test_nobody_listening_is_a_send_error() -> None:
    server = Gateway()
    server.server_close()

    with pytest.raises(SendError, match="could not reach"):
        ManagementApi.from_environ(ENVIRON, retry=NO_RETRY).at(f"http://127.0.0.1:{server.port}/dev").send("c=", "x")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_gateway(authority: trustme.CA) -> Iterator[Gateway]:
    server = Gateway()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    yield from served(server)


def test_a_certificate_of_the_ca_bundle_is_trusted(tls_gateway: Gateway, authority: trustme.CA, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    sender = ManagementApi.from_environ(ENVIRON | {"AWS_CA_BUNDLE": str(bundle)})
    sender.at(f"https://127.0.0.1:{tls_gateway.port}/dev").send("c=", "x")

    assert [body for _, body in tls_gateway.seen] == [b"x"]


@pytest.mark.parametrize(("hangs_up", "connections"), [(False, 1), (True, 3)])
def test_connections_over_tls_are_kept_unless_the_server_closed_them(
    tls_gateway: Gateway, authority: trustme.CA, tmp_path: Path, hangs_up: bool, connections: int
) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    tls_gateway.hangs_up = hangs_up
    sender = ManagementApi.from_environ(ENVIRON | {"AWS_CA_BUNDLE": str(bundle)}, retry=NO_RETRY)
    for _ in range(3):
        tls_gateway.closed.clear()
        sender.at(f"https://127.0.0.1:{tls_gateway.port}/dev").send("c=", "x")
        if hangs_up:
            tls_gateway.closed.wait()

    assert len({address for address, _ in tls_gateway.seen}) == connections


def test_any_other_certificate_is_not(tls_gateway: Gateway) -> None:
    with pytest.raises(SendError, match="SSL"):
        ManagementApi.from_environ(ENVIRON, retry=NO_RETRY).at(f"https://127.0.0.1:{tls_gateway.port}/dev").send(
            "c", "x"
        )

    assert tls_gateway.seen == []
