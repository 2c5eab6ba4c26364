from __future__ import annotations

import threading

import pytest

from emulator.testing.thread import LogCapture


def capture(*texts: str) -> LogCapture:
    logs = LogCapture()
    for text in texts:
        logs.write("router", "i-1", text)
    return logs


def test_lines_are_kept_in_order_with_their_function() -> None:
    logs = capture("one", "two")

    assert [(line.function, line.text) for line in logs.lines] == [("router", "one"), ("router", "two")]


def test_only_later_lines_can_be_asked_for() -> None:
    logs = capture("one")
    began = logs.count
    logs.write("router", "i-2", "two")

    assert [line.text for line in logs.since(began)] == ["two"]


@pytest.mark.parametrize(
    ("text", "record"),
    [('{"message": "up"}', {"message": "up"}), ("[1]", {}), ("plain", {}), ("{broken", {})],
)
def test_a_structured_line_can_be_read_as_a_record(text: str, record: dict[str, str]) -> None:
    assert capture(text).lines[0].record == record


def test_a_line_that_is_there_is_found_at_once() -> None:
    assert capture("one", "two and more").wait_for("two").text == "two and more"


def test_a_line_is_found_when_it_comes() -> None:
    logs = capture("one")
    writer = threading.Timer(0, logs.write, ("processor", None, "two"))
    writer.start()

    assert logs.wait_for(lambda line: line.function == "processor").text == "two"
    writer.join()


def test_a_line_that_never_comes_is_an_assertion_that_shows_the_others() -> None:
    with pytest.raises(AssertionError, match="no such log line within 0 s; written was:\nrouter: one"):
        capture("one").wait_for("two", timeout_seconds=0)
