"""What is used of http.client's insides: `HTTPConnection.request` hands head and body to `send`, one after the other.

tests/unit/streamer/sending/test_http_client_contract.py tells when a new Python no longer does.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class WholeRequests(http.client.HTTPConnection):
    """Sends head and body of a request together; http.client makes two packets of them, and two awakenings."""

    _held: list[bytes] | None = None
    is_sent = False
    """Whether the other side took all of the last request."""

    def request(
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, Any] = MappingProxyType({}),
        *,
        encode_chunked: bool = False,
    ) -> None:
        """As http.client's, for bodies of bytes."""
        held = self._held = []
        try:
            super().request(method, url, body, headers, encode_chunked=encode_chunked)
        finally:
            self._held = None
        if self.sock is None:
            self.connect()
        try:
            self.send(b"".join(held))
            self.is_sent = True
        except (BrokenPipeError, ConnectionResetError):
            # Who refuses a request need not read its body; the answer may be here all the same.
            self.is_sent = False

    def send(self, data: Any) -> None:
        """Send, unless a request is being put together."""
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)


class WholeTlsRequests(WholeRequests, http.client.HTTPSConnection):
    """The same over TLS."""
