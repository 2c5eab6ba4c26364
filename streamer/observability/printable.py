"""Text that somebody else chose, as it may be printed on a terminal. Pure."""

from __future__ import annotations

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters (C0 but for the tab, DEL, C1), ends of lines, what turns the direction of writing, and halves of
surrogate pairs, which have no UTF-8 form."""


def printable(text: str) -> str:
    """The text on one line, with everything a terminal would obey in it escaped, as Python writes it."""
    return text if text.isprintable() else _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    number = ord(match[0])
    return {10: "\\n", 13: "\\r"}.get(number) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")
