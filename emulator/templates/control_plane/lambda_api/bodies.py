"""What Lambda refuses of a request's body before it looks at it: what is of another type than its model says. Pure."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from ....foundation.modelled import fault_of
from ....foundation.shapes import model_of
from ..query import ApiError

_SERVICE: Final = "lambda"
_VARIABLE: Final = re.compile(r"\\\{\w+\\\}")


def refuse_types(method: str, path: str, content: dict[str, Any]) -> None:
    """Raise ApiError if a member of a body is of another type; members that are null are taken out.

    [INF] as other services of AWS; what is missing is told with the rules of each operation
    """
    operation = next(
        (name for told, pattern, name in _operations() if told == method and pattern.fullmatch(path)), None
    )
    fault = None if operation is None else fault_of(_SERVICE, operation, content)
    if fault is not None and fault.text:
        raise ApiError("SerializationException", fault.text)


@cache
def _operations() -> list[tuple[str, re.Pattern[str], str]]:
    paths = model_of(_SERVICE).paths()
    return [
        (method, re.compile(_VARIABLE.sub("[^/]+", re.escape(path.partition("?")[0].rstrip("/"))) + "/?"), name)
        for name, (method, path) in paths.items()
    ]
