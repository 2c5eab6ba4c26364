"""Cuts an environment's output into the events of its log. Pure.

What is printed is cut at the ends of lines. What AWS's runtime client for Python logs comes in frames, on Lambda over a
descriptor of its own, here between the lines: so a record of several lines is one event, and one without an end of line
(each of ``logging.exception``) does not run into the next. [REC] ric (``FramedTelemetryLogSink``)
"""

from __future__ import annotations

from typing import Final

from ..logs import LINE_BYTES

_MARK: Final = b"\xa5\x5a\x00"
"""What each frame begins with; no UTF-8 text does."""
_HEAD_BYTES: Final = 16
"""Type, length of the message and the time in microseconds: 4, 4 and 8 bytes."""
_TIME_BYTES: Final = (b"\x00\x06", b"\x00\x07")
"""What times from 2023 to 2041 begin with, so that other bytes are not taken for a head."""


class Cutter:
    """Takes bytes in any pieces, and gives whole events."""

    def __init__(self) -> None:
        self._rest = b""
        self._frame_bytes: int | None = None
        """What is missing of a frame; None: there is none."""

    def feed(self, data: bytes) -> list[bytes]:
        """The events that are complete now; of longer ones than CloudWatch takes, pieces."""
        self._rest += data
        events: list[bytes] = []
        while self._frame(events) if self._frame_bytes is not None else self._lines(events):
            pass
        return events

    def end(self) -> list[bytes]:
        """What has no end yet, as an event."""
        rest, self._rest, self._frame_bytes = self._rest, b"", None
        return [rest] if rest else []

    def _frame(self, events: list[bytes]) -> bool:
        """Take a frame's message, or a piece of it; whether there may be more to cut."""
        assert self._frame_bytes is not None
        piece_bytes = min(self._frame_bytes, LINE_BYTES)
        if len(self._rest) < piece_bytes:
            return False
        piece, self._rest = self._rest[:piece_bytes], self._rest[piece_bytes:]
        self._frame_bytes -= piece_bytes
        if not self._frame_bytes:
            self._frame_bytes = None
            piece = piece.removesuffix(b"\n")
        events.append(piece)
        return True

    def _lines(self, events: list[bytes]) -> bool:
        """Take what was printed, up to a frame or the last end of a line; whether a frame follows."""
        at = self._rest.find(_MARK[:1])
        while at >= 0 and (head := self._rest[at : at + _HEAD_BYTES]) and not _may_be_head(head):
            at = self._rest.find(_MARK[:1], at + 1)
        text = self._rest if at < 0 else self._rest[:at]
        *lines, partial = text.split(b"\n")
        events += lines
        is_whole = at >= 0 and len(self._rest) - at >= _HEAD_BYTES
        if is_whole:
            events += [partial] if partial else []
            self._frame_bytes = int.from_bytes(self._rest[at + 4 : at + 8], "big")
            self._rest = self._rest[at + _HEAD_BYTES :]
            return True
        while len(partial) >= LINE_BYTES:
            events.append(partial[:LINE_BYTES])
            partial = partial[LINE_BYTES:]
        self._rest = partial + (self._rest[at:] if at >= 0 else b"")
        return False


def _may_be_head(head: bytes) -> bool:
    """Whether these bytes begin a frame, as far as there are any of them."""
    return _MARK.startswith(head[:3]) and any(known.startswith(head[8:10]) for known in _TIME_BYTES)
