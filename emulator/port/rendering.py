"""Messages of HTTP/1.1 as bytes. Pure."""

from __future__ import annotations

import functools
import http
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from .http import HttpResponse

REASONS: Final = {status.value: status.phrase for status in http.HTTPStatus}
BODILESS: Final = frozenset({204, 304})
"""Statuses whose answers end with their head (RFC 9110, 6.4.1): bytes after it would begin the next answer."""
_ENDS: Final = str.maketrans("\r\n\0", "???")
"""Characters that would end a header, and begin one, or an answer, of whoever chose them."""
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@functools.lru_cache(maxsize=4)
def http_date(epoch_seconds: int) -> str:
    """A time as headers have it, always in English (RFC 9110, 5.6.7)."""
    at = datetime.fromtimestamp(epoch_seconds, UTC)
    return f"{_DAYS[at.weekday()]}, {at.day:02d} {_MONTHS[at.month - 1]} {at:%Y %H:%M:%S} GMT"


def date_of(response: HttpResponse, now_seconds: int) -> str | None:
    """What an answer's ``Date`` says, which every answer of AWS has, by Unix seconds; None: it says it itself."""
    for name, _ in response.headers:
        if len(name) == len("date") and name.lower() == "date":
            return None
    return http_date(now_seconds)


def render(response: HttpResponse, now_seconds: int, *, keep_alive: bool = True, head_only: bool = False) -> bytes:
    """The bytes of an answer; a character of a header that headers cannot have (RFC 9110, 5.5) is a question mark."""
    told = head_only and any(name.lower() == "content-length" for name, _ in response.headers)
    has_length = response.status >= 200 and response.status not in BODILESS and not told
    of_body = f"content-length: {len(response.body)}\r\n" if has_length else ""
    head = _head(response, now_seconds, of_body, keep_alive=keep_alive)
    return head if head_only or response.status in BODILESS else head + response.body


def head_of_stream(response: HttpResponse, now_seconds: int, *, in_chunks: bool, keep_alive: bool) -> bytes:
    """The head of an answer whose body comes in chunks, or ends with the connection."""
    of_body = "transfer-encoding: chunked\r\n" if in_chunks else ""
    return _head(response, now_seconds, of_body, keep_alive=keep_alive)


def head_without_offer(method: str, target: str, version: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """The head of a request that offers another protocol, without that: a server may pass over it (RFC 9110, 7.8)."""
    # A client that waits to be asked for its body has been asked.
    kept = [f"{name}: {value}\r\n" for name, value in headers if name.lower() not in ("upgrade", "expect")]
    return "".join([f"{method} {target} HTTP/{version}\r\n", *kept, "\r\n"]).encode("latin-1")


def within(text: str) -> str:
    """The name or value of a header with question marks for what would end it (RFC 9110, 5.5)."""
    return text.translate(_ENDS)


def _head(response: HttpResponse, now_seconds: int, of_body: str, *, keep_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}\r\n"]
    if (date := date_of(response, now_seconds)) is not None:
        lines.append(f"Date: {date}\r\n")
    fields = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
    count = len(response.headers)
    if (fields.count("\r"), fields.count("\n"), fields.count("\0")) != (count, count, 0):
        fields = "".join([f"{within(name)}: {within(value)}\r\n" for name, value in response.headers])
    lines.append(fields)
    lines.append(of_body)
    lines.append("connection: keep-alive\r\n\r\n" if keep_alive else "connection: close\r\n\r\n")
    return "".join(lines).encode("latin-1", "replace")
