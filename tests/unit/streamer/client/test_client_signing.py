"""What a client signs of its handshake is what it then sends."""

from __future__ import annotations

import re

import pytest
from websockets.headers import build_host
from websockets.uri import parse_uri

from streamer.client import signed_with
from streamer.sending.signer import Signer, SigningKeys


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("wss://a1b2.execute-api.eu-west-1.amazonaws.com/prod", id="a stage"),
        pytest.param("wss://a1b2.execute-api.eu-west-1.amazonaws.com:443/prod", id="the scheme's own port"),
        pytest.param("ws://127.0.0.1:8787/dev?room=a&room=b", id="another port, and a query"),
        pytest.param("ws://[::1]:8787/dev", id="IPv6"),
        pytest.param("wss://WS.Example.com/chat", id="capital letters"),
        pytest.param("wss://ws.example.com", id="a domain without a base path"),
        pytest.param("wss://ws.example.com?room=a", id="a query without a path"),
        pytest.param("wss://ws.example.com?room=a/b", id="a slash in a query without a path"),
    ],
)
def test_the_signature_is_of_what_is_sent(url: str) -> None:
    keys = SigningKeys("AKIDEXAMPLE", "secret", "token")
    headers = signed_with(*keys, region="eu-west-1")(url)

    sent = parse_uri(url)
    path, _, query = sent.resource_name.partition("?")
    signed = {
        "host": build_host(sent.host, sent.port, sent.secure),
        "x-amz-date": headers["x-amz-date"],
        "x-amz-security-token": "token",
    }
    expected = Signer(keys, "execute-api", "eu-west-1").signature(
        "GET", path, query, signed, b"", timestamp=headers["x-amz-date"]
    )
    found = re.search(r"Signature=([0-9a-f]+)", headers["authorization"])
    assert found is not None
    assert found[1] == expected
