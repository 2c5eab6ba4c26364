"""A function's log lines as a person wants to read them: structured ones short, metrics not at all. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, field

from streamer.observability.printable import printable

from ..foundation.json_bytes import parsed_json

COMMON: Final = frozenset(
    {
        "level",
        "message",
        "timestamp",
        "service",
        "stage",
        "invocation_id",
        "stack_trace",
        "exception",
        # of Lambda's own JSON format
        "logger",
        "requestId",
        "location",
        "stackTrace",
    }
)
"""Fields of structured lines that are shown in another way, or say nothing new on one machine."""
_LOGGED: Final = re.compile(r"\[([A-Z]+)\]\t\S+Z\t\S*\t")
"""What Lambda puts before a record of Python's ``logging``: level, time, request id. [REC] ric (H16)"""
_RAISED: Final = re.compile(r"\[(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\] ")
"""What it puts before an uncaught error, and many before what they print; other words are theirs. [REC] ric (H17)"""

_METRICS: Final = '{"_aws":'
_BEGINS: Final = ('{"level":"', _METRICS)
"""What structured lines of streamer's functions begin with."""


class Said(Struct, frozen=True, kw_only=True):
    """One event of a log."""

    level: str = "INFO"
    message: str
    """Its first line."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Of a structured line, those that say something."""
    more: tuple[str, ...] = ()
    """Further lines, such as a traceback."""
    record: Mapping[str, Any] | None = None
    """The whole structured line; None: it was text."""

    @property
    def is_metrics(self) -> bool:
        """Whether it is for CloudWatch's metrics alone."""
        return self.record is not None and "_aws" in self.record

    @property
    def is_error(self) -> bool:
        """Whether it tells of something that failed."""
        return self.level in ("ERROR", "CRITICAL", "FATAL")

    def lines(self) -> list[str]:
        """For people, and safe on a terminal."""
        if self.is_metrics:
            return []
        shown = self.message if self.level == "INFO" else f"{self.level.lower()}: {self.message}"
        text = f"{printable(shown)}  {fields_text(self.fields)}".rstrip() if self.fields else printable(shown)
        return [text, *map(printable, self.more)]


def said(line: str) -> Said:
    """What one event of a log says."""
    return said_by(structured(line), line)


def said_by(record: Mapping[str, Any] | None, line: str) -> Said:
    """The same, of a line that `structured` has read."""
    if record is None:
        return _text(line)
    if "_aws" not in record and isinstance(record.get("level"), str) and not isinstance(record.get("message"), str):
        record, whole = _worded(record), record
    else:
        whole = record
    message, level = record.get("message"), record.get("level")
    if "_aws" not in record and not (isinstance(message, str) and isinstance(level, str)):
        return _text(line)
    fields = {name: value for name, value in record.items() if name not in COMMON}
    more = (*str(message).splitlines()[1:], *_trace(record))
    first = str(message).partition("\n")[0]
    return Said(level=str(level or "INFO").upper(), message=first, fields=fields, more=more, record=whole)


def _worded(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record of Lambda's JSON format whose message is no text, as one with a text.

    Uncaught errors of Python have their parts instead of a message, errors and objects of Node.js are the message.
    """
    told = record.get("message", record)
    if isinstance(told, dict) and "errorType" in told:
        rest = {name: value for name, value in told.items() if name not in ("errorType", "errorMessage", "name")}
        return {**rest, "level": record["level"], "message": f"{told['errorType']}: {told.get('errorMessage', '')}"}
    if "message" not in record:
        return record
    return {**record, "message": json.dumps(told, ensure_ascii=False)}


def readable(line: str) -> list[str]:
    """The lines to show for one event of a log; none for metrics in the Embedded Metric Format."""
    return said(line).lines()


def structured(line: str) -> Mapping[str, Any] | None:
    """The object that a line is; None: it is text."""
    if not line.startswith("{"):
        return None
    try:
        record = parsed_json(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def is_metrics(line: str) -> bool:
    """Whether a line is one of streamer's own for CloudWatch's metrics alone, seen without reading it."""
    return line.startswith(_METRICS) and line.endswith("}")


def unglued(line: str) -> list[str]:
    """A line apart from the structured one that it runs into, since it was printed without an end."""
    if line.startswith("{"):
        return [line]
    at = max(line.find(begin) for begin in _BEGINS)
    if at <= 0 or "\n" in line or structured(line[at:]) is None:
        return [line]
    return [line[:at], line[at:]]


def fields_text(fields: Mapping[str, Any]) -> str:
    """``name=value`` of each, on one line."""
    return " ".join(f"{printable(name)}={_short(value)}" for name, value in fields.items())


def _text(line: str) -> Said:
    head = _LOGGED.match(line) or _RAISED.match(line)
    level = "INFO" if head is None else head[1]
    first, *more = (line if head is None else line[head.end() :]).split("\n")
    return Said(level=level, message=first, more=tuple(more))


def _trace(record: Mapping[str, Any]) -> list[str]:
    trace = record.get("stack_trace", record.get("exception", record.get("stackTrace")))
    if isinstance(trace, str):
        return trace.splitlines()
    return [part for line in trace for part in str(line).splitlines()] if isinstance(trace, list) else []


def _short(value: Any) -> str:
    if isinstance(value, str) and value and value.isprintable() and " " not in value:
        return value
    return printable(json.dumps(value, ensure_ascii=False, default=str))
