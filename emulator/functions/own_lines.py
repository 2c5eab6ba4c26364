"""Lambda's own lines in the log of one function: text or, where the function logs JSON, JSON. Pure.

[DOC] lambda-docs:monitoring-cloudwatchlogs-logformat, monitoring-cloudwatchlogs-log-level, telemetry-schema-reference;
[REC] JSON logs of 2024 and October 2026. Those of level DEBUG, for which a function has to ask, are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from streamer.topology import Function

from ..foundation.json_bytes import json_text
from ..foundation.times import iso_time
from . import platform_log
from .platform_log import Report
from .runtimes import identity

_BEGINNING: Final = {"initializationType": "on-demand"}


class OwnLines(Protocol):
    """How they are written."""

    def init_start(self, now: datetime) -> str:
        """An environment begins."""
        ...

    def init_failed(self, now: datetime, init_ms: float, error_type: str, *, is_repeated: bool = False) -> str:
        """Its init failed; ``is_repeated``: within an invocation."""
        ...

    def init_timed_out(self, now: datetime, init_seconds: float) -> str:
        """Its init took longer than the init phase may."""
        ...

    def start(self, now: datetime, request_id: str) -> str:
        """An invocation begins."""
        ...

    def over(self, now: datetime, report: Report) -> tuple[str, ...]:
        """It is over."""
        ...


def own_lines(function: Function, arn: str, version: str) -> OwnLines:
    """Those of a version of a function, as its variables say."""
    is_json = function.environment.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    return _Json(function, arn, version) if is_json else _Text(function, arn, version)


class _Text:
    def __init__(self, function: Function, arn: str, version: str) -> None:
        self._runtime, self._region, self._version = identity(function), arn.split(":")[3], version

    def init_start(self, now: datetime) -> str:
        return platform_log.init_start_line(self._runtime, self._region)

    def init_failed(self, now: datetime, init_ms: float, error_type: str, *, is_repeated: bool = False) -> str:
        return platform_log.init_error_line(init_ms, error_type, is_repeated=is_repeated)

    def init_timed_out(self, now: datetime, init_seconds: float) -> str:
        return platform_log.init_timeout_line(init_seconds)

    def start(self, now: datetime, request_id: str) -> str:
        return platform_log.start_line(request_id, self._version)

    def over(self, now: datetime, report: Report) -> tuple[str, ...]:
        return platform_log.end_line(report.request_id), report.line()


class _Json:
    def __init__(self, function: Function, arn: str, version: str) -> None:
        self._function, self._arn, self._version = function, arn, version

    def init_start(self, now: datetime) -> str:
        runtime, runtime_arn = platform_log.runtime_version(identity(self._function), self._arn.split(":")[3])
        ours = {"functionName": self._function.name, "functionVersion": self._version}
        described = {"runtimeVersion": runtime, "runtimeVersionArn": runtime_arn, **ours}
        return _event(now, "initStart", {**_BEGINNING, "phase": "init", **described})

    def init_failed(self, now: datetime, init_ms: float, error_type: str, *, is_repeated: bool = False) -> str:
        phase = {**_BEGINNING, "phase": "invoke" if is_repeated else "init"}
        metrics = {"durationMs": round(init_ms, 3)}
        return _event(now, "initReport", {**phase, **_ended("error", error_type), "metrics": metrics})

    def init_timed_out(self, now: datetime, init_seconds: float) -> str:
        ended = {**_ended(platform_log.TIMEOUT, None), "metrics": {"durationMs": round(init_seconds * 1000, 3)}}
        return _event(now, "initReport", {**_BEGINNING, "phase": "init", **ended})

    def start(self, now: datetime, request_id: str) -> str:
        return _event(now, "start", {"requestId": request_id, "functionArn": self._arn, "version": self._version})

    def over(self, now: datetime, report: Report) -> tuple[str, ...]:
        of, ended = {"requestId": report.request_id}, _ended(report.status or "success", report.error_type)
        told = _event(now, "report", {**of, "metrics": report.metrics(), **ended})
        if report.status is None:
            return (told,)
        metrics = {"durationMs": report.metrics()["durationMs"], "producedBytes": 0}
        return _event(now, "runtimeDone", {**of, **ended, "metrics": metrics}), told


def _ended(status: str, error_type: str | None) -> dict[str, str]:
    kind = {} if error_type is None else {"errorType": platform_log.reported_type(error_type)}
    return {"status": status, **kind}


def _event(now: datetime, kind: str, record: Mapping[str, Any]) -> str:
    told = {"time": iso_time(now.astimezone(UTC)), "type": f"platform.{kind}", "record": record}
    return json_text(told)
