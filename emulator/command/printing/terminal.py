"""Writes what `lines.Rows` makes of the log: for people, coloured on a terminal."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import streamer.demo

from ...foundation import log
from ...functions.tracebacks import Code
from .lines import Event, Row, Rows, Tone, Verbosity
from .stream import LogStream

DIM: Final = "\x1b[2m"
RESET: Final = "\x1b[0m"
URGENT: Final = (Tone.WARNING, Tone.ERROR)
"""What tells of trouble does not wait for other lines: the process may end."""
COLOURS: Final = {Tone.GOOD: "\x1b[32m", Tone.WARNING: "\x1b[33m", Tone.ERROR: "\x1b[31m"}


class Terminal(logging.Handler):
    """Takes the functions' log, as a `LogSink`, and the emulator's own, as a handler. Goes on when nobody reads it."""

    def __init__(
        self,
        stream: LogStream,
        *,
        code: Code,
        verbosity: Verbosity = Verbosity.MESSAGES,
        colours: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.platform_lines = verbosity is Verbosity.ALL
        self._stream = stream
        self._colours = colours
        self._clock = clock
        self._rows = Rows(code, verbosity)
        self._turn = threading.Lock()
        self._second = -1
        self._time = ""

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        """Show one event of a function's log."""
        with self._turn:
            self._show(self._rows.of_function(function, request_id, line, platform=platform))

    def emit(self, record: logging.LogRecord) -> None:
        """Show one of the emulator's own events."""
        with self._turn:
            self._show(self._rows.of_emulator(event_of(record)))

    def _show(self, rows: list[Row]) -> None:
        if not rows:
            return
        text = self._rendered(rows[0]) if len(rows) == 1 else "".join(map(self._rendered, rows))
        self._stream.write(text, at_once=any(row.tone in URGENT for row in rows))

    def _rendered(self, row: Row) -> str:
        if not self._colours:
            shown = f"{self._now()} {row.text}\n"
            return "".join((shown, *(f"{line}\n" for line in row.more))) if row.more else shown
        colour = DIM if row.tone is Tone.QUIET else COLOURS.get(row.tone)
        if colour is not None and row.outcome and row.tone is not Tone.ERROR:
            shown = row.text.replace(row.outcome, f"{colour}{row.outcome}{RESET}", 1)
        else:
            shown = row.text if colour is None else f"{colour}{row.text}{RESET}"
        return "\n".join((f"{DIM}{self._now()}{RESET} {shown}", *row.more, ""))

    def _now(self) -> str:
        now = int(self._clock())
        if now != self._second:
            self._second, self._time = now, time.strftime("%H:%M:%S", time.localtime(now))
        return self._time


def event_of(record: logging.LogRecord) -> Event:
    """What a log record of the emulator tells; fields that are None say nothing."""
    fields: dict[str, Any] = getattr(record, "fields", {})
    trace = logging.Formatter().formatException(record.exc_info).splitlines() if record.exc_info else ()
    return Event(
        name=record.getMessage(),
        level="INFO" if record.levelno == log.MESSAGE else record.levelname,
        fields={name: value for name, value in fields.items() if value is not None},
        trace=trace,
    )


def code_of(folder: Path) -> Code:
    """Whose code is where on this machine, for a project in a folder."""
    tools = Path(__file__).parents[3]
    package = Path(streamer.demo.__file__).parent
    return Code(
        folder=str(folder.resolve()),
        libraries=(
            (str(package), "streamer"),
            (str(tools / "emulator"), "streamer"),
            (str(Path(os.__file__).parent), "Python"),
        ),
        own=(streamer.demo.__file__,),
    )
