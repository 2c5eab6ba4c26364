from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.functions.logs import PrettyLog
from emulator.functions.readable import readable

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


@given(st.text())
def test_no_text_is_lost_or_breaks_it(line: str) -> None:
    if not line.startswith("{"):
        assert readable(line) == (line.splitlines() or [""])


def test_the_terminal_shows_each_line_behind_its_function_and_request() -> None:
    stream = io.StringIO()
    log = PrettyLog(stream)

    log.write("router", "95e9a364-f017", json.dumps(RECORD))
    log.write("router", "95e9a364-f017", '{"_aws": {}}')
    log.write("router", None, "imported")

    assert stream.getvalue() == (
        "router 95e9a364 | action ran  request_id=r-1 latency_ms=0.5\nrouter init | imported\n"
    )
