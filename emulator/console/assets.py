"""The page's files: a fixed table, read when they are first asked for."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Final

from ..port.http import HttpRequest, HttpResponse
from .access import PREFIX

FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    "": "text/plain; charset=utf-8",
}


def asset(request: HttpRequest) -> HttpResponse:
    """A file of the page; 404 for any other name."""
    name = request.raw_path.removeprefix(PREFIX).removeprefix("/") or "index.html"
    if request.raw_path == PREFIX:
        return HttpResponse(308, b"", (("location", f"{PREFIX}/"),))
    if request.method == "POST" or name not in _names():
        return HttpResponse.of_json(404, {"message": f"the console has no file {name}"})
    content, tag, kind = _file(name)
    cached = (("etag", tag), ("cache-control", "no-cache"))
    if request.fields.get("if-none-match") == tag:
        return HttpResponse(304, b"", cached)
    return HttpResponse(200, content, (("content-type", kind), *cached))


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file())


@functools.cache
def _file(name: str) -> tuple[bytes, str, str]:
    path = FOLDER / name
    content = path.read_bytes()
    return content, f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"', _TYPES.get(path.suffix, _TYPES[""])
