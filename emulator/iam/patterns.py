"""IAM's wildcards: ``*`` stands for any characters, none among them, and ``?`` for one. Pure.

[DOC] iam-docs:reference_policies_elements_resource, reference_policies_elements_action
"""

from __future__ import annotations

import functools
import re
from typing import Final

_SEGMENTS: Final = 6
"""``arn:partition:service:region:account:resource``; colons of the resource are its own."""


@functools.lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(character) or re.escape(character) for character in pattern), re.DOTALL)


def is_like(text: str, pattern: str) -> bool:
    """Whether the text matches, casing included."""
    return _expression(pattern).fullmatch(text) is not None


def is_action(action: str, pattern: str) -> bool:
    """Whether an action such as ``dynamodb:PutItem`` matches; casing does not matter."""
    return is_like(action.lower(), pattern.lower())


def is_arn(arn: str, pattern: str) -> bool:
    """Whether an ARN matches, segment by segment: a wildcard reaches across colons in the last one alone."""
    if pattern == "*":
        return True
    segments, wanted = arn.split(":", _SEGMENTS - 1), pattern.split(":", _SEGMENTS - 1)
    return len(segments) == len(wanted) and all(map(is_like, segments, wanted))
