"""Every kind of record comes from a real run, and every route says in one line what it does not understand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_world import Asked, running
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from emulator.console.recording.records import KINDS
from emulator.console.settings import ConsoleSettings

SECRET = "s" * 32
SETTINGS = ConsoleSettings(target="app:app", is_app=True, secret=SECRET)


@pytest.fixture(params=["inline", "process"])
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asked]:
    with running(tmp_path, request.param, SETTINGS, {"JWT_SECRET": SECRET}) as found:
        yield found


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with running(tmp_path_factory.mktemp("quiet"), "process", SETTINGS, {"JWT_SECRET": SECRET}) as found:
        yield found


def test_every_kind_of_record_comes_from_a_real_run(asked: Asked) -> None:
    with asked.emulator.connect("ada", "acme") as client:
        client.request("greet", {"name": "ada"})
        client.request("slow", {"name": "ada"})
    with connect(asked.emulator.url("ada", "acme"), compression=None, proxy=None) as socket:
        socket.send("x" * 41_210)
        with pytest.raises(ConnectionClosedError, match="1009"):
            socket.recv(timeout=30)
    # Threads are no execution environments.
    wanted = set(KINDS) - ({"environment"} if asked.get("info")["isolation"] == "inline" else set())

    seen: set[str] = set()
    after = 0
    while not wanted <= seen:
        page = asked.get(f"events?after={after}&wait=20")
        assert page["events"], f"none of kind {wanted - seen}"
        after = page["next"]
        seen |= {each["kind"] for each in page["events"]}

    assert seen == wanted
    (note,) = asked.events(kind="note")
    assert "a frame of 41,210 bytes: 32,768 at most" in note["text"]


GETS = (
    "info", "events", "events/1", "traces/x", "connections", "export", "describe", "metrics", "mappings",
    "streams/streamer_requests", "queues", "queues/dead-letters", "functions", "functions/router", "requests",
    "requests/r1",
)  # fmt: skip
POSTS = (
    "recordings", "clear", "connections/c1/receive", "connections/c1/send", "connections/c1/close", "tokens",
    "replays", "dynamodb/Scan", "queues/dead-letters/purge", "queues/dead-letters/redrive", "queues/dead-letters/retry",
    "queues/dead-letters/drop", "functions/router/invoke", "functions/router/retire", "requests/r1/retry",
    "requests/r1/cancel",
)  # fmt: skip
BODY_IS_OPTIONAL = ("clear", "purge", "redrive", "retire")


@pytest.mark.parametrize("path", GETS)
def test_what_is_only_read_takes_no_post(quiet: Asked, path: str) -> None:
    status, content, _headers = quiet.ask(f"api/{path}", method="POST", body={})

    assert (status, list(content)) == (405, ["message"])


@pytest.mark.parametrize("path", POSTS)
def test_what_changes_something_is_no_get(quiet: Asked, path: str) -> None:
    status, content, _headers = quiet.ask(f"api/{path}")

    # An id of a request may hold anything, also a slash: there is none of that name.
    assert (status, list(content)) == (404 if path.startswith("requests/") else 405, ["message"])


@pytest.mark.parametrize("path", [each for each in POSTS if not each.endswith(BODY_IS_OPTIONAL)])
@pytest.mark.parametrize("body", [[1], "text", {"text": 1, "id": 1, "event": "x", "type": 1}], ids=str)
def test_a_body_of_another_form_is_refused(quiet: Asked, path: str, body: Any) -> None:
    status, content, _headers = quiet.ask(f"api/{path}", method="POST", body=body)

    assert 400 <= status < 500, content
    assert list(content) == ["message"]
    assert "\n" not in content["message"]
