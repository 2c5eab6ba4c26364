"""An App behind an identity provider: its keys are read over HTTP, by the environment of ``$connect``, once."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from rsa_keys import FIRST, SECOND
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.app import App
from streamer.handlers.jwks import FRESH_SECONDS, TIMEOUT_SECONDS, PublishedKeys, fetch

ISSUER = "https://idp.example.com/"
ELSEWHERE = "https://elsewhere.example.com/"


class Provider(ThreadingHTTPServer):
    """Publishes a key and counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked = 0
        self.says: bytes | None = None
        """Said instead, before it hangs up."""


class Answers(BaseHTTPRequestHandler):
    """The document."""

    def do_GET(self) -> None:
        assert isinstance(self.server, Provider)
        self.server.asked += 1
        if self.server.says is not None:
            self.wfile.write(self.server.says)
            return
        key = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(FIRST.public_key())), "kid": "k1", "use": "sig"}
        body = json.dumps({"keys": [key]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def token(key: RSAPrivateKey, key_id: str, **changes: str) -> str:
    claims = {"sub": "ada", "custom:tenant": "acme", "iss": ISSUER, "aud": "chat", "exp": time.time() + 60, **changes}
    return jwt.encode(claims, key, "RS256", headers={"kid": key_id})


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n{", id="half an answer"),
        pytest.param(b"220 mail.example.com ESMTP\r\n", id="no HTTP"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_known_keys_go_on_counting_when_the_provider_breaks_off(provider: Provider, says: bytes) -> None:
    seconds = 0.0
    published = PublishedKeys(f"http://127.0.0.1:{provider.server_port}/jwks.json", monotonic=lambda: seconds)
    assert published("k1") is not None
    provider.says, seconds = says, FRESH_SECONDS

    assert published("k1") is not None
    assert provider.asked == 2


def test_a_provider_that_refuses_is_let_go_of(provider: Provider) -> None:
    provider.says = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"

    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        fetch(f"http://127.0.0.1:{provider.server_port}/")

    assert refused.value.closed


def test_a_provider_that_sends_little_by_little_is_not_waited_for(provider: Provider) -> None:
    seconds = iter([0.0, TIMEOUT_SECONDS])

    with pytest.raises(TimeoutError, match="longer than 5 seconds"):
        fetch(f"http://127.0.0.1:{provider.server_port}/jwks.json", monotonic=lambda: next(seconds))


def test_connections_are_let_in_by_published_keys_without_a_request_for_each(
    provider: Provider, tmp_path: Path
) -> None:
    environment = {
        "JWT_JWKS_URL": f"http://127.0.0.1:{provider.server_port}/jwks.json",
        "JWT_ISSUER": ISSUER,
        "JWT_AUDIENCE": "chat",
        "JWT_TENANT_CLAIM": "custom:tenant",
    }
    topology = App().topology(target="streamer.demo:app", environment=environment)
    config = EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path / "state", isolation="inline")
    with EmulatorThread(topology, config) as emulator:
        for _ in range(20):
            with connect(f"{emulator.websocket_url}?Authorization={token(FIRST, 'k1')}", open_timeout=60):
                pass
        assert provider.asked == 1
        wrong = (token(FIRST, "k1", aud="mail"), token(FIRST, "k1", iss=ELSEWHERE))
        for bad in (token(SECOND, "k1"), token(FIRST, "k2"), *wrong):
            with (
                pytest.raises(InvalidStatus) as caught,
                connect(f"{emulator.websocket_url}?Authorization={bad}", open_timeout=60),
            ):
                pass
            assert caught.value.response.status_code == 401

    assert provider.asked <= 2  # a key that is unknown has them read anew, once a minute at most
