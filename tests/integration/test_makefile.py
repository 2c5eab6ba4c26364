"""What the Makefile's targets for AWS run, without running it; and what its tests do with what fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


MAKES_OWN = ("MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS")
"""With these, a ``make`` knows that another one started it, as ``make test`` does, and says more than it would."""


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """What ``make`` does for somebody at a terminal, with variables of the shell."""
    environment = {name: value for name, value in os.environ.items() if name not in MAKES_OWN} | more
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def make(*arguments: str) -> str:
    """What ``make`` prints for somebody at a terminal."""
    done = run(*arguments)
    done.check_returncode()
    return done.stdout


def plan(*arguments: str) -> str:
    """The last command that ``make`` would run."""
    return make("-n", *arguments).splitlines()[-1]


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("build", "build"),
        ("deploy", "deploy"),
        ("deploy-guided", "deploy --guided"),
        ("logs-connect", "logs connect"),
        ("logs-disconnect", "logs disconnect"),
        ("logs-router", "logs router"),
        ("logs-processor", "logs processor"),
    ],
)
def test_a_target_runs_the_command_in_the_services_folder(target: str, command: str) -> None:
    line = plan(target, "PROJECT=shop", "ARGS=--stage prod")

    assert line.startswith("cd shop && ")
    assert line.endswith(f"/bin/streamer {command} --stage prod")


def test_without_a_folder_it_is_the_example() -> None:
    assert plan("deploy").startswith("cd examples/reports && ")


@pytest.mark.parametrize("target", ["test", "test-deploy"])
def test_tests_that_fail_and_nothing_else_are_tried_again_where_that_is_asked_for(target: str) -> None:
    again = "|| { [ $? -eq 1 ] && "

    assert plan(target, "AGAIN=1").partition(again)[2].count("--last-failed ") == 1
    assert again not in plan(target, "AGAIN=")  # which `make test` of CI has set for us, too


def test_help_lists_every_target_once() -> None:
    told = make("help")

    for target in ("build", "deploy", "deploy-guided", "logs-connect", "logs-processor", "wheel-test"):
        assert sum(target in line.split("  ")[0].replace(":", "").split() for line in told.splitlines()) == 1, target


ONCE = """
import pathlib
SEEN = pathlib.Path(__file__).with_name("seen")
def test_once():
    was_seen = SEEN.exists()
    SEEN.touch()
    assert was_seen
"""


@pytest.mark.parametrize(
    ("tests", "passes"),
    [
        pytest.param(ONCE, True, id="fails once"),
        pytest.param(f"{ONCE}def test_never(): assert False", False, id="fails again"),
        pytest.param("wrong", False, id="cannot be collected"),
    ],
)
def test_what_fails_is_tried_once_more_and_nothing_else_is(tmp_path: Path, tests: str, passes: bool) -> None:
    (tmp_path / "test_it.py").write_text(tests)
    venv = Path(sys.prefix)

    done = run(
        *("-o", f"{venv}/dev-ready", f"VENV={venv}", f"FAILED={tmp_path / 'failed'}", "test", "AGAIN=1"),
        *(f"TESTS={tmp_path}", "ARGS=-n 0 -q"),
        PYTEST_ADDOPTS=f"-c {ROOT / 'pyproject.toml'} --rootdir {tmp_path} -p no:randomly -p no:hypothesispytest",
    )

    assert (done.returncode == 0) is passes, done.stdout + done.stderr
