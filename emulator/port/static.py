"""Web pages beside the API, for development: a folder's files, the JavaScript client, and a token for its own pages.

What a page of another origin, or one under a rebound name, gets of it is 403 (`origin`); the token is only given for a
POST, of which such a page could not read the answer. Files come from inside the folder alone, and none that is hidden.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from .http import BODY_BYTES, Answer, HttpRequest, HttpResponse
from .origin import foreign_origin, is_own_site

TOKEN_PATH: Final = "/.streamer/token"  # noqa: S105 - where one is given, not one
CLIENT_PREFIX: Final = "/streamer-ws/"
CLIENT_FOLDER: Final = Path(__file__).parents[2] / "clients" / "javascript" / "src"
"""Beside the emulator in a checkout, and in a wheel, where both are below ``streamer``."""
INDEX: Final = "index.html"
NO_SUCH_FILE: Final = HttpResponse.of_json(
    404, {"message": "Not Found: there is no such file in the folder of --static"}
)
"""What is answered where there is neither a file nor an API."""
KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""What browsers are told; not asked of the machine, whose list differs from others'."""
_PART: Final = re.compile(r"[^.\\\0/:][^\\\0/:]*")
"""A name in a path: not hidden, not a way up, not a drive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What is served beside the API."""

    folder: Path
    token: Callable[[], str] | None = field(repr=False)
    """Makes a token for a page; None: the service verifies tokens in a way that we have no key for."""

    def token_answer(self, request: HttpRequest, address: str) -> HttpResponse:
        """The token, for a page of our own origin."""
        if (refusal := _refusal(request, address)) is not None:
            return refusal
        if self.token is None:
            message = "the service verifies tokens with a key that the emulator does not have"
            return HttpResponse.of_json(409, {"message": message})
        return HttpResponse.of_json(200, {"token": self.token()}, ("cache-control", "no-store"))

    async def file(
        self,
        request: HttpRequest,
        address: str,
        otherwise: Callable[[HttpRequest], Answer],
    ) -> HttpResponse:
        """The file that a path names; what ``otherwise`` answers where there is none."""
        if (refusal := _refusal(request, address)) is not None:
            return refusal
        found = self.place(request.path)
        content = None if found is None else await asyncio.to_thread(_content, *found)
        if content is None:
            answer = otherwise(request)
            return answer if isinstance(answer, HttpResponse) else await answer
        body, name = content
        kind = KINDS.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
        headers = (("content-type", kind), ("cache-control", "no-cache"), ("x-content-type-options", "nosniff"))
        return HttpResponse(200, body, headers)

    def place(self, path: str) -> tuple[Path, PurePosixPath] | None:
        """The folder and the path in it that a request's path means; None: it can mean none."""
        folder, below = self.folder, path.removeprefix("/")
        if path.startswith(CLIENT_PREFIX):
            folder, below = CLIENT_FOLDER, path.removeprefix(CLIENT_PREFIX)
        parts = [part for part in below.split("/") if part]
        if not all(_PART.fullmatch(part) for part in parts):
            return None
        return folder, PurePosixPath(*parts)


def _refusal(request: HttpRequest, address: str) -> HttpResponse | None:
    """A 403 for whoever is not a page of ours; browsers say where a request is from (Fetch Metadata)."""
    is_visit = request.method == "GET" and request.fields.get("sec-fetch-mode") == "navigate"
    if not is_own_site(request) and not is_visit:
        return HttpResponse.of_json(403, {"message": "Forbidden: this is for pages of the emulator's own origin"})
    return foreign_origin(request, address)


def _content(folder: Path, below: PurePosixPath) -> tuple[bytes, str] | None:
    """A file's bytes and name; None: there is none, or a link leads out of the folder."""
    try:
        root = folder.resolve(strict=True)
        file = (root / below).resolve(strict=True)
        if file.is_dir():
            file = (file / INDEX).resolve(strict=True)
        if not file.is_relative_to(root) or not file.is_file() or file.stat().st_size > BODY_BYTES:
            return None
        if any(part.startswith(".") for part in file.relative_to(root).parts):
            return None  # a link to a hidden file is one as well
        return file.read_bytes(), file.name
    except (OSError, ValueError):
        return None
