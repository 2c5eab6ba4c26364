"""Names of streams, which templates read without all that serves streams. Pure."""

from __future__ import annotations

import re
from typing import Final

_ARN: Final = re.compile(r"arn:aws[\w-]*:kinesis:[\w-]+:\d{12}:stream/(?P<name>[^/]+)(?:/consumer/.*)?")


def stream_name(arn: str) -> str | None:
    """The stream of an ARN, also of one of its consumers; None: it is another ARN."""
    found = _ARN.fullmatch(arn)
    return None if found is None else found["name"]
