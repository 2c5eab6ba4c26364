"""Handshakes signed with credentials of AWS, for services whose ``$connect`` asks for IAM."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from streamer.sending.signer import TIMESTAMP, Signer, SigningKeys


def signed_with(
    access_key_id: str, secret_access_key: str, session_token: str | None = None, *, region: str
) -> Callable[[str], Mapping[str, str]]:
    """What a client signs its handshakes with (SigV4), to be given to `StreamerClient` as ``sign``.

    Args:
        access_key_id: Of a user or a session that may ``execute-api:Invoke`` the API.
        secret_access_key: Its secret.
        session_token: Of temporary credentials; None: they are not temporary.
        region: Where the API is.
    """
    signer = Signer(SigningKeys(access_key_id, secret_access_key, session_token), "execute-api", region)

    def sign(url: str) -> Mapping[str, str]:
        timestamp = time.strftime(TIMESTAMP, time.gmtime())
        signed = signer.sign("GET", url, b"", {"host": _host(url)}, timestamp=timestamp)
        return {name: value for name, value in signed.items() if name != "host"}

    return sign


def _host(url: str) -> str:
    """What the handshake will say: in lower case, without the scheme's own port or what stands before an "@"."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    usual = 443 if parts.scheme == "wss" else 80
    return host if parts.port in (None, usual) else f"{host}:{parts.port}"
