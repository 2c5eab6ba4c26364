"""Targets of requests, as clients of a proxy write them and as everybody else does. Pure."""

from __future__ import annotations

import re
from typing import Final

ABSOLUTE: Final = ("http://", "https://")
"""Begin the targets that clients of a proxy send."""
_PATH: Final = re.compile(r"[/?].*")


def in_origin_form(
    target: str, headers: list[tuple[str, str]], fields: dict[str, str]
) -> tuple[str, list[tuple[str, str]], dict[str, str]]:
    """A request with a path for its absolute target, whose host stands above the header's (RFC 9112, 3.2.2).

    Takes and answers the target, the headers in order, and those by lower-case name.
    """
    rest = target.partition("://")[2]
    path = rest.removeprefix(host := _PATH.sub("", rest))
    others = [(name, host if name.lower() == "host" else value) for name, value in headers]
    return path if path.startswith("/") else f"/{path}", others, {**fields, "host": host}
