"""The public keys that an identity provider publishes (RFC 7517), kept as long as an execution environment lives.

They are read when they are first needed and once an hour; a key that is not among them, as after a rotation, has them
read anew, once a minute at most, so that no client can have requests made. When the provider cannot be reached, the
keys that are known go on counting; while none is known, it is asked again every few seconds.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

from streamer.auth import VerificationKey, key_of_jwk
from streamer.errors import ConfigurationError

FRESH_SECONDS: Final = 3600.0
PAUSE_SECONDS: Final = 60.0
"""Shortest time between two reads, whatever clients send."""
FIRST_PAUSE_SECONDS: Final = 5.0
"""The same while no key is known: until then nobody is let in."""
TIMEOUT_SECONDS: Final = 5.0
"""For a whole document: a provider that sends a byte at a time holds up no handshake longer."""
DOCUMENT_BYTES: Final = 256 * 1024
KEYS: Final = 100

Fetch = Callable[[str], bytes]
"""The content of a URL; raises OSError."""


def fetch(url: str, *, host: str | None = None, monotonic: Callable[[], float] = time.monotonic) -> bytes:
    """Read a URL, which is http or https, and at most a little more than a document may have.

    ``host`` is whom the server is asked as; None: as the URL says. ``monotonic`` is a clock in seconds.

    Raises:
        OSError: it cannot be read.
    """
    ends = monotonic() + TIMEOUT_SECONDS
    headers = {"Accept": "application/json"} | ({} if host is None else {"Host": host})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - settings allow http(s)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            content = bytearray()
            while len(content) <= DOCUMENT_BYTES and (part := answer.read1(DOCUMENT_BYTES)):
                content += part
                if monotonic() >= ends:
                    raise TimeoutError(f"it took longer than {TIMEOUT_SECONDS:.0f} seconds")
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise
    except http.client.HTTPException as error:  # it broke off, or is no HTTP
        raise OSError(f"{type(error).__name__}: {error}") from error
    return bytes(content)


class PublishedKeys:
    """Finds a key by its id; used from one thread at a time or from several."""

    def __init__(self, url: str, *, monotonic: Callable[[], float], fetch: Fetch = fetch) -> None:
        """Read nothing yet. ``monotonic`` is a clock in seconds that only goes forward."""
        self._url = url
        self._monotonic = monotonic
        self._fetch = fetch
        self._keys: Mapping[str | None, VerificationKey] = {}
        self._tried_at: float | None = None
        self._read_at: float | None = None
        self._lock = threading.Lock()

    def __call__(self, key_id: str | None) -> VerificationKey | None:
        """The key with this id; None: the provider publishes none.

        Raises:
            ConfigurationError: no key was ever read.
        """
        with self._lock:
            now = self._monotonic()
            is_stale = self._read_at is None or now - self._read_at >= FRESH_SECONDS
            pause = FIRST_PAUSE_SECONDS if self._read_at is None else PAUSE_SECONDS
            may_try = self._tried_at is None or now - self._tried_at >= pause
            problem = self._read(now) if (is_stale or self._find(key_id) is None) and may_try else None
            if self._read_at is None:
                raise ConfigurationError(f"the keys at {self._url} cannot be read: {problem or 'tried a moment ago'}")
            return self._find(key_id)

    def _find(self, key_id: str | None) -> VerificationKey | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))  # RFC 7515, 4.1.4: an id is optional
        return self._keys.get(key_id)

    def _read(self, now: float) -> str | None:
        self._tried_at = now
        try:
            content = self._fetch(self._url)
        except (OSError, ValueError) as error:
            return str(error)
        try:
            self._keys = _keys_in(content)
        except ValueError as error:
            return str(error)
        self._read_at = now
        return None


def _keys_in(content: bytes) -> dict[str | None, VerificationKey]:
    """Key id to key; keys of other kinds, and for other uses, are left out.

    Raises:
        ValueError: it is no set of keys, or has none that verifies tokens.
    """
    if len(content) > DOCUMENT_BYTES:
        raise ValueError(f"the document is larger than {DOCUMENT_BYTES} bytes")
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError("the document is not JSON") from error
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError('the document has no list of "keys"')  # noqa: TRY004 - of what was read, not of an argument
    found: dict[str | None, VerificationKey] = {}
    for jwk in listed[:KEYS]:
        key = key_of_jwk(jwk) if isinstance(jwk, dict) and isinstance(jwk.get("kid"), str | None) else None
        if key is not None:
            found[jwk.get("kid")] = key
    if not found:
        raise ValueError("the document has no key for RS256 or ES256")
    return found
