"""IAM's wildcards: ``*`` stands for any characters, none among them, and ``?`` for one. Pure.

[DOC] iam-docs:reference_policies_elements_resource, reference_policies_elements_action
"""

from __future__ import annotations

from typing import Final

_SEGMENTS: Final = 6
"""``arn:partition:service:region:account:resource``; colons of the resource are its own."""


def is_like(text: str, pattern: str) -> bool:
    """Whether the text matches, casing included, in linear-ish time whatever the pattern."""
    at = text_at = 0
    star, resume = -1, 0
    while text_at < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, text_at
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[text_at]):
            at += 1
            text_at += 1
        elif star >= 0:
            resume += 1
            at, text_at = star + 1, resume
        else:
            return False
    return all(character == "*" for character in pattern[at:])


def is_action(action: str, pattern: str) -> bool:
    """Whether an action such as ``dynamodb:PutItem`` matches; casing does not matter."""
    return is_like(action.lower(), pattern.lower())


def is_arn(arn: str, pattern: str) -> bool:
    """Whether an ARN matches, segment by segment: a wildcard reaches across colons in the last one alone."""
    if pattern == "*":
        return True
    segments, wanted = arn.split(":", _SEGMENTS - 1), pattern.split(":", _SEGMENTS - 1)
    return len(segments) == len(wanted) and all(map(is_like, segments, wanted))
