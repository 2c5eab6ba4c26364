"""Tokens of services in text files, known by how they begin: code that has them would take them to Lambda. Pure.

Each pattern is the form that the service itself gives its tokens, so that neither hashes nor names, which have no
digits, look like one; what is plainly made up for a document is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_PATTERNS: Final[Mapping[str, bytes]] = {
    "a token of GitHub": rb"gh[pousr]_(?=[A-Za-z]*[0-9])[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
    "a token of GitLab": rb"gl(?:pat|dt|rt|ptt)-[A-Za-z0-9_-]{20,}",
    "a token of Slack": rb"xox[abeoprs]-(?:[0-9]+-){1,4}[A-Za-z0-9]{16,}|xapp-[0-9]-[A-Z0-9]+-[0-9]+-[a-f0-9]{32,}",
    "a webhook of Slack": rb"hooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,}",
    "a key of Stripe": rb"[rs]k_live_(?=[A-Za-z]*[0-9])[A-Za-z0-9]{16,}",
    "a token of npm": rb"npm_(?=[A-Za-z]*[0-9])[A-Za-z0-9]{36}",
    # The beginning of each is the macaroon's location: the host of the index, or of its test instance.
    "a token of PyPI": rb"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,}",
    "an API key of Google": rb"AIza[A-Za-z0-9_-]{35}",
    "an API key of Anthropic": rb"sk-ant-[a-z0-9]+-[A-Za-z0-9_-]{40,}",
    "an API key of OpenAI": rb"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}",
    "an API key of SendGrid": rb"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
    "a token of Hugging Face": rb"hf_[A-Za-z]{34}",
    "a token of DigitalOcean": rb"do[opr]_v1_[a-f0-9]{64}",
}
_TOKENS: Final = {
    kind: re.compile(rb"(?<![A-Za-z0-9_-])(?:" + pattern + rb")(?![A-Za-z0-9_-])")
    for kind, pattern in _PATTERNS.items()
}
_BEGINNINGS: Final = re.compile(
    rb"gh[pousr]_|github_pat_|gl(?:pat|dt|rt|ptt)-|xox[abeoprs]-|xapp-|hooks\.slack|[rs]k_live_|npm_|pypi-AgE|AIza|sk-"
    rb"|SG\.|hf_|do[opr]_v1_|AKIA|ASIA"
)
_AWS: Final = "an access key of AWS with its secret"
_KEY_ID: Final = re.compile(rb"(?<![A-Za-z0-9])A[KS]IA[A-Z2-7]{16}(?![A-Za-z0-9])")
_AWS_SECRET: Final = re.compile(rb"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_NEAR: Final = 300
"""How far from a key id its secret may stand, in bytes; the id alone is not secret."""
_MADE_UP: Final = re.compile(rb"example|xxxx|placeholder|123456789|abcdefgh|your[_-]", re.IGNORECASE)
_VARIETY: Final = 10
"""Fewer different characters than this has nothing random of 16 and more."""
_BINARY_WITHIN: Final = 8192


@dataclass(frozen=True, slots=True)
class Token:
    """Where one stands; what it is never leaves this module."""

    line: int
    """From 1."""
    kind: str
    """Such as ``a token of GitHub``."""


def tokens(content: bytes) -> list[Token]:
    """The tokens in a file, in the order of its lines; in a binary one there are none to be known."""
    if b"\0" in content[:_BINARY_WITHIN]:
        return []
    found = {Token(content.count(b"\n", 0, start) + 1, kind) for start, kind in _places(content)}
    return sorted(found, key=lambda each: (each.line, each.kind))


def _places(content: bytes) -> Iterator[tuple[int, str]]:
    # Each pattern begins like one of these, and looking for all at once takes a fraction of the time.
    for start in (found.start() for found in _BEGINNINGS.finditer(content)):
        for kind, pattern in _TOKENS.items():
            found = pattern.match(content, start)
            if found is not None and _is_random(found[0]):
                yield start, kind
        key_id = _KEY_ID.match(content, start)
        if key_id is not None and _is_random(key_id[0]):
            around = content[max(0, start - _NEAR) : key_id.end() + _NEAR]
            if any(_is_aws_secret(found[0]) for found in _AWS_SECRET.finditer(around)):
                yield start, _AWS


def _is_random(text: bytes) -> bool:
    return len(set(text)) >= _VARIETY and _MADE_UP.search(text) is None


def _is_aws_secret(text: bytes) -> bool:
    """Whether 40 characters are no hash, which has one casing, and no path, which has no digits or only words."""
    kinds = (rb"[a-z]", rb"[A-Z]", rb"[0-9]")
    return _is_random(text) and all(len(re.findall(kind, text)) > 2 for kind in kinds)
