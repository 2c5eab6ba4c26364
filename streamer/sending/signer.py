"""AWS Signature Version 4 for small requests, such as a message to a connection. Pure: the time is an argument.

Our own, since Lambda brings whatever botocore it likes: a subclass of its signer could break there, out of reach of any
lock file.
[DOC] iam-docs:create-signed-request
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TIMESTAMP: Final = "%Y%m%dT%H%M%SZ"
"""How a request tells its time, in UTC, for `time.strftime`."""
BODY_HASH: Final = "x-amz-content-sha256"
"""The header whose value is signed instead of the body's hash."""
_CHANGED_ON_THE_WAY: Final = frozenset(
    {
        *("connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id", "baggage", "traceparent", "tracestate"),
    }
)
"""Headers that are never signed, as in botocore."""


class SigningKeys(NamedTuple):
    """Credentials, frozen."""

    access_key_id: str
    secret_key: str
    token: str | None = None
    """Of temporary credentials."""


@functools.lru_cache(maxsize=256)
def _canonical_path(path: str) -> str:
    """Without empty and dot segments, and encoded once more. Kept: a connection is often sent several messages."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    slash = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{slash}", safe="/~")


def _canonical_query(query: str) -> str:
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&")) if query else ()
    return "&".join([f"{name}={value}" for name, value in pairs])


def signing_key(secret_key: str, scope: str) -> bytes:
    """What requests of a day, Region and service are signed with; ``scope`` names them: ``.../aws4_request``."""
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


class Signer:
    """Signs for one service in one Region. Safe to share between threads.

    The key of a day, four of the five keyed hashes of a signature, is kept.
    """

    def __init__(self, keys: SigningKeys, service: str, region: str) -> None:
        self.keys = keys
        self._place = f"{region}/{service}/aws4_request"
        """What follows the date in a scope."""
        self._derived: tuple[str, bytes] = ("", b"")

    def sign(self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, timestamp: str) -> dict[str, str]:
        """The headers to send: those given, the time, the token if there is one, and the signature.

        ``headers`` have names in lower case, and ``host`` among them; ``timestamp`` is as `TIMESTAMP` has it.
        """
        target, _, query = url.partition("://")[2].partition("?")
        path = target.partition("/")[2]
        sent = {name: value for name, value in headers.items() if name != "authorization"}
        sent["x-amz-date"] = timestamp
        if self.keys.token is not None:
            sent["x-amz-security-token"] = self.keys.token
        signed = {name: value for name, value in sent.items() if name not in _CHANGED_ON_THE_WAY}
        signature = self.signature(method, f"/{path}", query, signed, body, timestamp=timestamp)
        scope = f"{self.keys.access_key_id}/{timestamp[:8]}/{self._place}"
        names = ";".join(sorted(signed))
        sent["authorization"] = f"{ALGORITHM} Credential={scope}, SignedHeaders={names}, Signature={signature}"
        return sent

    def signature(
        self, method: str, path: str, query: str, signed: Mapping[str, str], body: bytes, *, timestamp: str
    ) -> str:
        """The signature, in hexadecimal digits, over a request with just these headers, by names in lower case."""
        text = self.texts(method, path, query, signed, body, timestamp=timestamp)[1]
        return hmac.digest(self._key(timestamp[:8]), text.encode(), "sha256").hex()

    def texts(
        self, method: str, path: str, query: str, signed: Mapping[str, str], body: bytes, *, timestamp: str
    ) -> tuple[str, str]:
        """What `signature` is made over: the canonical request, and the text that is signed for it."""
        names = sorted(signed)
        lines = "\n".join([f"{name}:{' '.join(signed[name].split())}" for name in names])
        body_hash = signed[BODY_HASH] if BODY_HASH in signed else hashlib.sha256(body).hexdigest()
        target = f"{_canonical_path(path)}\n{_canonical_query(query)}"
        canonical = f"{method.upper()}\n{target}\n{lines}\n\n{';'.join(names)}\n{body_hash}"
        scope = f"{timestamp[:8]}/{self._place}"
        return canonical, f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"

    def _key(self, date: str) -> bytes:
        known, key = self._derived
        if known != date:
            key = signing_key(self.keys.secret_key, f"{date}/{self._place}")
            self._derived = (date, key)
        return key


class CurrentSigner:
    """Signs with credentials that may be refreshed meanwhile. Safe to share between threads."""

    def __init__(self, credentials: Any, service: str, region: str) -> None:
        """``credentials`` are botocore's, which refreshes them when they are asked for."""
        self._credentials = credentials
        self._service = service
        self._region = region
        self._signer: Signer | None = None

    def sign(self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, timestamp: str) -> dict[str, str]:
        """As `Signer.sign`."""
        # A frozen copy: refreshable credentials may change between reading the key and reading its secret.
        frozen = self._credentials.get_frozen_credentials()
        keys = SigningKeys(frozen.access_key, frozen.secret_key, frozen.token)
        signer = self._signer
        if signer is None or signer.keys != keys:
            signer = self._signer = Signer(keys, self._service, self._region)
        return signer.sign(method, url, body, headers, timestamp=timestamp)
