"""IAM's wildcards: ``*`` stands for any characters, none among them, and ``?`` for one. Pure.

[DOC] iam-docs:reference_policies_elements_resource, reference_policies_elements_action
"""

from __future__ import annotations

from collections.abc import Sequence
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


def is_resource(arn: str, pattern: str) -> bool:
    """Whether an ARN is one of those that a statement names: segment by segment, as `is_arn`.

    But an asterisk at the end of a segment reaches across colons. [DOC] iam-docs:reference_policies_elements_resource
    """
    wanted = pattern.split(":", _SEGMENTS - 1)
    return pattern == "*" or _reaches(arn.split(":"), wanted, is_whole=len(wanted) == _SEGMENTS)


def _reaches(parts: Sequence[str], wanted: Sequence[str], *, is_whole: bool) -> bool:
    first, *others = wanted
    is_open = first.endswith("*")
    if not others:
        return (is_whole or is_open or len(parts) == 1) and is_like(":".join(parts), first)
    most = len(parts) - len(others) if is_open else 1
    reached = (count for count in range(1, most + 1) if is_like(":".join(parts[:count]), first))
    return any(_reaches(parts[count:], others, is_whole=is_whole) for count in reached if count < len(parts))


def is_arn(arn: str, pattern: str) -> bool:
    """Whether an ARN matches, segment by segment: a wildcard reaches across colons in the last one alone.

    [DOC] iam-docs:reference_policies_elements_condition_operators, of ARNs
    """
    if pattern == "*":
        return True
    segments, wanted = arn.split(":", _SEGMENTS - 1), pattern.split(":", _SEGMENTS - 1)
    return len(segments) == len(wanted) and all(map(is_like, segments, wanted))
