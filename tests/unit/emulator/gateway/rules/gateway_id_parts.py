"""Takes apart the ids that the gateway makes, and writes AWS's, to compare the two."""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from emulator.gateway.rules.ids import (
    _CONNECTION_EPOCH_TICK,
    _CONNECTION_TICKS,
    _EPOCH_TICK,
    _HOSTS,
    _SERIALS,
    _TICKS,
    TICK_MS,
    Kind,
    _fixed,
    _long,
    _short,
    is_well_formed,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an id is made of."""

    kind: Kind
    tick: int
    region_code: int
    serial: int
    host: int

    def matches(self, epoch_ms: int) -> bool:
        """Whether the id was made in the 100 ms that this time falls into."""
        return self.tick == tick_of(epoch_ms, self.kind)


def tick_of(epoch_ms: int, kind: Kind = Kind.REQUEST) -> int:
    """The 29 bits that stand for this time, or the 35 of a connection."""
    if kind is Kind.CONNECTION:
        return (epoch_ms // TICK_MS - _CONNECTION_EPOCH_TICK) % _CONNECTION_TICKS
    return (epoch_ms // TICK_MS - _EPOCH_TICK) % _TICKS


def encode(parts: Parts) -> str:
    """The id as AWS writes it."""
    fixed = _fixed(parts.kind, parts.region_code, parts.host)
    if parts.kind is Kind.CONNECTION:
        return _long(parts.tick + _CONNECTION_EPOCH_TICK, parts.serial, fixed)
    return _short(parts.tick + _EPOCH_TICK, parts.serial, fixed)


def decode(text: str) -> Parts:
    """The parts of an id.

    Raises:
        ValueError: AWS makes no such id.
    """
    if not is_well_formed(text):
        raise ValueError(f"not an API Gateway id: {text!r}")
    raw = binascii.a2b_base64(text.translate(str.maketrans("-_", "+/")))
    value = int.from_bytes(raw, "big")
    is_connection = len(raw) == 13
    bits = 50 if is_connection else 39
    kind = next((k for k in Kind if k.value == (value >> bits + 15 & 0b1111, value >> 16 & (1 << bits - 31) - 1)), None)
    if (
        kind is None
        or (kind is Kind.CONNECTION) is not is_connection
        or value >> 8 * len(raw) - (not is_connection)
        or value & 0b11
    ):
        raise ValueError(f"no kind of API Gateway id: {text!r}")
    return Parts(
        kind=kind,
        tick=value >> bits + 19,
        serial=value >> bits & (_SERIALS - 1),
        region_code=value >> bits - 15 & 0x7FFF,
        host=value >> 2 & (_HOSTS - 1),
    )
