"""Which runtimes Lambda makes functions with, and how much it takes of their variables. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

LISTED: Final = (
    *("nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25"),
    *("python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17"),
    *("nodejs16.x", "dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2"),
)
"""As Lambda lists them. [REC] ls-snap test_create_lambda_exceptions"""
NO_MORE: Final = frozenset(
    {
        *("dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "go1.x", "java8", "nodejs", "nodejs10.x"),
        *("nodejs12.x", "nodejs14.x", "nodejs4.3", "nodejs6.10", "nodejs8.10", "provided", "python2.7", "python3.6"),
        *("python3.7", "ruby2.5", "ruby2.7"),
    }
)
"""[DOC] lambda-docs:lambda-runtimes, those that no function can be made or changed with any more"""
_LATER: Final = re.compile(
    r"nodejs\d{2}\.x|python3\.\d{2}|java\d{1,2}\.al\d{4}|java\d{2}|dotnet\d{1,2}|ruby[3-9]\.\d|provided\.al\d{4}"
)
"""What names of runtimes look like that are younger than the list. [DOC] botocore's model of lambda"""


def is_runtime(name: str) -> bool:
    """Whether Lambda has, or may have by now, a runtime of that name with which functions are made."""
    return name not in NO_MORE and (name in LISTED or _LATER.fullmatch(name) is not None)


def measured(variables: Mapping[str, Any]) -> str:
    """Variables as Lambda measures them, in bytes of UTF-8."""
    return json.dumps(variables, separators=(",", ":"), ensure_ascii=False)


def size_of(text: str) -> int:
    """Bytes of what was `measured`."""
    return len(text.encode("utf-8", "replace"))
