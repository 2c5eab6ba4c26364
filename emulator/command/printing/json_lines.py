"""The log for programs: JSON Lines, whatever is written, one object for each event of the emulator and the functions.

``time``, ``type``, ``level`` and ``message`` are in each; of a function also ``function`` and ``request_id``. Types of
Lambda's own lines, and the names in ``metrics``, are those of its JSON log format. [DOC] lambda-docs:telemetry-schema
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from ...foundation.times import iso_time
from ...functions.readable import said, unglued
from .stream import LogStream
from .terminal import event_of

_PLATFORM: Final = {
    "INIT_START ": "platform.initStart",
    "INIT_REPORT ": "platform.initReport",
    "START ": "platform.start",
    "END ": "platform.end",
    "REPORT ": "platform.report",
}
_METRICS: Final = {
    "Duration": "durationMs",
    "Billed Duration": "billedDurationMs",
    "Memory Size": "memorySizeMB",
    "Max Memory Used": "maxMemoryUsedMB",
    "Init Duration": "initDurationMs",
}
URGENT: Final = ("WARNING", "ERROR", "CRITICAL")
"""Levels of what tells of trouble, and does not wait for other lines: the process may end."""
_TROUBLE: Final = ("platform.fault", "platform.initReport")
_NUMBER: Final = re.compile(r"[\d.]+")


class JsonLines(logging.Handler):
    """Takes the functions' log, as a `LogSink`, and the emulator's own, as a handler. Goes on when nobody reads it."""

    platform_lines = True

    def __init__(self, stream: LogStream) -> None:
        super().__init__()
        self._stream = stream

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        """Write one event of a function's log."""
        shown = [platform_line(line)] if platform else [function_line(each) for each in unglued(line)]
        for each in shown:
            self._put({**each, "function": function, "request_id": request_id})

    def emit(self, record: logging.LogRecord) -> None:
        """Write one event of the emulator, or of a library that it uses."""
        event = event_of(record)
        own = {"type": "emulator", "level": event.level, "message": event.name}
        fields = {(f"field_{name}" if name in own or name == "time" else name): v for name, v in event.fields.items()}
        self._put({**own, **fields, **({"exception": "\n".join(event.trace)} if event.trace else {})})

    def raw(self, line: str) -> None:
        """Write a line that something printed to standard error past all logs."""
        self._put({"type": "stderr", "level": "WARNING", "message": line})

    def _put(self, content: Mapping[str, Any]) -> None:
        text = json.dumps({"time": iso_time(datetime.now(UTC)), **content}, default=str)
        self._stream.write(f"{text}\n", at_once=content.get("level") in URGENT)


def function_line(line: str) -> dict[str, Any]:
    """One event that a function wrote; a structured one whole as its ``record``."""
    what = said(line)
    if what.record is None:
        message = "\n".join((what.message, *what.more))
        return {"type": "function", "level": what.level, "message": message}
    return {"type": "function", "level": what.level, "message": _message(what.record), "record": what.record}


def _message(record: Mapping[str, Any]) -> str:
    return "metrics" if "_aws" in record else str(record.get("message"))


def platform_line(line: str) -> dict[str, Any]:
    """One of Lambda's own, with its numbers as such."""
    if line.startswith("{"):
        event = json.loads(line)
        return _platform(event["type"], line, event["record"])
    kind = next((kind for begin, kind in _PLATFORM.items() if line.startswith(begin)), "platform.fault")
    fields = dict(part.split(": ", 1) for part in line.strip().split("\t") if ": " in part)
    metrics = {
        _METRICS[name]: float(number[0])
        for name, value in fields.items()
        if name in _METRICS and (number := _NUMBER.match(value)) is not None
    }
    record = {"metrics": metrics, "status": fields.get("Status", "success"), "errorType": fields.get("Error Type")}
    return _platform(kind, line, record)


def _platform(kind: str, line: str, record: Mapping[str, Any]) -> dict[str, Any]:
    told = ("metrics", "status", "errorType") if kind == "platform.report" else ()
    return {
        "type": kind,
        "level": "ERROR" if kind in _TROUBLE else "INFO",
        "message": line.strip(),
        **{name: record[name] for name in told if record.get(name) is not None},
    }


@contextmanager
def wrapped_stderr(lines: JsonLines) -> Iterator[None]:
    """While the block runs, what anything in this process and its children writes to descriptor 2 comes as lines."""
    kept, (reading, writing) = os.dup(2), os.pipe()
    os.dup2(writing, 2)
    os.close(writing)
    reader = threading.Thread(target=_read, args=(reading, lines), name="stderr", daemon=True)
    reader.start()
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        reader.join(1.0)  # a child that lives on may hold the other end


def _read(descriptor: int, lines: JsonLines) -> None:
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            lines.raw(line.rstrip("\n"))
