"""What people are told in place of secrets: whose token it was, never the token. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, field

from streamer.observability.redaction import is_sensitive, redact_text

_BEGIN, _END = "\u2039", "\u203a"
"""Quotation marks that no credential has in it."""
HIDDEN: Final = f"{_BEGIN}hidden{_END}"
DEPTH: Final = 40
"""Deepest nesting that is told; DynamoDB allows 32 levels."""
_TOKEN: Final = re.compile(r"(?:eyJ|eyA|ewo|ewk|ew0)[\w-]{4,}={0,2}\.[\w-]*(?:\.[\w-]*)?")
_OFFERS: Final = "sec-websocket-protocol"


class Who(Struct, frozen=True, kw_only=True):
    """Whom a token names, without a look at its signature."""

    user: str = ""
    """Empty: nobody that we could tell."""
    tenant: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)


NOBODY: Final = Who()


def who_of(text: str) -> Who:
    """Whom the first JWT in a text names."""
    found = _TOKEN.search(text)
    if found is None:
        return NOBODY
    payload = found[0].split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return NOBODY
    if not isinstance(claims, dict):
        return NOBODY
    user = claims.get("user_id", claims.get("sub", ""))
    return Who(user=_word(user), tenant=_word(claims.get("tenant_id", "")), claims=claims)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def masked_text(text: str) -> str:
    """The text, with a note in place of each credential."""
    found: list[str] = []
    end = 0
    for token in _TOKEN.finditer(text):
        # Piece by piece: what is told of a token must not be taken for a credential itself.
        found += [redact_text(text[end : token.start()]), _told(token[0])]
        end = token.end()
    return "".join([*found, redact_text(text[end:])])


def masked(value: Any, name: str = "", depth: int = DEPTH) -> Any:
    """A JSON value with a note in place of each credential; ``name`` is that of the member it stands in."""
    if depth == 0:
        return "…"
    lower = name.lower()
    if lower != _OFFERS and is_sensitive(name) and value is not None:
        return _hidden(value)
    match value:
        case str():
            return masked_text(value)
        case Mapping():
            return {masked_text(str(key)): masked(item, str(key), depth - 1) for key, item in value.items()}
        case list() | tuple():
            return [masked(item, name if lower == _OFFERS else "", depth - 1) for item in value]
        case _:
            return value


def _hidden(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    found = _TOKEN.search(text)
    return HIDDEN if found is None else _told(found[0])


def _told(token: str) -> str:
    user = who_of(token).user
    return f"{_BEGIN}token of {user}{_END}" if user else f"{_BEGIN}token{_END}"
