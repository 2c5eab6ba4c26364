"""What a request to Lambda calls a function. Pure."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

_NAME: Final = re.compile(
    r"(?:arn:[\w-]+:lambda:[\w-]+:)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[\w-]+)(?::(?P<qualifier>\$LATEST|[\w-]+))?"
)


class FunctionTarget(Struct, frozen=True, kw_only=True):
    """What a request names."""

    function: str
    qualifier: str | None
    """None: not given, which is ``$LATEST``."""

    @property
    def qualified(self) -> str:
        """As `Functions.invoke` takes it."""
        return self.function if self.qualifier is None else f"{self.function}:{self.qualifier}"


def target(path_segment: str, qualifier: str | None) -> FunctionTarget | None:
    """Read a function's name, partial ARN or ARN, each with or without a qualifier; None: it is none of them."""
    match = _NAME.fullmatch(path_segment)
    if match is None:
        return None
    return FunctionTarget(function=match["name"], qualifier=match["qualifier"] or qualifier)
