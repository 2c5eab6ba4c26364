"""One JSON object per line on standard output, which Lambda hands to CloudWatch Logs as it is."""

from __future__ import annotations

import datetime
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TextIO

from streamer.observability.redaction import loggable
from streamer.settings import LOG_LEVELS

compact: Final = json.JSONEncoder(separators=(",", ":")).encode
"""JSON without blanks, for lines of logs and metrics.

Made once: `json.dumps` makes an encoder for each line, a fifth of what the line costs.
"""
CONTEXT: Final = ("request_id", "connection_id", "user_id", "tenant_id")
"""Fields that every line has at its top level, null where nobody bound them, so that queries can rely on them."""
FRAMES: Final = 100
"""Most lines kept of a stack trace, from its end, where it happened: those of boto3 take 60 below the action's own."""


class Logger:
    """Writes lines with the fields it is bound to. Immutable and safe to share between threads.

    ``Logger(level="INFO").bind(connection_id=...)`` is a new logger; the fields of a call win over the bound ones.
    """

    __slots__ = ("_clock", "_fields", "_level", "_secrets", "_stream")

    def __init__(
        self,
        *,
        level: str = "INFO",
        secrets: Iterable[str | None] = (),
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.time,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        self._level = LOG_LEVELS.index(level)
        self._secrets = tuple(secret for secret in secrets if secret)
        # None is looked up at each line: Lambda's runtime and test tools replace sys.stdout after we are imported.
        self._stream = stream
        self._clock = clock
        self._fields = dict(fields or {})

    def bind(self, **fields: Any) -> Logger:
        """A logger that adds these fields to every line."""
        return Logger(
            level=LOG_LEVELS[self._level],
            secrets=self._secrets,
            stream=self._stream,
            clock=self._clock,
            fields={**self._fields, **fields},
        )

    def debug(self, message: str, **fields: Any) -> None:
        """Something that only someone who looks for a fault wants to see."""
        self._log("DEBUG", message, None, fields)

    def info(self, message: str, **fields: Any) -> None:
        """Something that happened as it should."""
        self._log("INFO", message, None, fields)

    def warning(self, message: str, **fields: Any) -> None:
        """Something that was handled, but that someone should know of."""
        self._log("WARNING", message, None, fields)

    def error(self, message: str, *, error: BaseException | None = None, **fields: Any) -> None:
        """Something failed; ``error`` adds ``error_type``, ``error_message`` and ``stack_trace``."""
        self._log("ERROR", message, error, fields)

    def is_enabled(self, level: str) -> bool:
        """Whether lines of this level are written."""
        return LOG_LEVELS.index(level) >= self._level

    def _log(self, level: str, message: str, error: BaseException | None, fields: Mapping[str, Any]) -> None:
        if not self.is_enabled(level):
            return
        line = self._line(level, message, error, fields)
        stream = self._stream or sys.stdout
        # One write per line, so that lines of several threads cannot mix.
        stream.write(line + "\n")
        stream.flush()

    def _line(self, level: str, message: str, error: BaseException | None, fields: Mapping[str, Any]) -> str:
        own = {"level": level, "message": message, "timestamp": _iso(self._clock())}
        context = dict.fromkeys(CONTEXT)
        extra = {**context, **self._fields, **fields, **_described(error)}
        # `level`, `message` and `timestamp` are ours: a field of that name must not hide them.
        content = {**own, **{f"field_{name}" if name in own else name: value for name, value in extra.items()}}
        # ASCII only: clients can send lone surrogates, and standard output may not be UTF-8.
        return compact(loggable(content, self._secrets))


def _described(error: BaseException | None) -> dict[str, Any]:
    if error is None:
        return {}
    trace = "".join(traceback.format_exception(error)).splitlines()
    return {"error_type": type(error).__name__, "error_message": error, "stack_trace": trace[-FRAMES:]}


def _iso(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds')}Z"
