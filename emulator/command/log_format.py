"""How the emulator's own log looks: short coloured lines for people, JSON lines for programs."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

LEVEL_COLOURS: Final = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "DEBUG": "\x1b[2m"}
DIM: Final = "\x1b[2m"
RESET: Final = "\x1b[0m"


def install(log_format: Literal["pretty", "json"], *, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send the emulator's log to a stream (None: standard error); colours only on a terminal."""
    target = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(target)
    handler.setFormatter(JsonLines() if log_format == "json" else PrettyLines(colours=target.isatty()))
    logger = logging.getLogger("streamer.emulator")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    return {name: value for name, value in fields.items() if value is not None}


class PrettyLines(logging.Formatter):
    """``12:00:00.345 connected  connection_id=... peer=127.0.0.1``."""

    def __init__(self, *, colours: bool) -> None:
        super().__init__()
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback below it if there is one."""
        at = datetime.fromtimestamp(record.created).astimezone()
        fields = " ".join(f"{name}={_short(value)}" for name, value in _fields(record).items())
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            message = f"{record.levelname.lower()}: {message}"
        text = f"{self._dim(f'{at:%H:%M:%S}.{at.microsecond // 1000:03d}')} {self._coloured(record, message)}"
        text += f"  {self._dim(fields)}" if fields else ""
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text

    def _coloured(self, record: logging.LogRecord, text: str) -> str:
        colour = LEVEL_COLOURS.get(record.levelname) if self._colours else None
        return f"{colour}{text}{RESET}" if colour else text

    def _dim(self, text: str) -> str:
        return f"{DIM}{text}{RESET}" if self._colours else text


class JsonLines(logging.Formatter):
    """One JSON object a line: timestamp, level, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _short(value: Any) -> str:
    text = str(value)
    return text if text and not any(c.isspace() for c in text) else json.dumps(text)
