"""Ids that sort by time. Pure: time and randomness are arguments."""

from __future__ import annotations

from typing import Final

RANDOM_BYTES: Final = 10
"""Random bytes that `uuid7` needs; 74 of their 80 bits are used."""


def uuid7(now_ms: int, random_bytes: bytes) -> str:
    """A version 7 UUID in its canonical text form: ids made later sort later. RFC 9562, section 5.7.

    Raises:
        ValueError: the time does not fit in 48 bits, or there are not exactly `RANDOM_BYTES` bytes.
    """
    if not 0 <= now_ms < 1 << 48:
        raise ValueError(f"now_ms must fit in 48 bits, not {now_ms}")
    if len(random_bytes) != RANDOM_BYTES:
        raise ValueError(f"uuid7 needs {RANDOM_BYTES} random bytes, not {len(random_bytes)}")
    noise = int.from_bytes(random_bytes, "big")
    version = 0x7000 | (noise >> 68)
    variant_and_rest = 0x8000_0000_0000_0000 | (noise & 0x3FFF_FFFF_FFFF_FFFF)
    digits = f"{(now_ms << 80) | (version << 64) | variant_and_rest:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
