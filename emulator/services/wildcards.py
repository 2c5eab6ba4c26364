"""Texts in which a star stands for any characters, in time that grows with the text whatever the stars. Pure.

A regular expression with some stars takes hours for a text that it does not match, which whoever sends it may choose.
"""

from __future__ import annotations

from collections.abc import Iterable


def pieces(signs: Iterable[str]) -> list[str]:
    """What stands before, between and after the stars.

    A sign is ``*``, or what stands for itself, perhaps after a backslash.
    """
    found = [""]
    for sign in signs:
        if sign == "*":
            found.append("")
        else:
            found[-1] += sign.removeprefix("\\") or sign
    return found


def is_made_of(text: str, wanted: list[str]) -> bool:
    """Whether a text is these pieces in their order with any characters between them; a single one is all of it."""
    first, *between = wanted
    if not between:
        return text == first
    last = between.pop()
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in between:
        found = text.find(piece, at, end)  # the first is as good as any that comes later
        if found < 0:
            return False
        at = found + len(piece)
    return True
