"""Requests and answers of HTTP, whichever of its versions a client speaks, and how much and how long it may take."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote

from msgspec import Struct, field

from ..foundation import log
from .streaming import Rest

BODY_BYTES: Final = 128 * 1024 * 1024
"""Largest request body, which is held in memory: what clients upload to S3. Others have narrower limits."""
TOO_LARGE: Final = "the emulator takes no request body that large; SDKs send objects of S3 in parts"
REQUEST_SECONDS: Final = 30.0
"""How long a client may take to send a request, from its first byte to its last; then 408."""
KEEP_ALIVE_SECONDS: Final = 600.0
"""Silence between two requests after which a connection is closed."""
FORM: Final = "application/x-www-form-urlencoded"
LINGER_SECONDS: Final = 2.0
"""How long what a refused client still sends is thrown away before it is cut off."""


class HttpRequest(Struct, frozen=True):
    """One request, as received."""

    method: str
    target: str
    """Path and query, still percent-encoded."""
    headers: tuple[tuple[str, str], ...]
    """Name and value in the client's order and casing."""
    body: bytes
    peer: str
    """The client's IP address."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Lower-case name to the last value of that header."""
    is_tls: bool = False
    is_old: bool = False
    """Whether the client speaks HTTP/1.0, which knows no chunks."""

    @property
    def path(self) -> str:
        """The path, percent-decoded once."""
        return unquote(self.raw_path)

    @property
    def raw_path(self) -> str:
        """The path, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query's names and values, decoded, in order, repeats and blanks included."""
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)

    @property
    def has_form(self) -> bool:
        """Whether its body is a form of names and values, as of services that are asked by queries."""
        return self.fields.get("content-type", "").startswith(FORM)

    @property
    def form(self) -> list[tuple[str, str]]:
        """The query, and the names and values of a body that is a form, without its blanks."""
        return [*self.query, *parse_qsl(self.body.decode("utf-8", "replace"))]


class HttpResponse(Struct, frozen=True):
    """One answer; ``content-length`` is added when it is written, except to one that tells what GET would answer."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    rest: Rest | None = None
    """What follows the body, of an answer that was given later; None: that was all of it."""

    @classmethod
    def of_json(
        cls, status: int, content: Any, *headers: tuple[str, str], kind: str = "application/json"
    ) -> HttpResponse:
        """An answer with a JSON body, whose content type is ``kind``."""
        return cls(status, json.dumps(content).encode(), (("content-type", kind), *headers))


Answer: TypeAlias = HttpResponse | Awaitable[HttpResponse]
"""At once, or later."""
Handler = Callable[[HttpRequest], Answer]
"""Answers a request; an exception is answered with 500 and logged."""


def failure(request: HttpRequest, error: Exception) -> HttpResponse:
    """What is answered when a handler fails, which is logged."""
    log.error("request failed", error=error, method=request.method, path=request.raw_path)
    return HttpResponse.of_json(500, {"message": "Internal server error"})
