"""botocore's SigV4 signer for many small requests, such as a message to a connection: a third of the CPU time each."""

from __future__ import annotations

import functools
import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth
from botocore.utils import normalize_url_path

_UNSIGNED: Final = frozenset(SIGNED_HEADERS_BLACKLIST)


class Headers(dict[str, str]):
    """Headers by lower-case name, one value each; botocore's parse e-mail.

    One can be looked up, set and deleted under any casing, which is all that botocore's signer does, besides listing
    them. They are made from names in lower case.
    """

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name.lower() if isinstance(name, str) else name)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a header, or the default."""
        return super().get(name.lower(), default)

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name.lower(), value)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name.lower())


class Unsigned:
    """What the signer looks at of a request; botocore's own class prepares the body anew at every look."""

    __slots__ = ("body", "context", "headers", "method", "params", "url")

    def __init__(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str] | Iterable[tuple[str, str]]
    ) -> None:
        """``headers`` have names in lower case, and ``host`` among them."""
        self.method = method
        self.url = url
        self.body = body
        self.params = None
        self.context: dict[str, str] = {}
        self.headers = Headers(headers)


@functools.lru_cache(maxsize=256)
def _normalized(path: str) -> str:
    """A path in its canonical form. Kept, since a connection is often sent several messages in a row."""
    return str(quote(normalize_url_path(path), safe="/~"))


class Signer(SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """Keeps the key that it derives for a day: four of its five keyed hashes. Safe to share between threads."""

    _derived: tuple[str, bytes] = ("", b"")

    def headers_to_sign(self, request: Unsigned) -> Headers:
        """The headers that are signed, as botocore chooses them."""
        return Headers([(name, value) for name, value in request.headers.items() if name not in _UNSIGNED])

    def canonical_headers(self, headers_to_sign: Headers) -> str:
        """Names and values in the names' order, runs of blanks made one."""
        return "\n".join([f"{name}:{' '.join(headers_to_sign[name].split())}" for name in sorted(headers_to_sign)])

    def signed_headers(self, headers_to_sign: Headers) -> str:
        """Their names in order."""
        return ";".join(sorted(headers_to_sign))

    def _normalize_url_path(self, path: str) -> str:
        return _normalized(path)

    def signature(self, string_to_sign: str, request: Unsigned) -> str:
        """The signature, in hexadecimal digits."""
        date = request.context["timestamp"][:8]
        known, key = self._derived
        if known != date:
            key = f"AWS4{self.credentials.secret_key}".encode()
            for part in (date, self._region_name, self._service_name, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._derived = (date, key)
        return hmac.digest(key, string_to_sign.encode(), "sha256").hex()
