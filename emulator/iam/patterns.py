"""IAM's wildcards: ``*`` stands for any characters, none among them, and ``?`` for one. Pure.

[DOC] iam-docs:reference_policies_elements_resource, reference_policies_elements_action
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

_SEGMENTS: Final = 6
"""``arn:partition:service:region:account:resource``; colons of the resource are its own."""
_BEFORE_PARTS: Final = ("", "/", ":")
"""What may follow the ARN of a resource in the ARN of a part of it: an object, an index, a version."""


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
    return pattern == "*" or _Reach(arn, pattern.split(":", _SEGMENTS - 1)).fits(0, 0)


class _Reach:
    """An ARN and the segments wanted of it, in whose comparison no place is tried twice for a segment.

    An ARN can have hundreds of colons, as keys of S3 do, and a pattern several segments that reach across them.
    """

    def __init__(self, arn: str, wanted: Sequence[str]) -> None:
        self._parts = arn.split(":")
        self._wanted = wanted
        self._hopeless = [len(self._parts)] * len(wanted)
        """For each segment, from which part on it and what follows it are known to fit nowhere."""

    def fits(self, at: int, index: int) -> bool:
        """Whether the parts from one on are the segments from one on."""
        segment = self._wanted[index]
        is_open = segment.endswith("*")
        if index == len(self._wanted) - 1:
            is_enough = is_open or index == _SEGMENTS - 1 or at == len(self._parts) - 1
            return is_enough and self._is_like(at, len(self._parts), segment)
        if not is_open:
            is_like_this = at + 1 < len(self._parts) and self._is_like(at, at + 1, segment)
            return is_like_this and self.fits(at + 1, index + 1)
        # What an open segment reaches, it reaches with more, too.
        ends = range(at + 1, len(self._parts))
        first = bisect_left(ends, True, key=lambda end: self._is_like(at, end, segment))
        return first < len(ends) and self._fits_from(ends[first], index + 1)

    def _fits_from(self, least: int, index: int) -> bool:
        fits = any(self.fits(at, index) for at in range(least, self._hopeless[index]))
        if not fits:
            self._hopeless[index] = min(least, self._hopeless[index])
        return fits

    def _is_like(self, at: int, end: int, segment: str) -> bool:
        return is_like(":".join(self._parts[at:end]), segment)


def is_arn(arn: str, pattern: str) -> bool:
    """Whether an ARN matches, segment by segment: a wildcard reaches across colons in the last one alone.

    [DOC] iam-docs:reference_policies_elements_condition_operators, of ARNs
    """
    if pattern == "*":
        return True
    segments, wanted = arn.split(":", _SEGMENTS - 1), pattern.split(":", _SEGMENTS - 1)
    return len(segments) == len(wanted) and all(map(is_like, segments, wanted))


def is_within(arn: str, whole: str) -> bool:
    """Whether an ARN is that of a resource, or of a part of it."""
    return arn.startswith(whole) and arn[len(whole) :][:1] in _BEFORE_PARTS
