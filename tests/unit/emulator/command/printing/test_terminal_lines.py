"""What the terminal shows of the log: one line per message."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from emulator.command.printing.lines import Event, Rows, Tone, Verbosity, duration
from emulator.command.printing.output import has_colours
from emulator.command.printing.stream import LogStream
from emulator.command.printing.terminal import Terminal, code_of
from emulator.functions.tracebacks import Code

CODE = Code(folder="/work/shop")
TRACE = ["Traceback (most recent call last):", '  File "/work/shop/app.py", line 4, in boom', "ValueError: bad"]
ID = "2f7bb03f-3c03-4599-b2b3-969da324d200"


def record(message: str, level: str = "INFO", **fields: Any) -> str:
    """A line of one of streamer's functions."""
    known = {"service": "streamer", "stage": "dev", "invocation_id": ID, "connection_id": "c=", "request_id": "r-1"}
    return json.dumps({"level": level, "message": message, "timestamp": "t", **known, "user_id": "ada", **fields})


def rows(verbosity: Verbosity = Verbosity.MESSAGES) -> Rows:
    return Rows(CODE, verbosity)


def shown(what: Rows, *lines: str, function: str = "router", platform: bool = False) -> list[str]:
    """All rows of some lines of a function, those below them included."""
    found = [row for line in lines for row in what.of_function(function, ID, line, platform=platform)]
    return [part for row in found for part in (row.text, *row.more)]


def told(what: Rows, name: str, level: str = "INFO", **fields: Any) -> list[str]:
    """All rows of an event of the emulator."""
    found = what.of_emulator(Event(name=name, level=level, fields=fields))
    return [part for row in found for part in (row.text, *row.more)]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        pytest.param(
            [record("action ran", action="echo", latency_ms=12.3, failed=False, refused=False)],
            ["echo                 12 ms  ok        ada"],
            id="a quick call",
        ),
        pytest.param(
            [record("request queued", action="report")],
            ["report                      queued    ada  r-1"],
            id="a queued call",
        ),
        pytest.param(
            [record("request ended", action="report", status="COMPLETED", attempt=1, latency_ms=2031.0)],
            ["report              2.03 s  done      ada  r-1"],
            id="its end",
        ),
        pytest.param(
            [record("request ended", action="report", status="RETRYING", attempt=2, latency_ms=2031.0)],
            ["report              2.03 s  failed    ada  r-1, attempt 2; it runs again"],
            id="an attempt of several",
        ),
        pytest.param(
            [
                record("request ended", action="report", status=status, attempt=1, latency_ms=2031.0)
                for status in ("CANCELLED", "PROCESSING", None)
            ],
            [
                "report              2.03 s  cancelled ada  r-1",
                "report              2.03 s  elsewhere ada  r-1",
                "report              2.03 s  gone      ada  r-1",
            ],
            id="ends that a run did not make itself",
        ),
        pytest.param(
            [
                record("action ran", action="boom", latency_ms=1.26, failed=True, refused=False),
                record(
                    "request failed",
                    "ERROR",
                    action="boom",
                    error_type="ValueError",
                    error_message="bad",
                    stack_trace=TRACE,
                ),
            ],
            [
                "boom                1.3 ms  failed    ada  ValueError: bad",
                "Traceback (most recent call last):",
                '  File "app.py", line 4, in boom',
                "ValueError: bad",
            ],
            id="a failing action",
        ),
        pytest.param(
            [
                record("action ran", action="pay", latency_ms=0.5, failed=False, refused=True),
                record("request refused", action="pay", code="CONFLICT", reason="paid already"),
            ],
            ["pay                 0.5 ms  refused   ada  CONFLICT: paid already"],
            id="a refusal of the action",
        ),
        pytest.param(
            [record("the action failed", "ERROR", action="pay", error_type="TIMEOUT", error_message="slow")],
            ["pay                         failed    ada  TIMEOUT: slow"],
            id="a failure that the action told itself",
        ),
        pytest.param(
            [record("the action failed", "WARNING", action="pay", code="TIMEOUT", reason="slow")],
            ["pay                         failed    ada  TIMEOUT: slow"],
            id="a failure that another attempt follows",
        ),
        pytest.param(
            [record("message refused", "WARNING", code="INVALID_JSON", reason="no JSON", user_id=None)],
            ["message                     refused   c=  INVALID_JSON: no JSON"],
            id="a message that is none",
        ),
        pytest.param([record("nothing to run", status="DONE")], [], id="what only concerns streamer"),
        pytest.param(
            [record("progress could not be stored", "WARNING", user_id=None, request_id=None, connection_id=None)],
            ["router | warning: progress could not be stored  connection_id=null request_id=null user_id=null"],
            id="a warning of streamer",
        ),
        pytest.param(["hi"], ["router | hi"], id="what an action prints"),
        pytest.param(
            [f"[ERROR]\t2026-11-27T03:34:58.610Z\t{ID}\tcaught it\n" + "\n".join(TRACE)],
            ["router | error: caught it", TRACE[0], '  File "app.py", line 4, in boom', TRACE[2]],
            id="logging.exception",
        ),
        pytest.param(['{"level": "INFO", "message": "paid", "order": 7}'], ["router | paid  order=7"], id="own JSON"),
        pytest.param(['{"_aws": {}}'], [], id="metrics"),
    ],
)
def test_a_message_is_one_line(lines: list[str], text: list[str]) -> None:
    assert shown(rows(), *lines) == text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        pytest.param(f"START RequestId: {ID} Version: $LATEST", [], id="start"),
        pytest.param(f"END RequestId: {ID}", [], id="end"),
        pytest.param(
            f"2026-11-27T03:34:58.610Z {ID} Task timed out after 3.00 seconds",
            ["router | timed out: it took longer than its 3 s, and its environment was ended"],
            id="a timeout",
        ),
        pytest.param(
            f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
            ["router | its process ended: signal: killed"],
            id="a crash",
        ),
        pytest.param(
            f"RequestId: {ID} Error: Runtime exited without providing a reason\nRuntime.ExitError",
            ["router | its process ended: without providing a reason"],
            id="an exit",
        ),
        pytest.param(
            "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout",
            ["router | its import took longer than Lambda's init phase; it is repeated with the first event"],
            id="a slow import",
        ),
        pytest.param(
            '{"time":"2026-10-08T07:30:27.768Z","type":"platform.initReport","record":{"initializationType":"on-demand",'
            '"phase":"init","status":"timeout","metrics":{"durationMs":10000.0}}}',
            ["router | its import took longer than Lambda's init phase; it is repeated with the first event"],
            id="a slow import of a function that logs JSON",
        ),
        pytest.param(
            "INIT_REPORT Init Duration: 9.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.Unknown",
            [],
            id="an import that failed, which the runtime client tells of",
        ),
    ],
)
def test_lambdas_own_lines_are_left_out_or_said_in_words(line: str, text: list[str]) -> None:
    assert shown(rows(), line, platform=True) == text


def test_connections_are_told_with_their_user() -> None:
    what = rows()

    assert shown(what, record("connection established"), function="connect") == []
    assert told(what, "connected", connection_id="c=", peer="127.0.0.1") == [
        "connected                             ada"
    ]
    assert shown(what, record("message refused", code="X", reason="y", user_id=None))[0].split()[2] == "ada"
    assert told(what, "disconnected", connection_id="c=", code=1001, reason="bye") == [
        "disconnected                          ada  1001 bye"
    ]


def test_a_refused_connection_is_one_line_whoever_refuses_it() -> None:
    what = rows()
    by_the_app = shown(what, record("connection refused", "WARNING", status=401, reason="expired", user_id=None))
    after_it = told(what, "refused", status=401, peer="127.0.0.1", path="/dev")
    by_the_gateway = told(what, "refused", status=403, peer="127.0.0.1", path="/prod")

    assert by_the_app == ["connect                     refused   c=  HTTP 401: expired"]
    assert after_it == []
    assert by_the_gateway == ["connect                     refused   HTTP 403 for 127.0.0.1"]


def test_messages_of_plain_handlers_are_told_by_the_gateway() -> None:
    fields: dict[str, Any] = {
        "route": "echo",
        "function": "echo",
        "latency_ms": 3.0,
        "connection_id": "c=",
        "principal": "ada",
    }

    assert told(rows(), "ran", outcome="ok", **fields) == ["echo                3.0 ms  ok        ada"]
    assert told(rows(), "ran", outcome="failed", reason="KeyError: 'a'", **fields) == [
        "echo                3.0 ms  failed    ada  KeyError: 'a'"
    ]


def test_what_a_client_wrote_reaches_the_terminal_escaped() -> None:
    what = rows()

    (closed,) = told(what, "disconnected", connection_id="c=", code=3000, reason="\x1b]52;c;aGk=\x07\nforged")
    (refused,) = shown(what, record("request refused", action="\x1b[2J", code="X", reason="\x9b"))

    assert closed.endswith(r"3000 \x1b]52;c;aGk=\x07\nforged")
    assert r"\x1b[2J" in refused
    assert (closed + refused).isprintable()


def test_quiet_shows_nothing_but_errors() -> None:
    what = rows(Verbosity.ERRORS)

    assert shown(what, "hi", record("action ran", action="echo", latency_ms=1)) == []
    assert shown(what, "Task timed out after 1.00 seconds", platform=True) != []
    assert told(what, "connected", connection_id="c=") == told(what, "careful", "WARNING") == []
    assert told(what, "it failed", "ERROR") == ["error: it failed"]


def test_verbose_shows_everything_with_all_fields_and_whole_tracebacks() -> None:
    what = rows(Verbosity.ALL)
    trace = [TRACE[0], '  File "/x/site-packages/y.py", line 1, in z', *TRACE[1:]]

    assert shown(what, "START RequestId: 1", platform=True) == ["router 2f7bb03f | START RequestId: 1"]
    (ran,) = shown(what, record("action ran", action="echo", latency_ms=1))
    assert ran.startswith("router 2f7bb03f | action ran  connection_id=c= request_id=r-1 user_id=ada action=echo")
    assert shown(what, record("request failed", "ERROR", stack_trace=trace))[1:] == trace
    assert shown(what, '{"_aws": {}}') == ["router 2f7bb03f | metrics  _aws={}"]
    assert told(what, "connected", connection_id="c=") == ["connected  connection_id=c="]


def test_code_that_does_not_load_is_told_with_file_line_and_source() -> None:
    problem = {"problem": "SyntaxError: never closed", "file": "app.py", "line": 3, "lines": ("    app = App((",)}

    assert told(rows(), "the code does not load", "ERROR", **problem) == [
        "error: the code does not load: SyntaxError: never closed (app.py:3); until it does, messages are answered "
        "with 500",
        "    app = App((",
    ]


def test_a_cold_start_that_a_message_waited_for_is_said() -> None:
    assert told(rows(), "cold start", function="router", init_ms=361.2) == [
        "router | cold start: its import took 361 ms"
    ]


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0.94, "0.9 ms"), (12.4, "12 ms"), (999.4, "999 ms"), (2031.0, "2.03 s"), (None, "")],
)
def test_durations_are_short(milliseconds: float | None, text: str) -> None:
    assert duration(milliseconds) == text


class Screen(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "coloured"),
    [
        pytest.param(Screen(), {}, True, id="a terminal"),
        pytest.param(io.StringIO(), {}, False, id="a pipe"),
        pytest.param(Screen(), {"NO_COLOR": "1"}, False, id="NO_COLOR"),
        pytest.param(Screen(), {"NO_COLOR": ""}, True, id="an empty NO_COLOR"),
        pytest.param(Screen(), {"TERM": "dumb"}, False, id="a dumb terminal"),
    ],
)
def test_colours_are_for_terminals(stream: io.StringIO, environment: dict[str, str], coloured: bool) -> None:
    assert has_colours(stream, environment) is coloured


def test_lines_begin_with_the_time_and_errors_are_red(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    terminal = Terminal(LogStream(stream), code=CODE, colours=True, clock=lambda: 0.0)

    terminal.write("router", ID, record("action ran", action="echo", latency_ms=1, failed=False))
    terminal.write("router", ID, record("request failed", "ERROR", action="boom", error_type="E", error_message="m"))

    quick, failed = stream.getvalue().splitlines()
    assert quick.startswith("\x1b[2m")
    assert "\x1b[32mok\x1b[0m" in quick
    assert "\x1b[31mboom" in failed


def test_the_emulators_log_goes_there_too() -> None:
    stream = io.StringIO()
    terminal = Terminal(LogStream(stream), code=CODE)
    fields = {"fields": {"connections": 3, "nothing": None}}

    terminal.emit(logging.makeLogRecord({"msg": "stopping", "levelname": "INFO", "levelno": 20, **fields}))

    assert stream.getvalue()[8:] == " stopping  connections=3\n"


def test_nobody_who_reads_is_no_error() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    Terminal(LogStream(Gone()), code=CODE).write("f", ID, "hi")


def test_the_demos_code_counts_as_the_projects(tmp_path: Any) -> None:
    code = code_of(tmp_path)
    import streamer.demo
    import streamer.handlers.router

    assert code.library(streamer.demo.__file__) is None
    assert code.library(streamer.handlers.router.__file__) == "streamer"
    assert code.library(json.__file__) == "Python"
    assert code.library(pytest.__file__) == "pytest"
    assert code.library(str(tmp_path / "app.py")) is None


def test_tones_are_in_order() -> None:
    assert Tone.QUIET < Tone.NORMAL < Tone.ERROR
