"""``streamer tail`` and ``streamer trace`` as a user runs them, beside a running emulator."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from console_story import MENDED, PLACE, PROJECT, WRONG
from running_command import Emulate
from running_command import streamer as run

pytestmark = pytest.mark.e2e


def streamer(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "streamer", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def traced(folder: Path, request_id: str) -> tuple[int, str]:
    """What `trace` says once nothing runs any more: a client has its answer before the function has returned."""
    while (done := streamer(folder, "trace", request_id))[1].startswith("RUNNING"):
        pass
    return done[:2]


def test_what_became_of_a_message_is_told_from_its_id(demo: Emulate) -> None:
    streamer(demo.folder, "call", "report", '{"steps": 2, "seconds": 0}', "--id", "console-1")

    status, out = traced(demo.folder, "console-1")

    assert status == 0
    assert out.startswith("OK  complete after ")
    assert "PutItem  streamer_requests" in out
    assert "frame complete" in out


def test_an_error_is_found_and_its_reason_told(demo: Emulate) -> None:
    streamer(demo.folder, "call", "fail", "--id", "console-2")

    status, out = traced(demo.folder, "console-2")
    _, lines, _ = streamer(demo.folder, "tail", "--errors", "--request", "console-2", "--json")

    assert {json.loads(line)["kind"] for line in lines.splitlines()} == {"log", "call"}
    assert status == 1
    assert "RuntimeError: this action always fails (request console-2) (demo.py:" in out


def test_an_id_that_nobody_knows_is_one_line(demo: Emulate) -> None:
    status, out, err = streamer(demo.folder, "trace", "nothing")

    assert (status, out) == (2, "")
    assert err == "streamer: nothing that is kept has the id nothing\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--request", "nothing"], "nothing of request nothing is kept", id="a request"),
        pytest.param(["--user", "u", "--errors", "--json"], "nothing that is kept of user u went wrong", id="errors"),
    ],
)
def test_that_there_is_no_line_is_told(demo: Emulate, options: list[str], said: str) -> None:
    assert streamer(demo.folder, "tail", *options) == (0, "", f"streamer: {said}\n")


@pytest.mark.parametrize("command", [["tail"], ["trace", "x"]], ids=lambda command: command[0])
def test_without_an_emulator_the_command_says_what_to_do(tmp_path: Path, command: list[str]) -> None:
    status, _out, err = streamer(tmp_path, *command)

    assert (status, err.count("\n")) == (2, 1)
    assert "start `streamer emulate`" in err


def test_a_request_that_failed_is_found_mended_and_sent_again_by_commands(tmp_path: Path) -> None:
    code = tmp_path / "app.py"
    code.write_text(PROJECT)

    def said(*arguments: str) -> tuple[int, list[str]]:
        done = run(*arguments, folder=tmp_path)
        # With -s, the whole story is printed.
        sys.stdout.write(f"$ streamer {' '.join(arguments)}\n{done.stdout}")
        return done.returncode, done.stdout.splitlines()

    def course_of(request_id: str) -> tuple[int, list[str]]:
        """As `traced`."""
        while (done := said("trace", request_id))[1][0].startswith("RUNNING"):
            pass
        return done

    with Emulate(folder=tmp_path) as emulate:
        assert said("call", "report", "{}", "--id", "r1")[0] == 1

        _, errors = said("tail", "--errors")
        status, course = course_of("r1")

        (logged,) = [each for each in errors if "  log  " in each]
        (told,) = [each for each in errors if "@connections" in each]
        assert "processor  ERROR" in logged
        assert PLACE in logged
        assert "PROCESSING_FAILED: KeyError: 'rows'" in told
        assert told.endswith("r1")
        assert (status, course[0].partition("  ")[0]) == (1, "ERROR")
        assert PLACE in course[0]
        assert sum("processor  invoke" in each for each in course) == 2  # both attempts
        assert [each for each in course if "frame retrying" in each]
        assert '      return request.payload["rows"] * 2' in course

        code.write_text(PROJECT.replace(WRONG, MENDED))
        emulate.log.wait_for("reloaded")
        assert said("call", "report", "{}", "--id", "r2") == (0, ["42"])

        status, course = course_of("r2")
        assert (status, course[0].startswith("OK  complete in attempt 2")) == (0, True)
        assert not [each for each in said("tail", "--errors", "--request", "r2")[1] if each]
