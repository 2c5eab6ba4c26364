"""Headers of answers: those that every one has, and those that can be sent. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from streamer.topology.http_kinds import HttpKind

from .events import Asked

Headers = tuple[tuple[str, str], ...]
CONTENT_TYPE: Final = "content-type"
TRACE: Final = "X-Amzn-Trace-Id"
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SCALARS: Final = (str, int, float, bool)


class MalformedError(ValueError):
    """A function's result is no answer; the text says why."""


def own_headers(asked: Asked) -> Headers:
    """The headers that every answer has."""
    if asked.api.kind is HttpKind.HTTP:
        return (("apigw-requestid", asked.request_id),)  # [REC] cortexlabs/cortex #1225
    headers = (("x-amzn-RequestId", asked.uuid), (TRACE, asked.trace_root))
    return headers if asked.api.kind is HttpKind.URL else (*headers, ("x-amz-apigw-id", asked.request_id))


def sendable(name: str, value: Any) -> tuple[str, str]:
    """A header as it can be sent; raises MalformedError if it cannot."""
    if not isinstance(value, _SCALARS) and value is not None:
        raise MalformedError(f"the header {name} has a value that is no text")
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    if _NAME.fullmatch(name) is None or any(sign in text for sign in "\r\n\0"):
        raise MalformedError(f"{name!r} is no header that could be sent")
    return name, text.encode("utf-8", "replace").decode("latin-1")
