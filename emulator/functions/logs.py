"""Where the output of functions goes: into files as Lambda's own log lines, to several places, and to callers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from ..foundation import log
from ..foundation.files import open_regular, write_all
from ..foundation.recording import Recording
from . import platform_log
from .variables import log_group_name

TAIL_BYTES: Final = 4096
"""How much of the log ``LogType=Tail`` returns. [DOC] Lambda API, Invoke"""
LINE_BYTES: Final = 256 * 1024
"""Longest event of CloudWatch Logs; longer output is split. [DOC] CloudWatch Logs quotas"""


class LogSink(Protocol):
    """Takes the output of functions, line by line. Called from any thread, so it must be quick and thread-safe."""

    @property
    def platform_lines(self) -> bool:
        """Whether START, END, REPORT and INIT_START are wanted; False saves making them."""
        ...

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        """One line without its end (or several: a traceback is one event of the log).

        ``request_id`` is None for what was written before the first event; ``platform`` marks Lambda's own lines.
        """
        ...


class Fanout:
    """Gives every line to several sinks, and Lambda's own lines to those that want them."""

    def __init__(self, *sinks: LogSink) -> None:
        self._sinks = sinks

    @property
    def platform_lines(self) -> bool:
        """Whether one of them wants Lambda's own lines now."""
        return any(sink.platform_lines for sink in self._sinks)

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        """Pass the line on."""
        is_routine = platform and platform_log.is_routine(line)
        for sink in self._sinks:
            if not is_routine or sink.platform_lines:
                sink.write(function, request_id, line, platform=platform)


class LambdaLogFiles:
    """Lambda's own log lines, one file per function: ``FOLDER/aws-lambda-NAME.log``, for the owner alone.

    Lines that cannot be written are lost, and the emulator's log says so: when it begins, and how many when it ends.
    """

    platform_lines = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, IO[bytes]] = {}
        self._lost: dict[str, int] = {}
        """Lines of each function that could not be written since its file last took one."""
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        """Append the line to the function's file."""
        with self._lock:
            lost = self._lost.get(function, 0)
            try:
                ended = "\n" if lost else ""  # a full disk may have taken the beginning of the line before
                write_all(self._file(function), f"{ended}{line}\n".encode(errors="replace"))
            except OSError as error:
                self._lost[function] = lost + 1
                if not lost:
                    text = f"log lines are lost until their file can be written: {error.strerror}"
                    log.warning(text, function=function, folder=self._folder)
                return
            if lost:
                del self._lost[function]
                log.warning("log lines can be written again", function=function, lost=lost)

    def _file(self, function: str) -> IO[bytes]:
        file = self._files.get(function)
        if file is None:
            name = log_group_name(function).strip("/").replace("/", "-")
            path = self._folder / f"{name}.log"
            file = self._files[function] = open_regular(path, appends=True)
        return file

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files.clear()
            for function, lost in self._lost.items():
                log.warning("log lines were lost", function=function, lost=lost)
            self._lost.clear()


class Recorded:
    """Tells the recorder, if there is one, what functions wrote; of invocations it hears in another way."""

    platform_lines = False

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        """Tell of the line."""
        if (recorder := self._recording.now) is not None:
            recorder.line(function, request_id, line)


class Tails:
    """Can keep the end of one request's log."""

    def __init__(self) -> None:
        self._kept: dict[str, Tail] = {}

    @property
    def platform_lines(self) -> bool:
        """Whether a tail is kept now, which has Lambda's own lines, too."""
        return bool(self._kept)

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        """Keep the line if its request's tail was asked for."""
        if request_id is not None and (kept := self._kept.get(request_id)) is not None:
            kept.add(line)

    @contextmanager
    def keep(self, request_id: str) -> Iterator[Tail]:
        """Collect the end of that request's log while the block runs."""
        kept = self._kept[request_id] = Tail()
        try:
            yield kept
        finally:
            self._kept.pop(request_id, None)


class Tail:
    """The last 4 KB of a log; no more than that is kept, however much is written."""

    def __init__(self) -> None:
        self._kept = b""

    def add(self, line: str) -> None:
        """One more line."""
        # A character takes one byte at least, so no more of them than bytes are needed.
        self._kept = (self._kept + f"{line[-TAIL_BYTES:]}\n".encode())[-TAIL_BYTES:]

    def __bytes__(self) -> bytes:
        return self._kept
