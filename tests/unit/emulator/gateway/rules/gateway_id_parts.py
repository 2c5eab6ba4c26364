"""Takes apart the ids that the gateway makes, and writes AWS's, to compare the two."""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from emulator.gateway.rules.ids import _EPOCH_TICK, _HOSTS, _SERIALS, _TICKS, TICK_MS, Kind, _write, is_well_formed


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
        return self.tick == tick_of(epoch_ms)


def tick_of(epoch_ms: int) -> int:
    """The 29 bits that stand for this time."""
    return (epoch_ms // TICK_MS - _EPOCH_TICK) % _TICKS


def encode(parts: Parts) -> str:
    """The id as AWS writes it."""
    high, byte8 = parts.kind.value
    return _write(parts.tick, high, parts.serial, parts.region_code << 24 | byte8 << 16 | parts.host << 2)


def decode(text: str) -> Parts:
    """The parts of an id.

    Raises:
        ValueError: AWS makes no such id.
    """
    if not is_well_formed(text):
        raise ValueError(f"not an API Gateway id: {text!r}")
    raw = binascii.a2b_base64(text.translate(str.maketrans("-_", "+/")))
    value = int.from_bytes(raw, "big")
    kind = next((k for k in Kind if k.value == (value >> 54 & 0b1111, value >> 16 & 0xFF)), None)
    if kind is None or value >> 87 or value & 0b11:
        raise ValueError(f"no kind of API Gateway id: {text!r}")
    return Parts(
        kind=kind,
        tick=value >> 58,
        serial=value >> 39 & (_SERIALS - 1),
        region_code=value >> 24 & 0x7FFF,
        host=value >> 2 & (_HOSTS - 1),
    )
