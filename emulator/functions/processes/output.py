"""The output of one environment: read from its pipe, cut into events, told apart by the invocation they belong to."""

from __future__ import annotations

import asyncio
import os
from typing import Final

from ..logs import LogSink
from .output_events import Cutter

_READ_BYTES: Final = 64 * 1024
_READS: Final = 16
"""Most reads in a row, so that a function that writes without end does not block the event loop; its pipe fills up, and
it has to wait."""


class Output:
    """Reads the pipe whenever something is in it, and on demand, so that no line comes after its event's end."""

    def __init__(self, function: str, sink: LogSink, descriptor: int) -> None:
        self.request_id: str | None = None
        """The event that lines belong to; None: the init, unless an event repeats it."""
        self._function = function
        self._sink = sink
        self._descriptor: int | None = descriptor
        self._cutter = Cutter()
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self.read)

    def read(self) -> None:
        """Pass on what was written until now."""
        for _ in range(_READS):
            if self._descriptor is None:
                return
            try:
                data = os.read(self._descriptor, _READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self.close()
                return
            for event in self._cutter.feed(data):
                self._write(event)

    def platform(self, line: str) -> None:
        """A line of Lambda itself."""
        self.end_line()
        self._sink.write(self._function, self.request_id, line, platform=True)

    def close(self) -> None:
        """Let go of the pipe."""
        if self._descriptor is not None:
            self.end_line()
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def end_line(self) -> None:
        """Pass on what has no end of line: what comes next is another's."""
        for event in self._cutter.end():
            self._write(event)

    def _write(self, line: bytes) -> None:
        # AWS's runtime client separates the lines of one error with carriage returns (H17).
        self._sink.write(self._function, self.request_id, line.decode("utf-8", "replace").replace("\r", "\n"))
