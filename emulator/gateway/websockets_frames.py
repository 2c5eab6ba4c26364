"""What we use of the insides of the library websockets: its sans-I/O frame layer, changed in three places.

`tests/unit/emulator/gateway/test_websockets_contract.py` holds what the changes rely on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from ..foundation import log
from ..foundation.put_off import put_off
from .rules.connection import too_big_reason

with put_off("importlib.metadata"):  # which only unreleased versions of the library ask who they are: 25 modules
    from websockets.exceptions import PayloadTooBig
    from websockets.frames import Frame, Opcode
    from websockets.protocol import OPEN, Protocol, Side
    from websockets.utils import accept_key

__all__ = ["Frame", "FrameLayer", "Opcode", "accept_key"]

PROTOCOL_ERROR: Final = 1002


class FrameLayer(Protocol):
    """One connection's frames, on the server's side, once the handshake is over."""

    def __init__(self, *, message_bytes: int, frame_bytes: int, assumed_reason: str | None = None) -> None:
        """``assumed_reason``: of 1009, see `Assumptions.too_big_reason`."""
        self._assumed_reason = assumed_reason
        super().__init__(Side.SERVER, state=OPEN, max_size=(message_bytes, frame_bytes), logger=log.FRAMES)

    # what is changed

    def fail(self, code: int, reason: str = "") -> None:
        """Close with the reason that AWS gives, mostly none, not with the library's."""
        error = sys.exception()
        largest = None if self._frame_bytes(error) is None else self.max_fragment_size
        super().fail(code, too_big_reason(self._assumed_reason, largest) if isinstance(error, PayloadTooBig) else "")

    def recv_frame(self, frame: Frame) -> None:
        """Take a frame that was read."""
        if frame.opcode is Opcode.CLOSE:
            # A client may close in the middle of a message (RFC 6455, 5.4); $disconnect is told its code.
            self.current_size = None
        elif self.state is not OPEN:
            return  # nothing follows our close frame, not even a pong
        super().recv_frame(frame)

    # what is read of it

    @property
    def is_open(self) -> bool:
        """Whether no close frame went either way."""
        return self.state is OPEN

    def frames_received(self, data: bytes) -> Iterator[Frame]:
        """The frames that these bytes complete; those that control the connection are answered already."""
        self.receive_data(data)
        return (event for event in self.events_received() if isinstance(event, Frame))

    @property
    def is_too_big(self) -> bool:
        """Whether it failed over a frame or a message that is too large."""
        return isinstance(self.parser_exc, PayloadTooBig)

    @property
    def too_big_frame_bytes(self) -> int | None:
        """How large the frame was that it failed over; None: not known, or a message was too large in all."""
        return self._frame_bytes(self.parser_exc)

    def _frame_bytes(self, error: BaseException | None) -> int | None:
        size = error.size if isinstance(error, PayloadTooBig) else None
        return size if size is not None and size > (self.max_fragment_size or size) else None

    @property
    def failure_code(self) -> int | None:
        """The code it closed with since what was read is no sequence of frames; None: nothing is wrong."""
        if self.parser_exc is None or isinstance(self.parser_exc, EOFError):
            return None
        return PROTOCOL_ERROR if self.close_sent is None else self.close_sent.code

    # what is sent through it

    def write_text(self, data: bytes) -> None:
        """Send a text message, in frames no larger than the client's may be. [INF] G3"""
        frame_bytes = self.max_fragment_size or len(data)
        if len(data) <= frame_bytes:
            self.send_text(data)
            return
        self.send_text(data[:frame_bytes], fin=False)
        for start in range(frame_bytes, len(data), frame_bytes):
            end = start + frame_bytes
            self.send_continuation(data[start:end], fin=end >= len(data))
