from __future__ import annotations

import gzip
import json
import zlib

import pytest
from console_records import TOKEN, World, raised

from emulator.console.reading.lines import line
from emulator.console.reading.telling import Teller, who_opened
from emulator.console.reading.waterfall import waterfall
from emulator.console.recording.masking import NOBODY
from emulator.console.recording.records import Message, Note
from emulator.functions.outcome import Returned
from emulator.gateway.rules.effects import Send

TELLER = Teller(lambda _connection: NOBODY)


def test_an_opening_tells_whose_it_is_and_never_the_token() -> None:
    world = World()
    world.opens()

    (record,) = world.ring
    told = Teller(lambda _connection: NOBODY, None).tell(record)

    assert who_opened(record).user == "ada"  # type: ignore[arg-type]
    assert (told["user"], told["tenant"], told["http_status"]) == ("ada", "acme", 101)
    assert told["headers"]["Cookie"] == "\u2039hidden\u203a"
    assert TOKEN not in json.dumps(told)


def test_a_message_is_told_with_its_action_and_what_became_of_it() -> None:
    world = World()
    invoke = world.receives({"action": "greet", "id": "g1"})
    world.passes(12)
    world.answers(invoke, None, Send('{"hello": 1}'))

    told = TELLER.tell(world.message())

    assert {name: told[name] for name in ("action", "request", "status", "ms", "sent", "function")} == {
        "action": "greet",
        "request": "g1",
        "status": "ok",
        "ms": 12.0,
        "sent": ['{"hello":1}'],
        "function": "router",
    }


def test_a_long_text_is_cut_in_a_list_and_whole_alone() -> None:
    world = World()
    world.receives("x" * 20_000)
    (record,) = world.ring

    assert len(TELLER.tell(record)["text"]) == 2049
    assert len(Teller(lambda _connection: NOBODY, None).tell(record)["text"]) == 20_000


def test_a_call_that_failed_says_why_in_awss_words() -> None:
    world = World()
    error = {"__type": "com.amazonaws#ConditionalCheckFailedException", "message": "The conditional request failed"}
    world.calls("1-a", "DynamoDB_20120810.PutItem", {"TableName": "t"}, answer=error, status=400)

    (record,) = world.ring
    told = TELLER.tell(record)

    assert (told["service"], told["operation"], told["target"]) == ("dynamodb", "PutItem", "t")
    assert told["why"] == "ConditionalCheckFailedException: The conditional request failed"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_answer_is_told_as_it_was_before(encoding: str) -> None:
    world = World()
    answer = gzip.compress(b'{"Item": {}}') if encoding == "gzip" else zlib.compress(b'{"Item": {}}')
    headers = (("content-encoding", encoding),)
    world.calls("1-a", "DynamoDB_20120810.GetItem", {"TableName": "t"}, answer=answer, headers=headers)

    (record,) = world.ring
    assert Teller(lambda _connection: NOBODY, None).tell(record)["answer"] == {"Item": {}}


def test_an_apps_error_message_is_something_that_went_wrong() -> None:
    world = World()
    world.posts("1-a", {"type": "error", "request_id": "r", "error": {"code": "BAD", "message": "no"}})

    (record,) = world.ring
    told = TELLER.tell(record)

    assert (told["status"], told["why"], told["connection"]) == ("error", "BAD: no", "c1")


@pytest.mark.parametrize(
    ("text", "level", "message"),
    [
        ('{"level": "ERROR", "message": "it broke"}', "ERROR", "it broke"),
        ("plain", "INFO", "plain"),
        ("[WARNING]\t2026-01-01T00:00:00.000Z\tid\tbeware", "WARNING", "beware"),
        ('{"_aws": {"CloudWatchMetrics": []}}', "METRIC", '{"_aws": {"CloudWatchMetrics": []}}'),
        ("2026-01-01T00:00:00.000Z id Task timed out after 3.00 seconds", "ERROR", None),
    ],
    ids=["structured", "plain", "logging", "metric", "timeout"],
)
def test_the_level_of_a_line_is_known(text: str, level: str, message: str | None) -> None:
    world = World()
    world.recorder.line("f", "r", text)

    (record,) = world.ring
    told = TELLER.tell(record)

    assert told["level"] == level
    assert message is None or told["message"] == message


def test_every_kind_has_a_line_of_text() -> None:
    world = World()
    world.opens()
    invoke = world.receives({"action": "greet", "id": "g1"})
    root = world.runs(invoke.event, init_ms=30.0, waited_ms=40.0)
    world.posts(root, {"type": "response", "request_id": "g1"})
    world.answers(invoke, raised("KeyError", "'name'"))
    world.recorder.line("router", "r", "hello")
    world.recorder.environment("router", 0, 17, "started")
    world.recorder.batch(("router", "requests"), ["1", "2"], 2, Returned(b"{}", "lambda1"), "RetryAttemptsExhausted")
    world.recorder.closed("c1", 1006, "", "network", received=1, sent=2)
    world.recorder.keep(Note(at_ns=world.now_ns, text="reloaded", fields={"files": "app.py"}))

    lines = [line(TELLER.tell(record)) or "" for record in world.ring]

    assert [text.split()[2] for text in lines] == [
        *("opening", "message", "run", "call", "log", "environment", "batch", "closed", "note"),
    ]
    assert "error KeyError: 'name'" in lines[1]
    assert "cold start 30.0 ms" in lines[2]
    assert "attempt 2" in lines[6]


def test_that_an_environment_is_frozen_again_has_no_line() -> None:
    world = World()
    world.recorder.environment("router", 0, 7, "frozen")

    (told,) = [TELLER.tell(each) for each in world.ring]

    assert line(told) is None


def test_a_message_that_still_runs_has_a_line_unless_it_comes_again_with_its_answer() -> None:
    world = World()
    world.receives({"action": "report", "id": "r1"})
    told = TELLER.tell(world.message())

    assert (line(told) or "").endswith("message      -  report  → router  running  r1  c1")
    assert line(told, follows=True) is None


def test_a_trace_is_drawn_to_scale() -> None:
    spans = [
        {"kind": "message", "name": "echo", "begin": 0.0, "end": 100.0, "depth": 0, "status": "ok", "note": ""},
        {"kind": "function", "name": "router", "begin": 50.0, "end": 100.0, "depth": 1, "status": "error", "note": ""},
    ]
    world = World()
    world.receives({"action": "echo"})
    trace = {"status": "ok", "verdict": "fine", "origin": TELLER.tell(world.message()), "spans": spans}

    drawn = list(waterfall({**trace, "faults": {}, "logs": []}, width=10))

    assert drawn[0] == "OK  fine"
    assert "██████████" in drawn[3]
    assert "      █████ " in drawn[4]
    assert drawn[4].endswith("router  FAILED")


def test_messages_of_the_console_itself_are_marked() -> None:
    world = World()
    world.recorder.is_ours = True
    world.receives("x")

    assert [record.is_ours for record in world.ring if isinstance(record, Message)] == [True]


def test_lines_hold_nothing_that_a_terminal_obeys() -> None:
    world = World()
    world.answers(world.receives({"action": "\x1b]0;mine\x07", "id": "s"}))
    told = TELLER.tell(world.message())
    span = {"begin": 0, "end": 9, "depth": 0, "kind": "work", "status": "ok", "name": told["action"], "note": "\u202e"}
    frame = {"own": True, "file": "app.py", "line": 1, "name": "f", "code": "'\x9b2J'"}
    fault = {"sentence": "ValueError: \x00", "frames": [frame]}
    log = {"at": 0, "function": "router", "level": "INFO", "message": "\x1b[2J"}
    trace = {
        "status": "ok",
        "verdict": "\x1b[31m",
        "origin": told,
        "spans": [span],
        "faults": {"r": fault},
        "logs": [log],
    }

    assert r"\x1b]0;mine\x07" in (line(told) or "")
    lines = list(waterfall(trace))
    assert all(each.isprintable() for each in lines), lines
    assert r"OK  \x1b[31m" in lines


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400"])
def test_what_other_parsers_do_not_read_is_told_as_text(number: str) -> None:
    world = World()
    text = f'{{"action": "greet", "password": "hunter2", "n": {number}}}'
    world.answers(world.receives(text))
    world.recorder.line("router", "r1", text)
    world.runs({"body": text})
    teller = Teller(lambda _connection: NOBODY, None)

    for record in world.ring:
        told = teller.tell(record)
        assert json.dumps(told, allow_nan=False)
        if record.kind in ("message", "log"):
            assert told["text"] == text.replace("hunter2", "\u2039hidden\u203a")
        if record.kind == "run":
            assert f'"n": {number}' in told["event"]["body"]


def test_the_end_of_a_queued_request_is_told_apart_from_its_line_however_short_that_is_cut() -> None:
    world = World()
    line = {
        "message": "request ended",
        "connection_id": "c1",
        "request_id": "r1",
        "status": "CANCELLED",
        "x": "y" * 500,
    }
    world.recorder.line("processor", "l1", json.dumps(line))
    world.recorder.line("processor", "l1", json.dumps({"message": "request queued", "request_id": "r1"}))

    told = [Teller(lambda _connection: NOBODY, 40).tell(record).get("ended") for record in world.ring]

    assert told == [{"connection_id": "c1", "request_id": "r1", "status": "CANCELLED"}, None]
