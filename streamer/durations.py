"""Durations as people write them. Pure; apart from ``streamer.auth``, which loads a JWT library."""

from __future__ import annotations

import re
from typing import Final

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([smhdw]?)")
_LONGEST_SECONDS: Final = 100 * 365 * 86_400


def parse_duration(text: str) -> float:
    """Seconds in a duration such as ``90s``, ``15m``, ``24h``, ``7d``, ``2w``; a bare number is seconds.

    Raises:
        ValueError: it is none, not above 0, or over 100 years; the message is one line for the user.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2] or "s"] if match else 0.0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise ValueError(f"{text!r} is not a duration: write a number above 0 and s, m, h, d or w, such as 90s or 24h")
    return seconds
