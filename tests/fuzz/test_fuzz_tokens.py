"""Whatever a token says: who it is, if our key signed exactly that, and else a refusal; no other exception."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from fuzzing import cases

from streamer.auth import mint, principal_of
from streamer.errors import AuthError
from streamer.settings import Settings

NOW = 1_800_000_000.0
SECRET = "s" * 32
SETTINGS = Settings(jwt_secret=SECRET)
CLAIMS = {"user_id": "ada", "tenant_id": "acme", "permissions": ["a"], "iat": int(NOW), "exp": int(NOW) + 60}


def encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def signed(head: Any, payload: Any, secret: str = SECRET) -> bytes:
    text = b".".join(
        encoded(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (head, payload)
    )
    return text + b"." + encoded(hmac.new(secret.encode(), text, hashlib.sha256).digest())


HS256 = {"alg": "HS256", "typ": "JWT"}
CORPUS = [
    mint(SECRET, user_id="ada", tenant_id="acme", permissions=(), now=NOW, expires_in_seconds=60).encode(),
    signed(HS256, CLAIMS),
    signed({"alg": "none"}, CLAIMS).rpartition(b".")[0] + b".",
    signed(HS256, CLAIMS, "another secret of 32 characters.."),
    signed({"alg": "HS512"}, CLAIMS),
    b"a.b.c",
    b"..",
    b"",
]
WORDS = [
    b".",
    b"=",
    b"eyJ",
    encoded(b'{"alg":"none"}'),
    encoded(b'{"alg":"HS384"}'),
    b"A" * 5000,
    b"\xff",
    b"\0",
    b"-",
    b"_",
]
PAYLOADS = [json.dumps(CLAIMS).encode(), b"{}", b"[]", b"null", json.dumps(CLAIMS | {"exp": "1e999"}).encode()]
PAYLOAD_WORDS = [
    *(
        b'"exp":',
        b'"user_id":',
        b'"tenant_id":',
        b'"permissions":',
        b'"nbf":',
        b'"iat":',
        b"1e999",
        b"NaN",
        b"Infinity",
    ),
    *(b"[" * 500, b'{"a":' * 300, b"9" * 5000, b"true", b"null", b'""', b"\\ud800", b"\\u0000", b"\xff", b"-1", b"{}"),
]


def test_a_token_that_was_changed_is_refused() -> None:
    good = set(CORPUS[:2])
    for whole, _ in cases(CORPUS, WORDS):
        try:
            principal = principal_of(whole.decode("latin-1"), SETTINGS, NOW)
        except AuthError:
            continue
        # Padding and bits that base64 ignores may differ; what is signed may not.
        assert whole.rpartition(b".")[0] in {token.rpartition(b".")[0] for token in good}
        assert (principal.user_id, principal.tenant_id) == ("ada", "acme")


def test_whatever_is_signed_is_somebody_of_a_tenant_or_refused() -> None:
    for whole, _ in cases(PAYLOADS, PAYLOAD_WORDS):
        try:
            principal = principal_of(signed(HS256, whole).decode(), SETTINGS, NOW)
        except AuthError:
            continue
        assert 0 < len(principal.user_id) <= 256
        assert 0 < len(principal.tenant_id) <= 256
        assert all(isinstance(name, str) for name in principal.permissions)
        json.dumps([principal.user_id, principal.tenant_id], ensure_ascii=False).encode()
