from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest

from streamer.auth import mint
from streamer.observability import Logger

NOW = 1_767_268_800.345


def raised(error: Exception, depth: int = 0) -> Exception:
    """The error with the traceback of having been raised at that depth."""
    try:
        _raise(error, depth)
    except type(error) as caught:
        return caught
    raise AssertionError


def _raise(error: Exception, depth: int) -> None:
    if depth == 0:
        raise error
    (_raise_odd if depth % 2 else _raise)(error, depth - 1)


def _raise_odd(error: Exception, depth: int) -> None:
    # Two functions in turns: repeated frames of one are folded by the traceback module itself.
    _raise(error, depth)


class Lines:
    """A logger and what it wrote."""

    def __init__(self, **options: Any) -> None:
        self.stream = io.StringIO()
        self.logger = Logger(stream=self.stream, clock=lambda: NOW, **options)

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_the_agreed_fields_at_its_top_level() -> None:
    lines = Lines()
    lines.logger.bind(connection_id="c=", user_id="ada").info("connected", seconds=1.5)

    assert lines.stream.getvalue().endswith("\n")
    assert lines.read() == [
        {
            "level": "INFO",
            "message": "connected",
            "timestamp": "2026-01-01T12:00:00.345Z",
            "request_id": None,
            "connection_id": "c=",
            "user_id": "ada",
            "tenant_id": None,
            "seconds": 1.5,
        }
    ]


def test_a_bound_logger_leaves_its_parent_as_it_was() -> None:
    lines = Lines()
    child = lines.logger.bind(request_id="r")

    lines.logger.info("parent")
    child.bind(request_id="s").info("grandchild")
    child.info("child", request_id="t")

    assert [line["request_id"] for line in lines.read()] == [None, "s", "t"]


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("DEBUG", ["DEBUG", "INFO", "WARNING", "ERROR"]),
        ("INFO", ["INFO", "WARNING", "ERROR"]),
        ("WARNING", ["WARNING", "ERROR"]),
        ("ERROR", ["ERROR"]),
    ],
)
def test_only_lines_of_the_level_and_above_are_written(level: str, written: list[str]) -> None:
    lines = Lines(level=level)

    for write in (lines.logger.debug, lines.logger.info, lines.logger.warning, lines.logger.error):
        write("x")

    assert [line["level"] for line in lines.read()] == written


def test_an_exception_becomes_fields() -> None:
    lines = Lines()
    lines.logger.error("action failed", error=raised(ValueError("no such report")))

    (line,) = lines.read()
    assert (line["error_type"], line["error_message"]) == ("ValueError", "no such report")
    assert line["stack_trace"][0] == "Traceback (most recent call last):"
    assert line["stack_trace"][-1] == "ValueError: no such report"


def test_a_deep_stack_is_cut_at_its_beginning() -> None:
    lines = Lines()
    lines.logger.error("x", error=raised(ValueError("at the bottom"), depth=200))

    trace = lines.read()[0]["stack_trace"]
    assert len(trace) <= 100
    assert trace[-1] == "ValueError: at the bottom"


def test_fields_cannot_hide_the_loggers_own() -> None:
    lines = Lines()
    lines.logger.bind(level="x").info("real", timestamp=0)

    (line,) = lines.read()
    assert (line["level"], line["field_level"]) == ("INFO", "x")
    assert (line["timestamp"][:4], line["field_timestamp"]) == ("2026", 0)


def test_neither_tokens_nor_secrets_reach_the_log_by_any_way() -> None:
    secret = "hunter2-hunter2-hunter2-hunter2-"
    token = mint(secret, user_id="ada", tenant_id="acme", now=NOW)
    lines = Lines(secrets=[secret, None], fields={"bound": token})
    event = {"queryStringParameters": {"Authorization": token}, "headers": {"Authorization": [f"Bearer {token}"]}}
    error = raised(ValueError(f"{secret} does not verify {token}"))
    message = f"refused {token}"
    lines.logger.error(message, error=error, event=event, text=str(event), **{secret: 1, token: 2})

    written = lines.stream.getvalue()
    assert secret not in written
    assert not any(part in written for part in token.split("."))


def test_text_that_no_encoding_can_carry_is_escaped() -> None:
    lines = Lines()
    lines.logger.info("\ud800 \u2028")

    assert lines.stream.getvalue().isascii()
    assert lines.read()[0]["message"] == "\ud800 \u2028"


def test_by_default_lines_go_to_whatever_standard_output_is_at_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    Logger().info("hello")

    assert json.loads(capsys.readouterr().out)["message"] == "hello"


def test_lines_of_several_threads_do_not_mix() -> None:
    lines = Lines()

    def write() -> None:
        for n in range(50):
            lines.logger.info("x" * 200, n=n)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(lines.read()) == 400
