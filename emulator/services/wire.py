"""The frames that the emulator and the process of the services exchange over their socket. Pure.

To the process: ``REQUEST`` (an HTTP request), ``CALLS`` (operations that make what templates describe). Back:
``ANSWER``, one for each of both under its number, and ``DELIVERY``, which comes before the answer to what caused it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ..foundation.json_bytes import json_text

REQUEST: Final = b"R"
CALLS: Final = b"C"
ANSWER: Final = b"A"
DELIVERY: Final = b"D"
_START: Final = struct.Struct("!cIII")


class Frame(NamedTuple):
    """One frame."""

    kind: bytes
    number: int
    """Of the request, chosen by the emulator; 0 for a delivery."""
    head: Mapping[str, Any]
    """What JSON can say."""
    body: bytes = b""


def packed(frame: Frame) -> bytes:
    """The bytes of a frame."""
    head = json_text(frame.head).encode()
    return _START.pack(frame.kind, frame.number, len(head), len(frame.body)) + head + frame.body


class Unpacker:
    """Finds frames in a stream of bytes that arrives in pieces."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole with these bytes."""
        self._received += data
        found = []
        while (frame := self._next()) is not None:
            found.append(frame)
        return found

    def _next(self) -> Frame | None:
        if len(self._received) < _START.size:
            return None
        kind, number, head_size, body_size = _START.unpack_from(self._received)
        end = _START.size + head_size + body_size
        if len(self._received) < end:
            return None
        head = bytes(self._received[_START.size : _START.size + head_size])
        body = bytes(self._received[_START.size + head_size : end])
        del self._received[:end]
        return Frame(kind, number, json.loads(head), body)
