"""A recording as a document: the same after it was read, without credentials, and damaged ones are refused."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from console_records import TOKEN, World

from emulator.console.exporting.recorded import Recorded
from emulator.console.exporting.recording_file import VERSION, document, read, ring_of
from emulator.console.exporting.report import report
from emulator.console.reading.book import Book
from emulator.console.reading.telling import who_opened
from emulator.console.recording.records import Note
from emulator.console.recording.ring import PAYLOAD_BYTES
from emulator.functions.outcome import Failed, Refused
from emulator.gateway.rules.effects import Close, HttpAnswer, NotInvoked, Raised, Replied, Send, TimedOut, Warn
from emulator.port.http import HttpRequest
from streamer.errors import ConfigurationError


def full() -> World:
    """A world with records of all kinds."""
    world = World()
    world.opens()
    for result in (Replied(b"{}"), Raised(b'{"errorType": "E"}'), NotInvoked("no"), TimedOut()):
        invoke = world.receives({"action": "greet", "id": "g1", "payload": {"password": "hunter2", "name": "ada"}})
        world.passes(5)
        world.recorder.answered(invoke, result, [Send('{"a": 1}'), Warn("careful", {"n": 1})])
    world.refuses("{", Send('{"message": "Forbidden"}'), Close(1009, "too big"))
    root = world.runs({"requestContext": {"connectionId": "c1", "requestId": "gw1"}}, init_ms=12.5)
    world.runs({}, error={"errorType": "KeyError", "errorMessage": "'name'"})
    world.posts(root, {"type": "error", "request_id": "g1", "error": {"code": "X"}})
    world.calls(root, "DynamoDB_20120810.PutItem", b"\xff\xfe", status=400)
    world.recorder.line("router", "r1", f"saw {TOKEN}")
    world.recorder.environment("router", 0, 7, "started")
    world.recorder.batch(("processor", "requests"), ["1", "2"], 1, Failed(b"{}", "r", "E"), "RetryAttemptsExhausted")
    world.recorder.batch(("processor", "requests"), ["3"], 1, Refused(429, "T", "slow"), "")
    refused = HttpRequest("GET", "/dev", (), b"", "127.0.0.1", {})
    world.recorder.opening(refused, "c2", HttpAnswer(401, (), b"{}"), began_ns=world.now_ns)
    world.recorder.closed("c1", 1000, "", "client", received=1, sent=1)
    return world


def told(book: Book) -> list[dict[str, Any]]:
    found = [book.teller().tell(record) for record in book.ring]
    for each in found:
        each.pop("sequence")  # its place in that run
    return found


def through_a_file(world: World) -> Book:
    text = json.dumps(document(world.ring, boot="b", at_ms=1.0))
    return Book.of(read(text.encode()))


def test_what_is_read_again_tells_the_same() -> None:
    world = full()
    openings = {"c1": next(iter(world.ring))}

    again = through_a_file(world)
    before = Book(world.ring, lambda connection: who_opened(openings[connection]))  # type: ignore[arg-type]

    assert {record.kind for record in again.ring} == {record.kind for record in world.ring}
    for one, other in zip(told(before), told(again), strict=True):
        masked = {"text": "", "bytes": 0}  # as it was, with its credentials
        assert {**one, **masked} == {**other, **masked}


def test_of_a_file_the_last_records_are_told_and_none_was_missed(tmp_path: Path) -> None:
    file = tmp_path / "recording.json"
    file.write_text(json.dumps(document(full().ring, boot="b", at_ms=1.0)))
    missed: list[int] = []
    every = list(Recorded(file).events(follow=False, limit=1000, missed=missed.append))

    assert list(Recorded(file).events(follow=False, limit=2, missed=missed.append)) == every[-2:]
    assert (len(every) > 2, missed) == (True, [])


def test_its_traces_are_the_same() -> None:
    world = full()

    before, after = Book(world.ring, Book.of(world.ring).who).trace("g1"), through_a_file(world).trace("g1")

    assert (after["verdict"], after["spans"]) == (before["verdict"], before["spans"])


def test_nobodys_credentials_are_in_it_but_whose_they_were_is() -> None:
    world = full()

    text = json.dumps(document(world.ring, boot="b", at_ms=1.0))

    assert "eyJ" not in text
    assert "hunter2" not in text
    assert next(each for each in told(through_a_file(world)) if each["kind"] == "opening")["user"] == "ada"


@pytest.mark.parametrize("payload_bytes", [100, PAYLOAD_BYTES], ids=["whole", "cut within a character"])
def test_credentials_in_the_body_of_an_event_are_not_in_it(payload_bytes: int) -> None:
    world = World()
    body = json.dumps({"password": "hunter2"})
    world.runs({"body": body, "headers": {"Cookie": "hunter2"}, "a": "\u20ac" * payload_bytes})

    text = json.dumps(document(world.ring, boot="b", at_ms=1.0))

    kept = [base64.b64decode(each).decode("utf-8", "replace") for each in re.findall(r'"([\w+/]{1000,}={0,2})"', text)]
    assert "hunter2" not in "".join([text, *kept])
    assert list(ring_of(json.loads(text)))


def test_what_is_of_no_kind_is_told_without_credentials() -> None:
    world = World()
    fields = {"error": ValueError(f"saw {TOKEN}"), "password": 1234, "path": Path("/a"), "n": 1}
    world.ring.add(Note(at_ns=1, text="it failed", fields=fields))

    (told,) = document(world.ring, boot="b", at_ms=1.0)["records"]

    assert told["fields"] == {
        "error": "saw \u2039token of ada\u203a",
        "password": "\u2039hidden\u203a",
        "path": "/a",
        "n": 1,
    }


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ([], "no recording"),
        ({"streamer": "other"}, "no recording"),
        ({"streamer": "recording", "version": 1}, "of version 1"),
        ({"streamer": "recording", "version": VERSION}, "damaged"),
        ({"streamer": "recording", "version": VERSION, "records": [1]}, "damaged"),
        ({"streamer": "recording", "version": VERSION, "records": [{"$type": "Popen", "number": 1}]}, "damaged"),
        ({"streamer": "recording", "version": VERSION, "records": [{"$type": "Send", "text": "x"}]}, "damaged"),
        ({"streamer": "recording", "version": VERSION, "records": [{"$type": "Log", "number": 1}]}, "damaged"),
        (
            {
                "streamer": "recording",
                "version": VERSION,
                "records": [{"$type": "Log", "number": 1, "at_ns": 1, "function": 1, "request_id": 1, "text": 1}],
            },
            "damaged",
        ),
    ],
    ids=["list", "other file", "old", "no records", "number", "foreign type", "no record", "incomplete", "wrong types"],
)
def test_what_is_no_recording_is_refused(content: Any, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        ring_of(content)


RUN = {
    "$type": "Run",
    "number": 1,
    "at_ns": 1,
    "function": "f",
    "payload": {"$bytes": "{}"},
    "payload_bytes": 2,
    "outcome": {"$type": "Returned", "payload": {"$bytes": "null"}, "request_id": "r"},
    "environment": 1,
    "trace": "",
    "waited_ms": 0.0,
    "duration_ms": 1,
    "init_ms": None,
    "memory_mb": 9,
    "is_ours": True,
}
NOTE = {"$type": "Note", "number": 1, "at_ns": 1, "text": "t", "level": "info", "fields": {"a": [1, {"b": None}]}}


@pytest.mark.parametrize(
    ("record", "damage"),
    [
        (RUN, {"function": None}),
        (RUN, {"duration_ms": 1e300}),
        (RUN, {"duration_ms": float("nan")}),
        (RUN, {"memory_mb": "9"}),
        (RUN, {"is_ours": 1}),
        (RUN, {"payload": "{}"}),
        (RUN, {"outcome": {"$type": "Send", "text": "x"}}),
        (RUN, {"outcome": {"$type": "Returned", "payload": {"$bytes": 1}, "request_id": "r"}}),
        (NOTE, {"fields": {"a": {"$bytes": "x"}}}),
        (NOTE, {"fields": [["a", 1]]}),
    ],
)
def test_a_record_has_fields_of_its_kind_alone(record: dict[str, Any], damage: dict[str, Any]) -> None:
    whole = {"streamer": "recording", "version": VERSION, "records": [record]}
    assert len(ring_of(whole)) == 1
    with pytest.raises(ConfigurationError, match="the recording is damaged"):
        ring_of({**whole, "records": [{**record, **damage}]})


def test_text_that_is_no_json_is_no_recording() -> None:
    with pytest.raises(ConfigurationError, match="no recording"):
        read(b"{")


def test_the_file_of_a_failed_test_is_its_users_own_and_holds_also_half_a_surrogate_pair(tmp_path: Path) -> None:
    world = full()
    world.recorder.batch(("processor", "requests"), ["4"], 1, Failed(b"{}", "r", "\ud83d"), "")

    said = report(document(world.ring, boot="b", at_ms=1.0), tmp_path / "recordings", "tests/test_a.py::test_b[1]")

    file = tmp_path / "recordings" / "tests-test-a.py-test-b-1.json"
    assert said.endswith(f"streamer tail --recording {file}")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [record.kind for record in read(file.read_bytes())] == [record.kind for record in world.ring]
