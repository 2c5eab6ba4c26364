"""The console's page of functions: numbers, another run, and a cold start on demand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from console_world import Asked, running

from emulator.console.settings import ConsoleSettings

SECRET = "s" * 32


@pytest.fixture(scope="module", params=["inline", "process"])
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    settings = ConsoleSettings(target="app:app", is_app=True, secret=SECRET)
    folder = tmp_path_factory.mktemp("functions")
    with running(folder, request.param, settings, {"JWT_SECRET": SECRET}) as found:
        with found.emulator.connect("ada", "acme") as client:
            client.request("greet", {"name": "ada"}, id="g1")
        yield found


def test_functions_are_listed_with_their_numbers(asked: Asked) -> None:
    assert asked.events(kind="run", function="router", wait=20)  # its client has the answer before it has returned
    found = {each["name"]: each for each in asked.get("functions")["functions"]}

    assert set(found) == {"connect", "disconnect", "router", "processor"}
    assert found["router"]["runs"] >= 1
    assert (found["router"]["code"], found["router"]["routes"]) == ("app.py", ["$default"])
    assert found["processor"]["schedules"]


def test_variables_are_told_by_name_alone(asked: Asked) -> None:
    one = asked.get("functions/connect")

    assert {"name": "JWT_SECRET", "is_secret": True} in one["environment"]
    assert SECRET not in json.dumps(one)


# The next two run a function that nothing else runs meanwhile: the processor has a schedule and a stream.


def test_one_is_run_with_an_event(asked: Asked) -> None:
    before = asked.get("functions/connect")["runs"]

    status, answer = asked.post("functions/connect/invoke", event={"Records": []})

    told = asked.get(f"events/{answer['number']}")
    assert (status, told["kind"], told["function"], told["event"]) == (200, "run", "connect", {"Records": []})
    assert asked.get("functions/connect")["runs"] == before + 1


def test_the_next_one_is_cold_on_demand(asked: Asked) -> None:
    asked.post("functions/connect/invoke", event={"Records": []})
    status, _answer = asked.post("functions/connect/retire")

    _status, answer = asked.post("functions/connect/invoke", event={"Records": []})

    assert status == 200
    if asked.get("info")["isolation"] == "process":
        assert asked.get(f"events/{answer['number']}")["init_ms"] is not None


def changes(asked: Asked, function: str, until: str, *, after: int = 0) -> list[dict[str, Any]]:
    """What became of a function's environments, until one of them is so."""
    found: list[dict[str, Any]] = []
    while not any(each["change"] == until for each in found):
        page = asked.get(f"events?kind=environment&function={function}&wait=20&after={after}")
        assert page["events"], f"none is {until}: {found}"
        after, found = page["next"], found + page["events"]
    return found


def test_an_environment_is_frozen_between_events(asked: Asked) -> None:
    asked.post("functions/disconnect/invoke", event={})
    if asked.get("info")["isolation"] == "inline":
        assert asked.get("functions/disconnect")["states"].keys() <= {
            "running"
        }  # threads are taken when an event comes
        return
    after = 0
    while "frozen" not in (one := asked.get("functions/disconnect"))["states"]:
        after = asked.get(f"events?after={after}&wait=1")["next"]

    lane = next(each for each in one["lanes"] if each["state"] == "frozen")
    assert lane["ended"] is None
    assert lane["frozen"]
    assert lane["seconds"] > 0


def test_it_is_said_why_an_environment_has_ended(asked: Asked) -> None:
    if asked.get("info")["isolation"] == "inline":
        return
    asked.post("functions/connect/invoke", event={})
    asked.post("functions/connect/retire")

    ended = changes(asked, "connect", "retired")[-1]

    assert ended["why"] == "a cold start is wanted"
    assert "ended" in {each["state"] for each in asked.get("functions/connect")["lanes"]}


def test_there_are_no_others(asked: Asked) -> None:
    assert asked.ask("api/functions/nothing")[0] == 404
    assert asked.post("functions/nothing/invoke", event={})[0] == 404
    assert asked.post("functions/nothing/retire")[0] == 404
