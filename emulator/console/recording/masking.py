"""What people are told in place of secrets: whose token it was, never the token. Pure."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from msgspec import Struct, field

from streamer.observability.redaction import REDACTED, is_sensitive, redact_text, tokens
from streamer.protocol.messages import strict_json

from ...foundation.json_bytes import parsed_json

_BEGIN, _END = "\u2039", "\u203a"
"""Quotation marks that no credential has in it."""
HIDDEN: Final = f"{_BEGIN}hidden{_END}"
_TOLD: Final = re.compile(f"{_BEGIN}token[^{_END}]*{_END}")
_NOTE: Final = re.compile(rf"(?:{_BEGIN}|\\u2039)(?:hidden|token)")
DEPTH: Final = 40
"""Deepest nesting that is told; DynamoDB allows 32 levels."""
_OFFERS: Final = "sec-websocket-protocol"
_MEMBER: Final = re.compile(r"""(?P<quote>\\{0,31}["'])(?P<name>[\w.-]{3,64})(?P=quote)\s*:\s*""")
"""The name of a member in a text, also of JSON that is a string in JSON, as the body of an event is; or of Python."""
_PAIR: Final = re.compile(rf"""((?:^|(?<=[?&]))([\w.%-]{{3,64}}))=((?:{_BEGIN}[^{_END}]*{_END}|[^&\s"'\\<>])+)""")
"""A name and its value in a query or in a form, which is nothing else."""
_NAMED: Final = re.compile(
    r"""(?:(?<![\w.%\\:-])|(?<=\\[rnt]))(?P<name>[\w.-]{3,64})(?P<sign>=(?![=>])|\s=\s(?=["'])|:\s?)"""
)
"""A name without quotation marks, as Node.js prints objects and people write lines of a log. What comes after a colon
is none: it is a part of an ARN."""
_NAMED_VALUE: Final = re.compile(
    rf"""\[redacted]|{_BEGIN}[^{_END}]*{_END}|"(?:[^"\\\n]|\\.)*(?:"|$)|'(?:[^'\\\n]|\\.)*(?:'|$)|"""
    r"""[^&\s"'\\<>]*[^&\s"'\\<>,:;)\]}]""",
    re.M,
)
_STEMS: Final = ("token", "secret", "pass", "pwd", "credentials", "apikey", "privatekey", "cookie")
"""Each name of a secret but ``Authorization`` has one of these, as `is_sensitive` reads it; nearly no text has any."""
_PASSWORDS: Final = ("password", "passwd", "pwd", "passphrase")
_OTHER_VALUE: Final = re.compile(r"[^\s,}\]]*")
_NOTHING: Final = frozenset({"null", "None", ""})
HALF: Final = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, which has no form in UTF-8."""
_DECODER: Final = json.JSONDecoder()


class Who(Struct, frozen=True, kw_only=True):
    """Whom a token names, without a look at its signature."""

    user: str = ""
    """Empty: nobody that we could tell."""
    tenant: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)


NOBODY: Final = Who()


def who_of(text: str) -> Who:
    """Whom the first JWT in a text names."""
    found = next(tokens(text), None)
    if found is None:
        return NOBODY
    payload = found["token"].split(".")[1]
    try:
        claims = parsed_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return NOBODY
    if not isinstance(claims, dict):
        return NOBODY
    user = claims.get("user_id", claims.get("sub", ""))
    return Who(user=_word(user), tenant=_word(claims.get("tenant_id", "")), claims=claims)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def has_note(text: str) -> bool:
    """Whether something stands in a text that is told in place of a secret, perhaps as JSON escapes it."""
    return REDACTED in text or _NOTE.search(text) is not None


def masked_text(text: str) -> str:
    """The text, with a note in place of each credential; of JSON that was cut, too."""
    found: list[str] = []
    end = 0
    for token in tokens(text):
        # Piece by piece: what is told of a token must not be taken for a credential itself.
        found += [redact_text(text[end : token.start("token")]), _told(token["token"])]
        end = token.end()
    text = "".join([*found, redact_text(text[end:])])
    bare = text.lower().replace("_", "").replace("-", "")
    has_names = any(stem in bare for stem in _STEMS)
    if has_names or "authorization" in bare:
        text = without_values(text, hides)
    text = _without_pairs(text)
    return _without_named(text) if has_names else text


def without_values(text: str, hides: Callable[[str], bool]) -> str:
    """The text with a note in place of the values of members that ``hides`` is true of."""
    found: list[str] = []
    end = 0
    member = _MEMBER.search(text)
    while member is not None:
        after = member.end()
        if hides(member["name"]):
            value_end = _value_end(text, after, member["quote"])
            if text[after:value_end] not in _NOTHING:
                quote = member["quote"]
                found += [text[end:after], quote, _hidden(text[after:value_end]), quote]
                end = after = value_end
        member = _MEMBER.search(text, after)
    return "".join([*found, text[end:]]) if found else text


def _without_pairs(text: str) -> str:
    """The text with a note in place of the values of such names in a query or a form."""
    if "=" not in text:
        return text
    return _PAIR.sub(lambda found: f"{found[1]}={_hidden(found[3])}" if hides(unquote(found[2])) else found[0], text)


def _without_named(text: str) -> str:
    """The text with a note in place of the values of such names that stand in it as they are."""
    told: list[str] = []
    end = 0
    for named in _NAMED.finditer(text):
        value = _NAMED_VALUE.match(text, named.end()) if named.start() >= end and hides(named["name"]) else None
        if value is None or value[0].strip("\"'") in {*_NOTHING, HIDDEN, REDACTED} or _is_prose(named, value):
            continue
        quote = value[0][0] if value[0][0] in "\"'" else ""
        told += [text[end : named.end()], quote, _hidden(value[0]), quote]
        end = value.end()
    return "".join([*told, text[end:]])


def _is_prose(named: re.Match[str], value: re.Match[str]) -> bool:
    """Whether a word after a colon goes on with a sentence, as in "invalid token: expired", and is no value."""
    if "=" in named["sign"] or not value[0].isalpha():
        return False
    after = value.string[value.end() : value.end() + 2]
    return not named["name"].lower().endswith(_PASSWORDS) or (after[:1] == " " and after[1:].isalpha())


def _value_end(text: str, start: int, quote: str) -> int:
    """Where the value ends that begins here; it is the end of the text where nobody can tell."""
    if text.startswith(quote, start):
        at = text.find(quote, start + len(quote))
        while at > 0 and text[at - 1] == "\\":  # a quotation mark within the value
            at = text.find(quote, at + 1)
        return len(text) if at < 0 else at + len(quote)
    if text[start : start + 1] not in ("{", "["):
        other = _OTHER_VALUE.match(text, start)
        return start if other is None else other.end()
    try:
        return _DECODER.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return len(text)


def hides(name: str) -> bool:
    """Whether nothing is told of the value of a member of this name."""
    return name.lower() != _OFFERS and is_sensitive(name)


def masked(value: Any, name: str = "", depth: int = DEPTH) -> Any:
    """A JSON value with a note in place of each credential; ``name`` is that of the member it stands in.

    A string that holds JSON is looked through as that.
    """
    if depth == 0:
        return "…"
    if value is not None and hides(name):
        return _hidden(value)
    match value:
        case str():
            return _masked_json(value, depth) if value[:1] in ("{", "[") else masked_text(value)
        case float() if not math.isfinite(value):
            return str(value)  # JSON has no number for it
        case Mapping():
            return {masked_text(str(key)): masked(item, str(key), depth - 1) for key, item in value.items()}
        case list() | tuple():
            offers = name if name.lower() == _OFFERS else ""
            return [masked(item, offers, depth - 1) for item in value]
        case _:
            return value


def _masked_json(text: str, depth: int) -> str:
    try:
        value = strict_json(text)
    except ValueError:
        return masked_text(text)  # it only looks like JSON, or was cut
    told = masked(value, depth=depth - 1)
    # As it was where nothing is hidden; of members that are there twice, one was not looked at.
    return masked_text(text) if told == value else _dumped(told)


def _dumped(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # Half a pair can be written in JSON alone, and in no bytes.
    return json.dumps(value, separators=(",", ":")) if HALF.search(text) else text


def _hidden(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    found = next(tokens(text), None)
    if found is not None:
        return _told(found["token"])
    told = _TOLD.search(text)
    return HIDDEN if told is None else told[0]


def _told(token: str) -> str:
    user = who_of(token).user
    return f"{_BEGIN}token of {user}{_END}" if user else f"{_BEGIN}token{_END}"
