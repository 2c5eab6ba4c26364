"""Who may read the console and what a request must look like: decided before anything is looked at. Pure.

Pages of other origins, names that were rebound to this machine, and programs without the token get nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from typing import Final

from ..port.http import HttpRequest, HttpResponse
from ..port.origin import foreign_origin, is_own_site

PREFIX: Final = "/_streamer"
"""Where the console is on the emulator's port; no stage may have this name."""
STAGE: Final = PREFIX.removeprefix("/")
API: Final = f"{PREFIX}/api/"
BODY_BYTES: Final = 64 * 1024 * 1024
"""Largest body of a request: whatever was exported, which is 32 MB of texts as JSON. AWS takes less: 16 MB of items.
[DOC] DynamoDB API, BatchWriteItem"""


def is_for_console(request: HttpRequest) -> bool:
    """Whether a request is one to the console."""
    path = request.raw_path
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def is_for_api(request: HttpRequest) -> bool:
    """Whether it needs the token: all but the page's own files."""
    return request.raw_path.startswith(API)


def refused(request: HttpRequest, *, address: str, token: str, allowed: Collection[str] = ()) -> HttpResponse | None:
    """Why a request is not answered; None: it may be.

    Args:
        request: One that `is_for_console`.
        address: The emulator's own ``host:port``.
        token: What a caller of the API has to know.
        allowed: Further names under which the emulator is reached.
    """
    if (foreign := foreign_origin(request, address, allowed)) is not None:
        return foreign
    if request.method == "OPTIONS":
        return _answer(403, "the console answers no other origins")
    if not _may_ask(request):
        return _answer(403, "another site may not use the console")
    if request.method not in ("GET", "HEAD", "POST"):
        return _answer(405, f"there is nothing to {request.method}")
    return _refused_to_call(request, token) if is_for_api(request) else None


def _may_ask(request: HttpRequest) -> bool:
    if is_own_site(request):
        return True
    # Following a link, or the file that `streamer console` opens: the page comes up, empty until it has the token.
    is_followed = (request.fields.get("sec-fetch-mode"), request.fields.get("sec-fetch-dest")) == (
        "navigate",
        "document",
    )
    return is_followed and request.method == "GET" and not is_for_api(request)


def _refused_to_call(request: HttpRequest, token: str) -> HttpResponse | None:
    scheme, _, given = request.fields.get("authorization", "").partition(" ")
    known = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())
    if scheme.lower() != "bearer" or not known:
        return _answer(401, "the console's token is missing or wrong: open it by `streamer console`")
    if request.method != "POST":
        return None
    if request.fields.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return _answer(415, "a POST has to be application/json")
    return _answer(413, f"over {BODY_BYTES} bytes") if len(request.body) > BODY_BYTES else None


def headers(socket_urls: Collection[str]) -> tuple[tuple[str, str], ...]:
    """What every answer carries; ``socket_urls`` are the addresses that the page may open WebSockets to."""
    connect = " ".join(("'self'", *socket_urls))
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src {connect}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return (
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    )


def _answer(status: int, message: str) -> HttpResponse:
    return HttpResponse.of_json(status, {"message": message})
