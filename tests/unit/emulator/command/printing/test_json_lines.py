"""The log for programs: JSON Lines."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from typing import Any

import pytest

from emulator.command.printing.json_lines import JsonLines, platform_line, wrapped_stderr
from emulator.command.printing.stream import LogStream
from emulator.functions.platform_log import Report

ID = "2f7bb03f"


def written(*lines: str, platform: bool = False) -> list[dict[str, Any]]:
    stream = io.StringIO()
    sink = JsonLines(LogStream(stream))
    for line in lines:
        sink.write("router", ID, line, platform=platform)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("hi", {"level": "INFO", "message": "hi"}, id="text"),
        pytest.param(
            "[ERROR]\t2026-11-27T03:34:58.610Z\tid\tcaught it\nTraceback:",
            {"level": "ERROR", "message": "caught it\nTraceback:"},
            id="logging.exception",
        ),
        pytest.param(
            '{"level": "WARNING", "message": "careful", "a": 1}',
            {
                "level": "WARNING",
                "message": "careful",
                "record": {"level": "WARNING", "message": "careful", "a": 1},
            },
            id="a structured line",
        ),
        pytest.param(
            '{"_aws": {}, "Count": 1}',
            {"level": "INFO", "message": "metrics", "record": {"_aws": {}, "Count": 1}},
            id="metrics",
        ),
        pytest.param('{"a": NaN', {"level": "INFO", "message": '{"a": NaN'}, id="broken JSON"),
        pytest.param("\x1b[2J\ud83d", {"level": "INFO", "message": "\x1b[2J\ud83d"}, id="anything"),
    ],
)
def test_a_functions_line_is_wrapped(line: str, expected: dict[str, Any]) -> None:
    (found,) = written(line)

    assert found.pop("time").endswith("Z")
    assert found == {"type": "function", "function": "router", "request_id": ID, **expected}


def test_what_runs_together_is_two_lines() -> None:
    assert [line["message"] for line in written('no end{"level":"INFO","message":"m"}')] == ["no end", "m"]


def test_a_report_has_numbers() -> None:
    report = Report(request_id=ID, duration_ms=12.34, memory_mb=512, memory_used_mb=40, init_ms=100.0)
    failed = Report(
        request_id=ID,
        duration_ms=1,
        memory_mb=512,
        memory_used_mb=None,
        status="error",
        error_type="Runtime.OutOfMemory",
    )

    assert platform_line(report.line()) | {"message": ""} == {
        "type": "platform.report",
        "level": "INFO",
        "message": "",
        "metrics": {
            "durationMs": 12.34,
            "billedDurationMs": 113,
            "memorySizeMB": 512,
            "maxMemoryUsedMB": 40,
            "initDurationMs": 100.0,
        },
        "status": "success",
    }
    assert platform_line(failed.line())["errorType"] == "Runtime.OutOfMemory"
    assert platform_line(failed.line())["status"] == "error"


def test_a_report_in_json_says_the_same() -> None:
    record = {"requestId": ID, "metrics": {"durationMs": 12.34}, "status": "error", "errorType": "Runtime.ExitError"}
    line = json.dumps({"time": "2026-10-08T07:30:27.768Z", "type": "platform.report", "record": record})

    assert platform_line(line) == {
        "type": "platform.report",
        "level": "INFO",
        "message": line,
        "metrics": {"durationMs": 12.34},
        "status": "error",
        "errorType": "Runtime.ExitError",
    }


@pytest.mark.parametrize(
    ("line", "kind", "level"),
    [
        ("INIT_START Runtime Version: python", "platform.initStart", "INFO"),
        ("START RequestId: 1", "platform.start", "INFO"),
        ("END RequestId: 1", "platform.end", "INFO"),
        ("INIT_REPORT Status: timeout", "platform.initReport", "ERROR"),
        ("Task timed out after 1.00 seconds", "platform.fault", "ERROR"),
    ],
)
def test_lambdas_own_lines_have_their_types(line: str, kind: str, level: str) -> None:
    (found,) = written(line, platform=True)

    assert (found["type"], found["level"], found["message"]) == (kind, level, line)


def test_the_emulators_own_lines_are_among_them() -> None:
    stream = io.StringIO()
    sink = JsonLines(LogStream(stream))
    try:
        dict[str, str]()["no such thing"]
    except LookupError:
        raised = sys.exc_info()

    sink.emit(logging.makeLogRecord({"msg": "up", "levelname": "INFO", "levelno": 20, "fields": {"a": 1, "b": None}}))
    sink.emit(logging.makeLogRecord({"msg": "down", "levelname": "ERROR", "levelno": 40, "exc_info": raised}))

    up, down = map(json.loads, stream.getvalue().splitlines())
    assert up == {"time": up["time"], "type": "emulator", "level": "INFO", "message": "up", "a": 1}
    assert down["exception"].endswith("KeyError: 'no such thing'")


def test_a_field_hides_none_of_the_lines_own() -> None:
    stream = io.StringIO()
    fields = {"fields": {"message": "mine", "time": "now"}}

    JsonLines(LogStream(stream)).emit(
        logging.makeLogRecord({"msg": "up", "levelname": "INFO", "levelno": 20, **fields})
    )

    line = json.loads(stream.getvalue())
    assert (line["message"], line["field_message"], line["field_time"]) == ("up", "mine", "now")


def test_what_is_written_past_all_logs_comes_as_lines_too(capfd: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()

    with wrapped_stderr(JsonLines(LogStream(stream))):
        os.write(2, b"Fatal: no\n\xff without an end")
    os.write(2, b"as before\n")

    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == [
        "Fatal: no",
        "\ufffd without an end",
    ]
    assert capfd.readouterr().err == "as before\n"
