from __future__ import annotations

import io
import json
from typing import Any

import pytest

from streamer.client import Event
from streamer.client.display import JsonDisplay, TextDisplay, printed_json


def event(type_: str, **fields: Any) -> Event:
    return Event(type_, "r", {"type": type_, "request_id": "r", **fields})


def shown(*events: Event, is_terminal: bool = False) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    display = TextDisplay(out, err, is_terminal=is_terminal)
    for each in events:
        display.event(each)
    return out.getvalue(), err.getvalue()


QUEUED = event("acknowledgment", status="queued", message="waits for its turn")
HALF = event("progress", percentage=50, message="reading")
DONE = event("complete", result={"url": "x"})


def test_the_result_alone_goes_to_standard_output() -> None:
    out, err = shown(QUEUED, HALF, DONE)

    assert json.loads(out) == {"url": "x"}
    assert err == "queued: waits for its turn (request r)\n 50% reading\n"


def test_nothing_is_called_done_that_is_not() -> None:
    _, err = shown(event("progress", percentage=99.99), event("progress", percentage=100))

    assert err == " 99%\n100%\n"


def test_a_terminal_gets_a_bar_that_is_redrawn_and_ended() -> None:
    out, err = shown(QUEUED, event("progress", percentage=0), HALF, DONE, is_terminal=True)

    assert json.loads(out) == {"url": "x"}
    lines = err.split("\n")
    assert lines[0] == "queued: waits for its turn (request r)"
    assert lines[1].split("\r")[1:] == [f"[{'-' * 24}]   0%  ", f"[{'#' * 12}{'-' * 12}]  50%  reading"]
    assert err.endswith("\n")


def test_a_shorter_line_covers_the_longer_one_before() -> None:
    _, err = shown(HALF, event("progress", percentage=60, message=""), is_terminal=True)

    before, after = err.split("\r")[1:]
    assert len(after) == len(before)


@pytest.mark.parametrize("percentage", [-5, 250, "much"])
def test_nonsense_progress_still_draws_a_bar_of_the_usual_length(percentage: Any) -> None:
    _, err = shown(event("progress", percentage=percentage), is_terminal=True)

    assert len(err.partition("]")[0]) == len("\r[") + 24


def test_control_characters_from_the_service_do_not_reach_the_terminal() -> None:
    evil = "\x1b[2J\x9b31m\x7f\n\u202eboo"
    error = {"code": evil, "message": evil, "details": {evil: evil}}
    for message in (
        event("progress", percentage=1, message=evil),
        event("acknowledgment", status=evil, message=evil),
        event("retrying", attempt=evil, max_attempts=3, retry_in=2, error=error),
        event("error", error=error),
        event("cancelled", reason=evil),
        event("complete", result={evil: evil}),
    ):
        out, err = shown(message, is_terminal=True)
        assert not {"\x1b", "\x9b", "\x7f", "\u202e"} & set(out + err)
        assert (out + err).isascii()


def test_letters_of_all_languages_are_printed_as_they_are() -> None:
    out, _ = shown(event("complete", result={"hello": "Ünï ✓"}))

    assert out == '{\n  "hello": "Ünï ✓"\n}\n'
    assert json.loads(printed_json({"a": "\x1b\u2028\ud83d\\"})) == {"a": "\x1b\u2028\ud83d\\"}


def test_details_of_an_error_are_shown() -> None:
    error = {"code": "VALIDATION_ERROR", "message": "no", "details": {"why": ["a", "b"], "field": "Größe"}}

    _, err = shown(event("error", error=error))

    assert err == 'streamer: VALIDATION_ERROR: no\n  why: ["a", "b"]\n  field: "Größe"\n'


@pytest.mark.parametrize(
    ("final", "line"),
    [
        pytest.param(
            event("error", error={"code": "NOT_FOUND", "message": "no report"}),
            "streamer: NOT_FOUND: no report\n",
            id="error",
        ),
        pytest.param(
            event("cancelled", reason="asked to"), "streamer: the request was cancelled: asked to\n", id="cancelled"
        ),
    ],
)
def test_a_failure_goes_to_standard_error(final: Event, line: str) -> None:
    assert shown(final) == ("", line)


def test_a_retry_tells_when_and_why() -> None:
    error = {"code": "TIMEOUT", "message": "too slow"}
    _, err = shown(event("retrying", attempt=1, max_attempts=3, retry_in=2, error=error))

    assert err == "attempt 1 of 3 failed, the next one in 2 s: TIMEOUT: too slow\n"


@pytest.mark.parametrize(
    ("final", "out"),
    [(event("response", success=True, data=[1]), "[\n  1\n]\n"), (event("pong"), "pong\n")],
)
def test_quick_answers_are_printed_as_json_or_a_word(final: Event, out: str) -> None:
    assert shown(final) == (out, "")


def test_json_is_one_object_per_message_as_it_came() -> None:
    out, err = io.StringIO(), io.StringIO()
    display = JsonDisplay(out, err)
    for each in (QUEUED, HALF, DONE):
        display.event(each)
    display.failed("the connection ended")

    assert [json.loads(line) for line in out.getvalue().splitlines()] == [QUEUED.fields, HALF.fields, DONE.fields]
    assert err.getvalue() == "streamer: the connection ended\n"
