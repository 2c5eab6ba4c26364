from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.functions.readable import readable, unglued

RECORD = {
    "level": "INFO",
    "message": "action ran",
    "timestamp": "2026-01-01T12:00:00.000Z",
    "request_id": "r-1",
    "service": "streamer",
    "stage": "dev",
    "invocation_id": "i-1",
    "latency_ms": 0.5,
}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        pytest.param("hello", ["hello"], id="plain text"),
        pytest.param("", [""], id="empty line"),
        pytest.param("one\ntwo", ["one", "two"], id="several lines"),
        pytest.param('{"a": 1}', ['{"a": 1}'], id="JSON that is no log record"),
        pytest.param("{not JSON", ["{not JSON"], id="looks like JSON"),
        pytest.param("[1, 2]", ["[1, 2]"], id="JSON list"),
        pytest.param('{"_aws": {"CloudWatchMetrics": []}, "Count": 1}', [], id="metrics"),
        pytest.param(json.dumps(RECORD), ["action ran  request_id=r-1 latency_ms=0.5"], id="record"),
        pytest.param('{"level": "INFO", "message": "up"}', ["up"], id="record without fields"),
        pytest.param(
            '{"level": "ERROR", "message": "it failed", "why": "no luck", "stack_trace": ["Traceback:", "  here"]}',
            ['error: it failed  why="no luck"', "Traceback:", "  here"],
            id="error with a stack trace",
        ),
        pytest.param(
            '{"level": "ERROR", "message": "it failed", "exception": "Traceback:\\n  here"}',
            ["error: it failed", "Traceback:", "  here"],
            id="error of AWS Powertools",
        ),
    ],
)
def test_lines_are_short_and_metrics_are_left_out(line: str, shown: list[str]) -> None:
    assert readable(line) == shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        pytest.param("[INFO]\t2026-11-27T03:34:58.610Z\t2f7bb03f\tan info line", ["an info line"], id="logging"),
        pytest.param("[WARNING]\t2026-11-27T03:34:58.610Z\t\tcareful", ["warning: careful"], id="during the init"),
        pytest.param(
            "[ERROR]\t2026-11-27T03:34:58.610Z\t2f7b\tcaught it\nTraceback:\n  here",
            ["error: caught it", "Traceback:", "  here"],
            id="logging.exception",
        ),
        pytest.param("[ERROR] ValueError: bad\nTraceback:", ["error: ValueError: bad", "Traceback:"], id="uncaught"),
        pytest.param("[DEBUG] at it", ["debug: at it"], id="printed"),
        pytest.param("[x] a list item", ["[x] a list item"], id="what only looks like it"),
        pytest.param("[SCORER] Done", ["[SCORER] Done"], id="a word that is no level"),
    ],
)
def test_lambdas_head_of_a_record_becomes_its_level(line: str, shown: list[str]) -> None:
    assert readable(line) == shown


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("\x1b]52;c;aGk=\x07", id="text"),
        pytest.param('{"level": "INFO", "message": "m", "reason": "\\u001b]0;x\\u0007\\nFAILED"}', id="a field"),
        pytest.param('{"level": "INFO", "message": "\\u009b31m", "\\u001b[2J": 1}', id="message and name of a field"),
        pytest.param('{"level": "ERROR", "message": "m", "stack_trace": ["\\u001b[8m"]}', id="a traceback"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_shown_as_it_is(line: str) -> None:
    shown = readable(line)

    assert shown
    assert all(part.isprintable() for part in shown)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        pytest.param(
            'no end{"level":"INFO","message":"m"}', ["no end", '{"level":"INFO","message":"m"}'], id="a record"
        ),
        pytest.param('x{"_aws":{}}', ["x", '{"_aws":{}}'], id="metrics"),
        pytest.param('{"level":"INFO","message":"m"}', ['{"level":"INFO","message":"m"}'], id="a record alone"),
        pytest.param('say {"level":" and stop', ['say {"level":" and stop'], id="no record"),
    ],
)
def test_a_record_is_told_apart_from_the_line_it_runs_into(line: str, parts: list[str]) -> None:
    assert unglued(line) == parts


@given(st.text())
def test_no_text_breaks_it_or_reaches_the_terminal_raw(line: str) -> None:
    assert all(part.replace("\t", "").isascii() or "\x1b" not in part for part in readable(line))
    assert not any(character in part for part in readable(line) for character in "\x00\x07\x1b\x7f\x9b\n\r\u2028\u202e")


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        pytest.param(
            {
                "timestamp": "2026-11-29T01:36:17Z",
                "level": "ERROR",
                "errorMessage": "bad",
                "errorType": "ValueError",
                "requestId": "id",
                "stackTrace": ['  File "app.py", line 1, in f\n    g()\n'],
            },
            ["error: ValueError: bad", '  File "app.py", line 1, in f', "    g()"],
            id="what nobody caught in Python",
        ),
        pytest.param(
            {
                "timestamp": "2026-11-29T01:36:17.858Z",
                "level": "ERROR",
                "requestId": "id",
                "message": {"errorType": "Error", "errorMessage": "bad", "stackTrace": ["at f"], "code": 4},
            },
            ["error: Error: bad  code=4", "at f"],
            id="what nobody caught in Node.js",
        ),
        pytest.param({"level": "INFO", "requestId": "id", "message": {"a": 1}}, ['{"a": 1}'], id="an object"),
        pytest.param({"level": "WARN", "requestId": "id", "message": [1]}, ["warn: [1]"], id="a list"),
        pytest.param({"level": "INFO", "a": 1}, ['{"level": "INFO", "a": 1}'], id="something else"),
    ],
)
def test_a_record_of_lambdas_json_format_is_told_in_words(record: dict[str, Any], shown: list[str]) -> None:
    assert readable(json.dumps(record)) == shown
