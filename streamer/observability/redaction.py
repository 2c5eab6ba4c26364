"""Makes values safe to log: no token or secret survives, and the result is valid JSON of bounded size. Pure."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

REDACTED: Final = "[redacted]"
STRING_CHARACTERS: Final = 16_384
"""Longest string kept; a CloudWatch Logs event holds 1 MB. [DOC] AmazonCloudWatchLogs: quotas"""
ITEMS: Final = 200
"""Most items kept of one list or object."""
DEPTH: Final = 8
"""Deepest nesting kept."""
_NAMES: Final = 256
"""Most names of fields that are remembered."""
_NAME_CHARACTERS: Final = 64
"""Longest of them: names are few and short where code chose them, and neither where clients did."""

_SENSITIVE_NAMES: Final = frozenset(
    {
        "authorization",
        "cookie",
        "cookies",
        "setcookie",
        "proxyauthorization",
        "secwebsocketprotocol",
        "xapikey",
        "apikey",
    }
)
"""Without the dashes and underscores that they are written with here and there, as are the endings."""
_SENSITIVE_ENDINGS: Final = (
    *("token", "secret", "password", "passwd", "pwd", "passphrase", "credentials"),
    *("privatekey", "secretkey", "secretaccesskey"),
)
# A JWT's header is base64url of `{` and a quote, blank or line break, so it cannot start in any other way.
_JWT_BEGIN: Final = re.compile("eyJ|eyA|ewo|ewk|ew0")
_JWT: Final = re.compile(
    rf"(?<![\w-])(?P<before>(?>[\w-]*?(?={_JWT_BEGIN.pattern})))(?P<token>[\w-]{{7,}}+={{0,2}}\.[\w-]*(?:\.[\w-]*)?)"
)
"""A token, and what stands before it in the same word: looked for once in each, since clients send very long ones."""
_AUTHORIZATION: Final = re.compile(
    r"(authorization[\"']?\s*(?:=|:|%3d)(?!\s*[\"']?\[redacted])\s*\[?[\"']?)"
    r"(?:(?:bearer|basic|digest)(?:\s|\+|%20)+)?[^\s\"'&,\]})]+",
    re.I,
)
_BEARER: Final = re.compile(r"\b(bearer)([ .+]|%20)[\w.~+/=-]{8,}", re.I)

_HEADER_LINE: Final = re.compile(
    r"((?:(?<![\w-])|(?<=\\[rnt]))(?:(?:set-)?cookie|x-api-key|x-amz-security-token):\s*[\"']?)[^\r\n\"'\\]+", re.I
)
"""A header as HTTP has it, and as curl is given it: its value is the rest of the line."""
_PASSWORD_OF_URL: Final = re.compile(r"(://[^\s:/?#@]*:)[^\s/?#@]+(?=@)")
_LINK: Final = re.compile(r"(x-amz-(?:signature|security-token)=)[\w.~%+/=-]+", re.I)


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without JWTs, ``Authorization`` values, bearer tokens, passwords in URLs and secrets that are given.

    Lines of headers lose cookies and API keys.
    """
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    # Looking first is several times cheaper than substituting, and nearly every string is innocent.
    if _may_have_tokens(text):
        text = _JWT.sub(rf"\g<before>{REDACTED}", text)
    lower = text.lower()
    if "authorization" in lower:
        text = _AUTHORIZATION.sub(rf"\g<1>{REDACTED}", text)
    if "bearer" in lower:
        text = _BEARER.sub(rf"\g<1>\g<2>{REDACTED}", text)
    if "cookie:" in lower or "-key:" in lower or "-token:" in lower:
        text = _HEADER_LINE.sub(rf"\g<1>{REDACTED}", text)
    if "@" in text and "://" in text:
        text = _PASSWORD_OF_URL.sub(rf"\g<1>{REDACTED}", text)
    if "x-amz-s" in lower:
        text = _LINK.sub(rf"\g<1>{REDACTED}", text)
    return text


def tokens(text: str) -> Iterator[re.Match[str]]:
    """The JWTs of a text, each as the group ``token`` of a match."""
    return _JWT.finditer(text) if _may_have_tokens(text) else iter(())


def _may_have_tokens(text: str) -> bool:
    return "." in text and _JWT_BEGIN.search(text) is not None


def is_sensitive(name: str) -> bool:
    """Whether a field of this name holds a credential, whatever its value looks like."""
    bare = name.lower().replace("_", "").replace("-", "")
    return bare in _SENSITIVE_NAMES or bare.endswith(_SENSITIVE_ENDINGS)


def loggable(value: Any, secrets: Sequence[str] = (), depth: int = DEPTH) -> Any:
    """A JSON value that says the same without what must not be logged. Never raises for what it is given."""
    match value:
        case None | bool():
            return value
        case str():
            return _safe(value, secrets)
        case int():
            return value if -(2**63) <= value < 2**64 else f"<integer of {value.bit_length()} bits>"
        case float():
            return value if math.isfinite(value) else str(value)
        case bytes() | bytearray() | memoryview():
            return f"<{len(value)} bytes>"
        case Decimal():
            return _number(value)
        case _ if depth == 0:
            return "…"
        case Mapping():
            return _object(value, secrets, depth)
        case list() | tuple() | set() | frozenset():
            return [loggable(item, secrets, depth - 1) for item in list(value)[:ITEMS]]
        case _:
            return _safe(_text(value), secrets)


def _object(value: Mapping[Any, Any], secrets: Sequence[str], depth: int) -> dict[str, Any]:
    content = {}
    for name, item in list(value.items())[:ITEMS]:
        safe_name, is_secret = _name(_text(name), secrets)
        content[safe_name] = REDACTED if is_secret and item is not None else loggable(item, secrets, depth - 1)
    return content


def _name(name: str, secrets: Sequence[str]) -> tuple[str, bool]:
    """A field's name without what must not be logged, and whether its value must not be either."""
    if len(name) > _NAME_CHARACTERS:
        return _safe(name, secrets), is_sensitive(name)
    return _remembered(name, tuple(secrets))


@functools.lru_cache(_NAMES)
def _remembered(name: str, secrets: tuple[str, ...]) -> tuple[str, bool]:
    """As `_name`: every line has the same names, and to look at one takes longer than at its value."""
    return _safe(name, secrets), is_sensitive(name)


def _number(value: Decimal) -> int | float | str:
    if not value.is_finite() or abs(value.adjusted()) > 18:
        return str(value)[:40]
    return int(value) if value == value.to_integral_value() else float(value)


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - any object may be logged, and logging it must not fail the request
        return f"<unprintable {type(value).__name__}>"


def _safe(text: str, secrets: Sequence[str]) -> str:
    # Shortened last: a secret that is cut in two would no longer be recognised.
    safe = redact_text(text[: 2 * STRING_CHARACTERS], secrets)
    if len(text) <= STRING_CHARACTERS:
        return safe
    return f"{safe[:STRING_CHARACTERS]}… ({len(text)} characters)"
