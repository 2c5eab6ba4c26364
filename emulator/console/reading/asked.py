"""What a request to the console says besides its path. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from ...foundation.json_bytes import parsed_json
from ...port.http import HttpRequest
from ..recording.masking import HALF

_REQUIRED: Final = object()
_NAMES: Final = {str: "a text", int: "a number", list: "a list", dict: "an object"}


class BadRequestError(Exception):
    """The request cannot be answered; ``status`` is that of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Asked(Struct, frozen=True):
    """Its query and its body. What it has not, or has in another form, raises BadRequestError."""

    query: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, request: HttpRequest) -> Asked:
        """Of several values of a name, the last."""
        return cls(dict(request.query), request.body)

    def text(self, name: str) -> str:
        """A word of the query; empty: it is not there."""
        return self.query.get(name, "")

    def words(self, name: str) -> tuple[str, ...]:
        """Words with commas between them."""
        return tuple(word for word in self.text(name).split(",") if word)

    def number(self, name: str, default: int) -> int:
        """A number of the query."""
        text = self.text(name)
        if text and not (text.isascii() and text.isdecimal() and len(text) < 16):
            raise BadRequestError(400, f"{name} is not a number: {text[:40]}")
        return int(text) if text else default

    def seconds(self, name: str) -> float:
        """A time of the query, 0 if it is not there."""
        try:
            found = float(self.text(name) or 0)
        except ValueError:
            found = -1.0
        if not 0 <= found < 1e6:
            raise BadRequestError(400, f"{name} is not a number of seconds: {self.text(name)[:40]}")
        return found

    def body_of(self) -> dict[str, Any]:
        """The body, a JSON object."""
        try:
            found: Any = parsed_json(self.body or b"{}")
        except ValueError as error:
            raise BadRequestError(400, f"the body is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise BadRequestError(400, "the body is not a JSON object")
        return found

    def field(self, name: str, kind: Any, default: Any = _REQUIRED) -> Any:
        """A member of the body of that kind, or the default where it is not there."""
        value = self.body_of().get(name, default)
        if value is default and default is not _REQUIRED:
            return value
        if not isinstance(value, kind) or isinstance(value, bool):
            first = kind[0] if isinstance(kind, tuple) else kind
            raise BadRequestError(400, f"{name} has to be {_NAMES.get(first, 'something else')}")
        if isinstance(value, str) and HALF.search(value):
            raise BadRequestError(400, f"{name} has half a surrogate pair, which no text that is sent can have")
        if isinstance(value, float) and not math.isfinite(value):
            raise BadRequestError(400, f"{name} has to be a finite number")
        return value
