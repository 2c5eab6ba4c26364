"""A function's log lines as a person wants to read them: structured ones short, metrics not at all. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

COMMON: Final = frozenset(
    {"level", "message", "timestamp", "service", "stage", "invocation_id", "stack_trace", "exception"}
)
"""Fields of structured lines that are shown in another way, or say nothing new on one machine."""


def readable(line: str) -> list[str]:
    """The lines to show for one line of a log; none for metrics in the Embedded Metric Format."""
    record = _record(line)
    if record is None:
        return line.splitlines() or [""]
    if "_aws" in record:
        return []
    message = record.get("message")
    level = record.get("level")
    if not isinstance(message, str) or not isinstance(level, str):
        return [line]
    shown = message if level == "INFO" else f"{level.lower()}: {message}"
    fields = " ".join(f"{name}={_short(value)}" for name, value in record.items() if name not in COMMON)
    return [f"{shown}  {fields}".rstrip(), *_trace(record)]


def _record(line: str) -> Mapping[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _trace(record: Mapping[str, Any]) -> list[str]:
    trace = record.get("stack_trace", record.get("exception"))
    if isinstance(trace, str):
        return trace.splitlines()
    return [str(line) for line in trace] if isinstance(trace, list) else []


def _short(value: Any) -> str:
    if isinstance(value, str) and value and not any(character.isspace() for character in value):
        return value
    return json.dumps(value, ensure_ascii=False)
