"""The console of a running emulator: what its HTTP interface tells, and whom it refuses."""

from __future__ import annotations

import dataclasses
import http.client
import json
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from console_world import Asked, running

from emulator.console.settings import ConsoleSettings
from emulator.console.token import console_token
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.client import RequestFailedError
from streamer.errors import ConfigurationError
from streamer.topology import Api, Function, Route, Topology
from streamer.topology.http_apis import HttpApi
from streamer.topology.http_kinds import HttpKind


@pytest.fixture(params=["inline", "process"])
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asked]:
    with running(tmp_path, request.param, ConsoleSettings(target="app:app"), {}) as found:
        yield found


def until(asked: Asked, path: str, wanted: str) -> Any:
    """What is told once a record of that kind has come."""
    after = 0
    while True:
        page = asked.get(f"events?kind={wanted}&after={after}&wait=20")
        if page["events"]:
            return asked.ended(path)
        after = page["next"]


def test_a_quick_message_is_recorded_from_the_frame_to_the_line_of_its_function(asked: Asked) -> None:
    with asked.emulator.connect("ada", "acme") as client:
        client.request("greet", {"name": "ada"}, id="g1")

    trace = until(asked, "traces/g1", "closed")
    kinds = [span["kind"] for span in trace["spans"]]

    assert (trace["status"], trace["origin"]["user"], trace["origin"]["action"]) == ("ok", "ada", "greet")
    assert [kind for kind in kinds if kind in ("message", "function", "frame")] == ["message", "function", "frame"]
    assert "greeting" in [line["message"] for line in trace["logs"]]
    assert trace["runs"][0]["event"]["requestContext"]["connectionId"] == trace["origin"]["connection"]


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_calls_are_told_with_their_function_also_where_functions_may_do_everything(
    isolation: Literal["inline", "process"], tmp_path: Path
) -> None:
    with running(tmp_path, isolation, ConsoleSettings(target="app:app"), {}, iam="off") as asked:
        with asked.emulator.connect("ada", "acme") as client:
            client.request("greet", {"name": "ada"}, id="g1")
        until(asked, "traces/g1", "closed")
        calls = {(call["function"], call["service"]) for call in asked.events(kind="call")}

    assert {("connect", "dynamodb"), ("router", "@connections")} <= calls
    assert {function for function, _ in calls} <= {"connect", "router", "disconnect"}


def test_a_queued_request_that_fails_is_one_trace_with_the_line_of_own_code(asked: Asked) -> None:
    with asked.emulator.connect("ada", "acme") as client, pytest.raises(RequestFailedError):
        client.request("slow", {}, id="s1")

    trace = until(asked, "traces/s1", "closed")

    assert trace["status"] == "error"
    assert "KeyError: 'name' (app.py:13)" in trace["verdict"]
    assert [run["source"] for run in trace["runs"]][:2] == ["gateway", "stream"]
    assert {"dynamodb", "frame"} <= {span["kind"] for span in trace["spans"]}


def test_the_life_of_a_connection_is_recorded_without_its_token(asked: Asked) -> None:
    with asked.emulator.connect("ada", "acme"):
        (found,) = asked.get("connections")["open"]
        number = next(event["number"] for event in asked.events(kind="opening"))
        whole = asked.get(f"events/{number}")
    closed = until(asked, "connections", "closed")

    assert (found["user"], found["tenant"], found["http_status"]) == ("ada", "acme", 101)
    assert (
        whole["query"] == {"Authorization": "\u2039token of ada\u203a"}
        or whole["headers"]["Authorization"] == "\u2039token of ada\u203a"
    )
    assert closed["open"] == []
    assert (closed["closed"][0]["by"], closed["closed"][0]["user"]) == ("client", "ada")
    assert "eyJ" not in json.dumps(asked.get("export"))


def test_filters_choose_what_is_told(asked: Asked) -> None:
    with asked.emulator.connect("ada", "acme") as ada, asked.emulator.connect("bob", "acme") as bob:
        ada.request("greet", {"name": "a"}, id="a1")
        with pytest.raises(RequestFailedError):
            bob.request("greet", {}, id="b1")
    until(asked, "info", "closed")

    assert {event["user"] for event in asked.events(kind="message", user="bob")} == {"bob"}
    assert [event["request"] for event in asked.events(errors=1, kind="call")] == ["b1"]
    assert {event["kind"] for event in asked.events(kind="opening,closed")} == {"opening", "closed"}
    assert all(event["number"] for event in asked.events(trace="a1"))
    assert not {"b1"} & {event.get("request") for event in asked.events(trace="a1")}


def test_the_service_is_described(asked: Asked) -> None:
    info = asked.get("info")

    assert (info["api"], info["target"], info["stage"]) == (1, "app:app", "dev")
    assert {"router", "connect"} <= {each["name"] for each in info["topology"]["functions"]}
    assert any(table["ttl"] for table in info["topology"]["tables"])
    assert info["versions"]["Python"] == platform.python_version()
    assert {"boto3", "websockets"} <= info["versions"].keys()
    assert "JWT_SECRET" not in json.dumps(info)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("api/nothing", 404),
        ("api/events/999999", 404),
        ("api/events/x", 404),
        ("api/traces/nothing", 404),
        ("api/events?after=x", 400),
        ("api/events?wait=-1", 400),
        ("api/events?kind=nonsense", 400),
        ("nothing.js", 404),
        ("../emulator.json", 404),
        ("%2e%2e/settings.py", 404),
    ],
)
@pytest.mark.parametrize("asked", ["inline"], indirect=True)
def test_what_there_is_not_is_said_in_one_line(asked: Asked, path: str, status: int) -> None:
    found, content, _headers = asked.ask(path)

    assert (found, list(content)) == (status, ["message"])


@pytest.mark.parametrize("asked", ["inline"], indirect=True)
def test_every_answer_carries_the_security_headers_and_none_that_lets_others_in(asked: Asked) -> None:
    for path in ("api/info", "api/nothing", "nothing.js"):
        _status, _content, headers = asked.ask(path)

        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"host": "evil.example"}, 403), ({"origin": "http://evil.example"}, 403), ({"authorization": "Bearer x"}, 401)],
    ids=["rebound name", "other origin", "wrong token"],
)
@pytest.mark.parametrize("asked", ["inline"], indirect=True)
def test_strangers_change_nothing(asked: Asked, headers: dict[str, str], status: int) -> None:
    with asked.emulator.connect("ada", "acme"):
        found, _content, _headers = asked.ask("api/clear", method="POST", body={}, **headers)

        assert found == status
        assert asked.events(kind="opening")


@pytest.mark.parametrize("asked", ["inline"], indirect=True)
def test_the_recording_can_be_cleared(asked: Asked) -> None:
    with asked.emulator.connect("ada", "acme"):
        before = asked.get("events")
        status, _content, _headers = asked.ask("api/clear", method="POST", body={})
        after = asked.get("events")

        assert status == 200
        assert (before["gone"], after["events"], after["gone"] >= before["next"]) == (0, [], True)
        assert [each["user"] for each in asked.get("connections")["open"]] == ["ada"]


@pytest.mark.parametrize("asked", ["inline"], indirect=True)
def test_no_websocket_opens_below_the_consoles_path(asked: Asked) -> None:
    key = {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec_websocket_key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "sec_websocket_version": "13",
    }

    status, _content, _headers = asked.ask("api/events", **key)

    assert status == 403


def test_without_a_console_its_path_is_any_other(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text("def handle(event, context):\n    return {'statusCode': 200}\n")
    topology = plain("dev")

    with EmulatorThread(
        topology, EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path, isolation="inline")
    ) as one:
        connection = http.client.HTTPConnection(one.dynamodb_url.removeprefix("http://"), timeout=60)
        connection.request("GET", "/_streamer/api/info")

        assert connection.getresponse().status == 403
        connection.close()
    assert not (tmp_path / "console-token").exists()


def test_addresses_of_http_apis_are_told(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text("def handle(event, context):\n    return {'statusCode': 200}\n")
    web = HttpApi(name="Web", kind=HttpKind.REST, api_id="a1b2c3d4e5", routes=(), stage="v1")
    topology = dataclasses.replace(plain("dev"), http_apis=(web,))
    config = EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path, isolation="inline", console=True)

    with EmulatorThread(topology, config) as one:
        assert Asked(one, tmp_path).get("info")["http_urls"] == [["REST API", f"{one.dynamodb_url}/v1"]]


def test_a_stage_of_the_consoles_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="_streamer"):
        EmulatorThread(plain("_streamer"), EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path))


def plain(stage: str) -> Topology:
    function = Function(name="handle", handler="handlers.handle")
    api = Api(name="plain", stage=stage, routes=(Route(route_key="$default", function="handle"),))
    return Topology(api=api, functions=(function,), tables=())


def test_the_token_is_the_owners_alone_and_stays_the_same(tmp_path: Path) -> None:
    first = console_token(tmp_path)

    assert console_token(tmp_path) == first
    assert len(first) == 43
    assert (tmp_path / "console-token").stat().st_mode & 0o777 == 0o600
