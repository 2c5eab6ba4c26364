from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from emulator import log
from emulator.command.log_format import install


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _installed() -> Iterator[None]:
    logger = logging.getLogger("streamer.emulator")
    before = (logger.handlers, logger.propagate, logger.level)
    yield
    logger.handlers, logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


def fail() -> None:
    try:
        dict[str, str]()["no such thing"]
    except LookupError as error:
        log.error("it failed", error=error, function="router")


def test_a_pretty_line_is_a_time_an_event_and_its_fields() -> None:
    stream = io.StringIO()
    install("pretty", stream=stream)

    log.info("connected", connection_id="abc=", peer="127.0.0.1", reason="", why="went away", code=None)

    assert re.fullmatch(
        r'\d\d:\d\d:\d\d\.\d{3} connected  connection_id=abc= peer=127\.0\.0\.1 reason="" why="went away"\n',
        stream.getvalue(),
    )


def test_warnings_and_errors_say_so_and_errors_have_their_traceback() -> None:
    stream = io.StringIO()
    install("pretty", stream=stream)

    log.warning("careful")
    fail()

    warning, error, *traceback = stream.getvalue().splitlines()
    assert warning.endswith(" warning: careful")
    assert error.endswith(" error: it failed  function=router")
    assert traceback[-1] == "KeyError: 'no such thing'"


def test_colours_are_for_terminals() -> None:
    stream, terminal = io.StringIO(), Terminal()
    for target in (stream, terminal):
        install("pretty", stream=target)
        log.warning("careful", field=1)

    assert "\x1b" not in stream.getvalue()
    assert "\x1b[33m" in terminal.getvalue()


def test_a_json_line_has_the_same_in_one_object() -> None:
    stream = io.StringIO()
    install("json", stream=stream)

    log.info("connected", connection_id="abc=", code=None)
    fail()

    connected, failed = map(json.loads, stream.getvalue().splitlines())
    assert connected == {
        "timestamp": connected["timestamp"],
        "level": "INFO",
        "message": "connected",
        "connection_id": "abc=",
    }
    assert failed["level"] == "ERROR"
    assert "KeyError: 'no such thing'" in failed["exception"]


def test_what_only_fault_finders_want_is_left_out() -> None:
    stream = io.StringIO()
    install("pretty", stream=stream)

    log.debug("detail")

    assert stream.getvalue() == ""
