"""Names and ids that CloudFormation would make: ours are the same each time, by stack and logical id. Pure."""

from __future__ import annotations

import hashlib
from typing import Final

from ..functions.variables import uuid4

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
SUFFIX: Final = 12
"""Characters that make a generated name unique. [DOC] cfn-docs:cfn-properties-name"""


def digest(*parts: str, length: int) -> str:
    """Lower-case letters and digits that depend on nothing but the parts."""
    number = int.from_bytes(hashlib.blake2b("\0".join(parts).encode(), digest_size=32).digest())
    text = ""
    while len(text) < length:
        number, rest = divmod(number, 36)
        text += _DIGITS[rest]
    return text


def physical_name(stack: str, logical_id: str, *, longest: int = 64, lower: bool = False) -> str:
    """``stack-Logical-SUFFIX``, with stack and logical id cut where the whole would be too long."""
    suffix = digest(stack, logical_id, length=SUFFIX)
    room = longest - SUFFIX - 2
    kept = logical_id[: max(room - len(stack), room // 2)]
    name = f"{stack[: room - len(kept)]}-{kept}-{suffix if lower else suffix.upper()}"
    return name.lower() if lower else name


def api_id(stack: str, logical_id: str) -> str:
    """Ten characters, as API Gateway's ids."""
    return digest("api", stack, logical_id, length=10)


def uuid(*parts: str) -> str:
    """32 hexadecimal digits in the form of a UUID of version 4."""
    return uuid4(int.from_bytes(hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()))
