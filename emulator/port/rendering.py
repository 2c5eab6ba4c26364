"""Messages of HTTP/1.1 as bytes. Pure."""

from __future__ import annotations

import http
from collections.abc import Iterable
from typing import Final

from .http import HttpResponse

REASONS: Final = {status.value: status.phrase for status in http.HTTPStatus}
BODILESS: Final = frozenset({204, 304})
"""Statuses whose answers end with their head (RFC 9110, 6.4.1): bytes after it would begin the next answer."""


def render(response: HttpResponse, *, keep_alive: bool = True, head_only: bool = False) -> bytes:
    """The bytes of an answer; a character of a header that headers cannot have (RFC 9110, 5.5) is a question mark."""
    told = head_only and any(name.lower() == "content-length" for name, _ in response.headers)
    has_length = response.status >= 200 and response.status not in BODILESS and not told
    head = _head(response, f"content-length: {len(response.body)}\r\n" if has_length else "", keep_alive=keep_alive)
    return head if head_only or response.status in BODILESS else head + response.body


def head_of_stream(response: HttpResponse, *, in_chunks: bool, keep_alive: bool) -> bytes:
    """The head of an answer whose body comes in chunks, or ends with the connection."""
    return _head(response, "transfer-encoding: chunked\r\n" if in_chunks else "", keep_alive=keep_alive)


def head_without_offer(method: str, target: str, version: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """The head of a request that offers another protocol, without that: a server may pass over it (RFC 9110, 7.8)."""
    # A client that waits to be asked for its body has been asked.
    kept = [f"{name}: {value}\r\n" for name, value in headers if name.lower() not in ("upgrade", "expect")]
    return "".join([f"{method} {target} HTTP/{version}\r\n", *kept, "\r\n"]).encode("latin-1")


def _head(response: HttpResponse, of_body: str, *, keep_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}\r\n"]
    lines.extend(f"{name}: {value}\r\n" for name, value in response.headers)
    lines.append(of_body)
    lines.append("connection: keep-alive\r\n\r\n" if keep_alive else "connection: close\r\n\r\n")
    return "".join(lines).encode("latin-1", "replace")
