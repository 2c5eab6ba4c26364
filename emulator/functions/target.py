"""What a request to Lambda calls a function, and what Lambda says of names that are none. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

_NAME: Final = re.compile(
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?",
    re.ASCII,
)
_QUALIFIER: Final = re.compile(r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+")
"""Lambda's own, as it tells them. [REC] ls-snap test_lambda_api.py, test_function_name_and_qualifier_validation"""
_QUALIFIER_CHARS: Final = 128


class FunctionTarget(Struct, frozen=True, kw_only=True):
    """What a request names."""

    function: str
    qualifier: str | None
    """None: not given, which is ``$LATEST``."""

    @property
    def qualified(self) -> str:
        """As `Functions.invoke` takes it."""
        return self.function if self.qualifier is None else f"{self.function}:{self.qualifier}"


def target(path_segment: str, qualifier: str | None) -> FunctionTarget | None:
    """Read a function's name, partial ARN or ARN, each with or without a qualifier; None: it is none of them."""
    match = _NAME.fullmatch(path_segment)
    if match is None:
        return None
    return FunctionTarget(function=match[11], qualifier=match[13] or qualifier)


def flaws(name: str, qualifier: str | None, invocation_type: str, types: Sequence[str]) -> str | None:
    """What Lambda's validation finds wrong with a request; None: nothing.

    [REC] as `_QUALIFIER`, whose flaws come first; of invocation types [USR] ex-aws/ex_aws #442

    Args:
        name: The function's, as the path has it.
        qualifier: The query's; None: it has none.
        invocation_type: What the request asks for.
        types: The invocation types there are, in AWS's order.
    """
    found = []
    if qualifier is not None and len(qualifier) > _QUALIFIER_CHARS:
        found.append(_flaw("qualifier", qualifier, f"have length less than or equal to {_QUALIFIER_CHARS}"))
    if qualifier is not None and _QUALIFIER.fullmatch(qualifier) is None:
        found.append(_flaw("qualifier", qualifier, f"satisfy regular expression pattern: {_QUALIFIER.pattern}"))
    if _NAME.fullmatch(name) is None:
        found.append(_flaw("functionName", name, f"satisfy regular expression pattern: {_NAME.pattern}"))
    if invocation_type not in types:
        found.append(_flaw("invocationType", invocation_type, f"satisfy enum value set: [{', '.join(types)}]"))
    number = f"{len(found)} validation error{'s' if len(found) > 1 else ''}"
    return f"{number} detected: {'; '.join(found)}" if found else None


def _flaw(member: str, value: str, must: str) -> str:
    return f"Value '{value}' at '{member}' failed to satisfy constraint: Member must {must}"
