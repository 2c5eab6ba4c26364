"""A recording is exported, opened again in the console, and read by tail and trace without an emulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from console_world import running

from emulator.command.tail_and_trace import tail, trace
from emulator.console.settings import ConsoleSettings
from streamer.client import RequestFailedError

SECRET = "s" * 32


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """The file, the trace as the running emulator told it, and as it told it of the opened file."""
    folder = tmp_path_factory.mktemp("recordings")
    settings = ConsoleSettings(is_app=True, secret=SECRET)
    with running(folder, "inline", settings, {"JWT_SECRET": SECRET}) as asked:
        with asked.emulator.connect("ada", "acme") as client, pytest.raises(RequestFailedError):
            client.request("slow", {}, id="s1")
        live = asked.ended("traces/s1")
        file = folder / "recording.json"
        file.write_text(json.dumps(asked.get("export")))
        opened = asked.ask("api/recordings", method="POST", body=json.loads(file.read_text()))[1]["recording"]
        of_file = asked.get(f"traces/s1?recording={opened}")
        assert asked.get(f"events?recording={opened}&kind=opening")["events"][0]["user"] == "ada"
        assert asked.ask(f"api/traces/s1?recording={opened + 1}")[0] == 404
        assert asked.ask("api/recordings", method="POST", body={"streamer": "no"})[0] == 400
        return file, live, of_file


def test_an_opened_recording_tells_the_same_trace(exported: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    _file, live, of_file = exported

    assert of_file["verdict"] == live["verdict"]
    assert "KeyError: 'name' (app.py:13)" in of_file["verdict"]
    assert of_file["faults"] == live["faults"]


def test_tail_and_trace_read_it_without_an_emulator(exported: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    file = str(exported[0])

    lines = CliRunner().invoke(tail, ["--errors", "--recording", file], standalone_mode=False)
    course = CliRunner().invoke(trace, ["s1", "--recording", file], standalone_mode=False)

    assert "PROCESSING_FAILED: KeyError: 'name'" in lines.output
    assert (course.return_value, course.output.partition("  ")[0]) == (1, "ERROR")
    assert "app.py:13 in slow" in course.output


def test_a_recording_cannot_be_followed(exported: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    found = CliRunner().invoke(tail, ["--follow", "--recording", str(exported[0])], standalone_mode=False)

    assert "--recording is over: it cannot be followed" in str(found.exception)


def test_a_request_that_a_recording_has_not_is_said_to_be_missing(
    exported: tuple[Path, dict[str, Any], dict[str, Any]],
) -> None:
    found = CliRunner().invoke(tail, ["--request", "nothing", "--recording", str(exported[0])], standalone_mode=False)

    assert (found.return_value, found.stdout) == (0, "")
    assert found.stderr == "streamer: nothing of request nothing is kept\n"
